"""What reaches a channel from its far end, and what the bus tells everybody.

Two families, both small frozen dataclasses:

* `ChannelEvent`s go into one channel's inbox: what its far end signalled.
* `BusEvent`s go over the one `Bus`: console, CDR, metrics and (later) AMI only
  read them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from pbx.channels.channel import Channel


class Control(IntEnum):
    """Control indications between legs, numbered as on the wire (RFC 5456 8.3, and Asterisk's additions)."""

    HANGUP = 1
    RING = 2
    RINGING = 3
    ANSWER = 4
    BUSY = 5
    TAKEOFFHOOK = 6
    OFFHOOK = 7
    CONGESTION = 8
    FLASH = 9
    WINK = 10
    OPTION = 11
    KEY = 12
    UNKEY = 13
    PROGRESS = 14
    PROCEEDING = 15
    HOLD = 16
    UNHOLD = 17
    VIDUPDATE = 18
    SRCUPDATE = 20
    CONNECTED_LINE = 22
    REDIRECTING = 23
    T38_PARAMETERS = 24
    AOC = 28
    INCOMPLETE = 30
    MCID = 31
    STOP_SOUNDS = 255


class ChannelEvent:
    """Base of what a far end signals; delivered by `Channel.deliver`."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class DigitBegin(ChannelEvent):
    """A DTMF digit went down."""

    digit: str


@dataclass(frozen=True, slots=True)
class DigitEnd(ChannelEvent):
    """A DTMF digit came up; `milliseconds` it was down (0 = not known: an old peer sends the end alone)."""

    digit: str
    milliseconds: int = 0


@dataclass(frozen=True, slots=True)
class Indication(ChannelEvent):
    """A control frame: RINGING, ANSWER, BUSY, HOLD ...; `data` is its payload, verbatim."""

    control: Control
    data: bytes = b""


@dataclass(frozen=True, slots=True)
class Text(ChannelEvent):
    """A text message."""

    text: str


@dataclass(frozen=True, slots=True)
class Opaque(ChannelEvent):
    """HTML, image, video or other frame that is passed on between legs unread (type and subclass as on the wire)."""

    frame_type: int
    subclass: int
    data: bytes


@dataclass(frozen=True, slots=True)
class TransferRequest(ChannelEvent):
    """The far end asks that this channel go on at another extension (IAX2 TRANSFER)."""

    exten: str
    context: str | None = None


@dataclass(frozen=True, slots=True)
class Ended(ChannelEvent):
    """The far end is gone; the channel is dead.  `cause` is Q.850."""

    cause: int


@dataclass(frozen=True, slots=True)
class SoundFinished(ChannelEvent):
    """A source (file, tone, digits) that was put on this channel has played to its end or was stopped."""

    source: int


class BusEvent:
    """Base of what the bus carries."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class ChannelCreated(BusEvent):
    channel: Channel


@dataclass(frozen=True, slots=True)
class ChannelStateChanged(BusEvent):
    channel: Channel


@dataclass(frozen=True, slots=True)
class ChannelLocation(BusEvent):
    """The interpreter stands at a priority: channel.context/exten/priority/application/data are set."""

    channel: Channel


@dataclass(frozen=True, slots=True)
class ChannelEnded(BusEvent):
    channel: Channel
    cause: int


@dataclass(frozen=True, slots=True)
class DialBegin(BusEvent):
    """`caller` (None: an originated call) begins to call `callee` at `destination` (`IAX2/voip2/200`)."""

    caller: Channel | None
    callee: Channel
    destination: str


@dataclass(frozen=True, slots=True)
class DialEnd(BusEvent):
    """How that attempt ended: ANSWER, BUSY, NOANSWER, CANCEL, CONGESTION or CHANUNAVAIL."""

    caller: Channel | None
    callee: Channel
    status: str


@dataclass(frozen=True, slots=True)
class Bridged(BusEvent):
    bridge: str
    channels: tuple[Channel, ...]


@dataclass(frozen=True, slots=True)
class Unbridged(BusEvent):
    bridge: str
    channel: Channel


@dataclass(frozen=True, slots=True)
class Moved(BusEvent):
    """A channel that may stand in a bridge or an application is about to go on elsewhere (redirect, transfer)."""

    channel: Channel
    context: str
    exten: str


@dataclass(frozen=True, slots=True)
class BlindTransferred(BusEvent):
    """`transferer` sends `transferee`, whom it talks with in `bridge`, to an extension."""

    bridge: str
    transferer: Channel
    transferee: Channel
    context: str
    exten: str


@dataclass(frozen=True, slots=True)
class AttendedTransferred(BusEvent):
    """`transferer`, who talked with `transferee` in `bridge` and with `target` in `consulting`, leaves them to each
    other; answered: the target had answered by then."""

    bridge: str
    consulting: str
    transferer: Channel
    transferee: Channel
    target: Channel
    answered: bool


@dataclass(frozen=True, slots=True)
class PickedUp(BusEvent):
    """`taker` answers in the place of `target`, which rings."""

    taker: Channel
    target: Channel


@dataclass(frozen=True, slots=True)
class Forwarded(BusEvent):
    """`channel`, which was called, wants `destination` to be called instead."""

    channel: Channel
    destination: str


@dataclass(frozen=True, slots=True)
class LocalOptimized(BusEvent):
    """A pair of Local halves, both bridged, begins to leave (`begins`), or has left, its far ends to each other."""

    one: Channel
    two: Channel
    begins: bool


@dataclass(frozen=True, slots=True)
class DigitReceived(BusEvent):
    """A far end has pressed a digit; `milliseconds` long, 0 = not known."""

    channel: Channel
    digit: str
    milliseconds: int


@dataclass(frozen=True, slots=True)
class SoundBegun(BusEvent):
    """A sound file is played to a far end; `name` as it was asked for, `format` the file's."""

    channel: Channel
    name: str
    format: str
    language: str


@dataclass(frozen=True, slots=True)
class SoundEnded(BusEvent):
    """The sound file that was played is through, or stopped."""

    channel: Channel


@dataclass(frozen=True, slots=True)
class Verdict(BusEvent):
    """Why a call or a registration failed; the one record behind the NOTICE line, the SECURITY line and `iax2 why`.

    who: peer, user or channel; where: address, as text; what: "call" | "registration" | ...;
    expected / got: in words, never a secret or digest; place: file:line that decided, or "";
    advice: what to change; security: the SecurityEvent name ("InvalidPassword", ...) or "" when it is no attack sign.
    """

    what: str
    who: str
    where: str
    expected: str
    got: str
    place: str
    advice: str
    cause: int = 0
    security: str = ""
    side: str = "theirs"
    message: str = ""


@dataclass(frozen=True, slots=True)
class DeviceState(BusEvent):
    """State of a device such as IAX2/phone changed: NOT_INUSE, INUSE, RINGING, UNAVAILABLE, ..."""

    device: str
    state: str


@dataclass(frozen=True, slots=True)
class PeerChanged(BusEvent):
    """A peer (`IAX2/phone`) is Registered, Unregistered, Reachable, Lagged or Unreachable.

    where: its address as text, ""; cause: why it is Unregistered (released, expired, console, removed); lag: ms, -1
    = not measured.
    """

    peer: str
    status: str
    where: str = ""
    cause: str = ""
    lag: int = -1


_E = TypeVar("_E", bound=BusEvent)


class Bus:
    """Publishes events to those who subscribed to their class, in order of subscription, at once."""

    def __init__(self) -> None:
        self._readers: dict[type[BusEvent], tuple[Callable[[Any], None], ...]] = {}

    def subscribe(self, kind: type[_E], reader: Callable[[_E], None]) -> Callable[[], None]:
        """Call `reader` with each event of exactly this class.  Returns what ends the subscription."""
        self._readers[kind] = (*self.readers(kind), reader)

        def end() -> None:
            left = list(self.readers(kind))
            left.remove(reader)
            self._readers[kind] = tuple(left)

        return end

    def wanted(self, kind: type[BusEvent]) -> bool:
        """Whether anybody reads such events (so that frequent ones need not be made for nobody)."""
        return bool(self._readers.get(kind))

    def readers(self, kind: type[_E]) -> tuple[Callable[[_E], None], ...]:
        """Who reads such events now: to tell one event to all without `publish`, where it is the same each time."""
        return self._readers.get(kind, ())

    def publish(self, event: BusEvent) -> None:
        for reader in self._readers.get(type(event), ()):
            reader(event)
