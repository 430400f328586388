"""Functions that are not there, or not in that direction."""

from __future__ import annotations

import re

from pbx.checks.configuration import Configuration, nearest
from pbx.checks.dialplan_calls import calls, cut, divided
from pbx.conf.diagnostics import Place
from pbx.dialplan import registry

_READ = re.compile(r"\$\{([A-Za-z][A-Za-z0-9_]*)\(")
_WRITTEN = re.compile(r"\s*([A-Za-z][A-Za-z0-9_]*)\(")


def reads(configuration: Configuration) -> None:
    """Functions in `${...}`, wherever variables are put in: an unknown one reads as an empty text."""
    registry.load_all()
    # a template's lines stand in each section that inherits them
    seen: set[tuple[str, int]] = set()
    for section in configuration.document("extensions.conf"):
        for entry in section:
            if "${" not in entry.value or (entry.file, entry.line) in seen:
                continue
            seen.add((entry.file, entry.line))
            for found in _READ.finditer(entry.value):
                function = registry.FUNCTIONS.get(found[1])
                place = Place(entry.file, entry.line, entry.value_column + found.start(1))
                if function is None:
                    _unknown(configuration, place, entry.text, found[1])
                elif function.read is None:
                    message = f"{found[1]} can only be written"
                    configuration.found.warning(place, message, text=entry.text, code="no-reader")


def writes(configuration: Configuration) -> None:
    """Functions that Set and MSet write."""
    registry.load_all()
    for call in calls(configuration):
        if call.name not in ("set", "mset"):
            continue
        for start, text in divided(call.data) if call.name == "mset" else [(0, call.data)]:
            found = _WRITTEN.match(cut(text, "=")[0])
            if found is None:
                continue
            function, place = registry.FUNCTIONS.get(found[1]), call.at(start + found.start(1))
            if function is None:
                _unknown(configuration, place, call.text, found[1])
            elif function.write is None:
                call.warn(place, f"{found[1]} can only be read", "", "no-writer")


def _unknown(configuration: Configuration, place: Place, line: str, name: str) -> None:
    near = nearest(name, registry.FUNCTIONS.names())
    message = f"there is no function {name} here (yet); it reads as an empty text"
    advice = f"{near}(...)" if near else ""
    configuration.found.warning(place, message, text=line, advice=advice, code="no-such-function")


CHECKERS = (reads, writes)
