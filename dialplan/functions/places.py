"""The dialplan about itself: DIALPLAN_EXISTS, VALID_EXTEN, STACK_PEEK, LOCAL, EXCEPTION, EVAL_SUB, CDR."""

from __future__ import annotations

from pbx.dialplan.arguments import fields, split
from pbx.dialplan.functions.common import c_int
from pbx.dialplan.octets import cut
from pbx.dialplan.registry import FunctionError, Suspend, function, write_only
from pbx.dialplan.scope import Scope

_STACK = "app_stack"
#: Bytes of the field of a record that is the user's own.
_USERFIELD_LIMIT = 255


def _caller(scope: Scope) -> str:
    return (scope.channel.caller.number or "") if scope.channel is not None else ""


def _priority(scope: Scope, context: str, exten: str, text: str) -> int | None:
    """A priority's number, or that of the label."""
    number = c_int(text)
    if number is not None:
        return number
    return scope.services.dialplan.find_label(context, exten, text, _caller(scope), substitute=scope.substitute)


#: Subroutines that may run within each other by functions (EVAL_SUB).
DEEPEST = 14


@function(
    "DIALPLAN_EXISTS",
    syntax="DIALPLAN_EXISTS(context[,extension[,priority]])",
    synopsis="1 if there is such a place, else 0",
    module="func_dialplan",
)
def dialplan_exists(scope: Scope, args: str) -> str:
    if not args:
        raise FunctionError("needs a context")
    context, exten, priority = fields(args, 3)
    dialplan = scope.services.dialplan
    if not (context or exten or priority):
        raise FunctionError("needs a context")
    if not exten:
        return "1" if dialplan.has_context(context) else "0"
    number = _priority(scope, context, exten, priority) if priority else 1
    found = number is not None and dialplan.exists(context, exten, number, _caller(scope), substitute=scope.substitute)
    return "1" if found else "0"


@function(
    "VALID_EXTEN",
    syntax="VALID_EXTEN([context],extension[,priority])",
    synopsis="1 if there is such an extension and priority, else 0",
    needs_channel=True,
    module="func_dialplan",
)
def valid_exten(scope: Scope, args: str) -> str:
    context, exten, priority = fields(args, 3)
    if not exten:
        raise FunctionError("needs an extension")
    if not context and scope.channel is not None:
        context = scope.channel.context
    number = (c_int(priority) or 0) if priority else 1
    found = number > 0 and scope.services.dialplan.exists(
        context, exten, number, _caller(scope), substitute=scope.substitute
    )
    return "1" if found else "0"


@function(
    "EXCEPTION",
    syntax="EXCEPTION(field)",
    synopsis="Why and where the extension `e` was called",
    arguments={"field": "reason, context, exten, priority"},
    needs_channel=True,
    module="pbx_builtins",
)
def exception(scope: Scope, args: str) -> str:
    problem = scope.problem
    if problem is None:
        raise FunctionError("there is no exception")
    match args.lower():
        case "reason":
            return problem.reason
        case "context":
            return problem.context
        case "exten":
            return problem.exten
        case "priority":
            return str(problem.priority)
    raise FunctionError(f"unknown field '{args}'")


# ---- subroutines ----------------------------------------------------------------------------------------------


@function(
    "LOCAL", syntax="LOCAL(varname)", synopsis="A variable of the present subroutine", needs_channel=True, module=_STACK
)
def local(scope: Scope, args: str) -> str:
    return (scope.variable(args) or "") if scope.frames else ""


@local.writer
def _local(scope: Scope, args: str, value: str) -> None:
    if not scope.frames:
        raise FunctionError("only inside a subroutine")
    scope.set_local(scope.frames[-1], args, value)


@function(
    "LOCAL_PEEK",
    syntax="LOCAL_PEEK(n,varname)",
    synopsis="A variable as it was n subroutines above",
    needs_channel=True,
    module=_STACK,
)
def local_peek(scope: Scope, args: str) -> str:
    depth, name = fields(args, 2)
    level = c_int(depth)
    if level is None or not name:
        raise FunctionError("needs a number and a variable")
    if level > len(scope.frames):
        return ""
    value = scope.variables.get(name)
    for frame in reversed(scope.frames):
        if level <= 0:
            break
        if name in frame.hidden:
            value = frame.hidden[name]
            level -= 1
    return value or ""


@function(
    "STACK_PEEK",
    syntax="STACK_PEEK(n,which[,suppress])",
    synopsis="Where the n-th subroutine was called from",
    arguments={"which": "l whole, c context, e extension, p priority"},
    needs_channel=True,
    module=_STACK,
)
def stack_peek(scope: Scope, args: str) -> str:
    number, which, suppress = fields(args, 3)
    level = c_int(number) or 0
    if not 0 < level <= len(scope.frames):
        if suppress:
            return ""
        raise FunctionError(f"the stack is not {number} deep")
    frame = scope.frames[-level]
    match which[:1]:
        case "l":
            return f"{frame.context},{frame.exten},{frame.priority - 1}"
        case "c":
            return frame.context
        case "e":
            return frame.exten
        case "p":
            return str(frame.priority - 1)
    raise FunctionError(f"unknown part '{which}'")


def _subroutine(scope: Scope, where: str) -> str:
    run = scope.run
    if run is None:
        raise FunctionError("needs a channel that runs the dialplan")

    if sum(frame.special for frame in scope.frames) >= DEEPEST:
        raise FunctionError(f"subroutines of functions lead to each other more than {DEEPEST} deep")

    async def call() -> str:
        scope.set("GOSUB_RETVAL", None)
        await run.subroutine(where)
        return scope.get("GOSUB_RETVAL") or ""

    raise Suspend(call)


@function(
    "EVAL_SUB",
    syntax="EVAL_SUB([[context,]extensions,]priority[(arg1[,...][,argN])])",
    synopsis="Runs a subroutine and gives what it returns",
    needs_channel=True,
    module="func_evalexten",
)
def eval_sub(scope: Scope, args: str) -> str:
    return _subroutine(scope, args)


@function(
    "EVAL_EXTEN",
    syntax="EVAL_EXTEN([[context,]extensions,]priority)",
    synopsis="The data of a priority, its variables put in, without running it",
    needs_channel=True,
    module="func_evalexten",
)
def eval_exten(scope: Scope, args: str) -> str:
    channel = scope.channel
    assert channel is not None
    if not args:
        raise FunctionError("needs [[context,]extension,]priority")
    # divided as Goto divides a place: brackets, quotes and backslashes are characters; what is empty is here
    *place, text = args.split(",")[:3]
    context, exten = ([""] * (2 - len(place)) + place)[:2]
    context, exten = context or channel.context, exten or channel.exten
    priority = _priority(scope, context, exten, text)
    ask = scope.services.dialplan.find
    found = None if priority is None else ask(context, exten, priority, _caller(scope), substitute=scope.substitute)
    if found is None or found.priority is None:
        raise FunctionError(f"there is no {args}")
    # as if the channel were there: ${EXTEN} and its kin
    here = channel.context, channel.exten, channel.priority
    channel.context, channel.exten, channel.priority = context, exten, priority or 0
    try:
        return scope.substitute_nested(found.priority.data)
    finally:
        channel.context, channel.exten, channel.priority = here


# ---- call records ------------------------------------------------------------------------------------------------


@function(
    "CDR",
    syntax="CDR(name[,options])",
    synopsis="A field of the call's record",
    needs_channel=True,
    module="func_cdr",
)
def cdr(scope: Scope, args: str) -> str:
    assert scope.channel is not None
    name = split(args, 2)[0] if args else ""
    if scope.services.cdr_read is not None:
        return scope.services.cdr_read(scope.channel, args) or ""
    channel = scope.channel
    builtin = {
        "disposition": "NO ANSWER",
        "accountcode": channel.accountcode,
        "dst": channel.exten,
        "dcontext": channel.context,
        "channel": channel.name,
        "uniqueid": channel.uniqueid,
        "linkedid": channel.linkedid,
        "lastapp": channel.application,
        "lastdata": channel.data,
        "clid": channel.caller.text,
        "src": channel.caller.number or "",
        "userfield": scope.notes.get("channel.userfield", ""),
    }.get(name.lower())
    return builtin or str(scope.notes.get("cdr", {}).get(name.lower(), ""))


@cdr.writer
def _cdr(scope: Scope, args: str, value: str) -> None:
    assert scope.channel is not None
    name = args.partition(",")[0]
    if name.lower() == "userfield":
        value = cut(value, _USERFIELD_LIMIT)
    if scope.services.cdr_write is not None:
        scope.services.cdr_write(scope.channel, name, value)
    elif name.lower() == "userfield":
        scope.notes["channel.userfield"] = value
    elif name.lower() == "accountcode":
        scope.channel.accountcode = value
    else:
        scope.notes.setdefault("cdr", {})[name.lower()] = value


@write_only(
    "CDR_PROP", syntax="CDR_PROP(name)", synopsis="Settings of the call's record", needs_channel=True, module="func_cdr"
)
def cdr_prop(scope: Scope, args: str, value: str) -> None:
    assert scope.channel is not None
    if scope.services.cdr_property is not None:
        scope.services.cdr_property(scope.channel, args, value)
