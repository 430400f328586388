"""What all dialogues of one endpoint share: timers, numbers, tokens, queues, and who is reached how.

No decision of the protocol is made here; `Endpoint` and the dialogues make them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Protocol

from pbx.channels.iax2 import address as addresses
from pbx.channels.iax2 import trace
from pbx.channels.iax2.address import Address
from pbx.channels.iax2.disguise import Disguise
from pbx.channels.iax2.events import Event, Failed, Note, Trace
from pbx.channels.iax2.frames import FullFrame
from pbx.channels.iax2.logins import Credentials, KeyRing, NoKeys
from pbx.channels.iax2.names import Names
from pbx.channels.iax2.numbers import HOLD, NumberPool
from pbx.channels.iax2.pacing import Beats, Turns
from pbx.channels.iax2.peers import Peers
from pbx.channels.iax2.timers import Timers
from pbx.channels.iax2.tokens import Tokens

if TYPE_CHECKING:
    from pbx.channels.events import Verdict
    from pbx.channels.iax2.call import Call
    from pbx.channels.iax2.dialog import Dialog
    from pbx.channels.iax2.firmware import Library
    from pbx.channels.iax2.lookups import Lookups
    from pbx.channels.iax2.provisioning import Provisioner
    from pbx.channels.iax2.settings import Settings
    from pbx.channels.voice.port import Counters


@dataclass(slots=True)
class Datagram:
    """To be sent from `socket` (leaving from address `local`, "" = the socket's own) to `address`.

    row: the leg whose voice it keeps its order with (0 = none: it may leave by itself); barrier: no mini frame of that
    leg may overtake it.  clear: the header in the clear, of an enciphered full frame.  rekeys: voice of that leg behind
    it goes under the call's newest key.
    """

    socket: int
    address: Address
    local: str
    data: bytes
    row: int = 0
    barrier: bool = False
    clear: bytes = b""
    rekeys: bool = False


class Extensions(Protocol):
    """What the core asks the dialplan (a part of `pbx.channels.switch.Extensions`)."""

    def exists(self, context: str, exten: str, priority: int = 1, caller_number: str = "") -> bool: ...

    def can_match(self, context: str, exten: str, priority: int = 1, caller_number: str = "") -> bool: ...

    def match_more(self, context: str, exten: str, priority: int = 1, caller_number: str = "") -> bool: ...

    def has_context(self, context: str) -> bool: ...

    def ignore_pattern(self, context: str, exten: str) -> bool: ...


#: (old, new) messages of a mailbox, or None when nobody knows it
Mailbox = Callable[[str], "tuple[int, int] | None"]


class Core:
    """See the module."""

    #: firmware and templates for IAX2 devices (`Endpoint` makes them)
    firmware: Library
    provisioner: Provisioner

    def __init__(
        self,
        settings: Settings,
        extensions: Extensions,
        random: Random,
        wall: Callable[[], float],
        counters: Counters | None,
        mailbox: Mailbox | None,
        keys: KeyRing | None,
    ) -> None:
        self.settings = settings
        self.extensions = extensions
        self.random = random
        self.wall = wall
        self.counters = counters
        self.mailbox = mailbox
        self.timers = Timers()
        self.numbers = NumberPool(random)
        self.tokens = Tokens(random)
        #: what was counted since start (console, metrics)
        self.stats: Counter[str] = Counter()
        #: None: no frame dumps; an empty set: all; else only these hosts
        self.debug: set[str] | None = None
        #: see every full frame in the clear: (Rx or Tx, frame, far address, retry as the dump prints it)
        self.taps: list[Callable[[str, FullFrame, Address, str], None]] = []
        self.datagrams: list[Datagram] = []
        self.events: list[Event] = []
        #: tell the driver
        self.emit: Callable[[Event], None] = self.events.append
        #: dialogues by (far address, far number) and by (far address, own number)
        self.by_remote: dict[tuple[Address, int], Dialog] = {}
        self.by_own: dict[tuple[Address, int], Dialog] = {}
        #: questions to peers about their dialplans
        self.lookups: Lookups | None = None
        #: calls by the other end of a native transfer that is being tried
        self.by_transfer: dict[tuple[Address, int], Call] = {}
        #: dialogues a far end has with us, by its host
        self.per_host: Counter[str] = Counter()
        #: AUTHREQs without an answer, by user
        self.unanswered: Counter[str] = Counter()
        #: users that have shown a token (requirecalltoken=auto)
        self.users_with_token: set[str] = set()
        self.keys = Credentials(NoKeys() if keys is None else keys)
        #: what names that nobody has are asked for
        self.disguise = Disguise(random, self.keys)
        self.peers = Peers(self)
        self.names = Names(self.emit)
        #: registrations of ours with each host one after the other, and what keeps them reachable
        self.turns = Turns()
        self.beats = Beats()
        #: UDP port of names for which SRV records told one (srvlookup)
        self.ports: dict[str, int] = {}
        #: names are looked up again from time to time (dnsmgr.conf)
        self.dnsmgr = False
        #: (number, bound host) of each socket, the first is the default
        self.sockets: list[tuple[int, str]] = [(0, "")]
        #: dialogues that far ends opened without a token
        self.without_token = 0
        #: call numbers an address may hold, where a registered peer says so
        self.host_limits: dict[str, int] = {}

    # ---- out ----------------------------------------------------------------------------------------------

    def note(self, level: str, text: str) -> None:
        """A line for the log."""
        self.events.append(Note(level, text))

    def fail(self, verdict: Verdict) -> None:
        """The one verdict on a failed call or registration that has no call object."""
        self.stats[f"failed.{verdict.what}"] += 1
        self.events.append(Failed(verdict))

    def send(
        self, socket: int, address: Address, local: str, data: bytes, *, row: int = 0, barrier: bool = False,
        clear: bytes = b"", rekeys: bool = False,
    ) -> None:  # fmt: skip
        self.stats["sent"] += 1
        self.datagrams.append(Datagram(socket, address, local, data, row, barrier, clear, rekeys))

    def send_stateless(self, socket: int, address: Address, local: str, frame: FullFrame) -> None:
        """An answer that no dialogue remembers (from call 1)."""
        self.dump("Tx", frame, address, "-01")
        self.send(socket, address, local, frame.encode())

    def dump(self, direction: str, frame: FullFrame, address: Address, retry: str) -> None:
        """The frame as `iax2 set debug` prints it, if anybody asked."""
        for tap in self.taps:
            tap(direction, frame, address, retry)
        if self.debug is None or (self.debug and address[0] not in self.debug):
            return
        self.events.append(Trace(trace.dump(direction, frame, address, retry)))

    # ---- where from --------------------------------------------------------------------------------------

    def socket_for(self, address: Address, source: str = "") -> tuple[int, str]:
        """(socket, own address to leave from, "" = the socket's) for what we send first; source: sourceaddress."""
        wide = ":" in address[0]
        fitting = [(number, host) for number, host in self.sockets if not host or (":" in host) == wide]
        for number, host in fitting:
            if source and host == source:
                return number, ""
        number = fitting[0][0] if fitting else self.sockets[0][0]
        return number, source if source and addresses.is_numeric(source) else ""

    def usable(self, found: list[str]) -> str | None:
        """The first of a name's addresses that a socket of ours can reach."""
        for host in found:
            if any(not bound or (":" in bound) == (":" in host) for _, bound in self.sockets):
                return host
        return None

    # ---- who is who ---------------------------------------------------------------------------------------

    def adopt(self, dialog: Dialog) -> None:
        """A dialogue begins."""
        self.by_own[dialog.address, dialog.own_number] = dialog
        self.per_host[dialog.address[0]] += 1
        if dialog.remote_number:
            self.by_remote[dialog.address, dialog.remote_number] = dialog

    def bind_remote(self, dialog: Dialog, number: int) -> None:
        """The far end's number became known or changed."""
        if dialog.remote_number and self.by_remote.get((dialog.address, dialog.remote_number)) is dialog:
            del self.by_remote[dialog.address, dialog.remote_number]
        dialog.remote_number = number
        if number:
            self.by_remote[dialog.address, number] = dialog

    def forget(self, dialog: Dialog, now: float, hold: float = HOLD) -> None:
        """Nothing of the dialogue is left but its resting number."""
        self.timers.cancel_all(dialog)
        if self.by_own.pop((dialog.address, dialog.own_number), None) is None:
            return
        if self.by_remote.get((dialog.address, dialog.remote_number)) is dialog:
            del self.by_remote[dialog.address, dialog.remote_number]
        if dialog.opened_with is not None and not dialog.tokened:
            self.without_token -= 1
        self._count_out(dialog.address[0])
        self.numbers.give_back(dialog.own_number, dialog.address, now, hold)

    def _count_out(self, host: str) -> None:
        self.per_host[host] -= 1
        if self.per_host[host] <= 0:
            del self.per_host[host]

    def readdress(self, dialog: Dialog, address: Address) -> bool:
        """Move a dialogue to another far address; False when its number is taken there."""
        if address != dialog.address:
            if not self.numbers.move(dialog.own_number, dialog.address, address):
                return False
            del self.by_own[dialog.address, dialog.own_number]
            if self.by_remote.get((dialog.address, dialog.remote_number)) is dialog:
                del self.by_remote[dialog.address, dialog.remote_number]
            self._count_out(dialog.address[0])
            dialog.address = address
            self.adopt(dialog)
        return True
