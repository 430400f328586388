"""Frames in: which leg, what time, how many were lost; then on to the relay.

A batch is worked in rounds: round r takes the r-th frame of each leg, so that
whatever depends on the frame before (time, jitter, codec state) is the same
however the batch was cut.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from pbx.channels.voice.core import Core, milliseconds, ones
from pbx.channels.voice.counters import JITTER, JITTER_PARTS, LOST, OUT_OF_ORDER, RECEIVED
from pbx.channels.voice.legs import Ints

#: a stamp that falls back by more than this is a new start, not a late frame, ms
_RESTART = 1000
#: a gap longer than this is silence, not loss, ms
_SILENCE = 1000
#: voice that waits for one full frame at most, frames and ms
_HELD_FRAMES = 64
HOLD_MS = 100

#: rows, stamps (64 bits), payload offsets, payload sizes, ms of the clock
Deliver: TypeAlias = Callable[[Ints, Ints, Ints, Ints, int], None]


def rounds(row: Ints) -> list[Ints]:
    """Indices of the first frame of each row, of the second, ...; each row once in each."""
    order = np.argsort(row, kind="stable")
    ordered = row[order]
    index = np.arange(len(row))
    first = np.empty(len(row), np.bool_)
    first[:1] = True
    np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
    rank = index - np.maximum.accumulate(np.where(first, index, 0))
    found = []
    for r in range(int(rank.max()) + 1):
        found.append(np.sort(order[rank == r]))
    return found


class Inbound:
    """Accepts voice of known legs and hands it to `deliver` in rounds."""

    def __init__(self, core: Core, deliver: Deliver) -> None:
        self._core = core
        self._deliver = deliver
        self._mark = np.zeros(core.legs.capacity, np.int64)
        self._held: dict[int, _Held] = {}

    # ---- minis ---------------------------------------------------------------------------------------------

    def minis(self, row: Ints, stamp: Ints, offset: Ints, size: Ints, now: int) -> None:
        """Minis (or trunk entries) of known rows, in order of arrival; `now` in ms."""
        if self._held:
            free = self._hold_back(row, stamp, offset, size)
            if free is not None:
                row, stamp, offset, size = row[free], stamp[free], offset[free], size[free]
        if not len(row):
            return
        known = self._core.legs.rx_format[row] != 0
        if not known.all():
            self._unknown(row[~known])
            row, stamp, offset, size = row[known], stamp[known], offset[known], size[known]
            if not len(row):
                return
        index = np.arange(len(row))
        self._mark[row] = index
        if (self._mark[row] == index).all():
            self._round(row, stamp, offset, size, now)
            return
        for chosen in rounds(row):
            self._round(row[chosen], stamp[chosen], offset[chosen], size[chosen], now)

    def _unknown(self, row: Ints) -> None:
        core = self._core
        core.counters.unformatted += len(row)
        for r in dict.fromkeys(row.tolist()):
            core.events.voice_unknown(r, int(core.legs.generation[r]))

    def _round(self, row: Ints, stamp: Ints, offset: Ints, size: Ints, now: int) -> None:
        # the 16 bits of the wire are joined to the nearest time to the one that is due now
        due = now - self._core.legs.transit[row]
        ts = due + ((stamp - due + 0x8000) & 0xFFFF) - 0x8000
        self._count(row, ts, size, now)
        self._deliver(row, ts, offset, size, now)

    def _count(self, row: Ints, ts: Ints, size: Ints, now: int) -> None:
        legs, table = self._core.legs, self._core.table.table
        changed = legs.size[row] != size
        if changed.any():
            for r, s in zip(row[changed].tolist(), size[changed].tolist(), strict=True):
                legs.size[r] = s
                legs.step[r] = milliseconds(int(legs.rx_format[r]), s)
        last = legs.rx_ts[row]
        delta = ts - last
        step = legs.step[row]
        table[RECEIVED][row] += 1
        transit = now - ts
        swing = np.abs(transit - legs.transit[row])
        legs.transit[row] = transit
        odd = delta != step
        if odd.any():
            gap = (delta > step) & (delta <= _SILENCE) & (last >= 0)
            missing = np.where(gap, (delta + (step >> 1)) // step - 1, 0)
            late = (delta <= 0) & (delta > -_RESTART) & (last >= 0)
            table[LOST][row] += missing - (late & (delta < 0))
            table[OUT_OF_ORDER][row] += late
            legs.rx_ts[row] = np.where(late, last, ts)
            swing[last < 0] = 0
        else:
            legs.rx_ts[row] = ts
        jitter = table[JITTER][row]
        table[JITTER][row] = jitter + ((swing * JITTER_PARTS - jitter) >> 4)

    # ---- full voice frames, given back by the core --------------------------------------------------------------

    def full(self, row: int, ts: int, offset: int, size: int, now: int) -> None:
        """Voice that came in a full frame: its 64-bit time is known, and counts."""
        rows, times, offsets, sizes = ones(row, ts, offset, size)
        legs = self._core.legs
        if int(legs.rx_ts[row]) < 0 or abs(now - ts - int(legs.transit[row])) > _RESTART:
            legs.rx_ts[row] = -1
            legs.transit[row] = now - ts
        self._count(rows, times, sizes, now)
        self._deliver(rows, times, offsets, sizes, now)

    # ---- holding ------------------------------------------------------------------------------------------

    def hold(self, row: int, now: int) -> None:
        """Voice of this row waits from here on."""
        if row not in self._held:
            self._held[row] = _Held(now + HOLD_MS)

    def _hold_back(self, row: Ints, stamp: Ints, offset: Ints, size: Ints) -> Ints | None:
        """Put frames of held rows aside; indices of the others, None when that is all."""
        held = np.isin(row, np.fromiter(self._held, np.int64, len(self._held)))
        if not held.any():
            return None
        arena = self._core.arena
        for i in np.nonzero(held)[0].tolist():
            frames = self._held[int(row[i])].frames
            if len(frames) < _HELD_FRAMES:
                frames.append((int(stamp[i]), arena.bytes_at(int(offset[i]), int(size[i]))))
            else:
                self._core.counters.held_dropped += 1
        free: Ints = np.nonzero(~held)[0]
        return free

    def release(self, row: int, now: int) -> None:
        """The full frame was dealt with: what waited goes on."""
        held = self._held.pop(row, None)
        if held is None or not held.frames:
            return
        offsets, sizes, stamps = [], [], []
        for stamp, payload in held.frames:
            at = self._core.arena.put(payload)
            if at < 0:
                self._core.counters.held_dropped += 1
                continue
            offsets.append(at)
            sizes.append(len(payload))
            stamps.append(stamp)
        n = len(stamps)
        rows = np.full(n, row, np.int64)
        self.minis(rows, np.array(stamps, np.int64), np.array(offsets, np.int64), np.array(sizes, np.int64), now)

    def forget(self, row: int) -> None:
        """The row is gone, and what waited for it."""
        self._held.pop(row, None)

    def expire(self, now: int) -> None:
        """Release what waited too long (control is slow, or dropped the frame as a copy of an older one)."""
        if self._held:
            for row in [r for r, h in self._held.items() if h.deadline <= now]:
                self.release(row, now)

    @property
    def holding(self) -> bool:
        return bool(self._held)


class _Held:
    """Minis of one row behind a full frame."""

    __slots__ = ("deadline", "frames")

    def __init__(self, deadline: int) -> None:
        self.deadline = deadline
        self.frames: list[tuple[int, bytes]] = []
