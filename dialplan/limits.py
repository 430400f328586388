"""How long two may talk: the options L and S of Dial and Bridge, and what is played because of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pbx.channels.bridge import Bridge
from pbx.channels.channel import Channel
from pbx.conf.values import is_true
from pbx.dialplan.features import Sequel, Tick
from pbx.dialplan.functions.common import c_int
from pbx.dialplan.saying import number_of
from pbx.dialplan.scope import Scope

#: what stands for "say how much time is left" where a file may be named
TIME_LEFT = "timeleft"


class BadLimit(Exception):
    """An option L or S that is no time."""

    def __init__(self, letter: str, text: str) -> None:
        super().__init__(f"{letter}({text}) is no time to talk: L(milliseconds[:warning[:repeat]]), S(seconds)")
        self.letter = letter


@dataclass(slots=True)
class Limit:
    """A time to talk, in seconds; warnings: seconds from the beginning at which `warning` is played."""

    seconds: float
    start: str = ""
    warning: str = TIME_LEFT
    end: str = ""
    warnings: list[float] = field(default_factory=list)
    #: whether the caller, the called party hear them
    heard: tuple[bool, bool] = (True, False)

    @property
    def plain(self) -> bool:
        """Nothing is played: the called party is hung up then, where else both would be let go."""
        return not (self.start or self.end or self.warnings)


def limit_of(scope: Scope, letters: Mapping[str, str | None]) -> Limit | None:
    """What the options L and S and the variables LIMIT_... say; None: no limit.  Raises BadLimit.  L outranks S."""
    found = None
    if letters.get("S"):
        seconds = c_int(letters["S"] or "")
        if not seconds:
            raise BadLimit("S", letters["S"] or "")
        found = Limit(max(0.0, seconds))
    if letters.get("L"):
        found = _announced(scope, letters["L"] or "")
    return found


def _announced(scope: Scope, text: str) -> Limit:
    """Option L."""
    whole, first, every = (c_int(part) or 0 for part in [*text.split(":"), "", ""][:3])
    if whole <= 0:
        raise BadLimit("L", text)
    while first > whole and every > 0:
        first -= every
    if first > whole:
        first = 0
    caller = is_true(scope.get("LIMIT_PLAYAUDIO_CALLER") or "yes")
    called = is_true(scope.get("LIMIT_PLAYAUDIO_CALLEE") or "no")
    limit = Limit(
        whole / 1000,
        start=scope.get("LIMIT_CONNECT_FILE") or "",
        warning=scope.get("LIMIT_WARNING_FILE") or TIME_LEFT,
        end=scope.get("LIMIT_TIMEOUT_FILE") or "",
        heard=(caller or not called, called),
    )
    while first > 0:
        limit.warnings.append((whole - first) / 1000)
        first = first - every if every > 0 else 0
    return limit


def time_left(seconds: int) -> list[str]:
    """The sounds that say how much is left: in minutes and seconds from two minutes on; [] for nothing."""
    if seconds <= 0:
        return []
    minutes, rest = divmod(seconds, 60) if seconds >= 120 else (0, seconds)
    names = ["vm-youhave"]
    for number, unit in ((minutes, "queue-minutes"), (rest, "queue-seconds")):
        if number:
            names += [*number_of(number), unit]
    return names


class Announcer:
    """Plays what a limit wants played, to those who are to hear it."""

    def __init__(self, scope: Scope, limit: Limit, caller: Channel, called: Channel) -> None:
        self._services = scope.services
        self._limit = limit
        self._task = caller
        self._hearers = [who for who, hears in zip((caller, called), limit.heard, strict=True) if hears]

    def ticks(self) -> tuple[tuple[float, Tick], ...]:
        """(seconds, what to do then), for the bridge's clock."""
        limit = self._limit
        found: list[tuple[float, Tick]] = [(0.0, lambda bridge: self._play(bridge, limit.start))] if limit.start else []
        return (*found, *((at, lambda bridge: self._play(bridge, limit.warning)) for at in limit.warnings))

    def _play(self, bridge: Bridge, file: str) -> None:
        left = int(bridge.since + self._limit.seconds - bridge.switch.clock.seconds())
        self._sequels(time_left(left) if file == TIME_LEFT else [file])

    def _sequels(self, names: Iterable[str]) -> list[Sequel]:
        return [Sequel(self._services, channel, names) for channel in self._hearers if not channel.dead]

    async def over(self) -> None:
        """The time is up: play LIMIT_TIMEOUT_FILE to its end.  Interrupts of the caller's task break in."""
        if not self._limit.end:
            return
        for playing in self._sequels([self._limit.end]):
            await self._task.wait(playing.done)


__all__ = ["Announcer", "BadLimit", "Limit", "limit_of", "time_left"]
