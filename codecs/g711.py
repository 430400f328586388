"""ITU-T G.711: ulaw and alaw, by tables made from the Recommendation's rules (as G.191 states them).

16-bit samples are cut to 14 bits (u-law) or 13 bits (A-law) first, toward the lower magnitude: a negative
sample's magnitude is its one's complement.  Python's audioop rounds the negative side of u-law differently
(508 of the 65,536 inputs); Asterisk agrees with the Recommendation, and so do these tables.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from pbx.codecs.codec import Octets, Rows, Samples
from pbx.codecs.formats import ALAW, ULAW, Format

Ints: TypeAlias = npt.NDArray[np.int32]

_BIAS: Final = 33  # u-law: added to the 14-bit magnitude, so that every segment begins at a power of two


def _magnitudes(shift: int) -> Ints:
    """Magnitude of each 16-bit sample, in the order of its unsigned bit pattern."""
    sample = np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int32)
    magnitude: Ints = np.where(sample < 0, ~sample, sample) >> shift
    return magnitude


def _bits(value: Ints) -> Ints:
    """Bits needed for each value: the place of its highest 1, counted from 1."""
    bits: Ints = np.ceil(np.log2(value + 1.0)).astype(np.int32)
    return bits


def _encode_table(law: Format) -> Octets:
    positive = np.arange(65536) < 32768
    if law is ULAW:
        biased = np.minimum(_magnitudes(2) + _BIAS, 0x1FFF)
        segment = _bits(biased) - 6  # 33 has six bits: segment 0
        code: Ints = (segment << 4 | biased >> segment + 1 & 0xF) ^ 0x7F
        code[positive] |= 0x80
        return code.astype(np.uint8)
    magnitude = _magnitudes(4)
    segment = np.maximum(_bits(magnitude) - 4, 0)
    mantissa = magnitude >> np.maximum(segment, 1) - 1 & 0xF  # segments 0 and 1 have the same step
    code = segment << 4 | mantissa
    code[positive] |= 0x80
    return (code ^ 0x55).astype(np.uint8)


def _decode_table(law: Format) -> Samples:
    octet = np.arange(256, dtype=np.int32)
    if law is ULAW:
        code = ~octet & 0xFF
        segment, mantissa = code >> 4 & 7, code & 0xF
        value = ((mantissa << 1) + _BIAS << segment) - _BIAS << 2
        return np.where(octet & 0x80, value, -value).astype(np.int16)
    code = octet ^ 0x55
    segment, mantissa = code >> 4 & 7, code & 0xF
    value = np.where(segment > 0, (mantissa << 1) + 33 << np.maximum(segment, 1) - 1, (mantissa << 1) + 1) << 3
    return np.where(code & 0x80, value, -value).astype(np.int16)


ENCODE: Final[dict[str, Octets]] = {law.name: _encode_table(law) for law in (ULAW, ALAW)}
"""65,536 octets each, by the sample's unsigned bit pattern."""
DECODE: Final[dict[str, Samples]] = {law.name: _decode_table(law) for law in (ULAW, ALAW)}
"""256 samples each, by octet."""

ULAW_TO_ALAW: Final[bytes] = ENCODE["alaw"][DECODE["ulaw"].view(np.uint16)].tobytes()
"""By way of linear, as a chain of decoder and encoder does it; for `bytes.translate`."""
ALAW_TO_ULAW: Final[bytes] = ENCODE["ulaw"][DECODE["alaw"].view(np.uint16)].tobytes()

_ACROSS: Final[dict[str, Octets]] = {
    "ulaw": np.frombuffer(ULAW_TO_ALAW, np.uint8),
    "alaw": np.frombuffer(ALAW_TO_ULAW, np.uint8),
}


def decode(law: str, octets: Octets, out: Samples | None = None) -> Samples:
    """Octets of "ulaw" or "alaw" to samples; arrays of any shape, `out` of the same shape."""
    return DECODE[law].take(octets, out=out, mode="clip")


def encode(law: str, samples: Samples, out: Octets | None = None) -> Octets:
    """Samples to octets."""
    return ENCODE[law].take(samples.view(np.uint16), out=out, mode="clip")


def across(law: str, octets: Octets, out: Octets | None = None) -> Octets:
    """Octets of this law to octets of the other."""
    return _ACROSS[law].take(octets, out=out, mode="clip")


class G711:
    """ulaw or alaw as a `Codec`."""

    stateful = False
    slow = False

    def __init__(self, law: Format) -> None:
        self.format = law
        self._name = law.name

    def add_row(self, row: int) -> None:
        """Nothing to keep."""

    def remove_row(self, row: int) -> None:
        """Nothing was kept."""

    def decode(self, rows: Rows, frames: Octets, out: Samples | None = None) -> Samples:
        return decode(self._name, frames, out)

    def encode(self, rows: Rows, samples: Samples, out: Octets | None = None) -> Octets:
        return encode(self._name, samples, out)
