"""Video within a call: full VIDEO frames, and between them META frames with 15 bits of time, never acknowledged.

Nothing here reads a picture: what one leg brings the other is handed as it is.  A META frame has the format of the last
full VIDEO frame that way, and its time continues that frame's; the mark says that a picture is complete.

Encrypted calls: META frames would go in the clear (as Asterisk sends them).  Ours leave as full frames, enciphered, and
what comes in the clear is not believed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pbx.channels.iax2.events import CallOpaque
from pbx.channels.iax2.frames import FrameType, FullFrame, VideoFrame

if TYPE_CHECKING:
    from pbx.channels.iax2.call import Call

#: the bit of a subclass that ends a picture
MARK = 0x40
#: bits of time in a META frame
_BITS = 15


@dataclass(slots=True)
class Video:
    """What both ways of a call's video are at.  Subclasses are without the mark; 0 = none yet."""

    received: int = 0
    sent: int = 0
    #: time of the last picture that left, ms, and whether the next frame begins another
    stamp: int = 0
    complete: bool = True


def full(call: Call, frame: FullFrame) -> None:
    """A full VIDEO frame, in sequence."""
    _state(call).received = frame.code & ~MARK
    call.core.emit(CallOpaque(call, frame.type, frame.code, frame.data))


def meta(call: Call, frame: VideoFrame) -> None:
    """A META frame of this call."""
    if call.encrypted:
        call.core.stats["dropped.video in the clear"] += 1
    elif not _state(call).received:
        call.vnak()
    else:
        code = _state(call).received | (MARK if frame.mark else 0)
        call.core.emit(CallOpaque(call, FrameType.VIDEO, code, frame.data))


def send(call: Call, code: int, data: bytes, now: float) -> None:
    """Send on what came from elsewhere; frames of one picture have one time."""
    video = _state(call)
    former, format_code = video.stamp, code & ~MARK
    if video.complete:
        video.stamp = max(call.clock(now), former)
    video.complete = bool(code & MARK)
    if call.encrypted or format_code != video.sent or former >> _BITS != video.stamp >> _BITS:
        video.sent = format_code
        call.send_video(video.stamp, code, data, now)
        return
    frame = VideoFrame(call.own_number, video.stamp & (1 << _BITS) - 1, data, mark=video.complete)
    call.core.send(call.socket, call.address, call.local, frame.encode(), row=call.row if call.voiced else 0)


def _state(call: Call) -> Video:
    if call.video is None:
        call.video = Video()
    return call.video
