"""Man or machine: what answered a call, judged by the rhythm of words and pauses, for many calls at once.

The rule is that of Asterisk's AMD: a machine greets with many words or a long one, or says nothing at first; a man
says a word or two and waits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from pbx.codecs.codec import Rows, RowState, Samples
from pbx.codecs.detect import levels
from pbx.codecs.tones import RATE

#: ms without a frame that count as a whole (the rest of a shorter gap does not)
_PATIENCE: Final = 100
_IN_WORD, _IN_SILENCE = 1, 2
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Limits of `Answering`, ms; the order is that of AMD's arguments."""

    initial_silence: int = 2500
    greeting: int = 1500
    after_greeting_silence: int = 800
    total_analysis_time: int = 5000
    min_word_length: int = 100
    between_words_silence: int = 50
    maximum_number_of_words: int = 2
    silence_threshold: int = 256
    maximum_word_length: int = 5000


class Answering:
    """Says once for each row "MACHINE cause", "HUMAN cause" or "NOTSURE cause", cause as in AMDCAUSE."""

    def __init__(self, rhythm: Rhythm) -> None:
        self._rhythm = rhythm
        self._state = RowState(
            {
                "open": ((), np.bool_, True),
                "elapsed": ((), np.int64, 0),
                "missing": ((), np.int64, 0),
                "total": ((), np.int64, 0),
                "silence": ((), np.int64, 0),
                "said": ((), np.int64, 0),
                "word": ((), np.int64, 0),
                "words": ((), np.int64, 0),
                "where": ((), np.int64, _IN_WORD),
                "greeting": ((), np.bool_, False),
            }
        )

    def add_row(self, row: int) -> None:
        self._state.add(row)

    def remove_row(self, row: int) -> None:
        self._state.remove(row)

    def run(self, rows: Rows, samples: Samples, spoke: Mask) -> list[tuple[int, str]]:
        """spoke: which rows' samples came from the far end (the others heard nothing at all)."""
        s = self._state.take(rows)
        ms = samples.shape[1] * 1000 // RATE
        found: list[tuple[int, str]] = []
        verdict = _Verdict(s, found, rows)
        s["elapsed"] += ms
        self._wait(s, ms, spoke, verdict)
        heard = spoke & s["open"]
        s["total"][heard] += ms
        limit = self._rhythm.total_analysis_time
        verdict.give(heard & (s["total"] >= limit), "NOTSURE TOOLONG-{total}")
        heard &= s["open"]
        silent = heard & (levels(samples) < self._rhythm.silence_threshold)
        loud = heard & ~silent
        self._pause(s, ms, silent, verdict)
        self._word(s, ms, loud, verdict)
        self._state.put(rows, s)
        return found

    def _wait(self, s: dict[str, npt.NDArray[np.int64]], ms: int, spoke: Mask, verdict: _Verdict) -> None:
        """Nothing came: time passes, and says nothing about anybody."""
        s["missing"] = np.where(spoke, 0, s["missing"] + ms)
        waited = s["missing"] >= _PATIENCE
        s["missing"][waited] = 0
        verdict.give(waited & (s["elapsed"] >= self._rhythm.total_analysis_time), "NOTSURE TOOLONG-{total}")
        s["total"][waited] += _PATIENCE

    def _pause(self, s: dict[str, npt.NDArray[np.int64]], ms: int, silent: Mask, verdict: _Verdict) -> None:
        r = self._rhythm
        s["silence"][silent] += ms
        between = silent & (s["silence"] >= r.between_words_silence)
        s["where"][between] = _IN_SILENCE
        s["word"][between] = 0
        initial = silent & ~s["greeting"].astype(bool) & (s["silence"] >= r.initial_silence)
        verdict.give(initial, f"MACHINE INITIALSILENCE-{{silence}}-{r.initial_silence}")
        after = silent & s["greeting"].astype(bool) & (s["silence"] >= r.after_greeting_silence)
        verdict.give(after, f"HUMAN HUMAN-{{silence}}-{r.after_greeting_silence}")

    def _word(self, s: dict[str, npt.NDArray[np.int64]], ms: int, loud: Mask, verdict: _Verdict) -> None:
        r = self._rhythm
        s["silence"][loud] = 0
        s["word"][loud] += ms
        s["said"][loud] += ms
        long_enough = loud & (s["word"] >= r.min_word_length)
        another = long_enough & (s["where"] == _IN_SILENCE)
        s["words"][another] += 1
        s["where"][another] = _IN_WORD
        verdict.give(loud & (s["word"] >= r.maximum_word_length), "MACHINE MAXWORDLENGTH-{word}")
        many = loud & (s["words"] > r.maximum_number_of_words)
        verdict.give(many, f"MACHINE MAXWORDS-{{words}}-{r.maximum_number_of_words}")
        long = loud & s["greeting"].astype(bool) & (s["said"] >= r.greeting)
        verdict.give(long, f"MACHINE LONGGREETING-{{said}}-{r.greeting}")
        s["greeting"][long_enough] = True


class _Verdict:
    """Closes rows, the first word counts."""

    def __init__(self, s: dict[str, npt.NDArray[np.int64]], found: list[tuple[int, str]], rows: Rows) -> None:
        self._s, self._found, self._rows = s, found, rows

    def give(self, which: Mask, text: str) -> None:
        for k in np.flatnonzero(which & self._s["open"].astype(bool)).tolist():
            self._s["open"][k] = False
            values = {name: int(self._s[name][k]) for name in ("total", "silence", "word", "words", "said")}
            self._found.append((int(self._rows[k]), text.format(**values)))
