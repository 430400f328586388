"""Features that parties of a bridge reach by digits: hang up, blind transfer, parking; sounds that follow a call."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred

from pbx.channels.bridge import Bridge, Hook
from pbx.channels.channel import Channel, first_event
from pbx.channels.events import DigitEnd
from pbx.dialplan.saying import number_of

if TYPE_CHECKING:
    from pbx.channels.sounds import Source
    from pbx.dialplan.interpreter import Run
    from pbx.dialplan.services import Services

#: What a bridge's clock calls.
Tick = Callable[[Bridge], object]
#: Seconds for the first digit of a transfer, and between digits; how often it may be tried.
TRANSFER_FIRST = 3.0
TRANSFER_NEXT = 3.0
TRANSFER_TRIES = 3


class Sequel:
    """Sounds played over a call one after another; `done` fires behind the last, or when the channel ends."""

    def __init__(self, services: Services, channel: Channel, names: Iterable[str]) -> None:
        self._services = services
        self._channel = channel
        self._names: Iterator[str] = iter(names)
        self.done: Deferred[None] = Deferred()
        self._next("")

    def _next(self, _: object) -> None:
        channel = self._channel
        while not channel.dead:
            name = next(self._names, None)
            if name is None:
                break
            found = self._services.find_sound(name, channel.language, channel.formats)
            if found is not None:
                playing: Source = self._services.switch.graph.play(channel, *found, over=True)
                playing.done.addCallback(self._next)
                return
        if not self.done.called:
            self.done.callback(None)


def warning(play: Callable[[Iterable[str]], object], file: str | None, limit: float) -> Tick:
    """What warns of a limit: a file, or how much is left in words (`limit`: seconds that the call may last)."""

    def warn(bridge: Bridge) -> object:
        return play([file] if file else _Left(bridge, limit))

    return warn


class _Left:
    """ "You have two minutes, five seconds": how much that is, is seen when its turn to be said comes."""

    def __init__(self, bridge: Bridge, limit: float) -> None:
        self._clock = bridge.switch.clock
        self._end = bridge.since + limit

    def __iter__(self) -> Iterator[str]:
        yield "vm-youhave"
        left = max(0, int(self._end - self._clock.seconds()))
        minutes, seconds = divmod(left, 60)
        for number, unit in ((minutes, "queue-minutes"), (seconds, "queue-seconds")):
            if number:
                yield from number_of(number)
                yield unit


@dataclass(frozen=True, slots=True)
class Disconnect:
    """Somebody pressed the digits that end the call."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """Somebody sends the other one to an extension."""

    context: str
    exten: str


async def _disconnect(bridge: Bridge, channel: Channel) -> object:
    return Disconnect()


def _blind_transfer(run: Run) -> Hook:
    async def hook(bridge: Bridge, channel: Channel) -> object:
        """Let `channel` dial where its peer is to go; None if that is nowhere."""
        services = run.services
        peer = bridge.peer(channel)
        own = channel.attached.get("scope")
        context = (own.get("TRANSFER_CONTEXT") if own is not None else None) or channel.context or run.channel.context
        bridge.disconnect()
        name = "pbx-transfer"
        for _ in range(TRANSFER_TRIES):
            exten = await _dialled(run, bridge, channel, context, name)
            if exten and services.switch.extensions.exists(context, exten, 1, peer.caller.number or ""):
                return Transfer(context, exten)
            if channel.dead or peer.dead:
                break
            name = "pbx-invalid"
        bridge.connect()
        if not channel.dead:
            Sequel(services, channel, ["pbx-invalid"])
        return None

    return hook


async def _dialled(run: Run, bridge: Bridge, channel: Channel, context: str, sound: str) -> str:
    """What is dialled after a sound, which the first digit ends."""
    digits, services = "", run.services
    found = services.find_sound(sound, channel.language, channel.formats)
    source = services.switch.graph.play(channel, *found) if found else None
    try:
        while not digits or services.switch.extensions.match_more(context, digits):
            wait = TRANSFER_NEXT if digits else TRANSFER_FIRST
            if source is not None and source.playing and not digits:
                # the time for the first digit begins behind the sound
                wait += max(0, (source.duration_ms or 0) - source.elapsed_ms) / 1000
            event = await first_event(bridge.task, (channel,), wait)
            if event is None:
                break
            if isinstance(event[1], DigitEnd):
                if event[1].digit == "#" and digits:
                    break
                digits += event[1].digit
                if source is not None and source.playing:
                    source.stop()
            elif channel.dead:
                channel.push_back(event[1])
                break
    finally:
        if source is not None and source.playing:
            source.stop()
    return digits


@dataclass(frozen=True, slots=True)
class ParkIt:
    """Somebody parks the other one."""


async def _park(bridge: Bridge, channel: Channel) -> object:
    return ParkIt()


def hooks(run: Run, codes: Mapping[str, str], wanted: Container[str]) -> dict[str, Hook]:
    """The features of one party: digits -> what they do.  wanted: disconnect, blindxfer, parkcall."""
    known: dict[str, Hook] = {"disconnect": _disconnect, "blindxfer": _blind_transfer(run), "parkcall": _park}
    return {codes[name]: hook for name, hook in known.items() if name in wanted and codes.get(name)}
