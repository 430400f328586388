"""The plain relay of a large batch, in as few array operations as it takes; `Single` for many frames at once.

It does what `Inbound`, `Relay` and `Outbound` do for minis about which nothing is unusual, and leaves everything else
to them: also all else of those legs that have something unusual in the batch, so that their order is kept.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pbx.channels.voice.core import TOLERANCE, Core
from pbx.channels.voice.counters import (
    JITTER_PARTS,
    RX_FRAMES,
    RX_JITTER,
    RX_SIZE,
    RX_STATE,
    RX_STEP,
    RX_TO,
    RX_TRANSIT,
    RX_TS,
    TX_CLOCK,
    TX_FRAMES,
    TX_HIGH,
    TX_OFFSET,
    TX_ORIGIN,
    TX_OWN,
    TX_STATE,
    TX_TS,
    WIDTH,
)
from pbx.channels.voice.legs import Ints, SocketKeys
from pbx.channels.voice.outbox import Outbox

# constants as arrays: an operation with a plain number costs twice as much
_V4 = np.array(0xFFFFFFFFFFFF0000, np.uint64)
_LOW, _HIGH_MAY, _SIXTEEN, _ONE = np.array(0xFFFF), np.array(-2), np.array(16), np.array(1)
_AWAY = np.array(2 * TOLERANCE, np.uint64)
_PARTS, _FOUR = np.array(JITTER_PARTS), np.array(4)
_RECORD = np.dtype((np.void, WIDTH * 8))
#: a batch of which more than one in so many is unusual is not for here
_SHARE = 4


class Express:
    """For one IPv4 socket (there is no other box to choose) of a little-endian machine."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._mark = np.zeros(core.legs.capacity, np.int64)
        self._flag = np.zeros(core.legs.capacity, np.int64)
        self._over = np.array(core.headers.overhead)
        # records as single items: put back at a fraction of the cost of rows
        self._rx, self._tx = (table.view(_RECORD)[:, 0] for table in (core.legs.rx, core.legs.tx))

    def relay(
        self, keys: SocketKeys, box: Outbox, names: npt.NDArray[np.uint8], offset: Ints, length: Ints, now: int
    ) -> Ints | None:
        """Relay what is plain; the indices of the rest (None: all of it, nothing was done).  now: ms."""
        core = self._core
        legs = core.legs
        word = core.arena.word[offset].astype(np.int64)
        if not word[0] >> _SIXTEEN:
            return None  # voice of many legs, which rarely comes alone
        name = names.view(np.uint64)[:, 0] & _V4
        row = keys.known(name | (word >> _SIXTEEN).view(np.uint64))
        rx = legs.rx.take(row, axis=0)
        sink = rx[:, RX_TO]
        tx = legs.tx.take(sink, axis=0)
        ts = rx[:, RX_TS] + rx[:, RX_STEP]
        stamp = ts + tx[:, TX_OFFSET]
        high = stamp >> _SIXTEEN
        # not the next frame of its leg, another length, another way than the plain one, a stamp to be said in full
        odd = (ts ^ word) & _LOW
        size = length - self._over
        odd |= size ^ rx[:, RX_SIZE]
        odd |= rx[:, RX_STATE] | tx[:, TX_STATE]
        odd |= tx[:, TX_ORIGIN] ^ row
        odd |= (high - tx[:, TX_HIGH]) & _HIGH_MAY
        # too far from the call's clock: one comparison for both sides, a negative number is a large unsigned one
        drift = stamp + tx[:, TX_CLOCK] - np.array(now - TOLERANCE)
        odd |= drift.view(np.uint64) > _AWAY
        n = len(row)
        index = np.arange(n)
        self._mark[row] = index
        odd |= self._mark[row] - index
        if np.count_nonzero(size) != n:
            return None
        rest: Ints = odd.nonzero()[0]
        if len(rest):
            chosen = self._without(keys, rest, odd, name, word, row)
            if chosen is None:
                return None
            easy, rest = chosen
            if not len(easy):
                return rest
            row, sink, offset, length = row[easy], sink[easy], offset[easy], length[easy]
            rx, tx, ts, stamp, high = rx[easy], tx[easy], ts[easy], stamp[easy], high[easy]
        self._update(row, rx, sink, tx, ts, stamp, high, now)
        core.arena.word[offset] = (tx[:, TX_OWN] << _SIXTEEN) | (stamp & _LOW)
        box.add(offset + core.arena.base, length, legs.name_pointer(sink), sink)
        return rest

    def _without(
        self, keys: SocketKeys, rest: Ints, odd: Ints, name: npt.NDArray[np.uint64], word: Ints, row: Ints
    ) -> tuple[Ints, Ints] | None:
        """What is plain and what is not, when frames of all legs in `rest` are not."""
        if len(rest) * _SHARE > len(row):
            return None
        touched = []
        for i in rest.tolist():
            call = int(word[i]) >> 16 & 0x7FFF
            if not call:
                return None  # voice of many legs
            found = keys.one.get(int(name[i]) | call)
            if found is not None:
                touched.append(found)
        if touched:
            self._flag[touched] = 1
            odd |= self._flag[row]
            self._flag[touched] = 0
        return (odd == 0).nonzero()[0], odd.nonzero()[0]

    def _update(self, row: Ints, rx: Ints, sink: Ints, tx: Ints, ts: Ints, stamp: Ints, high: Ints, now: int) -> None:
        transit = np.array(now) - ts
        swing = np.abs(transit - rx[:, RX_TRANSIT])
        rx[:, RX_TS] = ts
        rx[:, RX_TRANSIT] = transit
        rx[:, RX_FRAMES] += _ONE
        jitter = rx[:, RX_JITTER]
        jitter += (swing * _PARTS - jitter) >> _FOUR
        tx[:, TX_TS] = stamp
        tx[:, TX_HIGH] = high
        tx[:, TX_FRAMES] += _ONE
        self._rx.put(row, rx.view(_RECORD)[:, 0])
        self._tx.put(sink, tx.view(_RECORD)[:, 0])
