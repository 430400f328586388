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
import numpy.typing as npt

from pbx.channels.voice import address as addresses
from pbx.channels.voice.arena import SLOT, SLOTS, Arena
from pbx.channels.voice.counters import PlaneCounters
from pbx.channels.voice.layout import (
    CONTROL_IN,
    IOVEC,
    MMSGHDR,
    Iovec,
    Mmsghdr,
    control_levels,
    read_control,
    run_lengths,
)
from pbx.channels.voice.legs import Ints
from pbx.channels.voice.outbox import Outbox
from pbx.channels.voice.single import Heads

_MSG_DONTWAIT = 0x40
#: 32-bit words of a message header, and which of them is the length; 64-bit words of a name
_STRIDE, _LENGTH = MMSGHDR.itemsize // 4, MMSGHDR.fields["len"][1] // 4 if MMSGHDR.fields else 0
_NAME = addresses.SIZE // 8
_INDEX = np.arange(SLOTS)
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

    After `receive`: `length` (bytes), `name` (sockaddrs), `offset` (into the arena) of the first `count` datagrams.
    What the kernel put together (UDP_GRO: datagrams of one length and one sender, in one message) is taken apart here,
    where it lies; so much received voice costs a message for many frames instead of one each.
    """

    def __init__(self, arena: Arena, kernel: Kernel, counters: PlaneCounters) -> None:
        self._arena = arena
        self._kernel = kernel
        self._counters = counters
        self.count = 0
        #: whether more may wait
        self.full = False
        self._names = np.zeros((SLOTS, addresses.SIZE), np.uint8)
        self.name: npt.NDArray[np.uint8] = self._names
        self._control = np.zeros((SLOTS, CONTROL_IN), np.uint8)
        self._levels = control_levels(self._control)
        self._iov = np.zeros(SLOTS, IOVEC)
        self._iov["base"] = (arena.base + arena.slot).astype(np.uint64)
        self._iov["len"] = SLOT
        index = np.arange(SLOTS, dtype=np.uint64)
        self._table = np.zeros(SLOTS, MMSGHDR)
        hdr = self._table["hdr"]
        hdr["name"] = self._names.ctypes.data + index * np.uint64(addresses.SIZE)
        hdr["iov"] = self._iov.ctypes.data + index * np.uint64(IOVEC.itemsize)
        hdr["iovlen"] = 1
        hdr["control"] = self._control.ctypes.data + index * np.uint64(CONTROL_IN)
        self._namelen, self._controllen = hdr["namelen"], hdr["controllen"]
        self._namelen[:] = addresses.SIZE
        self._received = self._table["len"]
        self._pointer = int(self._table.ctypes.data)
        self._length: Ints = np.zeros(SLOTS, np.int64)
        self._offset: Ints = arena.slot
        #: the message of each datagram, None where each is one
        self._message: Ints | None = None
        self._index = np.arange(2 * SLOTS)
        self._used = SLOTS
        #: the same, for few datagrams without arrays
        self._slots: list[int] = arena.slot.tolist()
        self._words = self._names.view(np.uint64).reshape(-1).data
        self._lengths = self._table.view(np.uint32).data if MMSGHDR.itemsize % 4 == 0 else None
        self._filled = True

    def receive(self, fd: int, plain: bool = False, runs: bool = False) -> int:
        """Take what waits, at most a ring full; the number of datagrams (0: nothing waits).

        plain: an IPv4 socket, and nobody wants to know what else the kernel says of these datagrams.
        runs: the kernel may put datagrams of the socket together.
        """
        if runs or not plain:
            used = self._used
            self._namelen[:used] = addresses.SIZE
            self._controllen[:used] = CONTROL_IN
            self._used = 0
        self.count = 0
        for _ in range(16):
            done, error = self._kernel.receive(fd, self._pointer, SLOTS)
            if done > 0:
                self._used = max(self._used, done)
                self.full = done == SLOTS
                self.name, self._message = self._names, None
                self._filled = False
                self.count = done
                # a local address is of level 0, and the first thing said where nothing else is
                said = self._controllen if plain else self._levels
                if runs and np.count_nonzero(said[:done]):
                    self._take_apart(done)
                return self.count
            if done == 0 or error in _AGAIN:
                break
            # ICMP errors of earlier sends are reported here, one a call; they say nothing about what waits
            self._counters.receive_errors += 1
        return 0

    def _take_apart(self, done: int) -> None:
        """Make datagrams of messages.  There are few of those as a rule, so they are looked at one by one."""
        pieces = run_lengths(self._control, self._controllen, done)
        if not any(pieces):
            return
        counts: list[int] = []
        heads: list[tuple[int, int, int]] = []
        count = 0
        for slot, total, size in zip(self._slots, self._received[:done].tolist(), pieces, strict=False):
            size = size or total or 1
            # where the run would begin if it were the first one
            heads.append((slot - count * size, size, slot + total))
            here = -(-total // size) or 1
            counts.append(here)
            count += here
        message = _INDEX[:done].repeat(counts)
        first, size_of, end = np.array(heads).take(message, axis=0).T
        if count > len(self._index):
            self._index = np.arange(2 * count)
        self._offset = first + self._index[:count] * size_of
        self._length = np.minimum(size_of, end - self._offset)
        self.name = self._names.take(message, axis=0)
        self._message = message
        self.count = count
        self._filled = True

    def heads(self) -> Heads:
        """Senders, offsets and lengths, for those who go through few datagrams one by one."""
        n = self.count
        if self._filled or self._lengths is None:
            return self.name[:n].view(np.uint64)[:, 0].tolist(), self.offset[:n].tolist(), self.length[:n].tolist()
        lengths = self._lengths[_LENGTH : n * _STRIDE : _STRIDE].tolist()
        return self._words[: n * _NAME : _NAME].tolist(), self._slots[:n], lengths

    @property
    def length(self) -> Ints:
        """Bytes of each datagram."""
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
        self._length = self._received[: self.count].astype(np.int64)
        self._offset = self._arena.slot[: self.count]

    def _of(self, i: int) -> int:
        return i if self._message is None else int(self._message[i])

    def control(self, i: int) -> tuple[bytes, int]:
        """(local address, kernel's drop counter or -1) of datagram `i`."""
        i = self._of(i)
        return read_control(bytes(self._control[i, : int(self._controllen[i])]))

    @property
    def last_has_drops(self) -> bool:
        """True when the last message carries more control data than a local address."""
        return self.count > 0 and int(self._controllen[self._of(self.count - 1)]) > 0


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
