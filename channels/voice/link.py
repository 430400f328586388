"""Batches of records between control and the voice process, over a pair of sequenced-packet sockets.

A packet is whole records; descriptors travel beside the packet that names them.
What the other end does not take at once waits here.
"""

from __future__ import annotations

import array
import os
import socket
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from twisted.internet.interfaces import IReadWriteDescriptor
from zope.interface import implementer

from pbx.channels.voice.records import HEAD

#: bytes of a packet: well below the socket buffer; one record (a datagram of 64 KiB) may be larger
_PACKET = 60_000
_LARGEST = 256 << 10
_BUFFER = 4 << 20
#: descriptors that go with one packet (the kernel's own limit)
MOST_DESCRIPTORS = 253
_BESIDE = socket.CMSG_SPACE(4 * MOST_DESCRIPTORS)
#: what may wait for a partner that does not read; beyond that it is taken for dead
_BACKLOG = 64 << 20
#: how the first packet of a voice process begins, which hears from now on; its pid (4 octets) follows
READY = b"ready"
#: no batch is that short
LONGEST_GREETING = len(READY) + 4


def pair() -> tuple[socket.socket, socket.socket]:
    """Two connected ends."""
    ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for end in ends:
        end.setblocking(False)
        for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            end.setsockopt(socket.SOL_SOCKET, option, _BUFFER)
    return ends


def packets(batch: bytes) -> Iterator[bytes]:
    """A batch cut between records."""
    if len(batch) <= _PACKET:
        yield batch
        return
    start = at = 0
    while at < len(batch):
        size = HEAD.unpack_from(batch, at)[4]
        end = at + HEAD.size + size + (-size % 8)
        if end - start > _PACKET and at > start:
            yield batch[start:at]
            start = at
        at = end
    yield batch[start:]


@implementer(IReadWriteDescriptor)
class Link:
    """One end, in a reactor.  received(packet, descriptors); closed(): the other end is gone."""

    def __init__(
        self,
        reactor: Any,
        sock: socket.socket,
        received: Callable[[bytes, list[int]], None],
        closed: Callable[[], None],
    ) -> None:
        self._reactor = reactor
        self._socket: socket.socket | None = sock
        self._received = received
        self._closed = closed
        self._waiting: deque[tuple[bytes, list[int]]] = deque()
        self._backlog = 0
        self._room = memoryview(bytearray(_LARGEST))
        reactor.addReader(self)

    def fileno(self) -> int:
        return self._socket.fileno() if self._socket is not None else -1

    def logPrefix(self) -> str:
        return "voice link"

    def send(self, batch: bytes, descriptors: list[int] | None = None) -> None:
        """Send a batch; `descriptors` (at most MOST_DESCRIPTORS) go with its first packet."""
        for packet in packets(batch):
            if self._socket is None:
                return
            if self._waiting or not self._write(packet, descriptors or []):
                self._waiting.append((packet, descriptors or []))
                self._backlog += len(packet)
                if len(self._waiting) == 1 and self._socket is not None:
                    self._reactor.addWriter(self)
                if self._backlog > _BACKLOG:
                    self._lost()
            descriptors = None

    def _write(self, packet: bytes, descriptors: list[int]) -> bool:
        if self._socket is None:
            return True
        beside = (
            [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors).tobytes())] if descriptors else []
        )
        try:
            self._socket.sendmsg([packet], beside, socket.MSG_NOSIGNAL)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            self._lost()
        return True

    def doWrite(self) -> None:
        while self._waiting and self._socket is not None:
            packet, descriptors = self._waiting[0]
            if not self._write(packet, descriptors):
                return
            if self._waiting:
                self._waiting.popleft()
                self._backlog -= len(packet)
        if self._socket is not None:
            self._reactor.removeWriter(self)

    def doRead(self) -> None:
        """One packet: to ask in vain for a second one costs as much as to be called again."""
        self._read()

    def read_all(self) -> None:
        """All packets that wait."""
        while self._read():
            pass

    def _read(self) -> bool:
        """Whether there was a packet."""
        if self._socket is None:
            return False
        try:
            size, beside, _, _ = self._socket.recvmsg_into((self._room,), _BESIDE)
            packet = bytes(self._room[:size])
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            packet, beside = b"", []
        if packet:
            self._received(packet, _descriptors(beside) if beside else [])
        else:
            self._lost()
        return bool(packet)

    def _lost(self) -> None:
        if self._socket is not None:
            self.close()
            self._closed()

    def close(self) -> None:
        """Leave the reactor, without telling `closed`."""
        if self._socket is None:
            return
        self._reactor.removeReader(self)
        self._reactor.removeWriter(self)
        self._socket.close()
        self._socket = None
        self._waiting.clear()

    def connectionLost(self, reason: object) -> None:
        """The reactor shuts down."""


def _descriptors(beside: list[tuple[int, int, bytes]]) -> list[int]:
    """Those that came beside a packet."""
    found = array.array("i")
    for level, kind, data in beside:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            found.frombytes(data[: len(data) - len(data) % found.itemsize])
    return found.tolist()


def close_all(descriptors: list[int]) -> None:
    """Close descriptors that nobody asked for."""
    for descriptor in descriptors:
        os.close(descriptor)
