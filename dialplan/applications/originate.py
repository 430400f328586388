"""Originate: a call that begins here and goes its own way."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from pbx.codecs.formats import BY_NAME, Format
from pbx.dialplan.arguments import fields, parse_options
from pbx.dialplan.functions.common import c_int
from pbx.dialplan.interpreter import Run
from pbx.dialplan.jumps import place_of
from pbx.dialplan.originate import OriginateResult, Origination, originate
from pbx.dialplan.registry import Outcome, Result, application, options


def _formats(run: Run, names: str) -> tuple[Format, ...]:
    """Option C: the formats of these names; those that are not known are said."""
    found = []
    for name in (word.strip() for word in names.split(",")):
        if name.lower() in BY_NAME:
            found.append(BY_NAME[name.lower()])
        elif name:
            run.warn(f"Originate: there is no codec '{name}'")
    return tuple(found)


@application(
    "Originate",
    module="app_originate",
    syntax="Originate(tech_data,type,arg1[,arg2[,arg3[,timeout[,options]]]])",
    synopsis="Calls somebody and lets them run an application or an extension",
    arguments={
        "type": "app: arg1 is the application, arg2 its data; exten: context, extension, priority",
        "timeout": "seconds; 30 if left out",
    },
    options=options(
        {
            "a": "does not wait for the outcome",
            "b(place)": "runs a subroutine on the new channel before it calls",
            "B(place)": "runs a subroutine on this channel first",
            "C(codecs)": "codecs of the new channel",
            "c(number)": "caller number",
            "n(name)": "caller name",
            "v(var1=val1^var2=val2)": "variables of the new channel",
        }
    ),
    variables={"ORIGINATE_STATUS": "FAILED, SUCCESS, BUSY, CONGESTION, HANGUP, RINGING (no answer) or UNKNOWN"},
)
async def originate_(run: Run, data: str) -> Result:
    resource, kind, one, two, three, timeout, flags = fields(data, 7)
    if not resource.partition("/")[2] or not one or kind.lower() not in ("app", "exten"):
        run.warn("Originate requires technology/resource, app or exten, and an argument")
        run.scope.set("ORIGINATE_STATUS", "FAILED")
        return Outcome.END
    letters, _ = parse_options(flags)
    seconds = c_int(timeout)
    wish = Origination(resource, 30.0 if seconds is None or seconds <= 0 else float(seconds), parent=run.channel)
    if kind.lower() == "app":
        wish.application, wish.data = one, two
    else:
        wish.context, wish.exten, wish.priority = one, two or "s", c_int(three) or 1
    if "c" in letters:
        wish.caller_number = letters["c"]
    if "n" in letters:
        wish.caller_name = letters["n"]
    if "C" in letters:
        wish.formats = _formats(run, letters["C"] or "") or wish.formats
    if letters.get("b"):
        wish.prepare = place_of(run, letters["b"] or "")
    if letters.get("B"):
        await run.subroutine(place_of(run, letters["B"] or ""))
    if letters.get("v"):
        wish.variables = {name: value for name, _, value in (p.partition("=") for p in (letters["v"] or "").split("^"))}
    done = originate(run.services, wish)
    if "a" in letters:
        run.scope.set("ORIGINATE_STATUS", "SUCCESS")
        return None
    # given up by nobody: the call goes on when this one ends
    outcome: Deferred[OriginateResult] = Deferred()
    done.addCallback(outcome.callback)
    result = await run.channel.wait(outcome)
    run.scope.set("ORIGINATE_STATUS", (result or OriginateResult.FAILED).value)
    return Outcome.END if run.over else None
