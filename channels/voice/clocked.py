"""Clocked sound: mixes and sources, one array of samples per 20 ms, encoded and sent on the call's clock."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from pbx.channels.voice.core import FRAME_MS, TOLERANCE, Core, format_of
from pbx.channels.voice.decoding import FileDecoder
from pbx.channels.voice.legs import Ints
from pbx.channels.voice.mixing import Input, Mixer
from pbx.channels.voice.outbound import Outbound
from pbx.channels.voice.slots import SAMPLES, Slots
from pbx.channels.voice.sources import Source
from pbx.codecs.translation import Translator, encoder

Finished = Callable[[int, str], None]


class Clocked:
    """Legs whose sound is made here.  `tick` once each 20 ms, after the slots were pulled."""

    def __init__(self, core: Core, outbound: Outbound, slots: Slots, finished: Finished) -> None:
        self._core = core
        self._outbound = outbound
        self._slots = slots
        self._finished = finished
        self._mixer = Mixer(slots, slots.of)
        self._sources: dict[int, list[Source]] = {}
        self._by_number: dict[int, Source] = {}
        self._files = FileDecoder()
        #: rows whose far end hears everything louder or softer: factor
        self._volume: dict[int, float] = {}
        self._encoders: dict[int, Translator | None] = {}
        self._streams: set[tuple[int, int]] = set()

    # ---- who hears what ----------------------------------------------------------------------------------------

    def set_inputs(self, row: int, inputs: tuple[Input, ...]) -> None:
        """The sounds mixed for a leg; none ends its mix."""
        self._mixer.set(row, inputs)

    def add_source(self, source: Source) -> None:
        self._sources.setdefault(source.row, []).append(source)
        self._by_number[source.number] = source

    def source(self, number: int) -> Source | None:
        return self._by_number.get(number)

    def remove_source(self, number: int) -> int:
        """Its row, 0 if there is none of that number."""
        source = self._by_number.pop(number, None)
        if source is None:
            return 0
        self._files.forget(number)
        others = self._sources[source.row]
        others.remove(source)
        if not others:
            del self._sources[source.row]
        return source.row

    def set_volume(self, row: int, factor: float) -> None:
        """How loud the leg's far end hears all that is made for it; 1.0 = as it is."""
        if factor == 1.0:
            self._volume.pop(row, None)
        else:
            self._volume[row] = factor

    def has_volume(self, row: int) -> bool:
        return row in self._volume

    def has_sources(self, row: int) -> bool:
        return row in self._sources

    def sources_of(self, row: int) -> list[int]:
        return [s.number for s in self._sources.get(row, ())]

    def forget(self, row: int) -> None:
        """The row is gone: its codec states too."""
        self.set_inputs(row, ())
        self._volume.pop(row, None)
        for key in [k for k in self._streams if k[1] == row]:
            self._streams.discard(key)
            translator = self._encoders.get(key[0])
            if translator is not None:
                translator.remove_row(row)

    @property
    def active(self) -> bool:
        return bool(self._mixer or self._sources)

    # ---- the tick ----------------------------------------------------------------------------------------------

    def tick(self, now: int) -> None:
        """Send 20 ms to every clocked leg; `now` in ms."""
        payloads: dict[int, bytes] = {}
        sounds = self._mixer.mix()
        for row in list(self._sources):
            self._play(row, payloads, sounds)
        for row, sound in self._files.run():
            _add(sounds, row, sound)
        for row in self._volume.keys() & sounds.keys():
            sounds[row] = (sounds[row] * self._volume[row]).astype(np.int32)
        rows: list[int] = []
        data: list[npt.NDArray[np.uint8]] = []
        for row, payload in payloads.items():
            rows.append(row)
            data.append(np.frombuffer(payload, np.uint8))
        self._encode(sounds, rows, data)
        self._send(rows, data, now)

    def _play(self, row: int, payloads: dict[int, bytes], sounds: dict[int, npt.NDArray[np.int32]]) -> None:
        """20 ms of a row's sources: as they stand in the file when that is all the row hears."""
        sources = self._sources[row]
        legs = self._core.legs
        for source in tuple(sources):
            if source.paused or not source.ready:
                continue
            which = source.format
            if which is None:
                sound = source.samples()
                if sound is None:
                    self._finished(source.number, "end")
                else:
                    _add(sounds, row, sound)
                continue
            piece = source.take()
            alone = len(sources) == 1 and row not in sounds and row not in self._volume
            if alone and piece and which.bit == int(legs.tx_format[row]):
                payloads[row] = piece
            elif not piece or not self._files.put(which, source.number, row, piece):
                self._finished(source.number, "end")

    def _encode(
        self, sounds: dict[int, npt.NDArray[np.int32]], rows: list[int], data: list[npt.NDArray[np.uint8]]
    ) -> None:
        by_format: dict[int, list[int]] = {}
        for row in sounds:
            by_format.setdefault(int(self._core.legs.tx_format[row]), []).append(row)
        for format_bit, group in by_format.items():
            if not format_bit:
                continue
            translator = self._encoder(format_bit)
            if translator is None:
                self._core.counters.untranslatable += len(group)
                continue
            # who hears the very same gets the very same: it is encoded for the first of them
            first: dict[int, int] = {}
            heads: list[int] = []
            for row in group:
                if first.setdefault(id(sounds[row]), len(heads)) == len(heads):
                    heads.append(row)
            place = [first[id(sounds[row])] for row in group]
            for row in heads:
                if (format_bit, row) not in self._streams:
                    self._streams.add((format_bit, row))
                    translator.add_row(row)
            block = np.stack([sounds[row] for row in heads])
            linear = np.clip(block, -32768, 32767).astype(np.int16)
            encoded = translator.translate(np.array(heads, np.intp), linear)
            rows.extend(group)
            data.extend(encoded[at] for at in place)

    def _encoder(self, format_bit: int) -> Translator | None:
        if format_bit not in self._encoders:
            which = format_of(format_bit)
            try:
                self._encoders[format_bit] = encoder(which) if which else None
            except LookupError:
                self._encoders[format_bit] = None
        return self._encoders[format_bit]

    def _send(self, rows: list[int], data: list[npt.NDArray[np.uint8]], now: int) -> None:
        by_size: dict[int, list[int]] = {}
        for i, payload in enumerate(data):
            by_size.setdefault(len(payload), []).append(i)
        for size, group in by_size.items():
            if not size:
                continue
            offset = self._core.scatter(np.stack([data[i] for i in group]))
            if offset is None:
                self._core.counters.held_dropped += len(group)
                continue
            sink = np.array([rows[i] for i in group], np.int64)
            tx = self._stamps(sink, now)
            self._outbound.emit(sink, tx, offset, np.full(len(group), size, np.int64), now)

    def _stamps(self, sink: Ints, now: int) -> Ints:
        """The next stamps: by sample count, but for those that are new here or strayed from the clock."""
        legs = self._core.legs
        tx: Ints = legs.tx_ts[sink] + FRAME_MS
        strays = np.abs(tx - (now - legs.clock[sink])) > TOLERANCE
        for i in np.flatnonzero(strays | (tx < FRAME_MS) | (legs.origin[sink] != 0)).tolist():
            tx[i] = self._outbound.clocked(int(sink[i]), FRAME_MS, now)
        return tx


def _add(
    sounds: dict[int, npt.NDArray[np.int32]], row: int, sound: npt.NDArray[np.int16] | npt.NDArray[np.int32]
) -> None:
    before = sounds.get(row)
    # what is wide already stays the object that it is: others hear it, too, and it is encoded once
    sounds[row] = sound.astype(np.int32, copy=False) if before is None else before + sound


__all__ = ["SAMPLES", "Clocked", "Input"]
