"""The fixed-point arithmetic and the tables of GSM 06.10 on arrays: int32 that hold 16-bit values."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, Final, TypeAlias, cast

import numpy as np
import numpy.typing as npt

Words: TypeAlias = npt.NDArray[np.int32]


def _column(*values: int) -> Words:
    return np.array(values, np.int32)[:, None]


# Log area ratios: quantisation slope, offset, lowest and highest code, and the inverse slope.
SLOPE: Final = _column(20480, 20480, 20480, 20480, 13964, 15360, 8534, 9036)
OFFSET: Final = _column(0, 0, 2048, -2560, 94, -1792, -341, -1144)
LOWEST: Final = _column(-32, -32, -16, -16, -8, -8, -4, -4)
HIGHEST: Final = _column(31, 31, 15, 15, 7, 7, 3, 3)
INVERSE_SLOPE: Final = _column(13107, 13107, 13107, 13107, 19223, 17476, 31454, 29708)

# Long-term gain: decision levels and values.
GAIN_LEVELS: Final = np.array((6554, 16384, 26214), np.int32)
GAINS: Final = np.array((3277, 11469, 21299, 32767), np.int32)

# Weighting filter of the pulse selection (symmetric).
WEIGHTS: Final = np.array((-134, -374, 0, 2054, 5741, 8192, 5741, 2054, 0, -374, -134), np.int32)

# Block-adaptive quantiser: normalised inverse mantissa, normalised direct mantissa.
INVERSE_MANTISSA: Final = np.array((29128, 26215, 23832, 21846, 20165, 18725, 17476, 16384), np.int32)
DIRECT_MANTISSA: Final = np.array((18431, 20479, 22527, 24575, 26623, 28671, 30719, 32767), np.int32)


# As arrays, since numpy takes twice as long over a Python integer.
LOW: Final = np.array(-32768, np.int32)
HIGH: Final = np.array(32767, np.int32)
ROUNDING: Final = np.array(16384, np.int32)
SHIFT: Final = np.array(15, np.int32)


def _find_clip() -> Callable[[Words, Words, Words, Words], Words]:
    """The ufunc behind `np.clip`, whose wrapper takes 5 us; it lives in another module since numpy 2."""
    for module in ("numpy._core.umath", "numpy.core.umath"):
        try:
            return cast(Callable[[Words, Words, Words, Words], Words], importlib.import_module(module).clip)
        except (ImportError, AttributeError):
            continue
    return lambda value, low, high, out: np.minimum(np.maximum(value, low, out=out), high, out=out)


clip: Final = _find_clip()
"""clip(values, lowest, highest, out)."""


def saturate(value: Words) -> Words:
    """Clip to 16 bits, in place."""
    return clip(value, LOW, HIGH, value)


def mult(a: Words, b: Words) -> Words:
    """Product of fractions, truncated."""
    product: Words = a * b
    product >>= 15
    return product


def mult_r(a: Words, b: Words | np.int32) -> Words:
    """Product of fractions, rounded.  (-1 times -1 does not occur: no table or coefficient holds -32768.)"""
    product: Words = a * b
    product += ROUNDING
    product >>= SHIFT
    return product


def magnitude(value: Words) -> Words:
    """Absolute value; that of -32768 is 32767."""
    return np.minimum(np.abs(value), 32767)


def bit_length(value: npt.NDArray[Any]) -> Words:
    """Bits of a number >= 0, as int.bit_length."""
    exponent: Words = np.frexp(value.astype(np.float64))[1]
    return exponent.astype(np.int32)


def block_scale(code: Words) -> tuple[Words, Words]:
    """Exponent (-4 to 6) and mantissa (0 to 7) of a quantised block maximum (0 to 63)."""
    exponent = np.where(code > 15, (code >> 3) - 1, 0)
    mantissa = code - (exponent << 3)
    # below 8 the mantissa is brought up: each step doubles it, fills with a 1 and lowers the exponent
    lift: Words = np.where(mantissa > 7, 0, 4 - bit_length(mantissa))
    return exponent - lift, ((mantissa + 1) << lift) - 9


def pulses(code: Words, block_maximum: Words) -> Words:
    """Pulses (13, rows) from their 3-bit codes and the block maximum's code (rows,)."""
    exponent, mantissa = block_scale(block_maximum)
    shift = 6 - exponent
    rounding = np.where(shift > 0, 1 << np.maximum(shift - 1, 0), 0)
    value = mult_r(((code << 1) - 7) << 12, DIRECT_MANTISSA[mantissa])
    value += rounding
    return saturate(value) >> shift


def decoded_ratios(code: Words) -> Words:
    """Log area ratios (8, rows) from their codes."""
    value = ((code + LOWEST) << 10) - (OFFSET << 1)
    return saturate(mult_r(value, INVERSE_SLOPE) * 2)


SEGMENT: Final = np.repeat(np.arange(4), (13, 14, 13, 120))
"""Which of the four interpolated filters each of the 160 samples uses."""


def reflections(before: Words, now: Words) -> Words:
    """Reflection coefficients (4 segments, 8, rows) between the last frame's ratios and this one's."""
    quarter_before, half_before = before >> 2, before >> 1
    quarter, half = now >> 2, now >> 1
    ratio = np.stack([quarter_before + quarter + half_before, half_before + half, quarter_before + quarter + half, now])
    size = magnitude(ratio)
    value = np.where(size < 11059, size << 1, np.where(size < 20070, size + 11059, (size >> 2) + 26112))
    np.minimum(value, 32767, out=value)
    return np.where(ratio < 0, -value, value)
