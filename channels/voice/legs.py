"""The leg table: one row per call leg, its columns as arrays; and who a frame belongs to.

A row number is chosen by control (1..); 0 is nobody.  `SocketKeys` finds the
row of (address, call number) for a whole batch: sorted 64-bit keys.  An IPv4
sockaddr begins with family, port and address in 8 bytes, and the call number
takes the family's place; an IPv6 address is folded to 48 bits and then
verified.
"""

from __future__ import annotations

import socket as _socket
import sys
from enum import IntFlag
from typing import Any

import numpy as np
import numpy.typing as npt

from pbx.channels.voice import address as addresses
from pbx.channels.voice.counters import (
    RX_SIZE,
    RX_STATE,
    RX_STEP,
    RX_TO,
    RX_TRANSIT,
    RX_TS,
    TX_CLOCK,
    TX_HIGH,
    TX_OFFSET,
    TX_ORIGIN,
    TX_OWN,
    TX_STATE,
    TX_TS,
    CounterTable,
)
from pbx.channels.voice.layout import CONTROL_OUT, control_for
from pbx.channels.voice.port import LegFlags

Ints = npt.NDArray[np.int64]

_CALL_MASK = np.uint64(0xFFFF)
_V4_MASK = ~_CALL_MASK


class SourceState(IntFlag):
    """Why a leg's frames in need more than the plain relay."""

    SLOT = 1  # somebody wants its decoded sound: mix, tap, detector, recording
    MULTI = 2  # more than one relay edge leaves it
    CODEC = 4  # its relay edge translates
    NO_FORMAT = 8  # nobody knows what its frames hold
    HELD = 16  # its voice waits behind a full frame
    JITTER = 64  # its voice passes the jitter buffer
    ENCRYPTED = 128
    NOWHERE = 32  # no plain relay edge leaves it


class SinkState(IntFlag):
    """Why a frame to a leg needs more than a new header."""

    NEED_FULL = 1  # its next voice has to be a full frame
    WAITING = 2  # that full frame was asked for and has not passed yet
    TRUNK = 4
    SLOT = 8  # somebody wants the sound it hears
    ENCRYPTED = 16
    NO_FORMAT = 32
    CONTROL = 64  # datagrams to it carry the local address


#: addresses whose numbers are kept before those without a leg are forgotten
_MOST_GROUPS = 65536
_SOURCE_NEW = int(SourceState.NO_FORMAT | SourceState.NOWHERE)
_SINK_NEW = int(SinkState.NEED_FULL | SinkState.NO_FORMAT)
_SINK_NO_FORMAT = int(SinkState.NO_FORMAT)
_SINK_SEALED, _SINK_TRUNK = int(SinkState.ENCRYPTED), int(SinkState.TRUNK)
_ENCRYPTED, _TRUNK = int(LegFlags.ENCRYPTED), int(LegFlags.TRUNK)


class LegTable:
    """Columns by row.  Times of the wire in ms (64 bits), `clock` in ms of the monotonic clock."""

    def __init__(self, capacity: int, counters: CounterTable) -> None:
        self.capacity = capacity
        self.counters = counters
        #: records of frames in and out, and their columns
        self.rx, self.tx = counters.rx, counters.tx
        self.rx_ts: Ints = self.rx[:, RX_TS]
        #: arrival minus stamp of the last frame in, ms; predicts the next stamp, and gives the jitter
        self.transit: Ints = self.rx[:, RX_TRANSIT]
        #: length of the last frame in, in ms and in bytes; of none: 20 ms and -1, which no frame has
        self.step: Ints = self.rx[:, RX_STEP]
        self.size: Ints = self.rx[:, RX_SIZE]
        self.source_state: Ints = self.rx[:, RX_STATE]
        #: the one plain relay edge's sink, 0 = none
        self.relay_to: Ints = self.rx[:, RX_TO]
        self.tx_ts: Ints = self.tx[:, TX_TS]
        #: out: stamp = stamp in + offset, for frames from row `origin`
        self.offset: Ints = self.tx[:, TX_OFFSET]
        self.origin: Ints = self.tx[:, TX_ORIGIN]
        self.clock: Ints = self.tx[:, TX_CLOCK]
        #: high 16 bits of the last stamp sent, -1 = none
        self.tx_high: Ints = self.tx[:, TX_HIGH]
        self.sink_state: Ints = self.tx[:, TX_STATE]
        self.own: Ints = self.tx[:, TX_OWN]

        def column(dtype: Any = np.int64) -> npt.NDArray[Any]:
            return np.zeros(capacity, dtype)

        self.live: npt.NDArray[np.bool_] = column(np.bool_)
        self.generation: Ints = column()
        self.socket: Ints = column()
        self.name = np.zeros((capacity, addresses.SIZE), np.uint8)
        self.namelen: Ints = column()
        self.control = np.zeros((capacity, CONTROL_OUT), np.uint8)
        self.controllen: Ints = column()
        self.remote: Ints = column()
        self.flags: Ints = column()
        self.rx_format: Ints = column()
        self.tx_format: Ints = column()
        #: rows of one address have one number
        self.group: Ints = column()
        self._groups: dict[bytes, int] = {}
        self._last_group = 0
        #: nobody's frames go nowhere
        self.source_state[0] = _SOURCE_NEW
        self._name_base = int(self.name.ctypes.data)
        self._control_base = int(self.control.ctypes.data)

    def add(
        self, row: int, generation: int, socket: int, own: int, flags: int, clock_ms: int, resumed: bool = False
    ) -> None:
        """Begin a row anew; the far end is set by `bind`.  resumed: its shared counters and times go on."""
        if not resumed:
            self.counters.reset(row)
            self.transit[row] = clock_ms
        for column in (self.rx_format, self.tx_format, self.offset, self.relay_to, self.origin):
            column[row] = 0
        self.step[row], self.size[row] = 20, -1
        self.tx_high[row] = -1
        self.source_state[row] = _SOURCE_NEW
        self.live[row] = True
        self.generation[row] = generation
        self.socket[row] = socket
        self.own[row] = own
        self.clock[row] = clock_ms
        self.sink_state[row] = _SINK_NEW
        self.set_flags(row, flags)

    def set_flags(self, row: int, flags: int) -> None:
        bits = self.flags[row] = int(flags)
        self.set_source(row, SourceState.ENCRYPTED, bool(bits & _ENCRYPTED))
        state = int(self.sink_state[row]) & ~(_SINK_TRUNK | _SINK_SEALED)
        if bits & _ENCRYPTED:
            state |= _SINK_SEALED
        elif bits & _TRUNK:
            state |= _SINK_TRUNK
        self.sink_state[row] = state

    def bind(self, row: int, address: bytes, local: bytes, remote: int) -> None:
        """The far end's address, ours towards it, and its call number."""
        self.name[row] = np.frombuffer(address, np.uint8)
        family = int.from_bytes(address[:2], sys.byteorder)
        self.namelen[row] = addresses.LENGTH.get(family, 0)
        self.group[row] = self._group_of(address)
        control = control_for(local)
        self.control[row, : len(control)] = np.frombuffer(control, np.uint8)
        self.controllen[row] = len(control)
        self.set_sink(row, SinkState.CONTROL, bool(control))
        self.remote[row] = remote

    def _group_of(self, address: bytes) -> int:
        """The number of an address; numbers are never used again."""
        number = self._groups.get(address)
        if number is None:
            if len(self._groups) >= _MOST_GROUPS:
                used = {self.name[row].tobytes() for row in np.nonzero(self.live)[0].tolist()}
                self._groups = {a: n for a, n in self._groups.items() if a in used}
            self._last_group += 1
            number = self._groups[address] = self._last_group
        return number

    def remove(self, row: int) -> None:
        """Empty a row.  Its counters too: who gets the row next may read them before the plane has heard of it."""
        self.counters.reset(row)
        self.live[row] = False
        self.relay_to[row] = 0
        self.source_state[row] = _SOURCE_NEW
        self.sink_state[row] = _SINK_NO_FORMAT

    def name_pointer(self, rows: Any) -> Any:
        """Pointer(s) to the far end's sockaddr."""
        return self._name_base + rows * addresses.SIZE

    def control_pointer(self, rows: Any) -> Any:
        """Pointer(s) to control data; only where `controllen` is not 0."""
        return self._control_base + rows * CONTROL_OUT

    def set_source(self, row: int, state: SourceState, on: bool) -> None:
        bits, now = int(state), int(self.source_state[row])
        self.source_state[row] = now | bits if on else now & ~bits

    def set_sink(self, row: int, state: SinkState, on: bool) -> None:
        bits, now = int(state), int(self.sink_state[row])
        self.sink_state[row] = now | bits if on else now & ~bits


class SocketKeys:
    """Which row an (address, call number) of one socket belongs to."""

    def __init__(self, family: int, legs: LegTable) -> None:
        self.six = family == _socket.AF_INET6
        self._legs = legs
        self._count = 0
        # one place behind the last is never a key, so that a search need not be clipped
        self._key = np.full(64, _NO_KEY, np.uint64)
        self._row = np.zeros(64, np.int64)
        self._by_row: dict[int, list[int]] = {}
        #: addresses that lead to a row; IPv6 only, where a key is no proof
        self._six_names: dict[int, set[bytes]] = {}
        #: the same for one frame at a time; IPv4 only
        self.one: dict[int, int] = {}

    def add(self, row: int, *, also: bool = False) -> None:
        """The row's present address and remote call number lead to it; former keys are forgotten, unless `also`."""
        if not also:
            self.discard(row)
        remote = int(self._legs.remote[row])
        if not remote:
            return
        if self.six:
            key = int(self.keys(self._legs.name[row : row + 1], np.array([remote]))[0])
            self._six_names.setdefault(row, set()).add(_six_end(self._legs.name[row]))
        else:
            # as `keys` makes it
            key = int.from_bytes(self._legs.name[row, :8].tobytes(), "little") & ~0xFFFF | remote
        n = self._count
        if n + 1 == len(self._key):
            self._key = np.concatenate([self._key, np.full(n, _NO_KEY, np.uint64)])
            self._row = np.concatenate([self._row, np.zeros(n, np.int64)])
        at = int(self._key[:n].searchsorted(np.uint64(key)))
        self._key[at + 1 : n + 1] = self._key[at:n]
        self._row[at + 1 : n + 1] = self._row[at:n]
        self._key[at], self._row[at] = key, row
        self._count = n + 1
        self._by_row.setdefault(row, []).append(key)
        if not self.six:
            self.one[key] = row

    def discard(self, row: int) -> None:
        self._six_names.pop(row, None)
        for key in self._by_row.pop(row, ()):
            self._discard(row, key)

    def _discard(self, row: int, key: int) -> None:
        n = self._count
        at = int(self._key[:n].searchsorted(np.uint64(key)))
        while self._row[at] != row:
            at += 1
        self._key[at:n] = self._key[at + 1 : n + 1]
        self._row[at:n] = self._row[at + 1 : n + 1]
        self._count = n - 1
        if self.one.get(key) == row:
            del self.one[key]

    def keys(self, names: npt.NDArray[np.uint8], calls: Ints) -> npt.NDArray[np.uint64]:
        """Keys of sockaddrs (n, SIZE) with call numbers."""
        words = names.view(np.uint64)
        number = calls.astype(np.uint64)
        if not self.six:
            key: npt.NDArray[np.uint64] = (_swap(words[:, 0]) & _V4_MASK) | number
            return key
        # family, port and (zeroed) flow; address; scope
        mixed = (words[:, 0] & _SIX_HEAD) * _K1
        mixed ^= words[:, 1] * _K2
        mixed ^= words[:, 2] * _K3
        mixed ^= words[:, 3] & _SIX_SCOPE
        mixed ^= mixed >> np.uint64(29)
        mixed *= _K1
        folded: npt.NDArray[np.uint64] = (mixed & _V4_MASK) | number
        return folded

    def find(self, names: npt.NDArray[np.uint8], calls: Ints) -> Ints:
        """Rows of these senders, 0 where there is none."""
        n = self._count
        if not n:
            return np.zeros(len(calls), np.int64)
        key = self.keys(names, calls)
        at = self._key[:n].searchsorted(key)
        row: Ints = self._row.take(at)
        miss = self._key.take(at) != key
        if self.six:
            same = _same_six(self._legs.name[row], names)
            for i in np.nonzero(~miss & ~same)[0].tolist():
                row[i] = self._probe(int(at[i]), int(key[i]), names[i : i + 1])
        if np.count_nonzero(miss):
            row[miss] = 0
        return row

    def known(self, key: npt.NDArray[np.uint64]) -> Ints:
        """Rows of these IPv4 keys, 0 where there is none."""
        at = self._key[: self._count].searchsorted(key)
        row: Ints = self._row.take(at)
        row *= self._key.take(at) == key
        return row

    def _probe(self, at: int, key: int, name: npt.NDArray[np.uint8]) -> int:
        """Not the row's present address: a former one that counts still, or a neighbour that folded to the same key."""
        end = _six_end(name[0])
        while at < self._count and int(self._key[at]) == key:
            row = int(self._row[at])
            if end in self._six_names.get(row, ()):
                return row
            at += 1
        return 0


_NO_KEY = np.uint64(0xFFFFFFFFFFFFFFFF)
_K1, _K2, _K3 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F), np.uint64(0x165667B19E3779F9)


def _mask(parts: tuple[tuple[int, int], ...], word: int) -> np.uint64:
    """The native 64-bit mask that keeps the byte ranges `parts` of a sockaddr within its 8-byte `word`."""
    raw = bytearray(8)
    for first, size in parts:
        for i in range(first, first + size):
            if i // 8 == word:
                raw[i % 8] = 0xFF
    return np.uint64(int(np.frombuffer(bytes(raw), np.uint64)[0]))


_SIX_HEAD = _mask(((0, 4),), 0)
_SIX_SCOPE = _mask(((24, 4),), 3)


def _same_six(one: npt.NDArray[np.uint8], two: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Port, address and scope agree (the flow label does not count)."""
    same: npt.NDArray[np.bool_] = (one[:, 2:4] == two[:, 2:4]).all(1) & (one[:, 8:28] == two[:, 8:28]).all(1)
    return same


if np.uint16(1).tobytes()[0] == 1:

    def _swap(word: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
        """The family stands in the low 16 bits already."""
        return word

else:

    def _swap(word: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
        """Bring the family to the low 16 bits."""
        return word.byteswap()


def _six_end(name: npt.NDArray[np.uint8]) -> bytes:
    """Port, address and scope of a sockaddr."""
    return name[2:4].tobytes() + name[8:28].tobytes()
