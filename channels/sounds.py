"""Sounds on their way: a source that plays to a channel's far end, a recording of one, a detector that hears one.

They are handles that the graph makes.  Where a leg with a row hears (or speaks)
the voice plane does the work and says when it is through; else the clock does,
so that a sound lasts as long as it would be heard.  When the graph changes they
move: the plane is told to stop at one row and to go on at another.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred

from pbx.channels.voice.port import Direction

if TYPE_CHECKING:
    from collections.abc import Callable

    from pbx.channels.channel import Channel
    from pbx.channels.graph import Graph


class Handle:
    """What Source and Recording share: `done`, the time passed, places in the plane.

    `done` fires with why it ended.  Cancelling it (an Interrupt or a timeout of `channel.wait`) stops the sound.
    """

    #: of whom hears instead of being heard: what the far end says (IN) or hears (OUT)
    direction: Direction | None = None

    def __init__(self, graph: Graph, channel: Channel, *, elapsed_ms: int = 0) -> None:
        self.channel = channel
        self.done: Deferred[str] = Deferred(lambda _: self.stop())
        self._graph: Graph | None = graph
        self._clock = graph.clock
        self._before = elapsed_ms / 1000.0
        self._since: float | None = None
        #: row -> number by which the plane knows it
        self.places: dict[int, int] = {}
        self._timer: Any = None

    @property
    def playing(self) -> bool:
        """It has not ended (it may be paused)."""
        return self._graph is not None

    @property
    def elapsed_ms(self) -> int:
        """How much of it has passed."""
        running = 0.0 if self._since is None else self._clock.seconds() - self._since
        return round((self._before + running) * 1000)

    def stop(self, reason: str = "stopped") -> None:
        """End it; `done` fires with that reason.  Nothing happens when it has ended."""
        self.through(reason)

    def through(self, reason: str, number: int = 0) -> None:
        """It ends: asked to, or the clock or the plane (its `number`) says that it has come to its end."""
        graph, self._graph = self._graph, None
        if graph is None:
            return
        self._halt()
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None
        for told in self.places.values():
            graph.drop_number(told, tell=told != number)
        self.places.clear()
        graph.ended(self)
        self.done.callback(reason)

    def _run(self) -> None:
        if self._since is None:
            self._since = self._clock.seconds()

    def _halt(self) -> None:
        if self._since is not None:
            self._before += self._clock.seconds() - self._since
            self._since = None

    def _time(self, seconds: float | None, reason: str = "end") -> None:
        """Let the clock end it in that many seconds; None: the clock does not."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None
        if seconds is not None and self._graph is not None:
            self._timer = self._clock.callLater(max(0.0, seconds), self.through, reason)

    def move(self, rows: Iterable[int]) -> None:
        """Be at these rows from now on (the graph has changed)."""
        raise NotImplementedError


class Source(Handle):
    """A sound being played to a channel's far end.

    `done`: "end", "stopped", "hangup" or "error: ...".  So `await channel.wait(graph.play(channel, ...).done)` is all
    that Playback needs.
    """

    def __init__(
        self,
        graph: Graph,
        channel: Channel,
        begin: Callable[[int, int, int], None],
        duration_ms: int | None,
        *,
        over: bool = False,
        skip_ms: int = 0,
        gives_way: bool = False,
    ) -> None:
        """begin(number, row, skip_ms) tells the plane; duration_ms None: until stopped.

        gives_way: the next sound that is to be heard alone on this channel ends it ("replaced"): music.
        """
        super().__init__(graph, channel, elapsed_ms=skip_ms)
        self._begin = begin
        self.duration_ms = duration_ms
        self.over = over
        self.gives_way = gives_way
        self.paused = False

    def pause(self, paused: bool = True) -> None:
        """Stand still, or go on where it stood."""
        if self._graph is None or paused is self.paused:
            return
        self.paused = paused
        if paused:
            self._halt()
        else:
            self._run()
        for number in self.places.values():
            self._graph.port.pause(number, paused)
        self._watch()

    def move(self, rows: Iterable[int]) -> None:
        graph = self._graph
        if graph is None:
            return
        wanted = set(rows)
        for row in [row for row in self.places if row not in wanted]:
            graph.drop_number(self.places.pop(row))
        for row in sorted(wanted - self.places.keys()):
            number = graph.new_number(self)
            self.places[row] = number
            self._begin(number, row, self.elapsed_ms)
            if self.paused:
                graph.port.pause(number, True)
        if not self.paused:
            self._run()
        self._watch()

    def _watch(self) -> None:
        """The clock ends what no plane row plays."""
        if self.places or self.paused or self.duration_ms is None:
            self._time(None)
        else:
            self._time((self.duration_ms - self.elapsed_ms) / 1000.0)


class Recording(Handle):
    """What a channel's far end says (and hears) being written to a file.

    `done`: "stopped", "hangup", "silence", "max" or "error: ...".
    """

    def __init__(
        self,
        graph: Graph,
        channel: Channel,
        path: str,
        begin: Callable[[int, int, bool, int], None],
        *,
        direction: Direction = Direction.IN,
        append: bool = False,
        silence_ms: int = 0,
        max_ms: int = 0,
    ) -> None:
        """begin(number, row, append, rest of max_ms) tells the plane."""
        super().__init__(graph, channel)
        self.path = path
        #: nobody whose sound could be written has spoken into it so far
        self.deaf = True
        self.direction = direction
        self._begin = begin
        self._append = append
        self._silence_ms = silence_ms
        self._max_ms = max_ms
        self.paused = False
        #: fires when it has ended and the plane has written and closed the file: who reads it finds it whole
        self.closed: Deferred[None] = Deferred()
        self._open: set[int] = set()

    def pause(self, paused: bool = True) -> None:
        """Let go what passes, or go on."""
        if self._graph is not None and paused is not self.paused:
            self.paused = paused
            for number in self.places.values():
                self._graph.port.pause(number, paused)

    def through(self, reason: str, number: int = 0) -> None:
        super().through(reason, number)
        self._file_closed(0)

    def _file_closed(self, number: int) -> None:
        """The plane is through with one of the numbers by which it wrote."""
        self._open.discard(number)
        if not self.playing and not self._open and not self.closed.called:
            self.closed.callback(None)

    def move(self, rows: Iterable[int]) -> None:
        """Record at the first of these rows; at none: silence, of which the file holds nothing."""
        graph = self._graph
        if graph is None:
            return
        self._run()
        wanted = set(sorted(rows)[:1])
        if wanted and self.places.keys() == wanted:
            return
        for number in self.places.values():
            graph.drop_number(number)
        self.places.clear()
        if wanted:
            row = wanted.pop()
            number = graph.new_number(self)
            self.places[row] = number
            rest = max(1, self._max_ms - self.elapsed_ms) if self._max_ms else 0
            self._open.add(number)
            graph.when_closed(number, self._file_closed)
            self._begin(number, row, self._append, rest)
            self.deaf = False
            if self.paused:
                graph.port.pause(number, True)
            # the limit counts from the start, be there sound or not; the plane's own counts what was heard
            self._time(rest / 1000.0 if rest else None, "max")
        else:
            self._deaf()
        self._append = True

    def _deaf(self) -> None:
        """Nobody speaks: make the file, and let the clock run to what ends it first."""
        try:
            with open(self.path, "ab" if self._append else "wb"):
                pass
        except OSError as error:
            self._time(0.0, f"error: {error.strerror or error}: {os.path.basename(self.path)}")
            return
        ends = []
        if self._max_ms:
            ends.append(((self._max_ms - self.elapsed_ms) / 1000.0, "max"))
        if self._silence_ms:
            ends.append((self._silence_ms / 1000.0, "silence"))
        if ends:
            self._time(*min(ends))
        else:
            self._time(None)


class Listener(Handle):
    """A detector (`pbx.codecs.listening`) that hears what a channel's far end says, or hears.

    heard(what) is called for each finding.  `done`: "stopped", "hangup" or "error: ...".
    """

    def __init__(
        self,
        graph: Graph,
        channel: Channel,
        begin: Callable[[int, int], None],
        direction: Direction,
        heard: Callable[[str], None],
    ) -> None:
        """begin(number, row) tells the plane."""
        super().__init__(graph, channel)
        self.direction = direction
        self.heard = heard
        self._begin = begin

    def move(self, rows: Iterable[int]) -> None:
        graph = self._graph
        if graph is None:
            return
        self._run()
        wanted = set(rows)
        for row in [row for row in self.places if row not in wanted]:
            graph.drop_number(self.places.pop(row))
        for row in sorted(wanted - self.places.keys()):
            self.places[row] = number = graph.new_number(self)
            self._begin(number, row)
