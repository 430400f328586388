"""UDP segmentation offload: all frames of one length to one address leave as one message, which the kernel cuts.

What arrives is the same datagrams; the way through the kernel is gone once per
message instead of once per frame.  Worth it where several calls go to the same
peer, which is what a link between two boxes is.
"""

from __future__ import annotations

import ctypes
import errno
import itertools
import socket
import sys

import numpy as np
import numpy.typing as npt

from pbx.channels.voice import address as addresses
from pbx.channels.voice.counters import PlaneCounters
from pbx.channels.voice.layout import IOVEC, MMSGHDR, Cmsghdr
from pbx.channels.voice.legs import Ints, LegTable
from pbx.channels.voice.mmsg import Kernel
from pbx.channels.voice.outbox import Outbox

_UDP_SEGMENT = 103
#: frames of one message; a message's bytes
_MOST = 64
_LARGEST = 65_000
#: fewer frames are not worth sorting; nor are addresses that get fewer each
FEWEST = 24
_EACH = 4
#: a frame that has to go by fragments cannot be a segment; with its headers this fits into any link that carries IPv6
_LONGEST = 1252
#: what says that this socket's way has no such offload
_REFUSED = (errno.EIO, errno.EINVAL, errno.EMSGSIZE, errno.EOPNOTSUPP, errno.ENOPROTOOPT)
_AGAIN = (errno.EAGAIN, errno.EWOULDBLOCK)
_CMSG = -(-ctypes.sizeof(Cmsghdr) // ctypes.sizeof(ctypes.c_size_t)) * ctypes.sizeof(ctypes.c_size_t)
_SPACE = _CMSG + ctypes.sizeof(ctypes.c_size_t)


class Refused(Exception):
    """The kernel has no segmentation for this socket (or not on its way out)."""


class Segments:
    """Sends boxes of plain frames from IPv4 sockets by groups."""

    def __init__(self, legs: LegTable, kernel: Kernel, counters: PlaneCounters) -> None:
        self._kernel = kernel
        self._counters = counters
        self._first = legs.name_pointer(0)
        self._group = legs.group
        #: control data by size of a segment: pointers, and what they point at
        self._pointers: dict[int, int] = {}
        self._control: list[npt.NDArray[np.uint8]] = []
        self._allocate(1024)

    def _allocate(self, capacity: int) -> None:
        self._head = np.zeros(capacity, MMSGHDR)
        self._iov = np.zeros(capacity, IOVEC)
        hdr = self._head["hdr"]
        hdr["namelen"] = addresses.LENGTH[socket.AF_INET]
        self._table, self._vectors = int(self._head.ctypes.data), int(self._iov.ctypes.data)
        # columns: to name one costs more than to fill it
        self._base, self._len = self._iov["base"], self._iov["len"]
        self._name, self._vector, self._pieces = hdr["name"], hdr["iov"], hdr["iovlen"]
        self._said, self._saidlen = hdr["control"], hdr["controllen"]

    def send(self, fd: int, box: Outbox) -> bool:
        """Send a box that holds nothing but frames to legs, and clear it; False: not worth it, nothing was done.

        Raises Refused when the kernel can't; the box then holds what is left to send.
        """
        n = box.count
        pointer, length, row = box.legs or self._listed(box)
        even = not (length != length[0]).nonzero()[0].size
        if int(length[0] if even else length.max()) > _LONGEST:
            return False
        key = self._group.take(row)
        if not even:
            key = key << 12 | length
        if (key != key[0]).nonzero()[0].size:
            order = key.argsort(kind="stable")
            key = key.take(order)
            starts = [0, *((key[1:] != key[:-1]).nonzero()[0] + 1).tolist(), n]
            if (len(starts) - 1) * _EACH > n:
                return False
            pointer, row, length = pointer.take(order), row.take(order), length.take(order)
        else:
            starts = [0, n]
        if n > len(self._iov):
            self._allocate(2 * n)
        self._base[:n] = pointer
        self._len[:n] = length
        self._go(fd, self._messages(starts, length, row), box, row)
        return True

    def _listed(self, box: Outbox) -> tuple[Ints, Ints, Ints]:
        """Pointers, lengths and rows of what stands in a box's table."""
        n = box.count
        pointer, length, name = (column[:n].astype(np.int64) for column in (box.pointer, box.length, box.name))
        return pointer, length, (name - self._first) // addresses.SIZE

    def _messages(self, starts: list[int], length: Ints, row: Ints) -> list[int]:
        """Fill the table; the index of each message's first frame."""
        first: list[int] = []
        for start, end in itertools.pairwise(starts):
            size = int(length[start])
            segment, most = self._segment(size), min(_MOST, _LARGEST // max(1, size))
            for at in range(start, end, most):
                i, count = len(first), min(most, end - at)
                first.append(at)
                self._name[i] = self._first + int(row[at]) * addresses.SIZE
                self._vector[i] = self._vectors + at * IOVEC.itemsize
                self._pieces[i] = count
                self._said[i] = segment
                self._saidlen[i] = _SPACE if count > 1 else 0
        return first

    def _segment(self, size: int) -> int:
        """Pointer to control data that says: cut after so many bytes each."""
        pointer = self._pointers.get(size)
        if pointer is None:
            head = bytes(Cmsghdr(_CMSG + 2, socket.IPPROTO_UDP, _UDP_SEGMENT)).ljust(_CMSG, b"\0")
            data = np.frombuffer(head + size.to_bytes(2, sys.byteorder) + bytes(_SPACE - _CMSG - 2), np.uint8).copy()
            self._control.append(data)
            pointer = self._pointers[size] = int(data.ctypes.data)
        return pointer

    def _go(self, fd: int, first: list[int], box: Outbox, row: Ints) -> None:
        counters, n, count = self._counters, box.count, len(first)
        at, tried = 0, -1
        while at < count:
            done, error = self._kernel.send(fd, self._table + at * MMSGHDR.itemsize, count - at)
            if done > 0:
                at += done
                continue
            if error in _AGAIN:
                counters.send_dropped += n - first[at]
                break
            if error == errno.EINTR:
                continue
            if error == errno.ECONNREFUSED and tried != at:
                tried = at
                continue
            if error in _REFUSED:
                left = slice(first[at], n)
                counters.sent_datagrams += first[at]
                box.clear()
                box.add(self._base[left], self._len[left], self._first + row[left] * addresses.SIZE)
                raise Refused(errno.errorcode[error])
            counters.send_errors += 1
            at += 1
        counters.sent_datagrams += n
        box.clear()
