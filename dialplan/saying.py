"""What sounds a text is made of when it is said, in English.

Other languages and dates come with say.conf.
"""

from __future__ import annotations

from collections.abc import Iterator

_SIGNS = {"*": "digits/star", "#": "digits/pound", "-": "digits/minus"}
_LETTERS = {
    "!": "exclaimation-point", "@": "at", "$": "dollar", "#": "pound", "*": "asterisk", "+": "plus", "-": "dash",
    "/": "slash", "=": "equals", " ": "space", ".": "dot",
}  # fmt: skip


def digits_of(text: str) -> Iterator[str]:
    """Digit by digit."""
    for char in text:
        if char in "0123456789":
            yield f"digits/{char}"
        elif char in _SIGNS:
            yield _SIGNS[char]


def letters_of(text: str) -> Iterator[str]:
    """Letter by letter."""
    for char in text.lower():
        if char in "0123456789":
            yield f"digits/{char}"
        else:
            yield f"letters/{_LETTERS.get(char, char)}"


def phonetic_of(text: str) -> Iterator[str]:
    """By the phonetic alphabet."""
    for char in text.lower():
        if char in "0123456789":
            yield f"digits/{char}"
        elif char.isascii() and char.isalpha():
            yield f"phonetic/{char}_p"
        else:
            yield f"letters/{_LETTERS.get(char, char)}"


def number_of(text: str) -> Iterator[str]:
    """A whole number in English."""
    try:
        number = int(text)
    except ValueError:
        return
    if number < 0:
        yield "digits/minus"
        number = -number
    if number == 0:
        yield "digits/0"
    for unit, name in ((1_000_000, "digits/million"), (1_000, "digits/thousand"), (100, "digits/hundred")):
        if number >= unit:
            yield from number_of(str(number // unit))
            yield name
            number %= unit
    if number > 20:
        yield f"digits/{number // 10 * 10}"
        number %= 10
    if number > 0:
        yield f"digits/{number}"


def ordinal_of(text: str) -> Iterator[str]:
    """The first, the second ... in English: the last sound is the ordinal one."""
    sounds = list(number_of(text))
    if not sounds:
        return
    yield from sounds[:-1]
    folder, _, name = sounds[-1].rpartition("/")
    yield f"{folder}/h-{name}"


def money_of(text: str) -> Iterator[str]:
    """Dollars and cents."""
    dollars, _, rest = text.partition(".")
    cents = (rest + "00")[:2] if rest else "00"
    if not dollars.isdigit() or not cents.isdigit():
        return
    if int(dollars):
        yield from number_of(dollars)
        yield "letters/dollar_" if int(dollars) == 1 else "dollars"
    if int(cents):
        if int(dollars):
            yield "and"
        yield from number_of(cents)
        yield "cent" if int(cents) == 1 else "cents"
