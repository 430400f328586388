"""Frames in: which leg, what time, how many were lost; then on to the relay.

A batch is worked in rounds: round r takes the r-th frame of each leg, so that
whatever depends on the frame before (time, jitter, codec state) is the same
however the batch was cut.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby
from operator import attrgetter
from typing import TypeAlias

import numpy as np

from pbx.channels.voice.core import Core, milliseconds, ones
from pbx.channels.voice.counters import (
    JITTER_PARTS,
    LOST,
    OUT_OF_ORDER,
    RX_FRAMES,
    RX_JITTER,
    RX_SIZE,
    RX_STATE,
    RX_STEP,
    RX_TRANSIT,
    RX_TS,
)
from pbx.channels.voice.holds import Holds, Waiting
from pbx.channels.voice.legs import Ints, SourceState

#: a stamp that falls back by more than this is a new start, not a late frame, ms
_RESTART = 1000
#: a gap longer than this is silence, not loss, ms
_SILENCE = 1000
_BLOCKED = int(SourceState.NO_FORMAT | SourceState.HELD)
_HELD = int(SourceState.HELD)
#: up to so many frames a set finds repeated rows quicker than arrays do
_FEW = 48

#: rows, their rx records, stamps (64 bits), payload offsets, payload sizes, ms of the clock
Deliver: TypeAlias = Callable[[Ints, Ints, Ints, Ints, Ints, int], None]


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
        #: rows whose voice waits behind a full frame
        self.holds = Holds(lambda row, on: core.legs.set_source(row, SourceState.HELD, on), self._free)
        #: opens an enciphered mini that waited: row, datagram, ms -> (stamp, payload), None = with no key
        self.unseal: Callable[[int, bytes, int], tuple[int, bytes] | None] = lambda row, data, now: None
        #: when a row's missing format was last told, ms
        self._unknown_at: dict[int, int] = {}

    # ---- minis ---------------------------------------------------------------------------------------------

    def minis(self, row: Ints, stamp: Ints, offset: Ints, size: Ints, now: int) -> None:
        """Minis (or trunk entries) of known rows, in order of arrival; `now` in ms."""
        if self._once(row):
            self._round(row, stamp, offset, size, now)
            return
        for chosen in rounds(row):
            self._round(row[chosen], stamp[chosen], offset[chosen], size[chosen], now)

    def _once(self, row: Ints) -> bool:
        """True when each row occurs once."""
        n = len(row)
        if n <= _FEW:
            return len(set(row.tolist())) == n
        index = np.arange(n)
        self._mark[row] = index
        return int(np.count_nonzero(self._mark[row] == index)) == n

    def _round(self, row: Ints, stamp: Ints, offset: Ints, size: Ints, now: int) -> None:
        """Each row once."""
        record = self._core.legs.rx.take(row, axis=0)
        state = record[:, RX_STATE]
        if np.count_nonzero(state):
            blocked = (state & _BLOCKED) != 0
            if blocked.any():
                self._blocked(np.nonzero(blocked)[0], row, state, stamp, offset, size, now)
                free = np.nonzero(~blocked)[0]
                if not len(free):
                    return
                row, stamp, offset, size = row[free], stamp[free], offset[free], size[free]
                record = record[free]
        # the 16 bits of the wire are joined to the nearest time to the one that is due now
        due = now - record[:, RX_TRANSIT]
        ts = due + (stamp - due).astype(np.int16)
        self._count(row, record, ts, size, now)
        self._deliver(row, record, ts, offset, size, now)

    def _blocked(self, index: Ints, row: Ints, state: Ints, stamp: Ints, offset: Ints, size: Ints, now: int) -> None:
        """Frames that have to wait behind a full frame, and frames whose format nobody knows."""
        core = self._core
        for i in index.tolist():
            r = int(row[i])
            if int(state[i]) & _HELD:
                self._wait(r, Waiting(now, int(stamp[i]), core.arena.bytes_at(int(offset[i]), int(size[i]))))
                continue
            core.counters.unformatted += 1
            if self._unknown_at.get(r) != now:
                self._unknown_at[r] = now
                core.events.voice_unknown(r, int(core.legs.generation[r]))

    def _count(self, row: Ints, record: Ints, ts: Ints, size: Ints, now: int) -> None:
        """Time, loss, order and jitter of these frames; `record` is brought up to date and put back."""
        last = record[:, RX_TS]
        transit = now - ts
        swing = np.abs(transit - record[:, RX_TRANSIT])
        if np.count_nonzero(((ts - last) ^ record[:, RX_STEP]) | (size ^ record[:, RX_SIZE])):
            ts = self._uneven(row, record, ts, size, swing)
        record[:, RX_TS] = ts
        record[:, RX_TRANSIT] = transit
        record[:, RX_FRAMES] += 1
        jitter = record[:, RX_JITTER]
        jitter += (swing * JITTER_PARTS - jitter) >> 4
        self._core.legs.rx[row] = record

    def _uneven(self, row: Ints, record: Ints, ts: Ints, size: Ints, swing: Ints) -> Ints:
        """Some frames are not simply the next ones, or have another length; what the last stamps are then."""
        formats = self._core.legs.rx_format
        for i in np.nonzero(size != record[:, RX_SIZE])[0].tolist():
            record[i, RX_SIZE] = size[i]
            record[i, RX_STEP] = milliseconds(int(formats[row[i]]), int(size[i]))
        last, step = record[:, RX_TS], record[:, RX_STEP]
        delta = ts - last
        known = last >= 0
        gap = (delta > step) & (delta <= _SILENCE) & known
        late = (delta <= 0) & (delta > -_RESTART) & known
        rare = self._core.table.rare
        if gap.any() or late.any():
            missing = np.where(gap, (delta + (step >> 1)) // step - 1, 0)
            rare[row, LOST] += missing - (late & (delta < 0))
            rare[row, OUT_OF_ORDER] += late
        swing[~known] = 0
        return np.where(late, last, ts)

    # ---- full voice frames, given back by the core --------------------------------------------------------------

    def full(self, row: int, ts: int, offset: int, size: int, now: int) -> None:
        """Voice that came in a full frame: its 64-bit time is known, and counts."""
        rows, times, offsets, sizes = ones(row, ts, offset, size)
        legs = self._core.legs
        if int(legs.rx_ts[row]) < 0 or abs(now - ts - int(legs.transit[row])) > _RESTART:
            legs.rx_ts[row] = -1
            legs.transit[row] = now - ts
        record = legs.rx.take(rows, axis=0)
        self._count(rows, record, times, sizes, now)
        self._deliver(rows, record, times, offsets, sizes, now)

    # ---- holding ------------------------------------------------------------------------------------------

    def seal(self, row: int, data: bytes, now: int) -> None:
        """An enciphered mini of a row that waits: its key may be in the very frame that is waited for."""
        self._wait(row, Waiting(now, -1, data))

    def _wait(self, row: int, frame: Waiting) -> None:
        if not self.holds.add(row, frame):
            self._core.counters.held_dropped += 1

    def _free(self, row: int, frames: list[Waiting]) -> None:
        """What waited goes on, its times as if it had not."""
        for at, together in groupby(frames, key=attrgetter("at")):
            offsets, sizes, stamps = [], [], []
            for frame in together:
                found = self.unseal(row, frame.data, at) if frame.stamp < 0 else (frame.stamp, frame.data)
                if found is None:
                    continue
                place = self._core.arena.put(found[1])
                if place < 0:
                    self._core.counters.held_dropped += 1
                    continue
                stamps.append(found[0])
                offsets.append(place)
                sizes.append(len(found[1]))
            if stamps:
                rows = np.full(len(stamps), row, np.int64)
                self.minis(rows, np.array(stamps, np.int64), np.array(offsets, np.int64), np.array(sizes, np.int64), at)

    def forget(self, row: int) -> None:
        """The row is gone, and what waited for it."""
        self._unknown_at.pop(row, None)
        self.holds.forget(row)
