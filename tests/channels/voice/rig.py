"""A voice plane in a reactor of its own, with far ends on real loopback sockets."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable
from typing import Any

from twisted.internet.epollreactor import EPollReactor

from pbx.channels.voice.localport import LocalPort
from pbx.channels.voice.port import LegFlags
from pbx.channels.voice.remoteport import RemotePort

ULAW, ALAW, GSM, SLIN = 4, 8, 2, 64
NO_FLAGS = LegFlags(0)


def mini(call: int, stamp: int, payload: bytes) -> bytes:
    return struct.pack(">HH", call, stamp & 0xFFFF) + payload


def full(source: int, dest: int, stamp: int, kind: int, subclass: int, payload: bytes = b"", seq: int = 0) -> bytes:
    return struct.pack(">HHIBBBB", 0x8000 | source, dest, stamp & 0xFFFFFFFF, seq, 0, kind, subclass) + payload


class Told:
    """Hears the plane's events; answers `voice_due` and VOICE frames as the protocol core would."""

    def __init__(self) -> None:
        self.port: Any = None
        self.datagrams: list[tuple[Any, ...]] = []
        self.due: list[tuple[int, int, int, bytes]] = []
        self.unknown: list[int] = []
        self.done: list[tuple[int, str]] = []
        self.found: list[tuple[int, str]] = []
        self.far: dict[int, Far] = {}
        self.answer = True

    def datagram(
        self,
        socket: int,
        address: tuple[str, int],
        local: str,
        row: int,
        generation: int,
        stamp: int,
        data: bytes,
        held: int,
    ) -> None:
        self.datagrams.append((socket, address, local, row, generation, data))
        if self.answer and row and data[10] == 2:
            far = self.far[row]
            self.port.voice_in(row, struct.unpack(">I", data[4:8])[0], data[11], data[12:])
            self.port.set_formats(row, data[11], far.hears)
            self.port.release(row, held)

    def voice_due(self, row: int, generation: int, ts64: int, format_bit: int, payload: bytes) -> None:
        self.due.append((row, ts64, format_bit, payload))
        if self.answer:
            far = self.far[row]
            frame = full(far.own, far.call, ts64, 2, format_bit, payload)
            self.port.send(1, far.address, frame, row=row, barrier=True)

    def voice_unknown(self, row: int, generation: int) -> None:
        self.unknown.append(row)

    def voice_trunked(self, row: int, generation: int) -> None: ...

    def mark_due(self, row: int, generation: int, number: int) -> None: ...

    def finished(self, source: int, reason: str) -> None:
        self.done.append((source, reason))

    def detected(self, row: int, what: str) -> None:
        self.found.append((row, what))

    def heard(self, number: int, what: str) -> None:
        self.found.append((number, what))


class Far:
    """A far end: its socket and numbers."""

    def __init__(self, rig: Rig, row: int, host: str, call: int, hears: int, flags: LegFlags) -> None:
        self.socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((host, 0))
        self.socket.setblocking(False)
        self.address = self.socket.getsockname()[:2]
        self.row, self.call, self.own, self.hears = row, call, 1000 + row, hears
        self.rig = rig
        self.got: list[bytes] = []
        rig.told.far[row] = self
        rig.port.add_leg(row, 7, 1, self.address, "", self.own, call, flags, rig.clock)
        if hears:
            rig.port.set_formats(row, 0, hears)

    def send(self, data: bytes) -> None:
        self.socket.sendto(data, self.rig.address)

    def voice(self, stamp: int, payload: bytes, format_bit: int = ULAW) -> None:
        self.send(full(self.call, self.own, stamp, 2, format_bit, payload))

    def mini(self, stamp: int, payload: bytes) -> None:
        self.send(mini(self.call, stamp, payload))

    def poll(self) -> list[bytes]:
        while True:
            try:
                self.got.append(self.socket.recv(65536))
            except BlockingIOError:
                return self.got

    @property
    def payloads(self) -> list[bytes]:
        return [d[12:] if d[0] & 0x80 else d[4:] for d in self.got]

    @property
    def stamps(self) -> list[int]:
        return [struct.unpack(">I", d[4:8])[0] if d[0] & 0x80 else struct.unpack(">H", d[2:4])[0] for d in self.got]


class Rig:
    """Use as a context manager."""

    def __init__(self, host: str = "127.0.23.1", apart: bool = False, **options: Any) -> None:
        self.reactor = EPollReactor()
        self.told = Told()
        make: Any = RemotePort if apart else LocalPort
        self.port: Any = make(self.reactor, self.told, capacity=1024, **options)
        self.told.port = self.port
        self.plane = getattr(self.port, "plane", None)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.bind((host, 0))
        self.socket.setblocking(False)
        self.address = self.socket.getsockname()[:2]
        self.clock = time.monotonic_ns()
        self.host = host
        self.port.add_socket(1, self.socket.fileno(), family)
        self.fars: list[Far] = []
        self._until: Callable[[], bool] | None = None
        self._deadline = 0.0
        self._started = False

    def __enter__(self) -> Rig:
        self.obeyed()
        return self

    def obeyed(self) -> None:
        """Wait until a plane in a process of its own has obeyed all that was said."""
        if self.plane is None:
            # a sound on a leg that is not there ends at once
            self.port.play_silence(1, 1023, 20)
            self.run(lambda: bool(self.told.done), 10)
            self.told.done.clear()

    def __exit__(self, *_: object) -> None:
        self.port.shutdown()
        for far in self.fars:
            far.socket.close()
        self.socket.close()
        self.reactor.fireSystemEvent("shutdown")
        for _ in range(3):
            self.reactor.iterate(0)
        self.reactor._poller.close()

    def far(self, row: int, call: int, *, hears: int = ULAW, flags: LegFlags = NO_FLAGS, host: str = "") -> Far:
        far = Far(self, row, host or ("::1" if ":" in self.host else f"127.0.23.{10 + row % 200}"), call, hears, flags)
        self.fars.append(far)
        return far

    def run(self, until: Callable[[], bool], seconds: float = 3.0) -> None:
        """Turn the reactor until that is true; fails after `seconds`."""
        if not self._started:
            self._started = True
            self.reactor.startRunning(installSignalHandlers=False)
        deadline = time.monotonic() + seconds
        while True:
            self.reactor.runUntilCurrent()
            self.reactor.doIteration(0.005)
            for far in self.fars:
                far.poll()
            if until():
                return
            assert time.monotonic() < deadline, "it did not happen in time"

    def turn(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        self.run(lambda: time.monotonic() >= end, seconds + 2)
