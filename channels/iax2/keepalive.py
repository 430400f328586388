"""keepalive: hosts that we register to, and dynamic peers, hear from us often enough for a NAT to remember us.

One POKE each `keepalive` seconds for each address, however many register there, never repeated.  An answer from a host
whose registration stands badly means that it can be reached again: the registration is tried at once.

Servers answer POKE without keeping any state, so ours takes none either: it comes from call 1 and bears a secret stamp,
which the answer repeats.  Who answers from a call of its own (libiax2 does) is asked in a dialogue from then on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from pbx.channels.iax2.address import Address
from pbx.channels.iax2.dialog import Dialog
from pbx.channels.iax2.elements import Element, Elements
from pbx.channels.iax2.frames import Command, FrameType, FullFrame
from pbx.channels.iax2.numbers import NoNumber
from pbx.channels.iax2.openers import STATELESS
from pbx.channels.iax2.timers import Timer

if TYPE_CHECKING:
    from pbx.channels.iax2.core import Core
    from pbx.channels.iax2.peers import PeerRecord
    from pbx.channels.iax2.registration import Registration

#: seconds to wait for the PONG; less than a POKE's first repetition takes with this round trip
_PATIENCE = 5.0
_RTT = 5.0
_POKE = Elements().add(Element.CALLTOKEN).encode()


class Beat(Dialog):
    """One POKE; `heard` is called when the answer comes."""

    __slots__ = ("_heard",)

    kind: ClassVar[str] = "keepalive"

    def __init__(
        self, core: Core, socket: int, address: Address, local: str, now: float, heard: Callable[[float], None]
    ) -> None:
        super().__init__(core, socket, address, local, now)
        self._heard = heard
        self.rtt = _RTT
        core.timers.set(self, Timer.FORGET, now + _PATIENCE)
        self.open(Command.POKE, Elements(), now)

    def on_command(self, frame: FullFrame, elements: Elements, now: float) -> None:
        if frame.subclass == Command.PONG:
            self.ack(frame)
            self.forget(now)
            self._heard(now)
        elif frame.subclass in (Command.HANGUP, Command.REJECT, Command.INVAL):
            self.forget(now)


def _send(core: Core, socket: int, address: Address, local: str, now: float) -> None:
    core.stats["keepalives"] += 1
    beats = core.beats
    if address in beats.stateful:
        try:
            Beat(core, socket, address, local, now, lambda later: _heard(core, address, later))
        except NoNumber:
            core.stats["keepalives without a number"] += 1
        return
    stamp = beats.stamp = beats.stamp or core.random.getrandbits(31) + 1
    core.send_stateless(
        socket, address, local, FullFrame(STATELESS, 0, stamp, 0, 0, FrameType.IAX, Command.POKE, _POKE)
    )


def answered(core: Core, socket: int, address: Address, local: str, frame: FullFrame, now: float) -> None:
    """A PONG to call 1."""
    if frame.timestamp != core.beats.stamp:
        core.stats["dropped.stateless answer to nothing"] += 1
        return
    if frame.source > STATELESS:
        core.beats.stateful.add(address)
        ack = FullFrame(
            STATELESS, frame.source, frame.timestamp, frame.iseqno, frame.oseqno + 1 & 0xFF, FrameType.IAX, Command.ACK
        )
        core.send_stateless(socket, address, local, ack)
    _heard(core, address, now)


def begin(owner: PeerRecord | Registration, now: float) -> None:
    """The first one, unless they go out already; spread, so that many do not come at once."""
    core = owner.core
    interval = core.settings.general.keepalive
    if interval and Timer.KEEPALIVE not in owner.timers:
        core.timers.set(owner, Timer.KEEPALIVE, now + interval * (0.5 + core.random.random() / 2))


def of_registration(one: Registration, now: float) -> None:
    """The timer of a `register =>` line came."""
    core = one.core
    interval = core.settings.general.keepalive
    if not interval:
        return
    core.timers.set(one, Timer.KEEPALIVE, now + interval)
    if one.address is None or one.dialog is not None:
        return
    socket, local = core.socket_for(one.address)
    if core.beats.due(socket, one.address, interval, now):
        _send(core, socket, one.address, local, now)


def _heard(core: Core, address: Address, now: float) -> None:
    """The host is there: all registrations that stand badly are tried at once."""
    for one in core.beats.doubtful.pop(address, ()):
        one.heard(now)


def of_peer(record: PeerRecord, now: float) -> None:
    """The timer of a dynamic peer came."""
    core, section = record.core, record.section
    interval = core.settings.general.keepalive
    if not interval or not record.registered or record.address is None:
        return
    core.timers.set(record, Timer.KEEPALIVE, now + interval)
    asked = section.qualify and section.qualifyfreqok <= interval * 1000
    if not asked and core.beats.due(record.socket, record.address, interval, now):
        _send(core, record.socket, record.address, record.local, now)
