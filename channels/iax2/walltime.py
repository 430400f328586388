"""DATETIME elements: local time, or that of a peer's `timezone`."""

from __future__ import annotations

from datetime import datetime, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from pbx.channels.iax2.elements import pack_datetime


@lru_cache(maxsize=64)
def _zone(name: str) -> tzinfo | None:
    try:
        return ZoneInfo(name)
    except (OSError, ValueError):
        # no such zone: the machine's own counts
        return None


def datetime_of(epoch: float, timezone: str = "") -> int:
    """Seconds since the epoch as a DATETIME value; timezone: a zone's name, "" = the machine's."""
    there = datetime.fromtimestamp(epoch, _zone(timezone) if timezone else None)
    return pack_datetime(there.year, there.month, there.day, there.hour, there.minute, there.second)
