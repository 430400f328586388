"""Raw sound that comes through a pipe: programs that play music on hold.

A stream has one pipe and any number of listeners, who all hear the very same 20 ms (`block`, one array for all).  It is
read by the clock, 20 ms a tick: a program that is faster waits for room in its pipe, and an empty pipe is silence.
The plane never waits for either.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from pbx.channels.voice.slots import SAMPLES
from pbx.codecs.formats import BY_NAME, SLIN
from pbx.codecs.translation import Translator, decoder

_RATE = 8000
#: frames that are read ahead; a pipe that ran empty is heard again when so many have come: a program that writes each
#: 100 ms would else be heard in pieces
_AHEAD = 10
_PRIME = 5
_SILENCE: npt.NDArray[np.int32] = np.zeros(SAMPLES, np.int32)
#: taps of the low-pass filter for each step between two samples that are kept
_TAPS = 16
_PASS = 0.9

#: (stream, most octets) -> what waits in its pipe; b"": the program has closed it; None: nothing waits
Read = Callable[[int, int], "bytes | None"]


class _Decimator:
    """Linear sound of a whole multiple of 8000 samples a second, in this machine's order, to 8000."""

    def __init__(self, factor: int) -> None:
        self._factor = factor
        reach = _TAPS * factor // 2
        at = np.arange(-reach, reach + 1)
        taps = np.sinc(at * _PASS / factor) * np.kaiser(len(at), 6.0)
        self._taps = taps / taps.sum()
        self._past = np.zeros(len(self._taps) - 1)

    def __call__(self, octets: bytes) -> npt.NDArray[np.int32]:
        fresh = np.frombuffer(octets[: len(octets) - len(octets) % (2 * self._factor)], "=i2")
        if self._factor == 1:
            return fresh.astype(np.int32)
        line = np.concatenate([self._past, fresh.astype(np.float64)])
        self._past = line[len(line) - len(self._past) :]
        sound = np.convolve(line, self._taps, "valid")[:: self._factor]
        return np.clip(np.rint(sound), -32768, 32767).astype(np.int32)


class _Coded:
    """Payloads of a codec."""

    def __init__(self, translator: Translator) -> None:
        self._translator = translator
        translator.add_row(0)

    def __call__(self, octets: bytes) -> npt.NDArray[np.int32]:
        whole = len(octets) - len(octets) % (self._translator.source.frame_bytes or 1)
        if not whole:
            return _SILENCE
        block = np.frombuffer(octets[:whole], np.uint8)[None, :]
        sound: npt.NDArray[np.int32] = self._translator.translate(np.zeros(1, np.intp), block)[0].astype(np.int32)
        return sound


def stream_format(name: str) -> tuple[int, Callable[[bytes], npt.NDArray[np.int32]]]:
    """(octets of 20 ms, what makes 160 samples of them).  Raises ValueError for a format that can't be streamed.

    name: `slin` and `slinNN` (NN a multiple of 8: thousands of samples a second), or any codec of whole 20 ms frames.
    """
    digits = name.removeprefix("slin") if name.startswith("slin") else ""
    if name == SLIN.name or (digits.isdecimal() and int(digits) % 8 == 0 and 0 < int(digits) <= 192):
        factor = int(digits or 8) // 8
        return 2 * SAMPLES * factor, _Decimator(factor)
    which = BY_NAME.get(name)
    if which is None or not which.bytes_per_20ms:
        raise ValueError(f"sound of format {name} does not come in frames of 20 ms")
    try:
        return which.bytes_per_20ms, _Coded(decoder(which))
    except LookupError as error:
        raise ValueError(str(error)) from None


class Stream:
    """One pipe.  always: it is read when nobody listens, too, so that a listener hears what is played now."""

    def __init__(self, number: int, name: str, always: bool) -> None:
        """Raises ValueError, see `stream_format`."""
        self.number = number
        self.always = always
        #: the present 20 ms, never written to
        self.block = _SILENCE
        #: somebody heard it in the last tick
        self.asked = False
        #: its program has closed it, and all that came through it was heard
        self.over = False
        self._open = True
        self._unit, self._decode = stream_format(name)
        self._ahead = bytearray()
        self._primed = False

    def hear(self) -> npt.NDArray[np.int32]:
        """The present 20 ms, 8000 samples a second."""
        self.asked = True
        return self.block

    def advance(self, read: Read) -> None:
        """Go on by 20 ms; what nobody asked for is let go as it is."""
        self._fetch(read)
        asked, self.asked = self.asked, False
        ready = len(self._ahead)
        enough = self._unit if self._primed else _PRIME * self._unit
        self._primed = ready >= enough or not self._open
        if not self._primed or not ready:
            self.block = _SILENCE
            self.over = not self._open
            return
        piece = bytes(self._ahead[: self._unit])
        del self._ahead[: self._unit]
        if not asked:
            self.block = _SILENCE
            return
        sound = self._decode(piece)
        self.block = sound if len(sound) == SAMPLES else np.pad(sound, (0, SAMPLES))[:SAMPLES]

    def _fetch(self, read: Read) -> None:
        wanted = _AHEAD * self._unit - len(self._ahead)
        if self._open and wanted > 0:
            piece = read(self.number, wanted)
            if piece:
                self._ahead += piece
            elif piece is not None:
                self._open = False


class Streams:
    """All streams of a plane.  ended(number): its program has closed the pipe and all of it has been heard."""

    def __init__(self, read: Read, ended: Callable[[int], None]) -> None:
        self._read = read
        self._ended = ended
        self._streams: dict[int, Stream] = {}
        self._idle = Stream(0, SLIN.name, False)

    def add(self, number: int, name: str, always: bool) -> None:
        """A new pipe for that number; who listened to the former one hears this one.  Raises ValueError."""
        former = self._streams.get(number)
        made = self._streams[number] = Stream(number, name, always)
        made.asked = former is not None and former.asked

    def remove(self, number: int) -> None:
        self._streams.pop(number, None)

    def hear(self, number: int) -> npt.NDArray[np.int32]:
        """The present 20 ms of that stream; silence where it has none."""
        return self._streams.get(number, self._idle).hear()

    @property
    def active(self) -> bool:
        """There is one that goes on whether somebody listens or not."""
        return any(stream.always and not stream.over for stream in self._streams.values())

    def tick(self) -> None:
        """Go on by 20 ms with all that are heard or read always."""
        for stream in list(self._streams.values()):
            if stream.over or not (stream.always or stream.asked):
                continue
            stream.advance(self._read)
            if stream.over:
                self._ended(stream.number)
