"""Who hears whom: channels, bridges, Local pairs, sources and taps as one graph.

The graph is control's.  One pure function compiles it to edge rows of the voice
plane; each edit sends only the difference.  Bridge, transfer, hold, music,
spying and recording are edits of this graph and nothing else.

Every channel has two ports: *in* (what its far end says) and *out* (what its far
end hears).  An arc leads from one channel's in to another's out.  For a channel
with a row of the voice plane those ports are the leg's; a Local half has no row:
what goes out of one half comes in at the other, so paths run through pairs and
end where a leg is (`compile_edges`).  A sound that nobody with a row hears is
timed by the clock, so that it lasts as long as it would be heard.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred

from pbx.channels.voice.port import Direction, VoicePort

if TYPE_CHECKING:
    from pbx.channels.channel import Channel
    from pbx.channels.switch import Switch
    from pbx.codecs.formats import Format


class Rows:
    """Row numbers of the voice plane, 1.., each with a generation that outlives the number."""

    def allocate(self) -> tuple[int, int]:
        """(row, generation); the number freed longest ago comes first."""
        raise NotImplementedError

    def free(self, row: int) -> None:
        """The leg is gone; its number may be given again with the next generation."""
        raise NotImplementedError


class Source:
    """A sound being played to a channel's far end.

    `done` fires with why it ended: "end", "stopped", "hangup" or "error: ...".  Cancelling `done` stops the
    sound, so `await channel.wait(graph.play(channel, ...).done)` is all that Playback needs: an Interrupt or
    a timeout stops it.
    """

    done: Deferred[str]

    @property
    def elapsed_ms(self) -> int:
        """How much of it has been played."""
        raise NotImplementedError

    @property
    def playing(self) -> bool: ...

    def stop(self, reason: str = "stopped") -> None: ...

    def pause(self, paused: bool = True) -> None: ...


class Recording:
    """What a channel says (and hears) being written to a file; `done` as for Source, plus "silence" and "max"."""

    done: Deferred[str]

    @property
    def elapsed_ms(self) -> int: ...

    def stop(self, reason: str = "stopped") -> None: ...


class Graph:
    """The graph; one, made with the switch (`switch.graph`)."""

    def __init__(self, switch: Switch, port: VoicePort) -> None: ...

    # ---- nodes
    def attach(self, channel: Channel) -> None:
        """The channel has its leg (and row): it takes part.  Detached by itself when it ends."""

    def detach(self, channel: Channel) -> None:
        """Everything of this channel goes: arcs, sources (done: "hangup"), recordings, taps."""

    def pair(self, one: Channel, two: Channel) -> None:
        """Two halves of a Local channel: what goes out of one comes in at the other."""

    # ---- arcs
    def join(self, a: Channel, b: Channel) -> None:
        """Each hears the other."""

    def part(self, a: Channel, b: Channel) -> None:
        """They no longer do."""

    def hear(self, listener: Channel, speaker: Channel) -> None:
        """One way: `listener` hears what `speaker`'s far end says (early media)."""

    def unhear(self, listener: Channel, speaker: Channel) -> None: ...

    def loop(self, channel: Channel) -> None:
        """Echo: the far end hears itself, until `unloop`."""

    def unloop(self, channel: Channel) -> None: ...

    def hold(self, channel: Channel) -> None:
        """Its arcs carry nothing until `unhold`; sources put on it are heard."""

    def unhold(self, channel: Channel) -> None: ...

    def mute(self, channel: Channel, direction: Direction) -> None:
        """Nothing of that direction passes (IN: others don't hear it, OUT: it doesn't hear others); 0 ends it."""

    # ---- sounds
    def play(
        self,
        channel: Channel,
        path: str,
        format: Format,
        *,
        skip_ms: int = 0,
        loop: bool = False,
        over: bool = False,
    ) -> Source:
        """Play a sound file (a path with its suffix, in `format`) to the far end.

        While it plays the far end hears nothing else, unless `over`: then it is mixed with it.
        A missing or unreadable file: done fires with "error: ...".
        """
        raise NotImplementedError

    def tone(self, channel: Channel, spec: str, *, over: bool = False) -> Source:
        """Play a tone list (`!350+440/100,!0/100`, `1004`); ends by itself only if every element has `!`."""
        raise NotImplementedError

    def silence(self, channel: Channel, milliseconds: int = 0) -> Source:
        """Keep silence flowing (0: until stopped)."""
        raise NotImplementedError

    def record(
        self,
        channel: Channel,
        path: str,
        format: Format,
        *,
        direction: Direction = Direction.IN,
        append: bool = False,
        silence_ms: int = 0,
        max_ms: int = 0,
    ) -> Recording:
        """Write what the far end says (IN) and/or hears (OUT); ends after silence_ms of silence or max_ms."""
        raise NotImplementedError

    def tap(self, listener: Channel, target: Channel, direction: Direction, gain: int = 0) -> None:
        """`listener` hears a copy of what `target` says and/or hears (spy); target's sound stays as it is."""

    def untap(self, listener: Channel, target: Channel) -> None: ...

    def whisper(self, speaker: Channel, target: Channel) -> None:
        """`target`'s far end hears `speaker` mixed into what it hears; ended by `unhear`."""

    def detect(
        self, channel: Channel, heard: Callable[[str], None] | None, *, digits: bool = False, talk: bool = False
    ) -> None:
        """Call `heard` with "digit:5", "talk", "silence" found in what the far end says; None ends it."""

    # ---- the voice plane's words (VoiceEvents)
    def finished(self, source: int, reason: str) -> None: ...

    def detected(self, row: int, what: str) -> None: ...

    def replay(self) -> None:
        """Say everything again to a voice plane that was started anew (legs are the technologies' to say)."""
