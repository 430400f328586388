"""Legs with a jitter buffer: their voice waits here, as arrays, and goes on at the 20 ms tick.

`pbx.codecs.jitter` decides when; this keeps the payloads, by number.
"""

from __future__ import annotations

import numpy as np

from pbx.channels.voice.core import Core
from pbx.channels.voice.counters import DELAY, LATE, RX_STEP
from pbx.channels.voice.inbound import Deliver
from pbx.channels.voice.legs import Ints
from pbx.codecs.jitter import Answer, JitterBuffer

#: a payload longer than this (no voice is) does not fit
_LARGEST = 2048
#: what one row may say in one tick: a buffer that has to shrink drops some
_TURNS = 16
_STATISTICS_MS = 1000


class Jitter:
    """All buffered legs; `play` hears their voice when it is due."""

    def __init__(self, core: Core, play: Deliver) -> None:
        self._core = core
        self._play = play
        self.buffer = JitterBuffer()
        self._rows: set[int] = set()
        self._free: list[int] = []
        self._data = np.zeros((0, _LARGEST), np.uint8)
        self._ts = np.zeros(0, np.int64)
        self._size = np.zeros(0, np.int64)
        self._counted = 0

    @property
    def active(self) -> bool:
        return bool(self._rows)

    def add(self, row: int) -> None:
        """The leg's voice is buffered from here on."""
        if row not in self._rows:
            self._rows.add(row)
            self.buffer.add_row(row)

    def remove(self, row: int) -> None:
        """No longer; what waited is gone."""
        if row in self._rows:
            self._rows.discard(row)
            self._free.extend(self.buffer.remove_row(row))

    def restart(self, row: int) -> None:
        """The sender's clock starts over."""
        if row in self._rows:
            self.remove(row)
            self.add(row)

    def put(self, row: Ints, record: Ints, ts: Ints, offset: Ints, size: Ints, now: int) -> None:
        """Voice that came; each row once."""
        fits = size <= _LARGEST
        if not fits.all():
            row, record, ts, offset, size = row[fits], record[fits], ts[fits], offset[fits], size[fits]
        handle = self._take(len(row))
        for one in np.unique(size).tolist():
            mine = np.nonzero(size == one)[0]
            self._data[handle[mine], :one] = self._core.gather(offset[mine], one)
        self._ts[handle], self._size[handle] = ts, size
        arrival = np.full(len(row), now, np.int64)
        kept = self.buffer.put(row.astype(np.intp), ts, arrival, record[:, RX_STEP], handle)
        self._free.extend(handle[~kept].tolist())

    def _take(self, count: int) -> Ints:
        """Numbers for so many payloads."""
        while len(self._free) < count:
            old = len(self._ts)
            new = max(64, 2 * old)
            self._free.extend(range(old, new))
            for name in ("_data", "_ts", "_size"):
                column = getattr(self, name)
                larger = np.zeros((new, *column.shape[1:]), column.dtype)
                larger[:old] = column
                setattr(self, name, larger)
        taken = self._free[-count:] if count else []
        del self._free[len(self._free) - count :]
        return np.array(taken, np.int64)

    def tick(self, now: int) -> None:
        """What is due goes on; `now` in ms."""
        rows = np.fromiter(self._rows, np.intp, len(self._rows))
        for _ in range(_TURNS):
            if not len(rows):
                break
            answer, handle = self.buffer.get(rows, np.full(len(rows), now, np.int64))
            due = np.nonzero(answer == Answer.FRAME)[0]
            if len(due):
                self._send(rows[due].astype(np.int64), handle[due], now)
            let_go = (answer == Answer.FRAME) | (answer == Answer.DROP)
            self._free.extend(handle[let_go].tolist())
            rows = rows[let_go | (answer == Answer.AGAIN)]
        if now - self._counted >= _STATISTICS_MS:
            self._counted = now
            self._count()

    def _send(self, row: Ints, handle: Ints, now: int) -> None:
        core = self._core
        size = self._size[handle]
        for one in np.unique(size).tolist():
            mine = np.nonzero(size == one)[0]
            offset = core.scatter(self._data[handle[mine], :one])
            if offset is None:
                core.counters.held_dropped += len(mine)
                continue
            record = core.legs.rx.take(row[mine], axis=0)
            self._play(row[mine], record, self._ts[handle[mine]], offset, size[mine], now)

    def _count(self) -> None:
        """Delay and late frames of each leg, for those who read counters."""
        rare = self._core.table.rare
        for row in self._rows:
            statistics = self.buffer.statistics(row)
            rare[row, DELAY] = statistics.delay
            rare[row, LATE] = statistics.late
