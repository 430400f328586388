"""Listening to a call that others have: what the spy hears, who hears the spy."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from enum import Enum
from typing import TYPE_CHECKING

from pbx.channels.events import Bridged, Unbridged
from pbx.channels.voice.port import Direction

if TYPE_CHECKING:
    from pbx.channels.channel import Channel

_BOTH = Direction.IN | Direction.OUT


class Mode(Enum):
    """Who hears the spy."""

    SPY = "4"  # nobody
    WHISPER = "5"  # the one who is spied on
    BARGE = "6"  # that one and whom it talks with
    BEHIND = "behind"  # whom it talks with


def loudness(volume: int) -> int:
    """dB * 100 of a volume from -4 to 4: so many times as loud, or softer."""
    return round(2000 * math.log10(abs(volume)) * (1 if volume > 0 else -1)) if volume else 0


class Session:
    """One channel being spied on; `close` it."""

    def __init__(self, spy: Channel, target: Channel, mode: Mode, *, deaf: bool, only_said: bool, volume: int) -> None:
        """deaf: the spy hears nothing (private whisper); only_said: not what the target hears."""
        self.target = target
        self.mode = mode
        self.volume = volume
        self._spy = spy
        self._deaf = deaf
        self._direction = Direction.IN if only_said else _BOTH
        self._whispering: list[Channel] = []
        bus = spy.switch.bus
        self._ends: list[Callable[[], None]] = [
            bus.subscribe(Bridged, self._moved),
            bus.subscribe(Unbridged, self._moved),
        ]
        self.hear()
        self.speak()

    def _moved(self, event: Bridged | Unbridged) -> None:
        self.speak()

    def hear(self) -> None:
        """Let the spy hear, as loud as `volume` says."""
        if not self._deaf:
            self._spy.switch.graph.tap(self._spy, self.target, self._direction, loudness(self.volume))

    def speak(self) -> None:
        """Let those hear the spy whom `mode` says, as they stand now."""
        graph = self._spy.switch.graph
        wanted: list[Channel] = [self.target] if self.mode in (Mode.WHISPER, Mode.BARGE) else []
        bridge = self.target.bridge
        if self.mode in (Mode.BARGE, Mode.BEHIND) and bridge is not None:
            wanted += [one for one in bridge.channels if one is not self.target and one is not self._spy]
        for channel in self._whispering:
            if channel not in wanted:
                graph.unwhisper(self._spy, channel)
        for channel in wanted:
            if channel not in self._whispering and not channel.dead:
                graph.whisper(self._spy, channel)
        self._whispering = wanted

    def close(self) -> None:
        """Nobody hears anybody any more."""
        for end in self._ends:
            end()
        graph = self._spy.switch.graph
        graph.untap(self._spy, self.target)
        for channel in self._whispering:
            graph.unwhisper(self._spy, channel)
        self._whispering = []


def in_groups(wanted: str, has: str) -> bool:
    """Is one of `a:b` among `b:c`?"""
    return bool(set(wanted.split(":")) & set(has.split(":")) - {""})


def enforced(names: str, channel: Channel) -> bool:
    """Is the channel's name, without what follows its `-`, in the list `IAX2/a:IAX2/b`?"""
    own = channel.name.partition("-")[0].lower()
    return own in (name.lower() for name in names.split(":"))


def spied(channels: Collection[Channel], spy: Channel) -> list[Channel]:
    """Those of them that can be spied on."""
    return [c for c in channels if c is not spy and not c.dead and not c.attached.get("spying")]
