"""Functions that choose: IF, IFTIME, ISNULL, EXISTS, SET, and what is known of variables."""

from __future__ import annotations

from pbx.dialplan.arguments import split
from pbx.dialplan.expressions import is_true
from pbx.dialplan.registry import FUNCTIONS, FunctionError, function, write_only
from pbx.dialplan.scope import Scope
from pbx.dialplan.times import Timing

_LOGIC = "func_logic"
_GLOBAL = "func_global"


@function("ISNULL", syntax="ISNULL(data)", synopsis="1 if there is nothing, else 0", module=_LOGIC)
def isnull(scope: Scope, args: str) -> str:
    return "0" if args else "1"


@function("EXISTS", syntax="EXISTS(data)", synopsis="1 if there is something, else 0", module=_LOGIC)
def exists(scope: Scope, args: str) -> str:
    return "1" if args else "0"


@function("SET", syntax="SET(varname=[value])", synopsis="Sets a variable and gives its value", module=_LOGIC)
def set_(scope: Scope, args: str) -> str:
    name, equals, value = args.partition("=")
    if not equals or not name.strip():
        raise FunctionError("needs varname=value")
    value = value.strip()
    scope.set(name.strip(), value)
    return value


@function("IF", syntax="IF(expression?[true][:false])", synopsis="One of two values", module=_LOGIC)
def if_(scope: Scope, args: str) -> str:
    parts = split(args, 2, "?")
    if len(parts) < 2 or not parts[0]:
        raise FunctionError("needs expression?true:false")
    values = [*split(parts[1], 2, ":"), "", ""]
    return values[0 if is_true(parts[0].strip()) else 1].strip()


@function(
    "IFTIME",
    syntax="IFTIME(timespec?[true][:false])",
    synopsis="One of two values, by the time of day",
    module=_LOGIC,
)
def iftime(scope: Scope, args: str) -> str:
    times, question, values = args.partition("?")
    if not times or not question:
        raise FunctionError("needs timespec?true:false")
    yes, _, no = values.partition(":")
    timing = Timing.parse(times)
    # (TESTTIME is for GotoIfTime alone)
    value = (yes if timing is not None and timing.holds(scope.services.switch.wall()) else no).strip()
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] == '"' else value


@function(
    "IFMODULE", syntax="IFMODULE(modulename.so)", synopsis="1 if a module is loaded, else 0", module="func_module"
)
def ifmodule(scope: Scope, args: str) -> str:
    loaded = scope.services.shared.get("modules")
    name = args.removesuffix(".so")
    if not name:
        return "0"
    if loaded is None:
        return "1" if any(entry.module == name for entry in FUNCTIONS) else "0"
    return "1" if name in loaded else "0"


# ---- variables ------------------------------------------------------------------------------------------


@function(
    "VARIABLE_EXISTS", syntax="VARIABLE_EXISTS(varname)", synopsis="1 if a variable is set, else 0", module=_LOGIC
)
def variable_exists(scope: Scope, args: str) -> str:
    return "1" if args in scope.variables or args in scope.globals else "0"


@write_only("DELETE", syntax="DELETE(varname)", synopsis="Written: takes a variable away", module=_GLOBAL)
def delete(scope: Scope, args: str, value: str) -> None:
    scope.set(args, None)


@function("GLOBAL", syntax="GLOBAL(varname)", synopsis="A global variable", module=_GLOBAL)
def global_(scope: Scope, args: str) -> str:
    return scope.globals.get(args) or ""


@global_.writer
def _global(scope: Scope, args: str, value: str) -> None:
    if args.endswith(")"):
        scope.write(args, value)
    else:
        scope.set_global(args, value)


@function("GLOBAL_EXISTS", syntax="GLOBAL_EXISTS(varname)", synopsis="1 if a global variable is set", module=_GLOBAL)
def global_exists(scope: Scope, args: str) -> str:
    return "1" if args in scope.globals else "0"


@write_only("GLOBAL_DELETE", syntax="GLOBAL_DELETE(varname)", synopsis="Written: takes a global away", module=_GLOBAL)
def global_delete(scope: Scope, args: str, value: str) -> None:
    scope.set_global(args, None)


def _shared_scope(scope: Scope, args: str) -> tuple[str, Scope]:
    """(variable, scope of the channel that shares it) of SHARED's arguments."""
    from pbx.dialplan.scope import scope_of

    name, _, other = args.partition(",")
    if not name:
        raise FunctionError("needs a variable")
    if not other:
        return name, scope
    channel = scope.services.switch.channel(other)
    if channel is None:
        raise FunctionError(f"there is no channel '{other}'")
    return name, scope_of(scope.services, channel)


@function(
    "SHARED",
    syntax="SHARED(varname[,channel])",
    synopsis="A variable that a channel shares with others",
    needs_channel=True,
    module=_GLOBAL,
)
def shared(scope: Scope, args: str) -> str:
    name, owner = _shared_scope(scope, args)
    return owner.shared.get(name, "")


@shared.writer
def _shared(scope: Scope, args: str, value: str) -> None:
    name, owner = _shared_scope(scope, args)
    owner.shared.pop(name.lstrip("_"), None)
    owner.shared[name.lstrip("_")] = value


@write_only(
    "TESTTIME",
    syntax="TESTTIME(date,time[,zone])",
    synopsis="Written: a time that conditions take for the present one on this channel",
    module="func_strings",
)
def testtime(scope: Scope, args: str, value: str) -> None:
    import re

    from pbx.dialplan.zones import zone

    text = value.strip()
    if text == "0" or not text:
        scope.set("TESTTIME", None)
        return
    match = re.match(r"(\d+)[/-](\d+)[/-](\d+)[ T,]+(\d+):(\d+)(?::(\d+))?\s*,?\s*(\S*)", text)
    if match is None:
        raise FunctionError(f"'{text}' is no date and time")
    import calendar

    shown = calendar.timegm((*(int(match[n]) for n in range(1, 6)), int(match[6] or 0)))
    scope.set("TESTTIME", str(zone(match[7]).moment(shown) or 0))
