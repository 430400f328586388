"""Whole numbers in words: which sounds, in which order, in each language that Asterisk knows rules for here.

Each rule is a generator over a number and a gender letter (f, m, n, c, "").  A
number too large for a language is said as far as it goes: not at all.
"""

from __future__ import annotations

from collections.abc import Iterator

from pbx.dialplan.functions.common import c_int, to_int32
from pbx.dialplan.saying.sounds import INT_MAX, INT_MIN, Numbers, digit, needed

MINUS = "digits/minus"
HUNDRED, THOUSAND, MILLION = "digits/hundred", "digits/thousand", "digits/million"
BILLION = 1_000_000_000


def number_of(number: int, language: str = "en", gender: str = "") -> Iterator[str]:
    """A number in that language; English where there are no rules for it."""
    return _rules(language)(number, gender)


def _rules(language: str) -> Numbers:
    folded = language.lower()
    if folded.startswith("en_gb"):
        return _british
    return _LANGUAGES.get(folded[:2], english)


def _sign(number: int) -> tuple[list[str], int]:
    """(the sounds of zero or of the sign, what is left to be said)."""
    if number == 0:
        return [digit(0)], 0
    if number < 0:
        return [MINUS], 0 if number == INT_MIN else -number
    return [], number


def _tens(number: int) -> Iterator[str]:
    """1 to 99, as twenty one."""
    if number >= 20:
        yield digit(number // 10 * 10)
        number %= 10
    if number:
        yield digit(number)


def _hundreds(number: int) -> Iterator[str]:
    """1 to 999, as one hundred twenty one."""
    if number >= 100:
        yield digit(number // 100)
        yield HUNDRED
        number %= 100
    yield from _tens(number)


_ENGLISH_UNITS = ((BILLION, "digits/billion"), (1_000_000, MILLION), (1_000, THOUSAND))


def english(number: int, gender: str = "") -> Iterator[str]:
    """English (US), and every language without rules of its own; all sounds must be there."""
    sign, number = _sign(number)
    yield from needed(iter(sign))
    if number == INT_MAX:
        return
    for unit, name in _ENGLISH_UNITS:
        if number >= unit:
            yield from needed(_hundreds(number // unit))
            yield from needed(iter((name,)))
            number %= unit
    yield from needed(_hundreds(number))


def _british(number: int, gender: str) -> Iterator[str]:
    sign, number = _sign(number)
    yield from sign
    if number >= BILLION:
        return
    for unit, name in ((1_000_000, MILLION), (1_000, THOUSAND)):
        if number >= unit:
            yield from _british(number // unit, "")
            yield name
            number %= unit
            if 0 < number < 100:
                yield "vm-and"
    if number >= 100:
        yield digit(number // 100)
        yield HUNDRED
        number %= 100
        if number:
            yield "vm-and"
    yield from _tens(number)


def _german(number: int, gender: str) -> Iterator[str]:
    sign, number = _sign(number)
    yield from sign
    alone = number
    for unit, one, many in (
        (BILLION, ("digits/1F", "digits/milliard"), "digits/milliards"),
        (1_000_000, ("digits/1F", MILLION), "digits/millions"),
    ):
        if number >= unit:
            count, number = divmod(number, unit)
            if count == 1:
                yield from one
            else:
                yield from _german(count, gender)
                yield many
    if number >= 1_000:
        count, number = divmod(number, 1_000)
        if count > 1:
            yield from _german(count, gender)
        elif alone != 1_000:
            yield "digits/1N"
        yield THOUSAND
    if number >= 100:
        count, number = divmod(number, 100)
        if count > 1 or alone != 100:
            yield "digits/1N" if count == 1 else digit(count)
        yield HUNDRED
    if number == 1 and gender[:1] in ("f", "F"):
        yield "digits/1F"
    elif number >= 20 and number % 10:
        yield f"digits/{number % 10}-and"
        yield digit(number // 10 * 10)
    elif number:
        yield digit(number)


def _spanish(number: int, gender: str) -> Iterator[str]:
    sign, number = _sign(number)
    yield from sign
    if number >= 2_147_483_640:
        return
    if number >= 1_000_000:
        count, number = divmod(number, 1_000_000)
        yield from _spanish(count, "M" if count == 1 else gender)
        yield MILLION if count == 1 else "digits/millions"
    if number >= 1_000:
        count, number = divmod(number, 1_000)
        if count > 1:
            yield from _spanish(count, gender)
        yield THOUSAND
    if number >= 200:
        yield digit(number // 100 * 100)
        number %= 100
    elif number > 100:
        yield "digits/100-and"
        number -= 100
    if number > 30 and number != 100:
        yield digit(number // 10 * 10)
        number %= 10
        if number:
            yield "digits/and"
    if number == 1 and gender[:1].upper() in ("F", "M"):
        yield digit("1" + gender[0].upper())
    elif number:
        yield digit(number)


def _french(number: int, gender: str) -> Iterator[str]:
    sign, number = _sign(number)
    yield from sign
    if number >= BILLION:
        return
    if number >= 1_000_000:
        yield from _french(number // 1_000_000, gender)
        yield MILLION
        number %= 1_000_000
    if number >= 1_000:
        if number >= 2_000:
            yield from _french(number // 1_000, gender)
        yield THOUSAND
        number %= 1_000
    if number >= 100:
        if number >= 200:
            yield digit(number // 100)
        yield HUNDRED
        number %= 100
    if number >= 80:
        yield digit(80)
        number -= 80
    elif number >= 21:
        ten = min(number // 10, 6) * 10
        yield digit(ten)
        if number % 10 == 1:
            yield "digits/et"
        number -= ten
    if number == 1 and gender[:1] in ("f", "F"):
        yield "digits/1F"
    elif number:
        yield digit(number)


def _italian(number: int, gender: str) -> Iterator[str]:
    sign, number = _sign(number)
    yield from sign
    if number >= BILLION:
        return
    for unit, one, many in ((1_000_000, MILLION, "digits/millions"), (1_000, THOUSAND, "digits/thousands")):
        if number >= unit:
            count, number = divmod(number, unit)
            if count > 1:
                yield from _italian(count, "")
            yield one if count == 1 else many
    if number >= 100:
        if number >= 200:
            yield digit(number // 100)
        yield HUNDRED
        number %= 100
    if number > 20 and number % 10 in (1, 8):
        # venti and uno melt into one word, so there is a sound of it
        yield digit(number)
    else:
        yield from _tens(number)


def _last_russian(number: int) -> int:
    """What the ending of a Russian unit goes by: 1 to 19 of a number below 1000."""
    return number % 100 if number % 100 < 20 else number % 10


def _russian(number: int, gender: str) -> Iterator[str]:
    sign, number = _sign(number)
    yield from sign
    if number >= BILLION:
        return
    for unit, ends in (
        (1_000_000, (MILLION, "digits/million-a", "digits/millions")),
        (1_000, (THOUSAND, "digits/thousands-i", "digits/thousands")),
    ):
        if number >= unit:
            count, number = divmod(number, unit)
            last = _last_russian(count)
            yield from _russian(count, "f" if unit == 1_000 and last < 3 else "")
            yield ends[0] if last == 1 else ends[1] if 1 < last < 5 else ends[2]
    if number >= 100:
        yield digit(number // 100 * 100)
        number %= 100
    if number >= 20:
        yield digit(number // 10 * 10)
        number %= 10
    if number:
        yield digit(f"{number}{gender}" if number < 3 and len(gender) == 1 else number)


def _chinese(number: int, gender: str) -> Iterator[str]:
    sign, number = _sign(number)
    yield from sign
    if number >= BILLION:
        return
    #: how many digits stood before what has been said; a gap between is said as one zero
    before = 0
    for unit, name in ((100_000_000, "digits/yi"), (10_000, "digits/wan")):
        if number >= unit:
            before = len(str(number))
            yield from _chinese(number // unit, "")
            yield name
            number %= unit
    for unit, name in ((1_000, THOUSAND), (100, HUNDRED), (10, ""), (1, "")):
        if number >= unit:
            length = len(str(number))
            if unit < 1_000 and before - length > 1:
                yield digit(0)
            before = length
            yield digit(number // unit * (unit if unit == 10 else 1))
            if name:
                yield name
            number %= unit


_LANGUAGES: dict[str, Numbers] = {
    "de": _german,
    "es": _spanish,
    "fr": _french,
    "it": _italian,
    "ru": _russian,
    "zh": _chinese,
}


def ordinal_of(number: int) -> Iterator[str]:
    """First, second ... in English, for every language: the last sound is the ordinal one."""
    if number == 0:
        return
    sounds = list(english(number))
    if not sounds or sounds[-1] == MINUS:
        yield from sounds
        return
    yield from sounds[:-1]
    folder, _, name = sounds[-1].rpartition("/")
    yield from needed(iter((f"{folder}/h-{name}",)))


def place_of(number: int, language: str) -> Iterator[str]:
    """The first to the thirty-first as dates say them (English and German)."""
    german = language[:2].lower() == "de"
    if number < 20 or not number % 10:
        yield f"digits/h-{number}"
    elif german:
        yield f"digits/{number % 10}-and"
        yield f"digits/h-{number // 10 * 10}"
    else:
        yield digit(number // 10 * 10)
        yield f"digits/h-{number % 10}"


def money_of(text: str) -> Iterator[str]:
    """Dollars and cents, in English for every language."""
    dollars, cents = _amount(text)
    total = to_int32(to_int32(dollars * 100) + cents)
    if total >= 100:
        yield from english(total // 100)
        yield from needed(iter(("dollars" if total >= 200 else "letters/dollar_" if cents > 0 else "letters/dollar",)))
        if cents > 0:
            yield from needed(iter(("and",)))
    if cents > 0:
        yield from english(cents)
        yield from needed(iter(("cent" if cents == 1 else "cents",)))
    elif total == 0:
        yield from needed(iter((digit(0), "cents")))


def _amount(text: str) -> tuple[int, int]:
    """(dollars, cents) of a text: as much of it as is a number, at most two digits behind the dot."""
    whole, dot, rest = text.partition(".")
    dollars = 0
    if whole:
        number = c_int(whole)
        if number is None or not dot or not whole.strip().lstrip("+-").isdigit():
            return number or 0, 0
        dollars = number
    end = 0
    while end < min(2, len(rest)) and rest[end] in "0123456789":
        end += 1
    return dollars, int(rest[:end] or 0)
