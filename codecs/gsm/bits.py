"""The 76 parameters of a GSM 06.10 frame and the 33 octets that carry them.

Order and widths: 8 log area ratios, then for each of 4 sub-frames the lag, its gain, the grid position, the
block maximum and 13 pulses; highest bit first, after the nibble 0xD.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from pbx.codecs.codec import Octets

MAGIC: Final = 0xD
_SUBFRAME: Final = (7, 2, 2, 6) + (3,) * 13
WIDTHS: Final = np.array((4, 6, 6, 5, 5, 4, 4, 3, 3) + _SUBFRAME * 4)
COUNT: Final = len(WIDTHS)  # 77 with the magic nibble, which stands first

# one line per bit of the frame: which parameter it belongs to, and its weight there
_OWNER: Final = np.repeat(np.arange(COUNT), WIDTHS)
_SHIFT: Final = np.concatenate([np.arange(width)[::-1] for width in WIDTHS]).astype(np.int32)[:, None]
_FIRST: Final = np.concatenate([[0], np.cumsum(WIDTHS)[:-1]])


def unpack(frames: Octets) -> npt.NDArray[np.int32]:
    """(rows, 33) octets to (77, rows) parameters, the magic nibble first."""
    bits = np.unpackbits(np.ascontiguousarray(frames.T), axis=0).astype(np.int32)
    bits <<= _SHIFT
    return np.add.reduceat(bits, _FIRST, axis=0, dtype=np.int32)


def pack(parameters: npt.NDArray[np.int32]) -> Octets:
    """(77, rows) parameters to (rows, 33) octets."""
    bits = (parameters[_OWNER] >> _SHIFT & 1).astype(np.uint8)
    return np.ascontiguousarray(np.packbits(bits, axis=0).T)
