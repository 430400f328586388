"""`include => context[,times,weekdays,days,months[,zone]]`."""

from __future__ import annotations

from pbx.conf.diagnostics import Place
from pbx.dialplan.model import Include
from pbx.dialplan.times import Timing


def parse_include(text: str, place: Place) -> Include:
    """An include as written; problems of its times are in `timing.problems` (such a part never holds)."""
    context, comma, times = text.partition(",")
    return Include(context, text, Timing.parse(times) if comma else None, place)
