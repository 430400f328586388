"""Sounds that start here: files, tones, silence.  Each yields 20 ms at a time, as payload or as samples."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from pbx.channels.voice.contents import Content
from pbx.channels.voice.slots import SAMPLES
from pbx.channels.voice.streams import Streams
from pbx.codecs.formats import Format
from pbx.codecs.tones import MILLIWATT, ToneList, parse_tones

Samples = npt.NDArray[np.int16]
#: the same object for all who hear the same, never written to
Shared = npt.NDArray[np.int32]


class Bad(Exception):
    """A sound that can't be played; the text is for people."""


class Source(Protocol):
    """One sound on its way to one leg."""

    number: int
    row: int
    paused: bool

    @property
    def format(self) -> Format | None:
        """What `take` gives; None: the sound is made here, by `samples`."""

    def take(self) -> bytes:
        """The next 20 ms as they stand in the file; b"" at its end."""

    def samples(self) -> Samples | Shared | None:
        """The next 20 ms, 8 kHz, padded with silence; None at the end."""

    @property
    def ready(self) -> bool:
        """False while the file is still being read."""


class _Base:
    ready = True
    format: Format | None = None

    def __init__(self, number: int, row: int) -> None:
        self.number = number
        self.row = row
        self.paused = False

    def take(self) -> bytes:
        return b""


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
        return padded(sound) if len(sound) else None


class FileSource(_Base):
    """A sound file, whose content comes to `load` when it has been read."""

    format: Format

    def __init__(self, number: int, row: int, which: Format, skip_ms: int, loop: bool) -> None:
        super().__init__(number, row)
        self.format = which
        self._skip_ms = skip_ms
        self._loop = loop
        self._content: Content | None = None
        self._at = 0
        self._unit = which.bytes_per_20ms

    @property
    def ready(self) -> bool:  # type: ignore[override]
        return self._content is not None

    def load(self, content: Content) -> None:
        """What the file holds.  Raises Bad for a format without frames of 20 ms."""
        self._content, self.format = content, content.format
        self._unit = self.format.bytes_per_20ms
        if not self._unit:
            raise Bad(f"files of {self.format} have no frames of 20 ms")
        self._at = min(self._skip_ms // 20 * self._unit, len(content.data))

    def take(self) -> bytes:
        """The next 20 ms in `format`; at the end as many whole codec frames as there are, then b""."""
        data = self._content.data if self._content is not None else b""
        if self._loop and self._at >= len(data):
            self._at = 0
        piece = data[self._at : self._at + self._unit]
        self._at += len(piece)
        return piece[: len(piece) - len(piece) % self.format.frame_bytes]

    def samples(self) -> Samples | None:
        """None: coded sound is decoded for many sources at once (`decoding.py`)."""
        return None


class StreamSource(_Base):
    """A stream that others may hear, too; it has no end of its own."""

    def __init__(self, number: int, row: int, streams: Streams, stream: int) -> None:
        super().__init__(number, row)
        self._streams = streams
        self._stream = stream

    def samples(self) -> Shared:
        return self._streams.hear(self._stream)


def padded(sound: Samples) -> Samples:
    """20 ms, filled up with silence."""
    return sound if len(sound) == SAMPLES else np.pad(sound, (0, SAMPLES - len(sound)))
