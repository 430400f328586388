"""The configuration as `pbx check` reads it: the same readers as the daemon's, all findings in one place."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable

from pbx import asteriskconf
from pbx.asteriskconf import AsteriskConf
from pbx.channels.iax2.acl import load_named
from pbx.channels.iax2.keys import Keys
from pbx.channels.iax2.settings import Settings
from pbx.channels.iax2.settings_load import load as load_settings
from pbx.conf import reader
from pbx.conf.diagnostics import Diagnostics, Place
from pbx.conf.document import Document, Entry
from pbx.dialplan.loader import load as load_dialplan
from pbx.dialplan.model import Context, Priority, Tables


class Configuration:
    """Everything that is read, read once. A file that is not there gives an empty document."""

    def __init__(self, conf: AsteriskConf, found: Diagnostics) -> None:
        self.conf = conf
        self.found = found
        self.documents: dict[str, Document] = {}
        self.named_lists = load_named(self.document("acl.conf"), found)
        self.settings: Settings = load_settings(
            self.document("iax.conf"), diagnostics=found, named_lists=self.named_lists
        )
        self.tables: Tables = load_dialplan(self.document("extensions.conf"), found)
        self.contexts: dict[str, Context] = self.tables.contexts
        self._meant: dict[str, str] = {}
        self._lines: dict[tuple[str, int], Entry] | None = None
        self.keys = Keys()
        self.key_problems = self.keys.load(conf.keys)

    def document(self, name: str) -> Document:
        """A file of the configuration folder, read at the first call."""
        document = self.documents.get(name)
        if document is None:
            document = self.documents[name] = reader.read(
                self.conf.etc(name),
                root_dir=self.conf.directories["astetcdir"],
                diagnostics=self.found,
                allow_exec=self.conf.execincludes,
                optional=True,
            )
        return document

    def place_in(self, priority: Priority, part: str) -> Place:
        """Where `part` stands in the line of a priority; the priority's place where it can't be found."""
        entry = self._entry(priority)
        at = -1 if entry is None or not part else entry.value.find(part)
        if entry is None or at < 0:
            return priority.place
        return Place(entry.file, entry.line, entry.value_column + at)

    def nearest_context(self, name: str) -> str:
        """The context that was probably meant, or ""; looked for once (many lines may name the same one)."""
        known = self._meant.get(name)
        if known is None:
            known = self._meant[name] = nearest(name, self.contexts)
        return known

    def place_at(self, priority: Priority, offset: int) -> Place:
        """Where that character of a priority's data stands; the priority's place where that can't be told."""
        entry = self._entry(priority)
        at = -1 if entry is None or not priority.data else entry.value.rfind(f"({priority.data}")
        if entry is None or at < 0:
            return priority.place
        return Place(entry.file, entry.line, entry.value_column + at + 1 + offset)

    def _entry(self, priority: Priority) -> Entry | None:
        if self._lines is None:
            document = self.document("extensions.conf")
            self._lines = {(entry.file, entry.line): entry for section in document.sections for entry in section}
        return self._lines.get((priority.file, priority.line))

    @property
    def files_read(self) -> int:
        """How many files were there and read, those of `#include` too."""
        return len({file for document in self.documents.values() if document.exists for file in document.files}) + int(
            self.conf.exists
        )


def read_configuration(path: str = "", etc: str = "", *, allow_exec: bool = False) -> Configuration:
    """Read asterisk.conf (`path`, else the default one, else that of the folder `etc`) and what it leads to."""
    found = Diagnostics()
    conf = asteriskconf.load(path, etc=etc, diagnostics=found, allow_exec=allow_exec)
    conf.execincludes |= allow_exec
    return Configuration(conf, found)


def nearest(name: str, known: Iterable[str]) -> str:
    """The known name that was probably meant: the same but for capitals, else a similar one, else ""."""
    names = list(known)
    for other in names:
        if other.lower() == name.lower():
            return other
    matches = difflib.get_close_matches(name, names, 1, 0.75)
    return matches[0] if matches else ""


def shown(path: str) -> str:
    """A path as short as it can be named from here."""
    relative = os.path.relpath(path)
    return path if relative.startswith("..") else relative
