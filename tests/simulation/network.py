"""Endpoints joined by a simulated network in virtual time: delay, loss, duplication, reordering, address change.

Everything is drawn from one seed, so a failure is replayed by its number.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from pbx.channels.events import Verdict
from pbx.channels.iax2.address import Address
from pbx.channels.iax2.call import Call
from pbx.channels.iax2.endpoint import Endpoint
from pbx.channels.iax2.events import CallEnded, CallGone, Event, Failed, IncomingCall
from pbx.channels.iax2.settings_load import from_text


class Plan:
    """A dialplan: contexts and the extensions in them."""

    def __init__(self, contexts: dict[str, set[str]] | None = None) -> None:
        self.contexts = contexts if contexts is not None else {"default": {"600", "s"}}

    def exists(self, context: str, exten: str, priority: int = 1, caller_number: str = "") -> bool:
        return exten in self.contexts.get(context, ())

    def can_match(self, context: str, exten: str, priority: int = 1, caller_number: str = "") -> bool:
        return any(e.startswith(exten) for e in self.contexts.get(context, ()))

    def match_more(self, context: str, exten: str, priority: int = 1, caller_number: str = "") -> bool:
        return any(e.startswith(exten) and e != exten for e in self.contexts.get(context, ()))

    def has_context(self, context: str) -> bool:
        return context in self.contexts

    def ignore_pattern(self, context: str, exten: str) -> bool:
        return False


@dataclass
class Link:
    """How datagrams fare: seconds and shares."""

    delay: float = 0.02
    jitter: float = 0.0
    loss: float = 0.0
    duplication: float = 0.0
    cut: bool = False


class Box:
    """One endpoint at an address, and what it told."""

    def __init__(
        self,
        net: Network,
        address: Address,
        conf: str,
        plan: Plan | None = None,
        on_event: Callable[[Box, Event], None] | None = None,
    ) -> None:
        self.net = net
        self.address = address
        settings = from_text(conf)
        self.endpoint = Endpoint(
            settings, plan or Plan(), random=Random(net.random.random()), wall=lambda: 1_795_000_000 + net.now
        )
        self.on_event = on_event
        self.events: list[Event] = []
        self.sent = 0
        self.endpoint.start(net.now, [(0, address[0])])
        net.boxes[address] = self

    def pump(self) -> None:
        """Carry out what the endpoint wants, until it wants nothing more."""
        while True:
            datagrams, events = self.endpoint.take_datagrams(), self.endpoint.take_events()
            if not datagrams and not events:
                break
            for datagram in datagrams:
                self.sent += 1
                self.net.carry(self.address, datagram.address, datagram.data)
            for event in events:
                self.events.append(event)
                if self.on_event is not None:
                    self.on_event(self, event)
        self.net.wake(self)

    def of(self, kind: type) -> list:
        """Events of a kind so far."""
        return [e for e in self.events if isinstance(e, kind)]

    @property
    def verdicts(self) -> list[Verdict]:
        return [e.verdict for e in self.of(Failed)]

    @property
    def incoming(self) -> list[Call]:
        return [e.call for e in self.of(IncomingCall)]

    def ended(self, call: Call) -> CallEnded | None:
        return next((e for e in self.of(CallEnded) if e.call is call), None)

    def gone(self, call: Call) -> bool:
        return any(e.call is call for e in self.of(CallGone))


class Network:
    """Virtual time and what is under way in it."""

    def __init__(self, seed: int = 0, link: Link | None = None, now: float = 1000.0) -> None:
        self.random = Random(seed)
        self.link = link or Link()
        self.now = now
        self.boxes: dict[Address, Box] = {}
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._serial = 0
        self._woken: dict[Address, float] = {}
        #: every datagram as it was sent: (time, from, to, data); only kept when asked for
        self.log: list[tuple[float, Address, Address, bytes]] | None = None

    def at(self, when: float, what: Callable[[], None]) -> None:
        """Do something at a time."""
        self._serial += 1
        heapq.heappush(self._agenda, (when, self._serial, what))

    def carry(self, source: Address, target: Address, data: bytes) -> None:
        """Send a datagram on its way."""
        if self.log is not None:
            self.log.append((self.now, source, target, data))
        link, draw = self.link, self.random.random
        if link.cut or (link.loss and draw() < link.loss):
            return
        copies = 2 if link.duplication and draw() < link.duplication else 1
        for _ in range(copies):
            delay = link.delay + (link.jitter * draw() if link.jitter else 0.0)
            self.at(self.now + delay, lambda: self._arrive(source, target, data))

    def _arrive(self, source: Address, target: Address, data: bytes) -> None:
        box = self.boxes.get(target)
        if box is not None:
            box.endpoint.receive(0, source, "", data, self.now)
            box.pump()

    def wake(self, box: Box) -> None:
        """Have the box's timers looked at when they are due."""
        due = box.endpoint.next_timeout()
        if due is None:
            return
        planned = self._woken.get(box.address)
        if planned is not None and self.now < planned <= due:
            return
        self._woken[box.address] = due
        self.at(due, lambda: self._expire(box, due))

    def _expire(self, box: Box, due: float) -> None:
        if self._woken.get(box.address) == due:
            del self._woken[box.address]
        box.endpoint.expire(self.now)
        box.pump()

    def run(self, seconds: float) -> None:
        """Let virtual time pass."""
        for box in tuple(self.boxes.values()):
            box.pump()
        until = self.now + seconds
        while self._agenda and self._agenda[0][0] <= until:
            when, _, what = heapq.heappop(self._agenda)
            self.now = max(self.now, when)
            what()
        self.now = until

    def move(self, box: Box, address: Address) -> None:
        """A box gets another address (its NAT forgot it)."""
        del self.boxes[box.address]
        self._woken.pop(box.address, None)
        box.address = address
        self.boxes[address] = box
        self.wake(box)
