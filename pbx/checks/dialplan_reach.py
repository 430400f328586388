"""What nobody can reach, what goes in circles, and what a stranger could reach that was not meant."""

from __future__ import annotations

import re

from pbx.checks.configuration import Configuration
from pbx.checks.dialplan import line_of, steps
from pbx.checks.dialplan_jumps import below, places
from pbx.conf.diagnostics import Place
from pbx.dialplan.model import Context, Extension
from pbx.dialplan.patterns import ANY, EARLY, class_of, key_of

_EXTEN = re.compile(r"\$\{EXTEN(?::[-0-9]*)*\}")
_FILTERED = re.compile(r"\$\{FILTER\([^{}]*\$\{[^{}]*\}[^{}]*\)\}")
#: Applications in whose data a stranger's `&`, `/` or `;` means something.
_RISKY = ("dial", "retrydial", "originate", "system", "trysystem", "chanisavail")
_DIGITS = frozenset("0123456789")


def empty_sets(configuration: Configuration) -> None:
    """A pattern with a set that holds nothing (`[5-1]`) matches nothing."""
    for context in configuration.contexts.values():
        for extension in context:
            if not extension.is_pattern or key_of(extension.name)[1]:
                continue
            first = extension.in_order()[0]
            message = f"'{extension.name}' can never match: a set in it holds no character"
            advice = "a range from the lower to the higher character, as in [1-5]"
            configuration.found.warning(
                first.place, message, text=line_of(extension, first), advice=advice, code="never-matches"
            )


def circles(configuration: Configuration) -> None:
    """Contexts that include each other: Asterisk bears it, but nobody meant it."""
    contexts = configuration.contexts
    done: set[str] = set()
    for name in contexts:
        _circle(configuration, name, [], done)


def _circle(configuration: Configuration, name: str, path: list[str], done: set[str]) -> None:
    context = configuration.contexts.get(name)
    if context is None or name in done:
        return
    path.append(name)
    for include in context.includes:
        if include.context in path:
            ring = [*path[path.index(include.context) :], include.context]
            message = f"contexts include each other in a circle: {' > '.join(ring)}"
            configuration.found.warning(
                include.place,
                message,
                text=f"include => {include.text}",
                advice="take one of the includes away",
                code="include-circle",
            )
        elif len(path) < 200:
            _circle(configuration, include.context, path, done)
    path.pop()
    done.add(name)


def hidden_includes(configuration: Configuration) -> None:
    """A context's own `_X.` is asked before everything that it includes."""
    entries = _entered(configuration)
    includers: dict[str, set[str]] = {}
    for context in configuration.contexts.values():
        for include in context.includes:
            includers.setdefault(include.context, set()).add(context.name)
    for context in configuration.contexts.values():
        catchers = [e for e in context if e.is_pattern and e.caller is None and 1 in e.priorities and _is_wide(e)]
        for include in context.includes if catchers else ():
            below_it = configuration.contexts.get(include.context)
            if below_it is None or below_it.name in entries or includers[below_it.name] != {context.name}:
                continue
            _hidden(configuration, context, catchers, below_it)


def _hidden(configuration: Configuration, context: Context, catchers: list[Extension], below_it: Context) -> None:
    for extension in below_it:
        by = next((e for e in catchers if covers(e.key, extension.key)), None)
        if by is None or not extension.key.lstrip("_")[:1]:
            continue
        first = extension.in_order()[0]
        place = by.in_order()[0].place
        message = (
            f"'{extension.name}' of [{below_it.name}] can never match: '{by.name}' of [{context.name}], which includes "
            f"it, is asked first ({place.file_line})"
        )
        advice = f"'{by.name}' into a context of its own, included last"
        configuration.found.warning(
            first.place, message, text=line_of(extension, first), advice=advice, code="never-matches"
        )


def _is_wide(extension: Extension) -> bool:
    return extension.key[-1:] in (ANY, EARLY)


def covers(wide: str, key: str) -> bool:
    """Whether everything that a key matches is matched by `wide`, a key that ends with `.` or `!`."""
    inside = key[1:] if key.startswith("_") else key
    if not inside or not (_characters(inside[0]) or frozenset()) <= _DIGITS:
        return False  # s, h, i, t and names: reached by jumps, not by dialling
    head, last = wide[1:-1], wide[-1]
    for at, position in enumerate(head):
        if at >= len(inside):
            return False
        mine, theirs = _characters(inside[at]), _characters(position)
        if mine is None or theirs is None or not mine <= theirs:
            return False
    rest = inside[len(head) :]
    return bool(rest and rest[0] != EARLY) if last == ANY else True


def _characters(position: str) -> frozenset[str] | None:
    """What a position takes; None: anything."""
    if position in (ANY, EARLY):
        return None
    found = class_of(position)
    return frozenset(position) if found is None else found.members


def _entered(configuration: Configuration) -> set[str]:
    """Contexts that calls come into otherwise than by an include; everything a variable could name counts in."""
    names = {name for user in configuration.settings.users.values() for name in user.contexts or ("default",)}
    names.add("default")
    for _, _, priority in steps(configuration):
        for place in places(priority.application, priority.data):
            parts = place.split(",")
            if len(parts) > 2:
                names.add(parts[0].strip())
        # a name anywhere else in data (Dial options, Local/x@context, WaitExten, DISA ...) may be a context's
        names.update(word for word in re.split(r"[^\w.-]+", priority.data) if word in configuration.contexts)
    return names


def strangers_numbers(configuration: Configuration) -> None:
    """`${EXTEN}` of a caller without a login, put into Dial as it came: `&`, `/` and `;` in it are more than digits."""
    contexts = configuration.contexts
    open_to: dict[str, str] = {}
    for user in configuration.settings.users.values():
        if user.needs_login:
            continue
        for name in user.contexts or ("default",):
            for context in below(contexts, name):
                open_to.setdefault(context.name, user.name)
    for context, extension, priority in steps(configuration):
        who = open_to.get(context.name)
        if who is None or not extension.is_pattern or not _is_wide(extension):
            continue
        risky = priority.application.lower() in _RISKY
        found = _EXTEN.search(_FILTERED.sub("", priority.data)) if risky else None
        if found is None:
            continue
        message = (
            f"[{who}] of iax.conf calls in here without a login, and '{extension.name}' takes any characters: "
            f"{found[0]} in {priority.application} may then be more than a number"
        )
        place: Place = configuration.place_in(priority, found[0])
        configuration.found.warning(
            place,
            message,
            text=line_of(extension, priority),
            advice=f"${{FILTER(0-9,{found[0]})}}",
            code="unfiltered",
        )


CHECKERS = (empty_sets, circles, hidden_includes, strangers_numbers)
