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
from typing import Any

import numpy as np
import numpy.typing as npt

from pbx.channels.voice import address as addresses
from pbx.channels.voice.counters import PlaneCounters
from pbx.channels.voice.layout import IOVEC, MMSGHDR, Cmsghdr
from pbx.channels.voice.legs import LegTable
from pbx.channels.voice.mmsg import Kernel
from pbx.channels.voice.outbox import Outbox

_UDP_SEGMENT = 103
#: frames of one message; a message's bytes
_MOST = 64
_LARGEST = 65_000
#: fewer frames are not worth sorting; nor are addresses that get fewer each
FEWEST = 24
_EACH = 4
#: a frame that has to go by fragments cannot be a segment
_LONGEST = 1200
#: what says that this socket's way has no such offload
_REFUSED = (errno.EIO, errno.EINVAL, errno.EMSGSIZE, errno.EOPNOTSUPP, errno.ENOPROTOOPT)
_AGAIN = (errno.EAGAIN, errno.EWOULDBLOCK)
_MIX = np.uint64(0x9E3779B97F4A7C15)
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
        self._names = legs.name.view(np.uint64)[:, 0]
        self._control: dict[int, npt.NDArray[np.uint8]] = {}
        self._allocate(1024)

    def _allocate(self, capacity: int) -> None:
        self._head = np.zeros(capacity, MMSGHDR)
        self._iov = np.zeros(capacity, IOVEC)
        self._head["hdr"]["namelen"] = addresses.LENGTH[socket.AF_INET]
        self._table, self._vectors = int(self._head.ctypes.data), int(self._iov.ctypes.data)

    def send(self, fd: int, box: Outbox) -> bool:
        """Send a box that holds nothing but frames to legs, and clear it; False: not worth it, nothing was done.

        Raises Refused when the kernel can't; the box then holds what is left to send.
        """
        n = box.count
        if box.rows is not None and len(box.rows) == n:
            return self._alike(fd, box, box.rows)
        length = box.length[:n]
        names = self._names.take((box.name[:n] - self._first) // addresses.SIZE)
        # an address and a length as one number, in no order that matters
        key = names * _MIX ^ length.astype(np.uint64)
        order = key.argsort(kind="stable")
        key = key.take(order)
        starts = [0, *((key[1:] != key[:-1]).nonzero()[0] + 1).tolist(), n]
        length = length.take(order)
        if (len(starts) - 1) * _EACH > n or int(length.max()) > _LONGEST:
            return False
        if n > len(self._iov):
            self._allocate(2 * n)
        name = box.name[:n].take(order)
        self._iov["base"][:n] = box.pointer[:n].take(order)
        self._iov["len"][:n] = length
        self._go(fd, self._messages(starts, length, name), box, name)
        return True

    def _alike(self, fd: int, box: Outbox, rows: npt.NDArray[Any]) -> bool:
        """The same when it is known which legs the frames go to, and that they are legs' only."""
        n = box.count
        length = box.length[:n]
        longest = int(length[0])
        key = self._group.take(rows)
        if np.count_nonzero(length - length[0]):
            longest = int(length.max())
            key = key << 12 | length.astype(np.int64)
        order = key.argsort(kind="stable")
        key = key.take(order)
        starts = [0, *((key[1:] != key[:-1]).nonzero()[0] + 1).tolist(), n]
        if (len(starts) - 1) * _EACH > n or longest > _LONGEST:
            return False
        if n > len(self._iov):
            self._allocate(2 * n)
        name = box.name[:n].take(order)
        self._iov["base"][:n] = box.pointer[:n].take(order)
        length = length.take(order)
        self._iov["len"][:n] = length
        self._go(fd, self._messages(starts, length, name), box, name)
        return True

    def _messages(self, starts: list[int], length: npt.NDArray[Any], name: npt.NDArray[Any]) -> list[int]:
        """Fill the table; the index of each message's first frame."""
        first: list[int] = []
        segment: list[int] = []
        for start, end in itertools.pairwise(starts):
            size = int(length[start])
            most = min(_MOST, _LARGEST // max(1, size))
            pieces = range(start, end, most)
            first += pieces
            segment += [self._segment(size)] * len(pieces)
        at = np.array([*first, starts[-1]])
        m = len(first)
        hdr = self._head["hdr"]
        several = np.diff(at)
        hdr["name"][:m] = name.take(at[:-1])
        hdr["iov"][:m] = self._vectors + at[:-1] * IOVEC.itemsize
        hdr["iovlen"][:m] = several
        hdr["control"][:m] = segment
        hdr["controllen"][:m] = np.where(several > 1, _SPACE, 0)
        return first

    def _segment(self, size: int) -> int:
        """Pointer to control data that says: cut after so many bytes each."""
        data = self._control.get(size)
        if data is None:
            head = bytes(Cmsghdr(_CMSG + 2, socket.IPPROTO_UDP, _UDP_SEGMENT)).ljust(_CMSG, b"\0")
            data = np.frombuffer(head + size.to_bytes(2, sys.byteorder) + bytes(_SPACE - _CMSG - 2), np.uint8).copy()
            self._control[size] = data
        return int(data.ctypes.data)

    def _go(self, fd: int, first: list[int], box: Outbox, name: npt.NDArray[Any]) -> None:
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
                box.add(self._iov["base"][left], self._iov["len"][left], name[left])
                raise Refused(errno.errorcode[error])
            counters.send_errors += 1
            at += 1
        counters.sent_datagrams += n
        box.clear()
