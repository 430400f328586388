"""Verbose, Log, System, DumpChan, UserEvent: what a dialplan tells the outside."""

from __future__ import annotations

import re

from pbx.dialplan.arguments import fields, split
from pbx.dialplan.functions.common import c_int
from pbx.dialplan.interpreter import Run
from pbx.dialplan.registry import Outcome, Result, application


@application(
    "Verbose", module="app_verbose", syntax="Verbose([level,]message)", synopsis="Writes a line to the console"
)
def verbose(run: Run, data: str) -> Result:
    level, message = fields(data, 2)
    number = c_int(level) if re.fullmatch(r"\s*\d+\s*", level) else None
    if number is None or not message:
        number, message = 0, data
    run.log.verbose(min(number, 10), message, call=run.channel.call_id)
    return None


@application(
    "Log",
    module="app_verbose",
    syntax="Log(level,message)",
    synopsis="Writes a line to the log",
    arguments={"level": "ERROR, WARNING, NOTICE, DEBUG, VERBOSE or DTMF"},
)
def log(run: Run, data: str) -> Result:
    level, message = fields(data, 2)
    channel = run.channel
    text = f"Ext. {channel.exten}:{channel.priority} @ {channel.context}: {message}"
    match level.upper():
        case "ERROR":
            run.log.error(text, call=channel.call_id)
        case "WARNING":
            run.log.warning(text, call=channel.call_id)
        case "NOTICE":
            run.log.notice(text, call=channel.call_id)
        case "DEBUG":
            run.log.debug(1, text, call=channel.call_id)
        case "VERBOSE":
            run.log.verbose(1, text, call=channel.call_id)
        case "DTMF":
            run.log.dtmf(text, call=channel.call_id)
        case _:
            run.warn(f"Log: unknown level '{level}'")
    return None


async def _system(run: Run, data: str, failure: Outcome | None) -> Result:
    scope = run.scope
    if not data:
        run.warn("System requires an argument (command)")
        scope.set("SYSTEMSTATUS", "FAILURE")
        return failure
    status = await run.services.shell(data)
    run.channel.forget_digits()
    if status < 0 or status == 127:
        run.warn(f"Unable to execute '{data}'")
        scope.set("SYSTEMSTATUS", "FAILURE")
        return failure
    scope.set("SYSTEMSTATUS", "SUCCESS" if status == 0 else "APPERROR")
    return None


_STATUS = {"SYSTEMSTATUS": "FAILURE (could not be run), SUCCESS, APPERROR (exit status not 0)"}


@application(
    "System",
    module="app_system",
    syntax="System(command)",
    synopsis="Runs a command of the system's shell",
    variables=_STATUS,
)
async def system(run: Run, data: str) -> Result:
    return await _system(run, data, Outcome.END)


@application(
    "TrySystem",
    module="app_system",
    syntax="TrySystem(command)",
    synopsis="As System, but never ends the call",
    variables=_STATUS,
)
async def try_system(run: Run, data: str) -> Result:
    return await _system(run, data, None)


@application(
    "UserEvent",
    module="app_userevent",
    syntax="UserEvent(eventname[,body])",
    synopsis="Sends an event to who listens (AMI)",
)
def user_event(run: Run, data: str) -> Result:
    if not data:
        run.warn("UserEvent requires an argument (eventname,optional event body)")
        return Outcome.END
    from pbx.dialplan.events import UserEvent

    name, *body = split(data)
    run.channel.switch.bus.publish(UserEvent(run.channel, name, tuple(body)))
    return None


@application(
    "DumpChan",
    module="app_dumpchan",
    syntax="DumpChan([level])",
    synopsis="Writes all that is known of the call to the console",
)
def dump_chan(run: Run, data: str) -> Result:
    level = c_int(data) or 0
    channel = run.channel
    rows = [
        ("Name", channel.name),
        ("UniqueID", channel.uniqueid),
        ("LinkedID", channel.linkedid),
        ("Caller ID", channel.caller.number or "(N/A)"),
        ("Caller ID Name", channel.caller.name or "(N/A)"),
        ("State", f"{channel.state.label} ({int(channel.state)})"),
        ("Context", channel.context),
        ("Extension", channel.exten),
        ("Priority", str(channel.priority)),
    ]
    lines = [f"Dumping Info For Channel: {channel.name}:", "=" * 80, "Info:"]
    lines += [f"{name + '=':<21}{value}" for name, value in rows]
    lines += ["", "Variables:"]
    lines += [f"{name}={value}" for name, value in reversed(channel.variables.items())]
    run.log.verbose(min(level, 10), "\n".join([*lines, "=" * 80]), call=channel.call_id)
    return None


@application("ResetCDR", module="app_cdr", syntax="ResetCDR([options])", synopsis="Begins the call's record anew")
def reset_cdr(run: Run, data: str) -> Result:
    return _cdr(run, "reset", data)


@application(
    "ForkCDR", module="app_forkcdr", syntax="ForkCDR([options])", synopsis="Begins a second record of the call"
)
def fork_cdr(run: Run, data: str) -> Result:
    return _cdr(run, "fork", data)


def _cdr(run: Run, what: str, options: str) -> Result:
    from pbx.dialplan.events import RecordRequest

    run.channel.switch.bus.publish(RecordRequest(run.channel, what, options))
    return None
