"""Durations as Asterisk says them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass


def duration(seconds: float) -> str:
    """`1 hour, 2 minutes, 3 seconds` as Asterisk says an uptime."""
    left = int(seconds)
    parts: list[str] = []
    for name, size in (
        ("year", 31536000),
        ("week", 604800),
        ("day", 86400),
        ("hour", 3600),
        ("minute", 60),
        ("second", 1),
    ):
        count, left = divmod(left, size)
        if count or (size == 1 and not parts):
            parts.append(f"{count} {name}{'' if count == 1 else 's'}")
    return ", ".join(parts)
