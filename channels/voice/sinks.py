"""Recordings: the decoded sound of a leg, in and/or out, aligned by the clock and encoded in bulk each 200 ms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
import numpy.typing as npt

from pbx.channels.voice.port import Direction, Shape
from pbx.channels.voice.slots import SAMPLES
from pbx.codecs.formats import Format
from pbx.codecs.translation import encoder

_Samples = npt.NDArray[np.int16]
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
    """One recording.  `feed` once each 20 ms.

    wanted: what it records; slots: where that, and what else makes it begin (`shape.starts`), is found.
    """

    def __init__(
        self,
        number: int,
        row: int,
        which: Format,
        wanted: list[Direction],
        slots: dict[Direction, int],
        shape: Shape,
        *,
        silence_ms: int,
        max_ms: int,
    ) -> None:
        self.number = number
        self.row = row
        self.slots = slots
        self.paused = False
        self._wanted = [(direction, slots[direction]) for direction in wanted]
        self._packed = shape.packed
        self._stereo = shape.stereo
        self._gain = {Direction.IN: 10 ** (shape.gain_in / 2000), Direction.OUT: 10 ** (shape.gain_out / 2000)}
        self._silence = silence_ms
        self._max = max_ms
        self._rows: list[_Samples] = []
        self._quiet = 0
        self._length = 0
        self._started = False
        self._encoder = encoder(which)
        self._encoder.add_row(0)

    def feed(self, frame: _Samples, spoke: npt.NDArray[np.bool_]) -> str:
        """One row of the slots' frame table goes in; "" or why the recording is over."""
        if self.paused:
            return ""
        voiced = any(spoke[slot] for _, slot in self._wanted)
        if not self._started:
            # begins with the first sound; from then on gaps are silence, so that time is kept, if it is not packed
            self._started = any(spoke[slot] for slot in self.slots.values())
            if not self._started:
                return ""
        self._length += 20
        if voiced or not self._packed:
            row = self._lay(
                {d: frame[slot] if spoke[slot] else np.zeros(SAMPLES, np.int16) for d, slot in self._wanted}, SAMPLES
            )
            self._rows.append(row)
            loud = voiced and int(np.abs(row.astype(np.int32)).mean()) >= _SILENCE_LEVEL
            self._quiet = 0 if loud else self._quiet + 20
        if self._silence and self._quiet >= self._silence:
            return "silence"
        if self._max and self._length >= self._max:
            return "max"
        return ""

    def _lay(self, parts: dict[Direction, _Samples], size: int) -> _Samples:
        """What was said and heard, as it goes into the file."""
        scaled = {d: part * self._gain[d] if self._gain[d] != 1.0 else part for d, part in parts.items()}
        if self._stereo:
            both = np.zeros((size, 2), np.int32)
            for side, direction in enumerate((Direction.IN, Direction.OUT)):
                if direction in scaled:
                    both[: len(scaled[direction]), side] = scaled[direction]
            total = both.reshape(-1)
        else:
            total = np.zeros(size, np.int32)
            for part in scaled.values():
                total[: len(part)] += part.astype(np.int32)
        return np.clip(total, -32768, 32767).astype(np.int16)

    def end(self, rests: dict[Direction, _Samples]) -> None:
        """The last sound, which nobody will hear come."""
        if self.paused or not (self._started or any(len(rest) for rest in rests.values())):
            return
        mine = {direction: rests[direction] for direction, _ in self._wanted}
        size = max(len(rest) for rest in (mine if self._packed else rests).values())
        size -= size % SAMPLES
        if size:
            self._rows.append(self._lay({d: rest[:size] for d, rest in mine.items()}, size))

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
