"""GSM 06.10 encoder over rows (5.2 of the standard): one frame of each row at a time."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from pbx.codecs.gsm.arithmetic import (
    GAIN_LEVELS,
    GAINS,
    HIGHEST,
    INVERSE_MANTISSA,
    LOWEST,
    OFFSET,
    SEGMENT,
    SLOPE,
    WEIGHTS,
    Words,
    bit_length,
    block_scale,
    decoded_ratios,
    magnitude,
    mult,
    mult_r,
    pulses,
    reflections,
    saturate,
)
from pbx.codecs.gsm.recursion import offset_compensation

FIELDS: Final = {
    "sample": ((), np.int32, 0),
    "offset": ((), np.int64, 0),
    "emphasis": ((), np.int32, 0),
    "ratios": ((8,), np.int32, 0),
    "lattice": ((8,), np.int32, 0),
    "residual": ((120,), np.int32, 0),
}

Longs = npt.NDArray[np.int64]


def encode(state: dict[str, npt.NDArray[Any]], samples: npt.NDArray[np.int16]) -> Words:
    """(160, rows) samples to (76, rows) parameters; `state` (FIELDS, rows last) is brought forward in place."""
    parameters = np.empty((76, samples.shape[1]), np.int32)
    sound = _preprocess(state, samples)
    codes = _ratio_codes(_reflection_coefficients(_autocorrelation(sound)))
    parameters[:8] = codes
    ratios = decoded_ratios(codes)
    filters = reflections(state["ratios"], ratios)
    state["ratios"] = ratios
    residual = _analysis(state, filters, sound)
    line = np.empty((280, samples.shape[1]), np.int32)  # 120 samples of the reconstructed past, then the frame
    line[:120] = state["residual"]
    for sub in range(4):
        _subframe(line, residual[40 * sub : 40 * sub + 40], sub, parameters[8 + 17 * sub : 25 + 17 * sub])
    state["residual"] = line[160:].copy()
    return parameters


def _preprocess(state: dict[str, npt.NDArray[Any]], samples: npt.NDArray[np.int16]) -> Words:
    """Scaling, offset compensation and pre-emphasis (5.2.1 to 5.2.3)."""
    line = np.empty((161, samples.shape[1]), np.int32)
    line[0] = state["sample"]
    np.left_shift(samples.astype(np.int32) >> 3, 2, out=line[1:])
    state["sample"] = line[160].copy()
    steps = (line[1:] - line[:-1]).astype(np.int64) << 15
    offset_compensation(state["offset"], steps)
    state["offset"] = steps[159].copy()
    line[0] = state["emphasis"]
    line[1:] = (steps + 16384) >> 15
    state["emphasis"] = line[160].copy()
    sound: Words = mult_r(line[:-1], np.int32(-28180))
    sound += line[1:]
    saturate(sound)
    return sound


def _autocorrelation(sound: Words) -> Longs:
    """The first 9 lags (5.2.4); loses the low bits of a loud frame in `sound`, as the standard does."""
    scale = np.maximum(bit_length(magnitude(sound).max(axis=0)) - 11, 0)
    factor = np.where(scale > 0, 16384 >> np.maximum(scale - 1, 0), 0)
    scaled = np.where(scale > 0, mult_r(sound, factor), sound)
    np.left_shift(scaled, scale, out=sound)
    values = np.ascontiguousarray(scaled.T.astype(np.float64))  # whole numbers below 2**53: exact
    lags = [np.einsum("nk,nk->n", values[:, lag:], values[:, : 160 - lag]) for lag in range(9)]
    return np.stack(lags).astype(np.int64) * 2


def _reflection_coefficients(correlation: Longs) -> Words:
    """The Schur recursion (5.2.5)."""
    count = correlation.shape[1]
    scaled = (correlation << (31 - bit_length(correlation[0]))) >> 16
    p = scaled.astype(np.int32)
    k = p.copy()
    result = np.zeros((8, count), np.int32)
    alive = correlation[0] != 0
    for n in range(8):
        size = magnitude(p[1])
        alive &= p[0] >= size
        if not alive.any():
            break
        quotient = np.minimum((size.astype(np.int64) << 15) // np.maximum(p[0], 1), 32767).astype(np.int32)
        r = np.where(alive, np.where(p[1] > 0, -quotient, quotient), 0)
        result[n] = r
        if n == 7:
            break
        rest = 8 - n
        first = saturate(p[0] + mult_r(p[1], r))
        p_next = saturate(p[2 : rest + 1] + mult_r(k[1:rest], r))
        k[1:rest] = saturate(k[1:rest] + mult_r(p[2 : rest + 1], r))
        p[0], p[1:rest] = first, p_next
    return result


def _ratio_codes(reflection: Words) -> Words:
    """Reflection coefficients to quantised log area ratios (5.2.6, 5.2.7)."""
    size = magnitude(reflection)
    size = np.where(size < 22118, size >> 1, np.where(size < 31130, size - 11059, (size - 26112) << 2))
    value = mult(SLOPE, np.where(reflection < 0, -size, size))
    value = saturate(saturate(value + OFFSET) + 256) >> 9
    return np.minimum(np.maximum(value, LOWEST), HIGHEST) - LOWEST


def _analysis(state: dict[str, npt.NDArray[Any]], filters: Words, sound: Words) -> Words:
    """The short-term lattice (5.2.10); it has no feedback, so each stage takes the whole frame at once."""
    forward, backward = sound, sound
    lattice = state["lattice"]
    for stage in range(8):
        coefficient = filters[SEGMENT, stage]
        delayed = np.concatenate([lattice[stage : stage + 1], backward[:-1]])
        lattice[stage] = backward[-1]
        backward = saturate(delayed + mult_r(coefficient, forward))
        forward = saturate(forward + mult_r(coefficient, delayed))
    return forward


def _subframe(line: Words, residual: Words, sub: int, parameters: Words) -> None:
    """40 samples: predictor, pulses, and the reconstruction that the next ones are predicted from."""
    row = np.arange(line.shape[1])
    here = 120 + 40 * sub
    past = line[here - 120 : here]
    lag, gain = _predictor(past, residual)
    prediction = mult_r(past[120 - lag + np.arange(40)[:, None], row], GAINS[gain])
    error = saturate(residual - prediction)
    grid, pulse_in = _select_pulses(error)
    block_maximum, codes = _quantise(pulse_in)
    place = grid + np.arange(0, 39, 3)[:, None]
    prediction[place, row] += pulses(codes, block_maximum)
    line[here : here + 40] = saturate(prediction)
    parameters[0], parameters[1], parameters[2], parameters[3] = lag, gain, grid, block_maximum
    parameters[4:] = codes


def _predictor(past: Words, residual: Words) -> tuple[Words, Words]:
    """Lag (40 to 120) and gain code (0 to 3) of the long-term predictor (5.2.11)."""
    scale = np.maximum(bit_length(magnitude(residual).max(axis=0)) - 9, 0)
    wanted = np.ascontiguousarray((residual >> scale).T)
    lines = np.ascontiguousarray(past.T)
    windows = np.lib.stride_tricks.sliding_window_view(lines, 40, axis=1)[:, ::-1]  # lag 40 first
    match = _correlate(lines, wanted)
    best = match.argmax(axis=1)
    row = np.arange(len(best))
    peak = match[row, best].astype(np.int64)
    best = np.where(peak > 0, best, 0)
    peak = np.maximum(peak, 0) * 2 >> (6 - np.minimum(scale, 6))
    chosen = windows[row, best] >> 3
    power = np.einsum("nk,nk->n", chosen, chosen).astype(np.int64) * 2
    shift = 31 - bit_length(power)
    r, s = (peak << shift) >> 16, (power << shift) >> 16
    level = (r > (s * GAIN_LEVELS[:, None].astype(np.int64) >> 15)).sum(axis=0, dtype=np.int32)
    gain = np.where(peak <= 0, 0, np.where(peak >= power, 3, level))
    return (best + 40).astype(np.int32), gain.astype(np.int32)


def _correlate(lines: Words, wanted: Words) -> npt.NDArray[np.float32]:
    """Correlation of `wanted` (rows, 40) with the past at lags 40 to 120, (rows, 81).

    The standard sums whole numbers; libgsm sums floats in this order, whose rounding decides between lags of a loud
    and strictly periodic sound.  Both are valid encodings; this one is libgsm's.
    """
    past, factors = lines[:, ::-1].astype(np.float32), wanted.astype(np.float32)
    total = np.zeros((len(lines), 81), np.float32)
    product = np.empty_like(total)
    for k in range(40):
        np.multiply(past[:, 39 - k : 120 - k], factors[:, k : k + 1], out=product)
        np.add(total, product, out=total)
    return total


def _select_pulses(error: Words) -> tuple[Words, Words]:
    """Weighting filter and choice of the grid (5.2.13, 5.2.14): its position and its 13 pulses."""
    padded = np.zeros((50, error.shape[1]), np.int32)
    padded[5:45] = error
    total = np.full(error.shape, 4096, np.int32)
    for tap, weight in enumerate(WEIGHTS.tolist()):
        if weight:
            total += padded[tap : tap + 40] * np.int32(weight)
    total >>= 13
    saturate(total)
    grids = np.stack([total[m : m + 37 : 3] for m in range(4)])
    energy = np.square((grids >> 2).astype(np.int64)).sum(axis=1)
    grid = energy.argmax(axis=0)
    return grid.astype(np.int32), grids[grid, :, np.arange(error.shape[1])].T


def _quantise(pulse: Words) -> tuple[Words, Words]:
    """Block maximum's code and the 3-bit codes of the 13 pulses (5.2.15)."""
    largest = magnitude(pulse).max(axis=0)
    exponent = np.minimum(bit_length(largest >> 9), 6)
    block_maximum = (largest >> (exponent + 5)) + (exponent << 3)
    exponent, mantissa = block_scale(block_maximum)
    codes = mult(pulse << (6 - exponent), INVERSE_MANTISSA[mantissa]) >> 12
    return block_maximum, codes + 4
