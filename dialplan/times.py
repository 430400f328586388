"""Times as GotoIfTime, IFTIME and `include => ctx,times` write them: `9:00-17:00,mon-fri,*,*[,zone]`.

Several ranges are joined by `&`; ranges of times, weekdays, days and months go round (`22:00-6:00`, `fri-mon`).  A
part that makes no sense never holds.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from pbx.dialplan.zones import zone

_MINUTES = 24 * 60
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
# two characters, a sign being one of them
_CLOCK = re.compile(r"\s*([-+]\d|\d{1,2}):\s*([-+]\d|\d{1,2})")
_COUNT = re.compile(r"\s*([-+]\d|\d{1,2})")


class Moment(NamedTuple):
    """A point in time as masks see it: `minute` of the day, the others from 0; weekday 0 is Sunday."""

    minute: int
    weekday: int
    day: int
    month: int


class Timing:
    """`times,weekdays,days,months[,zone]`, compiled to bit masks.

    `problems` holds what made no sense, in words for people.
    """

    __slots__ = ("_days", "_minutes", "_months", "_weekdays", "problems", "zone")

    def __init__(self, text: str) -> None:
        self.problems: list[str] = []
        fields = re.split(r"[,|]", text)
        # with more fields than five Asterisk knows no zone
        self.zone = fields[4] if len(fields) == 5 else ""
        if not zone(self.zone).known:
            self.problems.append(f"unknown time zone {self.zone!r}, taken for UTC")
        parts = [*fields[:4], "", "", ""]
        self._minutes = self._clock(parts[0])
        self._weekdays = self._range(parts[1], 7, _WEEKDAYS, "day of week")
        self._days = self._range(parts[2], 31, (), "day")
        self._months = self._range(parts[3], 12, _MONTHS, "month")

    @classmethod
    def parse(cls, text: str) -> Timing | None:
        """None when the text holds no timing at all."""
        return cls(text) if text else None

    def _clock(self, text: str) -> int:
        if text in ("", "*"):
            return (1 << _MINUTES) - 1
        mask = 0
        for part in text.split("&"):
            first, dash, last = part.partition("-")
            begin = _minute(first)
            end = _minute(re.sub(r"^[^0-9]+", "", last)) if dash else begin
            if begin is None or end is None:
                self.problems.append(f"{part!r} is no time or range of times (hh:mm or hh:mm-hh:mm)")
                continue
            mask |= _round(begin, end, _MINUTES)
        return mask

    def _range(self, text: str, size: int, names: tuple[str, ...], what: str) -> int:
        if text in ("", "*"):
            return (1 << size) - 1
        mask = 0
        for part in text.split("&"):
            first, dash, last = part.partition("-")
            begin = _position(first, size, names)
            end = _position(last, size, names) if dash else begin
            if begin is None or end is None:
                known = ", ".join(names) if names else f"1-{size}"
                self.problems.append(f"{part!r} is no {what} ({known})")
                continue
            mask |= _round(begin, end, size)
        return mask

    def holds(self, now: float) -> bool:
        """Whether `now` (seconds since the epoch) is inside."""
        try:
            local = zone(self.zone).broken_down(int(now))
        except (OverflowError, ValueError, OSError):
            return False
        weekday = (local.tm_wday + 1) % 7
        return self.holds_at(Moment(local.tm_hour * 60 + local.tm_min, weekday, local.tm_mday - 1, local.tm_mon - 1))

    def holds_at(self, moment: Moment) -> bool:
        """Whether a moment (already in the zone) is inside."""
        return bool(
            self._months >> moment.month & 1
            and self._days >> moment.day & 1
            and self._weekdays >> moment.weekday & 1
            and self._minutes >> moment.minute & 1
        )


def _minute(text: str) -> int | None:
    found = _CLOCK.match(text)
    if found is None:
        return None
    hour, minute = int(found[1]), int(found[2])
    return hour * 60 + minute if 0 <= hour < 24 and 0 <= minute < 60 else None


def _position(text: str, size: int, names: tuple[str, ...]) -> int | None:
    if text.lower() in names:
        return names.index(text.lower())
    found = _COUNT.match(text)
    return int(found[1]) - 1 if found is not None and 1 <= int(found[1]) <= size else None


def _round(begin: int, end: int, size: int) -> int:
    """Mask from begin to end, both in it, going round at `size`."""
    if begin <= end:
        return (1 << end + 1) - (1 << begin)
    return (1 << size) - (1 << begin) | (1 << end + 1) - 1
