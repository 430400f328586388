"""A call to "TBD": the far end asks which numbers exist here (`switch => IAX2/...`), or dials one on it."""

from __future__ import annotations

from enum import IntFlag
from typing import TYPE_CHECKING

from pbx.channels.causes import Cause
from pbx.channels.events import Control
from pbx.channels.iax2 import reasons
from pbx.channels.iax2.call_incoming import NO_EXTENSION, START
from pbx.channels.iax2.elements import Element, Elements
from pbx.channels.iax2.frames import Command, FrameType, FullFrame

if TYPE_CHECKING:
    from pbx.channels.iax2.call import Call

#: seconds that an answer may be kept by who asked
REFRESH = 600


class Status(IntFlag):
    """DPSTATUS."""

    EXISTS = 0x0001
    CAN_EXIST = 0x0002
    NONEXISTENT = 0x0004
    IGNORE_PATTERN = 0x4000
    MATCH_MORE = 0x8000


def status(call: Call, number: str) -> Status:
    """What the dialplan says of a number in the call's context."""
    request = call.request
    assert request is not None
    plan, context, caller = call.core.extensions, request.context, request.caller.number or ""
    if plan.exists(context, number, 1, caller):
        found = Status.EXISTS
    elif plan.can_match(context, number, 1, caller):
        found = Status.CAN_EXIST
    else:
        found = Status.NONEXISTENT
    if plan.ignore_pattern(context, number):
        found |= Status.IGNORE_PATTERN
    if plan.match_more(context, number, 1, caller):
        found |= Status.MATCH_MORE
    return found


def dpreq(call: Call, frame: FullFrame, elements: Elements, now: float) -> None:
    """DPREQ: one answer for one number."""
    number = elements.text(Element.CALLED_NUMBER)
    if number is None:
        return
    call.send(
        Command.DPREP,
        now,
        Elements()
        .add_text(Element.CALLED_NUMBER, number)
        .add_uint(Element.DPSTATUS, status(call, number))
        .add_uint(Element.REFRESH, REFRESH),
    )


def dial(call: Call, frame: FullFrame, elements: Elements, now: float) -> None:
    """DIAL: the look-up call becomes a real one."""
    request = call.request
    assert request is not None
    request.exten = elements.text(Element.CALLED_NUMBER) or START
    if call.core.extensions.exists(request.context, request.exten, 1, request.caller.number or ""):
        call.send_in_stream(FrameType.CONTROL, Control.PROGRESS, b"", now)
        call.begin(now)
        return
    call.judge(
        reasons.verdict(
            "call",
            call.user_name,
            call.address,
            expected=f"an extension of the context '{request.context}'",
            got=f"'{request.exten}'",
            place=reasons.place(call.user, "contexts"),
            advice="add the extension, or see what number the other end sends",
            cause=Cause.NO_ROUTE_DESTINATION,
        )
    )
    call.refuse(Cause.NO_ROUTE_DESTINATION, NO_EXTENSION, now)
