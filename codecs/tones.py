"""Tones: the tone-list grammar of indications.conf and Playtones, and their sound at 8 kHz.

A list is `[!]TONE[/MS],...` where TONE is `FREQ`, `FREQ+FREQ` (both at once) or `FREQ*FREQ` (the second modulates
the first); frequency 0 is silence, no duration means for ever.  Elements with `!` are played once; then the rest
is repeated.  Levels and phases are those that a recording of stock Asterisk shows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

import numpy as np
import numpy.typing as npt

from pbx.codecs.codec import Rows, Samples

RATE: Final = 8000
VOLUME: Final = 7219.0  # peak of each frequency of a tone list
MILLIWATT_VOLUME: Final = 23255.0  # 0 dBm0

_ELEMENT: Final = re.compile(r"(!?)\s*(\d+)\s*(?:([+*])\s*(\d+)\s*)?(?:/\s*(\d+))?")
_SINE: Final = np.sin(2 * np.pi * np.arange(RATE) / RATE)


@dataclass(frozen=True, slots=True)
class Tone:
    """One element.  Frequencies in Hz (second 0: none); milliseconds 0: for ever; once: not repeated."""

    first: int
    second: int = 0
    modulated: bool = False
    milliseconds: int = 0
    once: bool = False
    volume: float = VOLUME


def parse_tones(text: str) -> tuple[Tone, ...]:
    """The elements of a tone list, split by `,` or `|`.  ValueError names the one that is none."""
    found = []
    for element in re.split(r"[,|]", text):
        match = _ELEMENT.fullmatch(element.strip())
        if match is None:
            raise ValueError(f"not a tone: {element.strip()!r} in {text!r}")
        once, first, sign, second, ms = match.groups()
        if max(int(first), int(second or 0)) >= RATE // 2:
            raise ValueError(f"a tone must be below {RATE // 2} Hz: {element.strip()!r}")
        found.append(Tone(int(first), int(second or 0), sign == "*", int(ms or 0), bool(once)))
    return tuple(found)


MILLIWATT: Final = (Tone(1004, volume=MILLIWATT_VOLUME),)
"""The digital milliwatt as Milliwatt() plays it: 1004 Hz at 0 dBm0."""

MILLIWATT_ULAW: Final = bytes.fromhex("1e0b0b1e9e8b8b9e")
"""G.711's own milliwatt in u-law: 1000 Hz, one millisecond, repeated (Milliwatt's option `o`)."""

US: Final = {
    "dial": "350+440",
    "busy": "480+620/500,0/500",
    "ring": "440+480/2000,0/4000",
    "congestion": "480+620/250,0/250",
    "callwaiting": "440/300,0/10000",
    "dialrecall": "!350+440/100,!0/100,!350+440/100,!0/100,!350+440/100,!0/100,350+440",
    "record": "1400/500,0/15000",
    "info": "!950/330,!1400/330,!1800/330,0",
    "stutter": "!350+440/100,!0/100,!350+440/100,!0/100,!350+440/100,!0/100,350+440",
}
"""The `us` zone, for a machine without indications.conf."""

_LOW, _HIGH = (697, 770, 852, 941), (1209, 1336, 1477, 1633)
DTMF_KEYS: Final = "123A456B789C*0#D"
DTMF_PAIRS: Final = {key: (_LOW[i // 4], _HIGH[i % 4]) for i, key in enumerate(DTMF_KEYS)}


def dtmf_tones(digits: str, milliseconds: int = 100, gap: int = 100) -> tuple[Tone, ...]:
    """In-band DTMF of these digits (case does not count), each followed by a gap.  ValueError for other characters."""
    tones = []
    for digit in digits.upper():
        pair = DTMF_PAIRS.get(digit)
        if pair is None:
            raise ValueError(f"not a DTMF digit: {digit!r}")
        tones.append(Tone(*pair, False, milliseconds, True))
        tones.append(Tone(0, 0, False, gap, True))
    return tuple(tones)


class ToneList:
    """The sound of a list, by position: any piece of it can be had at any time."""

    def __init__(self, tones: Iterable[Tone]) -> None:
        every = tuple(tones)
        lead = next((i for i, tone in enumerate(every) if not tone.once), len(every))
        loop = every[lead:]
        # an element without duration is never left
        endless = next((i for i, tone in enumerate(every) if not tone.milliseconds), None)
        if endless is not None:
            every = every[: endless + 1]
        self._tones = every
        sizes = [tone.milliseconds * RATE // 1000 for tone in every]
        self._starts = [0, *accumulate(sizes)]
        self._endless = endless is not None
        self._lead = self._starts[lead] if endless is None else 0
        self._loop = 0 if self._endless else sum(tone.milliseconds * RATE // 1000 for tone in loop)
        self.length: int | None = None if self._endless or self._loop else self._starts[-1]
        """Samples until it is over; None: never."""

    def place(self, position: int) -> tuple[Tone, int, int] | None:
        """The element that sounds at sample `position`, the sample within it, and how many are left (-1: no end)."""
        if self.length is not None and position >= self.length:
            return None
        if self._loop and position >= self._starts[-1]:
            position = self._lead + (position - self._lead) % self._loop
        for index, tone in enumerate(self._tones):
            inner = position - self._starts[index]
            if not tone.milliseconds:
                return tone, inner, -1
            if position < self._starts[index + 1]:
                return tone, inner, self._starts[index + 1] - position
        return None

    def render(self, start: int, count: int) -> Samples:
        """Samples `start` to `start + count`; fewer, and at last none, where the list is over."""
        pieces = []
        while count > 0 and (here := self.place(start)) is not None:
            tone, inner, left = here
            size = count if left < 0 else min(count, left)
            pieces.append(_sound((tone,), np.array([inner]), size)[0])
            start += size
            count -= size
        return np.concatenate(pieces) if pieces else np.zeros(0, np.int16)


def _sound(tones: tuple[Tone, ...], inner: npt.NDArray[np.int64], count: int) -> Samples:
    """(len(tones), count) samples, each row from its own sample of its own element on."""
    at = inner[:, None] + np.arange(count)

    def sine(frequencies: list[int]) -> npt.NDArray[np.float64]:
        phase: npt.NDArray[np.float64] = _SINE[at * np.array(frequencies)[:, None] % RATE]
        return phase

    volume = np.array([[tone.volume] for tone in tones])
    first = sine([tone.first for tone in tones]) * volume
    second = sine([tone.second for tone in tones]) * volume
    modulated = np.array([[tone.modulated] for tone in tones])
    value = np.where(modulated, first * (0.9 * (1 - second / 32768)), first + second)
    sound: Samples = np.rint(np.clip(value, -32768, 32767)).astype(np.int16)
    return sound


class TonePlayer:
    """Many streams of tones, each with its own list and position."""

    def __init__(self) -> None:
        self._rows: dict[int, tuple[ToneList, int]] = {}

    def add_row(self, row: int, tones: Iterable[Tone]) -> None:
        """Begin a list (anew) on that row."""
        self._rows[row] = (ToneList(tones), 0)

    def remove_row(self, row: int) -> None:
        self._rows.pop(row, None)

    def read(self, rows: Rows, count: int = 160) -> tuple[Samples, npt.NDArray[np.int64]]:
        """The next `count` samples of each row, zeros behind the end, and how many of them sound (less: it is over).

        Raises KeyError for a row that was not added.
        """
        out = np.zeros((len(rows), count), np.int16)
        sounding = np.full(len(rows), count, np.int64)
        steady: list[int] = []
        tones: list[Tone] = []
        inner: list[int] = []
        for index, row in enumerate(rows.tolist()):
            tone_list, position = self._rows[row]
            self._rows[row] = (tone_list, position + count)
            here = tone_list.place(position)
            if here is not None and (here[2] < 0 or here[2] >= count):
                steady.append(index)
                tones.append(here[0])
                inner.append(here[1])
                continue
            piece = tone_list.render(position, count)
            out[index, : len(piece)] = piece
            sounding[index] = len(piece)
        if steady:
            out[steady] = _sound(tuple(tones), np.array(inner), count)
        return out, sounding
