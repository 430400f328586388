"""What a codec is to its users: rows of frames in, rows of samples out, and back.

Frames are uint8 arrays (rows, bytes), samples int16 arrays (rows, samples) in this machine's byte order.
`rows` says which stream each line belongs to; a stateless codec does not look at it.  In one call a row may
appear once only (the plane goes in rounds: round r takes the r-th frame of each leg).  However a batch is
split, the results are the same as one frame at a time.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from pbx.codecs.formats import Format

Samples: TypeAlias = npt.NDArray[np.int16]
Octets: TypeAlias = npt.NDArray[np.uint8]
Rows: TypeAlias = npt.NDArray[np.intp]


class Codec(Protocol):
    """Both directions of one format; each row has a decoder's and an encoder's state."""

    @property
    def format(self) -> Format: ...

    @property
    def stateful(self) -> bool:
        """False: rows need not be added, and any shape goes."""

    @property
    def slow(self) -> bool:
        """True: even one frame takes milliseconds, so nobody who has no time may wait for it."""

    def add_row(self, row: int) -> None:
        """Begin a stream of that number (any small integer >= 0), or begin it anew."""

    def remove_row(self, row: int) -> None:
        """Forget a stream; unknown ones are ignored."""

    def decode(self, rows: Rows, frames: Octets, out: Samples | None = None) -> Samples:
        """Samples of whole codec frames; KeyError when a row was not added (stateful codecs)."""

    def encode(self, rows: Rows, samples: Samples, out: Octets | None = None) -> Octets:
        """The reverse; samples must come in whole codec frames, else ValueError."""


class RowState:
    """State of many streams as arrays whose last axis is the row, grown by doubling.

    fields: name -> (shape of one row's state, dtype, first value).
    """

    def __init__(self, fields: Mapping[str, tuple[tuple[int, ...], Any, Any]]) -> None:
        self._fields = dict(fields)
        self._capacity = 0
        self._arrays: dict[str, npt.NDArray[Any]] = {
            name: np.empty((*shape, 0), dtype) for name, (shape, dtype, _) in self._fields.items()
        }
        self._used: set[int] = set()

    def add(self, row: int) -> None:
        if row < 0:
            raise ValueError("rows count from 0")
        if row >= self._capacity:
            self._grow(row + 1)
        for name, (shape, dtype, first) in self._fields.items():
            self._arrays[name][..., row] = np.broadcast_to(np.asarray(first, dtype), shape)
        self._used.add(row)

    def remove(self, row: int) -> None:
        self._used.discard(row)

    def __contains__(self, row: int) -> bool:
        return row in self._used

    def check(self, rows: Rows) -> None:
        """Raise KeyError for a row that was not added."""
        if not self._used.issuperset(rows.tolist()):
            raise KeyError(sorted(set(rows.tolist()) - self._used))

    def take(self, rows: Rows) -> dict[str, npt.NDArray[Any]]:
        """Copies of these rows' state.  Raises KeyError for a row that was not added."""
        self.check(rows)
        return {name: array[..., rows] for name, array in self._arrays.items()}

    def put(self, rows: Rows, state: Mapping[str, npt.NDArray[Any]]) -> None:
        for name, values in state.items():
            self._arrays[name][..., rows] = values

    def _grow(self, wanted: int) -> None:
        capacity = max(16, self._capacity * 2, wanted)
        for name, (shape, dtype, _) in self._fields.items():
            larger = np.zeros((*shape, capacity), dtype)
            larger[..., : self._capacity] = self._arrays[name]
            self._arrays[name] = larger
        self._capacity = capacity
