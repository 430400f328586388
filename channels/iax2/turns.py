"""Full frames wait here for their turn of the loop."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from pbx.channels.iax2.address import Address

#: seconds of full frames in one turn of the loop
BUDGET = 0.002
#: frames of no known leg that may wait for their turn; what comes beyond is dropped, and counted
OPENERS = 2048
#: frames of known calls that may wait, likewise: seconds of them; their senders send them again
KNOWN = 32768


@dataclass(slots=True)
class Arrived:
    """A datagram for the core.

    row: the leg of the plane that it is of, 0 when none is known; held: the number of the hold that it began there.
    """

    socket: int
    address: Address
    local: str
    row: int
    data: bytes
    held: int = 0


class Turns:
    """Hands frames to `deal`, with the time, for at most BUDGET seconds a turn, those of known calls first.

    reactor: clock and `callLater`.  soon: calls when all frames that came together are here (else: in the next turn
    of the loop).  A flood of openers can neither starve calls nor fill the memory: OPENERS of them
    wait at most, the others are counted in `dropped`; of known calls KNOWN, in `crowded`.
    """

    def __init__(
        self,
        reactor: Any,
        deal: Callable[[Arrived, float], None],
        soon: Callable[[Callable[[], object]], object] | None = None,
    ) -> None:
        self._reactor = reactor
        self._deal = deal
        self._soon = soon or self._next_turn
        self._known: deque[Arrived] = deque()
        self._openers: deque[Arrived] = deque()
        self._turn: Any = None
        self._awaited = False
        self._stopped = False
        #: frames dropped because too many openers waited
        self.dropped = 0
        #: and too many of known calls
        self.crowded = 0

    def put(self, arrived: Arrived) -> bool:
        """Take a frame in; False: it is dropped."""
        if arrived.row:
            if len(self._known) >= KNOWN:
                self.crowded += 1
                return False
            self._known.append(arrived)
        elif len(self._openers) < OPENERS:
            self._openers.append(arrived)
        else:
            self.dropped += 1
            return False
        if not self._awaited and not self._stopped:
            self._awaited = True
            self._soon(self._work)
        return True

    def stop(self) -> None:
        """No turns any more; what waits is forgotten."""
        self._stopped = True
        self._known.clear()
        self._openers.clear()
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None

    def _next_turn(self, call: Callable[[], object]) -> None:
        self._turn = self._reactor.callLater(0, call)

    def _work(self) -> None:
        self._turn = None
        self._awaited = False
        known, openers = self._known, self._openers
        now = self._reactor.seconds()
        until = now + BUDGET
        while known or openers:
            if now >= until:
                if not self._awaited:
                    self._awaited = True
                    self._next_turn(self._work)
                return
            self._deal(known.popleft() if known else openers.popleft(), now)
            now = self._reactor.seconds()
