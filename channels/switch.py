"""The switch: which channels live, which technologies reach out, and what they share.

One object, made once by the daemon and handed down; it owns no protocol and no
dialplan, only what joins them.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Protocol

from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from pbx.channels.channel import Channel, State
from pbx.channels.events import Bus, ChannelCreated, Moved
from pbx.channels.interrupts import Redirect
from pbx.channels.music import MusicOnHold

if TYPE_CHECKING:
    from pbx.channels.bridge import Bridge
    from pbx.channels.graph import Graph
    from pbx.codecs.formats import Format


class Unavailable(Exception):
    """A destination cannot be called now; `cause` is Q.850 (20 for an unregistered peer), `reason` is for people."""

    def __init__(self, cause: int, reason: str) -> None:
        super().__init__(reason)
        self.cause = cause
        self.reason = reason


class Technology(Protocol):
    """A way to call out: `IAX2`, `Local`."""

    name: str

    def request(self, destination: str, formats: tuple[Format, ...], caller: Channel | None) -> Channel:
        """A channel towards `destination` (what stands behind `IAX2/`), not calling yet.

        formats: what the caller side can speak, best first.  caller: the requesting channel, if any.
        Raises Unavailable.
        """

    def call(self, channel: Channel, timeout: float | None) -> None:
        """Start calling; progress, answer and end come as events of the channel.

        What is to be told to the far end (caller, connected, language, variables) is read from the channel now.
        """

    def device_state(self, destination: str) -> str:
        """NOT_INUSE, INUSE, BUSY, RINGING, RINGINUSE, ONHOLD, UNAVAILABLE, INVALID or UNKNOWN."""


class Extensions(Protocol):
    """What the channel floor may ask the dialplan (`pbx` hands it down)."""

    def exists(self, context: str, exten: str, priority: int = 1, caller_number: str = "") -> bool: ...

    def can_match(self, context: str, exten: str, priority: int = 1, caller_number: str = "") -> bool: ...

    def match_more(self, context: str, exten: str, priority: int = 1, caller_number: str = "") -> bool: ...

    def has_context(self, context: str) -> bool: ...

    def ignore_pattern(self, context: str, exten: str) -> bool: ...

    def run(self, channel: Channel) -> None:
        """Start the channel's own task at its context, exten and priority."""


class _Mover:
    """Holds a channel for the moment between its former owner and its own task."""

    def left(self, channel: Channel, to: object) -> None: ...


class Switch:
    """See the module.  `wall` returns seconds since the epoch; `clock` is monotonic and schedules."""

    def __init__(
        self,
        clock: IReactorTime,
        wall: Callable[[], float],
        bus: Bus,
        extensions: Extensions,
        *,
        systemname: str = "",
        report: Callable[[Failure, str], None] | None = None,
    ) -> None:
        self.clock = clock
        self.wall = wall
        self.bus = bus
        self.extensions = extensions
        self.systemname = systemname
        self.technologies: dict[str, Technology] = {}
        #: who hears whom; set by whoever makes the voice port
        self.graph: Graph
        self.music = MusicOnHold(self)
        #: bridges that stand, by id
        self.bridges: dict[str, Bridge] = {}
        #: what floors above keep in `attached` is copied by these from a Local channel's ;1 half to its ;2 half
        self.copiers: list[Callable[[Channel, Channel], None]] = []
        self._channels: dict[str, Channel] = {}
        self._uniqueids: dict[str, Channel] = {}
        self._serial = itertools.count()
        self._call_serial = itertools.count(1)
        self._report = report

    # ---- channels --------------------------------------------------------------------------------------

    def create(self, name: str, *, linkedid: str | None = None, state: State = State.DOWN) -> Channel:
        """A new channel with a uniqueid of Asterisk's form (`[systemname-]epoch.serial`).

        A name that a living channel bears (call numbers are unique for an address only, when all are in use) gets a
        number of its own: `IAX2/peer-123-2`.
        """
        wanted, count = name, 1
        while name.lower() in self._channels:
            count += 1
            name = f"{wanted}-{count}"
        now = self.wall()
        prefix = f"{self.systemname}-" if self.systemname else ""
        uniqueid = f"{prefix}{int(now)}.{next(self._serial)}"
        channel = Channel(self, name, uniqueid, linkedid=linkedid, state=state, created=now)
        self._channels[name.lower()] = channel
        self._uniqueids[uniqueid] = channel
        self.bus.publish(ChannelCreated(channel))
        return channel

    def forget(self, channel: Channel) -> None:
        """The channel has ended (called by Channel)."""
        self._channels.pop(channel.name.lower(), None)
        self._uniqueids.pop(channel.uniqueid, None)

    @property
    def count(self) -> int:
        """How many channels live."""
        return len(self._channels)

    def channels(self) -> Iterator[Channel]:
        """All living channels, oldest first."""
        return iter(tuple(self._channels.values()))

    def channel(self, name: str) -> Channel | None:
        """By name (any case) or uniqueid."""
        return self._channels.get(name.lower()) or self._uniqueids.get(name)

    def next_call_id(self) -> int:
        """Number of a new call as in `[C-00000001]` of the log."""
        return next(self._call_serial)

    def redirect(self, *moves: tuple[Channel, str, str, int]) -> None:
        """Let channels go on at (channel, context, exten, priority), whoever owns them now; all as one step.

        A channel with a task sees Redirect; the others get a task of their own.  All are marked or claimed before
        any task wakes, so that the first one's Dial or bridge does not end the other.
        """
        living = [move for move in moves if not move[0].dead]
        bare = [move for move in living if not move[0].has_task]
        for channel, context, exten, priority in living:
            self.bus.publish(Moved(channel, context, exten))
            if channel.has_task:
                channel.interrupt(Redirect(context, exten, priority), wake=False)
        for channel, context, exten, priority in bare:
            channel.context, channel.exten, channel.priority = context, exten, priority
            channel.claim(_Mover())
        for channel, *_ in living:
            if channel.has_task:
                channel.wake()
        for channel, *_ in bare:
            if not channel.dead:
                self.extensions.run(channel)

    # ---- calling out -----------------------------------------------------------------------------------

    def technology(self, name: str) -> Technology | None:
        """By name, any case."""
        return self.technologies.get(name.upper())

    def register(self, technology: Technology) -> None:
        self.technologies[technology.name.upper()] = technology

    def request(self, resource: str, formats: tuple[Format, ...], caller: Channel | None) -> Channel:
        """A channel to `Technology/destination`.  Raises Unavailable."""
        name, _, destination = resource.partition("/")
        technology = self.technology(name)
        if technology is None:
            raise Unavailable(66, f"no channel technology {name!r}")
        return technology.request(destination, formats, caller)

    def make(self, resource: str, formats: tuple[Format, ...], caller: Channel | None) -> Channel:
        """A channel that is only looked at and not called: a Local one needs no extension.  Raises Unavailable."""
        name, _, destination = resource.partition("/")
        technology = self.technology(name)
        maker = getattr(technology, "make", None)
        if maker is None:
            return self.request(resource, formats, caller)
        made: Channel = maker(destination, formats, caller)
        return made

    def call(self, channel: Channel, timeout: float | None = None) -> None:
        """Start the call of a requested channel."""
        technology = self.technology(channel.name.partition("/")[0])
        if technology is not None:
            technology.call(channel, timeout)

    def report(self, failure: Failure, where: str) -> None:
        """An error that nobody caught: logged with its traceback, never raised into the reactor."""
        if self._report is not None:
            self._report(failure, where)
