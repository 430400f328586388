"""The one place where applications and functions of the dialplan are declared.

An application is a function (plain or `async`) `app(run, data)`; a dialplan
function reads by `fn(scope, args)` and may write by `fn.writer`.  Both are
declared by a decorator with their syntax, options and help; interpreter,
substitution, `core show application|function`, completion and linter all draw
from here, and adding one is nothing but writing that function.

    @application("NoOp", syntax="NoOp([text])", synopsis="Does nothing")
    def noop(run: Run, data: str) -> Outcome | None: ...

    @function("LEN", syntax="LEN(string)", synopsis="Length of a text")
    def length(scope: Scope, args: str) -> str: ...

    @length.writer
    def _(scope: Scope, args: str, value: str) -> None: ...

`load_all` imports every module of `applications/` and `functions/`, so that
their declarations are known.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from pbx.dialplan.interpreter import Run
    from pbx.dialplan.scope import Scope


class Outcome(Enum):
    """What an application says to the interpreter; None means CONTINUE."""

    CONTINUE = 0
    #: the call ends here (Asterisk's -1): `h`, hangup handlers, hangup
    END = -1
    #: the extension is incomplete (Incomplete): wait for more digits
    INCOMPLETE = 12
    #: the call goes to `e` if there is one, else ends
    ERROR = 1


class FunctionError(Exception):
    """A function could not be read or written; a read then gives an empty text and is logged as a warning.

    `code` is what `dialplan eval function` says of it.
    """

    def __init__(self, text: str, code: int = -1) -> None:
        super().__init__(text)
        self.code = code


class Suspend(Exception):
    """Raised by a function that has to wait (CURL, LOCK, SHELL ...): `start` makes the Deferred of its text.

    The interpreter waits for it and evaluates the same priority's data again; what was read before is replayed,
    so nothing happens twice.  Where nobody can wait (console, globals) the function reads as an empty text.
    """

    def __init__(self, start: Callable[[], Awaitable[str]]) -> None:
        super().__init__("function has to wait")
        self.start = start
        #: kept by Scope: which call of the text this is, and what was read before it
        self.number: int | None = None
        self.recall: Any = None


#: A text is a digit that was pressed: the walk collects an extension that begins with it (Background).
Result = Outcome | str | None
ApplicationBody = Callable[["Run", str], "Result | Awaitable[Result]"]
Reader = Callable[["Scope", str], str]
Writer = Callable[["Scope", str, str], None]


@dataclass(frozen=True, slots=True)
class Option:
    """One option letter: `argument` names what stands in its parentheses ("" = none), `text` is its help."""

    letter: str
    text: str
    argument: str = ""


@dataclass(slots=True, kw_only=True)
class Entry:
    """What interpreter, help, completion and linter know of an application or a function."""

    name: str
    syntax: str
    synopsis: str
    description: str = ""
    #: argument name -> help
    arguments: Mapping[str, str] = field(default_factory=dict)
    options: tuple[Option, ...] = ()
    #: variables that it sets -> their values or meaning
    variables: Mapping[str, str] = field(default_factory=dict)
    see_also: tuple[str, ...] = ()
    #: the module of Asterisk that has it (`core show application`, `module show`)
    module: str = ""

    @property
    def letters(self) -> dict[str, Option]:
        """Options by letter."""
        return {o.letter: o for o in self.options}


@dataclass(slots=True, kw_only=True)
class Application(Entry):
    """An application.  `waits`: its body is a coroutine."""

    body: ApplicationBody
    waits: bool = False


@dataclass(slots=True, kw_only=True)
class Function(Entry):
    """A dialplan function; `write` None: it can only be read, `read` None: only written."""

    read: Reader | None = None
    write: Writer | None = None
    #: "read", "write", "both": not from outside (AMI, console, files) unless live_dangerously; "" = harmless
    dangerous: str = ""
    #: it reads what it is given without the channel's variables (no channel needed)
    needs_channel: bool = False

    def writer(self, write: Writer) -> Writer:
        """Decorator: this function writes."""
        self.write = write
        return write


_E = TypeVar("_E", bound=Entry)
#: Spellings of names that a table remembers.
_MOST_ASKED = 4096


class Table(Generic[_E]):
    """Entries by name; look-up ignores case where Asterisk's does (applications), else not (functions)."""

    def __init__(self, *, fold: bool) -> None:
        self._fold = fold
        self._entries: dict[str, _E] = {}
        #: names as they were asked for
        self._asked: dict[str, _E] = {}
        #: what was taken away on wish -> the module it was in
        self._withdrawn: dict[str, str] = {}

    def _key(self, name: str) -> str:
        return name.lower() if self._fold else name

    def add(self, entry: _E) -> _E:
        """Raises ValueError when the name is taken."""
        key = self._key(entry.name)
        if key in self._entries:
            raise ValueError(f"{entry.name} is declared twice")
        self._entries[key] = entry
        self._asked.clear()
        return entry

    def remove(self, name: str) -> None:
        self._entries.pop(self._key(name), None)
        self._asked.clear()

    def withdraw(self, entry: _E) -> None:
        """Remove it because modules.conf says so (noload); who misses it can be told."""
        self.remove(entry.name)
        self._withdrawn[self._key(entry.name)] = entry.module

    def withdrawn(self, name: str) -> str:
        """The module with which this entry was withdrawn; empty when it was not."""
        return self._withdrawn.get(self._key(name), "")

    def get(self, name: str) -> _E | None:
        known = self._asked.get(name)
        if known is None:
            known = self._entries.get(self._key(name))
            if known is not None:
                if len(self._asked) > _MOST_ASKED:
                    self._asked.clear()
                self._asked[name] = known
        return known

    def __contains__(self, name: str) -> bool:
        return self._key(name) in self._entries

    def __iter__(self) -> Iterator[_E]:
        """In the order `core show applications` lists them: by name, case ignored."""
        return iter(sorted(self._entries.values(), key=lambda e: e.name.lower()))

    def __len__(self) -> int:
        return len(self._entries)

    def names(self) -> list[str]:
        return [e.name for e in self]


#: all applications; names are looked up without regard to case
APPLICATIONS: Table[Application] = Table(fold=True)
#: all functions; names are looked up as written (Asterisk: capitals matter)
FUNCTIONS: Table[Function] = Table(fold=False)


def application(
    name: str,
    *,
    syntax: str,
    synopsis: str,
    **more: Any,
) -> Callable[[ApplicationBody], ApplicationBody]:
    """Declare an application; further keywords are the fields of Entry."""

    def declare(body: ApplicationBody) -> ApplicationBody:
        APPLICATIONS.add(
            Application(
                name=name,
                syntax=syntax,
                synopsis=synopsis,
                body=body,
                waits=inspect.iscoroutinefunction(body),
                **more,
            )
        )
        return body

    return declare


def function(
    name: str,
    *,
    syntax: str,
    synopsis: str,
    **more: Any,
) -> Callable[[Reader], Function]:
    """Declare a function by its reader; `@<result>.writer` declares its writer."""

    def declare(read: Reader) -> Function:
        return FUNCTIONS.add(Function(name=name, syntax=syntax, synopsis=synopsis, read=read, **more))

    return declare


def write_only(name: str, *, syntax: str, synopsis: str, **more: Any) -> Callable[[Writer], Function]:
    """Declare a function that can only be written."""

    def declare(write: Writer) -> Function:
        return FUNCTIONS.add(Function(name=name, syntax=syntax, synopsis=synopsis, write=write, **more))

    return declare


def options(table: Mapping[str, str]) -> tuple[Option, ...]:
    """Options from a table: `"L(x[:y[:z]])": "help"` or `"g": "help"`."""
    found = []
    for key, text in table.items():
        letter, _, argument = key.partition("(")
        found.append(Option(letter, text, argument.removesuffix(")")))
    return tuple(found)


def load_all() -> None:
    """Import every module of `applications/` and `functions/`."""
    for package in ("pbx.dialplan.applications", "pbx.dialplan.functions"):
        module = importlib.import_module(package)
        for found in pkgutil.iter_modules(module.__path__):
            importlib.import_module(f"{package}.{found.name}")
