"""Datagrams that came together, and what is left of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np
import numpy.typing as npt

from pbx.channels.voice.legs import Ints
from pbx.channels.voice.single import Heads

#: bytes of a part.  With the arrays made of it, it fits a processor's cache; and after a standstill, when a batch holds
#: several frames of each leg, a part of it holds one, which goes the short way.  (Where all went the long way, a plane
#: that was late with 6,000 calls never caught up.)
PART = 320 << 10


class Batch(Protocol):
    """Datagrams in the arena (`mmsg.Ring`)."""

    count: int
    name: npt.NDArray[np.uint8]

    @property
    def length(self) -> Ints: ...

    @property
    def offset(self) -> Ints: ...

    def control(self, i: int) -> tuple[bytes, int]: ...


class Stretch:
    """Datagrams `first` to `end` (not included) of a batch."""

    def __init__(self, batch: Batch, first: int, end: int) -> None:
        self._batch = batch
        self._first = first
        self.count = end - first
        self.length, self.offset, self.name = batch.length[first:end], batch.offset[first:end], batch.name[first:end]

    def control(self, i: int) -> tuple[bytes, int]:
        return self._batch.control(self._first + i)


class Some:
    """Some datagrams of a batch."""

    def __init__(self, batch: Batch, index: Ints) -> None:
        self._batch = batch
        self._index = index
        self.count = len(index)
        self.length, self.offset, self.name = batch.length[index], batch.offset[index], batch.name[index]

    def control(self, i: int) -> tuple[bytes, int]:
        return self._batch.control(int(self._index[i]))


def but_first(batch: Batch, done: int) -> Batch:
    """A batch without its first datagrams."""
    return Stretch(batch, done, batch.count) if done else batch


def parts(batch: Batch, most: int) -> Iterator[Batch]:
    """A batch cut into stretches of about `most` bytes, in order."""
    n = batch.count
    count = -(-int(batch.length[:n].sum()) // most)
    if count <= 1:
        yield batch
        return
    size = -(-n // count)
    for first in range(0, n, size):
        yield Stretch(batch, first, min(n, first + size))


def heads(batch: Batch) -> Heads:
    """What `Single` wants to know of a batch."""
    n = batch.count
    return batch.name[:n].view(np.uint64)[:, 0].tolist(), batch.offset[:n].tolist(), batch.length[:n].tolist()
