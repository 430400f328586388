"""Where a party of a bridge sends the other one: dialled with a prompt (blind), or called first (attended)."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pbx.channels.bridge import Bridge, bridge_channels
from pbx.channels.causes import Cause
from pbx.channels.channel import Channel, State, first_event
from pbx.channels.events import (
    AttendedTransferred,
    BlindTransferred,
    Bridged,
    Control,
    DigitEnd,
    Ended,
    Indication,
    Unbridged,
)
from pbx.channels.interrupts import Interrupt
from pbx.channels.log import Log
from pbx.channels.switch import Unavailable
from pbx.dialplan.featuremap import OFF, number, setting
from pbx.dialplan.interpreter import Run
from pbx.dialplan.mixmonitor import play_over
from pbx.dialplan.playing import play_told
from pbx.dialplan.scope import inherit, scope_of
from pbx.dialplan.walk import Walk

if TYPE_CHECKING:
    from pbx.dialplan.services import Services

log = Log("bridge_basic")

_REFUSALS = (Control.BUSY, Control.CONGESTION)


@dataclass(frozen=True, slots=True)
class Transfer:
    """Somebody sends the other one to an extension."""

    context: str
    exten: str


@dataclass(frozen=True, slots=True)
class Abandoned:
    """A transfer that nobody answered, and whose transferer is gone: the call is over."""


def hold(channel: Channel) -> None:
    """It waits, with music."""
    channel.indicate(Control.HOLD)


def unhold(channel: Channel) -> None:
    """It waits no longer."""
    channel.indicate(Control.UNHOLD)


# ---- which extension ------------------------------------------------------------------------------------------


def context_of(run: Run, channel: Channel) -> str:
    """Where the extensions that a transferer dials are looked for."""
    named = scope_of(run.services, channel).get("TRANSFER_CONTEXT")
    return named or channel.context or run.channel.context


async def ask_extension(run: Run, bridge: Bridge, channel: Channel) -> str:
    """Let `channel` dial an extension after a prompt; "" when it dials none that exists."""
    services, scope = run.services, scope_of(run.services, channel)
    context, caller = context_of(run, channel), channel.caller.number or ""
    exists = services.switch.extensions.exists
    given = scope.get("TRANSFER_EXTEN") or ""
    if given:
        if exists(context, given, 1, caller):
            return given
        log.warning(f"TRANSFER_EXTEN '{given}' does not exist in context '{context}'")
    tries = max(1, int(number(scope, "transferdialattempts")))
    exten, sound = "", setting(scope, "transferannouncesound")
    for attempt in range(1, tries + 1):
        exten = await _dialled(run, bridge, channel, context, sound)
        if exten and exists(context, exten, 1, caller):
            return exten
        if channel.dead or bridge.peer(channel).dead:
            return ""
        sound = setting(scope, "transferretrysound" if attempt + 1 <= tries else "transferinvalidsound")
    await _heard(run, bridge, channel, sound if tries == 1 else setting(scope, "transferinvalidsound"))
    return ""


async def _heard(run: Run, bridge: Bridge, channel: Channel, sound: str) -> None:
    """Play a sound to its end."""
    found = run.services.find_sound(sound, channel.language, channel.formats) if sound and not channel.dead else None
    if found is not None:
        await bridge.task.wait(play_told(channel, sound, found).done)


async def _dialled(run: Run, bridge: Bridge, channel: Channel, context: str, sound: str) -> str:
    """What is dialled after a sound, which the first digit ends."""
    digits, services = "", run.services
    wait = number(scope_of(services, channel), "transferdigittimeout")
    found = services.find_sound(sound, channel.language, channel.formats) if sound else None
    source = play_told(channel, sound, found) if found else None
    try:
        while not digits or services.switch.extensions.match_more(context, digits):
            left = wait
            if source is not None and source.playing and not digits:
                # the time for the first digit begins behind the sound
                left += max(0, (source.duration_ms or 0) - source.elapsed_ms) / 1000
            event = await first_event(bridge.task, (channel,), left)
            if event is None:
                break
            if isinstance(event[1], DigitEnd):
                if event[1].digit == "#" and digits:
                    break
                digits += event[1].digit
                if source is not None and source.playing:
                    source.stop()
            elif channel.dead:
                channel.push_back(event[1])
                break
    finally:
        if source is not None and source.playing:
            source.stop()
    return digits


async def blind(run: Run, bridge: Bridge, channel: Channel) -> object:
    """The feature blindxfer: where the other one goes, None if that is nowhere."""
    peer = bridge.peer(channel)
    bridge.disconnect()
    hold(peer)
    try:
        exten = await ask_extension(run, bridge, channel)
    finally:
        unhold(peer)
    if exten:
        context = context_of(run, channel)
        run.services.switch.bus.publish(BlindTransferred(bridge.id, channel, peer, context, exten))
        return Transfer(context, exten)
    bridge.connect()
    return None


# ---- attended --------------------------------------------------------------------------------------------------


class Attended:
    """One attended transfer, within the bridge of transferer and transferee.  Owns the target's channel meanwhile.

    The transferer hears the target or the transferee (`aside`), whichever it swapped to; the other one waits.
    """

    def __init__(self, run: Run, bridge: Bridge, transferer: Channel) -> None:
        self.run = run
        self.bridge = bridge
        self.services: Services = run.services
        self.graph = run.services.switch.graph
        self.transferer = transferer
        self.transferee = bridge.peer(transferer)
        self.target: Channel
        self.exten = ""
        self._scope = scope_of(run.services, transferer)
        self._answered = False
        #: it talks with the target (or waits for it), not with the transferee
        self._aside = True
        self._three = False
        self._typed = ""
        #: the target is not ours to end any more
        self._given = False
        #: what the bus is told of: where transferer and target talk is a bridge of its own, and who sits where
        self._consulting = str(uuid.uuid4())
        self._seats = {transferer: bridge.id, self.transferee: bridge.id}

    def left(self, channel: Channel, to: object) -> None:
        """Owner: the target goes into a bridge."""

    async def execute(self) -> object:
        """The feature atxfer.  None: the bridge goes on, with whoever is in it now."""
        self.bridge.disconnect()
        hold(self.transferee)
        try:
            self.exten = await ask_extension(self.run, self.bridge, self.transferer)
            if not self.exten or not self._call():
                return self._resume(fail=bool(self.exten))
            return await self._consult()
        except Interrupt:
            self._broken()
            raise

    def _call(self) -> bool:
        """Call the target."""
        destination = f"Local/{self.exten}@{context_of(self.run, self.transferer)}"
        try:
            self.target = call_for(self.services, self.transferer, destination)
        except Unavailable as error:
            log.warning(f"Unable to request a channel for an attended transfer to {destination}: {error.reason}")
            return False
        self.target.claim(self)
        self.graph.join(self.transferer, self.target)
        self._sit(self.target, self._consulting)
        self._sit(self.transferer, self._consulting)
        self.services.switch.call(self.target, None)
        return True

    def _sit(self, channel: Channel, bridge: str) -> None:
        """Tell the bus that a channel leaves one bridge for another ("": for none)."""
        bus, before = self.services.switch.bus, self._seats.get(channel, "")
        if bridge == before:
            return
        self._seats[channel] = bridge
        if before:
            bus.publish(Unbridged(before, channel))
        if bridge:
            bus.publish(Bridged(bridge, tuple(one for one, where in self._seats.items() if where == bridge)))

    # ---- while it lasts --------------------------------------------------------------------------------------

    async def _consult(self) -> object:
        clock = self.services.switch.clock
        until = clock.seconds() + number(self._scope, "atxfernoanswertimeout")
        codes = {setting(self._scope, f"atxfer{name}"): name for name in ("abort", "complete", "threeway", "swap")}
        codes.pop("", None)
        while True:
            left: float | None = None if self._answered else max(0.0, until - clock.seconds())
            if self._typed:
                left = min(left if left is not None else 9.0, number(self._scope, "featuredigittimeout") / 1000)
            found = await first_event(self.bridge.task, (self.transferer, self.transferee, self.target), left)
            if found is None:
                if self._typed:
                    self._pass_typed()
                elif not self._answered:
                    return self._give_up()
                continue
            channel, event = found
            if isinstance(event, Ended):
                return await self._gone(channel)
            if channel is self.target and isinstance(event, Indication):
                if event.control is Control.ANSWER:
                    self._answered = True
                elif event.control is Control.RINGING and self._aside:
                    self.transferer.indicate(Control.RINGING)
                elif event.control in _REFUSALS and self._aside:
                    # what it sends; nobody is there only when it hangs up, or does not answer in time
                    self.transferer.indicate(event.control)
            elif isinstance(event, DigitEnd):
                what = self._digit(channel, event, codes)
                if what == "abort":
                    return self._give_up()
                if what == "complete":
                    return await self._complete()

    def _digit(self, channel: Channel, event: DigitEnd, codes: dict[str, str]) -> str:
        """A digit: of the transferer's, it may end the transfer (how), else it is for who hears it."""
        if channel is not self.transferer or self._three:
            to = self.transferer if channel is not self.transferer else self._partner
            _play(to, event.digit, event.milliseconds)
            return ""
        self._typed += event.digit
        if not any(code.startswith(self._typed) for code in codes):
            self._pass_typed()
            return ""
        what = codes.get(self._typed, "")
        if what:
            self._typed = ""
        if what == "threeway":
            self._conference()
        elif what == "swap":
            self._swap()
        return what

    def _pass_typed(self) -> None:
        typed, self._typed = self._typed, ""
        for digit in typed:
            _play(self._partner, digit, 100)

    @property
    def _partner(self) -> Channel:
        return self.target if self._aside else self.transferee

    def _swap(self) -> None:
        """The transferer talks with the other one."""
        waits, talks = (self.target, self.transferee) if self._aside else (self.transferee, self.target)
        self.graph.part(self.transferer, waits)
        if waits is self.transferee or self._answered:
            hold(waits)
        if talks is self.transferee or self._answered:
            unhold(talks)
        self.graph.join(self.transferer, talks)
        self._aside = not self._aside
        self._sit(self.transferer, self._consulting if self._aside else self.bridge.id)

    def _conference(self) -> None:
        """All three talk; the transfer is over when the first of them goes."""
        unhold(self.transferee if self._aside else self.target)
        for one, two in (
            (self.transferer, self.target),
            (self.transferer, self.transferee),
            (self.transferee, self.target),
        ):
            self.graph.join(one, two)
        self._three = True
        self._sit(self.target, self.bridge.id)
        self._sit(self.transferer, self.bridge.id)
        for channel in (self.target, self.transferer):
            play_over(self.services, channel, setting(self._scope, "xfersound"))

    # ---- how it ends -----------------------------------------------------------------------------------------

    def _part(self) -> None:
        """Nobody hears anybody; the bridge joins its own again."""
        for one, two in (
            (self.transferer, self.target),
            (self.transferer, self.transferee),
            (self.transferee, self.target),
        ):
            self.graph.part(one, two)
        waiting = self.transferee if self._aside else self.target
        if not self._three and not waiting.dead:
            unhold(waiting)

    async def _gone(self, channel: Channel) -> object:
        """One of the three has ended."""
        if channel is self.target:
            return self._resume(fail=not self._answered or not self._aside)
        if channel is self.transferer:
            return await self._complete()
        return self._without_transferee()

    def _give_up(self) -> object:
        """Aborted, or nobody answers there: as it was before."""
        return self._resume(fail=True)

    def _resume(self, *, fail: bool) -> object:
        if hasattr(self, "target"):
            self._part()
            self._sit(self.target, "")
            self._sit(self.transferer, self.bridge.id)
            self._drop_target()
        else:
            unhold(self.transferee)
        if fail:
            play_over(self.services, self.transferer, setting(self._scope, "xferfailsound"))
        self.bridge.connect()
        return None

    def _drop_target(self) -> None:
        if not self._given and not self.target.dead:
            self.target.release(self)
            self.target.hangup(int(Cause.NORMAL_CLEARING))

    async def _complete(self) -> object:
        """Transferee and target talk; the transferer is out of it."""
        recall = self._let_go()
        if self.bridge.task is not self.transferee:
            self._pair_off(recall)
            return None
        partner: Channel | None = self.target
        if recall is not None:
            self.target.claim(recall)
            self._end(self.transferer)
            partner = await recall.partner(self.run, self.target)
        if partner is None or partner.dead:
            return Abandoned()
        self._take_place(self.transferer, partner)
        return None

    def _let_go(self) -> Recall | None:
        """The transferer is out; what is to be done if the target does not answer."""
        self._part()
        self._given = True
        for channel in (self.transferer, self.target):
            self._sit(channel, "")
        self.services.switch.bus.publish(
            AttendedTransferred(
                self.bridge.id, self._consulting, self.transferer, self.transferee, self.target, self._answered
            )
        )
        late = not self._answered and setting(self._scope, "atxferdropcall") == OFF
        if not self._answered:
            self.transferee.indicate(Control.RINGING)
        else:
            play_over(self.services, self.target, setting(self._scope, "xfersound"))
        scope_of(self.services, self.transferee).set("ATTENDEDTRANSFER", self.transferer.name)
        return Recall(self) if late else None

    def _pair_off(self, recall: Recall | None) -> None:
        """The transferee has no task in this bridge: it gets one, to talk with the target."""
        pair_off(self.services, self.transferee, self.target, recall, self.bridge.give_up_id())

    def _take_place(self, of: Channel, new: Channel) -> None:
        """A channel sits in the bridge where another one was, who is hung up."""
        self.bridge.replace(of, new)
        self.bridge.forget_hooks(new)
        self.bridge.connect()
        self._end(of)

    @staticmethod
    def _end(channel: Channel) -> None:
        if not channel.dead:
            channel.hangup(int(Cause.NORMAL_CLEARING))

    def _without_transferee(self) -> object:
        """The transferee has hung up: transferer and target talk on, or the call is over."""
        self._part()
        self._sit(self.target, "")
        self._sit(self.transferer, self.bridge.id)
        if not self._answered:
            self._drop_target()
            play_over(self.services, self.transferer, setting(self._scope, "xferfailsound"))
            return None
        self._given = True
        play_over(self.services, self.transferer, setting(self._scope, "xferfailsound"))
        self._take_place(self.transferee, self.target)
        return None

    def _broken(self) -> None:
        """The bridge's own task is taken or its channel hung up: what is left of the three."""
        if not hasattr(self, "target") or self.target.dead:
            unhold(self.transferee)
            return
        if self.bridge.task is self.transferer:
            if not self.transferee.dead:
                self._pair_off(self._let_go())
        elif self._answered and not self.transferer.dead:
            self._part()
            self._given = True
            self._sit(self.target, "")
            self._sit(self.transferer, "")
            pair_off(self.services, self.transferer, self.target, identity=self._consulting)
        self._drop_target()


def _play(channel: Channel, digit: str, milliseconds: int) -> None:
    line = channel.line
    if line is not None and not channel.dead:
        line.digit_begin(digit)
        line.digit_end(digit, milliseconds or 100)


def call_for(services: Services, caller: Channel, destination: str) -> Channel:
    """A channel to `destination` in the name of `caller`, not calling yet.  Raises Unavailable."""
    channel = services.switch.request(destination, caller.formats, caller)
    channel.outgoing = True
    parent, child = scope_of(services, caller), scope_of(services, channel)
    inherit(parent, child)
    child.set("TRANSFERERNAME", caller.name)
    child.set("ATTENDEDTRANSFER", caller.name)
    channel.language, channel.call_id = caller.language, caller.call_id
    channel.musicclass = channel.musicclass or caller.musicclass
    channel.peeraccount = caller.accountcode
    for name in ("name", "number", "ani", "rdnis", "presentation", "name_presentation"):
        setattr(channel.connected, name, getattr(caller.caller, name))
    return channel


def pair_off(
    services: Services, one: Channel, other: Channel, recall: Recall | None = None, identity: str = ""
) -> None:
    """Let two channels talk with each other on a task of `one`'s own, until one hangs up; then both end.

    identity: of the bridge that theirs continues.
    """
    run = Run(services, one)

    async def talk() -> None:
        partner: Channel | None = other
        try:
            if recall is not None:
                partner = await recall.partner(run, other)
            if partner is not None and not partner.dead:
                await bridge_channels(one, one, partner, identity=identity)
        finally:
            for channel in {other, partner} - {None}:
                if channel is not None and not channel.dead and channel.owner in (None, recall):
                    channel.hangup(int(Cause.NORMAL_CLEARING))

    if other.owner is not None and recall is not None:
        other.claim(recall)
    elif other.owner is not None:
        other.release(other.owner)
    one.start(run, Walk(run).alone(talk))


class Recall:
    """A transferer hung up before the target answered: who the transferee talks with in the end.

    The target, if it answers in time; else the transferer is called back, and the target again, in turns.
    """

    def __init__(self, transfer: Attended) -> None:
        self._services = transfer.services
        scope = scope_of(transfer.services, transfer.transferer)
        self._timeout = number(scope, "atxfernoanswertimeout")
        self._delay = number(scope, "atxferloopdelay")
        self._tries = int(number(scope, "atxfercallbackretries"))
        name = transfer.transferer.name
        # `IAX2/peer-1234` was reached (or is) at `IAX2/peer`
        self._back = name.rpartition("-")[0]
        self._there = f"Local/{transfer.exten}@{context_of(transfer.run, transfer.transferer)}"

    def left(self, channel: Channel, to: object) -> None:
        """Owner of who is being called."""

    async def partner(self, run: Run, target: Channel) -> Channel | None:
        """Who answered; None: nobody did."""
        if await self._answers(run, target):
            return target
        for attempt in range(self._tries + 1):
            for destination in (self._back, self._there):
                if destination is self._there and attempt == self._tries:
                    return None
                channel = await self._call(run, destination)
                if channel is not None:
                    return channel
                await run.channel.sleep(self._delay)
                if run.over:
                    return None
        return None

    async def _call(self, run: Run, destination: str) -> Channel | None:
        try:
            channel = call_for(self._services, run.channel, destination)
        except Unavailable as error:
            log.warning(f"Unable to call {destination} back: {error.reason}")
            return None
        channel.claim(self)
        self._services.switch.call(channel, None)
        return channel if await self._answers(run, channel, final=destination == self._back) else None

    async def _answers(self, run: Run, channel: Channel, *, final: bool = False) -> bool:
        """Wait for its answer; True: it has, and is free to be bridged; else it is hung up.

        final: a busy signal is its answer; else the transferee hears it, as what a target sends.
        """
        clock, me = self._services.switch.clock, run.channel
        until = clock.seconds() + self._timeout
        try:
            while not run.over and channel.state is not State.UP:
                found = await first_event(me, (channel, me), max(0.0, until - clock.seconds()))
                if found is None or isinstance(found[1], Ended):
                    break
                if found[0] is channel and isinstance(found[1], Indication):
                    if found[1].control is Control.ANSWER:
                        channel.release(self)
                        return True
                    if final and found[1].control in _REFUSALS:
                        break
                    if found[1].control in (Control.RINGING, *_REFUSALS):
                        me.indicate(found[1].control)
            if channel.state is State.UP and not channel.dead:
                channel.release(self)
                return True
        except Interrupt:
            _end(self, channel)
            raise
        _end(self, channel)
        return False


def _end(owner: Recall, channel: Channel) -> None:
    if not channel.dead and channel.owner in (owner, None):
        channel.release(owner)
        channel.hangup(int(Cause.NORMAL_CLEARING))


def attended(run: Run) -> Callable[[Bridge, Channel], Awaitable[object]]:
    """The feature atxfer."""

    async def hook(bridge: Bridge, channel: Channel) -> object:
        return await Attended(run, bridge, channel).execute()

    return hook


__all__ = ["Abandoned", "Attended", "Transfer", "ask_extension", "attended", "blind", "pair_off"]
