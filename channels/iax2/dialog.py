"""What every dialogue has, be it a call, a registration or a POKE: numbers, clock, reliable delivery.

A subclass says what the commands mean (`on_command`, `on_media`) and what it wants
to know: that a frame was acknowledged or lost, that a timer came.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, ClassVar

from pbx.channels.iax2.address import Address
from pbx.channels.iax2.cipher import Opener, Sealer
from pbx.channels.iax2.elements import Element, Elements
from pbx.channels.iax2.frames import HEADER, NO_COMMAND, Command, FrameError, FrameType, FullFrame
from pbx.channels.iax2.numbers import HOLD, HOLD_ACKED
from pbx.channels.iax2.reliable import FUTURE, OLD, Reliable, Sent
from pbx.channels.iax2.timers import Timer

if TYPE_CHECKING:
    from pbx.channels.iax2.core import Core

#: round-trip estimate before anything was measured, seconds
FIRST_RTT = 1.0
#: unacknowledged frames at once: sequence numbers must stay clear of their half way round (128)
WINDOW = 100
#: frames that may wait behind those
LONGEST_BACKLOG = 1000
#: a frame in the stream of voice takes the last stamp + 3 while that is this near to the clock, ms
SKEW = 160
#: seconds to wait for the ACK of what ends a dialogue
LINGER = 10.0

#: delay that is reported where no jitter buffer has one, ms
UNBUFFERED = 40

#: marks a command in `Dialog.first_message` and `last_message` as sent by us
SENT = 0x100

_STAMP = 1 << 32

# looked up once: an enumeration's members are slow to come by
_IAX, _ACK, _INVAL = FrameType.IAX, Command.ACK, Command.INVAL
_RETRANSMIT = Timer.RETRANSMIT

#: what most commands hold (nobody adds to elements that came)
_NO_ELEMENTS = Elements()

#: frames of the far end that answer ours: their stamps are ours and do not move its clock
_ANSWERS = frozenset({Command.ACK, Command.PONG, Command.LAGRP, Command.VNAK, Command.INVAL})


def extend(last: int, stamp: int) -> int:
    """The 64-bit time nearest to `last` whose low 32 bits are `stamp`."""
    guess = (last & ~(_STAMP - 1)) | stamp
    if guess - last > _STAMP >> 1 and guess >= _STAMP:
        return guess - _STAMP
    if last - guess > _STAMP >> 1:
        return guess + _STAMP
    return guess


class Dialog:
    """See the module.  Times are seconds of the monotonic clock, stamps are ms since `clock_start`."""

    __slots__ = (
        "address",
        "backlog",
        "clock_start",
        "core",
        "decrypting",
        "encrypting",
        "first_message",
        "gone",
        "last_message",
        "last_received",
        "last_sent",
        "local",
        "opened_with",
        "opening",
        "own_number",
        "reliable",
        "remote_number",
        "row",
        "rtt",
        "socket",
        "timers",
        "tokened",
        "voiced",
    )

    #: what `iax2 show callnumber usage` and the verdicts call it
    kind: ClassVar[str] = "dialogue"

    def __init__(
        self,
        core: Core,
        socket: int,
        address: Address,
        local: str,
        now: float,
        *,
        remote_number: int = 0,
        trunk: bool = False,
    ) -> None:
        self.core = core
        self.socket = socket
        self.address = address
        self.local = local
        self.remote_number = remote_number
        self.own_number = core.numbers.take(address, trunk, now)
        self.row = 0
        #: a frame with which voice keeps its order was sent: from then on all of ours leave where voice leaves
        self.voiced = False
        # the clock starts on a multiple of 20 ms, so that voice stamps come out even
        self.clock_start = math.floor(now * 50) / 50
        self.rtt = FIRST_RTT
        self.reliable = Reliable()
        self.timers: dict[Timer, float] = {}
        self.last_sent = 0
        self.last_received = 0
        #: the first and the last command of this dialogue, plus SENT for one of ours; 0 = none (`iax2 show channels`)
        self.first_message = 0
        self.last_message = 0
        #: present from the moment on from which frames in this direction are enciphered
        self.encrypting: Sealer | None = None
        self.decrypting: Opener | None = None
        self.gone = False
        #: frames that wait for room in the window: frame, final, barrier, key
        self.backlog: list[tuple[FullFrame, bool, bool, object]] = []
        #: what we opened this dialogue with, until the far end has a call number for it: command, elements, stamp
        self.opening: tuple[Command, Elements, int] | None = None
        #: stamp and data of the far end's opening frame; repetitions are known by them
        self.opened_with: tuple[int, bytes] | None = None
        #: the far end showed a token when it opened this dialogue
        self.tokened = False
        core.adopt(self)

    # ---- stamps -------------------------------------------------------------------------------------------

    def clock(self, now: float) -> int:
        """Milliseconds since this dialogue's first frame."""
        # a thousandth for what floating point takes off
        return max(0, int((now - self.clock_start) * 1000 + 0.001))

    def _last_stamp(self) -> int:
        """The last stamp of anything sent, voice of the plane included."""
        counters = self.core.counters
        if self.row and counters is not None:
            return max(self.last_sent, counters.tx_ts64(self.row))
        return self.last_sent

    def _stamp_by_clock(self, now: float) -> int:
        """IAX frames go by the clock, and at least 3 ms after the last stamp."""
        last = self._last_stamp()
        stamp = self.clock(now)
        return stamp if stamp > last else last + 3

    def _stamp_in_stream(self, now: float) -> int:
        """CONTROL, digits and text stand 3 ms after the last frame, as long as that is near the clock."""
        last = self._last_stamp()
        stamp = self.clock(now)
        return last + 3 if abs(stamp - last) <= SKEW else stamp

    # ---- sending ------------------------------------------------------------------------------------------

    def send(
        self,
        command: Command,
        now: float,
        elements: Elements | None = None,
        *,
        stamp: int | None = None,
        final: bool = False,
        key: object = None,
        barrier: bool = False,
    ) -> FullFrame:
        """An IAX command, delivered reliably.  stamp: repeat this one (PONG, LAGRP) instead of the clock's.

        final: its acknowledgement (or loss) ends the dialogue.
        """
        data = elements.encode() if elements is not None else b""
        if stamp is None:
            stamp = self.last_sent = self._stamp_by_clock(now)
        return self._send_full(_IAX, command, data, stamp, now, final=final, key=key, barrier=barrier)

    def open(self, command: Command, elements: Elements, now: float, token: bytes = b"") -> None:
        """Send an opener (NEW, REGREQ, POKE ...) with the token last, empty at first."""
        sent = self.send(command, now, Elements([*elements.items, (Element.CALLTOKEN, token)]))
        self.opening = (command, elements, sent.timestamp)

    def take_token(self, frame: FullFrame, now: float) -> None:
        """CALLTOKEN, the stateless answer to our opener: send it again with the token, numbering from zero.

        The answer repeats the opener's stamp, so a doubled or late one is known and passed over.
        """
        if self.opening is None or frame.timestamp != self.opening[2] & (_STAMP - 1):
            return
        try:
            token = Elements.parse(frame.data).raw(Element.CALLTOKEN)
        except FrameError:
            return
        if not token:
            return
        command, elements, _ = self.opening
        self.reliable.restart()
        self.open(command, elements, now, token)

    def send_in_stream(self, kind: FrameType, code: int, data: bytes, now: float) -> FullFrame:
        """CONTROL, DTMF, TEXT, HTML ...: reliable, stamped in the stream of voice."""
        self.last_sent = self._stamp_in_stream(now)
        return self._send_full(kind, code, data, self.last_sent, now)

    def send_voice(self, stamp: int, code: int, payload: bytes, now: float) -> FullFrame:
        """A full VOICE frame with the plane's stamp; no mini frame may overtake it."""
        self.last_sent = stamp
        return self._send_full(FrameType.VOICE, code, payload, stamp, now, barrier=True)

    def send_video(self, stamp: int, code: int, payload: bytes, now: float) -> FullFrame:
        """A full VIDEO frame: its time is the picture's, not the stream's."""
        return self._send_full(FrameType.VIDEO, code, payload, stamp, now)

    def _send_full(
        self,
        kind: FrameType,
        code: int,
        data: bytes,
        stamp: int,
        now: float,
        *,
        final: bool = False,
        key: object = None,
        barrier: bool = False,
    ) -> FullFrame:
        frame = FullFrame(self.own_number, self.remote_number, stamp & (_STAMP - 1), 0, 0, kind, code, data)
        if self.backlog or len(self.reliable.pending) >= WINDOW:
            if len(self.backlog) < LONGEST_BACKLOG:
                self.backlog.append((frame, final, barrier, key))
            else:
                self.core.stats["dropped.more than the far end acknowledges"] += 1
        else:
            self._dispatch(frame, now, final, barrier, key)
        return frame

    def _dispatch(self, frame: FullFrame, now: float, final: bool, barrier: bool, key: object) -> None:
        """Number a frame, send it, and keep it until it is acknowledged."""
        frame.destination = self.remote_number
        self.reliable.number(frame)
        sealer, renewed = self.encrypting, key if isinstance(key, Sealer) else None
        wire = self._transmit(frame, "000", sealer, barrier, renewed is not None)
        sent = self.reliable.keep(frame, wire, now, self.rtt, final=final, barrier=barrier, key=key, sealer=sealer)
        if renewed is not None:
            # RTKEY went under the old key; all that follows goes under the new one at once
            self.encrypting = renewed
        due = self.timers.get(_RETRANSMIT)
        if due is None or sent.due < due:
            self.core.timers.set(self, _RETRANSMIT, sent.due)

    def send_once(
        self, command: Command, stamp: int, *, oseqno: int | None = None, destination: int | None = None
    ) -> None:
        """A command without number and retransmission: ACK, VNAK, INVAL, TXCNT, TXACC."""
        number = self.remote_number if destination is None else destination
        frame = FullFrame(self.own_number, number, stamp, 0, 0, _IAX, command)
        self.reliable.number(frame)
        if oseqno is not None:
            frame.oseqno = oseqno
        self._transmit(frame, "-01", self.encrypting)

    def _transmit(
        self, frame: FullFrame, retry: str, sealer: Sealer | None, barrier: bool = False, rekeys: bool = False
    ) -> bytes:
        core = self.core
        if frame.command != NO_COMMAND:
            self.last_message = frame.command | SENT
            self.first_message = self.first_message or self.last_message
        if core.debug is not None or core.taps:
            core.dump("Tx", frame, self.address, retry)
        plain = frame.encode()
        self.voiced = self.voiced or barrier
        row = self.row if self.voiced else 0
        if sealer is None:
            core.send(self.socket, self.address, self.local, plain, row=row, barrier=barrier)
            return plain
        wire = sealer.frame(plain)
        core.send(
            self.socket, self.address, self.local, wire, row=row, barrier=barrier, clear=plain[:HEADER],
            rekeys=rekeys,
        )  # fmt: skip
        return wire

    def ack(self, frame: FullFrame) -> None:
        """ACK it: the stamp is that frame's, oseqno what it expected, iseqno what is expected now."""
        self.send_once(_ACK, frame.timestamp, oseqno=frame.iseqno, destination=frame.source)

    def vnak(self, stamp: int = 0) -> None:
        """Ask for everything from the first missing frame on."""
        self.send_once(Command.VNAK, stamp, oseqno=self.reliable.iseqno)

    def _set_retransmit(self) -> None:
        due = self.reliable.next_due()
        if due is None:
            self.core.timers.cancel(self, _RETRANSMIT)
        else:
            self.core.timers.set(self, _RETRANSMIT, due)

    # ---- receiving ----------------------------------------------------------------------------------------

    def receive(self, frame: FullFrame, now: float, elements: Elements | None = None) -> None:
        """A full frame of this dialogue, deciphered.  elements: of a command, where they have been read already."""
        command = frame.command
        if command != NO_COMMAND:
            self.last_message = command
            self.first_message = self.first_message or command
            try:
                if elements is None:
                    elements = Elements.parse(frame.data) if frame.data else _NO_ELEMENTS
            except FrameError as error:
                self.core.stats[f"dropped.{error.reason}"] += 1
                return
        reliable = self.reliable
        order = reliable.classify(frame)
        if reliable.pending and command != _INVAL and self._acknowledged(frame.iseqno, now):
            return
        if order is OLD:
            self.core.stats["duplicates"] += 1
            self.ack(frame)
            return
        if order is FUTURE:
            self.core.stats["out_of_order"] += 1
            self.vnak()
            return
        self.on_any(frame, now)
        if self.gone:
            return
        if command not in _ANSWERS:
            self.last_received = extend(self.last_received, frame.timestamp)
        if elements is None:
            self.on_media(frame, now)
        else:
            handler = _SHARED.get(command)
            if handler is None:
                self.on_command(frame, elements, now)
            else:
                handler(self, frame, now)
        if not self.gone and reliable.iseqno != reliable.shown:
            self.ack(frame)

    def _acknowledged(self, iseqno: int, now: float) -> bool:
        """Take in an iseqno.  True when that has ended the dialogue."""
        acked = self.reliable.acknowledge(iseqno)
        if not acked:
            return False
        while self.backlog and len(self.reliable.pending) < WINDOW:
            frame, final, barrier, key = self.backlog.pop(0)
            self._dispatch(frame, now, final, barrier, key)
        self._set_retransmit()
        for sent in acked:
            self.on_acked(sent, now)
            if sent.final:
                self.forget(now, acked=True)
                return True
        return self.gone

    def report(self) -> Elements:
        """RR elements: what this end received."""
        counters = self.core.counters
        legs = counters.legs(self.row) if self.row and counters is not None else None
        received = legs.received if legs else 0
        lost = legs.lost if legs else 0
        percent = min(255, 100 * lost // (received + lost)) if received + lost else 0
        return (
            Elements()
            .add_uint(Element.RR_JITTER, legs.jitter if legs else 0)
            .add_uint(Element.RR_LOSS, percent << 24 | (lost & 0xFFFFFF))
            .add_uint(Element.RR_PKTS, max(1, received))
            .add_uint(Element.RR_DELAY, (legs.delay if legs else 0) or UNBUFFERED)
            .add_uint(Element.RR_DROPPED, legs.late + legs.dropped if legs else 0)
            .add_uint(Element.RR_OOO, legs.out_of_order if legs else 0)
        )

    # ---- time ---------------------------------------------------------------------------------------------

    def on_timer(self, timer: Timer, now: float) -> None:
        """One of this dialogue's timers came."""
        if timer is Timer.RETRANSMIT:
            self._retransmit(now)
        elif timer is Timer.FORGET:
            self.forget(now)

    def _retransmit(self, now: float) -> None:
        again, lost = self.reliable.due(now)
        if lost:
            if any(sent.final for sent in lost):
                self.forget(now)
            else:
                self.on_lost(lost[0], now)
            if self.gone:
                return
        for sent in again:
            # a dialogue whose far number became known meanwhile is addressed by it
            sent.frame.destination = self.remote_number
            self.on_resent(sent, now)
            self._transmit(sent.frame, f"{sent.sendings - 1:03d}", sent.sealer, sent.barrier)
        self._set_retransmit()

    # ---- end ----------------------------------------------------------------------------------------------

    def linger(self, now: float, seconds: float = LINGER) -> None:
        """Keep the number until what we sent is acked, at most so long."""
        timers = self.core.timers
        for timer in tuple(self.timers):
            if timer is not Timer.RETRANSMIT:
                timers.cancel(self, timer)
        timers.set(self, Timer.FORGET, now + seconds)

    def forget(self, now: float, *, acked: bool = False) -> None:
        """Nothing more is sent or expected; the number rests.  acked: the far end has all, our last frame too."""
        if not self.gone:
            self.gone = True
            self.backlog.clear()
            self.core.forget(self, now, HOLD_ACKED if acked else HOLD)
            self.on_gone(now)

    # ---- for subclasses -----------------------------------------------------------------------------------

    def bind(self, number: int) -> None:
        """The far end's call number became known."""
        self.core.bind_remote(self, number)

    def on_any(self, frame: FullFrame, now: float) -> None:
        """A frame came in order, whatever it is; before it is dealt with."""

    def on_command(self, frame: FullFrame, elements: Elements, now: float) -> None:
        """Any command but ACK, VNAK, LAGRQ and PING."""

    def on_media(self, frame: FullFrame, now: float) -> None:
        """Any frame but IAX."""

    def on_key(self, key: bytes) -> None:
        """Of several possible keys this one has opened the first enciphered frame."""

    def on_acked(self, sent: Sent, now: float) -> None:
        """The far end has this frame."""

    def on_resent(self, sent: Sent, now: float) -> None:
        """This frame is sent again by the timer."""

    def on_lost(self, sent: Sent, now: float) -> None:
        """This frame was sent four times without acknowledgement."""
        self.forget(now)

    def on_refused(self, cause: int, now: float) -> bool:
        """We refused to go on; returns whether a channel hung on it."""
        return False

    def on_gone(self, now: float) -> None:
        """The dialogue is no more."""


# ---- commands that mean the same in every dialogue; the rest is the subclass's --------------------------------


def _acked(dialog: Dialog, frame: FullFrame, now: float) -> None:
    """ACK: what it acknowledges has been dealt with."""


def _again(dialog: Dialog, frame: FullFrame, now: float) -> None:
    """VNAK: the far end misses what we have sent."""
    for sent in dialog.reliable.missing(frame.iseqno):
        clear = b"" if sent.sealer is None else sent.frame.encode()[:HEADER]
        dialog.core.send(
            dialog.socket, dialog.address, dialog.local, sent.first, row=dialog.row if dialog.voiced else 0,
            barrier=sent.barrier, clear=clear,
        )  # fmt: skip


def _lag_asked(dialog: Dialog, frame: FullFrame, now: float) -> None:
    """LAGRQ."""
    dialog.send(Command.LAGRP, now, stamp=frame.timestamp)


def _pinged(dialog: Dialog, frame: FullFrame, now: float) -> None:
    """PING."""
    dialog.send(Command.PONG, now, dialog.report(), stamp=frame.timestamp)


_SHARED: Mapping[int, Callable[[Dialog, FullFrame, float], None]] = {
    Command.ACK: _acked,
    Command.VNAK: _again,
    Command.LAGRQ: _lag_asked,
    Command.PING: _pinged,
}
