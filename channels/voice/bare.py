"""Stamps of trunk entries that carry none: by count, as the sender's own stamps would go, not by when frames came.

The trunk frame's time says when the entry left, give or take the trunk's tick: two entries of a call may lie in one
frame, the next may hold none.  Read as stamps these times would look like loss and disorder, and would pass on
unevenly.  So each entry follows the one before by its length, until that is further from the trunk's clock than a
sender lets its stamps stray from its own (160 ms): then voice was silent or lost, and the clock counts.
"""

from __future__ import annotations

import numpy as np

from pbx.channels.voice.core import TOLERANCE, Core
from pbx.channels.voice.inbound import rounds
from pbx.channels.voice.legs import Ints, SourceState

_HELD = int(SourceState.HELD)


class BareStamps:
    """What it takes to tell the stamps of legs whose entries have none."""

    def __init__(self, core: Core) -> None:
        self._legs = core.legs
        capacity = core.legs.capacity
        #: the trunk's clock minus the sender's stamps, and the leg and its clock for which that was seen
        self._skew = np.zeros(capacity, np.int64)
        self._generation = np.full(capacity, -1, np.int64)
        self._clock = np.zeros(capacity, np.int64)
        self._last = np.zeros(capacity, np.int64)

    def stamps(self, rows: Ints, sent: Ints) -> Ints:
        """64-bit stamps of entries in order of arrival; `sent`: ms of our clock at which each left."""
        legs = self._legs
        clocked: Ints = sent - legs.clock[rows]
        stamp = clocked.copy()
        known = (legs.rx_ts[rows] >= 0) & (legs.step[rows] > 0) & ((legs.source_state[rows] & _HELD) == 0)
        index = np.nonzero(known & (rows > 0))[0]
        if not len(index):
            return stamp
        self._last[rows[index]] = legs.rx_ts[rows[index]]
        for chosen in rounds(rows[index]):
            at = index[chosen]
            row = rows[at]
            following = self._last[row] + legs.step[row]
            self._begin(row, clocked[at] - following)
            by_clock = clocked[at] - self._skew[row]
            stamp[at] = np.where(np.abs(by_clock - following) <= TOLERANCE, following, by_clock)
            self._last[row] = stamp[at]
        return stamp

    def _begin(self, row: Ints, skew: Ints) -> None:
        """Legs that are new, or whose clock began anew: their first entry follows the full frame before it."""
        generation, clock = self._legs.generation[row], self._legs.clock[row]
        fresh = np.nonzero((self._generation[row] != generation) | (self._clock[row] != clock))[0]
        if len(fresh):
            row = row[fresh]
            self._skew[row], self._generation[row], self._clock[row] = skew[fresh], generation[fresh], clock[fresh]
