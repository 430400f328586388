"""ReadExten, Signal, WaitForSignal, ReceiveText, PrivacyManager: waiting for others."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from pbx.channels.channel import State
from pbx.channels.events import Text
from pbx.dialplan.arguments import fields, parse_options
from pbx.dialplan.functions.common import c_float
from pbx.dialplan.interpreter import Run
from pbx.dialplan.playing import anything, listen, start_file
from pbx.dialplan.registry import Outcome, Result, application, options


@application(
    "ReadExten",
    syntax="ReadExten(variable[,filename[,context[,option[,timeout]]]])",
    synopsis="Reads digits until they are an extension",
    options=options({"s": "does nothing unless the call is answered", "n": "reads without answering"}),
    variables={
        "READEXTENSTATUS": "OK, TIMEOUT, INVALID, SKIP or ERROR",
        "INVALID_EXTEN": "what was dialled when it is INVALID",
    },
    module="app_readexten",
)
async def read_exten(run: Run, data: str) -> Result:
    variable, name, context, letters, timeout = fields(data, 5)
    scope, channel = run.scope, run.channel
    if not variable:
        run.warn("ReadExten requires a variable")
        scope.set("READEXTENSTATUS", "ERROR")
        return None
    found, _ = parse_options(letters)
    if channel.state is not State.UP:
        if "s" in found:
            scope.set("READEXTENSTATUS", "SKIP")
            return None
        if "n" not in found and not run.over:
            channel.answer()
    context = context or channel.context
    seconds = c_float(timeout) or 0.0
    source = start_file(run, name) if name else None
    digits = (await listen(run, source, anything) or "") if source is not None else ""
    status = "TIMEOUT"
    while True:
        if digits:
            if not run.can_match(context, digits):
                status = "INVALID"
                break
            if not run.match_more(context, digits):
                status = "OK"
                break
        wait = seconds if seconds > 0 else scope.digit_timeout if digits else scope.response_timeout
        digit = await run.digit(wait)
        if digit is None or digit == "#":
            status = "OK" if digits and run.exists(context, digits) else "INVALID" if digits else "TIMEOUT"
            break
        digits += digit
    scope.set(variable, {"OK": digits, "INVALID": "i"}.get(status, "t"))
    if status == "INVALID":
        scope.set("INVALID_EXTEN", digits)
    scope.set("READEXTENSTATUS", status)
    return Outcome.END if run.over else None


def _waiting(run: Run) -> dict[str, list[Deferred[str]]]:
    found: dict[str, list[Deferred[str]]] = run.services.shared.setdefault("signals", {})
    return found


@application(
    "WaitForSignal",
    syntax="WaitForSignal(signalname[,signaltimeout])",
    synopsis="Waits for a Signal of another call",
    variables={"WAITFORSIGNALSTATUS": "SIGNALED, TIMEOUT or HANGUP", "WAITFORSIGNALPAYLOAD": "what it carried"},
    module="app_signal",
)
async def wait_for_signal(run: Run, data: str) -> Result:
    name, timeout = fields(data, 2)
    if not name:
        run.warn("WaitForSignal requires a name")
        return Outcome.END
    arrived: Deferred[str] = Deferred()
    queue = _waiting(run).setdefault(name, [])
    queue.append(arrived)
    number = c_float(timeout) if timeout else 0.0
    seconds = number or 0.0
    if number is None:
        # that is how Asterisk takes it: no time to wait, and nothing missed
        run.warn(f"WaitForSignal: '{timeout}' is no number of seconds")
        arrived.callback("")
    try:
        payload = await run.channel.wait(arrived, seconds if seconds > 0 else None)
    finally:
        if arrived in queue:
            queue.remove(arrived)
    run.scope.set("WAITFORSIGNALPAYLOAD", payload or "")
    run.scope.set("WAITFORSIGNALSTATUS", "SIGNALED" if payload is not None else "HANGUP" if run.over else "TIMEOUT")
    return Outcome.END if run.over else None


@application(
    "Signal",
    syntax="Signal(signalname[,payload])",
    synopsis="Wakes the calls that wait for a signal",
    variables={"SIGNALSTATUS": "SUCCESS or FAILURE (nobody waits)"},
    module="app_signal",
)
def signal(run: Run, data: str) -> Result:
    name, payload = fields(data, 2)
    if not name:
        run.warn("Signal requires a name")
        return Outcome.END
    waiting = _waiting(run).pop(name, [])
    for arrived in waiting:
        if not arrived.called:
            arrived.callback(payload)
    run.scope.set("SIGNALSTATUS", "SUCCESS" if waiting else "FAILURE")
    return None


@application(
    "ReceiveText",
    syntax="ReceiveText([timeout])",
    synopsis="Waits for a text of the far end",
    variables={"RECEIVETEXTSTATUS": "SUCCESS or FAILURE", "RECEIVETEXTMESSAGE": "the text"},
    module="app_sendtext",
)
async def receive_text(run: Run, data: str) -> Result:
    seconds = c_float(data) if data else 0.0
    clock = run.channel.switch.clock
    until = None if seconds is None else clock.seconds() + max(0.0, seconds)
    while True:
        event = await run.channel.next_event(None if until is None else max(0.0, until - clock.seconds()))
        if isinstance(event, Text):
            run.scope.set("RECEIVETEXTMESSAGE", event.text)
            run.scope.set("RECEIVETEXTSTATUS", "SUCCESS")
            return None
        if event is None:
            run.scope.set("RECEIVETEXTSTATUS", "FAILURE")
            return Outcome.END if run.over else None


@application(
    "PrivacyManager",
    syntax="PrivacyManager([maxretries[,minlength[,options[,context]]]])",
    synopsis="Asks a caller without a number for one",
    variables={"PRIVACYMGRSTATUS": "SUCCESS or FAILED; not set for a caller with a number"},
    module="app_privacy",
)
async def privacy_manager(run: Run, data: str) -> Result:
    retries, length, _, context = fields(data, 4)
    channel, scope = run.channel, run.scope
    if channel.caller.number:
        return None
    if channel.state is not State.UP and not run.over:
        channel.answer()
    shortest = int(c_float(length) or 10)
    for _ in range(int(c_float(retries) or 3)):
        digits = ""
        while len(digits) < 15:
            digit = await run.digit(scope.digit_timeout if digits else scope.response_timeout)
            if digit is None or digit == "#":
                break
            digits += digit
        if run.over:
            return Outcome.END
        if len(digits) >= shortest and (not context or run.exists(context, digits)):
            channel.caller.number = digits
            scope.set("PRIVACYMGRSTATUS", "SUCCESS")
            return None
    scope.set("PRIVACYMGRSTATUS", "FAILED")
    return None
