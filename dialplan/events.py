"""What the dialplan tells the bus (console, CDR and, later, AMI read it)."""

from __future__ import annotations

from dataclasses import dataclass

from pbx.channels.channel import Channel
from pbx.channels.events import BusEvent


@dataclass(frozen=True, slots=True)
class UserEvent(BusEvent):
    """UserEvent(name,key: value,...)."""

    channel: Channel
    name: str
    body: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RecordRequest(BusEvent):
    """ResetCDR or ForkCDR: `what` is "reset" or "fork", `options` its letters."""

    channel: Channel
    what: str
    options: str


@dataclass(frozen=True, slots=True)
class CelUserEvent(BusEvent):
    """CELGenUserEvent(name,extra)."""

    channel: Channel
    name: str
    extra: str


@dataclass(frozen=True, slots=True)
class HoldIntercepted(BusEvent):
    """The far end of a channel with HOLD_INTERCEPT put its call on hold, or took it back."""

    channel: Channel
    on: bool


@dataclass(frozen=True, slots=True)
class TalkChanged(BusEvent):
    """Somebody begins (talking) or ends to talk on a channel with TALK_DETECT; milliseconds: how long the talk was."""

    channel: Channel
    talking: bool
    milliseconds: int
