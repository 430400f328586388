"""What all parts of the plane share: the arena, the legs, the boxes to send from, the events, the counters."""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from pbx.channels.voice.arena import Arena
from pbx.channels.voice.counters import TX_OWN, TX_STATE, CounterTable, PlaneCounters
from pbx.channels.voice.headers import Headers
from pbx.channels.voice.legs import Ints, LegTable, SinkState, SocketKeys
from pbx.channels.voice.outbox import Outbox
from pbx.channels.voice.records import Events
from pbx.codecs.formats import BY_BIT, Format

#: a voice stamp may be this far from the call's clock, ms
TOLERANCE = 160
FRAME_MS = 20
_CONTROL = int(SinkState.CONTROL)
_WORD = struct.Struct(">I")


class Core:
    """Shared tables of one plane; its parts hold one reference to it."""

    def __init__(self, headers: Headers, capacity: int, counters: CounterTable) -> None:
        self.headers = headers
        self.arena = Arena()
        self.table = counters
        self.legs = LegTable(capacity, counters)
        self.counters = PlaneCounters()
        self.events = Events()
        self.keys: dict[int, SocketKeys] = {}
        self.boxes: dict[int, Outbox] = {}
        #: how long what is read now may have waited for us, ms (`lateness`): stamps may be so much older
        self.late = 0
        self._windows: dict[int, npt.NDArray[np.uint8]] = {}

    def gather(self, offset: Ints, size: int) -> npt.NDArray[np.uint8]:
        """A copy of equally long payloads, (n, size)."""
        window = self._windows.get(size)
        if window is None:
            flat = self.arena.flat
            window = np.lib.stride_tricks.as_strided(flat, (len(flat) - size + 1, size), (1, 1), writeable=False)
            self._windows[size] = window
        return window[offset]

    def scatter(self, payload: npt.NDArray[np.uint8]) -> Ints | None:
        """Put payloads (n, size) into the scratch with room for a header each; where they are, None if it is full."""
        n, size = payload.shape
        stride = 8 + size + (-size % 8)
        at = self.arena.reserve(n * stride, headroom=0)
        if at < 0:
            return None
        self.arena.flat[at : at + n * stride].reshape(n, stride)[:, 8 : 8 + size] = payload
        offset: Ints = at + 8 + np.arange(n, dtype=np.int64) * stride
        return offset

    def minis(self, sink: Ints, record: Ints, tx: Ints, offset: Ints, size: Ints) -> None:
        """Write the headers in place and queue the frames; `tx` are the stamps, `record` the sinks' tx records."""
        over = self.headers.overhead
        start = offset - over
        self.arena.word[start] = self.headers.mini_headers(record[:, TX_OWN], tx & 0xFFFF)
        pointer = start + self.arena.base
        length = size + over
        control = record[:, TX_STATE] & _CONTROL
        if len(self.boxes) == 1:
            (box,) = self.boxes.values()
            self._queue(box, sink, control, pointer, length)
            return
        socket = self.legs.socket[sink]
        for number, box in self.boxes.items():
            mine = np.nonzero(socket == number)[0]
            if len(mine):
                self._queue(box, sink[mine], control[mine], pointer[mine], length[mine])

    def mini(self, sink: int, tx: int, offset: int, size: int) -> bool:
        """The same for one frame to a leg about which nothing is unusual; False: it has no box."""
        box = self.boxes.get(int(self.legs.socket[sink]))
        if box is None:
            return False
        start = offset - self.headers.overhead
        record = self.legs.tx[sink]
        _WORD.pack_into(self.arena.memory, start, self.headers.mini_header(int(record[TX_OWN]), tx))
        box.add_plain(self.arena.base + start, size + self.headers.overhead, self.legs.name_pointer(sink))
        return True

    def datagram(self, row: int, data: bytes) -> None:
        """Queue one datagram to a leg as it is."""
        at = self.arena.put(data)
        box = self.boxes.get(int(self.legs.socket[row]))
        if at < 0 or box is None:
            self.counters.held_dropped += 1
            return
        sink, pointer, length = ones(row, at + self.arena.base, len(data))
        self._queue(box, sink, self.legs.sink_state[sink] & _CONTROL, pointer, length)

    def _queue(self, box: Outbox, sink: Ints, control: Ints, pointer: Ints, length: Ints) -> None:
        legs = self.legs
        at = box.add(pointer, length, legs.name_pointer(sink))
        if np.count_nonzero(control):
            box.set_control(at, np.where(control > 0, legs.control_pointer(sink), 0), legs.controllen[sink])


@lru_cache(maxsize=1024)
def milliseconds(format_bit: int, size: int) -> int:
    """How long a payload sounds; 20 where nobody can tell."""
    which = format_of(format_bit)
    if which is None or not which.rate:
        return FRAME_MS
    return which.samples_of(size) * 1000 // which.rate or FRAME_MS


def format_of(format_bit: int) -> Format | None:
    """The format of a bit, None for an unknown one."""
    return BY_BIT.get(format_bit)


def ones(*values: int) -> list[Any]:
    """One-element arrays."""
    return [np.array([v], np.int64) for v in values]
