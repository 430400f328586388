"""FRAME_DROP, FRAME_TRACE, HOLD_INTERCEPT, MUTEAUDIO: what passes between a channel and its far end.

Signals are looked at by hooks; sound is muted in the graph, frames of voice are never looked at.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from pbx.channels.channel import Channel
from pbx.channels.events import ChannelEvent, Control, DigitBegin, DigitEnd, Indication, Opaque, Text
from pbx.channels.hooks import add_hook, remove_hook
from pbx.channels.log import Log
from pbx.channels.voice.port import Direction
from pbx.dialplan.arguments import truth
from pbx.dialplan.events import HoldIntercepted
from pbx.dialplan.registry import FunctionError, write_only
from pbx.dialplan.scope import Scope

_log = Log("func_frame")
#: frame types of Opaque events -> their names
_OPAQUE = {3: "VIDEO", 8: "IMAGE", 9: "HTML", 10: "CNG", 11: "MODEM"}
_KINDS = (
    "DTMF_BEGIN", "DTMF_END", "VOICE", "VIDEO", "CONTROL", "NULL", "IAX", "TEXT", "TEXT_DATA", "IMAGE", "HTML", "CNG",
    "MODEM",
)  # fmt: skip


def _kind(event: ChannelEvent) -> str:
    """The name of a frame type."""
    match event:
        case DigitBegin():
            return "DTMF_BEGIN"
        case DigitEnd():
            return "DTMF_END"
        case Indication():
            return "CONTROL"
        case Text():
            return "TEXT"
        case Opaque(frame_type):
            return _OPAQUE.get(frame_type, "IAX")
    return "NULL"


def _install(scope: Scope, name: str, hook: Dropping | Tracing | Holds | None) -> None:
    """One hook of that name a channel: this one, in the place of a former one."""
    assert scope.channel is not None
    former = scope.notes.pop(f"hook.{name}", None)
    if former is not None:
        remove_hook(scope.channel, former)
    if hook is not None:
        scope.notes[f"hook.{name}"] = hook
        add_hook(scope.channel, hook)


# ---- dropping ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Dropping:
    """Keeps signals of these names from passing, one way."""

    names: Collection[str]
    sent: bool

    def passes(self, channel: Channel, event: ChannelEvent, *, sent: bool) -> bool:
        if sent is not self.sent:
            return True
        name = event.control.name if isinstance(event, Indication) else _kind(event)
        return name not in self.names


@write_only(
    "FRAME_DROP",
    syntax="FRAME_DROP(direction)",
    synopsis="Written: names of frames that do not pass (RX: from the far end, TX: to it)",
    needs_channel=True,
    module="func_frame_drop",
)
def frame_drop(scope: Scope, args: str, value: str) -> None:
    names = frozenset(value.upper().split(","))
    sent = args.upper() != "RX"
    _install(scope, "drop", Dropping(names - {"CONTROL"}, sent))
    direction = Direction.OUT if sent else Direction.IN
    _mute(scope, "FRAME_DROP", direction if "VOICE" in names else Direction(0))


def _mute(scope: Scope, why: str, direction: Direction) -> None:
    """Mute for that reason what is not yet, and no longer what was."""
    if direction != scope.notes.get(f"muted.{why}", Direction(0)):
        assert scope.channel is not None
        scope.notes[f"muted.{why}"] = direction
        scope.services.switch.graph.mute(scope.channel, direction, why)


# ---- tracing -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tracing:
    """Writes signals of these kinds to the console."""

    kinds: Collection[str]

    def passes(self, channel: Channel, event: ChannelEvent, *, sent: bool) -> bool:
        if _kind(event) in self.kinds:
            lines = [f"{'--> Write' if sent else '<--Read'} on Channel {channel.name}", *_described(event)]
            for line in lines:
                _log.verbose(0, line, call=channel.call_id)
        return True


def _described(event: ChannelEvent) -> list[str]:
    match event:
        case DigitBegin(digit):
            return ["FrameType: DTMF BEGIN", f"Digit: 0x{ord(digit):02X} '{digit}'"]
        case DigitEnd(digit):
            return ["FrameType: DTMF END", f"Digit: 0x{ord(digit):02X} '{digit}'"]
        case Indication(control, data):
            return ["FrameType: CONTROL", f"SubClass: {control.name.replace('_', ' ')}", f"Bytes: {len(data)}"]
        case Text(text):
            return ["FrameType: TXT", f"Bytes: {len(text.encode('utf-8', 'surrogateescape'))}"]
        case Opaque(_, subclass, data):
            return [f"FrameType: {_kind(event)}", f"SubClass: {subclass}", f"Bytes: {len(data)}"]
    return []


@write_only(
    "FRAME_TRACE",
    syntax="FRAME_TRACE(filter list type)",
    synopsis="Written: names of frames to write to the console (white), or not to write (black); voice is never shown",
    needs_channel=True,
    module="func_frame_trace",
)
def frame_trace(scope: Scope, args: str, value: str) -> None:
    named = {kind for kind in _KINDS if kind in value.upper()}
    kinds = set(_KINDS) - named if args.lower() == "black" else named
    if "VOICE" in kinds:
        _log.notice("FRAME_TRACE does not show frames of voice", call=scope.call_id)
    _install(scope, "trace", Tracing(frozenset(kinds)))


# ---- hold ----------------------------------------------------------------------------------------------------------


class Holds:
    """Tells the bus of HOLD and UNHOLD from the far end, and nobody else."""

    def passes(self, channel: Channel, event: ChannelEvent, *, sent: bool) -> bool:
        if sent or not isinstance(event, Indication) or event.control not in (Control.HOLD, Control.UNHOLD):
            return True
        channel.switch.bus.publish(HoldIntercepted(channel, event.control is Control.HOLD))
        return False


@write_only(
    "HOLD_INTERCEPT",
    syntax="HOLD_INTERCEPT(action)",
    synopsis="Written (action set or remove): hold from the far end is told by an event and does nothing else",
    needs_channel=True,
    module="func_holdintercept",
)
def hold_intercept(scope: Scope, args: str, value: str) -> None:
    action = args.lower()
    if action not in ("set", "remove"):
        raise FunctionError(f"the action is set or remove, not '{args}'")
    if action == "set" and "hook.hold" in scope.notes:
        return
    _install(scope, "hold", Holds() if action == "set" else None)


# ---- mute ----------------------------------------------------------------------------------------------------------

_MUTED = {"in": Direction.IN, "out": Direction.OUT, "all": Direction.IN | Direction.OUT}


@write_only(
    "MUTEAUDIO",
    syntax="MUTEAUDIO(direction)",
    synopsis="Written (in, out or all): on mutes what comes from the channel or goes to it, off ends that",
    needs_channel=True,
    module="res_mutestream",
)
def mute_audio(scope: Scope, args: str, value: str) -> None:
    which = _MUTED.get(args.lower())
    if which is None:
        raise FunctionError(f"the direction is in, out or all, not '{args}'")
    before: Direction = scope.notes.get("muted.MUTEAUDIO", Direction(0))
    _mute(scope, "MUTEAUDIO", before | which if truth(value) else before & ~which)
