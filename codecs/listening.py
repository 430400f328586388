"""Detectors by a line of text, so that one command can ask for any of them.

answer 2500 1500 800 5000 100 50 2 256 5000     man or machine (`answering.Rhythm`)
tone 2600 500 16                                one frequency, ms, dB
progress us 1                                   tones of a call's progress: zone, blocks
mf                                              R1 MF digits
sf 2600                                         pulses of one frequency
silence 500 256, noise 500 256                  ms of it, mean level of a sample between the two
talk 1000 100 0                                 ms of silence that end it, at least and at most so long
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from pbx.codecs.answering import Answering, Rhythm
from pbx.codecs.codec import Rows, Samples
from pbx.codecs.detect import Lasting, Tokens
from pbx.codecs.multifrequency import MfDetector, SfDetector
from pbx.codecs.progress import ProgressDetector, ToneDetector


class Detector(Protocol):
    """Hears many streams; `run` says what it found in the next samples, in order of time within each row."""

    def add_row(self, row: int) -> None: ...

    def remove_row(self, row: int) -> None: ...

    def run(self, rows: Rows, samples: Samples, spoke: npt.NDArray[np.bool_]) -> list[tuple[int, str]]: ...


_MADE: Final[dict[str, Callable[..., Any]]] = {
    "answer": lambda *limits: Answering(Rhythm(*map(int, limits))),
    "tone": lambda hz, ms, db: ToneDetector(int(hz), int(ms), float(db)),
    "progress": lambda zone, blocks: ProgressDetector(zone, int(blocks)),
    "mf": MfDetector,
    "silence": lambda ms, level: Lasting(True, int(ms), int(level)),
    "noise": lambda ms, level: Lasting(False, int(ms), int(level)),
    "talk": lambda silence, least, most: Tokens(int(silence), int(least), int(most)),
    "sf": lambda hz: SfDetector(int(hz)),
}


def detector(spec: str) -> Detector:
    """The detector of a line.  Raises ValueError for a line that means none."""
    name, *arguments = spec.split()
    try:
        made: Detector = _MADE[name](*arguments)
    except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
        raise ValueError(f"no such detector: {spec}") from error
    return made
