"""What a peer's dialplan has, asked for `switch => IAX2/[user[:secret]@]peer/context` (RFC 5456 6.9).

A call to the number "TBD" carries the questions (DPREQ); it is kept open for half a minute behind the last one.
Answers are kept as long as the peer says in its first answer, ten minutes as a rule.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pbx.channels.causes import Cause
from pbx.channels.iax2 import dialstring
from pbx.channels.iax2.call_incoming import LOOKUP_NUMBER
from pbx.channels.iax2.call_lookup import REFRESH, Status
from pbx.channels.iax2.call_model import CannotCall, Outgoing, State
from pbx.channels.iax2.elements import Element, Elements
from pbx.channels.iax2.frames import Command, FullFrame
from pbx.channels.iax2.timers import Timer

if TYPE_CHECKING:
    from pbx.channels.iax2.call import Call

#: seconds for an answer, and for the call behind the last question
PATIENCE = 5.0
QUIET = 30.0
#: FORMAT and CAPABILITY of such a call: any
ANY_FORMAT = 0xFFFF
#: seconds that a failed question is not asked again
FAILED = 5.0
#: answers that are kept, of all peers; the oldest go first
KEPT = 10_000

#: told a status: what the peer answered, or None if it did not
Answered = Callable[[Status | None], None]


@dataclass(slots=True)
class Entry:
    """One number at one peer.  until: monotonic seconds; waiting: who has asked."""

    number: str
    status: Status | None = None
    asked: bool = False
    sent: bool = False
    until: float = 0.0
    waiting: list[Answered] = field(default_factory=list)


_FLAGS = (
    (Status.EXISTS, "EXISTS"),
    (Status.NONEXISTENT, "NONEXISTENT"),
    (Status.CAN_EXIST, "CANEXIST"),
    (Status.IGNORE_PATTERN, "IGNOREPAT"),
    (Status.MATCH_MORE, "MATCHMORE"),
)


@dataclass(frozen=True, slots=True)
class CacheRow:
    """`iax2 show cache`.  where: peer/context without a password; expires: seconds; waiting: who waits for it."""

    where: str
    number: str
    expires: int
    waiting: int
    flags: tuple[str, ...]


class Lookups:
    """All questions of one endpoint.  open: makes a call out that is not placed yet; raises CannotCall."""

    def __init__(self, make: Callable[[Outgoing, float], Call]) -> None:
        self._make = make
        self.entries: dict[tuple[str, str], Entry] = {}
        self._calls: dict[str, Call] = {}

    def known(self, data: str, number: str, now: float) -> Entry | None:
        """The answer (or the failure) that is still good; None = it has to be asked for, or is awaited."""
        entry = self.entries.get((data, number))
        return entry if entry is not None and not entry.asked and now < entry.until else None

    def ask(self, data: str, number: str, now: float, answered: Answered) -> None:
        """Ask the peer; `answered` is called once.  Several who ask for one number wait for one answer."""
        key = data, number
        entry = self.entries.get(key)
        if entry is None or not entry.asked:
            self.entries.pop(key, None)
            entry = self.entries[key] = Entry(number, asked=True, until=now + PATIENCE)
            while len(self.entries) > KEPT:
                self.entries.pop(next(iter(self.entries)))
        entry.waiting.append(answered)
        call = self._calls.get(data)
        if call is None or not call.alive:
            call = self._open(data, now)
        if call is None:
            self._done(entry, None, now + FAILED)
        elif call.state is State.UP:
            self._send(call, data, now)

    def _open(self, data: str, now: float) -> Call | None:
        try:
            there = dialstring.parse(data)
            outgoing = Outgoing(there.peer, there.port, there.user, there.secret, there.key, LOOKUP_NUMBER, there.exten)
            call = self._make(outgoing, now)
        except (ValueError, CannotCall):
            return None
        call.looking = data
        self._calls[data] = call
        call.core.timers.set(call, Timer.LOOKUP, now + PATIENCE)
        call.place(now)
        return self._calls.get(data)

    def accepted(self, call: Call, now: float) -> None:
        """The peer has let us in."""
        self._send(call, call.looking, now)

    def _send(self, call: Call, data: str, now: float) -> None:
        for (where, number), entry in self.entries.items():
            if where == data and entry.asked and not entry.sent:
                entry.sent, entry.until = True, now + PATIENCE
                call.send(Command.DPREQ, now, Elements().add_text(Element.CALLED_NUMBER, number))
        call.core.timers.set(call, Timer.LOOKUP, now + PATIENCE)

    def answer(self, call: Call, elements: Elements, now: float) -> None:
        """DPREP."""
        number, status = elements.text(Element.CALLED_NUMBER), elements.uint(Element.DPSTATUS)
        entry = self.entries.get((call.looking, number or ""))
        if entry is None or not entry.asked or status is None:
            return
        refresh = elements.uint(Element.REFRESH)
        self._done(entry, Status(status), now + (REFRESH if refresh is None else refresh))

    def _done(self, entry: Entry, status: Status | None, until: float) -> None:
        entry.status, entry.until, entry.asked = status, until, False
        waiting, entry.waiting = entry.waiting, []
        for answered in waiting:
            answered(status)

    def rows(self, now: float) -> list[CacheRow]:
        """All that is known or being asked."""
        found = []
        for (data, number), entry in self.entries.items():
            flags: tuple[str, ...]
            if entry.asked:
                flags = ("PENDING", "TRANSMITTED") if entry.sent else ("PENDING",)
            elif entry.status is None:
                flags = ("TIMEOUT",)
            else:
                flags = tuple(name for bit, name in _FLAGS if entry.status & bit)
            if entry.asked or entry.until > now:
                left = max(0, round(entry.until - now))
                found.append(CacheRow(dialstring.hide(data), number, left, len(entry.waiting), flags))
        return found

    def timer(self, call: Call, now: float) -> None:
        """Questions that were not answered have failed; a call that nobody needs ends."""
        open_questions = False
        for (where, _), entry in list(self.entries.items()):
            if where == call.looking and entry.asked:
                if entry.until <= now:
                    self._done(entry, None, now + FAILED)
                else:
                    open_questions = True
        if open_questions:
            call.core.timers.set(call, Timer.LOOKUP, now + 1.0)
        elif call.state is State.UP and call.quiet_since + QUIET > now:
            call.core.timers.set(call, Timer.LOOKUP, call.quiet_since + QUIET)
        else:
            call.hangup(Cause.NORMAL_CLEARING, now)

    def ended(self, call: Call, now: float) -> None:
        """The call is over, whoever ended it: what was not answered has failed."""
        if self._calls.get(call.looking) is call:
            del self._calls[call.looking]
            for (where, _), entry in list(self.entries.items()):
                if where == call.looking and entry.asked:
                    self._done(entry, None, now + FAILED)


def dprep(call: Call, frame: FullFrame, elements: Elements, now: float) -> None:
    """DPREP on a call of ours."""
    if call.looking and call.core.lookups is not None:
        call.quiet_since = now
        call.core.lookups.answer(call, elements, now)
