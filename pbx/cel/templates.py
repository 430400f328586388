"""Lines of cel_custom.conf and rows of cel_sqlite3_custom.conf."""

from __future__ import annotations

import re
from collections.abc import Callable

from pbx.cdr.record import ama_name, stamp
from pbx.cdr.templates import Renderer
from pbx.cel.engine import Event

#: names of fields -> those of Event; several files have several names for the same
NAMES = {
    "eventtype": "kind", "eventenum": "enum", "usereventname": "userdeftype", "userdeftype": "userdeftype",
    "name": "cidname", "num": "cidnum", "ani": "cidani", "rdnis": "cidrdnis", "dnid": "ciddnid",
    "cidname": "cidname", "cidnum": "cidnum", "cidani": "cidani", "cidrdnis": "cidrdnis", "ciddnid": "ciddnid",
    "exten": "exten", "context": "context", "channame": "channame", "appname": "appname", "appdata": "appdata",
    "amaflags": "amaflags", "accountcode": "accountcode", "acctcode": "accountcode", "peeraccount": "peeraccount",
    "peeracct": "peeraccount", "uniqueid": "uniqueid", "linkedid": "linkedid", "userfield": "userfield",
    "peer": "peer", "bridgepeer": "peer", "eventextra": "extra", "extra": "extra",
}  # fmt: skip

_FUNCTION = re.compile(r"\$\{(CHANNEL|CALLERID)\(([A-Za-z]+)\)\}", re.IGNORECASE)
_VARIABLE = re.compile(r"\$\{(eventtype|eventtime|eventenum|userdeftype|eventextra|BRIDGEPEER)\}", re.IGNORECASE)


def event_time(when: float, form: str) -> str:
    """As cel.conf's dateformat wants it; seconds.microseconds without one."""
    return stamp(when, form=form) if form else f"{when:.6f}"


def field_value(event: Event, dateformat: str) -> Callable[[str, frozenset[str], str], str | int | float | None]:
    """The source of fields of a list."""

    def value(name: str, tags: frozenset[str], form: str) -> str | int | float | None:
        if name == "eventtime":
            if tags & {"int64", "int32", "uint32"}:
                return int(event.time)
            if tags & {"float", "double"}:
                return event.time
            return event_time(event.time, form or dateformat)
        if name == "tenantid":
            return ""
        known = NAMES.get(name)
        if known is None:
            return None
        found: str | int = getattr(event, known)
        return ama_name(int(found)) if name == "amaflags" and "amaflags" in tags else found

    return value


def prepare(template: str) -> str:
    """A template in which what belongs to the event is a variable of its own."""

    def of_function(match: re.Match[str]) -> str:
        known = NAMES.get(match[2].lower())
        return match[0] if known is None else "${CEL_" + known + "}"

    def of_variable(match: re.Match[str]) -> str:
        return "${CEL_" + NAMES.get(match[1].lower(), match[1].lower()) + "}"

    return _VARIABLE.sub(of_variable, _FUNCTION.sub(of_function, template))


def render(renderer: Renderer, prepared: str, event: Event, dateformat: str) -> str:
    """The text of a prepared template."""
    scope = renderer.scope({})
    assert scope.channel is not None
    variables = scope.channel.variables
    for known in set(NAMES.values()):
        variables[f"CEL_{known}"] = str(getattr(event, known))
    variables["CEL_eventtime"] = event_time(event.time, dateformat)
    return scope.substitute(prepared)
