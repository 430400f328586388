"""Answer, Hangup, Busy, Ringing, Wait: what a call says of itself, and waiting."""

from __future__ import annotations

import re

from pbx.channels.causes import Cause
from pbx.channels.channel import State
from pbx.channels.events import Control, Indication
from pbx.dialplan.arguments import fields
from pbx.dialplan.functions.common import c_float, c_int
from pbx.dialplan.interpreter import Run
from pbx.dialplan.registry import Outcome, Result, application

_NAMES = sorted(Cause.__members__, key=len, reverse=True)


def cause_of(text: str, other: int = Cause.NORMAL_CLEARING) -> int:
    """The cause that Hangup's argument means: a name (USER_BUSY) or a number; `other` for anything else."""
    upper = text.upper()
    for name in _NAMES:
        if upper.startswith(name) and name != "NOT_DEFINED":
            return int(Cause[name])
    number = c_int(text)
    return number if number is not None and number > 0 else int(other)


@application(
    "Answer",
    syntax="Answer([delay])",
    synopsis="Answers the call",
    arguments={"delay": "milliseconds to wait afterwards"},
)
async def answer(run: Run, data: str) -> Result:
    delay = c_int(fields(data, 2)[0])
    channel = run.channel
    if run.over:
        return Outcome.END
    channel.answer()
    if delay and delay > 0:
        # not `sleep`: digits pressed meanwhile stay
        await channel.wait(None, delay / 1000)
    return None


@application(
    "Hangup",
    syntax="Hangup([causecode])",
    synopsis="Ends the call",
    arguments={"causecode": "Q.850 number or name, such as 17 or USER_BUSY"},
)
def hangup(run: Run, data: str) -> Result:
    cause = cause_of(data)
    run.channel.hangup_cause = cause
    run.scope.notes["channel.hangupsource"] = "dialplan/builtin"
    run.channel.softhangup(cause)
    return Outcome.END


async def _end_tone(run: Run, data: str, kind: Control) -> Result:
    seconds = c_float(data)
    await run.signal_end(kind, None if seconds is None or seconds < 0 else seconds)
    return Outcome.END


@application("Busy", syntax="Busy([timeout])", synopsis="Says busy, until the caller hangs up or the time is over")
async def busy(run: Run, data: str) -> Result:
    return await _end_tone(run, data, Control.BUSY)


@application("Congestion", syntax="Congestion([timeout])", synopsis="Says congestion, as Busy does busy")
async def congestion(run: Run, data: str) -> Result:
    return await _end_tone(run, data, Control.CONGESTION)


@application("Ringing", syntax="Ringing()", synopsis="Says that it rings; goes on at once")
def ringing(run: Run, data: str) -> Result:
    run.channel.indicate(Control.RINGING)
    return None


@application("Progress", syntax="Progress()", synopsis="Says that sound may come before the answer")
def progress(run: Run, data: str) -> Result:
    run.channel.indicate(Control.PROGRESS)
    return None


@application("Proceeding", syntax="Proceeding()", synopsis="Says that the call is under way")
def proceeding(run: Run, data: str) -> Result:
    run.channel.indicate(Control.PROCEEDING)
    return None


@application("Wait", syntax="Wait(seconds)", synopsis="Waits", arguments={"seconds": "may have a fraction"})
async def wait(run: Run, data: str) -> Result:
    seconds = c_float(data) or 0.0
    if seconds <= 0:
        return None
    await run.channel.sleep(seconds)
    return Outcome.END if run.over else None


@application(
    "WaitExten",
    syntax="WaitExten([seconds][,options])",
    synopsis="Waits for digits of another extension",
    options=(),
)
async def wait_exten(run: Run, data: str) -> Result:
    seconds = c_float(fields(data, 2)[0]) or 0.0
    channel, scope = run.channel, run.scope
    digit = await run.digit(seconds if seconds > 0 else scope.response_timeout)
    if digit is not None:
        return digit
    if run.over:
        return Outcome.END
    if run.exists(channel.context, channel.exten, channel.priority + 1):
        run.log.verbose(3, f"Timeout on {channel.name}, continuing...", call=channel.call_id)
        return None
    if run.exists(channel.context, "t"):
        run.log.verbose(3, f"Timeout on {channel.name}, going to 't'", call=channel.call_id)
        run.jump(channel.context, "t", 1)
        return None
    if run.exists(channel.context, "e"):
        run.raise_problem("RESPONSETIMEOUT", 0)
        return None
    run.warn(f"Timeout but no rule 't' or 'e' in context '{channel.context}'")
    return Outcome.END


@application(
    "WaitDigit",
    syntax="WaitDigit([seconds[,digits]])",
    synopsis="Waits for a digit",
    variables={"WAITDIGITSTATUS": "ERROR, DTMF, TIMEOUT or CANCEL", "WAITDIGITRESULT": "the digit"},
)
async def wait_digit(run: Run, data: str) -> Result:
    text, wanted = fields(data, 2)
    seconds = c_float(text)
    channel, clock, scope = run.channel, run.channel.switch.clock, run.scope
    if seconds is None:
        run.warn("WaitDigit requires a number of seconds")
        scope.set("WAITDIGITSTATUS", "ERROR")
        return None
    if seconds < 0:
        run.warn(f"WaitDigit: '{text}' is no number of seconds")
        scope.set("WAITDIGITSTATUS", "ERROR")
        return None
    until = clock.seconds() + seconds
    while True:
        digit = await run.digit(max(0.0, until - clock.seconds()))
        if digit is None or not wanted or digit in wanted:
            break
    if digit is not None:
        scope.set("WAITDIGITSTATUS", "DTMF")
        scope.set("WAITDIGITRESULT", digit)
        return None
    scope.set("WAITDIGITRESULT", None)
    scope.set("WAITDIGITSTATUS", "CANCEL" if channel.dead else "TIMEOUT")
    return Outcome.END if run.over else None


@application(
    "WaitUntil",
    module="app_waituntil",
    syntax="WaitUntil(epoch)",
    synopsis="Waits until a moment",
    variables={"WAITUNTILSTATUS": "OK, FAILURE (no number), HANGUP or PAST"},
)
async def wait_until(run: Run, data: str) -> Result:
    moment = c_float(data)
    scope = run.scope
    if moment is None:
        run.warn("WaitUntil requires an epoch")
        scope.set("WAITUNTILSTATUS", "FAILURE")
        return None
    left = moment - run.channel.switch.wall()
    if left < 0:
        scope.set("WAITUNTILSTATUS", "PAST")
        return None
    with run.noting("WAITUNTILSTATUS", "HANGUP"):
        await run.channel.sleep(left)
    scope.set("WAITUNTILSTATUS", "HANGUP" if run.over else "OK")
    return None


def _condition(data: str) -> tuple[str, str, str]:
    """(the character for $, the expression up to its last bracket, what follows); ("", "", "") if there is none."""
    sign, expression = data[:1], data[2:]
    if not sign or sign in "$[]{}" or data[1:2] != "," or not expression.startswith(sign):
        return "", "", ""
    depth = 0
    for at, char in enumerate(expression):
        depth += {"[": 1, "]": -1}.get(char, 0)
        if depth == 0 and at:
            return sign, expression[: at + 1] if char == "]" else "", expression[at + 2 :]
    return "", "", ""


@application(
    "WaitForCondition",
    module="app_waitforcond",
    syntax="WaitForCondition(replacementchar,expression[,timeout[,interval]])",
    synopsis="Waits until an expression holds; its $ is written as another character",
    variables={"WAITFORCONDITIONSTATUS": "TRUE, FAILURE, TIMEOUT or HANGUP"},
)
async def wait_for_condition(run: Run, data: str) -> Result:
    from pbx.dialplan.expressions import is_true

    channel, scope, clock = run.channel, run.scope, run.channel.switch.clock
    sign, expression, rest = _condition(data)
    if not expression:
        run.warn(f"WaitForCondition requires a character, and an expression in brackets that begins with it: {data}")
        scope.set("WAITFORCONDITIONSTATUS", "FAILURE")
        return None
    timeout, interval = fields(rest, 2)
    most, step = c_float(timeout), c_float(interval) or 0.5
    until = None if not most else clock.seconds() + most
    text = expression.replace(sign, "$")
    while not is_true(await run.evaluate(text)):
        if until is not None and clock.seconds() >= until:
            scope.set("WAITFORCONDITIONSTATUS", "TIMEOUT")
            return None
        with run.noting("WAITFORCONDITIONSTATUS", "HANGUP"):
            await channel.sleep(step)
        if run.over:
            scope.set("WAITFORCONDITIONSTATUS", "HANGUP")
            return Outcome.END
    scope.set("WAITFORCONDITIONSTATUS", "TRUE")
    return None


@application(
    "WaitForRing",
    module="app_waitforring",
    syntax="WaitForRing(timeout)",
    synopsis="Waits for a ring after that time",
)
async def wait_for_ring(run: Run, data: str) -> Result:
    seconds = c_float(data)
    if seconds is None or seconds < 0:
        run.warn("WaitForRing requires a number of seconds")
        return None
    await run.channel.sleep(seconds)
    while not run.over:
        event = await run.channel.next_event()
        if isinstance(event, Indication) and event.control is Control.RING:
            return None
    return Outcome.END


@application(
    "Transfer",
    module="app_transfer",
    syntax="Transfer([Tech/]destination)",
    synopsis="Asks the far end to send the call on by itself",
    variables={"TRANSFERSTATUS": "SUCCESS, FAILURE or UNSUPPORTED", "TRANSFERSTATUSPROTOCOL": "0"},
)
def transfer(run: Run, data: str) -> Result:
    scope, channel = run.scope, run.channel
    # what a far end of another protocol would have answered
    scope.set("TRANSFERSTATUSPROTOCOL", "0")
    destination = data
    if not data:
        run.warn("Transfer requires a destination")
        scope.set("TRANSFERSTATUS", "FAILURE")
        return None
    technology, slash, rest = data.partition("/")
    if slash:
        if technology.lower() != channel.name.partition("/")[0].lower():
            scope.set("TRANSFERSTATUS", "FAILURE")
            return None
        destination = rest
    exten, _, context = destination.partition("@")
    # a Local half passes the wish on to nobody that could fulfil it
    able = channel.leg is not None and channel.leg.technology != "Local"
    done = able and channel.leg is not None and channel.leg.transfer(exten, context or None)
    scope.set("TRANSFERSTATUS", "SUCCESS" if done else "UNSUPPORTED")
    return None


@application(
    "SoftHangup",
    module="app_softhangup",
    syntax="SoftHangup(Technology/Resource[,options])",
    synopsis="Ends another call",
)
def soft_hangup(run: Run, data: str) -> Result:
    name, flags = fields(data, 2)
    if not name:
        run.warn("SoftHangup requires a channel name")
        return None
    for channel in list(run.services.switch.channels()):
        plain = re.sub(r"-[^-]*$", "", channel.name)
        if channel.name.lower() == name.lower() or ("a" in flags and plain.lower() == name.lower()):
            channel.softhangup()
    return None


@application(
    "ChannelRedirect",
    module="app_channelredirect",
    syntax="ChannelRedirect(channel,[[context,]exten,]priority)",
    synopsis="Sends another call to another place",
    variables={"CHANNELREDIRECT_STATUS": "SUCCESS or NOCHANNEL"},
)
def channel_redirect(run: Run, data: str) -> Result:
    from pbx.dialplan.jumps import parse_place

    name, place_text = fields(data, 2)
    if not name or not place_text:
        run.warn("ChannelRedirect requires a channel and a place")
        return Outcome.END
    channel = run.services.switch.channel(name)
    if channel is None:
        run.warn(f"No such channel: {name}")
        run.scope.set("CHANNELREDIRECT_STATUS", "NOCHANNEL")
        return None
    place = parse_place(Run(run.services, channel), place_text)
    if place is None:
        return Outcome.END
    run.services.switch.redirect((channel, *place))
    run.scope.set("CHANNELREDIRECT_STATUS", "SUCCESS")
    return None


@application(
    "HangupCauseClear",
    module="func_hangupcause",
    syntax="HangupCauseClear()",
    synopsis="Forgets why the channels of the last Dial ended",
)
def hangup_cause_clear(run: Run, data: str) -> Result:
    run.scope.notes.pop("causes", None)
    return None


@application(
    "ChanIsAvail",
    module="app_chanisavail",
    syntax="ChanIsAvail(Technology/Resource[&Technology2/Resource2[&...]][,options])",
    synopsis="Looks whether one of several destinations can be called",
    variables={"AVAILSTATUS": "state of the device", "AVAILORIGCHAN": "the destination", "AVAILCHAN": "its channel"},
)
def chan_is_avail(run: Run, data: str) -> Result:
    from pbx.channels.switch import Unavailable

    scope, switch = run.scope, run.services.switch
    destinations, letters = fields(data, 2)
    statuses: list[str] = []
    found: list[tuple[str, str]] = []
    for destination in (word.strip() for word in destinations.split("&")):
        if "/" not in destination:
            statuses.append(str(_DEVICE_STATES.index("INVALID")))
            continue
        state = _availability(run, destination, letters)
        statuses.append(str(state))
        if state > _DEVICE_STATES.index("NOT_INUSE"):
            continue
        try:
            channel = switch.make(destination, run.channel.formats, run.channel)
        except Unavailable:
            continue
        found.append((channel.name, destination))
        channel.hangup(0)
        if "a" not in letters:
            break
    scope.set("AVAILCHAN", "&".join(name for name, _ in found))
    scope.set("AVAILORIGCHAN", "&".join(destination for _, destination in found))
    scope.set("AVAILSTATUS", "&".join(statuses))
    scope.set("AVAILCAUSECODE", "&".join("0" for _ in found))
    return None


_DEVICE_STATES = ("UNKNOWN", "NOT_INUSE", "INUSE", "BUSY", "INVALID", "UNAVAILABLE", "RINGING", "RINGINUSE", "ONHOLD")


#: the state of a device whose channel is in such a state; of any other it is in use
_BY_CHANNEL = {State.DOWN: "NOT_INUSE", State.RINGING: "RINGING", State.BUSY: "BUSY"}


def _availability(run: Run, destination: str, letters: str) -> int:
    """The state of a device as ChanIsAvail looks at it: by its channels (t), by its technology (s), not at all."""
    name, _, number = destination.partition("/")
    switch = run.services.switch
    state = "UNKNOWN"
    if "t" in letters:
        its = [channel for channel in switch.channels() if channel.name.startswith(f"{destination}-")]
        state = _BY_CHANNEL.get(its[0].state, "INUSE") if its else "UNKNOWN"
    elif "s" in letters:
        technology = switch.technology(name)
        state = technology.device_state(number) if technology is not None else "INVALID"
    return _DEVICE_STATES.index(state) if state in _DEVICE_STATES else 0
