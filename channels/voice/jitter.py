"""Legs with a jitter buffer: their voice waits here, as arrays, and goes on at the 20 ms tick.

`pbx.codecs.jitter` and `jitter_fixed` decide when; this keeps the payloads, by number.  Marks (digits, controls,
text) wait with the voice and are told when their place in the sound has come.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pbx.channels.voice.core import Core
from pbx.channels.voice.counters import DELAY, DROPPED, JITTER, LATE, MINIMUM, RX_STEP, TARGET
from pbx.channels.voice.inbound import Deliver
from pbx.channels.voice.legs import Ints, SourceState
from pbx.channels.voice.port import Buffering, BufferKind
from pbx.codecs.jitter import JitterBuffer
from pbx.codecs.jitter_fixed import FixedBuffer
from pbx.codecs.jitter_queue import Answer, Buffer, Limits

#: a payload longer than this (no voice is) does not fit
_LARGEST = 2048
#: what one row may say in one tick: a buffer that has to shrink drops some
_TURNS = 16
_STATISTICS_MS = 1000

#: rows whose sound has a gap of 20 ms, the times of those gaps, ms of the clock
Conceal = Callable[[Ints, Ints, int], None]


class Jitter:
    """All buffered legs.  play hears their voice when it is due; conceal: where none came; grown: rows whose buffer
    makes 20 ms of room without anything being lost.
    """

    def __init__(self, core: Core, play: Deliver, conceal: Conceal, grown: Callable[[Ints], None]) -> None:
        self._core = core
        self._play, self._conceal, self._grown = play, conceal, grown
        self._buffers: dict[BufferKind, Buffer] = {
            BufferKind.ADAPTIVE: JitterBuffer(),
            BufferKind.FIXED: FixedBuffer(),
        }
        self._settings: dict[int, Buffering] = {}
        self._rows: dict[BufferKind, set[int]] = {kind: set() for kind in self._buffers}
        self._kind = np.zeros(core.legs.capacity, np.int8)
        #: time of what was played last, by row
        self._last = np.zeros(core.legs.capacity, np.int64)
        self._free: list[int] = []
        self._data = np.zeros((0, _LARGEST), np.uint8)
        self._ts = np.zeros(0, np.int64)
        self._size = np.zeros(0, np.int64)
        #: control's number of a mark, -1: it is voice
        self._mark = np.zeros(0, np.int64)
        self._counted = 0
        self.tests = Tests()

    @property
    def active(self) -> bool:
        return bool(self._settings)

    def __contains__(self, row: int) -> bool:
        return row in self._settings

    def set(self, row: int, settings: Buffering) -> None:
        """How the leg's voice is buffered from here on.  What waits under other settings is let go."""
        if self._settings.get(row, _NONE) == settings:
            return
        self.remove(row)
        buffer = self._buffers.get(settings.kind)
        if buffer is None:
            return
        self._settings[row] = settings
        self._rows[settings.kind].add(row)
        self._kind[row] = int(settings.kind)
        limits = Limits(settings.maximum, settings.resync, settings.interpolations, settings.extra)
        buffer.add_row(row, limits)
        self._core.legs.set_source(row, SourceState.JITTER, True)

    def remove(self, row: int) -> None:
        """No buffer any more; voice that waited is gone, marks are told."""
        settings = self._settings.pop(row, None)
        if settings is None:
            return
        self._rows[settings.kind].discard(row)
        self._kind[row] = 0
        self._core.legs.set_source(row, SourceState.JITTER, False)
        waiting = self._buffers[settings.kind].remove_row(row)
        for mark in self._mark[waiting].tolist():
            if mark >= 0:
                self._tell(row, mark)
        self._free.extend(waiting)
        self._core.table.rare[row, [DELAY, TARGET, MINIMUM, JITTER]] = 0

    def restart(self, row: int) -> None:
        """The sender's clock starts over."""
        settings = self._settings.get(row)
        if settings is not None:
            self.remove(row)
            self.set(row, settings)

    # ---- in ----------------------------------------------------------------------------------------------------

    def put(self, row: Ints, record: Ints, ts: Ints, offset: Ints, size: Ints, now: int) -> None:
        """Voice that came; each row once."""
        fits = size <= _LARGEST
        if not fits.all():
            row, record, ts, offset, size = row[fits], record[fits], ts[fits], offset[fits], size[fits]
        handle = self._take(len(row))
        for one in np.unique(size).tolist():
            mine = np.nonzero(size == one)[0]
            self._data[handle[mine], :one] = self._core.gather(offset[mine], one)
        self._ts[handle], self._size[handle], self._mark[handle] = ts, size, -1
        arrival = self.tests.arrivals(len(row), now) if self.tests.on else np.full(len(row), now, np.int64)
        kinds = self._kind[row]
        for kind, buffer in self._buffers.items():
            mine = np.nonzero(kinds == int(kind))[0]
            if len(mine):
                kept = buffer.put(
                    row[mine].astype(np.intp), ts[mine], arrival[mine], record[mine, RX_STEP], handle[mine]
                )
                self._free.extend(handle[mine][~kept].tolist())

    def mark(self, row: int, ts: int, number: int, now: int) -> None:
        """A signal of the sender's at that time; `mark_due` is told when the sound has come there."""
        buffer = self._buffers.get(BufferKind(int(self._kind[row])))
        if buffer is None:
            self._tell(row, number)
            return
        handle = self._take(1)
        self._ts[handle], self._size[handle], self._mark[handle] = ts, 0, number
        one, when, arrival, none = (np.array([v], np.int64) for v in (row, ts, now, 0))
        if not buffer.put(one.astype(np.intp), when, arrival, none, handle, False)[0]:
            self._free.extend(handle.tolist())
            self._tell(row, number)

    def _tell(self, row: int, number: int) -> None:
        self._core.events.mark_due(row, int(self._core.legs.generation[row]), number)

    def _take(self, count: int) -> Ints:
        """Numbers for so many payloads."""
        while len(self._free) < count:
            old = len(self._ts)
            new = max(64, 2 * old)
            self._free.extend(range(old, new))
            for name in ("_data", "_ts", "_size", "_mark"):
                column = getattr(self, name)
                larger = np.zeros((new, *column.shape[1:]), column.dtype)
                larger[:old] = column
                setattr(self, name, larger)
        taken = self._free[-count:] if count else []
        del self._free[len(self._free) - count :]
        return np.array(taken, np.int64)

    # ---- out ---------------------------------------------------------------------------------------------------

    def tick(self, now: int) -> None:
        """What is due goes on; `now` in ms."""
        for kind, buffer in self._buffers.items():
            if self._rows[kind]:
                self._due(buffer, np.fromiter(self._rows[kind], np.intp, len(self._rows[kind])), now)
        if now - self._counted >= _STATISTICS_MS:
            self._counted = now
            self._count()

    def _due(self, buffer: Buffer, rows: Ints, now: int) -> None:
        for _ in range(_TURNS):
            if not len(rows):
                return
            answer, handle = buffer.get(rows, np.full(len(rows), now, np.int64))
            due = np.nonzero(answer == Answer.FRAME)[0]
            if len(due):
                self._send(rows[due].astype(np.int64), handle[due], now)
            gap = rows[answer == Answer.INTERPOLATE].astype(np.int64)
            if len(gap):
                self._last[gap] += 20
                self._conceal(gap, self._last[gap], now)
            longer = rows[answer == Answer.GROW].astype(np.int64)
            if len(longer):
                self._grown(longer)
            let_go = (answer == Answer.FRAME) | (answer == Answer.DROP)
            self._free.extend(handle[let_go].tolist())
            rows = rows[let_go | (answer == Answer.AGAIN)]

    def _send(self, row: Ints, handle: Ints, now: int) -> None:
        core = self._core
        marks = self._mark[handle]
        if (marks >= 0).any():
            for one, number in zip(row[marks >= 0].tolist(), marks[marks >= 0].tolist(), strict=True):
                self._tell(one, number)
            row, handle = row[marks < 0], handle[marks < 0]
        size = self._size[handle]
        self._last[row] = self._ts[handle]
        for one in np.unique(size).tolist():
            mine = np.nonzero(size == one)[0]
            offset = core.scatter(self._data[handle[mine], :one])
            if offset is None:
                core.counters.held_dropped += len(mine)
                continue
            record = core.legs.rx.take(row[mine], axis=0)
            self._play(row[mine], record, self._ts[handle[mine]], offset, size[mine], now)

    def _count(self) -> None:
        """What each buffer does, for those who read counters."""
        rare = self._core.table.rare
        for row, settings in self._settings.items():
            found = self._buffers[settings.kind].statistics(row)
            rare[row, DELAY], rare[row, LATE], rare[row, DROPPED] = found.delay, found.late, found.dropped
            rare[row, TARGET], rare[row, MINIMUM] = found.target - found.minimum, found.minimum
            rare[row, JITTER] = found.jitter


class Tests:
    """`iax2 test jitter|late|resync`: frames count as if they had come at another time than they did."""

    def __init__(self) -> None:
        self.late = self.resync = self.jitter = 0
        self.percent = 100
        self._dice = np.random.default_rng()

    @property
    def on(self) -> bool:
        return bool(self.late or self.resync or self.jitter)

    def arrivals(self, count: int, now: int) -> Ints:
        """The pretended time of so many frames; `late` is for one alone."""
        arrival = np.full(count, now + self.resync, np.int64)
        if self.jitter:
            moved = self._dice.random(count) * 100 < self.percent
            arrival += np.where(moved, self._dice.integers(-self.jitter, self.jitter + 1, count), 0)
        if self.late and count:
            arrival[0] += self.late
            self.late = 0
        return arrival


_NONE = Buffering()
