"""Sounds that start here: files, tones, silence.  Each yields 20 ms at a time, as payload or as samples."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from pbx.channels.voice.slots import SAMPLES
from pbx.codecs.files import BadSound, unwrap
from pbx.codecs.formats import Format
from pbx.codecs.tones import MILLIWATT, ToneList, parse_tones
from pbx.codecs.translation import Translator, decoder

Samples = npt.NDArray[np.int16]


class Bad(Exception):
    """A sound that can't be played; the text is for people."""


class Source(Protocol):
    """One sound on its way to one leg."""

    number: int
    row: int
    paused: bool

    def payload(self, format_bit: int) -> bytes | None:
        """The next 20 ms as they stand in the file, if it holds this very format; b"" at its end, None if not so."""

    def samples(self) -> Samples | None:
        """The next 20 ms, 8 kHz, padded with silence; None at the end."""

    @property
    def ready(self) -> bool:
        """False while the file is still being read."""


class _Base:
    ready = True

    def __init__(self, number: int, row: int) -> None:
        self.number = number
        self.row = row
        self.paused = False

    def payload(self, format_bit: int) -> bytes | None:
        return None


class SilenceSource(_Base):
    """Silence; milliseconds 0: for ever."""

    def __init__(self, number: int, row: int, milliseconds: int) -> None:
        super().__init__(number, row)
        self._left = -1 if milliseconds <= 0 else -(-milliseconds // 20)

    def samples(self) -> Samples | None:
        if self._left == 0:
            return None
        self._left -= 1
        return np.zeros(SAMPLES, np.int16)


class ToneSource(_Base):
    """A tone list; `1004` alone is the milliwatt, at its own level.  Raises Bad for one that can't be read."""

    def __init__(self, number: int, row: int, spec: str) -> None:
        super().__init__(number, row)
        try:
            tones = parse_tones(spec)
        except ValueError as error:
            raise Bad(str(error)) from None
        if len(tones) == 1 and tones[0].first == MILLIWATT[0].first and not tones[0].second:
            tones = MILLIWATT
        self._list = ToneList(tones)
        self._at = 0

    def samples(self) -> Samples | None:
        sound = self._list.render(self._at, SAMPLES)
        self._at += SAMPLES
        return _padded(sound) if len(sound) else None


class FileSource(_Base):
    """A sound file, whose bytes come to `load` when they have been read.  Raises Bad for a format without frames."""

    def __init__(self, number: int, row: int, which: Format, skip_ms: int, loop: bool) -> None:
        super().__init__(number, row)
        self._format = which
        self._skip_ms = skip_ms
        self._loop = loop
        self._data: bytes | None = None
        self._at = 0
        self._translator: Translator | None = None
        self._unit = which.bytes_per_20ms

    @property
    def ready(self) -> bool:  # type: ignore[override]
        return self._data is not None

    def load(self, path: str, data: bytes) -> None:
        """The file's content; its suffix and head say what it holds.  Raises Bad when it is not what it should be."""
        try:
            self._format, self._data = unwrap(path, data)
        except (BadSound, OSError) as error:
            raise Bad(str(error)) from None
        self._unit = self._format.bytes_per_20ms
        if not self._unit:
            raise Bad(f"files of {self._format} have no frames of 20 ms")
        self._at = min(self._skip_ms // 20 * self._unit, len(self._data))

    def _take(self) -> bytes:
        """The next 20 ms; at the end as many whole codec frames as there are, then b""."""
        data = self._data or b""
        if self._loop and self._at >= len(data):
            self._at = 0
        piece = data[self._at : self._at + self._unit]
        self._at += len(piece)
        return piece[: len(piece) - len(piece) % self._format.frame_bytes]

    def payload(self, format_bit: int) -> bytes | None:
        return self._take() if self._format.bit == format_bit else None

    def samples(self) -> Samples | None:
        piece = self._take()
        if not piece:
            return None
        if self._translator is None:
            try:
                self._translator = decoder(self._format)
            except LookupError:
                return None
            self._translator.add_row(0)
        data = np.frombuffer(piece, np.uint8).reshape(1, -1)
        sound: Samples = self._translator.translate(np.zeros(1, np.intp), data)[0]
        return _padded(sound[:SAMPLES])


def _padded(sound: Samples) -> Samples:
    return sound if len(sound) == SAMPLES else np.pad(sound, (0, SAMPLES - len(sound)))
