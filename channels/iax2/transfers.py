"""Native transfer: the one in the middle of two calls leaves, and its two ends talk to each other (RFC 5456 6.6).

The middle tells each end the other's address and call number (TXREQ).  Each end tries the direct way (TXCNT), the
other answers (TXACC), and says so to the middle (TXREADY).  When both are ready the middle lets go of them (TXREL), or
only of their voice (TXMEDIA: minis go directly, all else stays).  Who finds no way says TXREJ, and all stays as it was.

A call is never transferred by us when one of its legs is enciphered; asked by another we obey, as Asterisk does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from pbx.channels.causes import Cause
from pbx.channels.iax2.address import Address, parsed
from pbx.channels.iax2.elements import Element, Elements
from pbx.channels.iax2.events import CallFormats, CallMedia, CallRestarted, LegBound
from pbx.channels.iax2.frames import Command, FrameType, FullFrame
from pbx.channels.iax2.reliable import SENDINGS, SHORTEST_WAIT, TRANSFER_WAIT
from pbx.channels.iax2.timers import Timer
from pbx.channels.iax2.values import Transfer

if TYPE_CHECKING:
    from pbx.channels.iax2.call import Call

#: seconds that both ends have to become ready; they themselves give up after about five
PATIENCE = 15.0


class Step(Enum):
    """Where an end stands."""

    TRYING = "trying"  # TXCNT is sent
    READY = "ready"  # the other end has answered, TXREADY is sent
    MEDIA = "media"  # voice goes to the other end


@dataclass(slots=True)
class End:
    """We are an end: of the other end its address and call number."""

    address: Address
    number: int
    identity: bytes
    step: Step = Step.TRYING
    sendings: int = 1
    stamp: int = 0


@dataclass(slots=True)
class Middle:
    """We stand between this call and `other`."""

    other: Call
    media: bool
    ready: bool = False


# ---- in the middle -------------------------------------------------------------------------------------------


def wanted(one: Call, two: Call) -> bool | None:
    """What is written for both legs: True = their voice only, False = all of the call, None = nothing."""
    kinds = []
    for call in (one, two):
        section = call.peer if call.peer is not None else call.user
        kind = section.transfer if section is not None else None
        if kind not in (Transfer.YES, Transfer.MEDIAONLY):
            return None
        kinds.append(kind)
    return Transfer.MEDIAONLY in kinds


def possible(one: Call, two: Call) -> bool:
    """May these two find a way to each other?"""
    if one.encrypted or two.encrypted or one.moving is not None or two.moving is not None:
        return False
    if not (one.remote_number and two.remote_number and one.format == two.format):
        return False
    hosts = [parsed(call.address[0]) for call in (one, two)]
    return hosts[0].version == hosts[1].version and hosts[0].is_private == hosts[1].is_private


def start(one: Call, two: Call, media: bool, now: float) -> None:
    """TXREQ to both."""
    identity = one.core.random.getrandbits(32)
    for call, other in ((one, two), (two, one)):
        call.moving = Middle(other, media)
        call.core.timers.set(call, Timer.TRANSFER, now + PATIENCE)
        elements = Elements().add_address(other.address).add_uint(Element.CALLNO, other.remote_number)
        call.send(Command.TXREQ, now, elements.add_uint(Element.TRANSFERID, identity))


def stop(call: Call, now: float, *, told: bool = False) -> None:
    """No transfer after all: the other end of ours is told so.  told: this one said it itself."""
    middle = call.moving
    if not isinstance(middle, Middle):
        return
    for leg in (call, middle.other):
        if isinstance(leg.moving, Middle):
            leg.moving = None
            leg.core.timers.cancel(leg, Timer.TRANSFER)
            if leg.alive and not (told and leg is call):
                leg.send(Command.TXREJ, now)


def ready(call: Call, frame: FullFrame, elements: Elements, now: float) -> None:
    """TXREADY: one end has found its way."""
    middle = call.moving
    if not isinstance(middle, Middle):
        return
    middle.ready = True
    other = middle.other.moving
    if not isinstance(other, Middle) or not other.ready:
        return
    command = Command.TXMEDIA if middle.media else Command.TXREL
    legs = (call, middle.other)
    for leg in legs:
        leg.core.timers.cancel(leg, Timer.TRANSFER)
    for leg, beyond in (legs, legs[::-1]):
        said = Elements().add_uint(Element.CALLNO, beyond.remote_number)
        leg.send(command, now, said, final=not middle.media, barrier=True)
    for leg in legs:
        if middle.media:
            leg.core.stats["transfers.media"] += 1
        else:
            leg.moving = None
            leg.over(Cause.NORMAL_CLEARING, "transferred", now)
            leg.linger(now)
            leg.core.stats["transfers"] += 1


def rejected(call: Call, frame: FullFrame, elements: Elements, now: float) -> None:
    """TXREJ: to the middle, an end finds no way; to an end, the middle has given up."""
    if isinstance(call.moving, Middle):
        stop(call, now, told=True)
    else:
        abandon(call)


# ---- at an end ------------------------------------------------------------------------------------------------


def asked(call: Call, frame: FullFrame, elements: Elements, now: float) -> None:
    """TXREQ: try the direct way."""
    address, number = elements.address(), elements.uint(Element.CALLNO)
    if address is None or not number or isinstance(call.moving, Middle):
        return
    abandon(call)
    core = call.core
    if address != call.address and core.numbers.known(call.own_number, address, now):
        call.send(Command.TXREJ, now)
        return
    identity = elements.raw(Element.TRANSFERID) or bytes(4)
    call.moving = end = End(address, number, identity)
    core.by_transfer[address, number] = call
    call.ack(frame)
    end.stamp = call.clock(now)
    _try(call, end, retry=False)
    core.timers.set(call, Timer.TRANSFER, now + max(2 * call.rtt, SHORTEST_WAIT))


def _try(call: Call, end: End, *, retry: bool) -> None:
    data = Elements().add(Element.TRANSFERID, end.identity).encode()
    _aside(call, end, Command.TXCNT, end.stamp, data, retry=retry)


def _aside(call: Call, end: End, command: Command, stamp: int, data: bytes = b"", *, retry: bool = False) -> None:
    """A command straight to the other end: no number, no acknowledgement."""
    expected = call.reliable.iseqno if retry else 0
    stamp &= 0xFFFFFFFF
    frame = FullFrame(call.own_number, end.number, stamp, 0, expected, FrameType.IAX, command, data, retry)
    core = call.core
    core.dump("Tx", frame, end.address, f"{end.sendings - 1:03d}")
    plain = frame.encode()
    sealer = call.encrypting
    core.send(call.socket, end.address, call.local, plain if sealer is None else sealer.frame(plain))


def timer(call: Call, now: float) -> None:
    """No answer from the other end yet; or, in the middle, not from both."""
    end = call.moving
    if not isinstance(end, End):
        stop(call, now)
    elif end.step is Step.TRYING:
        if end.sendings >= SENDINGS:
            abandon(call)
            if call.alive:
                call.send(Command.TXREJ, now)
            return
        end.sendings += 1
        _try(call, end, retry=True)
        call.core.timers.set(call, Timer.TRANSFER, now + TRANSFER_WAIT)


def aside(call: Call, frame: FullFrame, now: float) -> None:
    """A frame from the other end, on the direct way: TXCNT and TXACC; all else has to wait for TXREL."""
    end = call.moving
    if not isinstance(end, End):
        return
    if frame.command == Command.TXCNT:
        _aside(call, end, Command.TXACC, call.clock(now))
    elif frame.command == Command.TXACC and end.step is Step.TRYING:
        end.step = Step.READY
        call.core.timers.cancel(call, Timer.TRANSFER)
        call.send(Command.TXREADY, now, Elements().add_uint(Element.CALLNO, call.own_number))


def release(call: Call, frame: FullFrame, elements: Elements, now: float) -> None:
    """TXREL: from now on the call is with the other end; numbers, clock and formats start over."""
    end = call.moving
    call.ack(frame)
    if not isinstance(end, End) or end.step is Step.TRYING:
        return
    abandon(call)
    core = call.core
    core.bind_remote(call, 0)
    if not core.readdress(call, end.address):
        call.hangup(Cause.SWITCH_CONGESTION, now)
        return
    call.reliable.restart()
    call.backlog.clear()
    call.opened_with = call.opening = None
    core.bind_remote(call, end.number)
    call.clock_start = math.floor(now * 50) / 50
    call.last_sent = call.last_received = 0
    call.receive_format = 0
    call.ping_stamp, call.lag = -1, -1
    call.remote_report = {}
    core.stats["transferred"] += 1
    core.emit(LegBound(call))
    core.emit(CallFormats(call))
    core.emit(CallRestarted(call))


def media(call: Call, frame: FullFrame, elements: Elements, now: float) -> None:
    """TXMEDIA: minis go to the other end, all else stays."""
    end = call.moving
    if isinstance(end, End) and end.step is Step.READY:
        end.step = Step.MEDIA
        call.core.emit(CallMedia(call, end.address, end.number))


def abandon(call: Call) -> None:
    """The end forgets the direct way (voice that goes it already stays there)."""
    end = call.moving
    if isinstance(end, End) and end.step is not Step.MEDIA:
        call.moving = None
        call.core.timers.cancel(call, Timer.TRANSFER)
        if call.core.by_transfer.get((end.address, end.number)) is call:
            del call.core.by_transfer[end.address, end.number]


def forget(call: Call, now: float) -> None:
    """The call is over."""
    end = call.moving
    if isinstance(end, Middle):
        stop(call, now, told=True)
    elif end is not None:
        end.step = Step.TRYING
        abandon(call)
