"""Sound files: what a suffix means, and reading and writing frames of a `Format`.

Headerless files hold nothing but payloads; linear ones (.sln, .raw) and .wav are little-endian, frames are as on
the wire (big-endian).  Reading is blocking: it belongs where waiting harms nobody.
"""

from __future__ import annotations

import io
import os
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO, Final

import numpy as np

from pbx.codecs import wav49
from pbx.codecs.formats import ADPCM, ALAW, BY_NAME, G722, G726, GSM, SLIN, SLIN16, ULAW, Format


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of file.  container: "" (headerless), "wav" (16-bit PCM), "wav49" (GSM in RIFF) or "au" (Sun u-law)."""

    name: str
    format: Format
    container: str = ""


_KINDS: Final[tuple[tuple[str, Kind], ...]] = (
    ("gsm", Kind("gsm", GSM)),
    ("ulaw ul pcm mu ulw", Kind("pcm", ULAW)),
    ("alaw al alw", Kind("alaw", ALAW)),
    ("sln slin raw", Kind("sln", SLIN)),
    ("wav", Kind("wav", SLIN, "wav")),
    ("sln16", Kind("sln16", SLIN16)),
    ("wav16", Kind("wav16", SLIN16, "wav")),
    ("g722", Kind("g722", G722)),
    ("WAV wav49", Kind("wav49", GSM, "wav49")),
    ("au", Kind("au", ULAW, "au")),
    ("g726-32", Kind("g726-32", G726)),
    ("vox", Kind("vox", ADPCM)),
    ("g729", Kind("g729", BY_NAME["g729"])),
)

SUFFIXES: Final[Mapping[str, Kind]] = MappingProxyType({s: kind for words, kind in _KINDS for s in words.split()})
"""Kind by suffix (case counts: .WAV is not .wav), in the order in which equals are preferred."""


class BadSound(ValueError):
    """A file that is not what its suffix or head says; the text names the file."""


def kind_of(path: str | os.PathLike[str]) -> Kind:
    """What the suffix means.  BadSound for unknown ones."""
    suffix = Path(path).suffix[1:]
    kind = SUFFIXES.get(suffix)
    if kind is None:
        raise BadSound(f"{path}: .{suffix} is no known kind of sound file")
    return kind


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where the sound lies in a file and in what format."""

    format: Format
    start: int
    length: int  # octets, -1: to the end
    container: str


def _swap(octets: bytes) -> bytes:
    return np.frombuffer(octets, "<i2").astype(">i2").tobytes()


def _size(file: BinaryIO) -> int:
    """Octets in the file; the place in it stays."""
    here = file.tell()
    size = file.seek(0, os.SEEK_END)
    file.seek(here)
    return size


def unwrap(path: str | os.PathLike[str], data: bytes) -> tuple[Format, bytes]:
    """Format and payloads (as on the wire, in one piece) of a file whose content is `data`; BadSound if it is wrong."""
    with SoundReader(path, data) as reader:
        return reader.format, reader.read(len(data))


class SoundReader:
    """Frames of a sound file as they would stand in a mini frame.

    Raises OSError when it cannot be opened, BadSound when its head is wrong.
    data: the file's content where it has been read already.
    """

    def __init__(self, path: str | os.PathLike[str], data: bytes | None = None) -> None:
        self.path = os.fspath(path)
        kind = kind_of(path)
        self._file: BinaryIO = open(self.path, "rb") if data is None else io.BytesIO(data)  # noqa: SIM115 - close()
        try:
            self._layout = _layout(self._file, kind, self.path)
            self._file.seek(self._layout.start)
        except BaseException:
            self._file.close()
            raise
        self.format = self._layout.format
        self._left = self._layout.length
        self._linear = self.format in (SLIN, SLIN16)

    @property
    def milliseconds(self) -> int:
        """Length of the whole sound."""
        octets = self._layout.length
        if octets < 0:
            octets = _size(self._file) - self._layout.start
        if self._layout.container == "wav49":
            return octets // wav49.BLOCK * 40
        return self.format.samples_of(octets) * 1000 // self.format.rate

    def seek(self, milliseconds: int) -> None:
        """Go on from there (rounded down to a whole 20 ms; wav49: 40 ms)."""
        wav = self._layout.container == "wav49"
        unit, ms = (wav49.BLOCK, 40) if wav else (self.format.bytes_per_20ms, 20)
        offset = max(0, milliseconds) // ms * unit
        if self._layout.length >= 0:
            offset = min(offset, self._layout.length)
            self._left = self._layout.length - offset
        self._file.seek(self._layout.start + offset)

    def read(self, frames: int = 1) -> bytes:
        """Up to that many frames of 20 ms in one piece; the last may be shorter, b"" is the end.

        A last piece of no whole codec frame is dropped.  wav49 comes in pairs: an odd count is rounded up.
        """
        if self._layout.container == "wav49":
            return wav49.to_frames(self._take((frames + 1) // 2 * wav49.BLOCK))
        octets = self._take(frames * self.format.bytes_per_20ms)
        octets = octets[: len(octets) - len(octets) % self.format.frame_bytes]
        return _swap(octets) if self._linear else octets

    def _take(self, count: int) -> bytes:
        if self._left >= 0:
            count = min(count, self._left)
            self._left -= count
        return self._file.read(count)

    def __iter__(self) -> Iterator[bytes]:
        """Frames of 20 ms; the last may be shorter."""
        size = self.format.bytes_per_20ms
        while piece := self.read(50):
            for at in range(0, len(piece), size):
                yield piece[at : at + size]

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> SoundReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class SoundWriter:
    """Writes payloads of `SoundWriter.format` to a file of the kind its suffix says.

    append: go on after what is there (a head, if any, is put right at `close`).
    """

    def __init__(self, path: str | os.PathLike[str], *, append: bool = False) -> None:
        self.path = os.fspath(path)
        kind = kind_of(path)
        self.format = kind.format
        self._container = kind.container
        self._linear = self.format in (SLIN, SLIN16)
        self._pending = b""
        there = append and os.path.exists(self.path) and os.path.getsize(self.path) > 0
        self._file: BinaryIO = open(self.path, "r+b" if there else "w+b")  # noqa: SIM115 - closed by close()
        self._start = len(_head(kind, 0))
        if there:
            layout = _layout(self._file, kind, self.path)
            if layout.format is not self.format or layout.start != self._start:
                self._file.close()
                raise BadSound(f"{self.path}: cannot append to a file with such a head")
            self._file.seek(layout.start + layout.length if layout.length >= 0 else 0, os.SEEK_SET)
            if layout.length < 0:
                self._file.seek(0, os.SEEK_END)
        else:
            self._file.write(_head(kind, 0))
        self._kind = kind

    def write(self, payload: bytes) -> None:
        """Any number of whole codec frames."""
        if self._container == "wav49":
            payload = self._pending + payload
            whole = len(payload) - len(payload) % (2 * GSM.frame_bytes)
            self._pending = payload[whole:]
            payload = wav49.from_frames(payload[:whole])
        self._file.write(_swap(payload) if self._linear else payload)

    def close(self) -> None:
        """Finish the head; an odd last GSM frame of wav49 gets a silent partner."""
        if self._file.closed:
            return
        if self._pending:
            self.write(wav49.SILENCE)
        length = self._file.tell() - self._start
        if self._container:
            self._file.seek(0)
            self._file.write(_head(self._kind, length))
        self._file.close()

    def __enter__(self) -> SoundWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def shorten(path: str | os.PathLike[str], milliseconds: int) -> None:
    """Take so much off the end of a file, to the next whole codec frame; all of it when it is shorter.

    Raises OSError, or BadSound for a file that is not what its suffix says.
    """
    with SoundReader(path) as reader:
        kept = max(0, reader.milliseconds - milliseconds)
        size = kept * reader.format.bytes_per_20ms // 20
        sound = reader.read(-(-kept // 20))[: size - size % reader.format.frame_bytes]
    with SoundWriter(path) as writer:
        writer.write(sound)


def _head(kind: Kind, length: int) -> bytes:
    """The head of a file with so many octets of sound."""
    rate = kind.format.rate
    if kind.container == "wav":
        form = struct.pack("<HHIIHH", 1, 1, rate, 2 * rate, 2, 16)
        extra = b""
    elif kind.container == "wav49":
        form = struct.pack("<HHIIHHHH", 0x31, 1, rate, 1625, wav49.BLOCK, 0, 2, 320)
        extra = b"fact" + struct.pack("<II", 4, length // wav49.BLOCK * 320)
    elif kind.container == "au":
        return struct.pack(">4sIIIII", b".snd", 24, length, 1, rate, 1)
    else:
        return b""
    chunks = b"fmt " + struct.pack("<I", len(form)) + form + extra + b"data" + struct.pack("<I", length)
    return b"RIFF" + struct.pack("<I", 4 + len(chunks) + length) + b"WAVE" + chunks


def _layout(file: BinaryIO, kind: Kind, path: str) -> _Layout:
    if kind.container == "au":
        head = file.read(24)
        if len(head) < 24 or head[:4] != b".snd" or head[12:16] != b"\0\0\0\1":
            raise BadSound(f"{path}: no u-law .au file")
        start, length = struct.unpack(">II", head[4:12])
        return _Layout(kind.format, start, length if length != 0xFFFFFFFF else -1, "au")
    if kind.container:
        return _riff(file, kind, path)
    return _Layout(kind.format, 0, -1, "")


def _riff(file: BinaryIO, kind: Kind, path: str) -> _Layout:
    """The chunks of a RIFF file up to its sound.  A length of 0 is one that its writer never finished: to the end."""
    head = file.read(12)
    if len(head) < 12 or head[:4] != b"RIFF" or head[8:] != b"WAVE":
        raise BadSound(f"{path}: no RIFF WAVE file")
    which: Format | None = None
    container = kind.container
    while True:
        chunk = file.read(8)
        if len(chunk) < 8:
            raise BadSound(f"{path}: no sound in it")
        name, size = struct.unpack("<4sI", chunk)
        if name == b"data":
            break
        body = file.read(size + size % 2)
        if name == b"fmt ":
            which, container = _riff_format(body, path)
    if which is None:
        raise BadSound(f"{path}: no format before the sound")
    start = file.tell()
    rest = max(0, _size(file) - start)
    return _Layout(which, start, min(size, rest) if size else rest, container)


def _riff_format(body: bytes, path: str) -> tuple[Format, str]:
    if len(body) < 16:
        raise BadSound(f"{path}: a format chunk too short")
    tag, channels, rate, _, _, bits = struct.unpack("<HHIIHH", body[:16])
    if tag == 0xFFFE and len(body) >= 26:  # the extensible form: the tag proper begins its identifier
        tag = struct.unpack("<H", body[24:26])[0]
    if channels != 1:
        raise BadSound(f"{path}: {channels} channels, only one is possible")
    if tag == 0x31 and rate == 8000:
        return GSM, "wav49"
    if tag == 1 and bits == 16 and rate in (8000, 16000):
        return (SLIN if rate == 8000 else SLIN16), "wav"
    if tag in (6, 7) and rate == 8000 and bits == 8:
        return (ALAW if tag == 6 else ULAW), "wav"
    raise BadSound(f"{path}: format {tag:#x}, {rate} Hz, {bits} bits is none of ours (16-bit PCM of 8 or 16 kHz)")
