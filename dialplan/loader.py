"""extensions.conf -> Tables, in small slices."""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine, Generator
from difflib import get_close_matches
from typing import Any, Protocol

from twisted.internet.defer import Deferred

from pbx.conf.diagnostics import Diagnostics, Place
from pbx.conf.document import Document, Entry, Section, fold
from pbx.dialplan.includes import parse_include
from pbx.dialplan.model import HINT, Context, IgnorePattern, Priority, Settings, SwitchEntry, Tables, Taken
from pbx.dialplan.parser import Line, LineError, extension_of, parse_line
from pbx.dialplan.patterns import BadPattern
from pbx.dialplan.registry import Suspend
from pbx.dialplan.scope import unmarked
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


class LoadScope(Protocol):
    """What `${...}` reads while a file is loaded, and what `[globals]` sets: a `Scope` without a channel."""

    def variable(self, name: str) -> str | None: ...

    def function(self, name: str, args: str) -> str | None: ...

    def set(self, name: str, value: str | None) -> None: ...

    def evaluate(self, text: str, limit: int = ...) -> str: ...

    def evaluate_again(self, text: str, wait: Suspend, limit: int = ...) -> Coroutine[Any, Any, str]: ...


#: Makes one over a table of global variables.
MakeScope = Callable[[dict[str, str]], LoadScope]
#: What `loading` yields: None, or what has to be waited for before it goes on.
Steps = Generator["Deferred[Any] | None", None, None]


def loading(
    document: Document,
    diagnostics: Diagnostics,
    globals_before: dict[str, str] | None = None,
    scope: MakeScope | None = None,
) -> Generator[Deferred[Any] | None, None, Tables]:
    """A generator that loads a document and yields often (at most some hundred us of work apart); returns Tables.

    `globals_before`: the global variables that live (they count in `${...}` of the file, and stay unless
    clearglobalvars).  `scope` brings the dialplan functions that the file uses in `[globals]`, names and includes;
    without it they give nothing.  A yielded Deferred is to be waited for (SHELL in `[globals]`).
    """
    loader = _Loader(document, diagnostics, globals_before or {}, scope or Plain)
    yield from loader.work()
    return loader.tables


def load(
    document: Document,
    diagnostics: Diagnostics,
    globals_before: dict[str, str] | None = None,
    scope: MakeScope | None = None,
) -> Tables:
    """`loading` in one go (tests, `pbx check`); nothing is waited for."""
    work = loading(document, diagnostics, globals_before, scope)
    while True:
        try:
            next(work)
        except StopIteration as done:
            tables: Tables = done.value
            return tables


def is_true(text: str | None) -> bool:
    """A switch of a configuration file."""
    return text is not None and text.lower() in ("yes", "true", "y", "t", "1", "on")


class Plain:
    """A LoadScope that knows no functions."""

    def __init__(self, values: dict[str, str]) -> None:
        self.values = values

    def variable(self, name: str) -> str | None:
        return self.values.get(name)

    def function(self, name: str, args: str) -> str | None:
        return None

    def set(self, name: str, value: str | None) -> None:
        if not name.endswith(")"):
            bare = unmarked(name)[0]
            self.values.pop(bare, None)
            self.values[bare] = value or ""

    def evaluate(self, text: str, limit: int = GLOBAL_LIMIT) -> str:
        return substitute(text, self, limit)

    async def evaluate_again(self, text: str, wait: Suspend, limit: int = GLOBAL_LIMIT) -> str:
        return ""


class _Hint:
    """The same with EXTEN and CONTEXT, for the hint of an extension that is no pattern."""

    def __init__(self, outer: LoadScope, exten: str, context: str) -> None:
        self.outer = outer
        self.own = {"EXTEN": exten, "CONTEXT": context}

    def variable(self, name: str) -> str | None:
        return self.own.get(name) or self.outer.variable(name)

    def function(self, name: str, args: str) -> str | None:
        return self.outer.function(name, args)


class _Loader:
    def __init__(
        self, document: Document, diagnostics: Diagnostics, globals_before: dict[str, str], scope: MakeScope
    ) -> None:
        self.document = document
        self.diagnostics = diagnostics
        self.tables = Tables()
        self.before = globals_before
        self.values = scope(self.tables.globals)
        self._count = 0

    def work(self) -> Steps:
        self._general()
        if not self.tables.settings.clearglobalvars:
            self.tables.globals.update(self.before)
        for section in self.document.sections_named("globals"):
            yield from self._globals(section)
        for section in self.document:
            if fold(section.name) not in ("general", "globals"):
                yield from _SectionLoader(self, section).work()
        yield from self._check_includes()

    def tick(self) -> bool:
        """Whether it is time to yield."""
        self._count += 1
        return not self._count % SLICE

    # ---- [general], [globals] ------------------------------------------------------------------------------

    def _general(self) -> None:
        """The first [general] counts, and in it the first line of each name."""
        settings = self.tables.settings
        seen: set[str] = set()
        for number, section in enumerate(self.document.sections_named("general")):
            for entry in section:
                name = fold(entry.name)
                if name in seen or number:
                    why = "an earlier line says it already" if name in seen else "only the first [general] counts"
                    self.diagnostics.warning(
                        entry.place, f"{why}; this one does nothing", text=entry.text, code="duplicate"
                    )
                    continue
                seen.add(name)
                self._option(settings, entry, name)

    def _option(self, settings: Settings, entry: Entry, name: str) -> None:
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

    def _globals(self, section: Section) -> Steps:
        for entry in section:
            value = entry.value
            if "$" in value:
                try:
                    value = self.values.evaluate(value, GLOBAL_LIMIT)
                except Suspend as wait:
                    value = yield from self._awaited(value, wait)
            # what the file sets is newest, as in Asterisk; a name that ends in `)` is a function to write
            self.values.set(entry.name, value)
            if self.tick():
                yield None

    def _awaited(self, text: str, wait: Suspend) -> Generator[Deferred[Any], None, str]:
        """The value of a text in which a function has to wait."""
        found: list[str] = []
        yield Deferred.fromCoroutine(self.values.evaluate_again(text, wait, GLOBAL_LIMIT)).addCallback(found.append)
        return found[0] if found else ""

    # ---- afterwards ----------------------------------------------------------------------------------------

    def _check_includes(self) -> Steps:
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
                    yield None


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

    def work(self) -> Steps:
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
                yield None

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
            number, application, line.data, label, entry.file, entry.line, entry.value_column, origin=entry.origin
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
        if name in ("_.", "_!") and len(extension.priorities) == 1:
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
