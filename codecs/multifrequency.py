"""Signalling of old trunks in the sound of many streams: R1 MF digits, and digits pulsed on one frequency (SF)."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from pbx.codecs.blocks import Blocks, Blockwise, Strength
from pbx.codecs.codec import Rows, RowState, Samples

Mask = npt.NDArray[np.bool_]

_MF_BLOCK: Final = 120
_MF_TONES: Final = (700.0, 900.0, 1100.0, 1300.0, 1500.0, 1700.0)
#: digit by its two tones, counted from the lowest: * KP, # ST, A B C ST with one, two, three primes
MF_PAIRS: Final = {
    (0, 1): "1", (0, 2): "2", (1, 2): "3", (0, 3): "4", (1, 3): "5", (2, 3): "6", (0, 4): "7", (1, 4): "8",
    (2, 4): "9", (3, 4): "0", (2, 5): "*", (4, 5): "#", (1, 5): "A", (3, 5): "B", (0, 5): "C",
}  # fmt: skip
_MF_DIGITS: Final = "".join(MF_PAIRS.values())
_KEY: Final = np.full((6, 6), -1)
for _n, (_i, _j) in enumerate(MF_PAIRS):
    _KEY[_i, _j] = _KEY[_j, _i] = _n
_KP: Final = _MF_DIGITS.index("*")
_NONE: Final = -1

_MF_LEAST: Final = 1.6e9
_MF_TWIST: Final = 4.0  # 6 dB between the two
_MF_OVER: Final = 12.6  # 11 dB over the other four
_MF_KEPT: Final = 5


class MfDetector(Blockwise):
    """R1 MF: "digit:5" for each digit heard; one needs three blocks of 15 ms, KP four, with two of another before."""

    def __init__(self) -> None:
        self._blocks = Blocks(_MF_BLOCK)
        self._strength = Strength(_MF_TONES, _MF_BLOCK)
        self._state = RowState({"before": ((_MF_KEPT,), np.int64, _NONE)})

    def run(self, rows: Rows, samples: Samples, spoke: Mask) -> list[tuple[int, str]]:
        found: list[tuple[int, str]] = []
        for full, blocks in self._blocks.cut(rows, samples):
            mine = rows[full]
            before = self._state.take(mine)["before"]
            now = self._classify(blocks)
            b0, b1, b2, b3, b4 = before
            common = (now >= 0) & (now == b4) & (now == b3)
            usual = (now != _KP) & (now != b2) & (now != b1)
            start = (now == _KP) & (now == b2) & (now != b1) & (now != b0)
            for k in np.flatnonzero(common & (usual | start)).tolist():
                found.append((int(mine[k]), f"digit:{_MF_DIGITS[int(now[k])]}"))
            self._state.put(mine, {"before": np.concatenate([before[1:], now[None]])})
        return found

    def _classify(self, blocks: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
        power = self._strength.of(blocks)
        row = np.arange(len(power))
        order = np.argsort(power, axis=1)
        best, second, third = order[:, -1], order[:, -2], order[:, -3]
        strong, weak, rest = power[row, best], power[row, second], power[row, third]
        good = (weak >= _MF_LEAST) & (strong < _MF_TWIST * weak) & (rest * _MF_OVER < weak)
        found: npt.NDArray[np.int64] = np.where(good, _KEY[best, second], _NONE)
        return found


#: 10 ms
_SF_BLOCK: Final = 80
_SF_LEAST: Final = 2.5e7  # as strong as a block of a tone with an amplitude of 125
_SF_SHARE: Final = 0.6  # of the block's energy
_SF_DIGIT: Final = 60  # blocks from the beginning of the last pulse until a digit is known to be whole
_SF_SHORTEST: Final = 2  # blocks of a pulse


class SfDetector(Blockwise):
    """Pulses of one frequency: "pulse" when one begins, "pulses:7" once no more come."""

    def __init__(self, frequency: int = 2600) -> None:
        self._blocks = Blocks(_SF_BLOCK)
        self._strength = Strength((frequency,), _SF_BLOCK)
        self._state = RowState(
            {"on": ((), np.int64, 0), "since": ((), np.int64, 0), "pulses": ((), np.int64, 0)},
        )

    def run(self, rows: Rows, samples: Samples, spoke: Mask) -> list[tuple[int, str]]:
        found: list[tuple[int, str]] = []
        for full, blocks in self._blocks.cut(rows, samples):
            mine = rows[full]
            s = self._state.take(mine)
            power = self._strength.of(blocks)[:, 0]
            energy = np.square(blocks).sum(axis=1) * _SF_BLOCK
            heard = (power > _SF_LEAST) & (power * 2.0 > energy * _SF_SHARE)
            on = np.where(heard, s["on"] + 1, 0)
            begun = on == _SF_SHORTEST
            pulses = s["pulses"] + begun
            since = np.where(begun, _SF_SHORTEST, s["since"] + 1)
            over = (pulses > 0) & (since >= _SF_DIGIT)
            found += [(int(mine[k]), "pulse") for k in np.flatnonzero(begun).tolist()]
            for k in np.flatnonzero(over).tolist():
                found.append((int(mine[k]), f"pulses:{int(pulses[k])}"))
            pulses[over] = 0
            self._state.put(mine, {"on": on, "since": since, "pulses": pulses})
        return found
