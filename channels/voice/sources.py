"""Sounds that start here: files, tones, silence.  Each yields 20 ms at a time, as payload or as samples."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from pbx.channels.voice.slots import SAMPLES
from pbx.channels.voice.tones import TonePlayer, parse_tones
from pbx.codecs.files import BadSound, unwrap
from pbx.codecs.formats import SLIN, SLIN16, Format
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
    """A tone list.  Raises Bad for one that can't be read."""

    def __init__(self, number: int, row: int, spec: str) -> None:
        super().__init__(number, row)
        try:
            self._player = TonePlayer(parse_tones(spec))
        except ValueError as error:
            raise Bad(str(error)) from None

    def samples(self) -> Samples | None:
        sound = self._player.read(SAMPLES)
        if not len(sound):
            return None
        return sound if len(sound) == SAMPLES else np.pad(sound, (0, SAMPLES - len(sound)))


# by the first octets: heads that say what is inside (wav, GSM in wav, Sun u-law), and a name that says the same
_CONTAINERS = {b"RIFF": "sound.wav", b".snd": "sound.au"}


class FileSource(_Base):
    """A sound file, whose bytes come from `load` when they have been read.

    Headerless files of linear sound are 16-bit little-endian, as Asterisk's .sln are; a head (wav, au) is read.
    """

    def __init__(self, number: int, row: int, which: Format, skip_ms: int, loop: bool) -> None:
        super().__init__(number, row)
        self._format = which
        self._skip_ms = skip_ms
        self._loop = loop
        self._data: bytes | None = None
        self._at = 0
        self._translator: Translator | None = None
        self._first = 0
        self._linear = which in (SLIN, SLIN16)
        self._unit = which.bytes_per_20ms
        if not self._unit:
            raise Bad(f"no headerless files of {which}")

    @property
    def ready(self) -> bool:  # type: ignore[override]
        return self._data is not None

    def load(self, data: bytes) -> None:
        """The file's content.  Raises Bad when it is not what it should be."""
        name = _CONTAINERS.get(data[:4])
        if name:
            try:
                self._format, data = unwrap(name, data)
            except BadSound as error:
                raise Bad(str(error)) from None
            self._linear, self._unit = self._format in (SLIN, SLIN16), self._format.bytes_per_20ms
            if self._linear:  # unwrapped sound is in the wire's order, `samples` reads the files'
                data = np.frombuffer(data, ">i2").astype("<i2").tobytes()
        self._first = min(self._skip_ms // 20 * self._unit, len(data))
        self._at = self._first
        self._data = data

    def _take(self) -> bytes:
        data = self._data
        if data is None:
            return b""
        piece = data[self._at : self._at + self._unit]
        if not piece and self._loop and len(data):
            self._at = 0
            piece = data[: self._unit]
        self._at += len(piece)
        return piece

    def payload(self, format_bit: int) -> bytes | None:
        if self._format.bit != format_bit or self._linear:
            return None
        piece = self._take()
        if len(piece) < self._unit:
            # a last piece that is no whole 20 ms: as many whole codec frames as there are
            piece = piece[: len(piece) - len(piece) % self._format.frame_bytes]
        return piece

    def samples(self) -> Samples | None:
        piece = self._take()
        if not piece:
            return None
        if self._translator is None:
            self._translator = Translator(self._format, SLIN, native_in=True, native_out=True) if self._linear else None
            if self._translator is None:
                try:
                    self._translator = decoder(self._format)
                except LookupError:
                    return None
            self._translator.add_row(0)
        if self._linear:
            data: npt.NDArray[np.generic] = np.frombuffer(piece.ljust(self._unit, b"\0"), "<i2").astype(np.int16)
        else:
            piece = piece[: len(piece) - len(piece) % self._format.frame_bytes]
            if not piece:
                return None
            data = np.frombuffer(piece, np.uint8)
        sound: Samples = self._translator.translate(np.zeros(1, np.intp), data.reshape(1, -1))[0]
        return sound[:SAMPLES] if len(sound) >= SAMPLES else np.pad(sound, (0, SAMPLES - len(sound)))
