"""Bridge, BridgeAdd, BridgeWait, BlindTransfer: connecting calls that stand already."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pbx.channels.bridge import bridge_channels
from pbx.channels.causes import Cause
from pbx.channels.events import BlindTransferred, Control
from pbx.dialplan.arguments import fields, parse_options
from pbx.dialplan.functions.common import c_int
from pbx.dialplan.interpreter import Run
from pbx.dialplan.registry import Outcome, Result, application, options
from pbx.dialplan.scope import scope_of

if TYPE_CHECKING:
    from pbx.channels.sounds import Source


@application(
    "Bridge",
    syntax="Bridge(channel[,options])",
    synopsis="Connects this call with another one that stands",
    options=options({"p": "a tone for the other one first", "x": "hangs the other one up when this one ends"}),
    variables={"BRIDGERESULT": "SUCCESS, FAILURE, LOOP, NONEXISTENT or INCOMPATIBLE"},
    module="bridge_basic",
)
async def bridge(run: Run, data: str) -> Result:
    name, letters = fields(data, 2)
    found, _ = parse_options(letters)
    scope, channel = run.scope, run.channel
    other = run.services.switch.channel(name) if name else None
    if other is channel:
        scope.set("BRIDGERESULT", "LOOP")
        return None
    if other is None or other.dead or run.over:
        run.warn(f"Bridge failed because channel '{name}' does not exist")
        scope.set("BRIDGERESULT", "NONEXISTENT")
        return None
    channel.answer()
    other.claim(run)
    try:
        await bridge_channels(channel, channel, other)
    finally:
        if not other.dead and other.owner is None:
            if "x" in found or channel.dead:
                other.hangup(int(Cause.NORMAL_CLEARING))
            else:
                run.services.switch.extensions.run(other)
    scope.set("BRIDGERESULT", "SUCCESS")
    return Outcome.END if run.over else None


@application(
    "BridgeAdd",
    syntax="BridgeAdd(name)",
    synopsis="Joins the bridge of another call",
    variables={"BRIDGERESULT": "SUCCESS or FAILURE"},
    module="app_bridgeaddchan",
)
def bridge_add(run: Run, data: str) -> Result:
    other = run.services.switch.channel(data) if data else None
    if other is None or other.bridge is None:
        run.warn(f"BridgeAdd: channel '{data}' is in no bridge")
        run.scope.set("BRIDGERESULT", "NONEXISTENT" if other is None else "FAILURE")
        return None
    run.warn("BridgeAdd: a third party in a bridge is not there yet; the call goes on without it")
    run.scope.set("BRIDGERESULT", "FAILURE")
    return None


@contextmanager
def entertained(run: Run, mode: str, music: str = "") -> Iterator[None]:
    """What a call hears while it waits: m music, r ringing, s silence, h it is put on hold, anything else nothing."""
    channel = run.channel
    silence: Source | None = None
    match mode:
        case "m":
            channel.switch.music.start(channel, music)
        case "r":
            channel.indicate(Control.RINGING)
        case "s":
            silence = channel.switch.graph.silence(channel)
        case "h":
            channel.indicate(Control.HOLD, music.encode("utf-8", "surrogateescape"))
    try:
        yield
    finally:
        if mode == "m":
            channel.switch.music.stop(channel)
        elif mode == "h":
            channel.indicate(Control.UNHOLD)
        elif silence is not None:
            silence.stop()


@application(
    "BridgeWait",
    syntax="BridgeWait([name[,role[,options]]])",
    synopsis="Holds the call until it is taken elsewhere",
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
    _, role, letters = fields(data, 3)
    found, _ = parse_options(letters)
    if "n" not in found and not run.over:
        run.channel.answer()
    seconds = c_int(found.get("S") or "") if "S" in found else None
    if "S" in found and (seconds is None or seconds <= 0):
        run.warn(f"BridgeWait: '{found['S']}' is no number of seconds")
        return Outcome.END
    mode = "n" if role.lower() == "announcer" else (found.get("e") or "m")[:1]
    with entertained(run, mode, found.get("m") or ""):
        await run.channel.wait(None, seconds)
    return Outcome.END if run.over else None


@application(
    "BlindTransfer",
    syntax="BlindTransfer(exten[,context])",
    synopsis="Sends the call that this one is connected with to an extension",
    variables={"BLINDTRANSFERSTATUS": "SUCCESS, FAILURE, INVALID or NOTPERMITTED"},
    module="app_blind_transfer",
)
def blind_transfer(run: Run, data: str) -> Result:
    exten, context = fields(data, 2)
    scope, channel = run.scope, run.channel
    if not exten:
        run.warn("BlindTransfer requires an extension")
        scope.set("BLINDTRANSFERSTATUS", "FAILURE")
        return None
    bridge_ = channel.bridge
    context = context or channel.context
    if bridge_ is None:
        scope.set("BLINDTRANSFERSTATUS", "INVALID")
    elif not run.exists(context, exten):
        scope.set("BLINDTRANSFERSTATUS", "FAILURE")
    else:
        peer = bridge_.peer(channel)
        scope_of(run.services, peer).set("BLINDTRANSFER", channel.name)
        run.services.switch.bus.publish(BlindTransferred(bridge_.id, channel, peer, context, exten))
        run.services.switch.redirect((peer, context, exten, 1))
        scope.set("BLINDTRANSFERSTATUS", "SUCCESS")
    return None


def _no_completion(run: Run) -> Result:
    run.warn("call completion is not there")
    return None


@application("CallCompletionRequest", syntax="CallCompletionRequest()", synopsis="Asks to be called back",
             variables={"CC_REQUEST_RESULT": "FAIL"}, module="app_ccss")  # fmt: skip
def completion_request(run: Run, data: str) -> Result:
    run.scope.set("CC_REQUEST_RESULT", "FAIL")
    run.scope.set("CC_REQUEST_REASON", "NO_CORE_INSTANCE")
    return _no_completion(run)


@application("CallCompletionCancel", syntax="CallCompletionCancel()", synopsis="Takes that back",
             variables={"CC_CANCEL_RESULT": "FAIL"}, module="app_ccss")  # fmt: skip
def completion_cancel(run: Run, data: str) -> Result:
    run.scope.set("CC_CANCEL_RESULT", "FAIL")
    run.scope.set("CC_CANCEL_REASON", "NO_CORE_INSTANCE")
    return _no_completion(run)
