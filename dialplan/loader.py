"""extensions.conf -> Tables, in small slices."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator
from difflib import get_close_matches

from pbx.conf.diagnostics import Diagnostics, Place
from pbx.conf.document import Document, Entry, Section
from pbx.dialplan.includes import parse_include
from pbx.dialplan.model import HINT, Context, IgnorePattern, Priority, SwitchEntry, Tables, Taken
from pbx.dialplan.parser import Line, LineError, extension_of, parse_line
from pbx.dialplan.patterns import BadPattern
from pbx.dialplan.substitution import substitute

#: Entries between two yields: well under a millisecond of work.
SLICE = 16
#: Bytes of the value of a global variable after substitution.
GLOBAL_LIMIT = 8190
_SWITCHES = ("switch", "lswitch", "eswitch")
_NUMBER = re.compile(r"\s*([-+]?\d+)")
_DIRECTIVES = ("exten", "same", "include", "ignorepat", "switch", "lswitch", "eswitch", "autohints")
_FLAGS = {
    "static": "static",
    "writeprotect": "writeprotect",
    "autofallthrough": "autofallthrough",
    "clearglobalvars": "clearglobalvars",
    "extenpatternmatchnew": "extenpatternmatchnew",
}

#: Reads a dialplan function without a channel: name, arguments -> text, None if it fails.
ReadFunction = Callable[[str, str], "str | None"]


def loading(
    document: Document,
    diagnostics: Diagnostics,
    globals_before: dict[str, str] | None = None,
    function: ReadFunction | None = None,
) -> Generator[None, None, Tables]:
    """A generator that loads a document and yields often (at most some hundred us of work apart); returns Tables.

    `globals_before`: the global variables that live (they count in `${...}` of the file, and stay unless
    clearglobalvars).  `function` reads dialplan functions that the file uses in `[globals]`, names and includes.
    """
    loader = _Loader(document, diagnostics, function)
    yield from loader.work(globals_before or {})
    return loader.tables


def load(
    document: Document,
    diagnostics: Diagnostics,
    globals_before: dict[str, str] | None = None,
    function: ReadFunction | None = None,
) -> Tables:
    """`loading` in one go (tests, `pbx check`)."""
    work = loading(document, diagnostics, globals_before, function)
    while True:
        try:
            next(work)
        except StopIteration as done:
            tables: Tables = done.value
            return tables


def is_true(text: str | None) -> bool:
    """A switch of a configuration file."""
    return text is not None and text.lower() in ("yes", "true", "y", "t", "1", "on")


class _Globals:
    """What `${...}` reads while the file is loaded: global variables, and functions that need no channel."""

    def __init__(self, values: dict[str, str], function: ReadFunction | None) -> None:
        self.values = values
        self.read = function

    def variable(self, name: str) -> str | None:
        return self.values.get(name)

    def function(self, name: str, args: str) -> str | None:
        return self.read(name, args) if self.read is not None else None


class _Hint(_Globals):
    """The same with EXTEN and CONTEXT, for the hint of an extension that is no pattern."""

    def __init__(self, outer: _Globals, exten: str, context: str) -> None:
        super().__init__({**outer.values, "EXTEN": exten, "CONTEXT": context}, outer.read)


class _Loader:
    def __init__(self, document: Document, diagnostics: Diagnostics, function: ReadFunction | None) -> None:
        self.document = document
        self.diagnostics = diagnostics
        self.tables = Tables()
        self.values = _Globals(self.tables.globals, function)
        self._count = 0

    def work(self, globals_before: dict[str, str]) -> Generator[None, None, None]:
        for section in self.document.sections_named("general"):
            self._general(section)
        if not self.tables.settings.clearglobalvars:
            self.tables.globals.update(globals_before)
        variables = self.document.section("globals")
        if variables is not None:
            yield from self._globals(variables)
        for section in self.document:
            if section.name.lower() not in ("general", "globals"):
                yield from _SectionLoader(self, section).work()
        yield from self._check_includes()

    def tick(self) -> bool:
        """Whether it is time to yield."""
        self._count += 1
        return not self._count % SLICE

    # ---- [general], [globals] ------------------------------------------------------------------------------

    def _general(self, section: Section) -> None:
        settings = self.tables.settings
        for entry in section:
            name = entry.name.lower()
            if name in _FLAGS:
                setattr(settings, _FLAGS[name], is_true(entry.value))
            elif name == "userscontext":
                settings.userscontext = entry.value
            elif name == "overrideswitch":
                settings.overrideswitch = entry.value
                self.diagnostics.warning(
                    entry.place, "overrideswitch is not supported and does nothing", text=entry.text, code="unsupported"
                )
            else:
                known = [*_FLAGS, "userscontext", "overrideswitch"]
                self.diagnostics.notice(
                    entry.place,
                    f"unknown option {entry.name!r} in [general]",
                    text=entry.text,
                    advice=_meant(name, known),
                    code="unknown-option",
                )

    def _globals(self, section: Section) -> Generator[None, None, None]:
        for entry in section:
            value = substitute(entry.value, self.values, GLOBAL_LIMIT) if "$" in entry.value else entry.value
            name = entry.name.removeprefix("_").removeprefix("_")
            self.tables.globals[name] = value
            if self.tick():
                yield

    # ---- afterwards ----------------------------------------------------------------------------------------

    def _check_includes(self) -> Generator[None, None, None]:
        contexts = self.tables.contexts
        for context in contexts.values():
            for include in context.includes:
                if include.context not in contexts:
                    self.diagnostics.warning(
                        include.place,
                        f"context '{context.name}' includes '{include.context}', which does not exist",
                        text=f"include => {include.text}",
                        advice=_meant(include.context, contexts),
                        code="no-such-context",
                    )
                if self.tick():
                    yield


class _SectionLoader:
    """One section of the file: `n` and `same` count within it."""

    def __init__(self, loader: _Loader, section: Section) -> None:
        self.loader = loader
        self.section = section
        self.values = loader.values
        self.diagnostics = loader.diagnostics
        contexts = loader.tables.contexts
        found = contexts.get(section.name)
        if found is None:
            found = contexts[section.name] = Context(section.name, section.place)
            if loader.tables.settings.extenpatternmatchnew:
                found.match_newly(True)
        self.context = found
        #: the last `exten` as written after variables, the number of the last priority
        self.extension = ""
        self.number: int | None = None

    def work(self) -> Generator[None, None, None]:
        for entry in self.section:
            name = entry.name.lower()
            if name in ("exten", "same"):
                self._line(entry, name)
            elif name == "include":
                self._include(entry)
            elif name == "ignorepat":
                self._ignore(entry)
            elif name in _SWITCHES:
                self._switch(entry, name)
            elif name == "autohints":
                self.context.autohints = is_true(entry.value)
                if self.context.autohints:
                    self.diagnostics.notice(
                        entry.place,
                        "autohints is not done yet: only written hints are known",
                        text=entry.text,
                        code="unsupported",
                    )
            else:
                self.diagnostics.warning(
                    entry.place,
                    f"unknown directive {entry.name!r} is ignored",
                    text=entry.text,
                    advice=_meant(name, _DIRECTIVES),
                    code="unknown-directive",
                )
            if self.loader.tick():
                yield

    def _put_in(self, text: str) -> str:
        return substitute(text, self.values) if "$" in text else text

    # ---- exten, same ---------------------------------------------------------------------------------------

    def _line(self, entry: Entry, kind: str) -> None:
        if kind == "same" and not self.extension:
            self._refuse(
                entry,
                0,
                f"`same` with no extension before it in context '{self.section.name}'",
                "begin with: exten => NUMBER,1,...",
                "same-first",
            )
            return
        try:
            line = parse_line(kind, entry.value)
        except LineError as error:
            if kind == "exten":
                nameless = entry.value.startswith(",")
                self.extension = "" if nameless else self._put_in(extension_of(entry.value))
                if nameless:
                    self._count_nameless(entry)
            self._refuse(entry, error.column, error.message, error.advice, "syntax")
            return
        if line.extension is not None:
            self.extension = self._put_in(line.extension)
        name, slash, caller = self.extension.partition("/")
        name = name.strip(" ")
        if not name:
            self._refuse(entry, 0, "an extension without a name", "exten => NUMBER,PRIORITY,...", "syntax")
            return
        number = self._priority_number(entry, line, name)
        if number is None:
            return
        if line.unclosed:
            self.diagnostics.warning(
                entry.value_place,
                f"no closing parenthesis: {line.application}({line.data}",
                text=entry.text,
                advice=f"{line.application}({line.data})",
                code="unclosed",
            )
        self.number = number
        self._add(entry, line, name, shrink_number(caller) if slash else None, number)

    def _count_nameless(self, entry: Entry) -> None:
        """A line without an extension is refused, but `n` counts on from it."""
        try:
            line = parse_line("same", entry.value[1:])
        except LineError:
            return
        number = self._priority_number(entry, line, "")
        if number is not None:
            self.number = number

    def _priority_number(self, entry: Entry, line: Line, name: str) -> int | None:
        """The number that `1`, `n`, `s`, `hint` or a label of the extension stands for."""
        word = line.number
        if word == "hint":
            return HINT
        if word in ("n", "next", "s", "same"):
            if self.number is None:
                self._refuse(entry, 0, f"{word!r} as the first priority of a context", "write 1", "no-priority")
                return None
            number = self.number + (word in ("n", "next"))
            if not number:
                self._refuse(
                    entry, 0, "'n' behind a hint is no priority", "put the hint before the extension's first line", "n"
                )
                return None
        else:
            digits = _NUMBER.match(word)
            number = int(digits[1]) if digits else self._label(name, word)
            if number < 1:
                self._refuse(
                    entry,
                    0,
                    f"{word!r} is no priority and no label of '{name}'",
                    "write a number from 1, or n",
                    "no-priority",
                )
                return None
        if line.offset is not None:
            offset = _NUMBER.match(line.offset)
            number += int(offset[1]) if offset else 0
        return number

    def _label(self, name: str, label: str) -> int:
        try:
            extension = self.context.extension(name)
        except BadPattern:
            return 0
        return 0 if extension is None else extension.labels.get(label, 0)

    def _add(self, entry: Entry, line: Line, name: str, caller: str | None, number: int) -> None:
        application = line.application
        if number == HINT and "${" in application and not name.startswith("_"):
            application = substitute(application, _Hint(self.values, name, self.context.name))
        label = line.label or None
        priority = Priority(
            number, application, line.data, label, entry.file, entry.line, entry.value_column, "pbx_config"
        )
        try:
            extension = self.context.add(name, priority, caller)
        except BadPattern:
            self._refuse(entry, 0, f"'[' without ']' in {name!r}", "close the set", "bad-pattern")
            return
        except Taken as taken:
            before = taken.extension.priorities[number]
            what = "a hint" if number == HINT else f"priority {number}"
            self._refuse(
                entry,
                0,
                f"'{name}' has {what} already, as '{taken.extension.name}' at {before.place.file_line}; "
                "the first one stays",
                "use n, or another number",
                "duplicate",
            )
            return
        if label is not None and extension.labels.get(label) != number:
            priority.label = None
            self.diagnostics.warning(
                entry.value_place,
                f"label '{label}' of '{name}' is at priority {extension.labels[label]} already; the first one stays",
                text=entry.text,
                code="duplicate-label",
            )
        if name in ("_.", "_!"):
            self.diagnostics.warning(
                entry.value_place,
                f"'{name}' also matches h, i, t and the other special extensions",
                text=entry.text,
                advice=f"_X{name[1]}",
                code="catch-all",
            )

    def _refuse(self, entry: Entry, column: int, message: str, advice: str, code: str) -> None:
        place = Place(entry.file, entry.line, entry.value_column + column)
        self.diagnostics.error(place, message, text=entry.text, advice=advice, code=code)

    # ---- include, switch, ignorepat ------------------------------------------------------------------------

    def _include(self, entry: Entry) -> None:
        include = parse_include(self._put_in(entry.value), entry.value_place)
        if any(other.text.lower() == include.text.lower() for other in self.context.includes):
            self._again(entry)
            return
        for problem in include.timing.problems if include.timing is not None else ():
            self.diagnostics.error(
                entry.value_place,
                f"{problem}; this include never holds" if "zone" not in problem else problem,
                text=entry.text,
                advice="include => context,9:00-17:00,mon-fri,*,*",
                code="bad-time",
            )
        self.context.includes.append(include)

    def _ignore(self, entry: Entry) -> None:
        pattern = self._put_in(entry.value)
        if any(other.pattern.lower() == pattern.lower() for other in self.context.ignore_patterns):
            self._again(entry)
            return
        self.context.ignore_patterns.append(IgnorePattern(pattern, entry.value_place))

    def _switch(self, entry: Entry, kind: str) -> None:
        text = self._put_in(entry.value) if kind == "switch" else entry.value
        name, _, data = text.partition("/")
        switch = SwitchEntry(name, data, kind == "eswitch", entry.value_place)
        if any(o.name.lower() == name.lower() and o.data.lower() == data.lower() for o in self.context.switches):
            self._again(entry)
            return
        self.context.switches.append(switch)

    def _again(self, entry: Entry) -> None:
        self.diagnostics.warning(
            entry.value_place,
            f"context '{self.context.name}' has that already; the line does nothing",
            text=entry.text,
            code="duplicate",
        )


def shrink_number(text: str) -> str:
    """A caller-ID match without what is only there to be read: blanks, parentheses, dashes, dots but the last."""
    out = []
    depth = 0
    for at, char in enumerate(text):
        if char == "[":
            depth += 1
        elif char == "]":
            depth -= 1
        if char in "( )" or (char == "-" and depth <= 0) or (char == "." and at + 1 < len(text)):
            continue
        out.append(char)
    return "".join(out)


def _meant(word: str, known: object) -> str:
    close = get_close_matches(word, list(known), 1)  # type: ignore[call-overload]
    return f"did you mean {close[0]!r}?" if close else ""
