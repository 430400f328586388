"""`include => context[,times,weekdays,days,months[,zone]]`."""

from __future__ import annotations

from pbx.conf.diagnostics import Place
from pbx.dialplan.model import Include
from pbx.dialplan.times import Timing


def parse_include(text: str, place: Place) -> Include:
    """An include as written; problems of its times are in `timing.problems` (such a part never holds).

    Times begin behind the first `|` if there is one, as of old, else behind the first comma.
    """
    context, mark, times = text.partition("|" if "|" in text else ",")
    return Include(context, text, Timing.parse(times) if mark else None, place)
