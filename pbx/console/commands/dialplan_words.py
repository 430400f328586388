"""Tab completion of the dialplan commands: what could stand at each place, as a stock Asterisk offers it.

It offers more where a stock box has nothing (applications of a new extension, functions, variables) or too little
(hints among the priorities, the contexts of an ignore pattern).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from pbx.console.registry import Completer, Context
from pbx.dialplan.dialplan import Dialplan
from pbx.dialplan.model import HINT, Extension
from pbx.dialplan.model import Context as DialplanContext
from pbx.dialplan.patterns import BadPattern
from pbx.dialplan.registry import APPLICATIONS, FUNCTIONS

#: choices that are offered at most
MOST_CHOICES = 500


def dialplan_of(context: Context) -> Dialplan:
    """The dialplan that runs."""
    return context.pbx.dialplan.services.dialplan


def arguments(own: int, *each: Completer | str) -> Completer:
    """The completion of a command of `own` words: for each argument what offers its words, or the one word it is."""

    def complete(context: Context, before: list[str], prefix: str) -> Iterable[str]:
        place = len(before) - own
        if not 0 <= place < len(each):
            return []
        offered = each[place]
        return [offered] if isinstance(offered, str) else offered(context, before, prefix)

    return complete


# ---- contexts ----------------------------------------------------------------------------------------------


def contexts(context: Context, before: list[str], prefix: str) -> list[str]:
    """Names of contexts."""
    return list(dialplan_of(context).contexts)


def places(context: Context, before: list[str], prefix: str) -> list[str]:
    """Names of contexts, behind `NUMBER@` too."""
    number, at, _ = prefix.partition("@")
    names = contexts(context, before, prefix)
    return [f"{number}@{name}" for name in names] if at else names


def _includes(place: DialplanContext, name: str) -> bool:
    return any(include.text == name for include in place.includes)


def _ignores(place: DialplanContext, pattern: str) -> bool:
    return any(ignored.pattern == pattern for ignored in place.ignore_patterns)


def not_including(context: Context, before: list[str], prefix: str) -> list[str]:
    """The contexts that `add include X into` would change: neither X nor one that includes it."""
    wanted = before[3]
    found = dialplan_of(context).contexts.values()
    return [place.name for place in found if place.name != wanted and not _includes(place, wanted)]


def included(context: Context, before: list[str], prefix: str) -> list[str]:
    """What any context includes."""
    return [include.text for place in dialplan_of(context).contexts.values() for include in place.includes]


def including(context: Context, before: list[str], prefix: str) -> list[str]:
    """The contexts that include the fourth word."""
    return [place.name for place in dialplan_of(context).contexts.values() if _includes(place, before[3])]


def from_including(context: Context, before: list[str], prefix: str) -> list[str]:
    """`from`, behind something that is included somewhere."""
    return ["from"] if including(context, before, prefix) else []


def not_ignoring(context: Context, before: list[str], prefix: str) -> list[str]:
    """The contexts that have no such ignore pattern."""
    return [place.name for place in dialplan_of(context).contexts.values() if not _ignores(place, before[3])]


def ignored(context: Context, before: list[str], prefix: str) -> list[str]:
    """All ignore patterns."""
    return [one.pattern for place in dialplan_of(context).contexts.values() for one in place.ignore_patterns]


def ignoring(context: Context, before: list[str], prefix: str) -> list[str]:
    """The contexts that have such an ignore pattern."""
    return [place.name for place in dialplan_of(context).contexts.values() if _ignores(place, before[3])]


# ---- extensions --------------------------------------------------------------------------------------------


def _written(extension: Extension) -> str:
    return extension.name if extension.caller is None else f"{extension.name}/{extension.caller}"


def extensions(context: Context, before: list[str], prefix: str) -> list[str]:
    """`exten[/cid]@context` of all extensions that begin so."""
    found = (
        text
        for place in dialplan_of(context).contexts.values()
        for extension in place.unordered()
        # the first look is cheap, and most fail it
        if (name := extension.name).startswith(prefix) or prefix.startswith(name)
        if (text := f"{_written(extension)}@{place.name}").startswith(prefix)
    )
    return list(itertools.islice(found, MOST_CHOICES))


def priorities(context: Context, before: list[str], prefix: str) -> list[str]:
    """The priorities of `exten[/cid]@context`; without /cid those for all callers and for each."""
    exten, _, name = before[3].rpartition("@")
    exten, slash, caller = exten.partition("/")
    place = dialplan_of(context).contexts.get(name)
    try:
        named = place.named(exten) if place is not None else ()
    except BadPattern:
        return []
    own = [extension for extension in named if not slash or extension.caller == caller]
    return ["hint" if number == HINT else str(number) for extension in own for number in extension.priorities]


def hinted(context: Context, before: list[str], prefix: str) -> list[str]:
    """The extensions that have a hint."""
    every = (e for place in dialplan_of(context).contexts.values() for e in place.unordered())
    return list(
        itertools.islice((e.name for e in every if e.hint is not None and e.name.startswith(prefix)), MOST_CHOICES)
    )


def new_extension(context: Context, before: list[str], prefix: str) -> list[str]:
    """`exten,priority,` with the names of applications behind it."""
    if prefix.count(",") != 2:
        return []
    head = prefix.rpartition(",")[0]
    return [f"{head},{name}" for name in APPLICATIONS.names()]


# ---- variables, functions, channels --------------------------------------------------------------------------


def channels(context: Context, before: list[str], prefix: str) -> list[str]:
    """Names of channels."""
    return [channel.name for channel in context.pbx.switch.channels()]


def all_or_channels(context: Context, before: list[str], prefix: str) -> list[str]:
    """`all`, and names of channels."""
    return ["all", *channels(context, before, prefix)]


def channel_variables(context: Context, before: list[str], prefix: str) -> list[str]:
    """The variables that the channel before has."""
    channel = context.pbx.switch.channel(before[-1])
    return [] if channel is None else list(channel.variables)


def global_variables(context: Context, before: list[str], prefix: str) -> list[str]:
    """Names of global variables."""
    return list(dialplan_of(context).globals)


def function_calls(context: Context, before: list[str], prefix: str) -> list[str]:
    """Names of functions with the bracket that follows."""
    return [f"{name}(" for name in FUNCTIONS.names()]
