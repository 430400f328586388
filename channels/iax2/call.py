"""One IAX2 call: what a driver can ask of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from pbx.channels.iax2.address import Address
from pbx.channels.party import Caller


class CannotCall(Exception):
    """A call out can't even start; `cause` is Q.850.  A `Failed` event has been (or is) told as well."""

    def __init__(self, cause: int, reason: str) -> None:
        super().__init__(reason)
        self.cause = cause
        self.reason = reason


@dataclass(slots=True)
class Outgoing:
    """What to call and what to tell: `IAX2/[user[:secret]@]peer[:port][/exten[@context][/options]]` taken apart.

    peer: a section of iax.conf, else a host name or address; port: 0 = the peer's or 4569.  user, secret, key: from
    the dial string (None = the peer's own).  formats: format bits, best first, that the caller side can speak or be
    translated to (an empty tuple: all that the peer allows).  variables: IAXVAR to send.
    """

    peer: str
    port: int = 0
    user: str | None = None
    secret: str | None = None
    key: str | None = None
    exten: str = ""
    context: str = ""
    options: str = ""
    formats: tuple[int, ...] = ()
    caller: Caller = field(default_factory=Caller)
    language: str = ""
    variables: dict[str, str] = field(default_factory=dict)
    autoanswer: bool = False


@dataclass(slots=True)
class Request:
    """What a NEW asked for, completed from the section that let it in."""

    context: str
    exten: str
    caller: Caller
    language: str
    variables: dict[str, str]
    user: str
    capability: int
    preferences: tuple[int, ...]
    autoanswer: bool = False
    adsi: int = 0


class Call:
    """One call leg.  Made by the endpoint only.

    All methods need `now`; none of them waits or raises; on an ended call they do nothing.
    """

    #: row and generation of the plane's leg; written by the driver, 0 = none
    row: int
    generation: int
    #: the socket, the far address, and the own address asked ("" = the socket's own)
    socket: int
    address: Address
    local: str
    own_number: int
    remote_number: int
    #: "in" or "out"
    direction: str
    #: `IAX2/VOIP1-16385`
    channel_name: str
    peer_name: str
    user_name: str
    #: the format bit agreed at ACCEPT; and the formats of voice in each way (0 = none yet)
    format: int
    receive_format: int
    send_format: int
    #: format bits, best first, that this leg may use (what both ends can)
    capability: int
    #: format bits common to both, best first
    formats: tuple[int, ...]
    #: meta trunk frames?
    trunk: bool
    encrypted: bool
    #: monotonic seconds at which this call's timestamps are 0
    clock_start: float
    request: Request | None
    outgoing: Outgoing | None
    #: anything the driver wants to hang on to (its Leg)
    owner: object | None

    def place(self, now: float) -> None:
        """Send the NEW of a reserved call, with what `outgoing` holds now."""
        raise NotImplementedError

    def answer(self, now: float) -> None:
        """CONTROL ANSWER, followed by the "stop sounds" that Asterisk sends."""
        raise NotImplementedError

    def control(self, control: int, data: bytes, now: float) -> None:
        """A CONTROL frame: RINGING, PROGRESS, BUSY, HOLD ...; what may not cross a link is dropped."""
        raise NotImplementedError

    def digit(self, digit: str, begin: bool, now: float) -> None:
        """DTMF BEGIN or END."""
        raise NotImplementedError

    def text(self, text: str, now: float) -> None:
        """A TEXT frame (a NUL is added)."""
        raise NotImplementedError

    def opaque(self, frame_type: int, subclass: int, data: bytes, now: float) -> None:
        """HTML, IMAGE, VIDEO ... as it came from another leg."""
        raise NotImplementedError

    def transfer(self, exten: str, context: str | None, now: float) -> None:
        """Command TRANSFER: the far end shall send its own call on."""
        raise NotImplementedError

    def quelch(self, on: bool, now: float, music: bool = False) -> None:
        """Ask the far end to stop (or resume) sending voice."""
        raise NotImplementedError

    def voice_full(self, ts64: int, format_bit: int, payload: bytes, now: float) -> None:
        """The plane's `voice_due`: send this voice as a full VOICE frame stamped `ts64`."""
        raise NotImplementedError

    def voice_unknown(self, now: float) -> None:
        """The plane's `voice_unknown`: minis came before any full VOICE frame; asks for it again (VNAK)."""
        raise NotImplementedError

    def reject(self, cause: int, text: str, now: float) -> None:
        """Refuse a call that came in before its ACCEPT, else hang up."""
        raise NotImplementedError

    def hangup(self, cause: int, now: float) -> None:
        """HANGUP; the number is kept until acked.  Tells CallEnded(how="local") unless the call has ended already."""
        raise NotImplementedError
