"""The pool of own call numbers (RFC 5456 section 8.1.1; Asterisk's ranges).

2..16383 are ordinary, 16384..32767 for calls we open on a trunk; 0 means "none yet"
and 1 stands for stateless answers.  A number is unique over all far ends while any
is free; after that it is unique for one far end only, which is all the protocol
needs.  A number that was given back rests, so that no late retransmission meets
another call.
"""

from __future__ import annotations

import heapq
from random import Random

from pbx.channels.iax2.address import Address

FIRST = 2
FIRST_TRUNK = 16384
LAST = 32767

#: seconds a number rests: longer than the last retransmission, or when both ends acked the HANGUP
HOLD = 60.0
HOLD_ACKED = 32.0

_ORDINARY, _TRUNK = 0, 1


class NoNumber(Exception):
    """Every number is in use or resting for this far end."""


class NumberPool:
    """Draws numbers at random; `now` is monotonic seconds."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._free = (list(range(FIRST, FIRST_TRUNK)), list(range(FIRST_TRUNK, LAST + 1)))
        #: far ends by number, in use or resting
        self._taken: dict[int, set[Address]] = {}
        self._resting: list[tuple[float, int, Address]] = []

    def take(self, address: Address, trunk: bool, now: float) -> int:
        """A number for a dialogue with `address`.  Raises NoNumber."""
        self.release(now)
        ranges = (_TRUNK, _ORDINARY) if trunk else (_ORDINARY, _TRUNK)
        for which in ranges:
            free = self._free[which]
            if free:
                at = self._random.getrandbits(32) % len(free)
                free[at], free[-1] = free[-1], free[at]
                number = free.pop()
                self._taken[number] = {address}
                return number
        start = self._random.randrange(FIRST, LAST + 1)
        for step in range(LAST + 1 - FIRST):
            number = FIRST + (start - FIRST + step) % (LAST + 1 - FIRST)
            there = self._taken[number]
            if address not in there:
                there.add(address)
                return number
        raise NoNumber

    def give_back(self, number: int, address: Address, now: float, hold: float = HOLD) -> None:
        """The dialogue is over; the number rests `hold` seconds."""
        heapq.heappush(self._resting, (now + hold, number, address))

    def move(self, number: int, old: Address, new: Address) -> bool:
        """The dialogue's far end changed (a transfer); False when the number is taken there."""
        there = self._taken[number]
        if new in there:
            return False
        there.discard(old)
        there.add(new)
        return True

    def release(self, now: float) -> None:
        """Free the numbers that have rested."""
        while self._resting and self._resting[0][0] <= now:
            _, number, address = heapq.heappop(self._resting)
            there = self._taken[number]
            there.discard(address)
            if not there:
                del self._taken[number]
                self._free[_TRUNK if number >= FIRST_TRUNK else _ORDINARY].append(number)

    def known(self, number: int, address: Address, now: float) -> bool:
        """In use or resting for this far end?"""
        self.release(now)
        return address in self._taken.get(number, ())

    @property
    def taken(self) -> int:
        """Numbers in use or resting."""
        return len(self._taken)

    @property
    def resting(self) -> int:
        return len(self._resting)

    @property
    def free(self) -> tuple[int, int]:
        """Ordinary and trunk numbers that nobody has."""
        return len(self._free[_ORDINARY]), len(self._free[_TRUNK])
