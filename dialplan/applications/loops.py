"""While and If: blocks written with ordinary priorities.

While keeps its places in the variables WHILE_n (where the loop begins) and
END_WHILE_n (behind it), as dialplans that leave a loop by Goto rely on.  If
keeps nothing: its parts find each other by their order in the extension.
"""

from __future__ import annotations

from pbx.dialplan import jumps
from pbx.dialplan.expressions import is_true
from pbx.dialplan.interpreter import Run
from pbx.dialplan.registry import Result, application

_PREFIX = "WHILE"


def _ahead(run: Run, opening: str, closing: str) -> dict[str, int]:
    """Where what ends the present block stands: the first of each application on this level up to `closing`.

    Keys are names in lower case; nothing is found where `closing` is missing.
    """
    found: dict[str, int] = {}
    extension = run.at[0] if run.at is not None else None
    if extension is None:
        return found
    depth = 0
    for priority in extension.in_order():
        if priority.number <= run.channel.priority:
            continue
        name = priority.application.lower()
        if depth == 0:
            found.setdefault(name, priority.number)
            if name == closing:
                return found
        if name == opening:
            depth += 1
        elif name == closing:
            depth -= 1
    return {}


def _index(run: Run) -> int:
    """The highest n of the WHILE_n that are set without a gap, -1 if there is none."""
    used = 0
    while run.scope.get(f"{_PREFIX}_{used}"):
        used += 1
    return used - 1


def _leave_while(run: Run, variable: str, label: str) -> None:
    """Go on behind the loop."""
    scope, channel = run.scope, run.channel
    scope.set(variable, None)
    scope.set(label, None)
    behind = scope.get(f"END_{variable}")
    if behind:
        jumps.goto(run, behind)
        scope.set(f"END_{variable}", None)
        return
    end = _ahead(run, "while", "endwhile").get("endwhile")
    if end is None:
        run.warn(
            f"Couldn't find matching EndWhile? (While at {channel.context}@{channel.exten} priority {channel.priority})"
        )
        return
    channel.priority = end


def _label(run: Run) -> str:
    channel = run.channel
    return f"{_PREFIX}_{channel.context}_{channel.exten}_{channel.priority}"


@application(
    "While",
    module="app_while",
    syntax="While(expression)",
    synopsis="Repeats what stands up to EndWhile while a condition holds",
)
def while_(run: Run, data: str) -> Result:
    scope, channel = run.scope, run.channel
    label = _label(run)
    number = scope.get(label)
    if number is None:
        number = str(_index(run) + 1)
        scope.set(label, number)
    variable = f"{_PREFIX}_{number}"
    if not is_true(data):
        _leave_while(run, variable, label)
    elif not scope.get(variable):
        scope.set(variable, f"{channel.context},{channel.exten},{channel.priority}")
    return None


def _again(run: Run, *, at_end: bool) -> Result:
    scope, channel = run.scope, run.channel
    variable = f"{_PREFIX}_{max(0, _index(run))}"
    start = scope.get(variable)
    if not start:
        return None
    if at_end and not scope.get(f"END_{variable}"):
        scope.set(f"END_{variable}", f"{channel.context},{channel.exten},{channel.priority + 1}")
    return jumps.goto(run, start)


@application("EndWhile", module="app_while", syntax="EndWhile()", synopsis="Ends the block of a While")
def end_while(run: Run, data: str) -> Result:
    return _again(run, at_end=True)


@application(
    "ContinueWhile",
    module="app_while",
    syntax="ContinueWhile()",
    synopsis="Goes back to the While and checks its condition",
)
def continue_while(run: Run, data: str) -> Result:
    return _again(run, at_end=False)


@application("ExitWhile", module="app_while", syntax="ExitWhile()", synopsis="Leaves the block of a While")
def exit_while(run: Run, data: str) -> Result:
    _leave_while(run, f"{_PREFIX}_{max(0, _index(run))}", _label(run))
    return None


def _skip(run: Run, word: str, *stops: str) -> Result:
    """Jump to the first that there is of `stops`, else to the EndIf; an ElseIf is run itself, others are passed."""
    found = _ahead(run, "if", "endif")
    channel = run.channel
    if not found:
        run.warn(f"Couldn't find matching EndIf? ({word} at {channel.context}@{channel.exten}:{channel.priority})")
        return None
    stop = next((name for name in stops if name in found), "endif")
    channel.priority = found[stop] - int(stop == "elseif")
    return None


#: an ElseIf is looked for first, also behind an Else
_PARTS = ("elseif", "else")


@application(
    "If",
    module="app_if",
    syntax="If(expression)",
    synopsis="Runs what stands up to ElseIf, Else or EndIf if a condition holds",
)
def if_(run: Run, data: str) -> Result:
    return None if is_true(data) else _skip(run, "If", *_PARTS)


@application("ElseIf", module="app_if", syntax="ElseIf(expression)", synopsis="Another condition of an If")
def else_if(run: Run, data: str) -> Result:
    return None if is_true(data) else _skip(run, "ElseIf", *_PARTS)


@application("Else", module="app_if", syntax="Else()", synopsis="The other branch of an If")
def else_(run: Run, data: str) -> Result:
    return _skip(run, "Else")


@application("EndIf", module="app_if", syntax="EndIf()", synopsis="Ends the block of an If")
def end_if(run: Run, data: str) -> Result:
    return None


@application("ExitIf", module="app_if", syntax="ExitIf()", synopsis="Leaves the block of an If")
def exit_if(run: Run, data: str) -> Result:
    return _skip(run, "ExitIf")
