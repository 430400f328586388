"""Sound of many streams cut into blocks of one length, and how strong chosen frequencies are in them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from pbx.codecs.codec import Rows, RowState, Samples
from pbx.codecs.tones import RATE

Blocks_ = npt.NDArray[np.float64]


class Blocks:
    """Gathers samples of each row until a block of `size` is full."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._state = RowState({"line": ((size,), np.float64, 0), "filled": ((), np.int64, 0)})

    def add_row(self, row: int) -> None:
        self._state.add(row)

    def remove_row(self, row: int) -> None:
        self._state.remove(row)

    def cut(self, rows: Rows, samples: Samples) -> Iterator[tuple[Rows, Blocks_]]:
        """(positions within `rows` whose block is full, their blocks (n, size)), in order of time."""
        s = self._state.take(rows)
        at = np.zeros(len(rows), np.int64)
        total = samples.shape[1]
        while (at < total).any():
            # each row fills its own block; most rows stand alike
            for filled, start in {(int(a), int(b)) for a, b in zip(s["filled"], at, strict=True) if b < total}:
                mine = np.flatnonzero((s["filled"] == filled) & (at == start))
                count = min(self.size - filled, total - start)
                s["line"][filled : filled + count, mine] = samples[mine, start : start + count].T
                s["filled"][mine] += count
                at[mine] += count
            full = np.flatnonzero(s["filled"] == self.size)
            if len(full):
                s["filled"][full] = 0
                yield full, np.ascontiguousarray(s["line"][:, full].T)
        self._state.put(rows, s)


class Blockwise:
    """Base of detectors that judge block by block: a row's samples and its state begin and end together."""

    _blocks: Blocks
    _state: RowState

    def add_row(self, row: int) -> None:
        self._blocks.add_row(row)
        self._state.add(row)

    def remove_row(self, row: int) -> None:
        self._blocks.remove_row(row)
        self._state.remove(row)


class Strength:
    """Goertzel's measure of frequencies: |sum of x(n) e^-jwn|^2 over a block."""

    def __init__(self, frequencies: tuple[float, ...], size: int) -> None:
        angles = 2 * np.pi * np.outer(np.array(frequencies), np.arange(size)) / RATE
        self._basis = np.concatenate([np.cos(angles), np.sin(angles)]).T
        self._count = len(frequencies)

    def of(self, blocks: Blocks_) -> Blocks_:
        """(n, frequencies) of blocks (n, size)."""
        parts = blocks @ self._basis
        found: Blocks_ = np.square(parts[:, : self._count]) + np.square(parts[:, self._count :])
        return found
