"""Typed options of a configuration section: only what was written takes memory, and knows the line it came from.

A section class lists its options as class attributes:

    class Peer(Options):
        qualify = Option("qualify", milliseconds_or_yes, 0, help="...")

Reading `peer.qualify` gives the written value, else that of the parent set ([general], for options marked
`inherits`), else the default, which all sections share.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar, overload

from pbx.conf.diagnostics import Place

T = TypeVar("T")


class Effect(enum.Enum):
    """What an option does at this point of the project."""

    NOW = "in effect"
    LATER = "understood, not in effect yet"
    NEVER = "accepted, without meaning here"


class Written(NamedTuple):
    """A value that stands in a file, and the line that decided it."""

    value: Any
    file: str
    line: int

    @property
    def place(self) -> Place:
        """The line as a place."""
        return Place(self.file, self.line)


class Option(Generic[T]):
    """One option: its name in the file, how its value is read, its default, and its row in the documentation.

    `read(text, former)` turns the text into a value; `former` is the value so far (written above, inherited or
    default), so that `allow`, `permit` and `secret` can add to it. It raises `BadValue` for what can't be used.
    `names`: the spellings in the file where they are not the attribute's name, each with its own `read`.
    `inherits`: taken from [general] when not written.
    """

    def __init__(
        self,
        read: Callable[[str, T], T] | None,
        default: T,
        *,
        values: str,
        help: str,
        differs: str = "",
        effect: Effect = Effect.NOW,
        names: Mapping[str, Callable[[str, T], T]] | None = None,
        inherits: bool = False,
        secret: bool = False,
        default_text: str | None = None,
    ) -> None:
        self.default = default
        self.values = values
        self.help = help
        self.differs = differs
        self.effect = effect
        self.readers: dict[str, Callable[[str, T], T]] = dict(names or {})
        self._read = read
        self.inherits = inherits
        self.secret = secret
        self.default_text = default_text
        self.name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name
        if self._read is not None:
            self.readers.setdefault(name, self._read)

    @overload
    def __get__(self, instance: None, owner: type) -> Option[T]: ...

    @overload
    def __get__(self, instance: Options, owner: type) -> T: ...

    def __get__(self, instance: Options | None, owner: type) -> Option[T] | T:
        if instance is None:
            return self
        written, default = instance.written.get(self.name), self.default
        above = instance.parent
        if written is None and self.inherits and above is not None:
            written, default = above.written.get(self.name), above.declared[self.name].default
        return default if written is None else written.value

    def __set__(self, instance: Options, value: T) -> None:
        """Set by hand (the command line, tests): no line of a file decided it."""
        instance.written[self.name] = Written(value, "", 0)


class BadValue(ValueError):
    """A value that an option can't use: what is wrong, and what to write instead."""

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.advice = advice


class Options:
    """A section's options. `written` holds only what stands in the file; `parent` is [general]'s set (which has no
    parent), or None."""

    __slots__ = ("name", "parent", "place", "written")

    #: every option of this kind of section by each of its spellings in a file, lower case
    table: ClassVar[Mapping[str, Option[Any]]] = {}
    #: every option by its own name
    declared: ClassVar[Mapping[str, Option[Any]]] = {}
    _inherited: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, name: str, place: Place, parent: Options | None = None) -> None:
        self.name = name
        self.place = place
        self.parent = parent
        self.written: dict[str, Written] = {}

    def __init_subclass__(cls) -> None:
        table: dict[str, Option[Any]] = {}
        for option in cls.options():
            for spelling in option.readers:
                table[spelling] = option
        cls.table = table
        cls.declared = {option.name: option for option in cls.options()}
        cls._inherited = frozenset(option.name for option in cls.options() if option.inherits)

    @classmethod
    def options(cls) -> Iterator[Option[Any]]:
        """The options of this kind of section, in the order they are declared."""
        for base in reversed(cls.__mro__):
            for attribute in vars(base).values():
                if isinstance(attribute, Option):
                    yield attribute

    @classmethod
    def inherited(cls) -> frozenset[str]:
        """Names of the options that [general] gives a value to when the section does not."""
        return cls._inherited

    def same(self, other: Options, option: str) -> bool:
        """Whether an option has the same value in both, wherever it was written."""
        mine, theirs = getattr(self, option), getattr(other, option)
        return bool(mine == theirs)

    def is_written(self, option: str) -> bool:
        """Whether this section itself sets the option."""
        return option in self.written

    def place_of(self, option: str) -> Place:
        """The line that decided an option: its own, else [general]'s, else the section's first line."""
        written = self.written.get(option)
        if written is not None:
            return written.place
        declared = getattr(type(self), option, None)
        if isinstance(declared, Option) and declared.inherits and self.parent is not None:
            above = self.parent.written.get(option)
            if above is not None:
                return above.place
        return self.place

    def values(self) -> dict[str, Any]:
        """What counts for each option, for showing and comparing."""
        return {option.name: getattr(self, option.name) for option in self.options()}

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name} {self.place.file_line}>"
