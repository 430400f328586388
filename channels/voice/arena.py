"""The plane's one block of bytes: the receive ring and the scratch behind it.

Every payload of a batch is an offset into this block, whichever way it came
(mini, trunk entry, command), so headers are rewritten and frames sent in place.
"""

from __future__ import annotations

import mmap
import sys
from contextlib import suppress
from typing import Any

import numpy as np
import numpy.typing as npt

#: messages of the receive ring, and bytes of each: the longest datagram, or a run of them that the kernel put together
SLOTS = 256
SLOT = 65536
#: from slot to slot, so that the heads of all are not of one set of the cache
_STRIDE = SLOT + 2048 + 64
_HEADROOM = 64
_SCRATCH = 4 << 20


def _pages(size: int) -> mmap.mmap:
    """Memory of which only what is touched is there: most of a slot never is."""
    pages = mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_NOHUGEPAGE"):
        with suppress(OSError):  # a kernel without huge pages
            pages.madvise(mmap.MADV_NOHUGEPAGE)
    return pages


class Arena:
    """`flat`: all bytes; `word`: big-endian 32-bit words at every byte offset of it."""

    def __init__(self, scratch: int = _SCRATCH) -> None:
        self.size = _HEADROOM + SLOTS * _STRIDE + scratch
        self.flat: npt.NDArray[np.uint8] = np.frombuffer(_pages(self.size), np.uint8)
        self.word: npt.NDArray[Any] = np.ndarray((self.size - 3,), ">u4", self.flat, strides=(1,))
        self.base = int(self.flat.ctypes.data)
        self.memory = self.flat.data
        #: offset of each ring slot
        self.slot: npt.NDArray[np.int64] = _HEADROOM + np.arange(SLOTS, dtype=np.int64) * _STRIDE
        self._first = _HEADROOM + SLOTS * _STRIDE
        self._next = self._first

    def reserve(self, size: int, headroom: int = 8) -> int:
        """Offset of `size` free bytes with `headroom` before them; -1 when the scratch is full."""
        at = self._next + headroom
        if at + size > self.size:
            return -1
        self._next = at + size + (-size % 8)
        return at

    def put(self, data: bytes | bytearray | memoryview, headroom: int = 8) -> int:
        """Copy `data` aside; its offset, or -1."""
        at = self.reserve(len(data), headroom)
        if at >= 0:
            self.memory[at : at + len(data)] = data
        return at

    def reset(self) -> None:
        """What was put aside has been sent."""
        self._next = self._first

    def bytes_at(self, offset: int, size: int) -> bytes:
        return bytes(self.memory[offset : offset + size])


LITTLE = sys.byteorder == "little"
