"""What a dialplan holds and pbx does not do (yet): said when it is loaded, not first when a call comes to it."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from functools import cache
from typing import Any

from pbx.conf.diagnostics import Diagnostics
from pbx.dialplan import registry
from pbx.dialplan.arguments import parse_options, split
from pbx.dialplan.model import HINT, Extension, Priority, Tables

#: priorities looked at in one step
STEP = 200
#: lines that are named for each missing thing; the rest are counted
MOST_NAMED = 10
_FUNCTION = re.compile(r"\$\{([A-Za-z][A-Za-z0-9_]*)\(")


def look(tables: Tables, findings: Diagnostics) -> Generator[None, None, None]:
    """Name each application, function and option letter that does nothing here: one notice for each, with its lines.

    A generator that yields now and then, so that a long dialplan holds nothing up.
    """
    seen: dict[tuple[str, str], list[Priority]] = {}
    count = 0
    for extension in _extensions(tables):
        for number, priority in list(extension.priorities.items()):
            if number == HINT or not priority.line:
                continue
            for missing in _missing(priority):
                seen.setdefault((missing, priority.file), []).append(priority)
            count += 1
            if not count % STEP:
                yield
    for (missing, _), priorities in seen.items():
        findings.notice(priorities[0].place, missing + _others(priorities), code="no-effect")


def _extensions(tables: Tables) -> Iterator[Extension]:
    """As they were written: to put them in the order of search would take long at once."""
    for context in list(tables.contexts.values()):
        for key in list(context.group_keys()):
            yield from context.group(key)


def _others(priorities: list[Priority]) -> str:
    """The further lines, ` (also in line 3, 4)`."""
    lines = sorted({priority.line for priority in priorities[1:]} - {priorities[0].line})
    if not lines:
        return ""
    named = ", ".join(str(line) for line in lines[:MOST_NAMED])
    more = f" and {len(lines) - MOST_NAMED} more" if len(lines) > MOST_NAMED else ""
    return f" (also in line {named}{more})"


def _why(table: registry.Table[Any], name: str) -> str:
    module = table.withdrawn(name)
    return f"(modules.conf says noload => {module}.so)" if module else "(yet)"


def _missing(priority: Priority) -> Iterator[str]:
    name, data = priority.application, priority.data
    if "${" in data:
        for found in _FUNCTION.finditer(data):
            if registry.FUNCTIONS.get(found[1]) is None:
                why = _why(registry.FUNCTIONS, found[1])
                yield f"there is no function {found[1]} here {why}; it reads as an empty text"
    application = registry.APPLICATIONS.get(name)
    if application is None:
        if name and "${" not in name:
            why = _why(registry.APPLICATIONS, name)
            yield f"there is no application {name} here {why}; a call that comes to it ends"
        return
    at, known = _letters(application.name)
    if at < 0 or data.count(",") < at:
        return
    arguments = split(data, raw=True)
    if at >= len(arguments) or "$" in arguments[at]:
        return
    for letter in parse_options(arguments[at])[0]:
        if letter in known:
            text = known[letter]
            if text:
                yield f"{application.name}'s option {letter} has no effect: {text}"
        elif not letter.isspace():
            yield f"{application.name} has no option '{letter}'; it is ignored"


@cache
def _letters(name: str) -> tuple[int, dict[str, str]]:
    """Which argument holds the letters of an application (-1: none), and why each has no effect (empty: it has)."""
    application = registry.APPLICATIONS.get(name)
    if application is None or not application.options or any(len(o.letter) > 1 for o in application.options):
        return -1, {}
    inside = application.syntax.partition("(")[2].removesuffix(")")
    names = [part.strip("[]") for part in inside.replace("[,", ",[").split(",")]
    at = names.index("options") if "options" in names else -1
    return at, {o.letter: o.text if o.text.startswith("accepted") else "" for o in application.options}
