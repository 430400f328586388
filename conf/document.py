"""A configuration file as read: sections in order, entries in order, each with its place.

Templates and `#include` are already worked in: a section that inherits holds the inherited entries first, and each
entry's place is where it was written, be that in a template or an included file.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Literal

from pbx.conf.diagnostics import Diagnostic, Place

Operator = Literal["=", "=>", "+="]


def fold(name: str) -> str:
    """A name for comparing as Asterisk does it: only A-Z and a-z are the same."""
    return name.lower() if name.isascii() else name.translate(_ASCII_LOWER)


_ASCII_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}


class Entry:
    """One `name = value` line.

    `name` and `value` are stripped, `\\;` is unescaped; bytes that are no UTF-8 are lone surrogates
    (surrogateescape), so that `value.encode("utf-8", "surrogateescape")` gives the file's bytes back.
    `column` and `value_column` count characters from 1 in the line as written.  `origin` is `file:line` as Asterisk
    counts it where that is something else (files read twice, several files of one `#include`), else empty.
    """

    __slots__ = ("column", "file", "line", "name", "operator", "origin", "value", "value_column")

    def __init__(
        self,
        name: str,
        value: str,
        operator: Operator,
        file: str,
        line: int,
        column: int,
        value_column: int,
        origin: str = "",
    ) -> None:
        self.name = name
        self.value = value
        self.operator: Operator = operator
        self.file = file
        self.line = line
        self.column = column
        self.value_column = value_column
        self.origin = origin

    @property
    def place(self) -> Place:
        """Where the name stands."""
        return Place(self.file, self.line, self.column)

    @property
    def value_place(self) -> Place:
        """Where the value begins."""
        return Place(self.file, self.line, self.value_column)

    @property
    def text(self) -> str:
        """The line in its plain form, for messages."""
        return f"{self.name} {self.operator} {self.value}"

    def __repr__(self) -> str:
        return f"<Entry {self.place} {self.text!r}>"


class Section:
    """One `[name](options)` and what belongs to it.

    `parents` are the template names in their order; their entries are already at the beginning of `entries`.
    `is_template` is `(!)`: not to be used but inherited from. `[name](+)` adds to the section named before and makes
    no section of its own; `additions` holds the places where that was done.
    """

    __slots__ = ("additions", "entries", "is_template", "name", "parents", "place")

    def __init__(self, name: str, place: Place, *, is_template: bool = False, parents: tuple[str, ...] = ()) -> None:
        self.name = name
        self.place = place
        self.is_template = is_template
        self.parents = parents
        self.entries: list[Entry] = []
        self.additions: list[Place] = []

    def get(self, name: str, default: str | None = None) -> str | None:
        """The value of the first entry of that name (as Asterisk looks single values up; case does not matter)."""
        entry = self.entry(name)
        return default if entry is None else entry.value

    def entry(self, name: str) -> Entry | None:
        """The first entry of that name, any case."""
        folded = fold(name)
        return next((entry for entry in self.entries if fold(entry.name) == folded), None)

    def all(self, name: str) -> list[Entry]:
        """All entries of that name, any case, in order."""
        folded = fold(name)
        return [entry for entry in self.entries if fold(entry.name) == folded]

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)

    def __repr__(self) -> str:
        return f"<Section [{self.name}] {self.place} {len(self.entries)} entries>"


class Document:
    """A file with everything it includes.

    The same section name twice makes two sections, as in Asterisk: look-ups by name give the first that is no
    template, `sections` gives all of them.

    `refused` is the finding for which Asterisk would not load the file at all (a missing `#include`, an unknown
    template, a `[` without `]`): the sections are still here so that all mistakes can be shown, but a loader should
    keep its former settings then, as Asterisk does.
    """

    __slots__ = ("exists", "files", "path", "refused", "root_dir", "sections")

    def __init__(self, path: str, root_dir: str = "") -> None:
        self.path = path
        self.root_dir = root_dir
        self.sections: list[Section] = []
        self.files: list[str] = []
        """Every file read, in order, the document's own first (for change detection and messages)."""
        self.exists = True
        self.refused: Diagnostic | None = None

    def section(self, name: str) -> Section | None:
        """The first section of that name that is no template; case does not matter."""
        folded = fold(name)
        return next((s for s in self.sections if not s.is_template and fold(s.name) == folded), None)

    def sections_named(self, name: str) -> list[Section]:
        """All sections of that name that are no templates."""
        folded = fold(name)
        return [s for s in self.sections if not s.is_template and fold(s.name) == folded]

    def get(self, section: str, name: str, default: str | None = None) -> str | None:
        """The value of the first entry of that name in the first section of that name, else `default`."""
        found = self.section(section)
        return default if found is None else found.get(name, default)

    def let_go(self, step: int = 500) -> Generator[None, None, None]:
        """Free all entries, `step` at a time (100,000 at once take tens of milliseconds); none are left then."""
        for section in self.sections:
            while section.entries:
                del section.entries[-step:]
                yield

    def __iter__(self) -> Iterator[Section]:
        """The sections that are no templates."""
        return (s for s in self.sections if not s.is_template)

    def __repr__(self) -> str:
        return f"<Document {self.path} {len(self.sections)} sections>"
