"""The dialplan in memory: contexts, extensions, priorities, includes, switches, each with the line it came from."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, KeysView
from dataclasses import dataclass, field
from heapq import merge
from typing import TYPE_CHECKING

from pbx.conf.diagnostics import Place
from pbx.dialplan.newmatcher import NewIndex
from pbx.dialplan.patterns import MEMO, BadPattern, Index, clean_name, key_of, matches, sort_key

if TYPE_CHECKING:
    from pbx.dialplan.times import Timing

#: Priority number under which a hint is kept.
HINT = -1
#: What most extensions have; never written.
_NO_LABELS: dict[str, int] = {}
#: The place of what came from no file.
NOWHERE = Place("")


class Priority:
    """One line of an extension: `application(data)` at a number, maybe with a label.

    `data` is as written (not substituted).  `registrar` is `pbx_config` for what the file holds, else who added it.
    `origin` is `file:line` as Asterisk shows it where that is something else, else empty.
    """

    __slots__ = ("application", "column", "data", "file", "label", "line", "number", "origin", "registrar")

    def __init__(
        self,
        number: int,
        application: str,
        data: str = "",
        label: str | None = None,
        file: str = "",
        line: int = 0,
        column: int = 1,
        registrar: str = "pbx_config",
        origin: str = "",
    ) -> None:
        self.number = number
        self.application = application
        self.data = data
        self.label = label
        self.file = file
        self.line = line
        self.column = column
        self.registrar = registrar
        self.origin = origin

    @property
    def place(self) -> Place:
        """Where it was written (line 0: it came from no file)."""
        return Place(self.file, self.line, self.column)

    def __repr__(self) -> str:
        return f"<Priority {self.number} {self.application}({self.data}) {self.file}:{self.line}>"


class Extension:
    """A name or pattern of a context, for all callers or for those that match `caller`.

    `name` is as written and shown, `key` what is compared (without the dashes that are only there to be read),
    `caller` None without caller-ID match, "" for callers without a number.
    `priorities` by number; a hint is number `HINT`; `labels` label -> number.
    """

    __slots__ = ("caller", "key", "labels", "name", "priorities")

    def __init__(self, name: str, key: str, caller: str | None = None) -> None:
        self.name = name
        self.key = key
        self.caller = caller
        self.priorities: dict[int, Priority] = {}
        self.labels: dict[str, int] = _NO_LABELS

    @property
    def is_pattern(self) -> bool:
        return self.name.startswith("_")

    @property
    def hint(self) -> Priority | None:
        """The hint; its `application` is the text of it (`IAX2/100&Custom:x,CustomPresence:y`)."""
        return self.priorities.get(HINT)

    def put(self, priority: Priority) -> None:
        """Set a priority and its label; of two equal labels the first stays."""
        self.priorities[priority.number] = priority
        if priority.label is not None:
            if self.labels is _NO_LABELS:
                self.labels = {}
            self.labels.setdefault(priority.label, priority.number)

    def in_order(self) -> list[Priority]:
        """Hint first, then by number."""
        return [self.priorities[n] for n in sorted(self.priorities)]

    def __repr__(self) -> str:
        return f"<Extension {self.name}{'' if self.caller is None else '/' + self.caller}>"


@dataclass(slots=True)
class Include:
    """`include => context[,times]`.  `timing` None: always."""

    context: str
    text: str
    timing: Timing | None = None
    place: Place = NOWHERE
    registrar: str = "pbx_config"


@dataclass(slots=True)
class SwitchEntry:
    """`switch|lswitch|eswitch => name/data`; `evaluate`: variables of the channel go into `data` (eswitch)."""

    name: str
    data: str
    evaluate: bool = False
    place: Place = NOWHERE
    registrar: str = "pbx_config"


@dataclass(slots=True)
class IgnorePattern:
    """`ignorepat => pattern`: dial tone goes on after it."""

    pattern: str
    place: Place = NOWHERE
    registrar: str = "pbx_config"


#: extensions, or steps of a tree, that are worked on in one go
STEP = 64
#: extensions that are ordered in one go
RUN = 128


class Context:
    """A context: extensions in Asterisk's order of search, includes, switches, ignored patterns."""

    __slots__ = (
        "_best",
        "_candidates",
        "_changes",
        "_groups",
        "_order",
        "_rising",
        "autohints",
        "hinted",
        "ignore_patterns",
        "includes",
        "index",
        "name",
        "newer",
        "place",
        "registrar",
        "switches",
    )

    def __init__(self, name: str, place: Place = NOWHERE, registrar: str = "pbx_config") -> None:
        self.name = name
        self.place = place
        self.registrar = registrar
        self.includes: list[Include] = []
        self.switches: list[SwitchEntry] = []
        self.ignore_patterns: list[IgnorePattern] = []
        self.autohints = False
        #: it has had a hint
        self.hinted = False
        #: key -> the extensions of that key, those with a caller-ID match first
        self._groups: dict[str, tuple[Extension, ...]] = {}
        self._order: list[Extension] | None = None
        #: how often extensions came or went
        self._changes = 0
        self._candidates: dict[str, tuple[Extension, ...]] = {}
        self._best: dict[str, Extension | None] = {}
        #: extenpatternmatchnew: the tree that is searched instead
        self.newer: NewIndex | None = None
        #: the same one while it is made
        self._rising: NewIndex | None = None
        #: the matcher; kept in step with every change
        self.index = Index(self._groups)

    def extension(self, name: str, caller: str | None = None) -> Extension | None:
        """The extension written so, or in another way that means the same (no matching).  BadPattern passes."""
        wanted = None if caller is None else caller_key(caller)
        for found in self._groups.get(key_of(clean_name(name))[0], ()):
            if (None if found.caller is None else caller_key(found.caller)) == wanted:
                return found
        return None

    def named(self, name: str) -> tuple[Extension, ...]:
        """The extensions written so, for whatever callers, in the order of search.  BadPattern passes."""
        return self._groups.get(key_of(clean_name(name))[0], ())

    def best(self, exten: str) -> Extension | None:
        """The first of `candidates` where it stands for all callers; None: ask `matching`."""
        try:
            return self._best[exten]
        except KeyError:
            pass
        key = None if self.newer is not None else self.index.first(exten)
        first = None if key is None else self._groups[key][0]
        if first is not None and first.caller is not None:
            first = None
        if len(self._best) >= MEMO:
            self._best.clear()
        self._best[exten] = first
        return first

    def matching(self, exten: str, caller: str, by_number: bool = False) -> Iterable[Extension]:
        """The extensions that match what was dialled and who dials, best first.

        by_number: it is for a priority's number, for which extenpatternmatchnew looks at the first one only.
        """
        if self.newer is not None:
            if by_number:
                first = self.newer.first(exten, caller)
                return () if first is None else (first,)
            return self.newer.matching(exten, caller)
        return [e for e in self.candidates(exten) if e.caller is None or caller_matches(e.caller, caller)]

    def match_newly(self, new: bool) -> None:
        """Search by the tree of extenpatternmatchnew, or no longer, from now on."""
        for _ in self.match_newly_steps(new):
            pass

    def match_newly_steps(self, new: bool) -> Generator[None, None, None]:
        """The same step by step; the order changes when the tree stands."""
        self._rising = None
        if new:
            tree = self._rising = NewIndex()
            try:
                for number, key in enumerate(list(self._groups)):
                    # what is added or taken away meanwhile is so in the tree too
                    for extension in self._groups.get(key, ()):
                        tree.add(extension)
                    if number % STEP == STEP - 1:
                        yield
                if self._rising is tree:
                    self.newer = tree
            finally:
                if self._rising is tree:
                    self._rising = None
            self._forget()
            return
        gone, self.newer = self.newer, None
        self._forget()
        if gone is not None:
            yield from gone.let_go(STEP)

    def _plant(self, extension: Extension) -> None:
        for tree in (self.newer, self._rising):
            if tree is not None:
                tree.add(extension)

    def _forget(self) -> None:
        self._candidates.clear()
        self._best.clear()

    def candidates(self, exten: str) -> tuple[Extension, ...]:
        """The extensions that match what was dialled, best first; caller-ID matches are not yet looked at."""
        known = self._candidates.get(exten)
        if known is None:
            groups = self._groups
            known = tuple([e for key in self.index.matching(exten) for e in groups[key]])
            if len(self._candidates) >= MEMO:
                self._candidates.clear()
            self._candidates[exten] = known
        return known

    def group(self, key: str) -> tuple[Extension, ...]:
        """The extensions of one key of the index, in the order of search."""
        return self._groups.get(key, ())

    def add(self, name: str, priority: Priority, caller: str | None = None, *, replace: bool = False) -> Extension:
        """Add a priority, and the extension when it is new.

        Raises Taken when the number is there already (unless `replace`), BadPattern for a name with an open `[`.
        """
        name = clean_name(name)
        key, alive = key_of(name)
        group = self._groups.get(key)
        extension = None
        if self._candidates or self._best:
            self._forget()
        if group is None:
            extension = Extension(name, key, caller)
            self._groups[key] = (extension,)
            self._unordered()
            if alive:
                self.index.add(key)
            self._plant(extension)
        elif caller is None:
            if group[-1].caller is None:
                extension = group[-1]
        else:
            wanted = caller_key(caller)
            extension = next((e for e in group if e.caller is not None and caller_key(e.caller) == wanted), None)
        if extension is None:
            extension = Extension(name, key, caller)
            self._groups[key] = tuple(sorted((*(group or ()), extension), key=_caller_order))
            self._unordered()
            self._plant(extension)
        if priority.number in extension.priorities and not replace:
            raise Taken(extension, priority.number)
        extension.put(priority)
        if priority.number == HINT:
            self.hinted = True
        return extension

    def remove(self, name: str, number: int | None = None, caller: str | None = None) -> bool:
        """Take away a priority, or all of an extension; False if there was none."""
        extension = self.extension(name, caller)
        if extension is None or (number is not None and number not in extension.priorities):
            return False
        if number is not None and len(extension.priorities) > 1:
            gone = extension.priorities.pop(number)
            if gone.label is not None and extension.labels.get(gone.label) == number:
                del extension.labels[gone.label]
            return True
        self._forget()
        for tree in (self.newer, self._rising):
            if tree is not None:
                tree.remove(extension)
        left = tuple(e for e in self._groups[extension.key] if e is not extension)
        self._unordered()
        if left:
            self._groups[extension.key] = left
        else:
            del self._groups[extension.key]
            self.index.remove(extension.key)
        return True

    def group_keys(self) -> KeysView[str]:
        """The keys of all extensions, as they came; who lets others run while he goes through them takes a copy."""
        return self._groups.keys()

    def unordered(self) -> Iterator[Extension]:
        """All extensions, as they came: for who asks each of them and needs no order, which costs much to make."""
        return (extension for group in self._groups.values() for extension in group)

    def let_go(self, step: int) -> Generator[None, None, None]:
        """Free everything in here, `step` keys at a time: for a context that nobody asks any more."""
        self._unordered()
        self._rising = None
        yield from self.match_newly_steps(False)
        yield from self.index.let_go(step)
        groups = self._groups
        while groups:
            for _ in range(min(step, len(groups))):
                groups.popitem()
            yield

    def _unordered(self) -> None:
        self._order = None
        self._changes += 1

    def order_steps(self) -> Generator[None, None, None]:
        """Have `extensions` ready step by step: to order 100,000 of them in one go takes the better part of a second.

        Where they change on the way it begins anew, three times at most.
        """
        for _ in range(3):
            if self._order is not None:
                return
            changes, groups = self._changes, self._groups
            keys = list(groups)
            runs = []
            for at in range(0, len(keys), RUN):
                runs.append(sorted((sort_key(key), key) for key in keys[at : at + RUN]))
                yield
            order: list[Extension] = []
            for number, (_, key) in enumerate(merge(*runs)):
                order += groups.get(key, ())
                if number % STEP == STEP - 1:
                    yield
            if self._changes == changes:
                self._order = order

    @property
    def extensions(self) -> list[Extension]:
        """In the order of search, which is the order that `dialplan show` prints; see `order_steps` for many."""
        if self._order is None:
            self._order = [e for key in sorted(self._groups, key=sort_key) for e in self._groups[key]]
        return self._order

    def __iter__(self) -> Iterator[Extension]:
        return iter(self.extensions)

    def __len__(self) -> int:
        return sum(map(len, self._groups.values()))


def caller_key(pattern: str) -> str:
    """A caller-ID match in the form in which two of them are compared.  One that is no pattern stays as it is."""
    try:
        return key_of(pattern)[0]
    except BadPattern:
        return pattern


def caller_matches(pattern: str, number: str) -> bool:
    """Whether a caller's number satisfies a caller-ID match; an empty match is for callers without a number."""
    if not number:
        return not pattern
    return matches(pattern, number)


def _caller_order(extension: Extension) -> tuple[bool, tuple[object, ...]]:
    """Place among extensions of one key: those with a caller-ID match first, by the order of patterns."""
    if extension.caller is None:
        return True, ()
    return False, sort_key(caller_key(extension.caller))


class Taken(Exception):
    """A priority is there already; the first one stays, as in Asterisk."""

    def __init__(self, extension: Extension, number: int) -> None:
        super().__init__(f"priority {number} of {extension.name} is there already")
        self.extension = extension
        self.number = number


@dataclass(slots=True)
class Settings:
    """`[general]` of extensions.conf, with Asterisk's defaults."""

    static: bool = False
    writeprotect: bool = False
    autofallthrough: bool = True
    clearglobalvars: bool = False
    extenpatternmatchnew: bool = False
    overrideswitch: str = ""
    userscontext: str = "default"


@dataclass(slots=True)
class Tables:
    """What a loader makes; `Dialplan` takes it over whole."""

    contexts: dict[str, Context] = field(default_factory=dict)
    globals: dict[str, str] = field(default_factory=dict)
    settings: Settings = field(default_factory=Settings)
