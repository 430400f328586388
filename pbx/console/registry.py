"""Console commands: declared once, with syntax, summary, usage and completion.

`help`, `core show help`, tab completion and the "No such command" text all draw
from this one table.
"""

from __future__ import annotations

import inspect
import re
import shlex
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pbx.daemon import Daemon


class UsageShown(Exception):
    """The arguments make no sense: print the command's usage."""


class CommandFailed(Exception):
    """The command did not do what was asked; `Command '...' failed.` follows what it wrote."""


@dataclass
class Context:
    """What a command works with: the daemon, and a place to print to.

    session: the console it was typed at (None when something else runs it, such as a test).
    """

    pbx: Daemon
    write: Callable[[str], None]
    session: Any = None
    #: the words that the command was found by (`logger set level DEBUG on`)
    own: list[str] = field(default_factory=list)
    #: what was typed behind them, as it was typed
    rest: str = ""

    def line(self, text: str = "") -> None:
        """Print a line."""
        self.write(text + "\n")

    def lines(self, texts: Iterable[str]) -> None:
        self.write("".join(text + "\n" for text in texts))


Handler = Callable[[Context, list[str]], Awaitable[None] | None]
#: (context, words before the one that is being typed, its beginning) -> what it could be
Completer = Callable[[Context, list[str], str], Iterable[str]]


def _alternatives(word: str) -> list[str] | None:
    """`{on|off}` and `[like]` as their words; None for a plain word."""
    if word[0] in "{[":
        return word.strip("{}[]").split("|")
    return None


@dataclass(frozen=True)
class Command:
    """One command.  syntax: as the help list prints it; words in `{a|b}` are needed, those in `[a|b]` are not."""

    syntax: str
    summary: str
    usage: str
    handler: Handler
    complete: Completer | None = None
    #: how the usage is found and the command recognised: the words, optional ones cut off
    words: tuple[str, ...] = ()
    hidden: bool = False

    @property
    def needed(self) -> tuple[str, ...]:
        return tuple(word for word in self.words if not word.startswith("["))

    def matches(self, typed: Sequence[str]) -> int:
        """How many typed words are this command's own; 0 if it is another."""
        used = 0
        for word in self.words:
            options = _alternatives(word)
            optional = word.startswith("[")
            here = typed[used].lower() if used < len(typed) else None
            if here is not None and (here == word.lower() or (options and here in [o.lower() for o in options])):
                used += 1
            elif not optional:
                return 0
        return used

    def next_words(self, typed: Sequence[str], prefix: str) -> list[str]:
        """The command's own words that could follow `typed` and begin with `prefix`."""
        if len(typed) >= len(self.words):
            return []
        for word, have in zip(self.words, typed, strict=False):
            options = _alternatives(word) or [word]
            if have.lower() not in [o.lower() for o in options]:
                return []
        word = self.words[len(typed)]
        return [o for o in (_alternatives(word) or [word]) if o.lower().startswith(prefix.lower())]


def split(line: str) -> list[str]:
    """A command line as words; quotes and backslashes as in a shell, and an open quote simply ends with the line."""
    lexer = shlex.shlex(line, posix=True)
    lexer.whitespace_split = True
    lexer.commenters = ""
    lexer.quotes = '"'
    lexer.escapedquotes = '"'
    try:
        return list(lexer)
    except ValueError:
        return line.replace('"', "").split()


@dataclass
class Registry:
    """All commands of a console, in Asterisk's order, and the aliases of cli_aliases.conf."""

    commands: list[Command] = field(default_factory=list)
    aliases: dict[str, str] = field(default_factory=dict)

    def add(self, command: Command) -> None:
        """Insert where Asterisk's list has it: before the first entry that is greater over the shorter length."""
        key = command.syntax
        own = len(re.split(r"[\[{]", key)[0])
        for index, other in enumerate(self.commands):
            length = min(own, len(re.split(r"[\[{]", other.syntax)[0]))
            if key[:length].lower() < other.syntax[:length].lower():
                self.commands.insert(index, command)
                return
        self.commands.append(command)

    def find(self, typed: Sequence[str]) -> tuple[Command, int] | None:
        """The command with the longest match, and how many words it took."""
        best: tuple[Command, int] | None = None
        for command in self.commands:
            used = command.matches(typed)
            if used and (best is None or used > best[1]):
                best = command, used
        return best

    def unalias(self, line: str) -> str:
        """The line with a leading alias replaced (the longest that fits)."""
        words = line.split()
        for count in range(len(words), 0, -1):
            real = self.aliases.get(" ".join(words[:count]).lower())
            if real is not None:
                rest = line.split(None, count)[count:]
                return " ".join([real, *rest])
        return line

    def completions(self, context: Context, line: str) -> list[str]:
        """What the last word of `line` could become."""
        line = self.unalias(line) if line.endswith(" ") else line
        typed = line.split()
        prefix = "" if not line or line[-1].isspace() else typed.pop()
        found: list[str] = []
        if typed[:3] == ["core", "show", "help"] or typed[:1] == ["help"]:
            typed = typed[3:] if typed[0] == "core" else typed[1:]
        for command in self.commands:
            if not command.hidden:
                found += command.next_words(typed, prefix)
        for alias in self.aliases:
            words = alias.split()
            if words[: len(typed)] == [word.lower() for word in typed] and len(words) > len(typed):
                found.append(words[len(typed)])
        match = self.find(typed)
        if match is not None and match[0].complete is not None:
            found += match[0].complete(context, typed, prefix)
        return sorted({word for word in found if word.lower().startswith(prefix.lower())})

    def help_lines(self, typed: Sequence[str] = ()) -> list[str]:
        """The list of `core show help`, of all commands or of those that begin with these words."""
        rows = []
        for command in self.commands:
            if command.hidden or not _begins(command, typed):
                continue
            rows.append(f"{command.syntax:<30} -- {command.summary}")
        return rows


def _begins(command: Command, typed: Sequence[str]) -> bool:
    """Whether a command begins with these words; the last may be cut short."""
    for index, word in enumerate(typed):
        if index >= len(command.words):
            return False
        own = _alternatives(command.words[index]) or [command.words[index]]
        last = index == len(typed) - 1
        if not any(o.lower().startswith(word.lower()) if last else o.lower() == word.lower() for o in own):
            return False
    return True


#: every command that a module declared by `@command`; a console takes them over with `default_registry`
_DECLARED: list[Command] = []


def command(
    syntax: str, summary: str, usage: str = "", *, complete: Completer | None = None, hidden: bool = False
) -> Callable[[Handler], Handler]:
    """Declare a console command; `usage` without its first `Usage: ` is made from the syntax when empty.

    The handler gets the context and the words behind the command's own.  It writes by `context.write`, raises
    UsageShown or CommandFailed, and may be a coroutine.
    """

    def declare(handler: Handler) -> Handler:
        text = usage or f"Usage: {syntax}\n       {summary}.\n"
        if not text.endswith("\n"):
            text += "\n"
        _DECLARED.append(Command(syntax, summary, text, handler, complete, tuple(syntax.split()), hidden))
        return handler

    return declare


def default_registry() -> Registry:
    """A registry of everything declared so far."""
    registry = Registry()
    for declared in _DECLARED:
        registry.add(declared)
    return registry


async def run(registry: Registry, context: Context, line: str) -> int:
    """Run a command line; returns the status that `pbx -rx` ends with (0 done, 127 unknown, 2 usage, 1 failed)."""
    from pbx.console.protocol import FAILED, OK, UNKNOWN, USAGE

    line = registry.unalias(line.strip())
    typed = split(line)
    if not typed:
        return OK
    found = registry.find(typed)
    if found is None:
        known = _known(registry, typed)
        context.line(f"No such command '{line}' (type 'core show help {known}' for other possible commands)")
        return UNKNOWN
    chosen, used = found
    context.own = typed[:used]
    context.rest = (line.split(None, used)[used:] or [""])[0]
    try:
        result = chosen.handler(context, typed[used:])
        if inspect.isawaitable(result):
            await result
    except UsageShown:
        context.write(chosen.usage)
        return USAGE
    except CommandFailed as error:
        if error.args:
            context.line(str(error))
        context.line(f"Command '{line}' failed.")
        return FAILED
    return OK


def _known(registry: Registry, typed: Sequence[str]) -> str:
    """What to ask help for, as Asterisk finds it: the typed words up to the first that leads nowhere.

    A beginning leads somewhere when it is a command, or when a command of as many words differs in the last only.
    """
    for count in range(1, len(typed) + 1):
        start = typed[:count]
        if not any(command.matches(start) == count or _close(command, start) for command in registry.commands):
            return " ".join(start)
    return " ".join(typed)


def _close(command: Command, start: Sequence[str]) -> bool:
    if len(command.words) != len(start):
        return False
    return all(
        word.lower() in [option.lower() for option in _alternatives(own) or [own]]
        for word, own in zip(start[:-1], command.words, strict=False)
    )
