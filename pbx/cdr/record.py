"""A call record while it grows, and what is left of it when it has ended."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from typing import TYPE_CHECKING

from pbx.channels.channel import State

if TYPE_CHECKING:
    from pbx.channels.channel import Channel

AMA_FLAGS = {1: "OMIT", 2: "BILLING", 3: "DOCUMENTATION"}


class Disposition(IntEnum):
    """How a call went, with the numbers that `CDR(disposition,u)` gives; NONE is not decided yet."""

    NO_ANSWER = 0
    NONE = 1
    FAILED = 2
    BUSY = 4
    ANSWERED = 8
    CONGESTION = 16
    CANCEL = 32

    @property
    def label(self) -> str:
        """The word in the record."""
        return "NO ANSWER" if self in (Disposition.NO_ANSWER, Disposition.NONE) else self.name


class Phase(Enum):
    """Where the leg that a record is about stands."""

    SINGLE = "single"  # runs the dialplan
    DIAL = "dial"  # calls somebody, or is called by nobody's leg (originate)
    PENDING = "pending"  # answered, not yet connected
    BRIDGE = "bridge"
    OVER = "over"  # what happens next belongs in another record


@dataclass(frozen=True, slots=True)
class Party:
    """A channel as a record shows it."""

    name: str = ""
    uniqueid: str = ""
    linkedid: str = ""
    number: str = ""
    caller: str = ""
    accountcode: str = ""
    amaflags: int = 3

    @classmethod
    def of(cls, channel: Channel) -> Party:
        caller = channel.caller
        return cls(
            channel.name,
            channel.uniqueid,
            channel.linkedid,
            caller.number or "",
            caller.name or "",
            channel.accountcode,
            channel.amaflags,
        )

    @property
    def clid(self) -> str:
        """`"name" <number>`; quotes and backslashes of the name escaped."""
        name = self.caller.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{name}" <{self.number}>'


@dataclass(slots=True, eq=False)
class Record:
    """What one leg does from `start` on, up to the next record of the same leg.

    a: whose record it is.  b: whom it called or talked with.  Times are seconds of the epoch, 0.0 = not (yet).
    While it grows the parties are read from their channels; `freeze` keeps what they were.
    """

    a: Channel
    sequence: int
    start: float
    phase: Phase = Phase.SINGLE
    b: Channel | None = None
    answer: float = 0.0
    end: float = 0.0
    disposition: Disposition = Disposition.NONE
    application: str = ""
    data: str = ""
    context: str = ""
    exten: str = ""
    #: the application is settled: what subroutines run meanwhile is no news
    locked: bool = False
    disabled: bool = False
    #: its leg was only called when the record ended
    called: bool = False
    #: prefers to be the calling side of a bridge (CDR_PROP(party_a))
    party_a: bool = False
    bridge: str = ""
    #: place and application when it was answered
    pending_at: tuple[str, str, int, str] = ("", "", 0, "")
    variables: dict[str, str] = field(default_factory=dict)
    b_variables: dict[str, str] = field(default_factory=dict)
    userfield: str = ""
    b_userfield: str = ""
    _frozen: Party | None = None
    _frozen_b: Party | None = None

    @property
    def party(self) -> Party:
        return self._frozen or Party.of(self.a)

    @property
    def peer(self) -> Party | None:
        return self._frozen_b or (None if self.b is None else Party.of(self.b))

    @property
    def place(self) -> tuple[str, str]:
        """Context and extension; where its channel stands as long as it has run nothing."""
        return (self.context, self.exten) if self.context else (self.a.context, self.a.exten)

    @property
    def frozen(self) -> bool:
        return self._frozen is not None

    def freeze(self) -> None:
        """The parties stay as they are now."""
        self._frozen = Party.of(self.a)
        self.freeze_peer()

    def freeze_peer(self) -> None:
        """The second party stays as it is now."""
        if self._frozen_b is None and self.b is not None:
            self._frozen_b = Party.of(self.b)

    def set_peer(self, b: Channel) -> None:
        """Another second party."""
        self.b = b
        self._frozen_b = None

    def revive(self) -> None:
        """It had ended, and goes on."""
        self.end = 0.0
        self.disposition = Disposition.NONE
        self._frozen_b = None

    def check_answer(self, now: float) -> None:
        """Answered since its leg is up."""
        if not self.answer and self.a.state is State.UP:
            self.answer = now

    def public(self, now: float, *, initiated_seconds: bool = False) -> Cdr:
        """The record as backends and CDR() see it."""
        party, peer = self.party, self.peer
        end = self.end or now
        place = self.place
        userfield = f"{self.userfield};{self.b_userfield}" if peer and self.b_userfield else self.userfield
        return Cdr(
            party=party,
            peer=peer,
            dst=place[1],
            dcontext=place[0],
            lastapp=self.application,
            lastdata=self.data,
            start=self.start,
            answer=self.answer,
            end=self.end,
            duration=max(0.0, end - self.start),
            billsec=max(0.0, end - self.answer) if self.answer else 0.0,
            disposition=self.disposition,
            userfield=userfield,
            sequence=self.sequence,
            variables={**self.b_variables, **self.variables},
            initiated_seconds=initiated_seconds,
        )


@dataclass(frozen=True, slots=True)
class Cdr:
    """A record that has ended, or one that is looked at.  Durations in seconds."""

    party: Party
    peer: Party | None
    dst: str
    dcontext: str
    lastapp: str
    lastdata: str
    start: float
    answer: float
    end: float
    duration: float
    billsec: float
    disposition: Disposition
    userfield: str
    sequence: int
    variables: Mapping[str, str] = field(default_factory=dict)
    initiated_seconds: bool = False

    @property
    def seconds_billed(self) -> int:
        """Whole seconds of talk; with initiatedseconds half a second counts as one (so it does in Asterisk)."""
        whole, rest = divmod(int(self.billsec * 1000), 1000)
        return whole + (self.initiated_seconds and rest >= 500)

    def value(self, name: str) -> str | float | int | None:
        """A field by its (lower-case) name, times as floats; None if there is no such field."""
        match name:
            case "clid":
                return self.party.clid
            case "src":
                return self.party.number
            case "dst":
                return self.dst
            case "dcontext":
                return self.dcontext
            case "channel":
                return self.party.name
            case "dstchannel":
                return self.peer.name if self.peer else ""
            case "lastapp":
                return self.lastapp
            case "lastdata":
                return self.lastdata
            case "start":
                return self.start
            case "answer":
                return self.answer
            case "end":
                return self.end
            case "duration":
                return int(self.duration)
            case "billsec":
                return self.seconds_billed
            case "disposition":
                return int(self.disposition)
            case "amaflags":
                return self.party.amaflags
            case "accountcode":
                return self.party.accountcode
            case "peeraccount":
                return self.peer.accountcode if self.peer else ""
            case "uniqueid":
                return self.party.uniqueid
            case "linkedid":
                return self.party.linkedid
            case "userfield":
                return self.userfield
            case "sequence":
                return self.sequence
        return None

    def text(self, name: str) -> str | None:
        """A field or a variable as text, the way Asterisk prints it; None if there is neither."""
        low = name.lower()
        value = self.value(low)
        if value is None:
            return next((v for k, v in self.variables.items() if k.lower() == low), None)
        if low in TIMES:
            return stamp(float(value))
        if low == "disposition":
            return self.disposition.label
        if low == "amaflags":
            return ama_name(int(value))
        return str(value)


TIMES = frozenset({"start", "answer", "end"})
#: what CDR() cannot set
READ_ONLY = frozenset(
    {
        "clid", "src", "dst", "dcontext", "channel", "dstchannel", "lastapp", "lastdata", "start", "answer", "end",
        "duration", "billsec", "disposition", "amaflags", "uniqueid", "linkedid", "sequence",
    }
)  # fmt: skip


def ama_name(flags: int) -> str:
    """OMIT, BILLING, DOCUMENTATION or Unknown."""
    return AMA_FLAGS.get(flags, "Unknown")


def stamp(when: float, *, gmt: bool = False, form: str = "%Y-%m-%d %H:%M:%S") -> str:
    """A time as text, "" for one that never came."""
    if not when:
        return ""
    return time.strftime(form, time.gmtime(when) if gmt else time.localtime(when))
