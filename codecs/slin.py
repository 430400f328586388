"""Signed linear: 16-bit samples, big-endian on an IAX2 wire, in this machine's order inside."""

from __future__ import annotations

from typing import Final

import numpy as np

from pbx.codecs.codec import Octets, Rows, Samples
from pbx.codecs.formats import Format

_WIRE: Final = np.dtype(">i2")


class Slin:
    """slin (8 kHz) or slin16 (16 kHz) as a `Codec`: a change of byte order."""

    stateful = False
    slow = False

    def __init__(self, which: Format) -> None:
        self.format = which

    def add_row(self, row: int) -> None:
        """Nothing to keep."""

    def remove_row(self, row: int) -> None:
        """Nothing was kept."""

    def decode(self, rows: Rows, frames: Octets, out: Samples | None = None) -> Samples:
        wire = np.ascontiguousarray(frames).view(_WIRE)
        if out is None:
            return wire.astype(np.int16)
        out[...] = wire
        return out

    def encode(self, rows: Rows, samples: Samples, out: Octets | None = None) -> Octets:
        wire = samples.astype(_WIRE).view(np.uint8)
        if out is None:
            return wire
        out[...] = wire
        return out
