"""Functions and nested applications that are not there."""

from __future__ import annotations

import re

from pbx.checks.configuration import Configuration, nearest
from pbx.checks.dialplan import line_of, steps
from pbx.checks.dialplan_jumps import cut
from pbx.dialplan import registry
from pbx.dialplan.model import Extension, Priority

_READ = re.compile(r"\$\{([A-Za-z][A-Za-z0-9_]*)\(")
_WRITTEN = re.compile(r"\s*([A-Za-z][A-Za-z0-9_]*)\(")
_CALLED = re.compile(r"\s*([A-Za-z][A-Za-z0-9_]*)\s*(?:\(|\Z)")


def functions(configuration: Configuration) -> None:
    """Functions that are read or written: an unknown one reads as an empty text."""
    registry.load_all()
    for _, extension, priority in steps(configuration):
        for found in _READ.finditer(priority.data):
            function = registry.FUNCTIONS.get(found[1])
            if function is None:
                _unknown(configuration, extension, priority, found[1])
            elif function.read is None:
                _say(configuration, extension, priority, found[1], f"{found[1]} can only be written", "", "no-reader")
        if priority.application.lower() in ("set", "mset"):
            _written(configuration, extension, priority)


def _written(configuration: Configuration, extension: Extension, priority: Priority) -> None:
    found = _WRITTEN.match(cut(priority.data, "=")[0])
    if found is None:
        return
    function = registry.FUNCTIONS.get(found[1])
    if function is None:
        _unknown(configuration, extension, priority, found[1])
    elif function.write is None:
        _say(configuration, extension, priority, found[1], f"{found[1]} can only be read", "", "no-writer")


def _unknown(configuration: Configuration, extension: Extension, priority: Priority, name: str) -> None:
    near = nearest(name, registry.FUNCTIONS.names())
    message = f"there is no function {name} here (yet); it reads as an empty text"
    _say(configuration, extension, priority, name, message, f"{near}(...)" if near else "", "no-such-function")


def nested(configuration: Configuration) -> None:
    """Applications inside ExecIf, Exec and TryExec."""
    registry.load_all()
    for _, extension, priority in steps(configuration):
        name = priority.application.lower()
        calls = [priority.data] if name in ("exec", "tryexec") else []
        if name in ("execif", "execiftime"):
            yes, _, no = cut(cut(priority.data, "?")[2], ":")
            calls = [yes, no]
        for call in calls:
            found = _CALLED.match(call)
            if found is None or found[1] in registry.APPLICATIONS:
                continue
            near = nearest(found[1], registry.APPLICATIONS.names())
            message = f"there is no application {found[1]} here (yet)"
            advice = f"{near}(...)" if near else ""
            _say(configuration, extension, priority, found[1], message, advice, "no-such-application")


def _say(
    configuration: Configuration,
    extension: Extension,
    priority: Priority,
    name: str,
    message: str,
    advice: str,
    code: str,
) -> None:
    configuration.found.warning(
        configuration.place_in(priority, f"{name}("),
        message,
        text=line_of(extension, priority),
        advice=advice,
        code=code,
    )


CHECKERS = (functions, nested)
