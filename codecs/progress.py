"""Single tones, and the tones by which a telephone network says how a call goes, in the sound of many streams."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from pbx.codecs.blocks import Blocks, Blockwise, Strength
from pbx.codecs.codec import Rows, RowState, Samples
from pbx.codecs.tones import RATE

Mask = npt.NDArray[np.bool_]

_FRAME: Final = 160
_PERIODS: Final = 5  # of the tone, that a block holds at least


class ToneDetector(Blockwise):
    """One frequency that stands out and lasts: "on" when it begins, "hit" when it has lasted, "off" when it is over.

    frequency: Hz.  milliseconds: how long it lasts before it counts; a tenth less will do.  decibel: how much
    stronger than all else in the sound it has to be.
    """

    def __init__(self, frequency: int, milliseconds: int = 500, decibel: float = 16.0) -> None:
        periods = max(_PERIODS, _FRAME * frequency // RATE)
        size = periods * RATE // frequency
        wanted = milliseconds * RATE // 1000 * 9 // 10
        #: blocks, the first of which are two in a row
        self._lasting = max(1, (wanted - (size - 1)) // size)
        ratio = 10 ** (decibel / 10)
        self._share = ratio / (ratio + 1)
        self._blocks = Blocks(size)
        self._strength = Strength((frequency,), size)
        self._state = RowState({"before": ((), np.bool_, False), "count": ((), np.int64, 0)})

    def run(self, rows: Rows, samples: Samples, spoke: Mask) -> list[tuple[int, str]]:
        found: list[tuple[int, str]] = []
        for full, blocks in self._blocks.cut(rows, samples):
            mine = rows[full]
            s = self._state.take(mine)
            energy = np.square(blocks).sum(axis=1) * self._blocks.size
            # of a sine, half of the block's energy is at +f, half at -f
            hit = self._strength.of(blocks)[:, 0] * 2.0 > energy * self._share
            count = s["count"] + (s["count"] > 0)
            again = hit == s["before"]
            off = again & ~hit & (count > 0)
            on = again & hit & (count == 0)
            count[off], count[on] = 0, 1
            for text, which in (("off", off), ("on", on), ("hit", count == self._lasting)):
                found += [(int(mine[k]), text) for k in np.flatnonzero(which).tolist()]
            self._state.put(mine, {"before": hit, "count": count})
        return found


# ---- progress of a call --------------------------------------------------------------------------------------------

_LOUD: Final = 1e8  # a tone of a pair
_LOUDER: Final = 1e9  # a tone alone, or the sum of squares of a block in which somebody talks
_OVER: Final = 10.0  # a pair over what is beside it

_SILENCE, _DIALTONE, _RINGING, _BUSY, _TALKING, _FIRST, _SECOND, _THIRD, _NUT = range(9)
_NAMES: Final = {
    _SILENCE: "silence",
    _DIALTONE: "dialtone",
    _RINGING: "ringing",
    _BUSY: "busy",
    _TALKING: "talking",
    _THIRD: "sit",
    _NUT: "nut",
}
#: zone -> (samples of a block, frequencies looked for)
_ZONES: Final[dict[str, tuple[int, tuple[float, ...]]]] = {
    "us": (183, (350, 440, 480, 620, 950, 1400, 1800)),
    "cr": (188, (425,)),
    "uk": (160, (350, 400, 440)),
}
ZONES: Final = {"us": "us", "ca": "us", "na": "us", "cr": "cr", "br": "cr", "uk": "uk"}
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def _pair(one: Floats, two: Floats, aside: tuple[Floats, ...], energy: Floats) -> Mask:
    least = np.minimum(one, two)
    found: Mask = (least >= _LOUD) & (least >= _OVER * energy)
    for other in aside:
        found &= least >= _OVER * other
    return found


def _us(p: Floats, energy: Floats, state: Ints) -> Ints:
    f350, f440, f480, f620, f950, f1400, f1800 = p.T
    conditions = [
        _pair(f480, f620, (f350, f440), energy),
        _pair(f440, f480, (f350, f620), energy),
        _pair(f350, f440, (f480, f620), energy),
        f950 > _LOUDER,
        f1400 > _LOUDER,
        f1800 > _LOUDER,
        energy > _LOUDER,
    ]
    second = np.where((state == _FIRST) | (state == _SECOND), _SECOND, _SILENCE)
    third = np.where((state == _SECOND) | (state == _THIRD), _THIRD, _SILENCE)
    kinds = [np.full(len(p), kind) for kind in (_BUSY, _RINGING, _DIALTONE, _FIRST, _TALKING)]
    found: Ints = np.select(conditions, [*kinds[:4], second, third, kinds[4]], _SILENCE)
    return found


def _cr(p: Floats, energy: Floats, state: Ints) -> Ints:
    found: Ints = np.select([p[:, 0] > _LOUDER, energy > _LOUDER], [_RINGING, _TALKING], _SILENCE)
    return found


def _uk(p: Floats, energy: Floats, state: Ints) -> Ints:
    f350, f400, f440 = p.T
    conditions = [f400 > _LOUDER, _pair(f350, f440, (f400,), energy)]
    found: Ints = np.select(conditions, [_NUT, _DIALTONE], _SILENCE)
    return found


_RULES = {"us": _us, "cr": _cr, "uk": _uk}


class ProgressDetector(Blockwise):
    """Call progress tones: "busy", "ringing", "dialtone", "sit", "nut", "talking", "silence" where one begins.

    zone: one of ZONES.  blocks: so many in a row (20 to 24 ms each) make a finding.
    """

    def __init__(self, zone: str = "us", blocks: int = 1) -> None:
        name = ZONES[zone]
        size, frequencies = _ZONES[name]
        self._rule, self._wanted = _RULES[name], blocks
        self._blocks = Blocks(size)
        self._strength = Strength(frequencies, size)
        self._state = RowState({"state": ((), np.int64, _SILENCE), "count": ((), np.int64, 0)})

    def run(self, rows: Rows, samples: Samples, spoke: Mask) -> list[tuple[int, str]]:
        found: list[tuple[int, str]] = []
        for full, blocks in self._blocks.cut(rows, samples):
            mine = rows[full]
            s = self._state.take(mine)
            state = self._rule(self._strength.of(blocks), np.square(blocks).sum(axis=1), s["state"])
            count = np.where(state == s["state"], s["count"] + 1, 1)
            for k in np.flatnonzero(count == self._wanted).tolist():
                name = _NAMES.get(int(state[k]))
                if name is not None:
                    found.append((int(mine[k]), name))
            self._state.put(mine, {"state": state, "count": count})
        return found
