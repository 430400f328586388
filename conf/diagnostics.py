"""What was found wrong in configuration files, and where.

Readers and checkers never raise for what somebody wrote in a file: they add a `Diagnostic` to a `Diagnostics`
collector and go on, so that one look shows all mistakes.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

MOST_ALIKE = 1000

_SECRET = re.compile(r"(?i)\b(\w*(?:secret|passwd|password|passphrase)\w*)\b(\s*[=+>:]*\s*)\S.*")
_LOGIN = re.compile(r"(?i)\b(register\s*=?>?\s*[^:@]*):[^@]*@")


class Place(NamedTuple):
    """A spot in a file. `line` and `column` count from 1; line 0 means the file as a whole."""

    file: str
    line: int = 0
    column: int = 1

    def __str__(self) -> str:
        return f"{printable(self.file)}:{self.line}:{self.column}" if self.line else printable(self.file)

    @property
    def file_line(self) -> str:
        """`file:line`, the form that goes into log lines and verdicts."""
        return f"{printable(self.file)}:{self.line}" if self.line else printable(self.file)


class Severity(enum.IntEnum):
    """How bad it is: an ERROR is not as written, a WARNING works but is surely not meant, a NOTICE is to know."""

    NOTICE = 1
    WARNING = 2
    ERROR = 3


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding.

    `text` is what stands in the file (secrets hidden), `message` what is wrong with it, `advice` what to write
    instead (may be empty). No part may hold a secret. `code` is a short stable word for scripts, such as
    `unknown-option`.
    """

    place: Place
    severity: Severity
    message: str
    text: str = ""
    advice: str = ""
    code: str = ""

    def __str__(self) -> str:
        lines = [f"{self.place}: {self.severity.name.lower()}: {self.message}"]
        if self.text:
            lines.append(f"    {printable(self.text)}")
        if self.advice:
            lines.append("    write: " + self.advice.replace("\n", "\n           "))
        return "\n".join(lines)


class Diagnostics:
    """Gathers findings in the order they were found. Adding never raises; a repeated finding is kept once."""

    def __init__(self, listener: Callable[[Diagnostic], None] | None = None) -> None:
        self._found: dict[Diagnostic, None] = {}
        self._counts: dict[tuple[str, str], int] = {}
        self._listener = listener

    def add(self, diagnostic: Diagnostic) -> None:
        """Keep a finding (once), and hand it to the listener.

        Of one kind of finding in one file, `MOST_ALIKE` are kept, so that a broken file floods nothing.
        """
        if diagnostic in self._found:
            return
        kind = (diagnostic.place.file, diagnostic.code)
        count = self._counts[kind] = self._counts.get(kind, 0) + 1
        if count > MOST_ALIKE:
            return
        if count == MOST_ALIKE:
            message = f"{diagnostic.message} (more like this are not shown)"
            diagnostic = replace(diagnostic, message=message)
        self._found[diagnostic] = None
        if self._listener is not None:
            self._listener(diagnostic)

    def error(self, place: Place, message: str, *, text: str = "", advice: str = "", code: str = "") -> None:
        """Add what is not done as written."""
        self.add(Diagnostic(place, Severity.ERROR, message, hide_secrets(text), advice, code))

    def warning(self, place: Place, message: str, *, text: str = "", advice: str = "", code: str = "") -> None:
        """Add what works but is surely not what was meant."""
        self.add(Diagnostic(place, Severity.WARNING, message, hide_secrets(text), advice, code))

    def notice(self, place: Place, message: str, *, text: str = "", advice: str = "", code: str = "") -> None:
        """Add what is good to know: an option without effect yet, for one."""
        self.add(Diagnostic(place, Severity.NOTICE, message, hide_secrets(text), advice, code))

    def extend(self, others: Iterable[Diagnostic]) -> None:
        """Take over findings of another collector."""
        for diagnostic in others:
            self.add(diagnostic)

    def at_least(self, severity: Severity) -> list[Diagnostic]:
        """The findings of this severity or worse."""
        return [found for found in self._found if found.severity >= severity]

    @property
    def errors(self) -> list[Diagnostic]:
        """The findings that are errors."""
        return self.at_least(Severity.ERROR)

    def __iter__(self) -> Iterator[Diagnostic]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def __bool__(self) -> bool:
        return True


def hide_secrets(text: str) -> str:
    """A line without the passwords it may hold."""
    return _LOGIN.sub(r"\1:***@", _SECRET.sub(r"\1\2***", text))


def printable(text: str) -> str:
    """`text` for a terminal or log: control characters and bytes that are no UTF-8 become `\\x..` escapes."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\t" else _escaped(c) for c in text)


def _escaped(char: str) -> str:
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:  # a byte kept by surrogateescape
        code -= 0xDC00
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
