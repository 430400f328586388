"""Turns what the bus says about channels into call records.

The rules are Asterisk's: one chain of records a channel; a Dial adds one for each further leg it calls; what happens
after a Dial or a bridge belongs in a new record, begun when the dialplan goes on; of two who meet in a bridge the
caller's record tells of both.  A leg that was only called and has no second party leaves no record.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from pbx.cdr.chain import Chain
from pbx.cdr.record import Cdr, Disposition, Phase, Record
from pbx.cdr.settings import Settings
from pbx.channels.causes import Cause
from pbx.channels.channel import Channel, State
from pbx.channels.events import (
    BlindTransferred,
    Bridged,
    Bus,
    ChannelCreated,
    ChannelEnded,
    ChannelLocation,
    ChannelStateChanged,
    DialBegin,
    DialEnd,
    Moved,
    Unbridged,
)
from pbx.channels.log import Log

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime

log = Log("cdr")

_STATUS = {
    "ANSWER": Disposition.ANSWERED,
    "BUSY": Disposition.BUSY,
    "CANCEL": Disposition.CANCEL,
    "NOANSWER": Disposition.NO_ANSWER,
    "CONGESTION": Disposition.CONGESTION,
}
_CAUSES = {
    int(Cause.USER_BUSY): Disposition.BUSY,
    int(Cause.NORMAL_CIRCUIT_CONGESTION): Disposition.CONGESTION,
    int(Cause.NO_ROUTE_DESTINATION): Disposition.FAILED,
    int(Cause.SUBSCRIBER_ABSENT): Disposition.FAILED,
    int(Cause.NORMAL_CLEARING): Disposition.NO_ANSWER,
    int(Cause.NO_ANSWER): Disposition.NO_ANSWER,
}


_SINGLE = Phase.SINGLE
#: added to the age of who was taken into a bridge: younger than all who were not
_YOUNGER = 1 << 40
#: applications that are looked at more closely
_SPECIAL = frozenset({"Dial", "Hangup", "AppDial", "AppDial2"})


class Engine:
    """See the module.  `submit` is given what has ended, in order; `wall` says the time."""

    def __init__(
        self, bus: Bus, wall: Callable[[], float], clock: IReactorTime, submit: Callable[[list[Cdr]], None]
    ) -> None:
        self.settings = Settings()
        #: records that begin, end, are written or not are told in the log (`cdr set debug on`)
        self.debug = False
        self._wall = wall
        self._clock = clock
        self._submit = submit
        self._serial = itertools.count()
        self._chains: dict[Channel, Chain] = {}
        #: channel -> records in which it is the second party
        self._as_b: dict[Channel, list[Record]] = {}
        self._bridges: dict[str, list[Channel]] = {}
        self._subscriptions = [
            bus.subscribe(ChannelCreated, self._created),
            bus.subscribe(ChannelStateChanged, self._state_changed),
            bus.subscribe(ChannelLocation, self._location),
            bus.subscribe(DialBegin, self._dial_begin),
            bus.subscribe(DialEnd, self._dial_end),
            bus.subscribe(Bridged, self._bridged),
            bus.subscribe(Unbridged, self._unbridged),
            bus.subscribe(ChannelEnded, self._ended),
            bus.subscribe(Moved, self._moved),
            bus.subscribe(BlindTransferred, lambda e: self._goes_to(e.transferee, e.context, e.exten)),
        ]

    def stop(self) -> None:
        """Hear no more; what has not ended leaves no record."""
        for end in self._subscriptions:
            end()
        self._subscriptions = []
        self._chains.clear()

    def finish(self) -> None:
        """End all records now: the PBX ends."""
        now = self._wall()
        for chain in tuple(self._chains.values()):
            self._gone(chain, now)

    # ---- what others ask -------------------------------------------------------------------------------

    def chain(self, channel: Channel) -> Chain | None:
        """The records of a channel, None when it has none (CDR is off, or the channel is older)."""
        return self._chains.get(channel)

    def __iter__(self) -> Iterator[Chain]:
        """All that grow."""
        return iter(tuple(self._chains.values()))

    def now(self) -> float:
        """The time."""
        return self._wall()

    def look(self, channel: Channel) -> Cdr | None:
        """The newest record of a channel as it is now."""
        chain = self._chains.get(channel)
        return None if chain is None else self._public(chain.last)

    def second_party(self, channel: Channel) -> list[Record]:
        """The records in which the channel is the second party."""
        return self._as_b.get(channel, [])

    def _public(self, record: Record) -> Cdr:
        return record.public(self._wall(), initiated_seconds=self.settings.initiatedseconds)

    # ---- records ---------------------------------------------------------------------------------------

    def append(self, chain: Chain, now: float) -> Record:
        """A new record of the same leg; variables and user field go on."""
        last = chain.last
        record = Record(chain.channel, next(self._serial), now)
        record.variables = dict(last.variables)
        record.userfield = last.userfield
        record.disabled, record.party_a = last.disabled, last.party_a
        record.context, record.exten = last.context, last.exten
        record.check_answer(now)
        chain.records.append(record)
        self._say(record, "begins")
        return record

    def _say(self, record: Record, what: str) -> None:
        if self.debug:
            log.verbose(1, f"CDR {record.sequence} of {record.a.name} {what}", call=record.a.call_id)

    def set_peer(self, record: Record, b: Channel) -> None:
        """Who the second party is."""
        if record.b is not b:
            self._forget_b(record)
            record.set_peer(b)
        known = self._as_b.setdefault(b, [])
        if record not in known:
            known.append(record)

    def _forget_b(self, record: Record) -> None:
        if record.b is not None:
            known = self._as_b.get(record.b, [])
            if record in known:
                known.remove(record)
            if not known:
                self._as_b.pop(record.b, None)

    def _met(self, record: Record, other: Chain) -> None:
        """The two talk: what the second party noted in its record shows in this one."""
        self.set_peer(record, other.channel)
        record.b_userfield = other.last.userfield
        record.b_variables = dict(other.last.variables)

    def _finish(self, chain: Chain, record: Record, now: float, cause: int | None = None) -> None:
        """Its end and disposition are known; a bridge may still begin it anew."""
        if record.end:
            return
        record.end = now
        self._dispose(chain, record, cause)
        if self.debug:
            peer = record.b.name if record.b is not None else "nobody"
            times = f"start {record.start:.6f} answer {record.answer:.6f} end {record.end:.6f}"
            self._say(record, f"ends: {record.disposition.label} with {peer}, {times}")

    def _dispose(self, chain: Chain, record: Record, cause: int | None) -> None:
        if record.disposition is not Disposition.NONE:
            return
        if cause is None:
            cause = chain.channel.hangup_cause
        if record.answer:
            record.disposition = Disposition.ANSWERED
        elif cause:
            record.disposition = self._allowed(_CAUSES.get(cause, Disposition.NONE))
        elif record.b is not None and record.b.hangup_cause:
            record.disposition = self._allowed(_CAUSES.get(record.b.hangup_cause, Disposition.NONE))
        else:
            record.disposition = Disposition.FAILED

    def _allowed(self, disposition: Disposition) -> Disposition:
        """Congestion and cancelled calls have words of their own only where they are asked for."""
        if disposition is Disposition.CONGESTION and not self.settings.congestion:
            return Disposition.FAILED
        if disposition is Disposition.CANCEL and not self.settings.canceldispositionenabled:
            return Disposition.NO_ANSWER
        return disposition

    def over(self, chain: Chain, record: Record, now: float, cause: int | None = None) -> None:
        """What happens next belongs in another record."""
        self._finish(chain, record, now, cause)
        if record.phase is not Phase.OVER:
            record.phase = Phase.OVER
            self._freeze(chain, record)
            self._forget_b(record)

    @staticmethod
    def _freeze(chain: Chain, record: Record) -> None:
        """What is known of the parties now is what the record will say."""
        if not record.frozen:
            record.context, record.exten = record.place
            record.called = chain.called
            record.freeze()

    # ---- channels --------------------------------------------------------------------------------------

    def _created(self, event: ChannelCreated) -> None:
        if not self.settings.enable:
            return
        channel = event.channel
        record = Record(channel, next(self._serial), channel.created or self._wall())
        record.disabled = not self.settings.channeldefaultenabled
        record.check_answer(record.start)
        self._chains[channel] = Chain(channel, record)
        self._say(record, "begins")
        self._clock.callLater(0, self._placed, record)

    @staticmethod
    def _placed(record: Record) -> None:
        """Whoever made the channel has put it where it begins by now."""
        if not record.context and record.phase is not Phase.OVER:
            record.context, record.exten = record.place

    def _state_changed(self, event: ChannelStateChanged) -> None:
        chain = self._chains.get(event.channel)
        if chain is None:
            return
        chain.cause = event.channel.hangup_cause
        if event.channel.state is State.UP:
            now = self._wall()
            for record in chain.records:
                if record.phase is not Phase.OVER:
                    record.check_answer(now)

    def _location(self, event: ChannelLocation) -> None:
        channel = event.channel
        chain = self._chains.get(channel)
        if chain is None or chain.hung_up:
            return
        if (channel.ending or channel.dead) and self.settings.endbeforehexten:
            self._hanging_up(chain)
            return
        record = chain.records[-1]
        name = channel.application
        if record.phase is _SINGLE and not record.locked and name not in _SPECIAL and len(chain.records) == 1:
            # what happens at nearly each priority; the rest of this method comes to the same
            scope = channel.attached.get("scope")
            if scope is None or not scope.frames:
                record.context, record.exten = channel.context, channel.exten
            record.application, record.data = name, channel.data
            chain.place = (channel.context, channel.exten, channel.priority)
            return
        if channel.application == "Hangup":
            chain.cause = channel.hangup_cause
        now = self._wall()
        fresh = True
        for record in tuple(chain.records):
            fresh = not self._runs(chain, record, now) and fresh
        place = (channel.context, channel.exten, channel.priority)
        if fresh and channel.application and place != chain.place:
            self._follow(self.append(chain, now))
        chain.place = place

    def _hanging_up(self, chain: Chain) -> None:
        """The dialplan is through; `h` begins.  Records have their end; variables may still be written into them.

        The cause that counts is the one known when the state last changed or Hangup began: so does Asterisk.
        """
        chain.hung_up = True
        now = self._wall()
        for record in chain.records:
            self._finish(chain, record, now, chain.cause)
            self._freeze(chain, record)

    def _runs(self, chain: Chain, record: Record, now: float) -> bool:
        """The dialplan runs something; False if that belongs in another record."""
        if record.phase is Phase.OVER:
            return False
        if record.phase is Phase.PENDING:
            channel = chain.channel
            here = (channel.context, channel.exten, channel.priority, channel.application)
            if here != record.pending_at:
                if record.b is not None:
                    self.over(chain, record, now)
                    return False
                record.phase = Phase.SINGLE
        self._follow(record)
        record.check_answer(now)
        return True

    @staticmethod
    def _follow(record: Record) -> None:
        """Where the dialplan is, and what it runs."""
        channel = record.a
        name = channel.application
        if name[:7].lower() == "appdial" and record.application:
            return
        scope = channel.attached.get("scope")
        if scope is None or not scope.frames or not record.context:
            # a subroutine (Gosub) is no place that was called
            record.context, record.exten = channel.context, channel.exten
        if record.locked or (name == record.application and channel.data == record.data):
            return
        record.application, record.data = name, channel.data
        record.locked = name == "Dial"

    def _ended(self, event: ChannelEnded) -> None:
        chain = self._chains.get(event.channel)
        if chain is None:
            return
        now = self._wall()
        if chain.dialled:
            # who calls it has still to say how that went
            chain.ended = now
            self._clock.callLater(0, self._gone, chain)
        else:
            self._gone(chain, now)

    def _gone(self, chain: Chain, now: float = 0.0) -> None:
        channel = chain.channel
        if self._chains.get(channel) is not chain:
            return
        del self._chains[channel]
        now = now or chain.ended or self._wall()
        for record in chain.records:
            self.over(chain, record, now)
        for record in tuple(self._as_b.get(channel, ())):
            other = self._chains.get(record.a)
            if other is not None:
                self._b_left(other, record, now)
                self._forget_b(record)
        wanted = [record for record in chain.records if self._wanted(record)]
        if self.debug:
            for record in chain.records:
                self._say(record, "is written" if record in wanted else "is not written")
        ready = [self._public(record) for record in wanted]
        if ready:
            self._submit(ready)

    def _wanted(self, record: Record) -> bool:
        if record.disabled or (record.called and record.b is None):
            return False
        answered = record.disposition in (Disposition.ANSWERED, Disposition.CONGESTION, Disposition.CANCEL)
        return answered or record.b is not None or self.settings.unanswered

    # ---- calling ---------------------------------------------------------------------------------------

    def _dial_begin(self, event: DialBegin) -> None:
        callee = self._chains.get(event.callee)
        if callee is not None:
            callee.dialled = True
            callee.originated = callee.originated or event.caller is None
        chain = self._chains.get(event.caller) if event.caller is not None else callee
        if chain is None or (self.settings.ignoredialchanges and event.caller is not None):
            return
        now = self._wall()
        taken = False
        for record in tuple(chain.records):
            if record.phase is Phase.PENDING:
                self.over(chain, record, now)
            elif record.phase is Phase.SINGLE:
                self._dials(record, event)
                taken = True
        if not taken:
            record = self.append(chain, now)
            self._dials(record, event)

    def _dials(self, record: Record, event: DialBegin) -> None:
        self._follow(record)
        if event.caller is not None:
            self.set_peer(record, event.callee)
            record.locked = True
        elif not record.place[1]:
            record.context, record.exten = record.a.context, "s"
        record.phase = Phase.DIAL

    def _dial_end(self, event: DialEnd) -> None:
        callee = self._chains.get(event.callee)
        chain = self._chains.get(event.caller) if event.caller is not None else callee
        if chain is not None:
            now = self._wall()
            for record in tuple(chain.records):
                if record.phase is Phase.DIAL and record.b in (None, event.callee):
                    record.disposition = self._allowed(_STATUS.get(event.status, Disposition.FAILED))
                    if event.status == "ANSWER":
                        channel = chain.channel
                        record.phase = Phase.PENDING
                        record.pending_at = (channel.context, channel.exten, channel.priority, channel.application)
                    else:
                        self.over(chain, record, now)
        if callee is not None and callee.dialled:
            callee.dialled = False
            if callee.ended:
                self._gone(callee)

    # ---- bridges ---------------------------------------------------------------------------------------

    def _bridged(self, event: Bridged) -> None:
        if self.settings.ignorestatechanges:
            return
        members = self._bridges.setdefault(event.bridge, [])
        for channel in event.channels:
            if channel not in members:
                members.append(channel)
                self._enters(channel, event.bridge, members)

    def _enters(self, channel: Channel, bridge: str, members: list[Channel]) -> None:
        chain = self._chains.get(channel)
        if chain is None:
            return
        now = self._wall()
        others = [self._chains[other] for other in members if other is not channel and other in self._chains]
        if chain.bridge not in ("", bridge):
            # it has left one and comes into another (an attended transfer): it is no longer only called
            chain.originated = True
        chain.bridge = bridge
        task = getattr(channel.bridge, "task", None)
        if task not in (None, channel) and not chain.called:
            # taken out of what it did (Bridge): as good as called by who took it
            chain.age += _YOUNGER
        handled: Record | None = None
        back: Record | None = None
        if not chain.called and all(record.phase is Phase.OVER for record in chain.records):
            # from elsewhere (an attended transfer)
            back = self.append(chain, now)
            self._follow(back)
        for record in tuple(chain.records):
            if record.phase in (Phase.OVER, Phase.BRIDGE):
                continue
            if record.phase is not Phase.SINGLE and record.b is None and others:
                continue
            record.check_answer(now)
            found = not others or self._finds_peer(chain, record, bridge, others, now)
            record.phase, record.bridge = Phase.BRIDGE, bridge
            handled = handled or record
            if not found and record is not back:
                self._finish(chain, record, now)
        for other in others:
            self._pair(chain, handled or chain.last, other, bridge, now)

    def _finds_peer(self, chain: Chain, record: Record, bridge: str, others: list[Chain], now: float) -> bool:
        """Whether this record becomes the one that tells of both."""
        for other in others:
            for theirs in other.records:
                if theirs.phase is not Phase.BRIDGE or theirs.bridge != bridge:
                    continue
                mine = record.b is other.channel if record.phase is not Phase.SINGLE else self._calls(chain, other)
                if mine:
                    self._met(record, other)
                    if theirs.b is None:
                        self._finish(other, theirs, now)
                    return True
        return False

    @staticmethod
    def _calls(chain: Chain, other: Chain) -> bool:
        """Whether `chain` is the calling side of the two."""
        if chain.last.party_a != other.last.party_a:
            return chain.last.party_a
        if chain.called != other.called:
            return other.called
        return chain.age < other.age

    def _pair(self, chain: Chain, record: Record, other: Chain, bridge: str, now: float) -> None:
        """See that there is a record of these two."""
        theirs = next((r for r in other.records if r.phase is Phase.BRIDGE and r.bridge == bridge), None)
        if theirs is None or record.b is other.channel:
            return
        back = next((r for r in other.records if r.b is chain.channel and r.phase is Phase.BRIDGE), None)
        if back is not None:
            # it had left for a while: the record of the two goes on
            back.revive()
            return
        if self._calls(other, chain):
            caller, peer, first = other, chain, theirs
        else:
            caller, peer, first = chain, other, record
        if first.b is None and first.phase is Phase.BRIDGE:
            first.revive()
        else:
            # who was left alone waited for the next: that counts as talk with the next, as in Asterisk
            first = self.append(caller, first.end or now)
            self._follow(first)
            first.phase, first.bridge = Phase.BRIDGE, bridge
        self._met(first, peer)

    def _unbridged(self, event: Unbridged) -> None:
        members = self._bridges.get(event.bridge)
        if members is None or event.channel not in members:
            return
        members.remove(event.channel)
        if not members:
            del self._bridges[event.bridge]
        now = self._wall()
        chain = self._chains.get(event.channel)
        if chain is not None:
            for record in chain.records:
                if record.phase is Phase.BRIDGE and record.bridge == event.bridge:
                    self.over(chain, record, now)
        for record in tuple(self._as_b.get(event.channel, ())):
            other = self._chains.get(record.a)
            if other is not None and record.phase is Phase.BRIDGE and record.bridge == event.bridge:
                self._b_left(other, record, now)

    def _b_left(self, chain: Chain, record: Record, now: float) -> None:
        """The second party is gone.  In a bridge another one may take its place, which begins a new record."""
        if record.phase is Phase.BRIDGE:
            self._finish(chain, record, now)
            record.freeze_peer()
        else:
            self.over(chain, record, now)

    def _moved(self, event: Moved) -> None:
        self._goes_to(event.channel, event.context, event.exten)

    def _goes_to(self, channel: Channel, context: str, exten: str) -> None:
        """Sent elsewhere: what it leaves is said to have been there."""
        chain = self._chains.get(channel)
        if chain is not None and not chain.hung_up:
            for record in chain.records:
                if record.phase is not Phase.OVER:
                    record.context, record.exten = context, exten
