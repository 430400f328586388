"""Local channels: `Local/exten@context[/options]`, a way to call into the dialplan.

A pair of channels, `Local/x@ctx-00000000;1` and `;2`.  Who dials holds `;1`; `;2` runs the dialplan.  What is said
to the far end of one half comes in from the far end of the other; sound takes the same way in the graph, which
leads it straight from leg to leg, so that a pair costs voice nothing.

A pair between two bridges leaves when sound comes through it (so does Asterisk's: a silent call keeps it).
Options: `n` (the pair stays when both halves are bridged), `j` and `m` are taken and change nothing here.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pbx.channels.bridge import Bridge
from pbx.channels.causes import Cause
from pbx.channels.channel import Channel, State
from pbx.channels.events import (
    Bridged,
    ChannelEvent,
    Control,
    DigitBegin,
    DigitEnd,
    Indication,
    LocalOptimized,
    Opaque,
    Text,
    TransferRequest,
)
from pbx.channels.interrupts import Hangup
from pbx.channels.log import Log
from pbx.channels.switch import Switch, Unavailable

if TYPE_CHECKING:
    from pbx.channels.voice.port import Buffering
    from pbx.codecs.formats import Format

log = Log("chan_local")

#: seconds between two looks whether there is something to hear
SLOWEST = 1.0

#: what an indication of one half makes of the state of the other, while that is not up
_STATES = {Control.RINGING: State.RINGING, Control.ANSWER: State.UP}


class LocalLeg:
    """The end of one half: whatever it is told arrives at the other half."""

    technology = "Local"
    row: int | None = None

    def __init__(self, channel: Channel, options: frozenset[str]) -> None:
        #: the other half; None once this one or that one is gone
        self.other: Channel | None = None
        self.options = options
        self.half = channel.name[-1]

    def _deliver(self, event: ChannelEvent) -> None:
        if self.other is not None:
            self.other.deliver(event)

    def answer(self) -> None:
        """Whoever holds the other half hears ANSWER."""
        self.indicate(Control.ANSWER)

    def indicate(self, control: Control, data: bytes = b"") -> None:
        """The other half hears it from its far end."""
        other = self.other
        if other is None:
            return
        if control in (Control.HOLD, Control.UNHOLD) and "m" not in self.options:
            # option m lets it pass; else whoever hears this half hears music
            mine = other.leg.other if isinstance(other.leg, LocalLeg) else None
            if mine is not None:
                mine.music(control is Control.HOLD, data)
            return
        if control is Control.CONNECTED_LINE and isinstance(other.leg, LocalLeg) and other.leg.other is not None:
            # who is connected here is who calls there
            other.caller.identify(other.leg.other.connected)
        state = _STATES.get(control)
        if state is not None and other.state is not State.UP and self.half == "2":
            other.set_state(state)
        other.deliver(Indication(control, data))

    def digit_begin(self, digit: str) -> None:
        self._deliver(DigitBegin(digit))

    def digit_end(self, digit: str, milliseconds: int) -> None:
        self._deliver(DigitEnd(digit, milliseconds))

    def send_text(self, text: str) -> None:
        self._deliver(Text(text))

    def send_opaque(self, frame_type: int, subclass: int, data: bytes) -> None:
        self._deliver(Opaque(frame_type, subclass, data))

    def transfer(self, exten: str, context: str | None = None) -> bool:
        """The other half's owner is asked to send it on."""
        if self.other is None:
            return False
        self._deliver(TransferRequest(exten, context))
        return True

    def hangup(self, cause: int) -> None:
        """The other half ends with the same cause."""
        other, self.other = self.other, None
        if other is not None:
            if isinstance(other.leg, LocalLeg):
                other.leg.other = None
            other.end(cause)

    def buffer(self, wish: Buffering | None) -> bool:
        """No packets come here."""
        return False

    def detail(self, item: str) -> str | None:
        """No items of its own."""
        return None


class LocalTechnology:
    """Makes pairs.  See `switch.Technology`."""

    name = "Local"

    def __init__(self, switch: Switch) -> None:
        self._switch = switch
        self._serial = 0
        switch.bus.subscribe(Bridged, self._bridged)

    def request(self, destination: str, formats: tuple[Format, ...], caller: Channel | None) -> Channel:
        """The ;1 half of a new pair.  Raises Unavailable (cause 0, as Asterisk leaves it) for no such extension."""
        exten, _, context = destination.partition("/")[0].partition("@")
        context = context or "default"
        number = caller.caller.number if caller is not None else None
        if not self._switch.extensions.exists(context, exten, 1, number or ""):
            log.notice(f"No such extension/context {exten}@{context} while calling Local channel")
            raise Unavailable(0, f"no such extension/context {exten}@{context}")
        return self.make(destination, formats, caller)

    def make(self, destination: str, formats: tuple[Format, ...], caller: Channel | None) -> Channel:
        """As `request`, though there need not be such an extension."""
        place, _, options = destination.partition("/")
        exten, _, context = place.partition("@")
        context = context or "default"
        base = f"Local/{exten}@{context}-{self._serial:08x}"
        self._serial = (self._serial + 1) & 0xFFFFFFFF
        linked = caller.linkedid if caller is not None else None
        one = self._switch.create(f"{base};1", linkedid=linked)
        two = self._switch.create(f"{base};2", linkedid=one.linkedid, state=State.RING)
        legs = []
        for half in (one, two):
            half.formats = formats
            half.format = formats[0] if formats else None
            half.leg = leg = LocalLeg(half, frozenset(options))
            legs.append(leg)
        legs[0].other, legs[1].other = two, one
        one.outgoing = True
        one.context, one.exten = context, exten
        two.exten, two.context, two.priority = exten, context, 1
        self._switch.graph.pair(one, two)
        return one

    def call(self, channel: Channel, timeout: float | None) -> None:
        """Let the ;2 half run the dialplan, from the next turn of the loop on."""
        leg = channel.leg
        if not isinstance(leg, LocalLeg) or leg.other is None:
            return
        two = leg.other
        _copy(channel, two)
        if channel.hangup_cause == Cause.ANSWERED_ELSEWHERE:
            two.hangup_cause = channel.hangup_cause
        for copier in self._switch.copiers:
            copier(channel, two)
        # not at once: a dialplan that calls itself through Local must not nest on the stack
        self._switch.clock.callLater(0, self._run, two)

    def _run(self, two: Channel) -> None:
        if not two.dead:
            self._switch.extensions.run(two)

    # ---- optimisation ------------------------------------------------------------------------------------------

    def _bridged(self, event: Bridged) -> None:
        """When both halves of a pair without `n` are bridged, they can go and leave their far ends to each other."""
        for channel in event.channels:
            leg = channel.leg
            if isinstance(leg, LocalLeg) and "n" not in leg.options and leg.other is not None:
                # in the next turn, when the tasks of both bridges are at rest
                self._switch.clock.callLater(0, self._optimise, channel, leg.other, channel.bridge, leg.other.bridge)

    def _optimise(self, half: Channel, other: Channel, here: object, there: object, pause: float = 0.05) -> None:
        """The bridge whose task is neither half stays, and gets who is beyond the pair in place of its half.

        here, there: the bridges that the halves were in when it was first looked at; pause: seconds until the next
        look while nothing is heard.
        """
        if half.bridge is not here or other.bridge is not there or not (here and there):
            return
        if not any(_sounding(one) for one in _beyond(half) + _beyond(other)):
            again = min(2 * pause, SLOWEST)
            self._switch.clock.callLater(pause, self._optimise, half, other, here, there, again)
            return
        for stays, goes in ((half, other), (other, half)):
            bridge, beyond = stays.bridge, goes.bridge
            if (
                isinstance(bridge, Bridge)
                and isinstance(beyond, Bridge)
                and bridge is not beyond
                and bridge.task is not stays
                and beyond.task is goes
                and beyond.plain
                and not (stays.dead or goes.dead or stays.has_events or goes.has_events)
            ):
                far = beyond.peer(goes)
                halves = (half, other) if half.name.endswith("1") else (other, half)
                self._switch.bus.publish(LocalOptimized(*halves, begins=True))
                # its dialplan ends here; told first, so that it does not go on when `far` is taken from it
                goes.interrupt(Hangup(Cause.NORMAL_CLEARING), wake=False)
                bridge.replace(stays, far, beyond)
                self._switch.bus.publish(LocalOptimized(*halves, begins=False))
                stays.hangup(Cause.NORMAL_CLEARING)
                goes.wake()
                return

    def device_state(self, destination: str) -> str:
        """INVALID for no such extension, INUSE while a pair of that name stands, else NOT_INUSE."""
        place = destination.partition("/")[0]
        exten, _, context = place.partition("@")
        context = context or "default"
        if not self._switch.extensions.exists(context, exten):
            return "INVALID"
        prefix = f"Local/{exten}@{context}-"
        used = any(channel.name.startswith(prefix) for channel in self._switch.channels())
        return "INUSE" if used else "NOT_INUSE"


def _beyond(half: Channel) -> list[Channel]:
    """With whom a half is bridged."""
    return [one for one in getattr(half.bridge, "channels", ()) if one is not half]


def _sounding(channel: Channel, seen: frozenset[Channel] = frozenset()) -> bool:
    """Whether sound has come, or comes, from the far end of a channel; seen: those that were asked already."""
    leg = channel.leg
    if not isinstance(leg, LocalLeg):
        return bool(getattr(leg, "sounding", True))
    other = leg.other
    if other is None:
        return False
    if other.bridge is not None:
        seen |= {channel, other}
        return any(_sounding(one, seen) for one in _beyond(other) if one not in seen)
    # what is played to the one half is what comes out of the other
    return other.switch.graph.sounding(other)


def _copy(one: Channel, two: Channel) -> None:
    """What the dialplan of ;2 finds set: all that was set on ;1, the caller being who ;1 is connected with."""
    two.variables.update(one.variables)
    two.caller = replace(one.connected, dnid=one.caller.dnid)
    two.connected = replace(one.caller)
    two.language = one.language
    two.accountcode = one.accountcode or one.peeraccount
    two.peeraccount = one.accountcode
    two.musicclass = one.musicclass
    two.amaflags = one.amaflags
    two.call_id = one.call_id
