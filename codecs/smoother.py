"""Packets of any length in, packets of 20 ms out: what a clocked mixer or a trunk wants from 10 to 60 ms senders."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from pbx.codecs.codec import Octets, Rows, RowState
from pbx.codecs.formats import Format

_MOST: Final = 10  # packets kept (200 ms); beyond that the oldest sound is lost


class Smoother:
    """Payloads of one format.  ValueError for a format that cannot be cut at 20 ms (g723, ilbc, speex, opus ...)."""

    def __init__(self, which: Format) -> None:
        if not which.bytes_per_20ms:
            raise ValueError(f"{which} cannot be cut at 20 ms")
        self.size: Final = which.bytes_per_20ms
        self._unit = which.frame_bytes
        self._state = RowState({"line": ((_MOST * self.size,), np.uint8, 0), "filled": ((), np.int64, 0)})

    def add_row(self, row: int) -> None:
        """Begin a stream, empty."""
        self._state.add(row)

    def remove_row(self, row: int) -> None:
        self._state.remove(row)

    def put(self, rows: Rows, payloads: Octets) -> None:
        """One payload (rows, octets) for each row, of whole codec frames, at most 200 ms; ValueError otherwise."""
        count = payloads.shape[1]
        if count % self._unit or count > _MOST * self.size:
            raise ValueError(f"a payload of {count} octets")
        s = self._state.take(rows)
        surplus = np.maximum(s["filled"] + count - _MOST * self.size, 0)
        surplus += -surplus % self._unit
        if surplus.any():
            s["line"] = _shift(s["line"], surplus)
            s["filled"] = s["filled"] - surplus
        at = s["filled"] + np.arange(count)[:, None]
        s["line"][at, np.arange(len(rows))] = payloads.T
        s["filled"] = s["filled"] + count
        self._state.put(rows, s)

    def get(self, rows: Rows) -> tuple[npt.NDArray[np.bool_], Octets]:
        """(which rows had 20 ms, the payloads of those rows in that order)."""
        s = self._state.take(rows)
        ready = s["filled"] >= self.size
        out = np.ascontiguousarray(s["line"][: self.size, ready].T)
        step = np.where(ready, self.size, 0)
        self._state.put(rows, {"line": _shift(s["line"], step), "filled": s["filled"] - step})
        return ready, out


def _shift(line: Octets, step: npt.NDArray[np.int64]) -> Octets:
    """Each column moved up by its own step; what comes in below does not matter."""
    at = np.minimum(np.arange(len(line))[:, None] + step, len(line) - 1)
    moved: Octets = line[at, np.arange(line.shape[1])]
    return moved
