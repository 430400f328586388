"""An event loop whose clock waits for work: a busy machine makes a test longer, and no timer early or late.

The clock goes as fast as time does, but never past the next timer before that has been served.  So whatever takes its
time between two timers (this process is one of many on the machine, or has a thousand cases to load) passes unseen, and
all timers fire in their order with the distances they were asked for.
"""

from __future__ import annotations

import asyncio
import heapq
import time
from typing import Any

#: seconds between two looks at the clock at least
_TICK = 1e-7
#: so much time that passed before a timer may pass behind it: select wakes up late by up to a millisecond
_SPARE = 2e-3


class PatientLoop(asyncio.SelectorEventLoop):
    """See the module."""

    _scheduled: list[Any]
    _timer_cancelled_count: int

    def __init__(self) -> None:
        self._clock = self._seen = time.monotonic()
        self._behind_wall = time.time() - self._clock
        self._spare = 0.0
        super().__init__()

    def time(self) -> float:
        # no two timers at the very same time: what was asked for first comes first
        self._clock += _TICK
        return self._clock

    def wall(self) -> float:
        """Seconds since the epoch by this clock."""
        return self._behind_wall + self.time()

    def _next_due(self) -> float | None:
        """When the next timer is due; those that were cancelled are forgotten, as the loop itself would."""
        scheduled = self._scheduled
        while scheduled and scheduled[0].cancelled():
            self._timer_cancelled_count -= 1
            heapq.heappop(scheduled)._scheduled = False
        return scheduled[0].when() if scheduled else None

    def _run_once(self) -> None:
        seen = time.monotonic()
        passed, self._seen = self._spare + seen - self._seen, seen
        self._spare = 0.0
        # what is ready is run first: time stands still for it
        if not self._ready:  # type: ignore[attr-defined]
            due = self._next_due()
            to = self._clock + passed if due is None else max(min(self._clock + passed, due), self._clock)
            self._spare = min(self._clock + passed - to, _SPARE)
            self._clock = to
        super()._run_once()  # type: ignore[misc]
