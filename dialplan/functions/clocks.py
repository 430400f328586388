"""Functions on time: STRFTIME, STRPTIME."""

from __future__ import annotations

import calendar
import datetime
import re
import time

import numpy as np

from pbx.dialplan.arguments import fields, split
from pbx.dialplan.functions.common import to_int32
from pbx.dialplan.registry import FunctionError, function
from pbx.dialplan.scope import Scope
from pbx.dialplan.zones import Zone, zone

_DECIMAL = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?)")
_FRACTION = re.compile(r"%([1-6]?)q")
_ZONE = re.compile(r"%[EO]?Z")
_DAYS = [d.lower() for d in calendar.day_name]
_MONTHS = [m.lower() for m in calendar.month_name]


def moment_of(text: str) -> tuple[int, int] | None:
    """(seconds, microseconds) of an epoch written as text; None for no number.

    Both are cut, of a long double, as Asterisk does, and before 1970 both are negative.
    """
    match = _DECIMAL.match(text)
    if match is None:
        return None
    value = np.longdouble(match[1])
    if not abs(value) < 2**63:
        return -(2**63), 0
    return int(value), int((value - np.longdouble(int(value))) * 1_000_000)


def _fraction(micros: int, digits: int) -> str:
    return f"{int(micros / 10 ** (6 - digits)):0{digits}d}"


def format_time(seconds: int, micros: int, zone: Zone, form: str) -> str:
    """C's strftime, and `%q` with one to six digits: fractions of a second (`%q` alone: three)."""
    form = form.replace("%%", "\0")
    form = _FRACTION.sub(lambda m: _fraction(micros, int(m[1] or 3)), form)
    if not form:
        return ""
    moment = zone.broken_down(seconds)
    # as in Asterisk, %Z is the machine's own zone, whichever was asked for
    form = _ZONE.sub(time.tzname[min(moment.tm_isdst, 1)], form)
    # a mark before it tells an empty result from a failed one
    return time.strftime("|" + form.replace("\0", "%%"), moment)[1:]


@function(
    "STRFTIME",
    syntax="STRFTIME([epoch][,timezone[,format]])",
    synopsis="A date and time as text",
    module="func_strings",
)
def strftime(scope: Scope, args: str) -> str:
    epoch, name, form = fields(args, 3)
    given = len(split(args, 3)) == 3
    moment = moment_of(epoch)
    if moment is None:
        now = scope.services.switch.wall()
        moment = int(now), int(now % 1 * 1_000_000)
    try:
        return format_time(*moment, zone(name), form if given else "%c")
    except (OverflowError, ValueError, OSError) as error:
        raise FunctionError(str(error)) from None


@function(
    "STRPTIME",
    syntax="STRPTIME(datetime,timezone,format)",
    synopsis="The epoch of a date and time written as text",
    module="func_strings",
)
def strptime(scope: Scope, args: str) -> str:
    text, name, form = fields(args, 3)
    if not text or not form:
        raise FunctionError("needs a date, a zone and a format")
    parsed = _Parser(text).parse(form)
    if parsed is None:
        raise FunctionError(f"'{text}' does not fit '{form}'")
    days = calendar.timegm((parsed.get("Y", 1900), parsed.get("m", 1), 1, 0, 0, 0)) // 86400 + parsed.get("d", 0) - 1
    shown = days * 86400 + parsed.get("H", 0) * 3600 + parsed.get("M", 0) * 60 + parsed.get("S", 0)
    # printed as a C int: what lies before 1901-12-13 (a time without a date is of 1899) comes round from above
    return str(to_int32(zone(name).moment(shown) or 0))


class _Parser:
    """C's strptime, as far as dates in dialplans need it."""

    _NUMBERS = {"Y": 4, "m": 2, "d": 2, "e": 2, "H": 2, "k": 2, "M": 2, "S": 2, "y": 2, "C": 2, "j": 3, "I": 2, "l": 2}
    _SHORTHANDS = {"T": "%H:%M:%S", "D": "%m/%d/%y", "F": "%Y-%m-%d", "R": "%H:%M", "h": "%b", "r": "%I:%M:%S %p"}

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.found: dict[str, int] = {}

    def parse(self, form: str) -> dict[str, int] | None:
        for short, long in self._SHORTHANDS.items():
            form = form.replace("%" + short, long)
        at = 0
        while at < len(form):
            char = form[at]
            at += 1
            if char.isspace():
                self._blanks()
            elif char != "%" or at == len(form):
                if self.text[self.position : self.position + 1] != char:
                    return None
                self.position += 1
            else:
                if not self._conversion(form[at]):
                    return None
                at += 1
        if "half" in self.found:
            self.found["H"] = self.found.get("H", 0) % 12 + 12 * self.found.pop("half")
        if "s" in self.found:
            self.found = self._local(self.found["s"])
        if "C" in self.found:
            self.found["Y"] = self.found["C"] * 100 + self.found.get("Y", 0) % 100
        if "j" in self.found and self.found.keys() & {"Y", "m", "d"}:  # alone it says nothing
            first = datetime.date(self.found.get("Y", 1900), 1, 1)
            day = first + datetime.timedelta(days=self.found.pop("j") - 1)
            self.found |= {"m": day.month, "d": day.day}
        return self.found

    @staticmethod
    def _local(epoch: int) -> dict[str, int]:
        """What the machine's clock shows at an epoch: %s is read into that, and then taken in the zone asked for."""
        try:
            local = time.localtime(epoch)
        except (OverflowError, ValueError, OSError):
            local = time.localtime(0)
        return dict(zip("YmdHMS", local[:6], strict=True))

    def _blanks(self) -> None:
        while self.text[self.position : self.position + 1].isspace():
            self.position += 1

    def _conversion(self, kind: str) -> bool:
        if kind in "nt":
            self._blanks()
            return True
        if kind == "%":
            self.position += 1
            return self.text[self.position - 1 : self.position] == "%"
        self._blanks()
        if kind == "s":
            return self._number("s", 20)
        if kind in self._NUMBERS:
            return self._number(kind, self._NUMBERS[kind])
        if kind in "bB":
            return self._name(_MONTHS, "m")
        if kind in "aA":
            return self._name(_DAYS, "a")
        if kind in "pP":
            word = self.text[self.position : self.position + 2].lower()
            self.position += 2
            if word not in ("am", "pm"):
                return False
            self.found["half"] = int(word == "pm")
            return True
        if kind in "Zz":
            match = re.match(r"[A-Za-z]+|[+-]\d{2}:?\d{2}", self.text[self.position :])
            self.position += match.end() if match else 0
            return True
        return False

    def _number(self, kind: str, most: int) -> bool:
        match = re.match(rf"[+-]?\d{{1,{most}}}", self.text[self.position :])
        if match is None:
            return False
        self.position += match.end()
        number = int(match[0])
        if kind == "y":
            kind, number = "Y", number + (2000 if number < 69 else 1900)
        kind = {"e": "d", "k": "H", "l": "I"}.get(kind, kind)
        limits = {"j": (1, 366), "m": (1, 12), "d": (1, 31), "H": (0, 23), "I": (1, 12), "M": (0, 59), "S": (0, 61)}
        low, high = limits.get(kind, (-(1 << 62), 1 << 62))
        if not low <= number <= high:
            return False
        self.found["H" if kind == "I" else kind] = number
        return True

    def _name(self, names: list[str], kind: str) -> bool:
        rest = self.text[self.position :].lower()
        for number, name in enumerate(names):
            if not name:
                continue
            for form in (name, name[:3]):
                if rest.startswith(form):
                    self.position += len(form)
                    self.found[kind] = number
                    return True
        return False
