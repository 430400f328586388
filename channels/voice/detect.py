"""Digits and talking found in the sound itself, for many legs at once; events come on change only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pbx.codecs.detect import DtmfDetector, TalkDetector

#: talk begins after this much sound (ms)
_TALK_MS = 60


@dataclass(slots=True)
class Watch:
    """What is watched on one row."""

    slot: int
    digits: bool
    talk: bool
    #: so much of it (ms) ends talk
    silence_ms: int
    talking: bool = False


class Detectors:
    """All watches.  `feed` once each 20 ms; tell(row, "digit:5" | "talk" | "silence")."""

    def __init__(self, tell: Callable[[int, str], None]) -> None:
        self._tell = tell
        self._watches: dict[int, Watch] = {}
        self._digits = DtmfDetector()
        self._talk = TalkDetector()

    def add(self, row: int, slot: int, digits: bool, talk: bool, threshold: int, silence_ms: int) -> None:
        self._watches[row] = Watch(slot, digits, talk, silence_ms)
        self._digits.add_row(row)
        self._talk.add_row(row, threshold)

    def remove(self, row: int) -> bool:
        """True when the row was watched."""
        if self._watches.pop(row, None) is None:
            return False
        self._digits.remove_row(row)
        self._talk.remove_row(row)
        return True

    def feed(self, frame: npt.NDArray[np.int16]) -> None:
        """The next 20 ms of all slots."""
        wanted = [row for row, watch in self._watches.items() if watch.digits]
        if wanted:
            sound = frame[[self._watches[row].slot for row in wanted]]
            for digit in self._digits.run(np.array(wanted, np.intp), sound):
                if not digit.ended:
                    self._tell(digit.row, f"digit:{digit.digit}")
        wanted = [row for row, watch in self._watches.items() if watch.talk]
        if not wanted:
            return
        silence, talk = self._talk.run(np.array(wanted, np.intp), frame[[self._watches[row].slot for row in wanted]])
        for row, quiet, loud in zip(wanted, silence.tolist(), talk.tolist(), strict=True):
            watch = self._watches[row]
            if not watch.talking and loud >= _TALK_MS:
                watch.talking = True
                self._tell(row, "talk")
            elif watch.talking and quiet >= watch.silence_ms:
                watch.talking = False
                self._tell(row, "silence")
