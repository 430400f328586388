"""Applications that steer the walk: Goto, Gosub, ExecIf, Set and their kin."""

from __future__ import annotations

import re

from pbx.channels.events import Control
from pbx.dialplan import jumps
from pbx.dialplan.arguments import fields, leading_int, split
from pbx.dialplan.expressions import is_true
from pbx.dialplan.interpreter import Run
from pbx.dialplan.registry import APPLICATIONS, Outcome, Result, application
from pbx.dialplan.times import Timing

_COMMA = re.compile(r"(?<!\\),")
_PLACE = {
    "context": "the context; the present one if left out",
    "exten": "the extension",
    "priority": "number or label",
}


@application("NoOp", syntax="NoOp([text])", synopsis="Does nothing; shows its text in the console's trace")
def noop(run: Run, data: str) -> Result:
    return None


@application(
    "Set",
    syntax="Set(name=value)",
    synopsis="Sets a variable or writes a function",
    arguments={"name": "a variable (`_` before it: outgoing channels inherit it, `__`: theirs too) or FUNCTION(args)"},
)
def set_(run: Run, data: str) -> Result:
    name, equals, value = data.partition("=")
    if not data:
        run.warn("Set requires one variable name/value pair")
    elif not equals:
        run.warn("Set requires an '=' to be a valid assignment")
    else:
        if " " in name:
            run.warn(f"blanks are part of a variable's name: '{name}' set to '{value}'")
        run.scope.set(name, value)
    return None


@application(
    "MSet",
    syntax="MSet(name1=value1[,name2=value2[,...]])",
    synopsis="Sets several variables",
)
def mset(run: Run, data: str) -> Result:
    for pair in split(data, 99):
        name, equals, value = pair.partition("=")
        if not equals:
            run.warn(f"MSet: ignoring entry '{name}' with no '='")
            continue
        run.scope.set(name, value)
    return None


@application(
    "ImportVar",
    syntax="ImportVar(newvar=channel,variable)",
    synopsis="Copies a variable of another channel (gone from Asterisk 22; the function IMPORT does the same)",
)
def import_var(run: Run, data: str) -> Result:
    target, _, source = data.partition("=")
    channel, _, name = source.partition(",")
    if not target or not channel or not name:
        run.warn("ImportVar needs newvar=channel,variable")
        return None
    run.scope.set(target, run.scope.function("IMPORT", f"{channel},{name}") or "")
    return None


@application("Goto", syntax="Goto([[context,]exten,]priority)", synopsis="Goes on at another place", arguments=_PLACE)
def goto(run: Run, data: str) -> Result:
    return jumps.goto(run, data)


def _branches(text: str) -> tuple[str, str]:
    """The two sides of `a:b`, the first colon dividing."""
    yes, _, no = text.partition(":")
    return yes, no


@application(
    "GotoIf",
    syntax="GotoIf(condition?[labeliftrue][:[labeliffalse]])",
    synopsis="Goes on at one of two places",
)
def goto_if(run: Run, data: str) -> Result:
    if not data:
        run.warn("GotoIf: there is no condition to check")
        return None
    condition, _, places = data.partition("?")
    yes, no = _branches(places)
    place = yes if is_true(condition) else no
    return jumps.goto(run, place) if place else None


def _pretended(run: Run) -> float | None:
    """The time that GotoIfTime takes for now, and nothing else does: TESTTIME."""
    return leading_int(run.scope.get("TESTTIME") or "")


def _holds(run: Run, text: str, now: float | None = None) -> bool | None:
    """Whether a time condition holds at a time (None: now); None if it is none."""
    timing = Timing.parse(text)
    if timing is None:
        return None
    for problem in timing.problems:
        run.warn(problem)
    return timing.holds(run.channel.switch.wall() if now is None else now)


@application(
    "GotoIfTime",
    syntax="GotoIfTime(times,weekdays,mdays,months[,timezone]?[labeliftrue][:[labeliffalse]])",
    synopsis="Goes on at one of two places, by the time of day",
)
def goto_if_time(run: Run, data: str) -> Result:
    if not data:
        run.warn("GotoIfTime requires a time and a place")
        return Outcome.END
    times, _, places = data.partition("?")
    yes, no = _branches(places)
    place = yes if _holds(run, times, _pretended(run)) else no
    return jumps.goto(run, place) if place else None


@application(
    "ExecIfTime",
    syntax="ExecIfTime(times,weekdays,mdays,months[,timezone]?appname[(args)])",
    synopsis="Runs an application if the time of day fits",
)
async def exec_if_time(run: Run, data: str) -> Result:
    times, question, call = data.partition("?")
    holds = _holds(run, times) if question and call else None
    if holds is None:
        run.warn("ExecIfTime requires times?application")
        return Outcome.END
    return await _execute(run, call) if holds else None


def _call_parts(call: str) -> tuple[str, str]:
    """(name, data) of `name(data)`; a missing closing parenthesis is forgiven."""
    name, _, data = call.partition("(")
    closing = data.rfind(")")
    return name, data if closing < 0 else data[:closing]


async def _execute(run: Run, call: str) -> Result:
    name, data = _call_parts(call)
    return await run.execute(name, data)


@application(
    "ExecIf",
    module="app_exec",
    syntax="ExecIf(expression?appiftrue[(args)][:appiffalse[(args)]])",
    synopsis="Runs one of two applications",
)
async def exec_if(run: Run, data: str) -> Result:
    comma = _COMMA.search(data)
    question = data.find("?")
    if question < 0 or (comma is not None and comma.start() < question):
        # the form of old: ExecIf(expression,application,arguments)
        condition, name, args = fields(data, 3)
        return await run.execute(name, args) if is_true(condition) else None
    condition, *rest = split(data, 2, "?", raw=True)
    if not rest or not rest[0]:
        run.warn("ExecIf requires expression?application")
        return Outcome.END
    calls = [*split(rest[0], 2, ":", raw=True), ""]
    if is_true(condition):
        return await _execute(run, calls[0])
    # nothing to do otherwise, be it written with parentheses
    return await _execute(run, calls[1]) if _call_parts(calls[1])[0] else None


@application(
    "Exec", module="app_exec", syntax="Exec(appname(arguments))", synopsis="Runs an application whose name is computed"
)
async def exec_(run: Run, data: str) -> Result:
    if not data:
        return None
    name, args = _call_parts(data)
    return await run.execute(name, await run.evaluate(args))


@application(
    "TryExec",
    module="app_exec",
    syntax="TryExec(appname(arguments))",
    synopsis="Runs an application; its failure does not end the call",
    variables={"TRYSTATUS": "SUCCESS, FAILED (it wanted to end the call) or NOAPP"},
)
async def try_exec(run: Run, data: str) -> Result:
    if not data:
        return None
    name, args = _call_parts(data)
    if name not in APPLICATIONS:
        run.warn(f"Could not find application ({name})")
        run.scope.set("TRYSTATUS", "NOAPP")
        return None
    result = await run.execute(name, await run.evaluate(args))
    failed = result is not None and result is not Outcome.CONTINUE
    run.scope.set("TRYSTATUS", "FAILED" if failed else "SUCCESS")
    return None


@application(
    "Gosub",
    module="app_stack",
    syntax="Gosub([[context,]exten,]priority[(arg1[,...][,argN])])",
    synopsis="Enters a subroutine, until Return",
    arguments=_PLACE,
    variables={"ARG1": "the first argument, and so on", "ARGC": "how many there are"},
)
def gosub(run: Run, data: str) -> Result:
    if not data:
        run.warn("Gosub requires an argument: Gosub([[context,]exten,]priority[(arg1[,...][,argN])])")
        return Outcome.END
    return jumps.gosub(run, data)


@application(
    "GosubIf",
    module="app_stack",
    syntax="GosubIf(condition?[labeliftrue[(args)]][:[labeliffalse[(args)]]])",
    synopsis="Enters one of two subroutines",
)
def gosub_if(run: Run, data: str) -> Result:
    if not data:
        run.warn("GosubIf requires an argument: GosubIf(condition?label[(args)][:label[(args)]])")
        return None
    parts = [*split(data, 2, "?", raw=True), "", ""]
    places = [*split(parts[1], 2, ":", raw=True), "", ""]
    place = places[0] if is_true(parts[0]) else places[1]
    return jumps.gosub(run, place) if place else None


@application(
    "Return",
    module="app_stack",
    syntax="Return([value])",
    synopsis="Leaves a subroutine",
    variables={"GOSUB_RETVAL": "value"},
)
def return_(run: Run, data: str) -> Result:
    return jumps.leave(run, data)


@application(
    "StackPop", module="app_stack", syntax="StackPop()", synopsis="Forgets where the present subroutine was called from"
)
def stack_pop(run: Run, data: str) -> Result:
    if run.scope.pop() is None:
        run.warn("StackPop called with no frame left")
    return None


@application(
    "RaiseException",
    syntax="RaiseException(reason)",
    synopsis="Goes on at the extension `e`; EXCEPTION() tells why",
)
def raise_exception(run: Run, data: str) -> Result:
    run.raise_problem(data, 0)
    return None


@application(
    "Incomplete",
    syntax="Incomplete([n])",
    synopsis="The dialled extension is no whole one yet: wait for more digits",
)
def incomplete(run: Run, data: str) -> Result:
    answer_first = "n" not in data
    if answer_first and run.channel.state.value != 6:
        run.channel.answer()
    # who began this call by a call file or Originate gives it up then
    run.channel.indicate(Control.INCOMPLETE)
    return Outcome.INCOMPLETE
