"""How many registrations are under way with one host at a time, and when it last heard from us."""

from __future__ import annotations

from typing import Protocol

from pbx.channels.iax2.address import Address

#: registrations with one host that may wait for its first answer at the same time: a far end's receive buffer of the
#: usual size (some 250 datagrams) is never filled, and a round trip of 100 ms still lets 400 in a second
MOST_AT_ONCE = 128


class Asker(Protocol):
    """Who wants a turn."""

    def go(self, now: float) -> bool:
        """Begin; False when that is not possible now, and the turn is not used."""
        ...


class Doubter(Protocol):
    """Whose registration stands badly."""

    def heard(self, now: float) -> None: ...


class Turns:
    """Thousands of `register =>` lines of one host begin one after the other, as fast as it answers.

    A turn is given back when the dialogue is over, or when it has to be repeated: a host that is silent holds up
    nobody for longer than a first retransmission takes.
    """

    __slots__ = ("_busy", "_waiting")

    def __init__(self) -> None:
        self._busy: dict[Address, int] = {}
        self._waiting: dict[Address, dict[Asker, None]] = {}

    def ask(self, address: Address, asker: Asker, now: float) -> None:
        """`asker.go(now)` is called at once, or when it is its turn.  Whoever waits already keeps its place."""
        self._waiting.setdefault(address, {})[asker] = None
        self._next(address, now)

    def leave(self, address: Address, asker: Asker) -> None:
        """It waits no longer."""
        waiting = self._waiting.get(address)
        if waiting is not None:
            waiting.pop(asker, None)

    def done(self, address: Address, now: float) -> None:
        """A turn is over: the next one's."""
        self._busy[address] -= 1
        self._next(address, now)

    def _next(self, address: Address, now: float) -> None:
        waiting = self._waiting.get(address, {})
        while waiting and self._busy.get(address, 0) < MOST_AT_ONCE:
            asker = next(iter(waiting))
            del waiting[asker]
            if asker.go(now):
                self._busy[address] = self._busy.get(address, 0) + 1
        if not waiting:
            self._waiting.pop(address, None)
        if not self._busy.get(address, 1):
            del self._busy[address]


class Beats:
    """One keepalive is enough for all that registers between us and one address, and its answer for all, too."""

    __slots__ = ("_sent", "doubtful", "stamp", "stateful")

    #: from so many addresses on, those that heard nothing for long are swept out
    _SWEEP_FROM = 1024

    def __init__(self) -> None:
        #: by socket and address: each of our sockets has a mapping of its own in a NAT
        self._sent: dict[tuple[int, Address], float] = {}
        #: what our POKEs bear, 0 = none was sent; and who answers them from a call of its own
        self.stamp = 0
        self.stateful: set[Address] = set()
        #: who wants to know when an address answers again
        self.doubtful: dict[Address, dict[Doubter, None]] = {}

    def due(self, socket: int, address: Address, interval: float, now: float) -> bool:
        """Has nothing been sent there for `interval` seconds?  Then it is noted as sent now."""
        way = socket, address
        last = self._sent.get(way)
        # half a second for those whose timers do not come at the same moment
        if last is not None and now - last < interval - 0.5:
            return False
        if len(self._sent) >= self._SWEEP_FROM and last is None:
            self._sweep(now - 4 * interval)
        self._sent[way] = now
        return True

    def _sweep(self, before: float) -> None:
        if min(self._sent.values()) < before:
            self._sent = {way: when for way, when in self._sent.items() if when >= before}
