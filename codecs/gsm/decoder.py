"""GSM 06.10 decoder over rows (5.3 of the standard): one frame of each row at a time."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from pbx.codecs.gsm.arithmetic import GAINS, Words, decoded_ratios, mult_r, pulses, reflections, saturate
from pbx.codecs.gsm.recursion import deemphasis, synthesis

FIELDS: Final = {
    "ratios": ((8,), np.int32, 0),
    "lattice": ((8,), np.int32, 0),
    "residual": ((120,), np.int32, 0),
    "lag": ((), np.int32, 40),
    "emphasis": ((), np.int32, 0),
}


def decode(state: dict[str, npt.NDArray[Any]], parameters: Words) -> npt.NDArray[np.int16]:
    """(76, rows) parameters to (160, rows) samples; `state` (FIELDS, rows last) is brought forward in place."""
    residual = _excitation(state, parameters)
    ratios = decoded_ratios(parameters[:8])
    filters = reflections(state["ratios"], ratios)
    state["ratios"] = ratios
    sound = synthesis(state["lattice"], filters, residual)
    state["emphasis"] = deemphasis(state["emphasis"], sound)
    sound += sound
    saturate(sound)
    sound &= ~7
    return sound.astype(np.int16)


def _excitation(state: dict[str, npt.NDArray[Any]], parameters: Words) -> Words:
    """Pulses plus the long-term prediction: the residual of the whole frame, (160, rows)."""
    count = parameters.shape[1]
    line = np.empty((280, count), np.int32)  # 120 samples of the past, then the frame
    line[:120] = state["residual"]
    row = np.arange(count)
    for sub in range(4):
        lag_code, gain, grid, block_maximum = parameters[8 + 17 * sub : 12 + 17 * sub]
        lag = np.where((lag_code < 40) | (lag_code > 120), state["lag"], lag_code)
        state["lag"] = lag
        here = 120 + 40 * sub
        source = np.arange(here, here + 40)[:, None] - lag
        value = mult_r(line[source, row], GAINS[gain])
        pulse = np.zeros((40, count), np.int32)
        place = grid + np.arange(0, 39, 3)[:, None]
        pulse[place, row] = pulses(parameters[12 + 17 * sub : 25 + 17 * sub], block_maximum)
        value += pulse
        line[here : here + 40] = saturate(value)
    state["residual"] = line[160:].copy()
    return line[120:]
