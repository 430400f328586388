"""Is a peer alive, and how far away: POKE, PONG, and what follows from the time between (`qualify=`)."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, ClassVar

from pbx.channels.iax2.dialog import Dialog
from pbx.channels.iax2.elements import Elements
from pbx.channels.iax2.events import PeerStatus
from pbx.channels.iax2.frames import Command, FullFrame
from pbx.channels.iax2.numbers import NoNumber
from pbx.channels.iax2.reliable import Sent
from pbx.channels.iax2.timers import Timer

if TYPE_CHECKING:
    from pbx.channels.iax2.core import Core
    from pbx.channels.iax2.peers import PeerRecord

#: seconds beyond the limit that an answer may take before the peer counts as gone
GRACE = 20.0


class Poke(Dialog):
    """One question; whoever asked is told once."""

    __slots__ = ("again", "record", "sent_at")

    kind: ClassVar[str] = "poke"

    def __init__(self, core: Core, record: PeerRecord, now: float, again: bool = False) -> None:
        assert record.address is not None
        socket, local = record.route
        super().__init__(core, socket, record.address, local, now)
        self.record = record
        self.sent_at = now
        #: the first answer came late: this one counts
        self.again = again
        self.rtt = record.section.qualify / 8000
        self.open(Command.POKE, Elements(), now)

    def on_command(self, frame: FullFrame, elements: Elements, now: float) -> None:
        if frame.subclass == Command.PONG:
            self.ack(frame)
            record = self.record
            self.forget(now)
            if record.poke is self:
                record.poke = None
                self._judge(max(1, round((now - self.sent_at) * 1000)), now)
        elif frame.subclass in (Command.HANGUP, Command.REJECT, Command.INVAL):
            self.forget(now)

    def _judge(self, lag: int, now: float) -> None:
        """The first answer ever, and late: the peer started after us, and a repetition found it.  Ask anew."""
        record = self.record
        if record.lag == 0 and lag > record.section.qualify and not self.again:
            with suppress(NoNumber):
                record.poke = Poke(self.core, record, now, again=True)
                return
        answered(record, lag, now)

    def on_lost(self, sent: Sent, now: float) -> None:
        # the record's own timer judges; there is nothing more to send
        self.forget(now)


def poke(record: PeerRecord, now: float) -> None:
    """Ask a peer for life, or ask its timer to come again."""
    core, section = record.core, record.section
    if record.poke is not None:
        record.poke.forget(now)
        record.poke = None
    if not section.qualify:
        return
    if record.address is None:
        record.lag = 0
        return
    if record.lag < 0:
        patience = section.qualifyfreqnotok / 1000 * 5 / 6
    else:
        patience = min(GRACE + section.qualify / 1000, section.qualifyfreqok / 1000 * 5 / 6)
    core.timers.set(record, Timer.POKE_LOST, now + patience)
    try:
        record.poke = Poke(core, record, now)
    except NoNumber:
        core.note("WARNING", f"No call number is free to ask peer '{record.name}' for life")


def answered(record: PeerRecord, lag: int, now: float) -> None:
    """A PONG came after `lag` ms."""
    core, section = record.core, record.section
    core.timers.cancel(record, Timer.POKE_LOST)
    if section.qualifysmoothing and record.lag_smooth:
        lag = (record.lag_smooth + lag) // 2
    record.lag_smooth = lag
    was_good = 0 < record.lag <= section.qualify
    good = lag <= section.qualify
    former, record.lag = record.lag, lag
    if good and not was_good:
        if former:
            core.note("NOTICE", f"Peer '{record.name}' is now REACHABLE! Time: {lag}")
        core.emit(PeerStatus(record.name, "OK", lag))
    elif not good and (was_good or former <= 0):
        core.note("NOTICE", f"Peer '{record.name}' is now TOO LAGGED ({lag} ms)!")
        core.emit(PeerStatus(record.name, "LAGGED", lag))
    wait = section.qualifyfreqok if good else section.qualifyfreqnotok
    core.timers.set(record, Timer.POKE, now + wait / 1000)


def silent(record: PeerRecord, now: float) -> None:
    """No PONG came in time."""
    core = record.core
    if record.poke is not None:
        record.poke.forget(now)
        record.poke = None
    if record.lag >= 0:
        core.note("NOTICE", f"Peer '{record.name}' is now UNREACHABLE! Time: {record.lag}")
        record.lag = -1
        core.emit(PeerStatus(record.name, "UNREACHABLE"))
        core.peers.resolve(record, now)
    record.lag_smooth = 0
    core.timers.set(record, Timer.POKE, now + record.section.qualifyfreqnotok / 1000)
