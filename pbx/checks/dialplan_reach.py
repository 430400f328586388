"""What nobody can reach, what goes in circles, and what a stranger could reach that was not meant."""

from __future__ import annotations

import re

from pbx.checks.configuration import Configuration
from pbx.checks.dialplan import example
from pbx.checks.dialplan_calls import Call, calls, cut, line_of
from pbx.checks.dialplan_jumps import below
from pbx.checks.dialplan_places import places
from pbx.dialplan.model import Context, Extension
from pbx.dialplan.patterns import ANY, EARLY, class_of, key_of

_EXTEN = re.compile(r"\$\{EXTEN(?::[-0-9]*)*\}")
_FILTERED = re.compile(r"\$\{FILTER\([^{}]*\$\{[^{}]*\}[^{}]*\)\}")
#: Applications in whose data a stranger's `&`, `/` or `;` means something.
_RISKY = ("dial", "retrydial", "originate", "system", "trysystem", "chanisavail", "mixmonitor", "record")
#: Functions where it does: a shell, a file, an address
_RISKY_FUNCTIONS = re.compile(r"\b(?:SHELL|FILE|CURL|AST_CONFIG)\(")
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
    """What a context has itself is asked before all that it includes, and an include before those below it."""
    entries = _entered(configuration)
    includers: dict[str, set[str]] = {}
    for context in configuration.contexts.values():
        for include in context.includes:
            includers.setdefault(include.context, set()).add(context.name)
    walk = _Order(configuration, {name for name, by in includers.items() if len(by) == 1 and name not in entries})
    for name in configuration.contexts:
        if name not in walk.only_below:
            walk.go(name, [])


class _Order:
    """Contexts in the order in which they are asked, and what is hidden there by those before.

    `only_below` are the contexts that are asked by way of one include and not otherwise.
    """

    def __init__(self, configuration: Configuration, only_below: set[str]) -> None:
        self.configuration = configuration
        self.only_below = only_below
        self.seen: set[str] = set()

    def go(self, name: str, before: list[Context]) -> list[Context]:
        """Look at a context that is asked after those `before`; itself and all below it that are always asked."""
        context = self.configuration.contexts.get(name)
        if context is None or name in self.seen:
            return []
        self.seen.add(name)
        asked = [context]
        for include in context.includes:
            below_it = self.configuration.contexts.get(include.context)
            if below_it is None or below_it.name not in self.only_below:
                continue  # what is asked by another way too is looked at by itself
            for place in [*before, *asked]:
                for extension in below_it if len(place) else ():
                    self._look(place, below_it, extension)
            found = self.go(include.context, [*before, *asked])
            asked += found if include.timing is None else []
        return asked

    def _look(self, place: Context, below_it: Context, extension: Extension) -> None:
        inside = extension.key.removeprefix("_")
        if not inside or 1 not in extension.priorities or not (_characters(inside[0]) or frozenset()) <= _DIGITS:
            return  # s, h, i, t and names: reached by jumps, not by dialling
        found = (e for key in place.index.matching(example(extension.key)) for e in place.group(key))
        by = next((e for e in found if e.caller is None and 1 in e.priorities and covers(e.key, extension.key)), None)
        if by is None:
            return
        first = extension.in_order()[0]
        how = "which includes it" if below_it.name in {i.context for i in place.includes} else "which stands before it"
        message = (
            f"'{extension.name}' of [{below_it.name}] can never match: '{by.name}' of [{place.name}], {how}, "
            f"is asked first ({by.in_order()[0].place.file_line})"
        )
        # one that has the same name was surely meant to stand in its place
        say = self.configuration.found.notice if by.key == extension.key else self.configuration.found.warning
        say(
            first.place,
            message,
            text=line_of(extension, first),
            advice=f"'{by.name}' into a context of its own, included last",
            code="never-matches",
        )


def _is_wide(extension: Extension) -> bool:
    return extension.key[-1:] in (ANY, EARLY)


def covers(wide: str, key: str) -> bool:
    """Whether everything that a key of the index matches is matched by another one, `wide`."""
    if not wide.startswith("_"):
        return wide == key
    inside = key[1:] if key.startswith("_") else key
    last = wide[-1]
    head = wide[1:-1] if last in (ANY, EARLY) else wide[1:]
    if last not in (ANY, EARLY) and len(inside) != len(head):
        return False
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
    for call in calls(configuration):
        for _, place in places(call):
            parts = place.split(",")
            if len(parts) > 2:
                names.add(parts[0].strip())
        # a name anywhere else in data (Dial options, Local/x@context, WaitExten, DISA ...) may be a context's
        names.update(word for word in re.split(r"[^\w.-]+", call.data) if word in configuration.contexts)
    return names


def strangers_numbers(configuration: Configuration) -> None:
    """`${EXTEN}` of a caller without a login, as it came, in Dial or a shell, where `&`, `/` and `;` are no digits."""
    contexts = configuration.contexts
    open_to: dict[str, str] = {}
    for user in configuration.settings.users.values():
        if user.needs_login:
            continue
        for name in user.contexts or ("default",):
            for context in below(contexts, name):
                open_to.setdefault(context.name, user.name)
    for call in calls(configuration):
        who = open_to.get(call.context.name)
        if who is None or not call.extension.is_pattern or not _is_wide(call.extension):
            continue
        for found in _EXTEN.finditer(call.data):
            if not _risky(call, found.start()) or any(
                kept.start() < found.start() < kept.end() for kept in _FILTERED.finditer(call.data)
            ):
                continue
            message = (
                f"[{who}] of iax.conf calls in here without a login, and '{call.extension.name}' takes any characters: "
                f"{found[0]} in {call.application} may then be more than a number"
            )
            call.warn(call.at(found.start()), message, f"${{FILTER(0-9,{found[0]})}}", "unfiltered")
            break


def _risky(call: Call, at: int) -> bool:
    """Whether more than digits does harm at that place of a call's data."""
    if call.name in _RISKY or call.nested:
        return call.name in _RISKY
    opened = (found.end() for found in _RISKY_FUNCTIONS.finditer(call.data, 0, at))
    return any(start + len(cut(call.data[start:], ")")[0]) > at for start in opened)


CHECKERS = (empty_sets, circles, hidden_includes, strangers_numbers)
