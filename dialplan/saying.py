"""What sounds a text is made of when it is said, in English.

Other languages and dates come with say.conf.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

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


def time_of(moment: time.struct_time, form: str) -> Iterator[str]:
    """A date and time by a format of letters, and sounds in quotes."""
    position = 0
    while position < len(form):
        char = form[position]
        position += 1
        if char == "'":
            end = form.find("'", position)
            if end < 0:
                return
            yield form[position:end]
            position = end + 1
        elif char in _PARTS_OF_TIME:
            yield from _PARTS_OF_TIME[char](moment)


def _minutes(moment: time.struct_time) -> Iterator[str]:
    if moment.tm_min == 0:
        yield "digits/oclock"
    else:
        if moment.tm_min < 10:
            yield "digits/oh"
        yield from number_of(str(moment.tm_min))


def _year(moment: time.struct_time) -> Iterator[str]:
    year = moment.tm_year
    if 1100 <= year < 2000 or year >= 2100:
        yield from number_of(str(year // 100))
        if year % 100 == 0:
            yield "digits/hundred"
        else:
            if year % 100 < 10:
                yield "digits/oh"
            yield from number_of(str(year % 100))
    else:
        yield from number_of(str(year))


_PARTS_OF_TIME: dict[str, Callable[[time.struct_time], Iterator[str]]] = {
    "A": lambda t: iter([f"digits/day-{(t.tm_wday + 1) % 7}"]),
    "a": lambda t: iter([f"digits/day-{(t.tm_wday + 1) % 7}"]),
    "B": lambda t: iter([f"digits/mon-{t.tm_mon - 1}"]),
    "b": lambda t: iter([f"digits/mon-{t.tm_mon - 1}"]),
    "h": lambda t: iter([f"digits/mon-{t.tm_mon - 1}"]),
    "d": lambda t: ordinal_of(str(t.tm_mday)),
    "e": lambda t: ordinal_of(str(t.tm_mday)),
    "Y": _year,
    "I": lambda t: number_of(str(t.tm_hour % 12 or 12)),
    "l": lambda t: number_of(str(t.tm_hour % 12 or 12)),
    "H": lambda t: number_of(str(t.tm_hour)),
    "k": lambda t: number_of(str(t.tm_hour)),
    "M": _minutes,
    "S": lambda t: number_of(str(t.tm_sec)),
    "p": lambda t: iter(["digits/p-m" if t.tm_hour >= 12 else "digits/a-m"]),
    "P": lambda t: iter(["digits/p-m" if t.tm_hour >= 12 else "digits/a-m"]),
}
