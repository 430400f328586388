"""What the IAX2 core tells its driver; fetched with `Endpoint.take_events` after every call into the core.

Small frozen dataclasses in the order in which things happened.  `call` is always
the very `Call` object that the driver holds.  None of them carries a secret.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pbx.channels.events import Verdict
from pbx.channels.iax2.address import Address

if TYPE_CHECKING:
    from pbx.channels.iax2.call import Call


class Event:
    """Base of everything the core tells."""

    __slots__ = ()


# ---- calls -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class IncomingCall(Event):
    """A call came in, is authenticated, its format is chosen and ACCEPT is sent: make a channel and run the dialplan.

    What was asked for is in `call.request` (context, exten, caller, language, variables), the format bit in
    `call.format`, the channel's name in `call.channel_name`.  For a login without authentication this comes
    when the caller's first full frame after ACCEPT proves that the caller is there.
    """

    call: Call


@dataclass(frozen=True, slots=True)
class CallAccepted(Event):
    """The far end took our NEW; `format` is the one format bit of its ACCEPT."""

    call: Call
    format: int


@dataclass(frozen=True, slots=True)
class CallControl(Event):
    """A CONTROL frame came; `control` is a number of `pbx.channels.events.Control` (255: stop sounds).

    ts64, here and below: its time on the sender's clock, by which it keeps its place in buffered voice (-1: none).
    """

    call: Call
    control: int
    data: bytes = b""
    ts64: int = field(default=-1, compare=False)


@dataclass(frozen=True, slots=True)
class CallDigit(Event):
    """A DTMF digit went down (`begin`) or came up; milliseconds: how long it was down by arrival, 0 = unknown."""

    call: Call
    digit: str
    begin: bool
    milliseconds: int = 0
    ts64: int = field(default=-1, compare=False)


@dataclass(frozen=True, slots=True)
class CallText(Event):
    """A TEXT frame, as text (bytes that are no UTF-8 are kept by surrogateescape)."""

    call: Call
    text: str
    ts64: int = field(default=-1, compare=False)


@dataclass(frozen=True, slots=True)
class CallOpaque(Event):
    """HTML, IMAGE, VIDEO, CNG, MODEM ... passed on unread; type and subclass as in the frame."""

    call: Call
    frame_type: int
    subclass: int
    data: bytes
    ts64: int = field(default=-1, compare=False)


@dataclass(frozen=True, slots=True)
class CallVoice(Event):
    """A full VOICE frame was accepted in sequence: give it to the plane (`voice_in`), which ends its hold."""

    call: Call
    ts64: int
    format: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class CallTransfer(Event):
    """The far end asks us to send our own channel on to `exten` (command TRANSFER)."""

    call: Call
    exten: str
    context: str


@dataclass(frozen=True, slots=True)
class CallQuelch(Event):
    """The far end asks us to stop (or resume) sending voice; `music`: with (or after) hold music for its party."""

    call: Call
    on: bool
    music: bool = False


@dataclass(frozen=True, slots=True)
class LegBound(Event):
    """`call.address`, `call.local` or `call.remote_number` became known or changed: add or bind the plane's leg."""

    call: Call


@dataclass(frozen=True, slots=True)
class CallTrunk(Event):
    """`call.trunk` changed: frames out go into trunk frames (or no longer do)."""

    call: Call


@dataclass(frozen=True, slots=True)
class CallClearVoice(Event):
    """The call is encrypted, but its voice comes in the clear, in trunk frames."""

    call: Call


@dataclass(frozen=True, slots=True)
class CallRestarted(Event):
    """The call goes on with another far end, and its clock started over: tell the plane `voice_restart`."""

    call: Call


@dataclass(frozen=True, slots=True)
class CallMedia(Event):
    """Mini frames go to this address and come from its call `number`, too; all else stays with the call's own."""

    call: Call
    address: Address
    number: int


@dataclass(frozen=True, slots=True)
class CallKeys(Event):
    """The call has become an encrypted one, or a key of its has changed: tell the plane `set_keys`."""

    call: Call


@dataclass(frozen=True, slots=True)
class CallFormats(Event):
    """`call.receive_format` or `call.send_format` (format bits) changed: tell the plane `set_formats`."""

    call: Call


@dataclass(frozen=True, slots=True)
class CallEnded(Event):
    """The call is over for its channel (the core keeps the number as long as the protocol needs).

    cause is Q.850; how: "hangup" (they hung up), "reject" (they refused), "timeout" (nobody answered us),
    "inval" (they do not know the call), "local" (our own refusal or hangup), "transferred".
    text: what their CAUSE element said.  Sent exactly once for each call that IncomingCall or place_call made
    known, and for no other.
    """

    call: Call
    cause: int
    how: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class CallGone(Event):
    """The call's number is free again: nothing of it is left in the core."""

    call: Call


# ---- peers and registrations --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PeerStatus(Event):
    """Qualify found a peer's status changed: "OK", "LAGGED", "UNREACHABLE" (lag in ms, -1 = none)."""

    peer: str
    status: str
    lag: int = -1


@dataclass(frozen=True, slots=True)
class PeerRegistered(Event):
    """A dynamic peer registered with us (again); `new` when its address was not known or has changed."""

    peer: str
    address: Address
    refresh: int
    new: bool


@dataclass(frozen=True, slots=True)
class PeerUnregistered(Event):
    """A dynamic peer said goodbye, expired ("expired") or was removed ("console")."""

    peer: str
    why: str


@dataclass(frozen=True, slots=True)
class RegistrationState(Event):
    """Our own registration with a server changed state (texts of `iax2 show registry`)."""

    registration: str
    state: str


@dataclass(frozen=True, slots=True)
class ResolveNeeded(Event):
    """A host name has to be resolved; answer with `Endpoint.resolved(name, addresses, now)`."""

    name: str


# ---- reasons and diagnostics ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Failed(Event):
    """A call or registration was refused or failed: exactly one for each.  `call` if it has one that is known."""

    verdict: Verdict
    call: Call | None = None


@dataclass(frozen=True, slots=True)
class Trace(Event):
    """Lines of `iax2 set debug on` for one frame."""

    text: str = field(default="")


@dataclass(frozen=True, slots=True)
class Note(Event):
    """Something for the log: level is a logger level ("NOTICE", "WARNING", "ERROR", "DEBUG")."""

    level: str
    text: str
