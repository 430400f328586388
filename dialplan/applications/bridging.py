"""Bridge, BridgeAdd, BlindTransfer: connecting calls that stand already."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pbx.channels.bridge import Bridge as Bridge_
from pbx.channels.causes import Cause
from pbx.channels.events import BlindTransferred
from pbx.dialplan.applications.bridgewait import room_of
from pbx.dialplan.arguments import fields, parse_options
from pbx.dialplan.featuremap import setting
from pbx.dialplan.interpreter import Run
from pbx.dialplan.limits import BadLimit, limit_of
from pbx.dialplan.mixmonitor import play_over
from pbx.dialplan.registry import Outcome, Result, application, options
from pbx.dialplan.scope import scope_of
from pbx.dialplan.talking import Talk

if TYPE_CHECKING:
    from pbx.channels.channel import Channel
    from pbx.dialplan.services import Services


@application(
    "Bridge",
    syntax="Bridge(channel[,options])",
    synopsis="Connects this call with another one that stands",
    description=(
        "The other one is found by its name, the beginning of it, or its unique id. When they have talked it goes on "
        "behind the application that it was in. Its variable BRIDGE_NOANSWER, when set, keeps it from being answered."
    ),
    options=options(
        {
            "F([[context^]exten^]priority)": "when this caller hangs up, the other one goes on there (next priority)",
            "h": "the other one may end the talk by the disconnect digits",
            "H": "the caller may",
            "k": "the other one may park the call",
            "K": "the caller may",
            "L(x[:y[:z]])": "ends the talk after x ms; warns y ms before, every z ms",
            "n": "does not answer this call",
            "p": "a tone (xfersound of features.conf) for the other one first",
            "S(x)": "hangs the other one up after x seconds",
            "t": "the other one may transfer",
            "T": "the caller may transfer",
            "w": "accepted: Monitor and its feature automon are gone in Asterisk 22",
            "W": "accepted: Monitor and its feature automon are gone in Asterisk 22",
            "x": "hangs the other one up afterwards",
        }
    ),
    variables={"BRIDGERESULT": "SUCCESS, FAILURE, LOOP, NONEXISTENT or INCOMPATIBLE"},
    module="bridge_basic",
)
async def bridge(run: Run, data: str) -> Result:
    name, letters = fields(data, 2)
    found, _ = parse_options(letters)
    scope, channel, services = run.scope, run.channel, run.services
    other = _named(run, name)
    if other is None:
        return None
    try:
        limit = limit_of(scope, found)
    except BadLimit as error:
        run.warn(f"Bridge: {error}")
        return Outcome.END
    if "n" not in found:
        channel.answer()
    had_task = other.has_task

    def let_go() -> None:
        if other.dead:
            return
        if "x" in found or not had_task:
            other.hangup(int(Cause.NORMAL_CLEARING))
        else:
            services.switch.redirect((other, other.context, other.exten, other.priority + 1))

    other.claim(run)
    other.release(run)
    if not scope_of(services, other).get("BRIDGE_NOANSWER"):
        other.answer()
    if "p" in found:
        play_over(services, other, setting(scope_of(services, other), "xfersound"))
    result = await Talk(run, other, {**found, "g": None}, limit, let_go=let_go).execute()
    scope.set("BRIDGERESULT", "SUCCESS")
    return result


def _named(run: Run, name: str) -> Channel | None:
    """Another channel by its name, the beginning of it, or its unique id; None: there is none (BRIDGERESULT is set)."""
    scope, switch = run.scope, run.services.switch
    other = switch.channel(name) if name else None
    if other is None and name:
        start = name.lower()
        other = next((one for one in switch.channels() if one.name.lower().startswith(start)), None)
    if other is None or other.dead or run.over:
        run.warn(f"channel '{name}' does not exist")
        scope.set("BRIDGERESULT", "NONEXISTENT")
        return None
    if other is run.channel:
        run.warn(f"a channel is not connected with itself: {name}")
        scope.set("BRIDGERESULT", "LOOP")
        return None
    return other


@application(
    "BridgeAdd",
    syntax="BridgeAdd(name)",
    synopsis="Joins the talk of another call",
    description=(
        "All hear each other then. Whoever leaves, the others talk on while there are two of them; the last one goes "
        "on behind BridgeAdd. The other call is named as for Bridge."
    ),
    variables={"BRIDGERESULT": "SUCCESS, FAILURE (it talks with nobody), LOOP or NONEXISTENT"},
    module="app_bridgeaddchan",
)
async def bridge_add(run: Run, data: str) -> Result:
    other = _named(run, data)
    if other is None:
        return None
    channel, scope = run.channel, run.scope
    channel.answer()
    hall = room_of(run.services, other)
    if hall is not None:
        await run.channel.wait(None)
    elif not isinstance(other.bridge, Bridge_):
        run.warn(f"BridgeAdd: channel '{data}' is in no bridge")
        scope.set("BRIDGERESULT", "FAILURE")
        return None
    else:
        await _as_guest(run, other.bridge)
    channel.hangup_cause = channel.hangup_cause or int(Cause.NORMAL_CLEARING)
    scope.set("BRIDGERESULT", "SUCCESS")
    return Outcome.END if run.over else None


async def _as_guest(run: Run, joined: Bridge_) -> None:
    """Talk with those of a bridge until this one is alone; when who ran it is gone, run what is left of it."""
    channel, services = run.channel, run.services
    done = joined.guests.admit(channel)
    _name_peers(services, joined)
    after: Bridge_ | None = joined
    try:
        after = await channel.wait(done)
        if after is not None:
            _name_peers(services, after)
            await after.run()
    finally:
        if after is joined:
            joined.guests.dismiss(channel)
            _name_peers(services, joined)
        elif after is not None:
            left = [one for one in after.channels if not (one.dead or one.has_task)]
            after.close()
            for one in left:
                if one.owner is None and one is not channel:
                    one.hangup(int(Cause.NORMAL_CLEARING))
        run.scope.set("BRIDGEPEER", "")


def _name_peers(services: Services, joined: Bridge_) -> None:
    """BRIDGEPEER of each: the others, with commas between."""
    for one in joined.channels:
        if not one.dead:
            scope_of(services, one).set("BRIDGEPEER", ",".join(peer.name for peer in joined.peers(one)))


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
