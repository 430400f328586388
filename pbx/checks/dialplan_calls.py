"""What is run: each application that a line of the dialplan names, those within ExecIf, Exec and TryExec too."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pbx.checks.configuration import Configuration
from pbx.conf.diagnostics import Place
from pbx.dialplan.model import HINT, Context, Extension, Priority

#: What opens and closes in application data.
_OPEN, _CLOSE = "([{", ")]}"


@dataclass(frozen=True)
class Call:
    """`application(data)`, run by a priority; `offset` is where `data` begins in the data of that."""

    configuration: Configuration
    context: Context
    extension: Extension
    priority: Priority
    application: str
    data: str
    offset: int = 0

    @property
    def name(self) -> str:
        """The application, in small letters."""
        return self.application.lower()

    @property
    def nested(self) -> bool:
        """Whether another application runs it."""
        return self.application is not self.priority.application

    @property
    def text(self) -> str:
        """The line as one would write it."""
        return line_of(self.extension, self.priority)

    @property
    def name_place(self) -> Place:
        """Where the application is named."""
        if self.nested:
            return self.at(-len(self.application) - 1)
        return self.configuration.place_in(self.priority, self.application)

    def at(self, offset: int) -> Place:
        """The place of that character of the data."""
        return self.configuration.place_at(self.priority, self.offset + offset)

    def place_of(self, part: str, start: int = 0) -> Place:
        """Where a part of the data stands."""
        return self.at(max(self.data.find(part, start), 0))

    def warn(self, place: Place, message: str, advice: str, code: str) -> None:
        """A finding about this call."""
        self.configuration.found.warning(place, message, text=self.text, advice=advice, code=code)


def steps(configuration: Configuration) -> Iterator[tuple[Context, Extension, Priority]]:
    """Every priority that a file holds."""
    for context in configuration.contexts.values():
        for extension in context:
            for number, priority in extension.priorities.items():
                if number != HINT and priority.line:
                    yield context, extension, priority


def calls(configuration: Configuration) -> Iterator[Call]:
    """Every application that a file names, with those that they run."""
    for context, extension, priority in steps(configuration):
        call = Call(configuration, context, extension, priority, priority.application, priority.data)
        yield call
        yield from _within(call)


def _within(call: Call) -> Iterator[Call]:
    parts: list[str] = []
    if call.name in ("exec", "tryexec"):
        parts = [call.data]
    elif call.name in ("execif", "execiftime"):
        yes, _, no = cut(cut(call.data, "?")[2], ":")
        parts = [yes, no]
    start = len(cut(call.data, "?")[0]) if len(parts) > 1 else 0
    for part in parts:
        start = call.data.find(part, start)
        application, bracket, rest = part.partition("(")
        if application.strip() and "$" not in application:
            data = rest[: rest.rfind(")")] if ")" in rest else rest
            offset = call.offset + start + len(application) + len(bracket)
            inner = Call(
                call.configuration, call.context, call.extension, call.priority, application.strip(), data, offset
            )
            yield inner
            yield from _within(inner)
        start += len(part)


def cut(text: str, mark: str, *, quotes: bool = False) -> tuple[str, str, str]:
    """`str.partition` at the first `mark` that stands in no `${}`, `$[]` or `()`, and with `quotes` in no `"..."`."""
    depth, quoted = 0, False
    for at, char in enumerate(text):
        if char == mark and not depth and not quoted:
            return text[:at], mark, text[at + 1 :]
        if char == '"' and quotes:
            quoted = not quoted
        elif char in _OPEN:
            depth += 1
        elif char in _CLOSE and depth:
            depth -= 1
    return text, "", ""


def divided(text: str) -> list[tuple[int, str]]:
    """(offset, text) of each argument; a comma within `${}`, `$[]`, `()` or quotes does not divide."""
    found, start = [], 0
    while True:
        head, mark, _ = cut(text[start:], ",", quotes=True)
        found.append((start, head))
        if not mark:
            return found
        start += len(head) + 1


def line_of(extension: Extension, priority: Priority) -> str:
    """The line as one would write it."""
    number = "hint" if priority.number == HINT else str(priority.number)
    call = priority.application if priority.number == HINT else f"{priority.application}({priority.data})"
    return f"exten => {extension.name},{number},{call}"
