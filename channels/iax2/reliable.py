"""Reliable delivery of one dialogue's full frames (RFC 5456 section 7, as Asterisk does it).

Sequence numbers count modulo 256.  A frame is sent four times in all, the first
included: after twice the round-trip estimate, then after ten times as long each
time, at most ten seconds.  Retransmissions carry the R bit and a fresh iseqno;
what a VNAK asks for goes out byte for byte as it was first sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from pbx.channels.iax2.frames import UNNUMBERED, FullFrame

if TYPE_CHECKING:
    from pbx.channels.iax2.cipher import Sealer

#: seconds
SHORTEST_WAIT = 0.1
LONGEST_WAIT = 10.0
TRANSFER_WAIT = 1.0
#: a frame is sent this often in all
SENDINGS = 4
BACKOFF = 10


class Order(Enum):
    """What the sequence number of a received frame says."""

    NEXT = "next"  # the very one that was expected, counted
    UNNUMBERED = "unnumbered"  # takes no number: ACK, VNAK, INVAL, TXCNT, TXACC
    OLD = "old"  # seen before: ack again, do not process
    FUTURE = "future"  # something before it is missing: VNAK


# looked up once: an enumeration's members are slow to come by
OLD, FUTURE = Order.OLD, Order.FUTURE
_NEXT, _UNNUMBERED = Order.NEXT, Order.UNNUMBERED


@dataclass(slots=True)
class Sent:
    """A full frame on its way, unacknowledged."""

    frame: FullFrame
    first: bytes
    due: float
    wait: float
    longest: float = LONGEST_WAIT
    sendings: int = 1
    final: bool = False
    barrier: bool = False
    #: what the dialogue wants to know when it is acked or lost
    key: object = None
    #: what it was enciphered with; a frame that is sent again keeps its first key
    sealer: Sealer | None = None


class Reliable:
    """Window and retransmission state.  Encoding and sending is the dialogue's."""

    __slots__ = ("iseqno", "oseqno", "pending", "resent", "shown")

    def __init__(self) -> None:
        #: number of the next frame we send; next expected from the far end
        self.oseqno = 0
        self.iseqno = 0
        #: last iseqno that the far end was told
        self.shown = 0
        #: unacknowledged frames, oldest first
        self.pending: list[Sent] = []
        self.resent = 0

    def number(self, frame: FullFrame) -> None:
        """Give an outgoing frame its numbers."""
        frame.oseqno = self.oseqno
        frame.iseqno = self.shown = self.iseqno
        if frame.command not in UNNUMBERED:
            self.oseqno = (self.oseqno + 1) & 0xFF

    def keep(
        self,
        frame: FullFrame,
        data: bytes,
        now: float,
        rtt: float,
        *,
        final: bool = False,
        barrier: bool = False,
        key: object = None,
        sealer: Sealer | None = None,
    ) -> Sent:
        """Remember a sent frame until it is acknowledged.  rtt: the round-trip estimate, seconds."""
        wait = min(max(2 * rtt, SHORTEST_WAIT), LONGEST_WAIT)
        sent = Sent(frame, data, now + wait, wait, final=final, barrier=barrier, key=key, sealer=sealer)
        self.pending.append(sent)
        return sent

    def classify(self, frame: FullFrame) -> Order:
        """Judge a received frame's number, and count it when it is the next."""
        if frame.command in UNNUMBERED:
            return _UNNUMBERED
        if frame.oseqno == self.iseqno:
            self.iseqno = (self.iseqno + 1) & 0xFF
            return _NEXT
        return OLD if (self.iseqno - frame.oseqno) & 0xFF < 128 else FUTURE

    def acknowledge(self, iseqno: int) -> list[Sent]:
        """The far end expects `iseqno` next: take out what it has; a value out of the window says nothing."""
        pending = self.pending
        if not pending:
            return []
        oldest = pending[0].frame.oseqno
        count = (iseqno - oldest) & 0xFF
        if count == 0 or count > (self.oseqno - oldest) & 0xFF:
            return []
        acked: list[Sent] = []
        while pending and (pending[0].frame.oseqno - oldest) & 0xFF < count:
            acked.append(pending.pop(0))
        return acked

    def missing(self, iseqno: int) -> list[Sent]:
        """What a VNAK for `iseqno` asks to have again, oldest first."""
        if not self.pending:
            return []
        oldest = self.pending[0].frame.oseqno
        skip = (iseqno - oldest) & 0xFF
        return self.pending[skip:] if skip < len(self.pending) else []

    def next_due(self) -> float | None:
        """When the earliest retransmission is due."""
        return min([sent.due for sent in self.pending]) if self.pending else None

    def due(self, now: float) -> tuple[list[Sent], list[Sent]]:
        """(to be sent again, given up); the latter have left the window."""
        again: list[Sent] = []
        lost: list[Sent] = []
        for sent in self.pending:
            if sent.due > now:
                continue
            if sent.sendings >= SENDINGS:
                lost.append(sent)
                continue
            sent.sendings += 1
            sent.wait = min(sent.wait * BACKOFF, sent.longest)
            sent.due = now + sent.wait
            sent.frame.retry = True
            sent.frame.iseqno = self.shown = self.iseqno
            again.append(sent)
        if lost:
            self.pending = [s for s in self.pending if s not in lost]
        self.resent += len(again)
        return again, lost

    def restart(self) -> None:
        """Numbers and window from zero (after TXREL)."""
        self.oseqno = self.iseqno = self.shown = 0
        self.pending = []
