"""Reads the value of one `exten =>` or `same =>` line."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from sys import intern
from typing import Any, NamedTuple

from lark import Lark, Token, Transformer, UnexpectedInput, UnexpectedToken
from lark.visitors import v_args

#: Steps remembered (`n`, `1`, `n(label)`).
MEMO = 4096


class Line(NamedTuple):
    """The parts of a line as written; `extension` is None for `same`.

    `number` is `1`, `n`, `s`, `hint` or a label; `offset` what stands behind its `+` (None: no `+`).
    """

    extension: str | None
    number: str
    offset: str | None
    label: str | None
    application: str
    data: str
    #: the parenthesis of the application data was never closed
    unclosed: bool = False


class LineError(Exception):
    """A line that Asterisk refuses; `column` counts from 0 in the value."""

    def __init__(self, column: int, message: str, advice: str) -> None:
        super().__init__(message)
        self.column = column
        self.message = message
        self.advice = advice


def _call(text: str) -> tuple[str, str, bool]:
    """(application, data, unclosed) of `Application(data)`: data ends at the last `)` of the line."""
    name, parenthesis, data = text.lstrip().partition("(")
    name = intern(name)
    if not parenthesis:
        return name, "", False
    if "${" in name or "$[" in name:
        # no application yet: a hint with a variable in it
        return name + parenthesis + data, "", False
    end = data.rfind(")")
    return (name, data, True) if end < 0 else (name, data[:end], False)


@v_args(inline=True)
class _Parts(Transformer[Token, Line]):
    """Builds a Line while the parser runs; no tree is made."""

    def step(self, *tokens: Token) -> dict[str, str]:
        return {token.type: str(token) for token in tokens}

    def same(self, step: dict[str, str], call: Token | None = None) -> Line:
        offset = step.get("OFFSET")
        label = step.get("LABEL")
        # blanks around the whole are no part of it, those before `(` and `+` are
        number = step.get("NUMBER", "").lstrip()
        return Line(
            None,
            number.rstrip() if offset is None and label is None else number,
            None if offset is None else offset[1:],
            None if label is None else label[1:-1],
            *_call("" if call is None else call[1:]),
        )

    def exten(self, extension: Token, rest: Line) -> Line:
        return rest._replace(extension=str(extension))


_memo: dict[str, Line] = {}


@cache
def _grammar() -> Lark:
    return Lark(
        files("pbx.dialplan").joinpath("grammar.lark").read_text(encoding="utf-8"),
        start=["exten", "same"],
        parser="lalr",
        lexer="contextual",
        transformer=_Parts(),
    )


@cache
def _extension() -> re.Pattern[str]:
    """The terminal of that name with its comma: what stands behind it is remembered without it."""
    terminal = next(t for t in _grammar().terminals if t.name == "EXTENSION")
    return re.compile(terminal.pattern.to_regexp() + ",")


def parse_line(kind: str, value: str) -> Line:
    """The parts of the value of an `exten` or `same` line (`kind`).  Raises LineError."""
    if kind == "same":
        try:
            return _same(value)
        except LineError:
            return _parse(kind, value)
    head = _extension().match(value)
    if head is None:
        return _parse(kind, value)
    try:
        line = _same(value[head.end() :])
    except LineError:
        return _parse(kind, value)
    return Line(head[0][:-1], *line[1:])


def extension_of(value: str) -> str:
    """The extension of an `exten` line that is wrong elsewhere: `same` lines behind it belong to that."""
    head = _extension().match(value)
    return value if head is None else head[0][:-1]


def _same(rest: str) -> Line:
    """`step[,call]`.  The grammar reads the step, and each step only once; a call is one terminal of it."""
    step, comma, call = rest.partition(",")
    line = _memo.get(step)
    if line is None:
        line = _parse("same", step)
        if len(_memo) >= MEMO:
            _memo.clear()
        _memo[step] = line
    return Line(None, line.number, line.offset, line.label, *_call(call)) if comma else line


def _parse(kind: str, value: str) -> Line:
    try:
        parsed: Any = _grammar().parse(value, start=kind)
    except UnexpectedInput as error:
        raise _explain(kind, value, error) from None
    line: Line = parsed
    return line


def _explain(kind: str, value: str, error: UnexpectedInput) -> LineError:
    column = error.pos_in_stream if error.pos_in_stream is not None and error.pos_in_stream >= 0 else len(value)
    if isinstance(error, UnexpectedToken) and error.token.type == "$END":
        column = len(value)
    form = "exten => NUMBER,PRIORITY,Application(arguments)" if kind == "exten" else "same => n,Application(arguments)"
    rest = value[column:]
    if kind == "exten" and value.startswith(","):
        return LineError(0, "no extension before the first comma", form)
    if rest.startswith("["):
        return LineError(column, "'[' without ']' in the extension", f"close the set: {value[:column]}[...]")
    if rest.startswith("("):
        return LineError(column, "a label without ')'", "n(label)")
    if column >= len(value):
        return LineError(column, "the line ends before its priority", form)
    return LineError(column, f"{rest[:1]!r} is not expected here", form)
