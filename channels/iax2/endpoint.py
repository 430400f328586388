"""The IAX2 endpoint: which call is this datagram for, and everything that needs no call to be answered.

Sans-IO: bytes and `now` (float seconds, monotonic) go in; datagrams, events and
one next timeout come out.  A driver does, after every call into the core:

    for d in endpoint.take_datagrams(): port.send(d.socket, d.address, d.data, local=d.local, row=d.row, barrier=...)
    for e in endpoint.take_events(): ...
    timer.reset(endpoint.next_timeout())
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Protocol

from pbx.channels.iax2.address import Address
from pbx.channels.iax2.events import Event

if TYPE_CHECKING:
    from pbx.channels.iax2.settings import Settings

    from pbx.channels.iax2.call import Call, Outgoing
    from pbx.channels.voice.port import Counters


@dataclass(frozen=True, slots=True)
class Datagram:
    """To be sent from `socket` (leaving from address `local`, "" = the socket's own) to `address`.

    row: the leg it belongs to (0 = none); barrier: no mini frame of that leg may overtake it.
    """

    socket: int
    address: Address
    local: str
    data: bytes
    row: int = 0
    barrier: bool = False


class Extensions(Protocol):
    """What the core asks the dialplan (a part of `pbx.channels.switch.Extensions`)."""

    def exists(self, context: str, exten: str, priority: int = 1, caller_number: str = "") -> bool: ...

    def can_match(self, context: str, exten: str, priority: int = 1, caller_number: str = "") -> bool: ...

    def match_more(self, context: str, exten: str, priority: int = 1, caller_number: str = "") -> bool: ...

    def has_context(self, context: str) -> bool: ...

    def ignore_pattern(self, context: str, exten: str) -> bool: ...


class Endpoint:
    """All IAX2 state of one daemon.

    settings: `pbx.channels.iax2.settings.Settings`; extensions: see above; random: for call numbers, challenges
    and keys (random.SystemRandom in life, seeded in tests); wall: seconds since the epoch (DATETIME only);
    counters: the plane's counter table (last+3 rule, RR elements), None = no plane; mailbox: (old, new) messages
    of a mailbox, or None when it is not known.
    """

    def __init__(
        self,
        settings: Settings,
        extensions: Extensions,
        *,
        random: Random,
        wall: Callable[[], float],
        counters: Counters | None = None,
        mailbox: Callable[[str], tuple[int, int] | None] | None = None,
    ) -> None:
        raise NotImplementedError

    # ---- bytes and time -----------------------------------------------------------------------------------

    def start(self, now: float, sockets: Iterable[tuple[int, str]] = ()) -> None:
        """Start registrations and qualification.  `sockets`: (number, bound host) of each UDP socket (the first is the default)."""
        raise NotImplementedError

    def receive(self, socket: int, address: Address, local: str, data: bytes, now: float, row: int = 0) -> None:
        """A datagram (never a mini frame of a known leg: those stay in the plane).  Never raises on any bytes."""
        raise NotImplementedError

    def next_timeout(self) -> float | None:
        """When `expire` wants to be called, in the same clock as `now`; None = not at all."""
        raise NotImplementedError

    def expire(self, now: float) -> None:
        """Do all that is due."""
        raise NotImplementedError

    def take_datagrams(self) -> list[Datagram]:
        """What is to be sent, in order; empties the list."""
        raise NotImplementedError

    def take_events(self) -> list[Event]:
        """What happened, in order; empties the list."""
        raise NotImplementedError

    # ---- calls --------------------------------------------------------------------------------------------

    def reserve_call(self, outgoing: Outgoing, now: float) -> Call:
        """A call that has its number and name and sends nothing yet (`Call.place` does; `Call.hangup` gives it back).

        The driver needs the name before the caller, variables and language of `call.outgoing` are known: those are
        read at `place`.  Raises `call.CannotCall` as place_call does.
        """
        raise NotImplementedError

    def place_call(self, outgoing: Outgoing, now: float) -> Call:
        """Call out (NEW leaves at once).  Raises `call.CannotCall` (cause 20: peer not registered, UNREACHABLE ...)."""
        raise NotImplementedError

    def calls(self) -> list[Call]:
        """Calls that have a channel or will have one, oldest first."""
        raise NotImplementedError

    # ---- life ---------------------------------------------------------------------------------------------

    def reload(self, settings: Settings, now: float) -> None:
        """New settings: for new calls at once; registrations and peers are compared, calls in progress unaffected."""
        raise NotImplementedError

    def resolved(self, name: str, addresses: list[str], now: float) -> None:
        """The answer to `ResolveNeeded`; an empty list = it failed (asked again later)."""
        raise NotImplementedError

    def stop(self, now: float) -> None:
        """Hang up every call, say nothing to registrars (as Asterisk); then only retransmissions are left."""
        raise NotImplementedError

    def unregister(self, peer: str, now: float) -> bool:
        """`iax2 unregister PEER`; False when it is not registered."""
        raise NotImplementedError
