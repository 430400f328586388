"""What is heard in a sound: DTMF digits, and whether somebody talks; for many streams at once.

Limits of the DTMF receiver follow ITU-T Q.24 and common practice: blocks of 12.75 ms, a digit stands when two
blocks in a row agree and is over when three in a row do not, the high tone may be 8 dB weaker and 4 dB stronger
than the low one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from pbx.codecs.codec import Rows, RowState, Samples
from pbx.codecs.tones import DTMF_KEYS, RATE

BLOCK: Final = 102
_FREQUENCIES: Final = np.array((697, 770, 852, 941, 1209, 1336, 1477, 1633))
_ANGLES: Final = 2 * np.pi * np.outer(_FREQUENCIES, np.arange(BLOCK)) / RATE
_BASIS: Final = np.concatenate([np.cos(_ANGLES), np.sin(_ANGLES)])

_MINIMUM_LEVEL: Final = 160.0  # RMS of one tone: about -40 dBm0
_NORMAL_TWIST: Final = 6.31  # power, low over high: 8 dB
_REVERSE_TWIST: Final = 2.51  # high over low: 4 dB
_OVER_OTHERS: Final = 6.3  # a tone over the others of its group: 8 dB
_SHARE: Final = 0.82  # of the block's power, what both tones must hold together
_BEGIN_BLOCKS: Final = 2
_END_BLOCKS: Final = 3

_NONE: Final = -1
_KEYS: Final = np.arange(16).reshape(4, 4)


@dataclass(frozen=True, slots=True)
class Digit:
    """A digit began (milliseconds 0) or is over (its length in milliseconds)."""

    row: int
    digit: str
    ended: bool
    milliseconds: int = 0


def classify(blocks: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Index in DTMF_KEYS for each block of 102 samples (rows, 102), -1 where there is no digit."""
    parts = np.einsum("nk,fk->nf", blocks, _BASIS)
    power = (np.square(parts[:, :8]) + np.square(parts[:, 8:])) * (2.0 / BLOCK**2)  # mean square of each tone
    low, high = power[:, :4], power[:, 4:]
    row = np.arange(len(blocks))
    i, j = low.argmax(axis=1), high.argmax(axis=1)
    one, two = low[row, i], high[row, j]
    rest_low, rest_high = low.copy(), high.copy()
    rest_low[row, i] = rest_high[row, j] = 0
    good = (one >= _MINIMUM_LEVEL**2) & (two >= _MINIMUM_LEVEL**2)
    good &= (one < _NORMAL_TWIST * two) & (two < _REVERSE_TWIST * one)
    good &= (one > _OVER_OTHERS * rest_low.max(axis=1)) & (two > _OVER_OTHERS * rest_high.max(axis=1))
    good &= one + two > _SHARE * np.square(blocks).mean(axis=1)
    return np.where(good, _KEYS[i, j], _NONE)


class DtmfDetector:
    """In-band digits of many rows."""

    def __init__(self) -> None:
        self._state = RowState(
            {
                "line": ((BLOCK,), np.float64, 0),
                "filled": ((), np.int64, 0),
                "current": ((), np.int64, _NONE),
                "candidate": ((), np.int64, _NONE),
                "hits": ((), np.int64, 0),
                "misses": ((), np.int64, 0),
                "blocks": ((), np.int64, 0),
            }
        )

    def add_row(self, row: int) -> None:
        self._state.add(row)

    def remove_row(self, row: int) -> None:
        self._state.remove(row)

    def run(self, rows: Rows, samples: Samples) -> list[Digit]:
        """What changed with the next samples (rows, n), in order of time within each row."""
        found: list[Digit] = []
        s = self._state.take(rows)
        at = np.zeros(len(rows), np.int64)
        total = samples.shape[1]
        while (at < total).any():
            # each row fills its own block; most rows stand alike
            for filled, start in {(int(a), int(b)) for a, b in zip(s["filled"], at, strict=True) if b < total}:
                mine = np.flatnonzero((s["filled"] == filled) & (at == start))
                size = min(BLOCK - filled, total - start)
                s["line"][filled : filled + size, mine] = samples[mine, start : start + size].T
                s["filled"][mine] += size
                at[mine] += size
            full = np.flatnonzero(s["filled"] == BLOCK)
            if len(full):
                s["filled"][full] = 0
                self._step(rows, s, full, found)
        self._state.put(rows, s)
        return found

    @staticmethod
    def _step(rows: Rows, s: dict[str, npt.NDArray[np.int64]], full: Rows, found: list[Digit]) -> None:
        """One block of the rows `full`."""
        heard = classify(np.ascontiguousarray(s["line"][:, full].T))
        quiet = (heard == _NONE) & (s["current"][full] == _NONE) & (s["candidate"][full] == _NONE)
        for k in np.flatnonzero(~quiet).tolist():
            i, key = int(full[k]), int(heard[k])
            current = int(s["current"][i])
            if current != _NONE:
                s["blocks"][i] += 1
                s["misses"][i] = 0 if key == current else s["misses"][i] + 1
                if s["misses"][i] >= _END_BLOCKS:
                    length = (int(s["blocks"][i]) - _END_BLOCKS) * BLOCK * 1000 // RATE
                    found.append(Digit(int(rows[i]), DTMF_KEYS[current], True, length))
                    s["current"][i] = current = _NONE
            s["hits"][i] = s["hits"][i] + 1 if key == s["candidate"][i] else 1
            s["candidate"][i] = key
            if current == _NONE and key != _NONE and s["hits"][i] >= _BEGIN_BLOCKS:
                found.append(Digit(int(rows[i]), DTMF_KEYS[key], False))
                s["current"][i], s["blocks"][i], s["misses"][i] = key, s["hits"][i], 0


def levels(samples: Samples) -> npt.NDArray[np.int64]:
    """Mean absolute value of each row: what dialplan thresholds (Asterisk's default 256) are compared with."""
    if not samples.shape[1]:
        return np.zeros(len(samples), np.int64)
    total: npt.NDArray[np.int64] = np.abs(samples.astype(np.int64)).sum(axis=1) // samples.shape[1]
    return total


class TalkDetector:
    """How long each row has been talking or silent, by whole frames."""

    def __init__(self) -> None:
        self._state = RowState(
            {
                "threshold": ((), np.int64, 256),
                "silence": ((), np.int64, 0),
                "talk": ((), np.int64, 0),
            }
        )

    def add_row(self, row: int, threshold: int = 256) -> None:
        self._state.add(row)
        self._state.put(np.array([row]), {"threshold": np.array([threshold])})

    def remove_row(self, row: int) -> None:
        self._state.remove(row)

    def run(self, rows: Rows, samples: Samples) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """(milliseconds of silence, milliseconds of talk) that have lasted up to now; one of the two is 0 per row."""
        s = self._state.take(rows)
        ms = samples.shape[1] * 1000 // RATE
        silent = levels(samples) < s["threshold"]
        s["silence"] = np.where(silent, s["silence"] + ms, 0)
        s["talk"] = np.where(silent, 0, s["talk"] + ms)
        self._state.put(rows, s)
        return s["silence"], s["talk"]


class Lasting:
    """ "hit" each time that it has been silent, or loud, for so many ms; the next time is counted anew.

    Where nothing comes it is silent.
    """

    def __init__(self, silence: bool, milliseconds: int, threshold: int = 256) -> None:
        self._silence, self._milliseconds, self._threshold = silence, milliseconds, threshold
        self._state = RowState({"lasted": ((), np.int64, 0)})

    def add_row(self, row: int) -> None:
        self._state.add(row)

    def remove_row(self, row: int) -> None:
        self._state.remove(row)

    def run(self, rows: Rows, samples: Samples, spoke: npt.NDArray[np.bool_]) -> list[tuple[int, str]]:
        s = self._state.take(rows)
        wanted = (levels(samples) < self._threshold) == self._silence
        lasted = np.where(wanted, s["lasted"] + samples.shape[1] * 1000 // RATE, 0)
        hit = wanted & (lasted >= self._milliseconds)
        lasted[hit] = 0
        self._state.put(rows, {"lasted": lasted})
        return [(int(rows[k]), "hit") for k in np.flatnonzero(hit).tolist()]


class Tokens:
    """ "talked:640" when so many ms of talk are over: more than `silence` ms of silence have followed.

    Told of each that lasted more than `least` and less than `most` ms (0: no limit). As Asterisk's BackgroundDetect
    counts, one begins with the first frame after a long silence, be it silent itself.
    """

    def __init__(self, silence: int, least: int, most: int, threshold: int = 256) -> None:
        self._silence, self._least, self._most, self._threshold = silence, least, most, threshold
        self._state = RowState({"quiet": ((), np.int64, 0), "lasted": ((), np.int64, -1)})

    def add_row(self, row: int) -> None:
        self._state.add(row)

    def remove_row(self, row: int) -> None:
        self._state.remove(row)

    def run(self, rows: Rows, samples: Samples, spoke: npt.NDArray[np.bool_]) -> list[tuple[int, str]]:
        s = self._state.take(rows)
        ms = samples.shape[1] * 1000 // RATE
        quiet, lasted = s["quiet"], s["lasted"]
        lasted = np.where(lasted >= 0, lasted + ms, lasted)
        quiet = np.where(spoke, np.where(levels(samples) < self._threshold, quiet + ms, 0), quiet)
        still = spoke & (quiet > self._silence)
        talked = np.maximum(0, lasted - self._silence)
        told = still & (lasted >= 0) & (talked > self._least) & ((talked < self._most) | (self._most == 0))
        lasted = np.where(still, -1, np.where(spoke & (lasted < 0), 0, lasted))
        self._state.put(rows, {"quiet": quiet, "lasted": lasted})
        return [(int(rows[k]), f"talked:{int(talked[k])}") for k in np.flatnonzero(told).tolist()]
