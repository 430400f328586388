"""The parts of a call that its modules share: states, what is asked for, why it can't be."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from pbx.channels.party import Caller


class CannotCall(Exception):
    """A call out can't even start; `cause` is Q.850.  A `Failed` event has been told as well."""

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
    secret: str | None = field(default=None, repr=False)
    key: str | None = None
    exten: str = ""
    context: str = ""
    options: str = ""
    formats: tuple[int, ...] = ()
    caller: Caller = field(default_factory=Caller)
    language: str = ""
    variables: dict[str, str] = field(default_factory=dict)
    autoanswer: bool = False
    osp_token: str = ""


@dataclass(slots=True)
class Request:
    """What a NEW asked for, completed from the section that let it in."""

    context: str
    exten: str
    caller: Caller
    language: str
    variables: dict[str, str]
    capability: int
    autoanswer: bool = False
    osp_token: str = ""


class State(StrEnum):
    """Where a call stands."""

    RESERVED = "reserved"  # out: it has its number and name, nothing is sent
    RESOLVING = "resolving"  # out: the host's name is being looked up
    CALLING = "calling"  # out: NEW is sent
    LOGGING_IN = "logging in"  # out: AUTHREP is sent
    OPENED = "opened"  # in: NEW came, nothing is decided
    ASKED = "asked"  # in: AUTHREQ is sent
    WAITING = "waiting"  # in: ACCEPT is sent, the caller has not shown that it got it
    LOOKUP = "lookup"  # in: a call to "TBD" for dialplan look-ups
    UP = "up"  # the channel lives
    ENDING = "ending"  # what ended it is on its way
    GONE = "gone"
