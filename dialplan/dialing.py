"""What Dial is made of: outgoing legs, what they become, and who answers first."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field

from pbx.channels.causes import Cause
from pbx.channels.channel import Channel, first_event
from pbx.channels.events import (
    ChannelEvent,
    Control,
    DialBegin,
    DialEnd,
    DigitEnd,
    Ended,
    Forwarded,
    Indication,
    PickedUp,
    Text,
    TransferRequest,
)
from pbx.channels.interrupts import Hangup
from pbx.channels.sounds import Source
from pbx.channels.switch import Unavailable
from pbx.dialplan import featuremap
from pbx.dialplan.functions.channels import join_group
from pbx.dialplan.interpreter import Run
from pbx.dialplan.scope import inherit, scope_of

#: What Dial sets, as it is when it begins.
RESULTS = dict.fromkeys(
    (
        "DIALSTATUS", "DIALEDPEERNUMBER", "DIALEDPEERNAME", "ANSWEREDTIME", "ANSWEREDTIME_MS", "DIALEDTIME",
        "DIALEDTIME_MS", "RINGTIME", "RINGTIME_MS", "PROGRESSTIME", "PROGRESSTIME_MS",
    ),
    "",
)  # fmt: skip


@dataclass(slots=True, eq=False)
class Outgoing:
    """One called leg."""

    destination: str
    channel: Channel
    began: float
    #: the bus knows how calling it went
    settled: bool = False
    #: what it last said of who is connected, while others rang as well; None: nothing
    connected: bytes | None = None

    @property
    def number(self) -> str:
        """What was dialled, without its technology (DIALEDPEERNUMBER)."""
        return self.destination.partition("/")[2]


def dial_status(cause: int) -> str:
    """How calling a leg went that ended with this cause, in a word of DIALSTATUS."""
    return _STATUS.get(cause, "NOANSWER")


_STATUS: dict[int, str] = {
    Cause.USER_BUSY: "BUSY",
    Cause.NORMAL_CIRCUIT_CONGESTION: "CONGESTION",
    Cause.NO_ROUTE_DESTINATION: "CHANUNAVAIL",
    Cause.SUBSCRIBER_ABSENT: "CHANUNAVAIL",
}


@dataclass(slots=True)
class Tally:
    """How legs that did not answer ended."""

    total: int = 0
    busy: int = 0
    congestion: int = 0
    unavailable: int = 0

    def count(self, cause: int) -> None:
        if cause == Cause.USER_BUSY:
            self.busy += 1
        elif cause == Cause.NORMAL_CIRCUIT_CONGESTION:
            self.congestion += 1
        elif cause not in (Cause.NO_ANSWER, Cause.NORMAL_CLEARING):
            self.unavailable += 1

    @property
    def status(self) -> str:
        """DIALSTATUS when nobody is left."""
        if self.total != self.busy + self.congestion + self.unavailable:
            return "NOANSWER"
        if self.busy:
            return "BUSY"
        return "CONGESTION" if self.congestion else "CHANUNAVAIL"


@dataclass(frozen=True, slots=True)
class Forced:
    """The caller id that called legs see in place of the caller's."""

    name: str | None
    number: str | None
    presentation: int
    tag: str


@dataclass(slots=True)
class Wishes:
    """What the options of Dial say about calling (not about what comes after the answer)."""

    timeout: float | None = None
    #: seconds until somebody has to ring or send sound
    early_timeout: float | None = None
    ringing: bool = False
    #: name of a tone that rings to the caller in our own voice
    tone: str = ""
    #: class of the music that the caller hears until somebody answers ("": the channel's own); None: none
    music: str | None = None
    ignore_updates: bool = False
    elsewhere: bool = False
    answered_cause: int = int(Cause.ANSWERED_ELSEWHERE)
    caller_exits: bool = False
    hangup_digits: str = ""
    forced: Forced | None = None
    original: tuple[str, str] | None = None
    original_caller: bool = False
    tag: str | None = None
    no_forward: bool = False
    prepare: str = ""
    #: what is sent to a leg when the first of all legs says so (option D), waited for; False: the leg was gone before
    signals: Mapping[Control, Callable[[Outgoing], Awaitable[bool]]] = field(default_factory=dict)


async def alone(run: Run, place: str, returned: list[bool]) -> None:
    """A task that runs a subroutine on a channel which calls nobody yet; `returned` gets whether it came back."""
    run.scope.run = run
    over = False
    try:
        returned.append(await run.subroutine(place))
    except Hangup:
        # the leg is gone, or is to go, in the middle of it
        over = True
    finally:
        run.scope.run = None
    if (over or run.channel.interrupted is not None) and not run.channel.dead:
        run.channel.hangup(run.channel.hangup_cause)


class Calling:
    """Calls several destinations at once until one answers.  Owns the called legs meanwhile."""

    def __init__(self, run: Run, wishes: Wishes) -> None:
        self.run = run
        self.caller = run.channel
        self.wishes = wishes
        self.tally = Tally()
        self.legs: list[Outgoing] = []
        self.status = "CHANUNAVAIL"
        #: a digit that the caller pressed to leave (option d)
        self.exit_digit = ""
        self.clock = run.channel.switch.clock
        self._helpers: set[object] = set()
        self._takers: dict[Channel, Channel] = {}
        self._rung = self._progressed = False
        self._tone: Source | None = None
        self._typed = ""
        self._asked = 0
        self._signals = dict(wishes.signals)

    def left(self, channel: Channel, to: object) -> None:
        """Somebody else took a leg (pickup, redirect): it is no longer ours, and lives on."""
        if to not in self._helpers:
            for leg in self.legs:
                if leg.channel is channel:
                    self._settle(leg, "CANCEL")
            self.legs = [leg for leg in self.legs if leg.channel is not channel]

    def __iter__(self) -> Iterator[Outgoing]:
        return iter(self.legs)

    # ---- calling out -----------------------------------------------------------------------------------------

    def request(self, destination: str) -> None:
        """Make the leg of one destination; one that cannot be called is counted."""
        caller, switch = self.caller, self.run.services.switch
        self.tally.total += 1
        self._asked += 1
        try:
            channel = switch.request(destination, caller.formats, caller)
        except Unavailable as error:
            self.run.warn(f"Unable to call {destination}: {error.reason} (cause {error.cause})")
            self.tally.count(error.cause)
            # a leg without a cause leaves the caller's as it was
            if error.cause or self.wishes.elsewhere:
                caller.hangup_cause = error.cause or int(Cause.ANSWERED_ELSEWHERE)
            return
        channel.outgoing = True
        if self.wishes.elsewhere:
            channel.hangup_cause = int(Cause.ANSWERED_ELSEWHERE)
        channel.claim(self)
        leg = Outgoing(destination, channel, self.clock.seconds())
        self.legs.append(leg)
        self._introduce(leg)

    def _introduce(self, leg: Outgoing) -> None:
        """Who calls, with which inherited variables; its language is its own."""
        caller, peer, wishes = self.caller, leg.channel, self.wishes
        own_scope = scope_of(self.run.services, peer)
        inherit(self.run.scope, own_scope)
        featuremap.inherit(self.run.scope, own_scope)
        peer.musicclass = peer.musicclass or caller.musicclass
        peer.peeraccount = caller.accountcode
        peer.accountcode = peer.accountcode or caller.peeraccount or caller.accountcode
        peer.call_id = caller.call_id
        peer.context = peer.context or caller.context
        peer.application, peer.data = "AppDial", "(Outgoing Line)"
        connected = peer.connected
        connected.repeat(caller.caller)
        if wishes.forced is not None:
            forced = wishes.forced
            connected.name, connected.number, connected.tag = forced.name, forced.number, forced.tag
            connected.presentation, connected.name_presentation = forced.presentation, 0
        own = peer.caller
        if wishes.original is not None:
            own.name, own.number = wishes.original
        elif wishes.original_caller:
            own.name, own.number = caller.caller.name, caller.caller.number
        elif own.number is None:
            own.number = caller.exten
            own.name = self.run.services.dialplan.hint_name(caller.context, caller.exten) or None
        group = self.run.scope.get("OUTBOUND_GROUP_ONCE") or self.run.scope.get("OUTBOUND_GROUP")
        if group:
            join_group(own_scope, group)

    async def call(self) -> None:
        """Run the pre-dial subroutine on each leg, then call them all."""
        scope, switch = self.run.scope, self.run.services.switch
        if scope.get("OUTBOUND_GROUP_ONCE"):
            scope.set("OUTBOUND_GROUP_ONCE", None)
        if self.wishes.prepare:
            for leg in list(self.legs):
                await self.on_leg(leg.channel, self.wishes.prepare)
                if leg.channel.dead:
                    # its subroutine hung it up: it counts as one that could not be called, and its call never began
                    self.tally.unavailable += 1
                    self._remember(leg, leg.channel.hangup_cause)
                    leg.settled = True
                    self._drop(leg)
        for leg in list(self.legs):
            leg.began = self.clock.seconds()
            switch.bus.publish(DialBegin(self.caller, leg.channel, leg.destination))
            switch.call(leg.channel, self.wishes.timeout)
        if self.wishes.music is not None and self.legs:
            self._play_music(self.wishes.music)
        elif self.wishes.ringing and self.legs:
            self.caller.indicate(Control.PROGRESS if self._ring_by_tone() else Control.RINGING)

    def _ring_by_tone(self) -> bool:
        """Option r(tone): the caller hears a tone of ours until somebody answers; False if there is none such."""
        name, run = self.wishes.tone, self.run
        if not name:
            return False
        zone = str(run.scope.notes.get("channel.tonezone", run.services.tone_zone))
        spec = run.services.tones.get(zone, {}).get(name)
        if spec is None:
            run.warn(f"there is no tone '{name}' in the zone {zone}; it rings instead")
            return False
        self._tone = run.services.switch.graph.tone(self.caller, spec)
        return True

    def _play_music(self, which: str) -> None:
        """Option m: what is named there counts before the channel's own class."""
        caller = self.caller
        own, caller.musicclass = caller.musicclass, which or caller.musicclass
        caller.switch.music.start(caller)
        caller.musicclass = own
        caller.indicate(Control.PROGRESS)

    def quiet(self) -> None:
        """Calling is over: the caller hears no music or tone of ours any more."""
        if self.wishes.music is not None:
            self.caller.switch.music.stop(self.caller)
        tone, self._tone = self._tone, None
        if tone is not None and tone.playing:
            tone.stop()

    async def on_leg(self, channel: Channel, place: str) -> bool:
        """Run a subroutine on a called leg, as that leg's own task; True if it returned."""
        run = Run(self.run.services, channel)
        self._helpers.add(run)
        returned: list[bool] = []
        done = channel.start(run, alone(run, place, returned))
        try:
            await self.caller.wait(done)
        finally:
            self._helpers.discard(run)
        if channel.owner in (None, run):
            channel.claim(self)
        return bool(returned and returned[0])

    # ---- waiting -----------------------------------------------------------------------------------------------

    async def answer(self) -> Outgoing | None:
        """Wait until a leg answers: that leg.  None: nobody did; `status` says why."""
        wishes = self.wishes
        now = self.clock.seconds()
        until = None if wishes.timeout is None else now + wishes.timeout
        early = None if wishes.early_timeout is None else now + wishes.early_timeout
        while self.legs:
            due = [t for t in (until, None if self._rung or self._progressed else early) if t is not None]
            left = max(0.0, min(due) - self.clock.seconds()) if due else None
            channels = [self.caller, *(leg.channel for leg in self.legs)]
            found = await first_event(self.caller, channels, left)
            if found is None:
                if self.run.over:
                    self.status = "CANCEL"
                    return None
                if left is not None and self.clock.seconds() < min(due) - 0.001:
                    continue
                heard = self._rung or self._progressed or early is None or (until is not None and until <= early)
                self.status = "NOANSWER" if heard else "CHANUNAVAIL"
                return None
            channel, event = found
            if channel is self.caller:
                if self._from_caller(event):
                    self.status = "CANCEL"
                    return None
                continue
            leg = next((leg for leg in self.legs if leg.channel is channel), None)
            if leg is not None and self._from_leg(leg, event):
                self._settle(leg, "ANSWER")
                if leg.connected is not None:
                    self.caller.connected.identify(leg.channel.caller)
                    self.caller.indicate(Control.CONNECTED_LINE, leg.connected)
                return self._picked_up(leg)
            if leg is not None and isinstance(event, Indication) and not await self._send(leg, event.control):
                self.status = "NOANSWER"
                return None
        self.status = self.tally.status
        return None

    async def _send(self, leg: Outgoing, signal: Control) -> bool:
        """What is sent at the first such signal; False: the leg was gone before all of it was sent."""
        send = self._signals.pop(signal, None)
        if send is None or await send(leg):
            return True
        self.run.warn(f"{leg.channel.name} hung up before all digits of option D were sent")
        return False

    def pick_up(self, target: Channel, taker: Channel) -> bool:
        """`taker` answers in the place of a called leg (Pickup); its own task ends."""
        if all(leg.channel is not target for leg in self.legs) or target.dead:
            return False
        self._takers[target] = taker
        self.run.services.switch.bus.publish(PickedUp(taker, target))
        taker.answer()
        taker.claim(self)
        target.deliver(Indication(Control.ANSWER))
        return True

    def _picked_up(self, leg: Outgoing) -> Outgoing:
        """The leg that answered, or who answered for it."""
        taker = self._takers.pop(leg.channel, None)
        if taker is None or taker.dead:
            return leg
        self._drop(leg)
        leg.channel.hangup(int(Cause.ANSWERED_ELSEWHERE))
        mine = Outgoing(leg.destination, taker, leg.began)
        self.legs.append(mine)
        return mine

    @property
    def single(self) -> bool:
        return self._asked == 1

    def _from_caller(self, event: ChannelEvent) -> bool:
        """What the caller does while it waits; True if that ends the Dial."""
        if isinstance(event, DigitEnd):
            scope, run = self.run.scope, self.run
            context = scope.get("EXITCONTEXT") or self.caller.context
            if self.wishes.caller_exits and run.exists(context, event.digit):
                self.exit_digit = event.digit
                return True
            if self.wishes.hangup_digits:
                self._typed = (self._typed + event.digit)[-len(self.wishes.hangup_digits) :]
                if self._typed == self.wishes.hangup_digits:
                    return True
        if self.single and self.legs:
            leg = self.legs[0].channel.line
            if leg is not None and isinstance(event, DigitEnd):
                leg.digit_begin(event.digit)
                leg.digit_end(event.digit, event.milliseconds)
            elif leg is not None and isinstance(event, Text):
                leg.send_text(event.text)
        return False

    def _from_leg(self, leg: Outgoing, event: ChannelEvent) -> bool:
        """What a called leg says; True if it answered."""
        match event:
            case Ended(cause):
                self._over(leg, cause)
            case Indication(Control.ANSWER):
                return True
            case Indication(Control.BUSY):
                self._refused(leg, int(Cause.USER_BUSY))
            case Indication(Control.CONGESTION):
                self._refused(leg, int(Cause.NORMAL_CIRCUIT_CONGESTION))
            case Indication(Control.RINGING):
                self._ringing(leg)
            case Indication(Control.PROGRESS):
                self._progress(leg)
            case Indication(Control.WINK) if self.single:
                self.caller.indicate(Control.WINK)
            case Indication(Control.PROCEEDING) if self.single and not self.wishes.ringing:
                self.caller.indicate(Control.PROCEEDING)
            case TransferRequest(exten, context):
                self._forward(leg, exten, context)
            case Text(text) if self.single and self.caller.line is not None:
                self.caller.line.send_text(text)
            case Indication(control, data) if control in (Control.CONNECTED_LINE, Control.REDIRECTING):
                if not self.wishes.ignore_updates:
                    self._party(leg, control, data)
        return False

    def _party(self, leg: Outgoing, control: Control, data: bytes) -> None:
        """A leg says who is connected, or that the call was sent on: the caller hears it of the only one at once."""
        if self.single:
            if control is Control.CONNECTED_LINE:
                self.caller.connected.identify(leg.channel.caller)
            self.caller.indicate(control, data)
        elif control is Control.CONNECTED_LINE:
            leg.connected = data

    def _time(self, leg: Outgoing, name: str) -> None:
        elapsed = self.clock.seconds() - leg.began
        if not self.run.scope.get(name):
            self.run.scope.assign({name: str(int(elapsed)), f"{name}_MS": str(int(elapsed * 1000))})

    def _ringing(self, leg: Outgoing) -> None:
        self._time(leg, "RINGTIME")
        if not self._rung and self.wishes.music is None and not self.wishes.ringing:
            self.caller.indicate(Control.RINGING)
        self._rung = True

    def _progress(self, leg: Outgoing) -> None:
        self._time(leg, "PROGRESSTIME")
        self._progressed = True
        if self.single and not self.wishes.ringing and self.wishes.music is None:
            self.caller.indicate(Control.PROGRESS)
            self.run.services.switch.graph.hear(self.caller, leg.channel)

    def _over(self, leg: Outgoing, cause: int) -> None:
        self.tally.count(cause)
        self._remember(leg, cause)
        self._drop(leg)

    def _refused(self, leg: Outgoing, cause: int) -> None:
        self.tally.count(cause)
        self._remember(leg, leg.channel.hangup_cause)
        # what it said decides, whatever cause its channel has
        self._drop(leg, dial_status(cause))
        leg.channel.hangup(0)

    def _remember(self, leg: Outgoing, cause: int) -> None:
        self.caller.hangup_cause = cause
        technology = leg.channel.leg.technology if leg.channel.leg is not None else ""
        if technology and technology != "Local":
            known = self.run.scope.notes.setdefault("causes", {})
            known[leg.channel.name] = (f"{technology.upper()} {cause}", cause)

    def _drop(self, leg: Outgoing, status: str = "") -> None:
        self.legs = [other for other in self.legs if other is not leg]
        leg.channel.release(self)
        self._settle(leg, status or dial_status(leg.channel.hangup_cause))

    def _settle(self, leg: Outgoing, status: str) -> None:
        """Tell the bus, once, how calling a leg went."""
        if not leg.settled:
            leg.settled = True
            self.run.services.switch.bus.publish(DialEnd(self.caller, leg.channel, status))

    def _forward(self, leg: Outgoing, exten: str, context: str | None) -> None:
        """A called leg sends the call on: it is called by way of the dialplan instead."""
        self.legs = [other for other in self.legs if other is not leg]
        self.run.scope.set("FORWARDERNAME", leg.channel.name)
        destination = f"Local/{exten}@{context or self.caller.context}"
        self.run.services.switch.bus.publish(Forwarded(leg.channel, destination))
        leg.channel.release(self)
        self._settle(leg, "CANCEL")
        leg.channel.hangup(int(Cause.REDIRECTED_TO_NEW_DESTINATION))
        if self.wishes.no_forward:
            self.tally.count(int(Cause.USER_BUSY))
            return
        self.tally.total -= 1
        self.request(destination)
        if self.legs and self.legs[-1].destination.startswith("Local/"):
            forwarded = self.legs[-1]
            self.run.services.switch.bus.publish(DialBegin(self.caller, forwarded.channel, forwarded.destination))
            self.run.services.switch.call(forwarded.channel, self.wishes.timeout)

    # ---- the end of calling --------------------------------------------------------------------------------------

    def hang_up_others(self, winner: Outgoing | None, cause: int, *, later: bool = False) -> None:
        """End all legs but one, and those that others have taken.

        `later`: in the next turn of the loop, when the caller's own `h` has begun.
        """
        for leg in list(self.legs):
            if leg is winner or leg.channel.owner not in (self, None):
                continue
            self._drop(leg, "NOANSWER" if winner is None and self.status == "NOANSWER" else "CANCEL")
            leg.channel.hangup_cause = cause
            if later and not leg.channel.dead:
                self.clock.callLater(0, leg.channel.hangup, cause)
            else:
                leg.channel.hangup(cause)
