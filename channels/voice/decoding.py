"""Sound files that are not in the format of the leg that hears them: decoded for all of a tick at once."""

from __future__ import annotations

import heapq

import numpy as np
import numpy.typing as npt

from pbx.channels.voice.slots import SAMPLES
from pbx.channels.voice.sources import padded
from pbx.codecs.formats import Format
from pbx.codecs.translation import Translator, decoder


class FileDecoder:
    """Pieces of files to samples; each source has a codec state of its own until `forget`.

    `put` the pieces of a tick, then `run`: one array operation per format, however many sources there are.
    """

    def __init__(self) -> None:
        self._translators: dict[int, Translator | None] = {}
        #: source number -> its row in the translators (small numbers, given again), and which of them know it
        self._streams: dict[int, int] = {}
        self._free: list[int] = []
        self._known: set[tuple[int, int]] = set()
        self._pieces: dict[tuple[int, int], tuple[Format, list[int], list[int], list[bytes]]] = {}

    def put(self, which: Format, number: int, row: int, piece: bytes) -> bool:
        """The next piece of a source for that row; False when nothing here decodes its format."""
        if self._translator(which) is None:
            return False
        stream = self._streams.get(number)
        if stream is None:
            stream = heapq.heappop(self._free) if self._free else len(self._streams)
            self._streams[number] = stream
        gathered = self._pieces.setdefault((which.bit, len(piece)), (which, [], [], []))
        gathered[1].append(stream)
        gathered[2].append(row)
        gathered[3].append(piece)
        return True

    def run(self) -> list[tuple[int, npt.NDArray[np.int16]]]:
        """(row, 20 ms of samples) of every piece that was put since the last time."""
        found: list[tuple[int, npt.NDArray[np.int16]]] = []
        pieces, self._pieces = self._pieces, {}
        for which, streams, rows, data in pieces.values():
            translator = self._translator(which)
            assert translator is not None
            for stream in streams:
                if (which.bit, stream) not in self._known:
                    self._known.add((which.bit, stream))
                    translator.add_row(stream)
            block = np.frombuffer(b"".join(data), np.uint8).reshape(len(data), -1)
            sound = translator.translate(np.array(streams, np.intp), block)[:, :SAMPLES]
            found += [(row, padded(one)) for row, one in zip(rows, sound, strict=True)]
        return found

    def forget(self, number: int) -> None:
        """The source is over."""
        stream = self._streams.pop(number, None)
        if stream is None:
            return
        heapq.heappush(self._free, stream)
        for key in [key for key in self._known if key[1] == stream]:
            self._known.discard(key)
            translator = self._translators.get(key[0])
            if translator is not None:
                translator.remove_row(stream)

    def _translator(self, which: Format) -> Translator | None:
        if which.bit not in self._translators:
            try:
                self._translators[which.bit] = decoder(which)
            except LookupError:
                self._translators[which.bit] = None
        return self._translators[which.bit]
