"""The dialplan as the floors ask it: does this extension exist, could it still, and what runs there?"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Protocol

from pbx.channels.log import Log
from pbx.dialplan.loopback import Loopback
from pbx.dialplan.model import HINT, Context, Extension, Priority, Settings, SwitchEntry, Tables, caller_matches
from pbx.dialplan.patterns import Mode, matches
from pbx.dialplan.substitution import substitute as evaluated

_log = Log("pbx")
#: Most contexts that one look-up goes through, itself and what it includes; Asterisk's AST_PBX_MAX_STACK.
MOST_CONTEXTS = 128
#: A priority that no extension has.
NOWHERE = -(1 << 62)
#: A Loopback switch may lead to another one so many times (Asterisk has no limit and crashes).
MOST_LOOPS = 32
#: Loopback switches that one look-up asks in all: where several of a context lead in circles, they would double.
MOST_ASKED = 256


class Status(IntEnum):
    """How far a look-up came that found nothing (the interpreter's words differ by it)."""

    NO_CONTEXT = 1
    NO_EXTENSION = 2
    NO_PRIORITY = 3
    NO_LABEL = 4
    SUCCESS = 5


@dataclass(slots=True)
class Found:
    """A priority that a look-up found.

    `context` is where it stands (not the context asked, when it came by an include); the channel's CONTEXT stays the
    one asked.  With `switch` set and `priority` None, the extension is a peer's: the SwitchProvider runs it.  With
    `moved` set, a Loopback switch found it elsewhere, and the channel goes there (context, exten, priority) first.
    """

    context: Context
    extension: Extension | None
    priority: Priority | None
    switch: SwitchEntry | None = None
    #: data of the switch after variables (eswitch)
    switch_data: str = ""
    moved: tuple[str, str, int] | None = None


class SwitchProvider(Protocol):
    """What stands behind `switch => NAME/data` (IAX2; Loopback is built in).

    The questions answer at once; one that has to ask a peer first raises `Pending`, keeps the answer when it has
    come, and is asked again.
    """

    def exists(self, data: str, context: str, exten: str, priority: int, caller: str) -> bool: ...

    def can_match(self, data: str, context: str, exten: str, priority: int, caller: str) -> bool: ...

    def match_more(self, data: str, context: str, exten: str, priority: int, caller: str) -> bool: ...


#: puts in the variables of who asks
Substitute = Callable[[str], str]


@dataclass(slots=True)
class _Globals:
    """What an `eswitch` knows when no channel asks."""

    values: dict[str, str]

    def variable(self, name: str) -> str | None:
        return self.values.get(name)

    def function(self, name: str, args: str) -> str | None:
        return None


class Pending(Exception):
    """A switch has to wait for a peer: wait for `until` (a Deferred), then ask again."""

    def __init__(self, until: object) -> None:
        super().__init__("answer of a switch is awaited")
        self.until = until


@dataclass(slots=True)
class _Search:
    """One look-up on its way through the contexts."""

    exten: str
    #: number, or label
    priority: int | str
    caller: str
    mode: Mode
    substitute: Substitute | None = None
    status: Status = Status.NO_CONTEXT
    #: contexts gone through, in small letters
    seen: list[str] = field(default_factory=list)
    #: Loopback switches gone through to get here
    loops: int = 0
    #: how many were asked in all, counted by the whole look-up
    asked: list[int] = field(default_factory=lambda: [0])
    #: a switch has spoken: nothing else is looked at
    by_switch: Found | None = None


class Dialplan:
    """All contexts, what was loaded and what was added since; look-ups as Asterisk makes them.

    `wall()` gives seconds since the epoch (for timed includes).  `switches` by name in capitals.
    A look-up searches the context itself in the order of `patterns`, then its switches, then its includes, each
    context once.
    """

    def __init__(self, tables: Tables | None = None, *, wall: Callable[[], float] | None = None) -> None:
        tables = tables or Tables()
        self.contexts: dict[str, Context] = tables.contexts
        self.globals: dict[str, str] = tables.globals
        self.settings: Settings = tables.settings
        self.switches: dict[str, SwitchProvider] = {}
        self.wall = wall or time.time
        #: hints that patterns have got for extensions that were asked for, since the last load
        self.made_hints = 0
        #: switches asked for that nobody brings: said once each
        self._unknown_switches: set[str] = set()

    # ---- look-ups ------------------------------------------------------------------------------------------

    def find(
        self,
        context: str,
        exten: str,
        priority: int | str = 1,
        caller: str = "",
        *,
        substitute: Substitute | None = None,
    ) -> Found | None:
        """What runs at a priority (number) or label (text); None if there is nothing.  May raise Pending.

        `substitute` evaluates the data of an `eswitch` with the variables of the asking channel; without it there
        are only global ones.
        """
        own = self.contexts.get(context)
        if own is None:
            return None
        # the usual case first: it stands in the context itself
        best = own.best(exten)
        if best is not None:
            known = best.priorities.get(priority if isinstance(priority, int) else best.labels.get(priority, NOWHERE))
            if known is not None:
                return Found(own, best, known)
        here = _standing(own, exten, priority, caller)
        if here is not None:
            return Found(own, *here)
        if not own.switches and not own.includes:
            return None
        return self._search(context, _Search(exten, priority, caller, Mode.MATCH, substitute))

    def standing(self, context: str, exten: str, priority: int, caller: str) -> tuple[Extension, Priority] | None:
        """What `find` finds in the context itself, for who asks at each step; None: ask `find`."""
        own = self.contexts.get(context)
        if own is None:
            return None
        best = own.best(exten)
        if best is not None:
            known = best.priorities.get(priority)
            if known is not None:
                return best, known
        return _standing(own, exten, priority, caller)

    def status(self, context: str, exten: str, priority: int | str = 1, caller: str = "") -> Status:
        """How far `find` comes."""
        search = _Search(exten, priority, caller, Mode.MATCH)
        found = self._search(context, search)
        return Status.SUCCESS if found is not None else search.status

    def find_label(
        self, context: str, exten: str, label: str, caller: str = "", *, substitute: Substitute | None = None
    ) -> int | None:
        """The number of a label."""
        own = self.contexts.get(context)
        if own is not None:
            best = own.best(exten)
            number = None if best is None else best.labels.get(label)
            if best is not None and number in best.priorities:
                return number
            here = _standing(own, exten, label, caller)
            if here is not None:
                return here[1].number
        found = self.find(context, exten, label, caller, substitute=substitute)
        return found.priority.number if found is not None and found.priority is not None else None

    def exists(
        self,
        context: str,
        exten: str,
        priority: int = 1,
        caller_number: str = "",
        *,
        substitute: Substitute | None = None,
    ) -> bool:
        """Whether something runs there, as far as is known now (a switch that has to ask its peer: not)."""
        try:
            return self.find(context, exten, priority, caller_number, substitute=substitute) is not None
        except Pending:
            return False

    def can_match(
        self,
        context: str,
        exten: str,
        priority: int = 1,
        caller_number: str = "",
        *,
        substitute: Substitute | None = None,
    ) -> bool:
        """Whether it exists, or could with more digits.  May raise Pending."""
        return self._search(context, _Search(exten, priority, caller_number, Mode.CANMATCH, substitute)) is not None

    def match_more(
        self,
        context: str,
        exten: str,
        priority: int = 1,
        caller_number: str = "",
        *,
        substitute: Substitute | None = None,
    ) -> bool:
        """Whether more digits could make it another extension (so that one waits for them).  May raise Pending."""
        return self._search(context, _Search(exten, priority, caller_number, Mode.MATCHMORE, substitute)) is not None

    def has_context(self, context: str) -> bool:
        """Whether there is a context of that name (capitals count)."""
        return context in self.contexts

    def ignore_pattern(self, context: str, exten: str) -> bool:
        """Whether an `ignorepat` of the context matches."""
        found = self.contexts.get(context)
        if found is None:
            return False
        return any(matches(ignored.pattern, exten) for ignored in found.ignore_patterns)

    def hint(self, context: str, exten: str) -> str | None:
        """The text of the hint that holds for an extension (a pattern's too), variables not yet put in."""
        found = self._hint(context, exten)
        return None if found is None else found.application

    def hint_name(self, context: str, exten: str) -> str:
        """What a hint's device is called, written in brackets behind it: `Local/1@desks(Front desk)`."""
        found = self._hint(context, exten)
        return "" if found is None else found.data

    def _hint(self, context: str, exten: str) -> Priority | None:
        own = self.contexts.get(context)
        if own is None or not (own.hinted or own.switches or own.includes):
            return None
        found = self.find(context, exten, HINT)
        return None if found is None else found.priority

    def _search(self, name: str, search: _Search) -> Found | None:
        """One context: its extensions, its switches, its includes."""
        context = self.contexts.get(name)
        if context is None or len(search.seen) >= MOST_CONTEXTS:
            return None
        folded = name.lower()
        if folded in search.seen:
            return None
        if search.status < Status.NO_EXTENSION:
            search.status = Status.NO_EXTENSION
        if search.mode is Mode.MATCH:
            found = self._matching(context, search)
            if found is not None:
                return found
        else:
            found, final = self._close(context, search)
            if found is not None or final:
                return found
        if not context.switches and not context.includes:
            return None
        search.seen.append(folded)
        for switch in context.switches:
            found = self._ask_switch(context, switch, search)
            if found is not None:
                search.by_switch = found
                return found
        for include in context.includes:
            if include.timing is not None and not include.timing.holds(self.wall()):
                continue
            found = self._search(include.context, search)
            if found is not None or search.by_switch is not None:
                return found
        return None

    def _matching(self, context: Context, search: _Search) -> Found | None:
        for extension in context.matching(search.exten, search.caller, isinstance(search.priority, int)):
            priority = _priority(extension, search)
            if priority is not None:
                return Found(context, extension, priority)
        return None

    def _close(self, context: Context, search: _Search) -> tuple[Found | None, bool]:
        """(what matches or could, whether that is the last word of this context)."""
        if context.newer is not None:
            possible, last = context.newer.close(search.exten, search.caller, search.mode)
            return None if possible is None else Found(context, possible, None), last
        for key, early in context.index.close(search.exten, search.mode):
            for extension in context.group(key):
                if extension.caller is not None and not caller_matches(extension.caller, search.caller):
                    continue
                if early and search.mode is Mode.MATCHMORE:
                    return None, True
                priority = _priority(extension, search)
                if priority is not None:
                    return Found(context, extension, priority), True
        return None, False

    def _ask_switch(self, context: Context, switch: SwitchEntry, search: _Search) -> Found | None:
        data = switch.data
        if switch.evaluate:
            data = search.substitute(data) if search.substitute is not None else evaluated(data, _Globals(self.globals))
        number = search.priority if isinstance(search.priority, int) else 0
        name = switch.name.upper()
        if name == "LOOPBACK":
            return self._loop(context, switch, data, number, search)
        provider = self.switches.get(name)
        if provider is None:
            if name not in self._unknown_switches:
                self._unknown_switches.add(name)
                _log.warning(f"No such switch '{switch.name}' ({switch.place.file_line})")
            return None
        if search.mode is Mode.MATCH:
            ask = provider.exists
        else:
            ask = provider.can_match if search.mode is Mode.CANMATCH else provider.match_more
        if not ask(data, context.name, search.exten, number, search.caller):
            return None
        return Found(context, None, None, switch, data)

    def _loop(self, context: Context, switch: SwitchEntry, data: str, number: int, search: _Search) -> Found | None:
        """`switch => Loopback/...`: the same question of another place of this dialplan.

        One that leads to the context it stands in has everything, and ends each call that comes there (so a stock
        Asterisk keeps clear of the smallest of circles).
        """
        if search.loops >= MOST_LOOPS or search.asked[0] >= MOST_ASKED:
            return None
        search.asked[0] += 1
        there = Loopback.parse(data, context.name, search.exten, number)
        if there.context.lower() == context.name.lower():
            return Found(context, None, None, switch, data)
        if not there.allows(search.exten):
            return None
        inner = _Search(
            there.exten,
            there.priority,
            search.caller,
            search.mode,
            search.substitute,
            loops=search.loops + 1,
            asked=search.asked,
        )
        found = self._search(there.context, inner)
        if found is None:
            return None
        moved = found.moved or (there.context, there.exten, there.priority)
        return Found(found.context, found.extension, found.priority, found.switch, found.switch_data, moved)

    # ---- changes -------------------------------------------------------------------------------------------

    def match_newly(self, new: bool) -> Generator[None, None, bool]:
        """Turn extenpatternmatchnew on or off, context by context; gives back what was set before.

        Step by step for `pbx.slices`: a context is searched in the old order until its tree stands.  Another turn or
        a reload on the way ends it.
        """
        settings = self.settings
        before, settings.extenpatternmatchnew = settings.extenpatternmatchnew, new
        yield from self.settle()
        return before

    def settle(self) -> Generator[None, None, None]:
        """Have every context searched as the settings say, step by step."""
        settings = self.settings
        new = settings.extenpatternmatchnew
        for context in list(self.contexts.values()):
            if (context.newer is not None) == new:
                continue
            for _ in itertools.chain(context.match_newly_steps(new), (None,)):
                yield
                if self.settings is not settings or settings.extenpatternmatchnew != new:
                    return

    def context(self, name: str, registrar: str = "pbx_config") -> Context:
        """The context of that name, made if there is none."""
        found = self.contexts.get(name)
        if found is None:
            found = self.contexts[name] = Context(name, registrar=registrar)
            if self.settings.extenpatternmatchnew:
                found.match_newly(True)
        return found

    def replace(self, tables: Tables) -> None:
        """Take over a new load in one step; contexts that others than the file made stay.

        Those go on with the matcher that they had: `settle` turns them when that changed.
        """
        for name, context in self.contexts.items():
            if context.registrar != "pbx_config":
                tables.contexts.setdefault(name, context)
        self.contexts = tables.contexts
        self.globals = tables.globals
        self.settings = tables.settings
        self._unknown_switches.clear()
        self.made_hints = 0


def _standing(context: Context, exten: str, priority: int | str, caller: str) -> tuple[Extension, Priority] | None:
    """What has a priority or a label in the context itself; by extenpatternmatchnew in the first extension only."""
    for extension in context.matching(exten, caller, isinstance(priority, int)):
        known = extension.priorities.get(
            priority if isinstance(priority, int) else extension.labels.get(priority, NOWHERE)
        )
        if known is not None:
            return extension, known
    return None


def _priority(extension: Extension, search: _Search) -> Priority | None:
    wanted = search.priority
    if search.status < Status.NO_PRIORITY:
        search.status = Status.NO_PRIORITY
    if isinstance(wanted, int):
        return extension.priorities.get(wanted)
    if search.status < Status.NO_LABEL:
        search.status = Status.NO_LABEL
    number = extension.labels.get(wanted)
    return None if number is None else extension.priorities.get(number)
