"""Dialogic (OKI) ADPCM: 4 bits a sample, the first in the high nibble; the variant that Asterisk speaks.

Its difference has one bit more of rounding than the OKI chip's, and the 12-bit signal is held within +-2047.
Rows are computed together, or one by one in plain Python while they are few.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from pbx.codecs.codec import Octets, Rows, RowState, Samples
from pbx.codecs.formats import ADPCM

_FEW: Final = 16  # up to so many rows the plain form is quicker
_LIMIT: Final = 2047
_STEPS: Final = [int(16 * 1.1**k) for k in range(49)]
_MOVES: Final = (-1, -1, -1, -1, 2, 4, 6, 8)


def _difference(step: int, code: int) -> int:
    parts = (step >> 3) + (step >> 2) * (code & 1) + (step >> 1) * (code >> 1 & 1) + step * (code >> 2 & 1)
    parts += code >> 1 & step & 1
    return -parts if code & 8 else parts


# by place in the step table * 16 + code
_DIFFERENCE: Final = [_difference(step, code) for step in _STEPS for code in range(16)]
_NEXT: Final = [min(max(k + _MOVES[code & 7], 0), 48) for k in range(49) for code in range(16)]
_DIFFERENCES: Final = np.array(_DIFFERENCE, np.int32)
_NEXTS: Final = np.array(_NEXT, np.int64)
_STEP_TABLE: Final = np.array(_STEPS, np.int32)


def _quantise(wanted: int, step: int) -> int:
    code = 0
    if wanted < 0:
        code, wanted = 8, -wanted
    for bit in (4, 2, 1):
        if wanted >= step:
            code |= bit
            wanted -= step
        step >>= 1
    return code


class Adpcm:
    """adpcm as a `Codec`."""

    format = ADPCM
    stateful = True
    slow = False

    def __init__(self) -> None:
        fields: dict[str, tuple[tuple[int, ...], Any, Any]] = {
            "signal": ((), np.int32, 0),
            "place": ((), np.int64, 0),
        }
        self._decoder, self._encoder = RowState(fields), RowState(fields)

    def add_row(self, row: int) -> None:
        self._decoder.add(row)
        self._encoder.add(row)

    def remove_row(self, row: int) -> None:
        self._decoder.remove(row)
        self._encoder.remove(row)

    def decode(self, rows: Rows, frames: Octets, out: Samples | None = None) -> Samples:
        state = self._decoder.take(rows)
        codes = np.stack([frames >> 4, frames & 15], axis=2).reshape(len(rows), 2 * frames.shape[1])
        result = np.empty(codes.shape, np.int16) if out is None else out
        if len(rows) <= _FEW:
            for i, line in enumerate(codes.tolist()):
                signal, place = int(state["signal"][i]), int(state["place"][i])
                for k, code in enumerate(line):
                    at = place << 4 | code
                    signal += _DIFFERENCE[at]
                    signal = _LIMIT if signal > _LIMIT else -_LIMIT if signal < -_LIMIT else signal
                    place = _NEXT[at]
                    line[k] = signal << 4
                result[i] = line
                state["signal"][i], state["place"][i] = signal, place
        else:
            for k, column in enumerate(codes.T.astype(np.int64)):
                result[:, k] = _follow(state, column) << 4
        self._decoder.put(rows, state)
        return result

    def encode(self, rows: Rows, samples: Samples, out: Octets | None = None) -> Octets:
        if samples.shape[1] % 2:
            raise ValueError("adpcm takes samples in pairs")
        state = self._encoder.take(rows)
        wanted = samples >> 4
        codes = np.empty(samples.shape, np.uint8)
        if len(rows) <= _FEW:
            for i, line in enumerate(wanted.tolist()):
                signal, place = int(state["signal"][i]), int(state["place"][i])
                for k, sample in enumerate(line):
                    line[k] = code = _quantise(sample - signal, _STEPS[place])
                    at = place << 4 | code
                    signal += _DIFFERENCE[at]
                    signal = _LIMIT if signal > _LIMIT else -_LIMIT if signal < -_LIMIT else signal
                    place = _NEXT[at]
                codes[i] = line
                state["signal"][i], state["place"][i] = signal, place
        else:
            for k, column in enumerate(wanted.T.astype(np.int32)):
                chosen = _quantise_all(column - state["signal"], _STEP_TABLE[state["place"]])
                codes[:, k] = chosen
                _follow(state, chosen)
        self._encoder.put(rows, state)
        packed: Octets = (codes[:, ::2] << 4 | codes[:, 1::2]).astype(np.uint8)
        if out is None:
            return packed
        out[...] = packed
        return out


def _follow(state: dict[str, npt.NDArray[Any]], code: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
    """Bring signal and step of all rows forward by one code each; the new signal."""
    at = state["place"] * 16 + code
    signal = state["signal"] + _DIFFERENCES[at]
    np.minimum(signal, _LIMIT, out=signal)
    np.maximum(signal, -_LIMIT, out=signal)
    state["signal"], state["place"] = signal, _NEXTS[at]
    return signal


def _quantise_all(wanted: npt.NDArray[np.int32], step: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    code = np.where(wanted < 0, 8, 0)
    rest = np.abs(wanted)
    for bit in (4, 2, 1):
        over = rest >= step
        code += over * bit
        rest = rest - over * step
        step = step >> 1
    return code
