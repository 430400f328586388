"""Sounds that start or end at the plane: playback, recordings, detectors.  The part of `Plane` that knows files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from pbx.channels.voice.clocked import Clocked
from pbx.channels.voice.contents import Content
from pbx.channels.voice.core import Core, format_of
from pbx.channels.voice.detect import Detectors
from pbx.channels.voice.listeners import Listeners
from pbx.channels.voice.port import PLAIN, Direction, Shape
from pbx.channels.voice.sinks import Files, Recorder
from pbx.channels.voice.slots import Slots
from pbx.channels.voice.sources import Bad, FileSource, SilenceSource, Source, StreamSource, ToneSource
from pbx.channels.voice.streams import Streams


class Outside(Protocol):
    """What the plane needs done that is not sending: sockets, files."""

    @property
    def files(self) -> Files: ...

    def open_socket(self, socket: int, fd: int, family: int) -> bool:
        """True when the socket hears more than one address of ours."""

    def natural_source(self, address: bytes, local: bytes) -> bool:
        """True when datagrams to `address` leave from `local` without being told so."""

    def close_socket(self, socket: int) -> None: ...

    def open_stream(self, stream: int, fd: int) -> None:
        """That pipe is the stream's from now on, in place of the one it had."""

    def close_stream(self, stream: int) -> None: ...

    def read_stream(self, stream: int, most: int) -> bytes | None:
        """What waits in a stream's pipe; b"": it is closed; None: nothing waits."""

    def read_file(self, path: str, done: Callable[[Content | None, str], None]) -> None:
        """Read a file without making anybody wait; `done(content, "")` or `done(None, reason)` may come at once."""

    def aside(self, work: Callable[[], Any], done: Callable[[Any, int], None]) -> None:
        """Do `work` where nobody waits for it; then `done(what it gave, ns)` here, which may be at once."""

    def send_boxes(self) -> None:
        """Send what stands in the boxes now: it points at addresses that are about to change."""

    def trunk_frequency(self, milliseconds: int) -> None: ...

    def media_tick(self, microseconds: int) -> None: ...

    def test_timer(self, rate: int) -> None:
        """Let `core.events.timer_tested` be said in a second."""


class Sounds:
    """Commands about sources, recordings, detectors and listeners."""

    core: Core
    slots: Slots
    clocked: Clocked
    detectors: Detectors
    listeners: Listeners
    streams: Streams
    _outside: Outside
    _recorders: dict[int, Recorder]

    def _live(self, row: int) -> bool:
        """True for the row of a leg."""
        raise NotImplementedError

    def _refresh(self, rows: set[int]) -> None:
        """What these rows hear has changed."""
        raise NotImplementedError

    # ---- sources ------------------------------------------------------------------------------------

    def _add_source(self, source: Source) -> None:
        first = not self.clocked.has_sources(source.row)
        self.clocked.add_source(source)
        if first:
            self._refresh({source.row})

    def _ended(self, number: int, reason: str) -> None:
        row = self.clocked.remove_source(number)
        if not row:
            return
        self.core.events.finished(number, reason)
        if not self.clocked.has_sources(row):
            self._refresh({row})

    def play_file(self, source: int, row: int, path: str, format_bit: int, skip_ms: int, loop: bool) -> None:
        which = format_of(format_bit)
        if which is None or not self._live(row):
            self.core.events.finished(source, "error: no such format" if which is None else "stopped")
            return
        sound = FileSource(source, row, which, skip_ms, loop)
        self._add_source(sound)

        def read(content: Content | None, reason: str) -> None:
            if self.clocked.source(source) is not sound:
                return
            try:
                if content is None:
                    raise Bad(reason)
                sound.load(content)
            except Bad as error:
                self._ended(source, f"error: {error}")

        self._outside.read_file(path, read)

    def play_tone(self, source: int, row: int, spec: str) -> None:
        if not self._live(row):
            self.core.events.finished(source, "stopped")
            return
        try:
            self._add_source(ToneSource(source, row, spec))
        except Bad as error:
            self.core.events.finished(source, f"error: {error}")

    def play_silence(self, source: int, row: int, milliseconds: int) -> None:
        if self._live(row):
            self._add_source(SilenceSource(source, row, milliseconds))
        else:
            self.core.events.finished(source, "stopped")

    def open_stream(self, stream: int, fd: int, name: str, always: bool) -> None:
        self._outside.open_stream(stream, fd)
        try:
            self.streams.add(stream, name, always)
        except ValueError as error:
            self._outside.close_stream(stream)
            self.core.events.finished(stream, f"error: {error}")

    def close_stream(self, stream: int) -> None:
        self.streams.remove(stream)
        self._outside.close_stream(stream)

    def _stream_over(self, stream: int) -> None:
        self._outside.close_stream(stream)
        self.core.events.finished(stream, "end")

    def play_stream(self, source: int, row: int, stream: int) -> None:
        if self._live(row):
            self._add_source(StreamSource(source, row, self.streams, stream))
        else:
            self.core.events.finished(source, "stopped")

    def pause(self, source: int, paused: bool) -> None:
        running = self.clocked.source(source) or self._recorders.get(source)
        if running is not None:
            running.paused = paused

    def set_volume(self, row: int, gain: int) -> None:
        if self._live(row):
            self.clocked.set_volume(row, 10 ** (gain / 2000))
            self._refresh({row})

    def stop(self, source: int) -> None:
        if source in self._recorders:
            self._end_recording(source, "stopped")
        elif source in self.listeners:
            self.listeners.remove(source)
            self.core.events.finished(source, "stopped")
        else:
            self._ended(source, "stopped")

    # ---- recordings --------------------------------------------------------------------------------------

    def record(
        self,
        sink: int,
        row: int,
        path: str,
        format_bit: int,
        direction: Direction,
        append: bool,
        silence_ms: int,
        max_ms: int,
        shape: Shape = PLAIN,
    ) -> None:
        which = format_of(format_bit)
        if which is None or not self._live(row):
            self.core.events.finished(sink, "error: no such format" if which is None else "stopped")
            return
        wanted = [d for d in (Direction.IN, Direction.OUT) if direction & d]
        heeded = [d for d in (Direction.IN, Direction.OUT) if (direction | shape.starts) & d]
        slots = {d: self.slots.want(row, d, kept=True) for d in heeded}
        try:
            recorder = Recorder(sink, row, which, wanted, slots, shape, silence_ms=silence_ms, max_ms=max_ms)
        except LookupError as error:
            for d in heeded:
                self.slots.unwant(row, d, kept=True)
            self.core.events.finished(sink, f"error: {error}")
            return
        self._recorders[sink] = recorder
        self._outside.files.open(sink, path, append)

    def _record(self) -> None:
        for number, recorder in list(self._recorders.items()):
            over = recorder.feed(self.slots.frame, self.slots.spoke)
            if recorder.due:
                self._outside.files.write(number, recorder.take())
            if over:
                self._end_recording(number, over)

    def _end_recording(self, number: int, reason: str) -> None:
        recorder = self._recorders.pop(number)
        if reason == "stopped":
            recorder.end({direction: self.slots.rest(slot) for direction, slot in recorder.slots.items()})
        for direction in recorder.slots:
            self.slots.unwant(recorder.row, direction, kept=True)
        rest = recorder.take()
        if rest:
            self._outside.files.write(number, rest)
        # it is finished when the file is whole: whoever waits for that may read it at once
        self._outside.files.close(
            number, lambda failed: self.core.events.finished(number, f"error: {failed}" if failed else reason)
        )

    def detect(self, row: int, digits: bool, talk: bool, silence_threshold: int, silence_ms: int = 2500) -> None:
        watched = self.detectors.remove(row)
        if (digits or talk) and self._live(row):
            slot = self.slots.want(row, Direction.IN)
            self.detectors.add(row, slot, digits, talk, silence_threshold, silence_ms)
        if watched:
            self.slots.unwant(row, Direction.IN)

    def listen(self, number: int, row: int, direction: Direction, spec: str) -> None:
        if not self._live(row):
            self.core.events.finished(number, "stopped")
            return
        try:
            self.listeners.add(number, row, direction, spec)
        except ValueError as error:
            self.core.events.finished(number, f"error: {error}")

    def _silence_listeners(self, row: int) -> None:
        """Those on a leg that ends."""
        for number in self.listeners.of(row):
            self.stop(number)
