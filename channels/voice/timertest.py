"""How exact ticks are: a second of them, each compared with the schedule (`timing test`)."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pbx.channels.voice.timer import Ticker

_SECOND_US = 1_000_000


@dataclass(frozen=True, slots=True)
class Exactness:
    """ticks in so many ms; how late they were, us; kernel: they are timerfd's, not the reactor's timed calls."""

    ticks: int
    milliseconds: int
    mean: int
    worst: int
    kernel: bool


class TimerTest:
    """Ticks `rate` times a second for a second, then calls `done`."""

    def __init__(self, reactor: Any, rate: int, done: Callable[[Exactness], None]) -> None:
        self._done = done
        self._period = _SECOND_US // rate
        self._ticks = 0
        self._late: list[int] = []
        self._ticker = Ticker(reactor, self._fired)
        self._begin = time.monotonic_ns()
        self._ticker.start(self._period)

    def _fired(self, count: int) -> None:
        now = (time.monotonic_ns() - self._begin) // 1000
        self._ticks += count
        self._late.append(max(0, now - self._ticks * self._period))
        if now >= _SECOND_US - self._period // 2:
            kernel = self._ticker.kernel
            self._ticker.stop()
            mean = sum(self._late) // len(self._late)
            self._done(Exactness(self._ticks, now // 1000, mean, max(self._late), kernel))

    def stop(self) -> None:
        """Give up."""
        self._ticker.stop()
