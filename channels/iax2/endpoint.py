"""The IAX2 endpoint: which call is this datagram for, and everything that needs no call to be answered.

Sans-IO: bytes and `now` (float seconds, monotonic) go in; datagrams, events and
one next timeout come out.  A driver does, after every call into the core:

    for d in endpoint.take_datagrams(): port.send(d.socket, d.address, d.data, local=d.local, row=d.row, barrier=...)
    for e in endpoint.take_events(): ...
    timer.reset(endpoint.next_timeout())
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Iterable
from random import Random
from typing import TYPE_CHECKING

from pbx.channels.causes import Cause
from pbx.channels.iax2 import address as addresses
from pbx.channels.iax2 import call_outgoing, frames, keepalive, qualify, reasons, registrar, transfers
from pbx.channels.iax2.address import IAX2_PORT, Address
from pbx.channels.iax2.call import Call
from pbx.channels.iax2.call_model import CannotCall, Outgoing
from pbx.channels.iax2.core import Core, Datagram, Extensions, Mailbox
from pbx.channels.iax2.dialog import Dialog
from pbx.channels.iax2.elements import Element, Elements
from pbx.channels.iax2.events import Event
from pbx.channels.iax2.firmware import Download, Library
from pbx.channels.iax2.frames import OPENERS, Command, FrameError, FrameType, FullFrame, MiniFrame, VideoFrame
from pbx.channels.iax2.logins import KeyRing
from pbx.channels.iax2.lookups import ANY_FORMAT, Lookups
from pbx.channels.iax2.numbers import NoNumber
from pbx.channels.iax2.openers import STATELESS, Gate, refusal, reply
from pbx.channels.iax2.peers import PeerRecord, Peers
from pbx.channels.iax2.provisioning import Provisioner
from pbx.channels.iax2.register_lines import RegisterLines

if TYPE_CHECKING:
    from pbx.channels.iax2.settings import Settings
    from pbx.channels.voice.port import Counters

__all__ = ["CannotCall", "Datagram", "Endpoint", "Extensions", "Outgoing"]

#: seconds between two INVALs to one address
INVAL_PAUSE = 1.0
#: addresses whose last INVAL is remembered
_INVAL_KEPT = 4096

#: commands that must name our call number rightly
_TRUE_NUMBER = frozenset({Command.ACK, Command.INVAL})

# looked up once: an enumeration's members are slow to come by
_POKE = Command.POKE

#: frames of an unknown call that are never answered
_UNANSWERED = frozenset(
    {Command.ACK, Command.INVAL, Command.VNAK, Command.TXCNT, Command.TXACC, Command.HANGUP, Command.REJECT}
)


class Endpoint:
    """All IAX2 state of one daemon.

    settings: `pbx.channels.iax2.settings.Settings`; extensions: what may be asked of the dialplan; random: for call
    numbers, challenges and keys (random.SystemRandom in life, seeded in tests); wall: seconds since the epoch
    (DATETIME only); counters: the plane's counter table (last+3 rule, RR elements), None = no plane; mailbox: (old,
    new) messages of a mailbox, or None when it is not known; keys: RSA keys by name.
    """

    def __init__(
        self,
        settings: Settings,
        extensions: Extensions,
        *,
        random: Random,
        wall: Callable[[], float],
        counters: Counters | None = None,
        mailbox: Mailbox | None = None,
        keys: KeyRing | None = None,
    ) -> None:
        self.core = Core(settings, extensions, random, wall, counters, mailbox, keys)
        self.core.peers.poke = qualify.poke
        self.core.peers.silent = qualify.silent
        self.core.peers.registered = keepalive.begin
        self.core.peers.keepalive = keepalive.of_peer
        self.core.firmware = Library()
        self.core.provisioner = Provisioner(self.core)
        self._gate = Gate(self.core)
        self.lookups = self.core.lookups = Lookups(self._lookup_call)
        #: our own registrations, by name (`user@host:port`)
        self._lines = RegisterLines(self.core)
        self.registrations = self._lines.by_name
        self._invals: dict[str, float] = {}
        self._stopping = False

    # ---- bytes and time -----------------------------------------------------------------------------------

    def start(self, now: float, sockets: Iterable[tuple[int, str]] = ()) -> None:
        """Start registrations and qualification.

        sockets: (number, bound host, "" = wildcard) of each UDP socket; the first is the default.
        """
        for _ in self.start_steps(now, sockets):
            pass

    def start_steps(self, now: float, sockets: Iterable[tuple[int, str]] = ()) -> Generator[None, None, None]:
        """As `start`, a little at each step."""
        self.core.sockets = list(sockets) or self.core.sockets
        yield from self.core.peers.load_steps(now)
        yield from self._lines.load_steps(now)

    def receive(self, socket: int, address: Address, local: str, data: bytes, now: float, row: int = 0) -> None:
        """A datagram (never a mini frame of a known leg: those stay in the plane).  Never raises on any bytes."""
        core = self.core
        core.stats["received"] += 1
        if len(data) >= 4 and not data[0] & 0x80:
            self._without_state(address, data)
            return
        try:
            frame = frames.parse_full(data)
        except FrameError as error:
            core.stats[f"dropped.{error.reason}"] += 1
            return
        dialog = self._dialog_of(frame, address)
        # who opens a dialogue knows no number of ours and no key
        if dialog is not None and dialog.decrypting is not None and (frame.destination or frame.command not in OPENERS):
            plain = dialog.decrypting.frame(data, dialog)
            if plain is None:
                core.stats["dropped.not enciphered with the call's key"] += 1
                return
            frame = plain
        if core.debug is not None or core.taps:
            core.dump("Rx", frame, address, "Yes" if frame.retry else " No")
        command = frame.command
        if command == _POKE:
            core.send_stateless(socket, address, local, reply(frame, Command.PONG))
        elif command in OPENERS and not frame.destination and not self._repeats(dialog, frame):
            self._open(socket, address, local, frame, now, dialog)
        elif frame.destination == STATELESS and command == Command.ACK:
            pass
        elif frame.destination == STATELESS and command == Command.PONG and dialog is None:
            keepalive.answered(core, socket, address, local, frame, now)
        elif dialog is None:
            if not self._transferred(frame, address, data, now):
                self._unknown(socket, address, local, frame, now)
        elif dialog.remote_number or self._first_answer(dialog, frame, now):
            dialog.receive(frame, now)

    def next_timeout(self) -> float | None:
        """When `expire` wants to be called, in the same clock as `now`; None = not at all."""
        return self.core.timers.next()

    def expire(self, now: float) -> None:
        """Do all that is due."""
        for owner, timer in self.core.timers.due(now):
            owner.on_timer(timer, now)

    def take_datagrams(self) -> list[Datagram]:
        """What is to be sent, in order; empties the list."""
        taken, self.core.datagrams = self.core.datagrams, []
        return taken

    def take_events(self) -> list[Event]:
        """What happened, in order; empties the list."""
        events = self.core.events
        taken = events[:]
        events.clear()
        return taken

    # ---- which dialogue -----------------------------------------------------------------------------------

    def _dialog_of(self, frame: FullFrame, address: Address) -> Dialog | None:
        """By address and the far end's number; the first answer to our opener by our own number.

        Only ACK and INVAL must name our number rightly: so nobody completes or ends a call whose number was never
        told to him.
        """
        core = self.core
        if frame.source > STATELESS or (address, frame.source) in core.by_remote:
            dialog = core.by_remote.get((address, frame.source))
            if dialog is not None:
                if frame.destination != dialog.own_number and frame.command in _TRUE_NUMBER:
                    return None
                return dialog
        dialog = core.by_own.get((address, frame.destination))
        return dialog if dialog is not None and not dialog.remote_number else None

    def _transferred(self, frame: FullFrame, address: Address, data: bytes, now: float) -> bool:
        """Is it the other end of a call that is being transferred?"""
        call = self.core.by_transfer.get((address, frame.source))
        if call is None or frame.destination != call.own_number:
            return False
        plain = frame if call.decrypting is None else call.decrypting.frame(data, call)
        if plain is not None:
            transfers.aside(call, plain, now)
        return True

    def _repeats(self, dialog: Dialog | None, frame: FullFrame) -> bool:
        """Is this the very frame that opened the dialogue, once more?"""
        return dialog is not None and dialog.opened_with == (frame.timestamp, frame.data)

    def _first_answer(self, dialog: Dialog, frame: FullFrame, now: float) -> bool:
        """The first frame of a far end that we called; True = go on with it."""
        if frame.source > STATELESS:
            dialog.bind(frame.source)
            return True
        # stateless answers repeat the stamp of our opener: nobody off the path can know it
        if dialog.opening is None or frame.timestamp != dialog.opening[2] & 0xFFFFFFFF:
            self.core.stats["dropped.stateless answer to nothing"] += 1
            return False
        if frame.command == Command.CALLTOKEN:
            dialog.take_token(frame, now)
            return False
        return True

    def _without_state(self, address: Address, data: bytes) -> None:
        """A mini, trunk or video frame that the plane has no leg for."""
        core = self.core
        try:
            frame = frames.parse(data)
        except FrameError as error:
            core.stats[f"dropped.{error.reason}"] += 1
            return
        dialog = core.by_remote.get((address, frame.source)) if isinstance(frame, (MiniFrame, VideoFrame)) else None
        if isinstance(dialog, Call) and isinstance(frame, VideoFrame):
            dialog.picture(frame)
        elif isinstance(dialog, Call) and not dialog.receive_format:
            dialog.vnak()
        else:
            core.stats["dropped.voice of no call"] += 1

    def _unknown(self, socket: int, address: Address, local: str, frame: FullFrame, now: float) -> None:
        """A full frame of a call that is not there.

        As stock servers do, nothing is said to the first; but who sends it once more is told INVAL (one a second for
        an address), so that the calls of a peer we forgot end at once and not after its last retransmission.
        """
        core = self.core
        core.stats["dropped.frame of no call"] += 1
        if frame.command in (Command.NEW, Command.REGREQ, Command.REGREL):
            core.send_stateless(socket, address, local, refusal(frame))
            return
        if frame.command in _UNANSWERED:
            return
        if not frame.retry or frame.destination <= STATELESS:
            return
        last = self._invals.get(address[0])
        if last is not None and now - last < INVAL_PAUSE:
            return
        if len(self._invals) >= _INVAL_KEPT:
            self._invals.clear()
        self._invals[address[0]] = now
        core.stats["invals"] += 1
        inval = FullFrame(
            frame.destination, frame.source, frame.timestamp, frame.iseqno, frame.oseqno, FrameType.IAX, Command.INVAL
        )
        core.send_stateless(socket, address, local, inval)

    # ---- openers ------------------------------------------------------------------------------------------

    def _open(
        self, socket: int, address: Address, local: str, frame: FullFrame, now: float, former: Dialog | None
    ) -> None:
        core = self.core
        try:
            elements = Elements.parse(frame.data)
        except FrameError as error:
            core.stats[f"dropped.{error.reason}"] += 1
            return
        answer = self._gate.answer(frame, elements, address, now)
        if answer is not None:
            core.send_stateless(socket, address, local, answer)
            return
        if self._stopping or not frame.source:
            core.send_stateless(socket, address, local, refusal(frame))
            return
        if self._gate.is_copy(frame, address, now):
            core.stats["duplicates"] += 1
            return
        if former is not None:
            self._replaced(former, now)
        try:
            dialog = self._make(socket, address, local, frame, now)
        except NoNumber:
            core.stats["refused.numbers"] += 1
            core.send_stateless(socket, address, local, refusal(frame))
            return
        self._note_token(dialog, frame, elements)
        dialog.receive(frame, now, elements)

    def _make(self, socket: int, address: Address, local: str, frame: FullFrame, now: float) -> Dialog:
        dialog: Dialog
        if frame.subclass == Command.NEW:
            trunk = self.core.peers.trunks_to(address)
            dialog = Call(self.core, "in", socket, address, local, now, remote_number=frame.source, trunk=trunk)
        elif frame.subclass == Command.FWDOWNL and self.core.settings.general.allowfwdownload:
            dialog = Download(self.core, socket, address, local, now, frame.source)
        else:
            dialog = registrar.Registrar(self.core, socket, address, local, now, frame.source)
        dialog.opened_with = (frame.timestamp, frame.data)
        return dialog

    def _note_token(self, dialog: Dialog, frame: FullFrame, elements: Elements) -> None:
        """Remember who knows tokens (requirecalltoken=auto), and count those who showed none."""
        dialog.tokened = bool(elements.raw(Element.CALLTOKEN))
        if not dialog.tokened:
            self.core.without_token += 1
        elif frame.subclass == Command.NEW:
            self.core.users_with_token.add(elements.text(Element.USERNAME) or "guest")

    def _replaced(self, former: Dialog, now: float) -> None:
        """The far end opened another dialogue under a number that it has in use here: it has forgotten the old one."""
        if isinstance(former, Call):
            former.over(Cause.NORMAL_UNSPECIFIED, "inval", now)
        former.forget(now)

    # ---- calls --------------------------------------------------------------------------------------------

    def place_call(self, outgoing: Outgoing, now: float) -> Call:
        """Call out (NEW leaves at once).  Raises `CannotCall` (cause 20: peer not registered, UNREACHABLE ...)."""
        call = self.reserve_call(outgoing, now)
        call.place(now)
        return call

    def reserve_call(self, outgoing: Outgoing, now: float) -> Call:
        """A call out that has its number, name and formats; `Call.place` sends its NEW.  Raises `CannotCall`."""
        record = self.core.peers.get(outgoing.peer)
        if record is not None:
            address = self._address_of(record, outgoing)
        else:
            address = (outgoing.peer.strip("[]"), outgoing.port or IAX2_PORT)
        call = self._outgoing(outgoing, record, address, now)
        if call_outgoing.choose_formats(call, outgoing):
            return call
        call.known = False
        call.forget(now)
        raise self._cannot(
            record, outgoing, address, Cause.BEARERCAPABILITY_NOTAVAIL, "a format that both sides can",
            "none in common", "formats", "make the allow lines share a format",
        )  # fmt: skip

    def _lookup_call(self, outgoing: Outgoing, now: float) -> Call:
        """A call that asks for numbers; raises CannotCall."""
        record = self.core.peers.get(outgoing.peer)
        if record is not None:
            address = self._address_of(record, outgoing)
        else:
            address = (outgoing.peer.strip("[]"), outgoing.port or IAX2_PORT)
        call = self._outgoing(outgoing, record, address, now)
        call.known = False
        call.format = call.capability = ANY_FORMAT
        return call

    def _address_of(self, record: PeerRecord, outgoing: Outgoing) -> Address:
        """Where a peer is to be called; raises CannotCall."""
        section = record.section
        if record.address is None:
            if section.dynamic:
                expected, option, advice = "that it has registered", "host", "see its register line and its log"
            else:
                expected, option, advice = f"an address of {section.host}", "host", "see whether the name is right"
            raise self._cannot(
                record, outgoing, (section.host, section.port), Cause.SUBSCRIBER_ABSENT, expected, "no address", option,
                advice,
            )  # fmt: skip
        if section.qualify and record.lag < 0:
            raise self._cannot(
                record, outgoing, record.address, Cause.SUBSCRIBER_ABSENT, "an answer to qualify's POKE", "UNREACHABLE",
                "qualify", reasons.ADVICE[Cause.DESTINATION_OUT_OF_ORDER],
            )  # fmt: skip
        return record.address[0], outgoing.port or record.address[1]

    def _cannot(
        self, record: PeerRecord | None, outgoing: Outgoing, where: Address, cause: int, expected: str, got: str,
        option: str, advice: str,
    ) -> CannotCall:  # fmt: skip
        """The verdict is told; returns what to raise."""
        section = record.section if record is not None else self.core.settings.general
        self.core.fail(
            reasons.verdict(
                "call", outgoing.peer, where, expected=expected, got=got, place=reasons.place(section, option),
                advice=advice, cause=cause, side="ours",
            )
        )  # fmt: skip
        return CannotCall(cause, f"{outgoing.peer}: expected {expected}, got {got}")

    def _outgoing(self, outgoing: Outgoing, record: PeerRecord | None, address: Address, now: float) -> Call:
        section = record.section if record is not None else None
        socket, local = record.route if record is not None else self.core.socket_for(address)
        try:
            trunk = section is not None and section.trunk
            call = Call(self.core, "out", socket, address, local, now, trunk=trunk)
        except NoNumber:
            raise self._cannot(
                record, outgoing, address, Cause.SWITCH_CONGESTION, "a free call number", "none",
                "maxcallnumbers", "end calls",
            ) from None  # fmt: skip
        call.known = True
        call.outgoing, call.peer = outgoing, section
        call.peer_name = record.name if record is not None else ""
        user = outgoing.user
        call.user_name = user if user is not None else (section.username if section is not None else "")
        if record is None:
            call.channel_name = f"IAX2/{addresses.text(address)}-{call.own_number}"
        else:
            call.name()
        return call

    def bridged(self, one: Call, two: Call, now: float) -> None:
        """Two calls were joined and nothing but talk passes us: leave them to each other where that is written."""
        media = transfers.wanted(one, two)
        if media is not None and transfers.possible(one, two):
            transfers.start(one, two, media, now)

    def unbridged(self, call: Call, now: float) -> None:
        """No longer; a transfer that is not complete is called off."""
        moving = call.moving
        if isinstance(moving, transfers.Middle) and not (moving.media and moving.ready):
            transfers.stop(call, now)

    def calls(self) -> list[Call]:
        """Calls that have a channel or will have one, oldest first."""
        return [d for d in self.core.by_own.values() if isinstance(d, Call) and d.known and not d.ended]

    # ---- life ---------------------------------------------------------------------------------------------

    @property
    def settings(self) -> Settings:
        return self.core.settings

    @property
    def peers(self) -> Peers:
        """What is known of each peer now (`iax2 show peers`)."""
        return self.core.peers

    @property
    def stats(self) -> Counter[str]:
        """What was counted since start."""
        return self.core.stats

    @property
    def debug(self) -> set[str] | None:
        """Frame dumps as `Trace` events: None = off, an empty set = of all, else of these hosts."""
        return self.core.debug

    @debug.setter
    def debug(self, hosts: set[str] | None) -> None:
        self.core.debug = hosts

    def reload(self, settings: Settings, now: float) -> None:
        """New settings: for new calls at once; registrations and peers are compared, calls in progress unaffected."""
        for _ in self.reload_steps(settings, now):
            pass

    def reload_steps(self, settings: Settings, now: float) -> Generator[None, None, None]:
        """As `reload`, a little at each step."""
        self.core.settings = settings
        yield from self.core.peers.load_steps(now)
        yield from self._lines.load_steps(now)

    def renew_registrations(self, now: float, moved: Callable[[Address], bool] = lambda address: True) -> None:
        """The network changed: registrations are made anew where they stand badly, or where the way there has `moved`;
        but those that are under way."""
        self._lines.renew(now, moved)

    def resolved(self, name: str, addresses: list[str], now: float) -> None:
        """The answer to `ResolveNeeded`; an empty list = it failed (asked again later)."""
        self.core.names.resolved(name, addresses, now)

    def stop(self, now: float) -> None:
        """Hang up every call, say nothing to registrars (as Asterisk); then only retransmissions are left."""
        self._stopping = True
        self._lines.stop(now)
        for record in self.core.peers:
            self.core.timers.cancel_all(record)
            if record.poke is not None:
                record.poke.forget(now)
        for dialog in tuple(self.core.by_own.values()):
            if isinstance(dialog, Call):
                dialog.hangup(Cause.NORMAL_CLEARING, now)

    def unregister(self, peer: str, now: float) -> bool:
        """`iax2 unregister PEER`; False when it is not registered."""
        record = self.core.peers.get(peer)
        if record is None or not record.registered:
            return False
        record.unregister("console")
        return True
