"""The plain relay of minis and trunk entries, arrays at a time: the short way of nearly all voice.

It does what `Inbound`, `Relay` and `Outbound` do for voice about which nothing is unusual, and leaves everything else
to them: also all else of those legs that have something unusual in the batch, so that their order is kept.

An entry of a trunk frame with time stamps holds a mini header before its payload (`headers`), so one reading and one
writing serves both: whatever way voice came, its header is written in place, and it leaves as a mini where it stands,
or waits for its trunk's tick (`Trunks.add`).  A trunk frame that is as full as ours may be, all of whose calls go on
by one trunk, has nothing to wait for: it leaves as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from pbx.channels.voice.arena import SLOTS
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
from pbx.channels.voice.legs import Ints, SinkState, SocketKeys
from pbx.channels.voice.outbox import Outbox
from pbx.channels.voice.trunk import Trunks
from pbx.channels.voice.trunked import Trunked

Words: TypeAlias = npt.NDArray[np.uint64]

# constants as arrays: an operation with a plain number costs twice as much
_V4 = np.array(0xFFFFFFFFFFFF0000, np.uint64)
_LOW, _HIGH_MAY, _SIXTEEN, _ONE = np.array(0xFFFF), np.array(-2), np.array(16), np.array(1)
_NO_TRUNK = np.array(~int(SinkState.TRUNK))
_AWAY = np.array(2 * TOLERANCE, np.uint64)
_PARTS, _FOUR = np.array(JITTER_PARTS), np.array(4)
_RECORD = np.dtype((np.void, WIDTH * 8))
#: words of the wire: put there as they are, at any place, they cost a quarter of what numbers do
_WORD = np.dtype(">u4")
_CALL = np.array(0x7FFF)
#: a batch of which more than one in so many is unusual is not for here
_SHARE = 4


@dataclass(slots=True)
class _Voice:
    """Voice that may be plain: where its mini header stands, the header, the sender's key, bytes of the payload.

    place: the datagram of each, None where each datagram is one; trunks: the datagrams that are trunk frames, whose
    entries follow `minis` others and are `width` bytes wide.
    """

    head: Ints
    word: Ints
    key: Words
    size: Ints
    place: Ints | None = None
    trunks: Ints | None = None
    minis: int = 0
    width: int = 0

    def only(self, some: Ints) -> _Voice:
        place = self.place[some] if self.place is not None else None
        return _Voice(
            self.head[some], self.word[some], self.key[some], self.size[some], place, self.trunks, 0, self.width
        )


@dataclass(slots=True)
class _Batch:
    """What came by one IPv4 socket, and what goes out by it."""

    keys: SocketKeys
    box: Outbox
    offset: Ints
    length: Ints
    now: int


class Express:
    """For one IPv4 socket (there is no other box to choose) of a little-endian machine."""

    def __init__(self, core: Core, trunks: Trunks, trunked: Trunked) -> None:
        self._core = core
        self._trunks = trunks
        self._settled = trunked.settled
        self._mark = np.zeros(core.legs.capacity, np.int64)
        self._index = np.arange(SLOTS)
        self._flag = np.zeros(core.legs.capacity, np.bool_)
        #: by datagram
        self._bad = np.zeros(SLOTS, np.bool_)
        self._lead = np.zeros(SLOTS, np.int64)
        #: fewer minis are quicker by another way
        self.fewest = 8
        #: batches that are not tried after one of which too much was unusual: those that follow will be like it
        self.pause = 16
        self._paused = 0
        self._over = np.array(core.headers.overhead)
        # records as single items: put back at a fraction of the cost of rows
        self._rx, self._tx = (table.view(_RECORD)[:, 0] for table in (core.legs.rx, core.legs.tx))

    def relay(
        self, keys: SocketKeys, box: Outbox, names: npt.NDArray[np.uint8], offset: Ints, length: Ints, now: int
    ) -> Ints | None:
        """Relay what is plain; the indices of the rest (None: all of it, nothing was done).  now: ms."""
        if self._paused:
            self._paused -= 1
            return None
        if len(offset) > len(self._bad):
            self._bad, self._lead = np.zeros(2 * len(offset), np.bool_), np.zeros(2 * len(offset), np.int64)
        core = self._core
        legs = core.legs
        voice = self._voice(names.view(np.uint64)[:, 0] & _V4, offset, length)
        if voice is None:
            return None
        row = keys.known(voice.key)
        rx = legs.rx.take(row, axis=0)
        sink = rx[:, RX_TO]
        tx = legs.tx.take(sink, axis=0)
        ts = rx[:, RX_TS] + rx[:, RX_STEP]
        stamp = ts + tx[:, TX_OFFSET]
        high, state = stamp >> _SIXTEEN, tx[:, TX_STATE]
        # not the next frame of its leg, another length, another way than the plain one, a stamp to be said in full
        odd = (ts ^ voice.word) & _LOW
        odd |= voice.size ^ rx[:, RX_SIZE]
        odd |= rx[:, RX_STATE] | (state & _NO_TRUNK)
        odd |= tx[:, TX_ORIGIN] ^ row
        odd |= (high - tx[:, TX_HIGH]) & _HIGH_MAY
        # too far from the call's clock: one comparison for both sides, a negative number is a large unsigned one
        drift = stamp + tx[:, TX_CLOCK]
        drift -= np.array(now - TOLERANCE - core.late)
        odd |= drift.view(np.uint64) > (np.array(2 * TOLERANCE + core.late, np.uint64) if core.late else _AWAY)
        index = self._indices(len(row))
        self._mark[row] = index
        odd |= self._mark.take(row) ^ index
        if voice.trunks is not None:
            odd[voice.minis :] |= self._settled.take(row[voice.minis :]) ^ True
        rest: Ints = odd.nonzero()[0]
        batch = _Batch(keys, box, offset, length, now)
        if len(rest):
            chosen = self._without(batch, rest, odd, voice, row)
            if chosen is None:
                return None
            easy, rest = chosen
            if not len(easy):
                return rest
            voice, row, sink, state = voice.only(easy), row[easy], sink[easy], state[easy]
            rx, tx, ts, stamp = rx.take(easy, axis=0), tx.take(easy, axis=0), ts[easy], stamp[easy]
        self._go_on(voice, row, rx, ts, sink, tx, stamp, now)
        self._leave(batch, voice, sink, state, stamp, rest)
        if voice.trunks is not None:
            left = len(np.intersect1d(voice.trunks, rest)) if len(rest) else 0
            core.counters.trunk_frames += len(voice.trunks) - left
        return rest

    def _indices(self, count: int) -> Ints:
        """0, 1, ... (not to be written to)."""
        if count > len(self._index):
            self._index = np.arange(2 * count)
        return self._index[:count]

    # ---- what came --------------------------------------------------------------------------------------------

    def _voice(self, name: Words, offset: Ints, length: Ints) -> _Voice | None:
        """The voice of these datagrams; signalling among them belongs to nobody.  None: not for here."""
        core = self._core
        word = core.arena.word[offset].astype(np.int64)
        call = word >> _SIXTEEN
        trunks = (call == 0).nonzero()[0]
        if not len(trunks):
            if len(call) < self.fewest:
                return None
            return _Voice(offset, word, name | call.view(np.uint64), length - self._over)
        found = core.headers.stamped(core.arena.flat, offset.take(trunks), length.take(trunks))
        if found is None:
            return None
        frame, head, size, width = found
        place = trunks.take(frame)
        entry = core.arena.word[head].astype(np.int64)
        key = name.take(place) | ((entry >> _SIXTEEN) & _CALL).view(np.uint64)
        sizes = np.full(len(head), size)
        minis = len(call) - len(trunks)
        if minis:
            other = call.nonzero()[0]
            head, entry = np.concatenate((offset[other], head)), np.concatenate((word[other], entry))
            key = np.concatenate((name[other] | call[other].view(np.uint64), key))
            sizes = np.concatenate((length[other] - self._over, sizes))
            place = np.concatenate((other, place))
        return _Voice(head, entry, key, sizes, place, trunks, minis, width)

    # ---- what is unusual ----------------------------------------------------------------------------------------

    def _without(self, batch: _Batch, rest: Ints, odd: Ints, voice: _Voice, row: Ints) -> tuple[Ints, Ints] | None:
        """What is plain, and the datagrams that are not, when voice of all legs in `rest` is not; None: too many."""
        if len(rest) * _SHARE > len(row):
            self._paused = self.pause
            return None
        touched: Ints = row.take(rest)
        if np.count_nonzero(touched) < len(rest):
            signalled = self._signalled(batch.keys, rest[touched == 0], voice)
            if signalled is None:
                return None
            touched = np.concatenate((touched, signalled))
        place = voice.place
        while True:
            self._flag[touched] = True
            odd |= self._flag[row]
            self._flag[touched] = False
            if place is None:
                return (odd == 0).nonzero()[0], odd.nonzero()[0]
            # a datagram goes one way or the other, whole
            bad = place[odd.nonzero()]
            self._bad[bad] = True
            odd |= self._bad[place]
            self._bad[bad] = False
            found = row[odd.nonzero()]
            if len(found) == len(rest):
                return (odd == 0).nonzero()[0], np.unique(bad)
            touched, rest = found, found

    @staticmethod
    def _signalled(keys: SocketKeys, index: Ints, voice: _Voice) -> Ints | None:
        """The legs of full frames among what belongs to nobody."""
        found = []
        for key in voice.key[index].tolist():
            if not key & 0x7FFF:
                return None
            owner = keys.one.get(key & ~0x8000)
            if owner is not None:
                found.append(owner)
        return np.array(found, np.int64)

    # ---- what becomes of it -------------------------------------------------------------------------------------

    def _go_on(self, voice: _Voice, row: Ints, rx: Ints, ts: Ints, sink: Ints, tx: Ints, stamp: Ints, now: int) -> None:
        """Bring records up to date, put them back, and write the headers."""
        transit, jitter = rx[:, RX_TRANSIT], rx[:, RX_JITTER]
        swing = ts + transit
        swing -= np.array(now)
        transit -= swing
        np.abs(swing, out=swing)
        swing *= _PARTS
        swing -= jitter
        swing >>= _FOUR
        jitter += swing
        rx[:, RX_TS] = ts
        rx[:, RX_FRAMES] += _ONE
        tx[:, TX_TS] = stamp
        tx[:, TX_HIGH] = stamp >> _SIXTEEN
        tx[:, TX_FRAMES] += _ONE
        self._rx.put(row, rx.view(_RECORD)[:, 0])
        self._tx.put(sink, tx.view(_RECORD)[:, 0])
        word = (tx[:, TX_OWN] << _SIXTEEN) | (stamp & _LOW)
        self._core.arena.word[voice.head] = word.astype(_WORD)

    def _leave(self, batch: _Batch, voice: _Voice, sink: Ints, state: Ints, stamp: Ints, rest: Ints) -> None:
        core = self._core
        queued = state.nonzero()[0]
        if not len(queued):
            pointer = voice.head + core.arena.base
            batch.box.add_legs(pointer, voice.size + self._over, sink, core.legs.name_pointer)
            return
        # some of it goes by trunks
        plain = (state == 0).nonzero()[0]
        if len(plain):
            pointer = voice.head[plain] + core.arena.base
            batch.box.add_legs(pointer, voice.size[plain] + self._over, sink[plain], core.legs.name_pointer)
        if voice.trunks is not None and voice.place is not None:
            whole = self._whole(batch, voice.trunks, voice.place, voice.width, sink, rest)
            queued = queued[~whole[queued]]
        if len(queued):
            self._trunks.add(sink[queued], stamp[queued], voice.head[queued] + self._over, voice.size[queued])

    def _whole(
        self, batch: _Batch, trunks: Ints, place: Ints, width: int, sink: Ints, rest: Ints
    ) -> npt.NDArray[np.bool_]:
        """Send on full trunk frames whose calls all go by one trunk; which entries stand in those."""
        lead, bad = self._lead, self._bad
        number = self._trunks.ready(sink)
        lead[place] = number
        bad[:] = True
        full = self._trunks.full(batch.length[trunks], width)
        bad[trunks[full]] = False
        bad[rest] = True
        bad[place[(lead[place] != number) | (number == 0)]] = True
        which = trunks[~bad[trunks]]
        gone: npt.NDArray[np.bool_] = ~bad[place]
        bad[:] = False
        if len(which):
            core, offset = self._core, batch.offset[which]
            leg, times = self._trunks.depart(lead[which], batch.length[which], batch.now)
            core.headers.put_times(core.arena.word, offset, times)
            batch.box.add_legs(offset + core.arena.base, batch.length[which], leg, core.legs.name_pointer)
        return gone
