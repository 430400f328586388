"""Tones: Asterisk's tone-list grammar (indications.conf, Playtones), and their sound.

`[!]FREQ[+FREQ | *FREQ][/MS],...`: `+` adds, `*` modulates, 0 is silence, no
time means for ever; elements with `!` are played once, the list repeats from
the first one without.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_RATE = 8000
#: peak of one frequency: Asterisk's for tone lists, and 0 dBm0 for the milliwatt
_VOLUME = 7219.0
_MILLIWATT = 23255.0
_ELEMENT = re.compile(r"(!?)(\d+)(?:([+*])(\d+))?(?:/(\d+))?")


@dataclass(frozen=True, slots=True)
class Tone:
    """One element.  frequencies in Hz (second: 0 = none); milliseconds 0 = for ever; once: not repeated."""

    first: int
    second: int
    modulated: bool
    milliseconds: int
    once: bool
    volume: float = _VOLUME


def parse_tones(spec: str) -> tuple[Tone, ...]:
    """The elements of a tone list.  Raises ValueError, naming the element."""
    found = []
    for text in re.split(r"[,|]", spec.strip()):
        text = text.strip()
        match = _ELEMENT.fullmatch(text)
        if match is None:
            raise ValueError(f"not a tone: {text!r}")
        once, first, sign, second, ms = match.groups()
        found.append(Tone(int(first), int(second or 0), sign == "*", int(ms or 0), bool(once)))
    if len(found) == 1 and found[0].first == 1004 and not found[0].second:
        only = found[0]
        return (Tone(1004, 0, False, only.milliseconds, only.once, _MILLIWATT),)
    return tuple(found)


class TonePlayer:
    """The samples of a tone list, 8 kHz."""

    def __init__(self, tones: tuple[Tone, ...]) -> None:
        self._tones = tones
        self._loop = next((i for i, t in enumerate(tones) if not t.once), len(tones))
        self._at = 0
        self._played = 0

    def read(self, samples: int) -> npt.NDArray[np.int16]:
        """The next samples; fewer, and at last none, when the list is over."""
        parts = []
        wanted = samples
        while wanted and self._at < len(self._tones):
            tone = self._tones[self._at]
            total = tone.milliseconds * _RATE // 1000
            size = min(wanted, total - self._played) if total else wanted
            parts.append(_sound(tone, self._played, size))
            wanted -= size
            self._played += size
            if total and self._played >= total:
                self._played = 0
                self._at += 1
                if self._at == len(self._tones):
                    self._at = self._loop
        return np.concatenate(parts) if parts else np.zeros(0, np.int16)


def _sound(tone: Tone, start: int, size: int) -> npt.NDArray[np.int16]:
    at = np.arange(start, start + size) * (2 * np.pi / _RATE)
    if tone.modulated:
        value = np.sin(at * tone.first) * (1.0 + 0.9 * np.sin(at * tone.second)) * (tone.volume / 1.9)
    else:
        value = (np.sin(at * tone.first) if tone.first else np.zeros(size)) * tone.volume
        if tone.second:
            value = value + np.sin(at * tone.second) * tone.volume
    sound: npt.NDArray[np.int16] = np.clip(np.rint(value), -32768, 32767).astype(np.int16)
    return sound
