"""One IAX2 call: its state machine, and what a driver can ask of it.

States and what each command does in them are the table `COMMANDS` below; a command
that is not in it falls to `foreign.OTHERS`, which answers as Asterisk answers
whatever does not belong into a dialogue.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from pbx.channels.causes import Cause
from pbx.channels.events import Control, Verdict
from pbx.channels.iax2 import address as addresses
from pbx.channels.iax2 import (
    call_crypto,
    call_incoming,
    call_lookup,
    call_media,
    call_outgoing,
    call_video,
    foreign,
    lookups,
    reasons,
    registrar,
    transfers,
)
from pbx.channels.iax2.address import Address
from pbx.channels.iax2.call_model import CannotCall, Outgoing, Request, State
from pbx.channels.iax2.dialog import Dialog
from pbx.channels.iax2.elements import Element, Elements
from pbx.channels.iax2.events import (
    CallClearVoice,
    CallEnded,
    CallGone,
    CallQuelch,
    CallTransfer,
    CallTrunk,
    Failed,
    IncomingCall,
    LegBound,
)
from pbx.channels.iax2.frames import CROSSING, Command, FrameType, FullFrame, VideoFrame, compress_subclass
from pbx.channels.iax2.reliable import Sent
from pbx.channels.iax2.timers import Timer, on_beat

if TYPE_CHECKING:
    from pbx.channels.iax2.core import Core
    from pbx.channels.iax2.settings import AuthMethods, Peer, User

__all__ = ["Call", "CannotCall", "Outgoing", "Request", "State"]


# looked up once: an enumeration's members are slow to come by
_AUTOKILL, _WAITING = Timer.AUTOKILL, State.WAITING


class Call(Dialog):
    """One call leg.  Made by the endpoint only.

    All methods need `now`; none of them waits or raises; on an ended call they do nothing.
    """

    __slots__ = (
        "attempt",
        "capability",
        "challenge",
        "channel_name",
        "clear_voice",
        "digit_since",
        "direction",
        "encrypted",
        "ended",
        "far_cause",
        "format",
        "formats",
        "generation",
        "judged",
        "known",
        "lag",
        "login_method",
        "looking",
        "methods",
        "moving",
        "music",
        "offered",
        "outgoing",
        "owner",
        "peer",
        "peer_name",
        "ping_stamp",
        "quiet_since",
        "receive_format",
        "remote_report",
        "request",
        "rotates",
        "send_format",
        "state",
        "trunk",
        "user",
        "user_name",
        "video",
    )

    kind: ClassVar[str] = "call"

    def __init__(
        self,
        core: Core,
        direction: str,
        socket: int,
        address: Address,
        local: str,
        now: float,
        *,
        remote_number: int = 0,
        trunk: bool = False,
    ) -> None:
        super().__init__(
            core, socket, address, local, now, remote_number=remote_number, trunk=trunk and direction == "out"
        )
        #: generation of the plane's leg; written by the driver, as `row`
        self.generation = 0
        self.direction = direction
        self.state = State.RESERVED if direction == "out" else State.OPENED
        #: None until there is any
        self.video: call_video.Video | None = None
        self.channel_name = ""
        self.peer_name = ""
        self.user_name = ""
        self.user: User | None = None
        self.peer: Peer | None = None
        #: the format bit agreed at ACCEPT; and the formats of voice in each way (0 = none yet)
        self.format = 0
        self.receive_format = 0
        self.send_format = 0
        #: format bits that this leg may use, as a mask and best first
        self.capability = 0
        self.formats: tuple[int, ...] = ()
        self.trunk = trunk
        #: an encrypted call whose voice comes in the clear all the same
        self.clear_voice = False
        self.request: Request | None = None
        self.outgoing: Outgoing | None = None
        #: anything the driver wants to hang on to (its Leg)
        self.owner: object | None = None
        #: the driver knows this call; CallEnded was told; a verdict was told
        self.known = False
        self.ended = False
        self.judged = False
        self.methods: AuthMethods | None = None
        #: RSA, MD5, plaintext, none: how the calling side showed who it is
        self.login_method = "none"
        self.challenge = ""
        self.attempt = registrar.Attempt()
        #: the far end has quelched us and wants its party to hear music
        self.music = False
        #: what a call to look numbers up asks (`lookups`), and since when it has no question
        self.looking = ""
        self.quiet_since = now
        #: a native transfer in which we are an end, or the middle
        self.moving: transfers.End | transfers.Middle | None = None
        #: the call is enciphered; ENCRYPTION of the caller's NEW; whether we renew our key
        self.encrypted = False
        self.offered = 0
        self.rotates = False
        #: what the far end's BUSY or CONGESTION means as a cause; a hangup that knows none better says it back
        self.far_cause = 0
        self.digit_since = 0.0
        self.ping_stamp = -1
        #: ms, from the last LAGRP; -1 = none yet
        self.lag = -1
        #: what the far end last reported of our sound (RR elements of its PONG)
        self.remote_report: dict[int, int] = {}
        general = core.settings.general
        core.timers.set(self, Timer.PING, on_beat(now + general.pingtime))
        core.timers.set(self, Timer.LAGRQ, on_beat(now + general.lagrqtime))

    @property
    def voice_keys(self) -> tuple[bytes, tuple[bytes, ...]]:
        """Keys of mini frames: what we send under, and what may come, newest first."""
        sending = self.encrypting.key if self.encrypting is not None else b""
        return sending, self.decrypting.keys if self.decrypting is not None else ()

    def name(self) -> None:
        """Give the channel its name: peer, else user, else address, then the number."""
        who = self.peer_name or self.user_name or addresses.text(self.address)
        self.channel_name = f"IAX2/{who}-{self.own_number}"

    # ---- what the driver asks ---------------------------------------------------------------------------

    @property
    def alive(self) -> bool:
        """May anything be sent for the channel?"""
        return self.state not in (State.ENDING, State.GONE)

    def place(self, now: float) -> None:
        """Send the NEW of a reserved call; what is to be told is read from `outgoing` now."""
        if self.state is not State.RESERVED:
            return
        host = self.address[0]
        if addresses.is_numeric(host):
            call_outgoing.start(self, now)
        else:
            self.state = State.RESOLVING
            self.core.names.ask(host, lambda found, later: call_outgoing.resolved(self, host, found, later))

    def answer(self, now: float) -> None:
        """CONTROL ANSWER, followed by the "stop sounds" that Asterisk sends."""
        if self.alive:
            self.send_in_stream(FrameType.CONTROL, Control.ANSWER, b"", now)
            self.send_in_stream(FrameType.CONTROL, Control.STOP_SOUNDS, b"", now)

    def control(self, control: int, data: bytes, now: float) -> None:
        """A CONTROL frame: RINGING, PROGRESS, BUSY, HOLD ...; what may not cross a link is dropped."""
        if self.alive and control in CROSSING:
            self.send_in_stream(FrameType.CONTROL, control, data, now)

    def digit(self, digit: str, begin: bool, now: float) -> None:
        """DTMF BEGIN or END."""
        if self.alive and len(digit) == 1 and ord(digit) < 0x80:
            kind = FrameType.DTMF_BEGIN if begin else FrameType.DTMF_END
            self.send_in_stream(kind, ord(digit), b"", now)

    def text(self, text: str, now: float) -> None:
        """A TEXT frame (a NUL is added)."""
        if self.alive:
            self.send_in_stream(FrameType.TEXT, 0, text.encode("utf-8", "surrogateescape") + b"\0", now)

    def opaque(self, frame_type: int, subclass: int, data: bytes, now: float) -> None:
        """HTML, IMAGE, VIDEO ... as it came from another leg (subclass: the byte of the frame)."""
        if self.alive and frame_type == FrameType.VIDEO:
            call_video.send(self, subclass, data, now)
        elif self.alive and frame_type in call_media.OPAQUE:
            self.send_in_stream(FrameType(frame_type), subclass, data, now)

    def transfer(self, exten: str, context: str | None, now: float) -> None:
        """Command TRANSFER: the far end shall send its own call on."""
        if self.alive:
            elements = Elements().add_text(Element.CALLED_NUMBER, exten)
            if context:
                elements.add_text(Element.CALLED_CONTEXT, context)
            self.send(Command.TRANSFER, now, elements)

    def quelch(self, on: bool, now: float, music: bool = False) -> None:
        """Ask the far end to stop (or resume) sending voice."""
        if self.alive:
            elements = Elements().add(Element.MUSICONHOLD) if on and music else None
            self.send(Command.QUELCH if on else Command.UNQUELCH, now, elements)

    def voice_full(self, ts64: int, format_bit: int, payload: bytes, now: float) -> None:
        """The plane's `voice_due`: send this voice as a full VOICE frame stamped `ts64`."""
        if self.alive:
            call_crypto.before_voice(self, now)
            self.send_voice(ts64, compress_subclass(format_bit), payload, now)

    def picture(self, frame: VideoFrame) -> None:
        """A META video frame of this call came."""
        if self.state in _HEARING:
            call_video.meta(self, frame)

    def voice_unknown(self, now: float) -> None:
        """The plane's `voice_unknown`: minis came before any full VOICE frame; asks for it again (VNAK)."""
        if self.alive:
            self.vnak()

    def voice_trunked(self) -> None:
        """The plane's `voice_trunked`: we trunk back where the caller's user section says so, and no peer did.

        Stock Asterisk asks the peer's section alone; with a user section only, voice would be trunked one way.
        """
        if self.encrypted:
            self.clear_voice = True
            self.core.emit(CallClearVoice(self))
        elif not self.trunk and self.user is not None and self.user.trunk:
            self.trunk = True
            self.core.emit(CallTrunk(self))

    def reject(self, cause: int, text: str, now: float) -> None:
        """Refuse a call that came in (the driver has no channel for it), or hang up."""
        if self.direction == "in" and self.state is State.WAITING:
            self.refuse(cause, text, now)
        else:
            self.hangup(cause, now)

    def hangup(self, cause: int, now: float) -> None:
        """HANGUP; the number is kept until acked.  Tells CallEnded(how="local") unless the call has ended already."""
        if not self.alive:
            return
        if self.state in (State.RESERVED, State.RESOLVING):
            self.over(cause, "local", now)
            self.forget(now)
            return
        cause = cause or self.far_cause
        self.send(Command.HANGUP, now, Elements().add_uint(Element.CAUSECODE, cause), final=True)
        self.over(cause, "local", now)
        self.linger(now)

    # ---- ends -------------------------------------------------------------------------------------------

    def refuse(self, cause: int, text: str, now: float) -> None:
        """REJECT with cause; the call was never one."""
        elements = Elements().add_text(Element.CAUSE, text).add_uint(Element.CAUSECODE, cause)
        self.send(Command.REJECT, now, elements, final=True)
        self.over(cause, "local", now)
        self.linger(now)

    def over(self, cause: int, how: str, now: float, text: str = "") -> None:
        """The channel's end is told, once; the dialogue may linger."""
        self.answered_login()
        self.state = State.ENDING
        if self.moving is not None:
            transfers.forget(self, now)
        if self.looking and self.core.lookups is not None:
            self.core.lookups.ended(self, now)
        if self.known and not self.ended:
            self.ended = True
            self.core.emit(CallEnded(self, cause, how, text))

    def judge(self, verdict: Verdict) -> None:
        """The one verdict of a failed call; further ones are dropped."""
        if not self.judged:
            self.judged = True
            self.core.stats["failed.call"] += 1
            self.core.emit(Failed(verdict, self if self.known else None))

    def answered_login(self) -> None:
        """The AUTHREQ is no longer open."""
        if self.challenge and self.direction == "in":
            self.core.timers.cancel(self, Timer.LOGIN)
            self.challenge = ""
            count = self.core.unanswered
            count[self.user_name] -= 1
            if count[self.user_name] <= 0:
                del count[self.user_name]

    def begin(self, now: float) -> None:
        """The caller is there: a channel can be made."""
        self.state = State.UP
        self.known = True
        self.core.emit(IncomingCall(self))

    def bind(self, number: int) -> None:
        """The far end's call number became known."""
        self.core.bind_remote(self, number)
        if self.known:
            self.core.emit(LegBound(self))

    # ---- what comes in ------------------------------------------------------------------------------------

    def take_token(self, frame: FullFrame, now: float) -> None:
        if self.state is State.CALLING:
            super().take_token(frame, now)
        else:
            # hung up meanwhile; who gave the token remembers nothing of us
            self.forget(now)

    def on_any(self, frame: FullFrame, now: float) -> None:
        if _AUTOKILL in self.timers:
            self.core.timers.cancel(self, _AUTOKILL)
        if self.state is _WAITING and frame.type in _STARTING and not _ends(frame):
            self.begin(now)

    def on_command(self, frame: FullFrame, elements: Elements, now: float) -> None:
        handler = COMMANDS.get((self.state, frame.command)) or EVERYWHERE.get(frame.command)
        if handler is not None:
            handler(self, frame, elements, now)
        elif self.state is not State.ENDING:
            foreign.answer(self, frame, elements, now)

    def on_media(self, frame: FullFrame, now: float) -> None:
        if self.state in _HEARING:
            call_media.receive(self, frame, now)

    def on_timer(self, timer: Timer, now: float) -> None:
        general = self.core.settings.general
        if timer is Timer.PING:
            self.core.timers.set(self, Timer.PING, on_beat(now + general.pingtime))
            if self.remote_number:
                self.ping_stamp = self.send(Command.PING, now, key=Timer.PING).timestamp
        elif timer is Timer.LAGRQ:
            self.core.timers.set(self, Timer.LAGRQ, on_beat(now + general.lagrqtime))
            if self.remote_number:
                self.send(Command.LAGRQ, now)
        elif timer is Timer.AUTOKILL:
            call_outgoing.give_up(self, now)
        elif timer is Timer.LOGIN:
            call_incoming.no_answer(self, now)
        elif timer is Timer.LOOKUP:
            if self.core.lookups is not None:
                self.core.lookups.timer(self, now)
        elif timer is Timer.TRANSFER:
            transfers.timer(self, now)
        elif timer is Timer.ROTATE:
            call_crypto.rotate(self, now)
        elif timer is Timer.REJECT:
            self.refuse(Cause.FACILITY_NOT_SUBSCRIBED, foreign.NO_AUTHORITY, now)
        else:
            super().on_timer(timer, now)

    def on_refused(self, cause: int, now: float) -> bool:
        known = self.known
        self.over(cause, "local", now)
        return known

    def on_gone(self, now: float) -> None:
        self.answered_login()
        self.state = State.GONE
        if self.known:
            if not self.ended:
                self.ended = True
                self.core.emit(CallEnded(self, Cause.NORMAL_CLEARING, "local"))
            self.core.emit(CallGone(self))
        if self.moving is not None:
            transfers.forget(self, now)
        self.encrypting = self.decrypting = None
        # nothing may keep a dead call alive through its channel, or the other way round
        self.owner = None

    def on_key(self, key: bytes) -> None:
        call_crypto.begin(self, key)

    def on_resent(self, sent: Sent, now: float) -> None:
        if sent.key is Timer.PING:
            # an answer could be to either copy: it measures nothing
            self.ping_stamp = -1

    def on_lost(self, sent: Sent, now: float) -> None:
        """Four times sent, never acknowledged: the far end is not there (any more)."""
        if self.state is State.ASKED and self.decrypting is not None and self.decrypting.failed:
            call_incoming.undeciphered(self, self.decrypting.failed)
        self.judge(
            reasons.verdict(
                "call",
                self.peer_name or self.user_name or self.address[0],
                self.address,
                expected="an answer to what we sent",
                got=f"none in four attempts ({self.state.value})",
                place=self.peer.place_of("host").file_line if self.peer is not None else "",
                advice=reasons.ADVICE[Cause.DESTINATION_OUT_OF_ORDER],
                cause=Cause.DESTINATION_OUT_OF_ORDER,
            )
        )
        self.over(Cause.DESTINATION_OUT_OF_ORDER, "timeout", now)
        self.forget(now)


# ---- the table --------------------------------------------------------------------------------------------

#: kinds of frame that prove that the caller got our ACCEPT
_STARTING = frozenset({FrameType.IAX, FrameType.VOICE, FrameType.VIDEO})
#: states in which a far end's digits, controls and voice mean something
_HEARING = frozenset({State.UP, State.CALLING, State.LOGGING_IN})


def _ends(frame: FullFrame) -> bool:
    """What ends a call before it began: nothing is started for it."""
    return frame.command in (Command.INVAL, Command.HANGUP, Command.REJECT)


def _hung_up(call: Call, frame: FullFrame, elements: Elements, now: float) -> None:
    """HANGUP: acked at once, and that was it."""
    call.ack(frame)
    cause = elements.uint(Element.CAUSECODE) or 0
    call.over(cause, "hangup", now, elements.text(Element.CAUSE) or "")
    call.forget(now)


def _not_known_there(call: Call, frame: FullFrame, elements: Elements, now: float) -> None:
    """INVAL: the far end knows no such call (it was started anew)."""
    if call.alive:
        call.judge(
            reasons.verdict(
                "call",
                call.peer_name or call.user_name or call.address[0],
                call.address,
                expected="frames of this call",
                got="INVAL: the other end knows no such call",
                advice="see whether the other end was restarted",
                cause=Cause.DESTINATION_OUT_OF_ORDER,
            )
        )
    call.over(Cause.DESTINATION_OUT_OF_ORDER, "inval", now)
    call.forget(now)


def _pong(call: Call, frame: FullFrame, elements: Elements, now: float) -> None:
    if frame.timestamp == call.ping_stamp & 0xFFFFFFFF:
        call.ping_stamp = -1
        call.rtt = max(0.001, (call.clock(now) - frame.timestamp) / 1000)
    call.remote_report = {
        number: value
        for number in range(Element.RR_JITTER, Element.RR_OOO + 1)
        if (value := elements.uint(number)) is not None
    }


def _lagrp(call: Call, frame: FullFrame, elements: Elements, now: float) -> None:
    lag = call.clock(now) - frame.timestamp
    if lag >= 0:
        call.lag = lag


def _quelch(call: Call, frame: FullFrame, elements: Elements, now: float) -> None:
    on = frame.subclass == Command.QUELCH
    music = Element.MUSICONHOLD in elements if on else call.music
    call.music = on and music
    call.core.emit(CallQuelch(call, on, music))


def _transfer(call: Call, frame: FullFrame, elements: Elements, now: float) -> None:
    number = elements.text(Element.CALLED_NUMBER)
    if number:
        call.core.emit(CallTransfer(call, number, elements.text(Element.CALLED_CONTEXT) or ""))


def _register(call: Call, frame: FullFrame, elements: Elements, now: float) -> None:
    """A registration within a call is dealt with like any other, as stock servers do."""
    registrar.request(call, call.attempt, frame, elements, now)


Handler: TypeAlias = Callable[[Call, FullFrame, Elements, float], None]

#: what a command does in one state
COMMANDS: dict[tuple[State, int], Handler] = {
    (State.ASKED, Command.AUTHREP): call_incoming.authrep,
    (State.ASKED, Command.NEW): call_incoming.ask_again,
    (State.OPENED, Command.NEW): call_incoming.opened,
    (State.CALLING, Command.AUTHREQ): call_outgoing.authreq,
    (State.LOGGING_IN, Command.AUTHREQ): call_outgoing.authreq,
    (State.CALLING, Command.ACCEPT): call_outgoing.accept,
    (State.LOGGING_IN, Command.ACCEPT): call_outgoing.accept,
    (State.CALLING, Command.REJECT): call_outgoing.rejected,
    (State.LOGGING_IN, Command.REJECT): call_outgoing.rejected,
    (State.LOOKUP, Command.DPREQ): call_lookup.dpreq,
    (State.LOOKUP, Command.DIAL): call_lookup.dial,
    (State.UP, Command.DPREP): lookups.dprep,
    (State.UP, Command.QUELCH): _quelch,
    (State.UP, Command.UNQUELCH): _quelch,
    (State.UP, Command.TRANSFER): _transfer,
    (State.UP, Command.TXREQ): transfers.asked,
    (State.UP, Command.TXREADY): transfers.ready,
    (State.UP, Command.TXREJ): transfers.rejected,
    (State.UP, Command.TXMEDIA): transfers.media,
    (State.UP, Command.REGREQ): _register,
    (State.UP, Command.REGREL): _register,
}

#: what a command does in every state that the table above does not name
EVERYWHERE: dict[int, Handler] = {
    Command.HANGUP: _hung_up,
    Command.REJECT: _hung_up,
    Command.INVAL: _not_known_there,
    Command.PONG: _pong,
    Command.LAGRP: _lagrp,
    Command.RTKEY: call_crypto.rtkey,
    Command.TXREL: transfers.release,
}
