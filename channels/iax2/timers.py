"""Timers as data: one heap for all dialogues, one next timeout for the driver.

An owner has at most one timer of a kind; setting it again moves it.  Entries that
were moved or cancelled stay in the heap until they come up or outnumber the
living ones, then they are swept.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator
from enum import IntEnum
from typing import Protocol


class Timer(IntEnum):
    """What a timer of the core is for."""

    RETRANSMIT = 1
    PING = 2
    LAGRQ = 3
    AUTOKILL = 4
    FORGET = 5  # a number held after HANGUP, or an opener that led to nothing
    REJECT = 6  # delayreject
    REFRESH = 7
    EXPIRE = 8
    POKE = 9
    POKE_LOST = 10
    RESOLVE = 11
    LOGIN = 12  # AUTHREQ was sent, an answer has to come
    KEEPALIVE = 13
    ROTATE = 14  # an encrypted call's next key
    LOOKUP = 16  # questions about a peer's dialplan
    FIRMWARE = 17  # the next block of a download is due
    TRANSFER = 15  # a native transfer that takes too long


class Owner(Protocol):
    """Whoever has timers: a dialogue, a registration, a peer."""

    timers: dict[Timer, float]

    def on_timer(self, timer: Timer, now: float) -> None: ...


#: s; what recurs in each of thousands of calls falls on these beats, so that one turn and one message serve many
_BEAT = 0.02


def on_beat(when: float) -> float:
    """The next beat at or after `when`; s."""
    return math.ceil(when / _BEAT - 1e-6) * _BEAT


#: sweep only heaps that are worth it
_SWEEP_FROM = 256


class Timers:
    """All timers; times are seconds of the caller's monotonic clock."""

    __slots__ = ("_heap", "_live", "_serial")

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Owner, Timer]] = []
        self._serial = 0
        self._live = 0

    def __len__(self) -> int:
        """Timers that are set."""
        return self._live

    def set(self, owner: Owner, timer: Timer, when: float) -> None:
        """Let `owner.on_timer(timer, now)` be called at `when`, in place of any earlier setting."""
        known = owner.timers.get(timer)
        if known == when:
            return
        if known is None:
            self._live += 1
        owner.timers[timer] = when
        self._serial += 1
        heapq.heappush(self._heap, (when, self._serial, owner, timer))
        if len(self._heap) > _SWEEP_FROM and len(self._heap) > 4 * self._live:
            self._sweep()

    def cancel(self, owner: Owner, timer: Timer) -> None:
        """Forget it; nothing happens when it is not set."""
        if owner.timers.pop(timer, None) is not None:
            self._live -= 1

    def cancel_all(self, owner: Owner) -> None:
        self._live -= len(owner.timers)
        owner.timers.clear()

    def next(self) -> float | None:
        """The earliest time at which something is due."""
        heap = self._heap
        while heap:
            when, _, owner, timer = heap[0]
            if owner.timers.get(timer) == when:
                return when
            heapq.heappop(heap)
        return None

    def due(self, now: float) -> Iterator[tuple[Owner, Timer]]:
        """Takes out and yields what is due, in order of time; what is set meanwhile for `now` or earlier comes too."""
        heap = self._heap
        while heap and heap[0][0] <= now:
            when, _, owner, timer = heapq.heappop(heap)
            if owner.timers.get(timer) == when:
                del owner.timers[timer]
                self._live -= 1
                yield owner, timer

    def _sweep(self) -> None:
        self._heap = [entry for entry in self._heap if entry[2].timers.get(entry[3]) == entry[0]]
        heapq.heapify(self._heap)
