"""Recordings: the decoded sound of a leg, in and/or out, aligned by the clock and encoded in bulk each 200 ms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
import numpy.typing as npt

from pbx.channels.voice.port import Direction
from pbx.channels.voice.slots import SAMPLES
from pbx.codecs.formats import Format
from pbx.codecs.translation import encoder

_CHUNK = 10
_SILENCE_LEVEL = 256


class Files(Protocol):
    """Writes files without making the plane wait (`files.py`)."""

    def open(self, number: int, path: str, append: bool) -> None:
        """Begin a file of the kind that its suffix says."""

    def write(self, number: int, data: bytes) -> None:
        """Payloads, as on the wire."""

    def close(self, number: int, done: Callable[[str], None]) -> None:
        """Finish it; then `done("")`, or `done(reason)` when anything about it failed."""


class Recorder:
    """One recording.  `feed` once each 20 ms."""

    def __init__(
        self,
        number: int,
        row: int,
        which: Format,
        direction: Direction,
        slots: tuple[int, ...],
        *,
        silence_ms: int,
        max_ms: int,
    ) -> None:
        self.number = number
        self.row = row
        self.direction = direction
        self.slots = slots
        self._silence = silence_ms
        self._max = max_ms
        self._format = which
        self._rows: list[npt.NDArray[np.int16]] = []
        self._quiet = 0
        self._length = 0
        self._started = False
        self._encoder = encoder(which)
        self._encoder.add_row(0)

    def feed(self, frame: npt.NDArray[np.int16], spoke: npt.NDArray[np.bool_]) -> str:
        """One row of the slots' frame table goes in; "" or why the recording is over."""
        voiced = [s for s in self.slots if spoke[s]]
        if not self._started:
            # begins with the first sound; from then on gaps are silence, so that time is kept
            self._started = bool(voiced)
            if not voiced:
                return ""
        if len(voiced) == 1:
            row = frame[voiced[0]].copy()
        elif voiced:
            total = frame[list(voiced)].astype(np.int32).sum(0)
            row = np.clip(total, -32768, 32767).astype(np.int16)
        else:
            row = np.zeros(SAMPLES, np.int16)
        self._rows.append(row)
        self._length += 20
        loud = bool(voiced) and int(np.abs(row.astype(np.int32)).mean()) >= _SILENCE_LEVEL
        self._quiet = 0 if loud else self._quiet + 20
        if self._silence and self._quiet >= self._silence:
            return "silence"
        if self._max and self._length >= self._max:
            return "max"
        return ""

    def end(self, rests: list[npt.NDArray[np.int16]]) -> None:
        """The last sound, which nobody will hear come."""
        size = max(len(rest) for rest in rests)
        total = np.zeros(size - size % SAMPLES, np.int32)
        for rest in rests:
            total[: len(rest)] += rest[: len(total)]
        if len(total):
            self._rows.append(np.clip(total, -32768, 32767).astype(np.int16))

    @property
    def due(self) -> bool:
        return len(self._rows) >= _CHUNK

    def take(self) -> bytes:
        """What was gathered, as payloads of the recording's format."""
        if not self._rows:
            return b""
        sound = np.concatenate(self._rows)[None, :]
        self._rows.clear()
        return self._encoder.translate(np.zeros(1, np.intp), sound).tobytes()
