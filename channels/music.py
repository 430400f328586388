"""Music on hold: the classes there are, and what each channel that holds hears of them.

Each channel has its own place in a class's files, and goes on there when it is held again, as in Asterisk; what a
program plays all hear together.  The sound itself is an ordinary source of the graph that gives way to whatever else is
played to the channel.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from pbx.channels.channel import State
from pbx.channels.log import Log

if TYPE_CHECKING:
    from pbx.channels.channel import Channel
    from pbx.channels.sounds import Source
    from pbx.channels.switch import Switch
    from pbx.codecs.formats import Format

log = Log("res_musiconhold")

#: (path without suffix or name of a sound, language, formats) -> (path, format); None: there is no such file
Find = Callable[[str, str, "tuple[Format, ...]"], "tuple[str, Format] | None"]
#: seconds between looks for what is on its way
_LOOK = 0.2
_PLACE = "musiconhold"


class Program(Protocol):
    """What plays a class to all who hear it."""

    #: of the graph
    stream: int

    def joined(self) -> None:
        """One more hears it."""

    def left(self) -> None:
        """One who `joined` does no longer."""


@dataclass(slots=True)
class MusicClass:
    """One section of musiconhold.conf.  files: paths without suffix, in the order in which they are played."""

    name: str
    mode: str = "files"
    directory: str = ""
    files: tuple[str, ...] = ()
    announcement: str = ""
    digit: str = ""
    #: "", "alpha", "random" or "randstart"
    sort: str = ""
    loop_last: bool = False
    answered_only: bool = False
    application: str = ""
    format: str = "slin"
    kill_delay_ms: int = 100
    kill_method: str = "process_group"
    #: in place of files
    program: Program | None = None


@dataclass(slots=True)
class _Place:
    """Where a channel stands in a class."""

    name: str
    total: int
    at: int
    #: the file being played, "" before the first; how much of it has been heard
    file: str = ""
    milliseconds: int = 0
    #: it was left within that file: there it goes on
    left: bool = False


class _Playing:
    """The music of one channel, file after file."""

    def __init__(self, music: MusicOnHold, channel: Channel, which: MusicClass, place: _Place) -> None:
        self.which = which
        self.place = place
        self._music = music
        self._channel = channel
        self._source: Source | None = None
        self._announced = False
        self._failures = 0

    def begin(self) -> None:
        """Play what comes first."""
        self._next()

    def _next(self) -> None:
        which, channel = self.which, self._channel
        if which.announcement and not self._announced:
            self._announced = True
            found = self._music.find(which.announcement, channel.language, channel.formats)
            if found is not None:
                self._play(found, 0, music=False)
                return
        self._announced = False
        self._choose()
        awaited = False
        for _ in which.files:
            file = which.files[self.place.at]
            found = self._music.find(file, channel.language, channel.formats)
            if found is not None:
                self.place.file = file
                self._play(found, self.place.milliseconds, music=True)
                return
            if self._music.awaited(file):
                awaited = True
            else:
                log.warning(f"Unable to open file '{file}' of music class '{which.name}'", call=channel.call_id)
            self.place.at = (self.place.at + 1) % len(which.files)
        if awaited:
            # not announced again and again
            self._announced = True
            channel.switch.clock.callLater(_LOOK, self._go_on)
        else:
            self._music.over(channel, self)

    def _choose(self) -> None:
        """Which file comes now."""
        place, which = self.place, self.which
        count = len(which.files)
        resumed, place.left = place.left, False
        if not place.file and not place.at:
            return
        if resumed and place.at < count and which.files[place.at] == place.file:
            return
        place.milliseconds = 0
        if which.sort == "random":
            place.at = self._music.random.randrange(count)
        elif which.loop_last:
            place.at = min(count - 1, place.at + 1)
        else:
            place.at = (place.at + 1) % count

    def _play(self, found: tuple[str, Format], skip_ms: int, *, music: bool) -> None:
        graph = self._channel.switch.graph
        source = graph.play(self._channel, *found, skip_ms=skip_ms, gives_way=True)
        self._source = source

        def ended(reason: str) -> None:
            if self._source is not source:
                return
            self._source = None
            if music:
                self.place.milliseconds = source.elapsed_ms
            if reason == "end":
                self._failures = 0
                self._next()
            elif reason.startswith("error") and self._failures < len(self.which.files):
                log.warning(f"Unable to play '{found[0]}': {reason}", call=self._channel.call_id)
                self._failures += 1
                # in the next turn: files that fail at once must not nest
                self._channel.switch.clock.callLater(0, self._go_on)
            else:
                self.place.left = music
                self._music.over(self._channel, self)

        source.done.addCallback(ended)

    def _go_on(self) -> None:
        if self._music.playing.get(self._channel) is self and self._source is None:
            self._next()

    def stop(self) -> None:
        source, self._source = self._source, None
        if source is not None:
            if not self._announced:
                self.place.milliseconds = source.elapsed_ms
                self.place.left = True
            source.stop()


class _Joined:
    """The music of one channel that others may hear, too."""

    def __init__(self, music: MusicOnHold, channel: Channel, which: MusicClass, program: Program) -> None:
        self.which = which
        self._music = music
        self._channel = channel
        self._program = program
        self._source: Source | None = None

    def begin(self) -> None:
        self._program.joined()
        graph = self._channel.switch.graph
        self._source = source = graph.stream(self._channel, self._program.stream, gives_way=True)
        source.done.addCallback(self._ended)

    def _ended(self, reason: str) -> None:
        self._program.left()
        if self._source is not None:
            self._source = None
            self._music.over(self._channel, self)

    def stop(self) -> None:
        source, self._source = self._source, None
        if source is not None:
            source.stop()


@dataclass(slots=True)
class MusicOnHold:
    """`switch.music`: starts and ends the music of channels.  Knows no classes until somebody gives it some."""

    switch: Switch
    find: Find = lambda name, language, formats: None
    #: is that file on its way?
    awaited: Callable[[str], bool] = lambda name: False
    classes: dict[str, MusicClass] = field(default_factory=dict)
    #: preferchannelclass: CHANNEL(musicclass) counts before the class that an application or a HOLD names
    prefer_channel: bool = True
    playing: dict[Channel, _Playing | _Joined] = field(default_factory=dict)
    random: random.Random = field(default_factory=random.Random)

    def choose(self, channel: Channel, wanted: str = "", interpret: str = "") -> MusicClass | None:
        """The class that this channel hears: the first that exists of what is named, and `default`.

        wanted: by an application, or by the HOLD of the far end's partner (its mohsuggest); interpret: mohinterpret.
        """
        named = [channel.musicclass, wanted] if self.prefer_channel else [wanted, channel.musicclass]
        for name in (*named, interpret, "default"):
            found = self.classes.get(name.lower()) if name else None
            if found is not None:
                return found
            if name and name.lower() != "default":
                log.warning(f"Music on Hold class '{name}' not found", call=channel.call_id)
        return None

    def start(self, channel: Channel, wanted: str = "", interpret: str = "") -> bool:
        """Play music to the channel's far end; False when there is no class for it, or it is not answered yet."""
        which = self.choose(channel, wanted, interpret)
        if which is None or channel.dead:
            return False
        if which.answered_only and channel.state is not State.UP:
            log.verbose(3, f"The channel '{channel.name}' is not answered yet. Ignore the moh request.")
            return False
        now = self.playing.get(channel)
        if now is not None and now.which.name == which.name:
            return True
        self.stop(channel)
        if not which.files and which.program is None:
            log.warning(f"Music class '{which.name}' has nothing to play", call=channel.call_id)
            return False
        log.verbose(3, f"Started music on hold, class '{which.name}', on channel '{channel.name}'")
        playing: _Playing | _Joined
        if which.program is not None:
            playing = _Joined(self, channel, which, which.program)
        else:
            playing = _Playing(self, channel, which, self._place(channel, which))
        self.playing[channel] = playing
        channel.on_end(self._gone)
        playing.begin()
        return channel in self.playing

    def _place(self, channel: Channel, which: MusicClass) -> _Place:
        """Where the channel goes on in the class's files."""
        place: _Place | None = channel.attached.get(_PLACE)
        if place is None or place.name != which.name or place.total != len(which.files):
            first = self.random.randrange(len(which.files)) if which.sort in ("random", "randstart") else 0
            place = channel.attached[_PLACE] = _Place(which.name, len(which.files), first)
        return place

    def stop(self, channel: Channel) -> None:
        """End the music; where it stood is remembered."""
        playing = self.playing.pop(channel, None)
        if playing is not None:
            channel.not_on_end(self._gone)
            playing.stop()
            log.verbose(3, f"Stopped music on hold on {channel.name}")

    def over(self, channel: Channel, playing: _Playing | _Joined) -> None:
        """Another sound took its place, or there is nothing that can be played."""
        if self.playing.get(channel) is playing:
            del self.playing[channel]
            channel.not_on_end(self._gone)

    def _gone(self, channel: Channel) -> None:
        playing = self.playing.pop(channel, None)
        if playing is not None:
            playing.stop()

    def digit(self, channel: Channel, digit: str) -> bool:
        """A digit typed by one who hears music: if it is a class's, that is what the channel hears from now on."""
        found = next((c for c in self.classes.values() if c.digit and c.digit == digit), None)
        if found is None or channel not in self.playing:
            return False
        channel.musicclass = found.name
        self.stop(channel)
        return self.start(channel, found.name)
