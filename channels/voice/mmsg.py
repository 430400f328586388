"""recvmmsg and sendmmsg by ctypes: 256 datagrams a call, read into the arena and sent from it.

`Ring` fills the arena's slots; `send` empties an `Outbox`.  Where the C library
has no such calls, `PlainKernel` does the same with one system call a datagram.
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
from typing import Protocol

import numpy as np

from pbx.channels.voice import address as addresses
from pbx.channels.voice.arena import SLOT, SLOTS, SPILL, Arena
from pbx.channels.voice.counters import PlaneCounters
from pbx.channels.voice.layout import CONTROL_IN, IOVEC, MMSGHDR, MSG_TRUNC, Iovec, Mmsghdr, read_control
from pbx.channels.voice.legs import Ints
from pbx.channels.voice.outbox import Outbox
from pbx.channels.voice.single import Heads

_MSG_DONTWAIT = 0x40
#: 32-bit words of a message header, and which of them is the length; 64-bit words of a name
_STRIDE, _LENGTH = MMSGHDR.itemsize // 4, MMSGHDR.fields["len"][1] // 4 if MMSGHDR.fields else 0
_NAME = addresses.SIZE // 8
_AGAIN = (errno.EAGAIN, errno.EWOULDBLOCK)


class Kernel(Protocol):
    """The two system calls, by pointer to a mmsghdr table: (messages, 0) or (-1, errno)."""

    def receive(self, fd: int, table: int, count: int) -> tuple[int, int]: ...

    def send(self, fd: int, table: int, count: int) -> tuple[int, int]: ...


class MmsgKernel:
    """recvmmsg and sendmmsg.  Raises AttributeError where the C library has none."""

    def __init__(self) -> None:
        # PyDLL keeps the interpreter's lock: these calls never block, and giving it away costs more than they do
        library = ctypes.PyDLL(None, use_errno=True)
        self._recv = library.recvmmsg
        self._recv.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int, ctypes.c_void_p)
        self._recv.restype = ctypes.c_int
        self._send = library.sendmmsg
        self._send.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int)
        self._send.restype = ctypes.c_int

    def receive(self, fd: int, table: int, count: int) -> tuple[int, int]:
        done = self._recv(fd, table, count, _MSG_DONTWAIT, None)
        return done, ctypes.get_errno() if done < 0 else 0

    def send(self, fd: int, table: int, count: int) -> tuple[int, int]:
        done = self._send(fd, table, count, _MSG_DONTWAIT)
        return done, ctypes.get_errno() if done < 0 else 0


class PlainKernel:
    """The same by recvmsg and sendmsg of the socket module, for systems without the batch calls."""

    def receive(self, fd: int, table: int, count: int) -> tuple[int, int]:
        done = 0
        sock = socket.socket(fileno=os.dup(fd))
        try:
            while done < count:
                message = Mmsghdr.from_address(table + done * MMSGHDR.itemsize)
                try:
                    error = self._receive_one(sock, message)
                except OSError as e:
                    error = e.errno or errno.EIO
                if error:
                    return (done, 0) if done else (-1, error)
                done += 1
        finally:
            sock.close()
        return done, 0

    @staticmethod
    def _receive_one(sock: socket.socket, message: Mmsghdr) -> int:
        hdr = message.hdr
        buffers = []
        for i in range(hdr.iovlen):
            iov = Iovec.from_address(hdr.iov + i * ctypes.sizeof(Iovec))
            buffers.append(memoryview((ctypes.c_char * iov.len).from_address(iov.base)).cast("B"))
        size, control, flags, peer = sock.recvmsg_into(buffers, hdr.controllen, _MSG_DONTWAIT)
        raw = addresses.pack(peer[0], peer[1])
        ctypes.memmove(hdr.name, raw, min(hdr.namelen, len(raw)))
        at = 0
        for level, kind, data in control:
            # written back as the kernel would have it, so that one reader serves both
            word = ctypes.sizeof(ctypes.c_size_t)
            head = (2 * ctypes.sizeof(ctypes.c_int)) + word
            entry = (head + len(data)).to_bytes(word, "little") + level.to_bytes(4, "little")
            entry += kind.to_bytes(4, "little") + data
            entry = entry.ljust(-(-len(entry) // word) * word, b"\0")
            ctypes.memmove(hdr.control + at, entry, len(entry))
            at += len(entry)
        message.hdr.controllen = at
        message.hdr.flags = flags
        message.len = size
        return 0

    def send(self, fd: int, table: int, count: int) -> tuple[int, int]:
        done = 0
        sock = socket.socket(fileno=os.dup(fd))
        try:
            while done < count:
                hdr = Mmsghdr.from_address(table + done * MMSGHDR.itemsize).hdr
                pieces = []
                for i in range(hdr.iovlen):
                    iov = Iovec.from_address(hdr.iov + i * ctypes.sizeof(Iovec))
                    pieces.append(ctypes.string_at(iov.base, iov.len))
                peer = addresses.unpack(ctypes.string_at(hdr.name, hdr.namelen).ljust(addresses.SIZE, b"\0"))
                try:
                    sock.sendmsg(pieces, self._ancillary(hdr), _MSG_DONTWAIT, peer)
                except OSError as e:
                    return (done, 0) if done else (-1, e.errno or errno.EIO)
                done += 1
        finally:
            sock.close()
        return done, 0

    @staticmethod
    def _ancillary(hdr: object) -> list[tuple[int, int, bytes]]:
        control: int = hdr.control  # type: ignore[attr-defined]
        if not control:
            return []
        raw = ctypes.string_at(control, hdr.controllen)  # type: ignore[attr-defined]
        word = ctypes.sizeof(ctypes.c_size_t)
        size = int.from_bytes(raw[:word], "little")
        level, kind = (int.from_bytes(raw[word + i : word + i + 4], "little") for i in (0, 4))
        return [(level, kind, raw[word + 8 : size])]


def best_kernel() -> Kernel:
    """The batch calls where there are any."""
    try:
        return MmsgKernel()
    except (AttributeError, OSError):
        return PlainKernel()


class Ring:
    """Receives into the arena's slots.

    After `receive`: `length` (bytes), `name` (sockaddrs), `offset` (into the arena) of the first `count` messages.
    """

    def __init__(self, arena: Arena, kernel: Kernel, counters: PlaneCounters) -> None:
        self._arena = arena
        self._kernel = kernel
        self._counters = counters
        self.count = 0
        self.name = np.zeros((SLOTS, addresses.SIZE), np.uint8)
        self._control = np.zeros((SLOTS, CONTROL_IN), np.uint8)
        self._spill = np.zeros((SLOTS, SPILL), np.uint8)
        self._iov = np.zeros((SLOTS, 2), IOVEC)
        self._iov["base"][:, 0] = (arena.base + arena.slot).astype(np.uint64)
        self._iov["len"][:, 0] = SLOT
        index = np.arange(SLOTS, dtype=np.uint64)
        self._iov["base"][:, 1] = self._spill.ctypes.data + index * np.uint64(SPILL)
        self._iov["len"][:, 1] = SPILL
        self._table = np.zeros(SLOTS, MMSGHDR)
        hdr = self._table["hdr"]
        hdr["name"] = self.name.ctypes.data + index * np.uint64(addresses.SIZE)
        hdr["iov"] = self._iov.ctypes.data + index * np.uint64(2 * IOVEC.itemsize)
        hdr["iovlen"] = 2
        hdr["control"] = self._control.ctypes.data + index * np.uint64(CONTROL_IN)
        self._namelen, self._controllen, self._flags = hdr["namelen"], hdr["controllen"], hdr["flags"]
        self._namelen[:] = addresses.SIZE
        self._received = self._table["len"]
        self._pointer = int(self._table.ctypes.data)
        self._length: Ints = np.zeros(SLOTS, np.int64)
        self._offset: Ints = arena.slot.copy()
        self._used = SLOTS
        #: the same, for few datagrams without arrays
        self._slots: list[int] = arena.slot.tolist()
        self._names = self.name.view(np.uint64).reshape(-1).data
        self._lengths = self._table.view(np.uint32).data if MMSGHDR.itemsize % 4 == 0 else None
        self._filled = True

    def receive(self, fd: int, plain: bool = False) -> int:
        """Take what waits, at most a ring full; the number of datagrams (0: nothing waits).

        plain: an IPv4 socket, and nobody wants to know what else the kernel says of these datagrams.
        """
        if not plain:
            used = self._used
            self._namelen[:used] = addresses.SIZE
            self._controllen[:used] = CONTROL_IN
            self._used = 0
        self.count = 0
        for _ in range(16):
            done, error = self._kernel.receive(fd, self._pointer, SLOTS)
            if done > 0:
                self.count = done
                self._used = max(self._used, done)
                self._filled = False
                return done
            if done == 0 or error in _AGAIN:
                break
            # ICMP errors of earlier sends are reported here, one a call; they say nothing about what waits
            self._counters.receive_errors += 1
        return 0

    def heads(self) -> Heads:
        """Senders, offsets and lengths, for those who go through few datagrams one by one."""
        n = self.count
        if self._filled or self._lengths is None:
            lengths = self.length[:n].tolist()
        else:
            lengths = self._lengths[_LENGTH : n * _STRIDE : _STRIDE].tolist()
        if max(lengths, default=0) > SLOT:
            # behind a slot lies the next one: a longer datagram is put together elsewhere, or dropped
            return self._names[: n * _NAME : _NAME].tolist(), self.offset[:n].tolist(), self.length[:n].tolist()
        return self._names[: n * _NAME : _NAME].tolist(), self._slots[:n], lengths

    @property
    def length(self) -> Ints:
        """Bytes of each datagram; 0 of one that was too long."""
        if not self._filled:
            self._fill()
        return self._length

    @property
    def offset(self) -> Ints:
        """Where each one starts in the arena."""
        if not self._filled:
            self._fill()
        return self._offset

    def _fill(self) -> None:
        self._filled = True
        done, length = self.count, self._length
        length[:done] = self._received[:done]
        self._offset[:done] = self._arena.slot[:done]
        if int(length[:done].max()) > SLOT:
            for i in np.nonzero(length[:done] > SLOT)[0].tolist():
                self._join(i)

    def _join(self, i: int) -> None:
        """A datagram longer than its slot: both pieces go to the scratch; one too long for that is dropped."""
        size = int(self._length[i])
        at = self._arena.reserve(size) if not int(self._flags[i]) & MSG_TRUNC and size <= SLOT + SPILL else -1
        if at < 0:
            self._counters.truncated += 1
            self._length[i] = 0
            return
        slot = int(self._arena.slot[i])
        flat = self._arena.flat
        flat[at : at + SLOT] = flat[slot : slot + SLOT]
        flat[at + SLOT : at + size] = self._spill[i, : size - SLOT]
        self._offset[i] = at

    def control(self, i: int) -> tuple[bytes, int]:
        """(local address, kernel's drop counter or -1) of message `i`."""
        return read_control(bytes(self._control[i, : int(self._controllen[i])]))

    @property
    def last_has_drops(self) -> bool:
        """True when the last message carries more control data than a local address."""
        return self.count > 0 and int(self._controllen[self.count - 1]) > 0


def send(kernel: Kernel, fd: int, box: Outbox, counters: PlaneCounters) -> None:
    """Send a box, and clear it.  A message that gives an error is skipped; a full socket drops the rest.

    ECONNREFUSED is an ICMP error of an earlier datagram: the message itself was not sent, so it is tried again once.
    """
    table, size = box.table, MMSGHDR.itemsize
    at, end = 0, box.count
    tried = -1
    while at < end:
        done, error = kernel.send(fd, table + at * size, end - at)
        if done > 0:
            at += done
            continue
        if error in _AGAIN:
            counters.send_dropped += end - at
            break
        if error == errno.EINTR:
            continue
        if error == errno.ECONNREFUSED and tried != at:
            tried = at
            continue
        counters.send_errors += 1
        at += 1
    counters.sent_datagrams += end
    box.clear()
