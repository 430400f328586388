"""What a far end signals within a call: voice, digits, controls, text, and what is passed on unread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pbx.channels.causes import Cause
from pbx.channels.events import Control
from pbx.channels.iax2 import call_video
from pbx.channels.iax2.dialog import extend
from pbx.channels.iax2.elements import as_text
from pbx.channels.iax2.events import (
    CallControl,
    CallDigit,
    CallFormats,
    CallOpaque,
    CallText,
    CallVoice,
    Event,
)
from pbx.channels.iax2.frames import CROSSING, FrameType, FullFrame

if TYPE_CHECKING:
    from pbx.channels.iax2.call import Call

#: types that one leg hands to another unread
OPAQUE = frozenset({FrameType.IMAGE, FrameType.HTML, FrameType.CNG, FrameType.MODEM})

_CAUSES: dict[int, int] = {Control.BUSY: Cause.USER_BUSY, Control.CONGESTION: Cause.NORMAL_CIRCUIT_CONGESTION}


def receive(call: Call, frame: FullFrame, now: float) -> None:
    """A frame of any type but IAX, in sequence."""
    if frame.type == FrameType.VOICE:
        _voice(call, frame)
        return
    if frame.type == FrameType.VIDEO:
        call_video.full(call, frame)
        return
    event = _event(call, frame, now)
    if event is not None:
        call.core.emit(event)


def _event(call: Call, frame: FullFrame, now: float) -> Event | None:
    value, ts64 = frame.subclass, extend(call.last_received, frame.timestamp)
    if frame.type == FrameType.CONTROL:
        call.far_cause = _CAUSES.get(value, call.far_cause)
        return CallControl(call, value, frame.data, ts64) if value in CROSSING else None
    if frame.type == FrameType.DTMF_BEGIN and value < 0x80:
        call.digit_since = now
        return CallDigit(call, chr(value), True, ts64=ts64)
    if frame.type == FrameType.DTMF_END and value < 0x80:
        since, call.digit_since = call.digit_since, 0.0
        return CallDigit(call, chr(value), False, round((now - since) * 1000) if since else 0, ts64)
    if frame.type == FrameType.TEXT:
        return CallText(call, as_text(frame.data), ts64)
    if frame.type in OPAQUE:
        return CallOpaque(call, frame.type, frame.code, frame.data, ts64)
    return None


def _voice(call: Call, frame: FullFrame) -> None:
    """The format of this and all minis to come; the payload goes to the plane, where minis behind it wait."""
    bit = frame.subclass
    if bit.bit_count() != 1:
        call.core.stats["dropped.voice of no format"] += 1
        return
    if bit != call.receive_format:
        call.receive_format = bit
        call.core.emit(CallFormats(call))
    if frame.data:
        call.core.emit(CallVoice(call, extend(call.last_received, frame.timestamp), bit, frame.data))
