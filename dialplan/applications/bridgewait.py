"""BridgeWait: rooms where calls wait, and hear who makes an announcement there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pbx.channels.channel import Channel
from pbx.channels.events import Control, DigitBegin, DigitEnd, Text
from pbx.dialplan.arguments import fields, parse_options
from pbx.dialplan.functions.common import c_int
from pbx.dialplan.interpreter import Run
from pbx.dialplan.registry import Outcome, Result, application, options

if TYPE_CHECKING:
    from pbx.channels.sounds import Source
    from pbx.dialplan.services import Services

#: what a call may hear while it waits
MODES = ("m", "r", "s", "h", "n")


@dataclass(slots=True)
class Entertainment:
    """What a call hears while it waits: m music, r ringing, s silence, h it is put on hold, n nothing."""

    channel: Channel
    mode: str
    music: str = ""
    _silence: Source | None = None
    _on: bool = False

    def begin(self) -> None:
        """Let it be heard."""
        if self._on:
            return
        self._on = True
        channel = self.channel
        match self.mode:
            case "m":
                channel.switch.music.start(channel, self.music)
            case "r":
                channel.indicate(Control.RINGING)
            case "s":
                self._silence = channel.switch.graph.silence(channel)
            case "h":
                channel.indicate(Control.HOLD, self.music.encode("utf-8", "surrogateescape"))

    def end(self) -> None:
        """No more of it."""
        if not self._on:
            return
        self._on = False
        silence, self._silence = self._silence, None
        if self.mode == "m":
            self.channel.switch.music.stop(self.channel)
        elif self.mode == "h":
            self.channel.indicate(Control.UNHOLD)
        elif silence is not None:
            silence.stop()


@contextmanager
def entertained(run: Run, mode: str, music: str = "") -> Iterator[None]:
    """A call hears something (see Entertainment) while it waits within."""
    what = Entertainment(run.channel, mode, music)
    what.begin()
    try:
        yield
    finally:
        what.end()


@dataclass(slots=True)
class Room:
    """Those who wait under one name.  While somebody announces, they hear that and nothing else."""

    name: str
    waiting: dict[Channel, Entertainment] = field(default_factory=dict)
    announcers: list[Channel] = field(default_factory=list)

    def enter(self, what: Entertainment) -> None:
        """One more waits."""
        channel = what.channel
        self.waiting[channel] = what
        for announcer in self.announcers:
            channel.switch.graph.hear(channel, announcer)
        if not self.announcers:
            what.begin()

    def leave(self, channel: Channel) -> None:
        """One who waited is gone."""
        self.waiting.pop(channel).end()
        for announcer in self.announcers:
            channel.switch.graph.unhear(channel, announcer)

    def announce(self, announcer: Channel) -> None:
        """Somebody begins to announce."""
        self.announcers.append(announcer)
        for channel, what in self.waiting.items():
            what.end()
            announcer.switch.graph.hear(channel, announcer)

    def fall_silent(self, announcer: Channel) -> None:
        """Somebody announces no longer."""
        self.announcers.remove(announcer)
        for channel, what in self.waiting.items():
            announcer.switch.graph.unhear(channel, announcer)
            if not self.announcers:
                what.begin()


def rooms_of(services: Services) -> dict[str, Room]:
    """All rooms in which somebody is, by their names."""
    found: dict[str, Room] = services.shared.setdefault("rooms", {})
    return found


def room_of(services: Services, channel: Channel) -> Room | None:
    """Where a channel waits or announces."""
    return next(
        (one for one in rooms_of(services).values() if channel in one.waiting or channel in one.announcers), None
    )


@application(
    "BridgeWait",
    syntax="BridgeWait([name[,role[,options]]])",
    synopsis="Holds the call until it is taken elsewhere",
    description=(
        "Those who wait under one name hear what an announcer there says, instead of their music; they do not hear "
        "each other."
    ),
    arguments={"name": "default if left out", "role": "participant (default), or announcer"},
    options=options(
        {
            "m(class)": "the class of the music",
            "e(mode)": "what the call hears: m music (default), r ringing, s silence, h it is put on hold, n nothing",
            "S(s)": "time",
            "n": "does not answer",
        }
    ),
    module="app_bridgewait",
)
async def bridge_wait(run: Run, data: str) -> Result:
    name, role, letters = fields(data, 3)
    found, _ = parse_options(letters)
    channel, rooms = run.channel, rooms_of(run.services)
    seconds = c_int(found.get("S") or "") if "S" in found else None
    mode = (found.get("e") or "")[:1] if "e" in found else "m"
    refused = ""
    if "S" in found and (seconds is None or seconds <= 0):
        refused = f"'{found['S']}' is no number of seconds"
    elif role not in ("", "participant", "announcer"):
        refused = f"there is no role '{role}'; participant and announcer are written in small letters"
    elif mode not in MODES:
        refused = f"e({found.get('e') or ''}) is none of {', '.join(MODES)}"
    if refused:
        run.warn(f"BridgeWait: {refused}")
        return Outcome.END
    if "n" not in found and not run.over:
        channel.answer()
    room = rooms.setdefault(name or "default", Room(name or "default"))
    try:
        if role == "announcer":
            await _announce(run, room, seconds)
        else:
            room.enter(Entertainment(channel, mode, found.get("m") or ""))
            try:
                await channel.wait(None, seconds)
            finally:
                room.leave(channel)
    finally:
        if not room.waiting and not room.announcers:
            rooms.pop(room.name, None)
    return Outcome.END if run.over else None


async def _announce(run: Run, room: Room, seconds: int | None) -> None:
    """Let those who wait hear this call, its digits and its text, for so many seconds."""
    channel, clock = run.channel, run.channel.switch.clock
    until = None if seconds is None else clock.seconds() + seconds
    room.announce(channel)
    try:
        while not run.over:
            left = None if until is None else until - clock.seconds()
            if left is not None and left <= 0:
                return
            event = await channel.next_event(left)
            for line in [line for one in room.waiting if (line := one.line) is not None]:
                if isinstance(event, DigitBegin):
                    line.digit_begin(event.digit)
                elif isinstance(event, DigitEnd):
                    line.digit_end(event.digit, event.milliseconds)
                elif isinstance(event, Text):
                    line.send_text(event.text)
    finally:
        room.fall_silent(channel)
