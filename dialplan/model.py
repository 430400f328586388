"""The dialplan in memory: contexts, extensions, priorities, includes, switches, each with the line it came from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pbx.conf.diagnostics import Place

if TYPE_CHECKING:
    from pbx.dialplan.patterns import Index
    from pbx.dialplan.times import Timing

#: Priority number under which a hint is kept.
HINT = -1


class Priority:
    """One line of an extension: `application(data)` at a number, maybe with a label.

    `data` is as written (not substituted).  `registrar` is `pbx_config` for what the file holds, else who added it.
    """

    __slots__ = ("application", "column", "data", "file", "label", "line", "number", "registrar")

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
    ) -> None:
        self.number = number
        self.application = application
        self.data = data
        self.label = label
        self.file = file
        self.line = line
        self.column = column
        self.registrar = registrar

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
        self.labels: dict[str, int] = {}

    @property
    def is_pattern(self) -> bool:
        return self.name.startswith("_")

    @property
    def hint(self) -> Priority | None:
        """The hint; its `application` is the text of it (`IAX2/100&Custom:x,CustomPresence:y`)."""
        return self.priorities.get(HINT)

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
    place: Place = Place("")
    registrar: str = "pbx_config"


@dataclass(slots=True)
class SwitchEntry:
    """`switch|lswitch|eswitch => name/data`; `evaluate`: variables of the channel go into `data` (eswitch)."""

    name: str
    data: str
    evaluate: bool = False
    place: Place = Place("")
    registrar: str = "pbx_config"


@dataclass(slots=True)
class IgnorePattern:
    """`ignorepat => pattern`: dial tone goes on after it."""

    pattern: str
    place: Place = Place("")
    registrar: str = "pbx_config"


class Context:
    """A context.  `extensions` in the order of search (which is the order shown)."""

    def __init__(self, name: str, place: Place = Place(""), registrar: str = "pbx_config") -> None:
        self.name = name
        self.place = place
        self.registrar = registrar
        self.includes: list[Include] = []
        self.switches: list[SwitchEntry] = []
        self.ignore_patterns: list[IgnorePattern] = []
        self.autohints = False
        self._extensions: dict[tuple[str, str | None], Extension] = {}
        self._index: Index | None = None

    def extension(self, name: str, caller: str | None = None) -> Extension | None:
        """The extension written exactly so (no matching)."""
        raise NotImplementedError

    def add(self, name: str, priority: Priority, caller: str | None = None, *, replace: bool = False) -> bool:
        """Add a priority (and the extension when it is new); False if the number is taken and not to be replaced."""
        raise NotImplementedError

    def remove(self, name: str, number: int | None = None, caller: str | None = None) -> bool:
        """Take away a priority, or all of an extension; False if there was none."""
        raise NotImplementedError

    @property
    def extensions(self) -> list[Extension]:
        raise NotImplementedError

    @property
    def index(self) -> Index:
        """The matcher, built at the first look-up after a change."""
        raise NotImplementedError

    def __iter__(self) -> Iterator[Extension]:
        return iter(self.extensions)


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
