"""Time zones as Asterisk knows them: names of the machine's zone files, and POSIX rules (`CET-1CEST,M3.5.0,M10.5.0/3`).

A zone tells how far its clocks are from UTC at a moment, and which moment a reading of its clocks is.  Other than
`datetime`'s zones these take any 64-bit moment and offsets of more than a day, both of which Asterisk prints.  A rule
may be as short as a number (`5` is five hours behind UTC); daylight saving time without a rule is that of the USA.  A
name that is neither a file nor a rule is UTC.
"""

from __future__ import annotations

import calendar
import datetime
import re
import time
import zoneinfo
from abc import ABC, abstractmethod
from functools import lru_cache
from typing import NamedTuple

_DAY = 86400
#: the calendar repeats itself
_CYCLE_YEARS = 400
_CYCLE = 146097 * _DAY
_INT = 2**31
#: moments that datetime can show in any zone
_FIRST, _LAST = -62135596800 + 2 * _DAY, 253402300799 - 2 * _DAY
#: C's struct tm of a year that does not fit into it
_NOWHEN = time.struct_time((1900, 1, 1, 0, 0, 0, 6, 1, 0, "UTC", 0))


class Reading(NamedTuple):
    """How clocks stand at a moment: seconds ahead of UTC, whether it is daylight saving time, the zone's short name."""

    offset: int
    daylight: int
    name: str


class Zone(ABC):
    """A time zone."""

    #: False for what stands in for a name that nobody knows
    known = True

    @abstractmethod
    def at(self, epoch: int) -> Reading:
        """How the clocks stand at a moment."""

    def broken_down(self, epoch: int) -> time.struct_time:
        """C's struct tm of a moment; all zero where its year does not fit."""
        reading = self.at(epoch)
        days, second = divmod(epoch + reading.offset, _DAY)
        cycles, day = divmod(days, 146097)
        date = datetime.date(1970, 1, 1) + datetime.timedelta(days=day)
        year = date.year + cycles * _CYCLE_YEARS
        if not 1900 - _INT <= year < _INT:
            return _NOWHEN
        clock = (second // 3600, second // 60 % 60, second % 60)
        ordinal = date.toordinal() - datetime.date(date.year, 1, 1).toordinal() + 1
        return time.struct_time(
            (
                year,
                date.month,
                date.day,
                *clock,
                date.weekday(),
                ordinal,
                reading.daylight,
                reading.name,
                reading.offset,
            )
        )

    def moment(self, shown: int) -> int | None:
        """The moment at which the clocks show `shown` (seconds since 1970-01-01 00:00 of theirs); None: they never do.

        Of two such moments the one that a search by halves over all of time meets first, as in Asterisk.
        """
        low, high = -(2**63), 2**63 - 1
        while True:
            middle = max(low, min(high, _half(low) + _half(high)))
            there = middle + self.at(middle).offset
            if there == shown:
                return middle
            if middle == low:
                middle = low = low + 1
            elif middle == high:
                middle = high = high - 1
            if low > high:
                return None
            if there > shown:
                high = middle
            else:
                low = middle


def _half(number: int) -> int:
    """C's number / 2."""
    return number // 2 if number >= 0 else -(-number // 2)


class FileZone(Zone):
    """A zone that the machine's zone files describe."""

    def __init__(self, info: datetime.tzinfo, *, known: bool = True) -> None:
        self._info = info
        self.known = known

    def at(self, epoch: int) -> Reading:
        if epoch > _LAST:
            epoch -= -(-(epoch - _LAST) // _CYCLE) * _CYCLE
        elif epoch < _FIRST:
            epoch = _FIRST
        utc = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC) + datetime.timedelta(seconds=epoch)
        local = utc.astimezone(self._info)
        offset = local.utcoffset() or datetime.timedelta()
        # a zone that does not say has no summer time; C gives no %z without that
        return Reading(int(offset.total_seconds()), int(bool(local.dst())), local.tzname() or "UTC")


class _Day(NamedTuple):
    """A day of the year in a rule, and the second of it at which the clocks change."""

    kind: str
    month: int
    week: int
    day: int
    second: int

    def of(self, year: int) -> int:
        """Seconds from the epoch to that time of that day, as if in UTC."""
        start = calendar.timegm((year, 1, 1, 0, 0, 0))
        if self.kind == "J":
            day = self.day - 1 + int(self.day > 59 and calendar.isleap(year))
        elif self.kind == "M":
            first = datetime.date(year, self.month, 1)
            length = calendar.monthrange(year, self.month)[1]
            day = (self.day - first.isoweekday()) % 7 + 7 * (self.week - 1)
            while day >= length:
                day -= 7
            day += first.timetuple().tm_yday - 1
        else:
            day = self.day
        return start + day * _DAY + self.second


#: seconds by which the clocks are behind UTC of the zone whose days are taken where a rule has none
_EASTERN = 5 * 3600
_NAME = re.compile(r"<([^>]*)>|([^0-9,+-]*)")
_TIME = re.compile(r"(\d{1,3})(?::(\d{1,2})(?::(\d{1,2}))?)?")
_DATE = re.compile(r"J(\d+)|M(\d+)\.(\d+)\.(\d+)|(\d+)")


class RuleZone(Zone):
    """A zone of POSIX's form `std offset [dst [offset] [,start[/time],end[/time]]]`."""

    def __init__(self, text: str) -> None:
        """Raises ValueError for what is no rule."""
        reader = _Reader(text)
        name = reader.name()
        offset = -reader.offset()
        self._standard = self._summer = Reading(offset, 0, name)
        self._days: tuple[_Day, _Day] | None = None
        #: whose clocks change on the same days, as a rule without days says
        self._like: Zone | None = None
        if reader.rest:
            name = reader.name()
            ahead = offset + 3600 if not reader.rest or reader.rest[0] == "," else -reader.offset()
            self._summer = Reading(ahead, 1, name)
            if reader.rest:
                self._days = reader.expect(",").day(), reader.expect(",").day()
                if reader.rest:
                    raise ValueError(f"'{reader.rest}' behind the rule")
            else:
                self._like = FileZone(_first_file("posixrules", "America/New_York"))

    def at(self, epoch: int) -> Reading:
        if self._like is not None:
            # at the same time of standard time, also where that of daylight saving time is not an hour ahead
            theirs = epoch + self._standard.offset + _EASTERN
            return self._summer if self._like.at(theirs).daylight else self._standard
        if self._days is None or epoch < 0:
            return self._standard
        # the rule is the same each four hundred years
        epoch %= _CYCLE
        year = time.gmtime(epoch + self._standard.offset).tm_year
        start = self._days[0].of(year) - self._standard.offset
        end = self._days[1].of(year) - self._summer.offset
        if start < end:
            summer = start <= epoch < end
        else:
            summer = not end <= epoch < start
        return self._summer if summer else self._standard


class _Reader:
    """Takes a POSIX rule apart; raises ValueError."""

    def __init__(self, text: str) -> None:
        self.rest = text

    def _take(self, pattern: re.Pattern[str]) -> re.Match[str]:
        match = pattern.match(self.rest)
        if match is None:
            raise ValueError(f"'{self.rest}' is no part of a time zone")
        self.rest = self.rest[match.end() :]
        return match

    def name(self) -> str:
        match = self._take(_NAME)
        return match[1] or match[2] or ""

    def offset(self) -> int:
        """Seconds behind UTC."""
        sign = -1 if self.rest.startswith("-") else 1
        self.rest = self.rest[1:] if self.rest[:1] in ("+", "-") else self.rest
        return sign * self.seconds()

    def seconds(self) -> int:
        match = self._take(_TIME)
        hours, minutes, seconds = (int(match[n] or 0) for n in (1, 2, 3))
        if match[3] is None and self.rest.startswith(":"):
            raise ValueError(f"nothing behind '{match[0]}:'")
        if hours > 167 or minutes > 59 or seconds > 60:
            raise ValueError(f"'{match[0]}' is no time")
        return hours * 3600 + minutes * 60 + seconds

    def expect(self, mark: str) -> _Reader:
        if not self.rest.startswith(mark):
            raise ValueError(f"'{mark}' is missing before '{self.rest}'")
        self.rest = self.rest[len(mark) :]
        return self

    def day(self) -> _Day:
        julian, month, week, weekday, plain = self._take(_DATE).groups()
        second = 7200
        if self.rest.startswith("/"):
            self.rest = self.rest[1:]
            second = self.seconds()
        if julian and 1 <= int(julian) <= 365:
            return _Day("J", 0, 0, int(julian), second)
        if month and 1 <= int(month) <= 12 and 1 <= int(week) <= 5 and int(weekday) <= 6:
            return _Day("M", int(month), int(week), int(weekday), second)
        if plain and int(plain) <= 365:
            return _Day("D", 0, 0, int(plain), second)
        raise ValueError("no such day")


def _file(name: str) -> datetime.tzinfo:
    if not name.startswith("/"):
        return zoneinfo.ZoneInfo(name)
    with open(name, "rb") as file:
        return zoneinfo.ZoneInfo.from_file(file)


def _first_file(*names: str) -> datetime.tzinfo:
    """The first of some zones that there is; UTC without any."""
    for name in names:
        try:
            return zoneinfo.ZoneInfo(name)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            continue
    return datetime.UTC


def local_zone() -> Zone:
    """The machine's own zone."""
    try:
        return FileZone(zoneinfo.ZoneInfo("localtime"))
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return FileZone(datetime.datetime.now().astimezone().tzinfo or datetime.UTC)


@lru_cache(256)
def _named(name: str) -> Zone:
    try:
        return FileZone(_file(name.removeprefix(":")))
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        pass
    try:
        if name.startswith(":"):
            raise ValueError("no file")
        return RuleZone(name)
    except ValueError:
        return FileZone(datetime.UTC, known=False)


def zone(name: str) -> Zone:
    """A time zone by its name or rule; the machine's for "", UTC (not `known`) for one that does not exist."""
    return _named(name) if name else local_zone()
