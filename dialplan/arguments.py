"""How applications and functions take their arguments apart, as Asterisk does.

`split` is the usual comma list: parentheses, brackets and double quotes keep
commas together; quotes vanish, a backslash takes the next character as it is.
The *last* argument that a caller declares is left exactly as it was written, so
how many are declared matters.  `parse_options` reads option letters with
arguments in parentheses (`L(x:y:z)U(ctx^a^b)`).
"""

from __future__ import annotations

import re

_PLAIN = re.compile(r'[("\[\\]')
_LEADING_INT = re.compile(r"\s*([+-]?\d+)")
_LEADING_FLOAT = re.compile(r"\s*([+-]?(?:\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?))")


def split(text: str, most: int = 0, delimiter: str = ",", *, raw: bool = False) -> list[str]:
    """The arguments of `text`, at most `most` of them (0: no limit); an empty text has none.

    raw: quotes and backslashes stay (an escaped delimiter still does not divide).
    """
    if not text:
        return []
    if most == 1:
        return [text]
    if not _PLAIN.search(text):
        return text.split(delimiter, most - 1) if most else text.split(delimiter)
    found: list[str] = []
    word: list[str] = []
    position, end = 0, len(text)
    round_, square, quoted = 0, 0, False
    while position < end:
        if most and len(found) == most - 1:
            found.append(text[position:])
            return found
        char = text[position]
        position += 1
        if char == delimiter and not round_ and not square and not quoted:
            found.append("".join(word))
            word = []
            if position == end:
                found.append("")
                return found
            continue
        if char == '"':
            quoted = not quoted
            if not raw:
                continue
        elif char == "\\":
            if raw:
                word.append(char)
            if position < end:
                word.append(text[position])
                position += 1
            continue
        elif char == "(":
            round_ += 1
        elif char == ")":
            round_ = max(0, round_ - 1)
        elif char == "[":
            square += 1
        elif char == "]":
            square = max(0, square - 1)
        word.append(char)
    found.append("".join(word))
    return found


def fields(text: str, count: int, delimiter: str = ",") -> list[str]:
    """Exactly `count` arguments, the missing ones empty, the last one as written."""
    found = split(text, count, delimiter)
    return found + [""] * (count - len(found))


def parse_options(text: str) -> tuple[dict[str, str | None], bool]:
    """(letter -> argument, None without parentheses; whole): whole is False after a missing `)`.

    A quoted argument (`L("a)b")`) may hold parentheses; outside quotes a backslash takes the next character.
    """
    found: dict[str, str | None] = {}
    position, end = 0, len(text)
    while position < end:
        letter = text[position]
        position += 1
        if position < end and text[position] == "(":
            argument, position, closed = _option_argument(text, position + 1)
            if not closed:
                return found, False
            found[letter] = argument
        else:
            found[letter] = None
    return found, True


def _option_argument(text: str, position: int) -> tuple[str, int, bool]:
    """The argument from behind its `(`: (text, position behind the `)`, whether it was closed)."""
    word: list[str] = []
    depth, quoted = 1, False
    quotes = text[position : position + 1] == '"'
    end = len(text)
    while position < end:
        char = text[position]
        position += 1
        if char == "(" and not quoted:
            depth += 1
        elif char == ")" and not quoted:
            depth -= 1
            if depth == 0:
                return "".join(word), position, True
        elif char == '"' and quotes:
            quoted = not quoted
            continue
        elif char == "\\" and position < end and (not quoted or text[position] == '"'):
            char = text[position]
            position += 1
        word.append(char)
    return "".join(word), position, False


def leading_int(text: str) -> int | None:
    """The whole number a text begins with (C's %d), None if it begins with none."""
    match = _LEADING_INT.match(text)
    return int(match[1]) if match else None


def leading_float(text: str) -> float | None:
    """The number a text begins with (C's %lf), None if it begins with none."""
    match = _LEADING_FLOAT.match(text)
    return float(match[1]) if match else None


def is_true(text: str | None) -> bool:
    """A condition of GotoIf, IF ...: a number that is not 0, or any other text that is not empty."""
    if not text:
        return False
    number = leading_int(text)
    return bool(number) if number is not None else True


def truth(text: str | None) -> bool:
    """A yes/no setting: yes, true, y, t, 1, on."""
    return (text or "").lower() in {"yes", "true", "y", "t", "1", "on"}


def quote(text: str) -> str:
    """Text in quotes with quotes and backslashes escaped (QUOTE)."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
