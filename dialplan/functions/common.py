"""What several functions share: values by name, escapes of single characters, C's ways with numbers."""

from __future__ import annotations

import re

from pbx.dialplan.octets import narrowed, widened
from pbx.dialplan.scope import Scope
from pbx.dialplan.substitution import value

_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}
_HEX = re.compile(r"x([0-9A-Fa-f]{0,2})")
_OCTAL = re.compile(r"[0-7]+")
_INT = re.compile(r"\s*([+-]?\d+)")
_FLOAT = re.compile(r"\s*([+-]?(?:0x[0-9a-f]+|(?>\d+\.?\d*|\.\d+)(?:e[+-]?\d+|(?!e))|inf(?:inity)?|nan))", re.I)
_LONG_MAX = 2**63 - 1


def value_of(scope: Scope, name: str) -> str:
    """What `${name}` gives; the name may be that of a function with arguments, or carry `:offset:length`."""
    return value(name, scope) if name else ""


def encoded_char(text: str, position: int = 0) -> tuple[str, int]:
    """(the character that stands at `position`, escapes read, the position behind it); ("", position) at the end.

    There is none ("") either where a `\\x` has no digits behind it.
    """
    if position >= len(text):
        return "", position
    char = text[position]
    if char != "\\" or position + 1 >= len(text):
        return ("", position + 1) if char == "\\" else (char, position + 1)
    following = text[position + 1]
    if following in _ESCAPES:
        return _ESCAPES[following], position + 2
    match = _HEX.match(text, position + 1)
    if match:
        return chr(int(match[1], 16)) if match[1] else "", match.end()
    if following == "0":
        match = _OCTAL.match(text, position + 1)
        assert match is not None
        return chr(int(match[0], 8) & 0xFF), match.end()
    return following, position + 2


def encoded(text: str) -> str:
    """A text with its escapes read (`\\n`, `\\x41`, `\\,`)."""
    if "\\" not in text:
        return text
    wide, out, position = widened(text), [], 0
    while position < len(wide):
        char, position = encoded_char(wide, position)
        out.append(char)
    joined = "".join(out)
    return joined if joined.isascii() else narrowed(joined)


def c_int(text: str) -> int | None:
    """A number as sscanf("%d") reads it: what the text begins with, cut to 32 bits; None if it begins with none."""
    match = _INT.match(text)
    if match is None:
        return None
    number = max(-_LONG_MAX - 1, min(_LONG_MAX, int(match[1])))
    return to_int32(number)


def to_int32(number: int) -> int:
    """A whole number cut to C's int."""
    return (number + 2**31) % 2**32 - 2**31


def c_float(text: str) -> float | None:
    """A number as sscanf("%lf") reads it."""
    match = _FLOAT.match(text)
    if match is None:
        return None
    word = match[1]
    if "x" in word.lower() and word.lower() not in ("inf", "nan"):
        sign = -1 if word.startswith("-") else 1
        return float(sign * int(word.lstrip("+-"), 16))
    return float(word)


def double_to_int(value: float) -> int:
    """(int) of a double as x86 does it: what does not fit gives the smallest int."""
    if value != value or not -2147483649 < value < 2147483648:
        return -(2**31)
    return int(value)
