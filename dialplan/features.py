"""Features that parties of a bridge reach by digits: hang up, blind transfer, parking; sounds that follow a call."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred

from pbx.channels.bridge import Bridge, Hook
from pbx.channels.causes import Cause
from pbx.channels.channel import Channel
from pbx.channels.events import Control
from pbx.dialplan.applications.mixmonitor import last_recording, start_recording
from pbx.dialplan.featuremap import Dynamic, codes, dynamic, setting
from pbx.dialplan.functions.common import c_int
from pbx.dialplan.interpreter import Run
from pbx.dialplan.mixmonitor import CannotRecord, play_over
from pbx.dialplan.playing import play_told
from pbx.dialplan.registry import Outcome, Result
from pbx.dialplan.scope import Scope, scope_of
from pbx.dialplan.transfers import attended, blind

if TYPE_CHECKING:
    from pbx.dialplan.services import Services

#: What a bridge's clock calls.
Tick = Callable[[Bridge], object]


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
                playing = play_told(channel, name, found, over=True)
                playing.done.addCallback(self._next)
                return
        if not self.done.called:
            self.done.callback(None)


@dataclass(frozen=True, slots=True)
class Disconnect:
    """Somebody pressed the digits that end the call."""


async def _disconnect(bridge: Bridge, channel: Channel) -> object:
    return Disconnect()


@dataclass(frozen=True, slots=True)
class ParkIt:
    """Somebody parks the other one."""


async def _park(bridge: Bridge, channel: Channel) -> object:
    return ParkIt()


def _automixmon(run: Run) -> Hook:
    async def hook(bridge: Bridge, channel: Channel) -> object:
        """Record the call, or end that: the other party's channel has the recording."""
        services = run.services
        peer = bridge.peer(channel)
        own, other = scope_of(services, channel), scope_of(services, peer)
        running = last_recording(peer)
        if running is None:
            name, letters = _touch_file(channel, peer, own, other)
            try:
                start_recording(services, peer, f"{name},{letters}")
            except CannotRecord as error:
                run.warn(f"automixmon: {error}")
                play_over(services, channel, setting(own, "recordingfailsound"))
                return None
            own.set("TOUCH_MIXMONITOR_OUTPUT", name)
            other.set("TOUCH_MIXMONITOR_OUTPUT", name)
        else:
            running.stop()
        message = own.get(f"TOUCH_MIXMONITOR_MESSAGE_{'START' if running is None else 'STOP'}") or ""
        names = [name for name in (setting(own, "courtesytone"), message) if name]
        for one in (channel, peer):
            Sequel(services, one, names)
        return None

    return hook


def _touch_file(channel: Channel, peer: Channel, own: Scope, other: Scope) -> tuple[str, str]:
    """(file, options of MixMonitor) of a recording begun by digits: by variables of who typed them, or the peer's."""
    names = ("FORMAT", "", "PREFIX", "BEEP", "OPTIONS")
    values: list[str] = []
    for scope in (own, other):
        values = [scope.get("TOUCH_MIXMONITOR" + (f"_{name}" if name else "")) or "" for name in names]
        if any(values):
            break
    suffix, given, prefix, beep, letters = values
    who = given or "-".join(one.caller.number or one.name for one in (channel, peer))
    file = f"{prefix or 'auto'}-{int(channel.switch.wall())}-{who}.{suffix or 'wav'}".replace("/", "-")
    return file, letters or (f"bB({max(5, c_int(beep) or 15)})" if beep else "b")


def _dynamic(run: Run, item: Dynamic) -> Hook:
    async def hook(bridge: Bridge, channel: Channel) -> object:
        """Run an application on one of the two while the other one waits."""
        target = bridge.peer(channel) if item.on_peer else channel
        waits = bridge.peer(target)
        scope = scope_of(run.services, target)
        for name, value in (("DYNAMIC_FEATURENAME", item.name), ("DYNAMIC_WHO_ACTIVATED", channel.name)):
            scope.set(name, value)
        bridge.disconnect()
        if item.music:
            waits.indicate(Control.HOLD, item.music.encode("utf-8", "surrogateescape"))
        try:
            ended = await _execute(run, bridge, target, item)
        finally:
            if item.music:
                waits.indicate(Control.UNHOLD)
        bridge.connect()
        if ended and target is not bridge.task and not target.dead:
            # it leaves with what its application left it; the other one goes on as when it had hung up
            target.hangup(target.hangup_cause or int(Cause.NORMAL_CLEARING))
            return None
        return Disconnect() if ended else None

    return hook


async def _apply(run: Run, item: Dynamic) -> Result:
    """Gosub is run to its end; every other application as a priority would run it."""
    data = await run.evaluate(item.data)
    if item.application.lower() == "gosub":
        await run.subroutine(data)
        return None
    return await run.execute(item.application, data)


async def _execute(run: Run, bridge: Bridge, target: Channel, item: Dynamic) -> bool:
    """Run the application on that channel; True: it says that the call is over."""
    if target is run.channel and bridge.task is target:
        return await _apply(run, item) is Outcome.END
    if target.has_task:
        run.warn(f"feature {item.name}: {target.name} has a task of its own")
        return False
    own = Run(run.services, target)
    results: list[object] = []

    async def work() -> None:
        own.scope.run = own
        try:
            results.append(await _apply(own, item))
        finally:
            own.scope.run = None

    bridge.lend(target, own)
    try:
        await bridge.task.wait(target.start(own, work()))
    finally:
        bridge.lend(target, None)
    return Outcome.END in results


#: Built-in features by the letter of Dial that gives them to the called party (capital: to the caller).
LETTERS = {"h": ("disconnect",), "t": ("blindxfer", "atxfer"), "k": ("parkcall",), "x": ("automixmon",)}


#: what makes each of them for a run
_BUILT_IN: dict[str, Callable[[Run], Hook]] = {
    "disconnect": lambda run: _disconnect,
    "blindxfer": lambda run: partial(blind, run),
    "atxfer": attended,
    "parkcall": lambda run: _park,
    "automixmon": _automixmon,
}

#: what BRIDGE_FEATURES may name; w (Monitor, which is gone) is taken and does nothing
_NAMED = frozenset("".join(LETTERS) + "w")


def letters_of(run: Run) -> dict[str, str | None]:
    """The features that the caller's variable BRIDGE_FEATURES gives to both: letters as Dial and Bridge have them."""
    given = run.scope.get("BRIDGE_FEATURES")
    if not given:
        return {}
    unknown = sorted({letter for letter in given if letter.lower() not in _NAMED and letter != " "})
    if unknown:
        run.warn(f"BRIDGE_FEATURES: there is no feature '{''.join(unknown)}' (there are: {''.join(sorted(_NAMED))})")
    return {letter: None for letter in given if letter.lower() in _NAMED}


def hooks(run: Run, channel: Channel, letters: Collection[str], *, caller: bool) -> dict[str, Hook]:
    """The features of one party: digits -> what they do.  letters: of Dial; caller: the capital ones count."""
    found = {code: _dynamic(run, item) for code, item in dynamic(run.services, channel).items()}
    if letters:
        digits = codes(scope_of(run.services, channel))
        for letter, names in LETTERS.items():
            if (letter.upper() if caller else letter) in letters:
                found.update({digits[name]: _BUILT_IN[name](run) for name in names if digits.get(name)})
    return found
