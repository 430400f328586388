"""Slips in extensions.conf: behaviour stays Asterisk's, but they are named."""

from __future__ import annotations

import re

from pbx.checks import former
from pbx.checks.configuration import Configuration, nearest
from pbx.checks.dialplan_calls import calls, line_of, steps
from pbx.dialplan import registry
from pbx.dialplan.model import HINT, Context, Extension
from pbx.dialplan.patterns import ANY, EARLY, class_of

# Numbers this high are begun at by a Goto, as the sample's subroutines are.
SUBROUTINE = 100
# Only digits, X, Z, N, dots, sets: surely meant as a pattern.
_PATTERN_LIKE = re.compile(r"(?=.*[XZN.!\[])[0-9*#+XZN.!\[\]\-]{2,}")
_NOT_CHECKED = re.compile(r"[${]")


def forgotten_underscores(configuration: Configuration) -> None:
    """`exten => 1XX` is the name 1XX; a pattern begins with `_`."""
    for context in configuration.contexts.values():
        for extension in context:
            if extension.is_pattern or not _PATTERN_LIKE.fullmatch(extension.name):
                continue
            first = extension.in_order()[0]
            message = f"'{extension.name}' is taken as a name, letter by letter: a pattern begins with '_'"
            advice = f"exten => _{extension.name},..."
            configuration.found.warning(
                first.place, message, text=line_of(extension, first), advice=advice, code="no-underscore"
            )


def applications(configuration: Configuration) -> None:
    """Applications that are not there: the call ends when it comes to them."""
    registry.load_all()
    for call in calls(configuration):
        name = call.application
        if name in registry.APPLICATIONS or _NOT_CHECKED.search(name):
            continue
        message = f"there is no application {name or '(none)'} here (yet); a call that comes to it ends"
        advice = former.advice(name, call.data)
        if not advice:
            near = nearest(name, registry.APPLICATIONS.names())
            advice = f"{near}({call.data})" if near else ""
        call.warn(call.name_place, message, advice, "no-such-application")


def gaps(configuration: Configuration) -> None:
    """An extension without priority 1 is never entered; a hole ends the call."""
    for context in configuration.contexts.values():
        for extension in context:
            numbers = sorted(n for n in extension.priorities if n != HINT)
            if not numbers or not extension.priorities[numbers[0]].line:
                continue
            missing = next((n for n in range(1, numbers[-1]) if n not in extension.priorities), 0)
            if not missing or numbers[0] >= SUBROUTINE or _elsewhere(configuration, context, extension, missing):
                continue
            after = extension.priorities[next(n for n in numbers if n > missing)]
            if missing == 1:
                message = f"{extension.name} in [{context.name}] has no priority 1, so calls don't find it"
                severity = configuration.found.warning
            else:
                message = f"{extension.name} in [{context.name}] has no priority {missing}; a call ends there"
                severity = configuration.found.notice
            severity(
                after.place, message, text=line_of(extension, after), advice=f"priority {missing}, or n", code="gap"
            )


def _elsewhere(configuration: Configuration, context: Context, extension: Extension, number: int) -> bool:
    """Whether another extension gives that priority to numbers that this one takes."""
    dialled = example(extension.key)
    seen = {id(extension)}
    places = [context, *(configuration.contexts[i.context] for i in context.includes
                         if i.context in configuration.contexts)]  # fmt: skip
    for place in places:
        for key in place.index.matching(dialled):
            if any(number in e.priorities for e in place.group(key) if id(e) not in seen):
                return True
    return False


def example(key: str) -> str:
    """A number that a key of the index takes."""
    if not key.startswith("_"):
        return key
    sets = [class_of(position) for position in key[1:]]
    plain = zip(key[1:], sets, strict=True)
    return "".join(min(found.members) if found else "5" if position in (ANY, EARLY) else position
                   for position, found in plain)  # fmt: skip


def braces(configuration: Configuration) -> None:
    """`${` and `$[` that are never closed."""
    for _, extension, priority in steps(configuration):
        for mark, end in (("${", "}"), ("$[", "]")):
            if priority.data.count(mark) > priority.data.count(end):
                message = f"a '{mark}' is not closed"
                configuration.found.warning(
                    configuration.place_in(priority, priority.data[priority.data.rfind(mark) :]),
                    message,
                    text=line_of(extension, priority),
                    advice=f"{mark}...{end}",
                    code="unclosed",
                )


CHECKERS = (forgotten_underscores, applications, gaps, braces)
