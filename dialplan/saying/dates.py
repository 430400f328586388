"""Dates and times by a format of letters: which sounds, in each language that Asterisk knows rules for here.

A format holds letters (A day, B month, d day of the month, Y year, I and l hour of
twelve, H and k hour of twenty-four, M minute, S second, p half of the day, Q and q
how long ago, R and T times of day) and sounds in single quotes; blanks mean nothing.
A language is a default format and a table of letters; a letter is a function of the
moment, a format that stands for it, or one of the shared ones.
"""

from __future__ import annotations

import calendar
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pbx.dialplan.saying.numbers import number_of, place_of
from pbx.dialplan.saying.sounds import Needed, digit


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment to be said: its seconds, its local time, what time it is now there; `rest`: the format behind."""

    seconds: int
    local: time.struct_time
    now: time.struct_time
    language: str
    rest: str = ""

    @property
    def weekday(self) -> int:
        """0 is Sunday."""
        return (self.local.tm_wday + 1) % 7

    @property
    def since_1900(self) -> int:
        return self.local.tm_year - 1900

    @property
    def age(self) -> int:
        """Seconds from the beginning of today to it: negative before today."""
        now = self.now
        now_seconds = calendar.timegm(now) - (now.tm_gmtoff or 0)
        return self.seconds - (now_seconds - now.tm_hour * 3600 - now.tm_min * 60 - now.tm_sec)

    @property
    def seconds_follow(self) -> bool:
        return self.rest.lstrip(" \t").startswith("S")

    def number(self, number: int, gender: str = "") -> Iterator[str]:
        return number_of(number, self.language, gender)


Letter = Callable[[Moment], Iterator[str]]


def _file(*names: object) -> Iterator[str]:
    """Sounds that must be there: what is a number is that digit."""
    for name in names:
        yield Needed(digit(name) if isinstance(name, int) else str(name))


def _units(number: int) -> Iterator[str]:
    """20 and 1 for 21, without a sound of the whole."""
    if number < 10 or number % 10 == 0:
        yield from _file(number)
    else:
        yield from _file(number // 10 * 10, number % 10)


def _twelve(moment: Moment) -> int:
    hour = moment.local.tm_hour
    return 12 if hour == 0 else hour - 12 if hour > 12 else hour


# ---- letters that several languages share --------------------------------------------------------------------------


def _day(m: Moment) -> Iterator[str]:
    return _file(f"digits/day-{m.weekday}")


def _month(m: Moment) -> Iterator[str]:
    return _file(f"digits/mon-{m.local.tm_mon - 1}")


def _month_place(m: Moment) -> Iterator[str]:
    return _file(f"digits/h-{m.local.tm_mon}")


def _half(m: Moment) -> Iterator[str]:
    return _file("digits/p-m" if m.local.tm_hour > 11 else "digits/a-m")


def _hour12(m: Moment) -> Iterator[str]:
    return _file(_twelve(m))


def _hour12_oclock(m: Moment) -> Iterator[str]:
    return _file(_twelve(m), "digits/oclock")


def _hour24(m: Moment) -> Iterator[str]:
    return m.number(m.local.tm_hour)


def _minute(m: Moment) -> Iterator[str]:
    return m.number(m.local.tm_min)


def _first_or_number(m: Moment) -> Iterator[str]:
    return _file("digits/h-1") if m.local.tm_mday == 1 else m.number(m.local.tm_mday)


def _seconds_oh(m: Moment) -> Iterator[str]:
    """oh seven, eleven, twenty one."""
    second = m.local.tm_sec
    if 0 < second < 10:
        return _file("digits/oh", second)
    return _file(second) if second < 21 else _units(second)


# ---- English ---------------------------------------------------------------------------------------------------------


def _en_year(m: Moment) -> Iterator[str]:
    year = m.since_1900
    if year > 99:
        yield from m.number(m.local.tm_year)
    elif year > 0:
        yield from _file(19)
        if year < 10:
            yield from _file("digits/oh")
        yield from m.number(year)


def _en_hour24(m: Moment, below: int = 10) -> Iterator[str]:
    hour = m.local.tm_hour
    if hour < below:
        yield from _file("digits/oh")
    if hour:
        yield from _file(20, hour - 20) if hour > 20 else _file(hour)


def _en_minute(m: Moment, whole: str = "digits/oclock") -> Iterator[str]:
    minute = m.local.tm_min
    if minute == 0:
        yield from _file(whole)
    elif minute < 10:
        yield from _file("digits/oh", minute)
    else:
        yield from m.number(minute)


def _en_second(m: Moment) -> Iterator[str]:
    second = m.local.tm_sec
    if second == 0:
        return _file(0)
    return _file("digits/oh", second) if second < 10 else m.number(second)


#: (seconds from the beginning of today that it must be beyond, what is said), the first that fits
_EN_AGE = (
    (15_768_000, "BdY"), (2_628_000, "Bd"), (518_400, "ABd"), (172_800, "A"), (86_400, "'digits/tomorrow'"),
    (0, "'digits/today'"), (-86_400, "'digits/yesterday'"), (-518_400, "A"), (-2_628_000, "ABd"),
    (-15_768_000, "Bd"),
)  # fmt: skip


def _aged(table: tuple[tuple[int, str], ...], else_: str) -> Letter:
    """What depends on how long ago it is."""

    def said(m: Moment) -> Iterator[str]:
        form = next((form for beyond, form in table if m.age > beyond), else_)
        return _by_format(m, form)

    return said


def _ages(whole: str, today: str = "'digits/today'") -> dict[str, Letter]:
    """Q and q of all languages but English."""
    yesterday = "'digits/yesterday'"
    return {
        "Q": _aged(((0, "'digits/today'"), (-86_400, yesterday)), whole),
        "q": _aged(((0, today), (-86_400, yesterday), (-518_400, "A")), whole),
    }


# ---- German ----------------------------------------------------------------------------------------------------------


def _de_year(m: Moment) -> Iterator[str]:
    year = m.local.tm_year
    if year > 1999:
        yield from m.number(year)
    elif year >= 1100:
        yield from _file(year // 100, "digits/hundred")
        if year % 100:
            yield from m.number(year % 100)


def _de_hour12(m: Moment) -> Iterator[str]:
    hour = _twelve(m)
    return _file("digits/1N" if m.local.tm_hour == 1 else hour, "digits/oclock")


def _de_hour24(m: Moment) -> Iterator[str]:
    if m.local.tm_hour == 1:
        yield from _file("digits/1N")
    else:
        yield from m.number(m.local.tm_hour)
    yield from _file("digits/oclock")


def _de_minute(m: Moment) -> Iterator[str]:
    minute = m.local.tm_min
    if m.seconds_follow:
        yield from m.number(minute, "f")
        yield from _file("minute" if minute == 1 else "minutes")
    elif minute > 0:
        yield from m.number(minute)


def _de_second(m: Moment) -> Iterator[str]:
    yield from _file("digits/and")
    yield from m.number(m.local.tm_sec, "f")
    yield from _file("second" if m.local.tm_sec == 1 else "seconds")


# ---- Spanish, French, Italian ----------------------------------------------------------------------------------------


def _es_hour12(m: Moment) -> Iterator[str]:
    return _file("digits/1F" if m.local.tm_hour in (1, 13) else _twelve(m))


def _es_half(m: Moment) -> Iterator[str]:
    hour = m.local.tm_hour
    if hour:
        yield from _file("digits/p-m" if hour > 18 else "digits/afternoon" if hour > 12 else "digits/a-m")


def _fr_year(m: Moment) -> Iterator[str]:
    year = m.since_1900
    if year > 99:
        yield from _file(2, "digits/thousand")
        if year > 100:
            yield from m.number(year - 100)
    elif year > 0:
        yield from _file("digits/thousand")
        yield digit(9)
        yield "digits/hundred"
        yield from m.number(year)


def _fr_hour24(m: Moment) -> Iterator[str]:
    yield from m.number(m.local.tm_hour)
    yield from _file("digits/oclock")


def _fr_minute(m: Moment) -> Iterator[str]:
    if m.local.tm_min:
        yield from m.number(m.local.tm_min)


def _fr_second(m: Moment) -> Iterator[str]:
    yield from m.number(m.local.tm_sec)
    yield from _file("second")


def _it_year(m: Moment) -> Iterator[str]:
    year = m.since_1900
    if year > 99:
        yield from _file("digits/ore-2000")
        if year > 100:
            yield from _file(year - 100)
    elif year > 0:
        yield from _file("digits/ore-1900")
        yield from _file(year) if year <= 21 else _units(year)


def _it_hour24(m: Moment) -> Iterator[str]:
    named = {0: "digits/ore-mezzanotte", 1: "digits/ore-una"}.get(m.local.tm_hour)
    return _file(named) if named else m.number(m.local.tm_hour)


# ---- Chinese ---------------------------------------------------------------------------------------------------------


def _zh_day_of_month(m: Moment) -> Iterator[str]:
    yield from _units(m.local.tm_mday)
    yield from _file("digits/day")


def _zh_year(m: Moment) -> Iterator[str]:
    year = m.since_1900
    if year > 99:
        yield from _file(2, "digits/thousand")
        if year > 100:
            yield from _file(*divmod(year - 100, 10))
    elif year > 0:
        yield from _file(1, 9, *divmod(year, 10))
    yield from _file("digits/year")


def _zh_hour24(m: Moment) -> Iterator[str]:
    yield from _units(m.local.tm_hour)
    yield from _file("digits/oclock")


def _zh_hour24_zero(m: Moment) -> Iterator[str]:
    if m.local.tm_hour < 10:
        yield from _file(0)
    yield from _zh_hour24(m)


def _zh_minute(m: Moment) -> Iterator[str]:
    if m.local.tm_min < 10:
        yield digit(0)
    yield from _units(m.local.tm_min)
    yield from _file("minute")


def _zh_second(m: Moment) -> Iterator[str]:
    if m.local.tm_sec < 10:
        yield digit(0)
    yield from _units(m.local.tm_sec)
    yield from _file("second")


# ---- the languages ---------------------------------------------------------------------------------------------------


def _place(m: Moment) -> Iterator[str]:
    return place_of(m.local.tm_mday, m.language)


def _month_as_place(m: Moment) -> Iterator[str]:
    return place_of(m.local.tm_mon, m.language)


_COMMON: dict[str, Letter] = {"A": _day, "a": _day, "B": _month, "b": _month, "h": _month, "p": _half, "P": _half}


def _table(hour12: Letter, minute: Letter, second: Letter, year: Letter, **more: Letter) -> dict[str, Letter]:
    return _COMMON | {"I": hour12, "l": hour12, "M": minute, "S": second, "Y": year} | more


def _short(form: str) -> Letter:
    """A letter that stands for a format."""
    return lambda m: _by_format(m, form)


_HMS = {"T": _short("HMS")}
_LANGUAGES: dict[str, tuple[str, dict[str, Letter]]] = {
    "en": (
        "ABdY 'digits/at' IMp",
        _table(_hour12, _en_minute, _en_second, _en_year, m=_month_as_place, d=_place, e=_place, H=_en_hour24,
               k=lambda m: _en_hour24(m, 1), N=lambda m: _en_minute(m, "digits/hundred"), Q=_aged(_EN_AGE, "BdY"),
               q=_aged(_EN_AGE, "BdY"), R=_short("HM"), **_HMS),
    ),
    "de": (
        "A dBY HMS",
        _table(_de_hour12, _de_minute, _de_second, _de_year, m=_month_as_place, d=_place, e=_place, H=_de_hour24,
               k=_de_hour24, R=_short("HM"), **_ages("AdBY", ""), **_HMS),
    ),
    "es": (
        "'digits/es-el' Ad 'digits/es-de' B 'digits/es-de' Y 'digits/at' IMp",
        _table(_es_hour12, _minute, _seconds_oh, lambda m: m.number(m.local.tm_year), m=_month_place,
               d=lambda m: m.number(m.local.tm_mday), e=lambda m: m.number(m.local.tm_mday), H=_hour24, k=_hour24,
               p=_es_half, P=_es_half, R=_short("H 'digits/y' M"),
               **_ages("'digits/es-el' Ad 'digits/es-de' B 'digits/es-de' Y"), **_HMS),
    ),
    "fr": (
        "AdBY 'digits/at' IMp",
        _table(_hour12_oclock, _fr_minute, _fr_second, _fr_year, m=_month_place, d=_first_or_number,
               e=_first_or_number, H=_fr_hour24, k=_fr_hour24, R=_short("HM"), **_ages("AdBY", ""), **_HMS),
    ),
    "it": (
        "AdB 'digits/at' IMp",
        _table(_hour12, _minute, _seconds_oh, _it_year, m=_month_place, d=_first_or_number, e=_first_or_number,
               H=_it_hour24, k=_it_hour24, R=_short("HM"), **_ages("AdB", ""), **_HMS),
    ),
    "zh": (
        "YBdAkM",
        _table(_hour12_oclock, _zh_minute, _zh_second, _zh_year, m=_month, d=_zh_day_of_month, e=_zh_day_of_month,
               H=_zh_hour24_zero, k=_zh_hour24, R=_short("kM"), **_ages("YBdA", ""), **_HMS),
    ),
}  # fmt: skip


def _rules(language: str) -> tuple[str, dict[str, Letter]]:
    return _LANGUAGES.get(language[:2].lower(), _LANGUAGES["en"])


def date_of(moment: Moment, form: str, unknown: Callable[[str], None] = lambda letter: None) -> Iterator[str]:
    """A moment by a format ("": the language's own); letters that mean nothing are told to `unknown`."""
    return _by_format(moment, form or _rules(moment.language)[0], unknown)


def _by_format(moment: Moment, form: str, unknown: Callable[[str], None] = lambda letter: None) -> Iterator[str]:
    letters = _rules(moment.language)[1]
    position = 0
    while position < len(form):
        char = form[position]
        position += 1
        if char == "'":
            end = form.find("'", position)
            end = len(form) if end < 0 else end
            yield Needed(form[position:end])
            position = end + 1
        elif char in letters:
            here = Moment(moment.seconds, moment.local, moment.now, moment.language, form[position:])
            yield from letters[char](here)
        elif char not in " \t":
            unknown(char)
