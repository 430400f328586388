"""Digits and talking found in the sound itself, for many legs at once; events come on change only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from pbx.channels.voice.slots import SAMPLES

_LOW = (697.0, 770.0, 852.0, 941.0)
_HIGH = (1209.0, 1336.0, 1477.0, 1633.0)
_KEYS = "123A456B789C*0#D"
#: a tone pair holds this much of the frame's power, each tone this much of the other's (ITU-T Q.24 twist)
_SHARE = 0.6
_TWIST = 6.3
_LEVEL = 200.0
#: talk begins after this much sound, and ends after this much silence (ms)
_TALK_MS = 60
_SILENCE_MS = 2500


def _basis() -> npt.NDArray[np.complex128]:
    at = np.arange(SAMPLES)
    return np.exp(-2j * np.pi * np.outer(at, np.array(_LOW + _HIGH)) / 8000)


_BASIS = _basis()


@dataclass(slots=True)
class Watch:
    """What is watched on one row, and where it stands."""

    slot: int
    digits: bool
    talk: bool
    threshold: int
    _digit: str = field(default="", init=False)
    _candidate: str = field(default="", init=False)
    _talking: bool = field(default=False, init=False)
    _run: int = field(default=0, init=False)

    def digit(self, found: str) -> str:
        """A digit counts when two frames in a row show it; "" until then, and while it lasts."""
        if found == self._candidate and found != self._digit:
            self._digit = found
            return found
        self._candidate = found
        return ""

    def level(self, loud: bool) -> str:
        """ "talk" or "silence" on change."""
        self._run = self._run + 20 if loud != self._talking else 0
        if self._run >= (_SILENCE_MS if self._talking else _TALK_MS):
            self._talking, self._run = loud, 0
            return "talk" if loud else "silence"
        return ""


class Detectors:
    """All watches.  `feed` once each 20 ms."""

    def __init__(self, tell: Callable[[int, str], None]) -> None:
        self._tell = tell
        self.watches: dict[int, Watch] = {}

    def feed(self, frame: npt.NDArray[np.int16]) -> None:
        if not self.watches:
            return
        rows = list(self.watches)
        sound = frame[[self.watches[r].slot for r in rows]].astype(np.float64)
        mean = np.abs(sound).mean(1)
        digits = _digits(sound) if any(w.digits for w in self.watches.values()) else [""] * len(rows)
        for row, level, digit in zip(rows, mean.tolist(), digits, strict=True):
            watch = self.watches[row]
            if watch.digits:
                found = watch.digit(digit)
                if found:
                    self._tell(row, f"digit:{found}")
            if watch.talk:
                change = watch.level(level >= watch.threshold)
                if change:
                    self._tell(row, change)


def _digits(sound: npt.NDArray[np.float64]) -> list[str]:
    """The DTMF digit in each row of samples, or ""."""
    power = np.abs(sound @ _BASIS) ** 2 * (2.0 / SAMPLES)
    total = (sound**2).sum(1)
    low, high = power[:, :4].argmax(1), power[:, 4:].argmax(1)
    index = np.arange(len(sound))
    one, two = power[index, low], power[index, high + 4]
    good = (total > SAMPLES * _LEVEL**2 / 2) & (one + two > _SHARE * total)
    good &= (one < _TWIST * two) & (two < _TWIST * one)
    return [_KEYS[i * 4 + j] if ok else "" for i, j, ok in zip(low.tolist(), high.tolist(), good.tolist(), strict=True)]
