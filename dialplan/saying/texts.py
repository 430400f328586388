"""Digits, letters, the phonetic alphabet: a text said character by character.

Characters for which there is no sound are passed over, so all of these ask `exists`.
"""

from __future__ import annotations

from collections.abc import Iterator

from pbx.dialplan import octets
from pbx.dialplan.saying.sounds import Exists

_SIGNS = {
    "*": "digits/star", "#": "digits/pound", "!": "letters/exclaimation-point", "@": "letters/at",
    "$": "letters/dollar", "-": "letters/dash", ".": "letters/dot", "=": "letters/equals", "+": "letters/plus",
    "/": "letters/slash", " ": "letters/space",
}  # fmt: skip
_IN_DIGITS = {"*": "digits/star", "#": "digits/pound", "-": "digits/minus"}
_DIGITS = "0123456789"


def digits_of(text: str, exists: Exists) -> Iterator[str]:
    """Digit by digit; everything that is no digit, star, pound or minus is passed over."""
    for char in text:
        name = f"digits/{char}" if char in _DIGITS else _IN_DIGITS.get(char)
        if name is not None and exists(name):
            yield name


def letters_of(text: str, exists: Exists, case: str = "n") -> Iterator[str]:
    """Letter by letter; `case`: say of which letters that they are upper or lower case (a all, u, l, n none)."""
    for byte in octets.to_bytes(text):
        char = chr(byte)
        name = _SIGNS.get(char) or (f"digits/{char}" if char in _DIGITS else "")
        if not name:
            if "A" <= char <= "Z" and case in "au":
                yield from _first(exists, "uppercase", byte)
            elif "a" <= char <= "z" and case in "al":
                yield from _first(exists, "lowercase", byte)
            name = f"letters/{char.lower() if char.isascii() else char}"
        yield from _first(exists, name, byte)


def _first(exists: Exists, name: str, byte: int) -> Iterator[str]:
    """The sound of that name, else that of the character's number."""
    for candidate in (name, f"letters/ascii{byte - 256 if byte > 127 else byte}"):
        if exists(candidate):
            yield candidate
            return


def phonetic_of(text: str, exists: Exists) -> Iterator[str]:
    """By the phonetic alphabet; 9 belongs to it too."""
    for char in text:
        name = _SIGNS.get(char) or (
            f"digits/{char}" if char in "012345678" else f"phonetic/{char.lower() if char.isascii() else char}_p"
        )
        if exists(name):
            yield name
