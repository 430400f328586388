"""JITTERBUFFER: a jitter buffer for what this channel's far end says, whatever iax.conf gives it."""

from __future__ import annotations

from dataclasses import replace

from pbx.channels.log import Log
from pbx.channels.voice.port import Buffering, BufferKind
from pbx.dialplan.arguments import fields
from pbx.dialplan.functions.common import c_int
from pbx.dialplan.registry import FunctionError, write_only
from pbx.dialplan.scope import Scope

_log = Log("func_jitterbuffer")

_KINDS = {"fixed": BufferKind.FIXED, "adaptive": BufferKind.ADAPTIVE}
#: ms, as without any argument
_DEFAULT = Buffering(maximum=200, resync=1000, interpolations=10, extra=40)


def buffering(kind: BufferKind, text: str) -> Buffering:
    """`default`, or `max_size[,resync_threshold[,target_extra[,sync_video]]]`; what is left out or no number of
    milliseconds stays as it is by default, as in Asterisk.
    """
    found = replace(_DEFAULT, kind=kind)
    if text.lower() == "default":
        return found
    size, threshold, extra, _ = fields(text, 4)
    return replace(
        found,
        maximum=_milliseconds(size, found.maximum, 1),
        resync=_milliseconds(threshold, found.resync, 1),
        extra=_milliseconds(extra, found.extra, 0),
    )


def _milliseconds(text: str, default: int, least: int) -> int:
    number = c_int(text)
    if number is not None and number >= least:
        return number
    if text:
        _log.warning(f"JITTERBUFFER: '{text}' is no number of milliseconds; {default} is used")
    return default


@write_only(
    "JITTERBUFFER",
    syntax="JITTERBUFFER(type)",
    synopsis="Written: smooths what this channel's far end says",
    description="Set(JITTERBUFFER(adaptive)=default), or =max_size[,resync_threshold[,target_extra[,sync_video]]] in "
    "milliseconds (200, 1000, 40).  It goes before jitterbuffer= of iax.conf.  Signals (digits, text) keep their place "
    "in the sound.  sync_video has no effect: there is no video here.",
    arguments={"type": "fixed; adaptive; disabled: as iax.conf says"},
    needs_channel=True,
    module="func_jitterbuffer",
)
def jitterbuffer(scope: Scope, args: str, value: str) -> None:
    channel = scope.channel
    assert channel is not None
    word = args.lower()
    if word == "disabled":
        wish = None
    elif word in _KINDS:
        wish = buffering(_KINDS[word], value)
    elif word:
        raise FunctionError(f"no jitter buffer is '{args}': fixed, adaptive or disabled")
    else:
        return
    if channel.leg is not None and not channel.leg.buffer(wish) and wish is not None:
        _log.notice(
            f"JITTERBUFFER has no effect on {channel.name}, which receives no packets of its own: set it on the "
            "channel whose packets shall be smoothed"
        )
