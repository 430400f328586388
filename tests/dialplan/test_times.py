"""Times of GotoIfTime and includes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx.dialplan.times import Moment, Timing


def at(text: str) -> float:
    """Seconds of `2024-07-10 12:00` in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("timing", "inside", "outside"),
    [
        ("9:00-17:00,*,*,*,UTC", "2024-07-10 17:00:59", "2024-07-10 17:01"),
        ("22:00-06:00,*,*,*,UTC", "2024-07-10 06:00", "2024-07-10 06:01"),
        ("09:00,*,*,*,UTC", "2024-07-10 09:00:30", "2024-07-10 09:01"),
        ("8:00-9:00&12:00-13:00,*,*,*,UTC", "2024-07-10 12:30", "2024-07-10 10:00"),
        ("*,fri-mon,*,*,UTC", "2024-07-07 12:00", "2024-07-10 12:00"),
        ("*,sun&wed,*,*,UTC", "2024-07-10 12:00", "2024-07-11 12:00"),
        ("*,4,*,*,UTC", "2024-07-10 12:00", "2024-07-11 12:00"),
        ("*,WED,*,*,UTC", "2024-07-10 12:00", "2024-07-11 12:00"),
        ("*,*,28-2,*,UTC", "2024-07-01 12:00", "2024-07-03 12:00"),
        ("*,*,*,nov-feb,UTC", "2024-01-10 12:00", "2024-07-10 12:00"),
        ("*,*,*,7,UTC", "2024-07-10 12:00", "2024-08-10 12:00"),
        ("09:00-17:00,*,*,*,Europe/Berlin", "2024-01-10 08:00", "2024-01-10 07:59"),
        ("09:00-17:00,*,*,*,Europe/Berlin", "2024-07-10 07:00", "2024-07-10 16:00"),
        ("9:00-17:00|mon-fri|*|*|Asia/Kolkata", "2024-07-10 04:00", "2024-07-10 12:00"),
        ("9:00-17:00|mon-fri|*|*,Asia/Kolkata", "2024-07-10 04:00", "2024-07-10 12:00"),
    ],
)
def test_ranges(timing: str, inside: str, outside: str) -> None:
    parsed = Timing.parse(timing)
    assert parsed is not None
    assert parsed.holds(at(inside))
    assert not parsed.holds(at(outside))
    assert not parsed.problems


@pytest.mark.parametrize(
    "timing", ["9-17,*", "25:00-9:00", "9:00-x", "*,fri-blah", "*,wednesday", "*,*,32", "*,*,*,13", "*, mon"]
)
def test_what_makes_no_sense_never_holds(timing: str) -> None:
    parsed = Timing.parse(timing)
    assert parsed is not None
    assert parsed.problems
    assert not any(parsed.holds(at("2024-01-01 00:00") + h * 3600) for h in range(0, 366 * 24, 7))


def test_empty_parts_always_hold() -> None:
    assert Timing.parse("") is None
    for text in ("*", ",,,", "*,*,*,*", ","):
        parsed = Timing.parse(text)
        assert parsed is not None
        assert parsed.holds(0)


@given(st.integers(0, 1439), st.integers(0, 1439), st.integers(0, 1439))
def test_a_range_of_minutes(begin: int, end: int, minute: int) -> None:
    timing = Timing(f"{begin // 60}:{begin % 60:02}-{end // 60}:{end % 60:02}")
    inside = begin <= minute <= end if begin <= end else minute >= begin or minute <= end
    assert timing.holds_at(Moment(minute, 0, 0, 0)) is inside


@given(st.text(max_size=40), st.floats(0, 4e9))
def test_any_text_is_read(text: str, now: float) -> None:
    timing = Timing.parse(text)
    assert timing is None or isinstance(timing.holds(now), bool)


def test_every_minute_of_a_day_has_its_bit() -> None:
    timing = Timing("0:00-23:59,*,*,*,UTC")
    day = datetime(2024, 2, 29, tzinfo=UTC)
    assert all(timing.holds((day + timedelta(minutes=m)).timestamp()) for m in range(1440))
