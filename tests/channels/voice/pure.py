"""A plane without a socket: datagrams go into the arena's slots by hand, what it sends is read from its boxes."""

from __future__ import annotations

import socket
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np

from pbx.channels.iax2.media import MediaHeaders
from pbx.channels.voice import address as addresses
from pbx.channels.voice.arena import SLOT, SLOTS, Arena
from pbx.channels.voice.counters import CounterTable
from pbx.channels.voice.files import DirectFiles, read_file
from pbx.channels.voice.plane import Plane
from pbx.channels.voice.port import LegFlags
from pbx.channels.voice.records import Commands, deliver_events

START = 1_000_000_000_000
NO_FLAGS = LegFlags(0)
#: no datagram made here is longer
SHORT = 2048


class Slots:
    """Datagrams by hand, as `mmsg.Ring` would have them."""

    def __init__(self, arena: Arena) -> None:
        self._arena = arena
        self.count = 0
        self.length = np.zeros(SLOTS, np.int64)
        self.offset = arena.slot.copy()
        self.name = np.zeros((SLOTS, addresses.SIZE), np.uint8)

    def fill(self, datagrams: list[tuple[tuple[str, int], bytes]]) -> None:
        assert len(datagrams) <= SLOTS
        self.count = len(datagrams)
        for i, (address, data) in enumerate(datagrams):
            assert len(data) <= SHORT
            self._arena.flat[self._arena.slot[i] : self._arena.slot[i] + len(data)] = np.frombuffer(data, np.uint8)
            self.length[i] = len(data)
            self.name[i] = np.frombuffer(addresses.pack(*address), np.uint8)

    def overwrite(self) -> None:
        """As the kernel does with the next ones: nothing may lean on what was there."""
        flat, end = self._arena.flat, int(self._arena.slot[-1]) + SLOT
        for i in range(self.count):
            at = int(self._arena.slot[i])
            flat[at : at + SHORT] = 0xEE
        flat[end : end + (1 << 18)] = 0xEE

    def control(self, i: int) -> tuple[bytes, int]:
        return addresses.NONE, -1


class Sim:
    """The plane, its control (a `VoiceEvents`), and what was sent, by destination."""

    def __init__(self, events: Any = None, *, capacity: int = 64, family: int = socket.AF_INET) -> None:
        self.files = DirectFiles()
        self.pipes: dict[int, bytes | None] = {}
        self.table = CounterTable(capacity)
        self.plane = Plane(MediaHeaders(), self, self.table)
        self.port = Commands()
        self.events = events
        self.ring = Slots(self.plane.core.arena)
        self.now = START
        self.sent: dict[tuple[str, int], list[bytes]] = defaultdict(list)
        self.port.add_socket(1, -1, family)
        self.obey()

    # plane.Outside
    def open_socket(self, socket: int, fd: int, family: int) -> bool:
        return True

    def natural_source(self, address: bytes, local: bytes) -> bool:
        return False

    def close_socket(self, socket: int) -> None: ...
    def trunk_frequency(self, milliseconds: int) -> None: ...
    def media_tick(self, microseconds: int) -> None: ...
    def test_timer(self, rate: int) -> None: ...

    def open_stream(self, stream: int, fd: int) -> None: ...
    def close_stream(self, stream: int) -> None: ...

    def read_stream(self, stream: int, most: int) -> bytes | None:
        """`pipes`: stream -> what waits in it; None in place of octets: closed."""
        waiting = self.pipes.get(stream, b"")
        if waiting is None:
            return b""
        self.pipes[stream] = waiting[most:]
        return waiting[:most] or None

    def read_file(self, path: str, done: Callable[[bytes | None, str], None]) -> None:
        done(*read_file(path))

    def aside(self, work: Callable[[], Any], done: Callable[[Any, int], None]) -> None:
        done(work(), self.now)

    def send_boxes(self) -> None:
        for box in self.plane.boxes.values():
            for name, _, data in box.messages():
                self.sent[addresses.unpack(name)].append(data)
            box.clear()

    # driving
    def leg(
        self,
        row: int,
        address: tuple[str, int],
        own: int,
        remote: int,
        *,
        receive: int = 4,
        send: int = 4,
        flags: LegFlags = NO_FLAGS,
    ) -> None:
        self.port.add_leg(row, 1, 1, address, "", own, remote, flags, START)
        self.port.set_formats(row, receive, send)

    def obey(self) -> None:
        """Commands said so far, and what follows from them, until nobody has anything to say."""
        while self.port:
            self.plane.commands(self.port.take(), self.now)
            self.collect()

    def collect(self, answer: bool = True) -> None:
        self.send_boxes()
        self.plane.sent()
        events = self.plane.take_events()
        if events and self.events is not None:
            deliver_events(events, self.events)

    def receive(self, datagrams: list[tuple[tuple[str, int], bytes]]) -> None:
        """One batch."""
        self.ring.fill(datagrams)
        self.plane.datagrams(1, self.ring, self.now)
        self.collect()
        self.ring.overwrite()

    def tick(self, milliseconds: int = 20, missed: int = 0) -> None:
        """missed: ticks that were left out before this one."""
        self.now += (milliseconds + 20 * missed) * 1_000_000
        self.plane.tick(self.now, missed)
        self.collect()
