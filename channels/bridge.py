"""Channels that talk to each other: the bridge core.

A bridge moves no sound (the graph does); it carries signals: control frames,
digits, text, frames it can't read.  It claims the channels that have no task of
their own and lets them go when it ends: no masquerade.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from itertools import combinations
from typing import TYPE_CHECKING

from pbx.channels.causes import Cause
from pbx.channels.events import (
    BlindTransferred,
    Bridged,
    ChannelEvent,
    Control,
    DigitBegin,
    DigitEnd,
    Ended,
    Indication,
    Opaque,
    Text,
    TransferRequest,
    Unbridged,
)
from pbx.channels.guests import Guests

if TYPE_CHECKING:
    from pbx.channels.channel import Channel
    from pbx.channels.ends import Leg


class Reason(Enum):
    """Why a bridge ended."""

    HANGUP = "hangup"  # a channel ended; BridgeResult.channel is the one
    TAKEN = "taken"  # a channel was claimed by another owner and lives on there
    FEATURE = "feature"  # a feature hook said so
    LIMIT = "limit"  # BridgeOptions.limit ran out
    TRANSFER = "transfer"  # a channel's far end asked to send the other one elsewhere (TransferRequest)


@dataclass(slots=True)
class BridgeResult:
    """How a bridge ended; `value` is what the feature hook returned, or the TransferRequest."""

    reason: Reason
    channel: Channel | None = None
    value: object = None


#: A DTMF feature: runs in the bridge's task with the bridge's sound still up; None goes on, anything else ends
#: the bridge with Reason.FEATURE and that value.
Hook = Callable[["Bridge", "Channel"], Awaitable[object]]


@dataclass(slots=True)
class BridgeOptions:
    """What the one who bridges wants.

    hooks: per channel, digits (`*`, `#1`, ...) -> feature.  While digits typed by that channel are a beginning of
    a feature they are kept back; after the channel's own time (digit_timeouts, s; else digit_timeout), or when they
    can't become one, they are passed on.
    limit: seconds; ticks: (seconds, what to call) pairs, called when the bridge has stood that long.
    """

    hooks: Mapping[Channel, Mapping[str, Hook]] = field(default_factory=dict)
    digit_timeout: float = 1.0
    digit_timeouts: Mapping[Channel, float] = field(default_factory=dict)
    limit: float | None = None
    ticks: tuple[tuple[float, Callable[[Bridge], object]], ...] = ()


#: how many talk, guests aside
_PAIR = 2
#: how long a digit is played that was kept back, or that came as an end alone, ms
KEPT_DIGIT_MS = 100

#: events handled without looking at the clock or at interrupts
_BURST = 32

#: what a far end may say in a bridge that is not for the other one
_OWN = frozenset(
    {
        Control.ANSWER,
        Control.HANGUP,
        Control.RING,
        Control.OFFHOOK,
        Control.TAKEOFFHOOK,
        Control.OPTION,
        # follows each ANSWER; whoever answers the other side says it there
        Control.STOP_SOUNDS,
    }
)


class Bridge:
    """Two channels that hear each other, and guests who join them; it is `channel.bridge` of each meanwhile."""

    def __init__(self, task: Channel, channels: tuple[Channel, ...], options: BridgeOptions) -> None:
        self.id = str(uuid.uuid4())
        self.channels = channels
        self.options = options
        self.switch = task.switch
        self.since = self.switch.clock.seconds()
        self._task = task
        self._typed: dict[Channel, str] = {}
        self._deadlines: dict[Channel, float] = {}
        self._down: dict[Channel, str] = {}
        self._ticks = sorted(options.ticks, key=lambda tick: tick[0])
        self._result: BridgeResult | None = None
        #: its task waits for a signal
        self._idle = False
        self._talking = False
        self._adopted: set[Channel] = set()
        #: who runs an application for a feature, and for whom it is held meanwhile
        self._lent: dict[Channel, object] = {}
        #: who put the other one on hold
        self._holding: set[Channel] = set()
        self.guests = Guests(self)

    def __repr__(self) -> str:
        return f"<Bridge {self.id} of {', '.join(channel.name for channel in self.channels)}>"

    def peer(self, channel: Channel) -> Channel:
        """The other one; of several the first."""
        one, two, *_ = self.channels
        return two if channel is one else one

    def peers(self, channel: Channel) -> tuple[Channel, ...]:
        """All others who live."""
        return tuple(other for other in self.channels if other is not channel and not other.dead)

    @property
    def task(self) -> Channel:
        """The channel on whose task it runs."""
        return self._task

    @property
    def plain(self) -> bool:
        """Nothing but talk of two: no features, no limit."""
        return not self.options.hooks and self.options.limit is None and not self._ticks and len(self.channels) == _PAIR

    # ---- building and undoing ----------------------------------------------------------------------------------

    def open(self) -> None:
        """Claim, join the sound, tell the bus."""
        for channel in self.channels:
            if channel is not self._task and channel not in self.guests:
                channel.claim(self)
            channel.bridge = self
        self._link()
        self.switch.bridges[self.id] = self
        self.connect()
        self.switch.bus.publish(Bridged(self.id, self.channels))

    def _link(self) -> None:
        """Who talks belongs together: all bear the linkedid of the oldest call."""
        linked = dict.fromkeys([channel.linkedid for channel in self.channels])
        if len(linked) > 1:
            oldest = min(linked, key=_age)
            for channel in self.channels:
                channel.linkedid = oldest
        # who has no account pays by what the other one was told; each knows whose account the other one has
        for channel in self.channels:
            channel.accountcode = channel.accountcode or self.peer(channel).peeraccount
        for channel in self.channels:
            channel.peeraccount = self.peer(channel).accountcode

    def close(self) -> None:
        """Undo it: the channels are free again, unless others claimed them."""
        self.disconnect()
        for channel in self.channels:
            self._let_go(channel)
        self._watch(None)
        self.switch.bridges.pop(self.id, None)
        for channel in self.channels:
            if channel.bridge is self:
                channel.bridge = None
            mine = channel.owner is self
            # who leaves a bridge without a cause leaves it normally
            channel.hangup_cause = channel.hangup_cause or int(Cause.NORMAL_CLEARING)
            channel.release(self)
            self.switch.bus.publish(Unbridged(self.id, channel))
            if mine and channel in self._adopted:
                channel.hangup()
        result = self._result
        self.guests.take_over(self._task, talk_on=result is None or result.reason is Reason.HANGUP)

    def rejoin(self, channels: tuple[Channel, ...]) -> None:
        """Others are in it from now on."""
        talking = self._talking
        self.disconnect()
        self.channels = channels
        self._link()
        if talking:
            self.connect()
        self._ring()

    def lose(self, channel: Channel) -> None:
        """One who left, or ended: while two others are here, of whom one runs this, they talk on."""
        rest = tuple(one for one in self.channels if one is not channel)
        if channel not in self.channels:
            return
        if channel is self._task or len(rest) < _PAIR:
            self._end(BridgeResult(Reason.HANGUP, channel))
            return
        self._let_go(channel)
        self.rejoin(rest)
        self.guests.forget(channel)

    def _let_go(self, channel: Channel) -> None:
        """Who leaves holds nobody any more."""
        if channel in self._holding:
            self._holding.discard(channel)
            for peer in self.peers(channel):
                peer.indicate(Control.UNHOLD)

    def replace(self, old: Channel, new: Channel, home: Bridge | None = None) -> None:
        """Let `new` take the place of `old`, which is released.

        Who made this bridge does not know `new`: when the bridge ends, it is hung up, unless it was claimed by another.
        home: the bridge in which `new` sits; the bus is told that the others come there, not that `new` leaves.
        """
        bus = self.switch.bus
        if home is not None:
            for channel in self.channels:
                bus.publish(Unbridged(self.id, channel))
            for channel in home.channels:
                if channel is not new:
                    bus.publish(Unbridged(home.id, channel))
            self._swap_ids(home)
        hooks = dict(self.options.hooks)
        if old in hooks:
            hooks[new] = hooks.pop(old)
        self.options = replace(self.options, hooks=hooks)
        talking = self._talking
        self.disconnect()
        self._let_go(old)
        if old.owner in (self, None):
            old.watch(None)
        self.channels = tuple(new if channel is old else channel for channel in self.channels)
        new.claim(self)
        self._adopted.add(new)
        new.bridge = self
        self._link()
        if old.bridge is self:
            old.bridge = None
        old.release(self)
        if talking:
            self.connect()
        if home is None:
            bus.publish(Unbridged(self.id, old))
        bus.publish(Bridged(self.id, self.channels))
        self._ring()

    def _swap_ids(self, other: Bridge) -> None:
        self.id, other.id = other.id, self.id
        self.switch.bridges |= {self.id: self, other.id: other}

    def give_up_id(self) -> str:
        """Its identity, for the bridge that comes after it; what happens to this one from here on concerns nobody."""
        identity, self.id = self.id, str(uuid.uuid4())
        if self.switch.bridges.pop(identity, None) is self:
            self.switch.bridges[self.id] = self
        return identity

    def forget_hooks(self, channel: Channel) -> None:
        """This channel has no features."""
        hooks = {one: table for one, table in self.options.hooks.items() if one is not channel}
        self.options = replace(self.options, hooks=hooks)

    def lend(self, channel: Channel, borrower: object | None) -> None:
        """The channel may be claimed by `borrower` without leaving the bridge; None: it is back."""
        if borrower is None:
            self._lent.pop(channel, None)
            if channel is not self._task and not channel.dead and channel.owner is None:
                channel.claim(self)
        else:
            self._lent[channel] = borrower

    def connect(self) -> None:
        """They hear each other (again)."""
        if not self._talking:
            self._talking = True
            for one, two in combinations(self.channels, 2):
                self.switch.graph.join(one, two)

    def disconnect(self) -> None:
        """They don't hear each other for now (a feature that talks to one of them)."""
        if self._talking:
            self._talking = False
            for one, two in combinations(self.channels, 2):
                self.switch.graph.part(one, two)

    def left(self, channel: Channel, to: object) -> None:
        """A channel was taken away (see `channel.Owner`)."""
        if channel in self.channels and self._lent.get(channel) is not to:
            self._end(BridgeResult(Reason.TAKEN, channel))

    def _end(self, result: BridgeResult) -> None:
        if self._result is None:
            self._result = result
        self._ring()

    def _ring(self) -> None:
        if self._idle:
            self._task.ring()

    def _watch(self, reader: Callable[[], None] | None) -> None:
        for channel in self.channels:
            if channel.owner in (self, None) or channel is self._task or channel in self.guests:
                channel.watch(reader)

    # ---- its life --------------------------------------------------------------------------------------------

    async def run(self) -> BridgeResult:
        """Carry signals until something ends it."""
        while True:
            await self._drain()
            self._tick()
            if self._result is not None:
                return self._result
            if any(channel.has_events for channel in self.channels):
                continue
            self._idle = True
            self._watch(self._task.ring)
            try:
                await self._task.pause(self._patience())
            finally:
                self._idle = False
                self._watch(None)

    async def _drain(self) -> None:
        for _ in range(_BURST):
            busy = False
            for channel in self.channels:
                if self._result is not None:
                    return
                # a feature may have put another one in its place
                event = channel.poll() if channel in self.channels else None
                if event is not None:
                    busy = True
                    await self._handle(channel, event)
                elif channel.dead and channel in self.channels:
                    self.lose(channel)
            if not busy:
                return

    def _patience(self) -> float | None:
        """Seconds until the clock has something to say."""
        now = self.switch.clock.seconds()
        due = list(self._deadlines.values())
        if self.options.limit is not None:
            due.append(self.since + self.options.limit)
        if self._ticks:
            due.append(self.since + self._ticks[0][0])
        return max(0.0, min(due) - now) if due else None

    def _tick(self) -> None:
        now = self.switch.clock.seconds()
        for channel, deadline in list(self._deadlines.items()):
            if deadline <= now:
                self._pass_typed(channel)
        while self._ticks and self.since + self._ticks[0][0] <= now:
            self._ticks.pop(0)[1](self)
        if self.options.limit is not None and self.since + self.options.limit <= now:
            self._end(BridgeResult(Reason.LIMIT))

    # ---- signals -----------------------------------------------------------------------------------------------

    async def _handle(self, channel: Channel, event: ChannelEvent) -> None:
        peer = self.peer(channel)
        match event:
            case Ended():
                self.lose(channel)
            case DigitBegin(digit):
                self._digit_begin(channel, digit)
            case DigitEnd(digit, milliseconds):
                await self._digit_end(channel, digit, milliseconds)
            case TransferRequest(exten, context):
                where = context or channel.context or self._task.context
                self.switch.bus.publish(BlindTransferred(self.id, channel, peer, where, exten))
                self._end(BridgeResult(Reason.TRANSFER, channel, event))
            case Indication(control, data):
                if control is Control.CONNECTED_LINE:
                    for other in self.peers(channel):
                        other.connected.identify(channel.caller)
                if control not in _OWN:
                    if control in (Control.HOLD, Control.UNHOLD):
                        (self._holding.add if control is Control.HOLD else self._holding.discard)(channel)
                    for other in self.peers(channel):
                        other.indicate(control, data)
            case Text(text):
                for line in self._lines(channel):
                    line.send_text(text)
            case Opaque(frame_type, subclass, data):
                for line in self._lines(channel):
                    line.send_opaque(frame_type, subclass, data)

    def _lines(self, channel: Channel) -> list[Leg]:
        """How the others are told what this one sends."""
        return [line for other in self.peers(channel) if (line := other.line) is not None]

    def _digit_begin(self, channel: Channel, digit: str) -> None:
        if self._may_become(channel, self._typed.get(channel, "") + digit):
            return
        self._pass_typed(channel)
        if self._may_become(channel, digit):
            return
        for line in self._lines(channel):
            line.digit_begin(digit)
            self._down[channel] = digit

    async def _digit_end(self, channel: Channel, digit: str, milliseconds: int) -> None:
        if self._down.get(channel) == digit:
            del self._down[channel]
            for line in self._lines(channel):
                line.digit_end(digit, milliseconds)
            return
        hooks = self.options.hooks.get(channel, {})
        typed = self._typed.get(channel, "") + digit
        if not self._may_become(channel, typed):
            if typed != digit:
                self._pass_typed(channel)
                await self._digit_end(channel, digit, milliseconds)
            else:
                self._play(channel, digit, milliseconds)
            return
        longer = any(code.startswith(typed) and code != typed for code in hooks)
        if typed in hooks and not longer:
            self._forget_typed(channel)
            value = await hooks[typed](self, channel)
            if value is not None:
                self._end(BridgeResult(Reason.FEATURE, channel, value))
            return
        self._typed[channel] = typed
        wait = self.options.digit_timeouts.get(channel, self.options.digit_timeout)
        self._deadlines[channel] = self.switch.clock.seconds() + wait

    def _may_become(self, channel: Channel, typed: str) -> bool:
        return any(code.startswith(typed) for code in self.options.hooks.get(channel, ()))

    def _forget_typed(self, channel: Channel) -> str:
        self._deadlines.pop(channel, None)
        return self._typed.pop(channel, "")

    def _pass_typed(self, channel: Channel) -> None:
        """What was kept back became no feature: the other side gets the digits after all."""
        for digit in self._forget_typed(channel):
            self._play(channel, digit, KEPT_DIGIT_MS)

    def _play(self, channel: Channel, digit: str, milliseconds: int) -> None:
        for line in self._lines(channel):
            line.digit_begin(digit)
            line.digit_end(digit, milliseconds or KEPT_DIGIT_MS)


def _age(uniqueid: str) -> tuple[float, int]:
    """Sorts uniqueids (`[systemname-]epoch.serial`) by age; strange ones last."""
    epoch, _, serial = uniqueid.rpartition("-")[2].partition(".")
    return (float(epoch), int(serial)) if epoch.isdecimal() and serial.isdecimal() else (float("inf"), 0)


async def bridge_channels(
    task: Channel, a: Channel, b: Channel, options: BridgeOptions | None = None, identity: str = ""
) -> BridgeResult:
    """Bridge `a` and `b` on `task`'s task until one ends; Interrupts of `task` break through, bridge undone.

    A channel that is not `task` is claimed by the bridge (its owner sees `left` to a Bridge: release it first), and
    released, not hung up, at the end, unless another owner claimed it.  Publishes Bridged and Unbridged.
    identity: of the bridge that this one continues.
    """
    for channel in (a, b):
        if channel.dead:
            return BridgeResult(Reason.HANGUP, channel)
    bridge = Bridge(task, (a, b), options or BridgeOptions())
    bridge.id = identity or bridge.id
    bridge.open()
    try:
        return await bridge.run()
    finally:
        bridge.close()


def hangup_cause(result: BridgeResult) -> int:
    """The Q.850 cause with which to end the others after this result."""
    if result.reason is Reason.HANGUP and result.channel is not None:
        return result.channel.hangup_cause or int(Cause.NORMAL_CLEARING)
    return int(Cause.NORMAL_CLEARING)
