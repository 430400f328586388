"""Calls as channels: what happens to a call is told to its channel here, and bridges are told to the core."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pbx.channels.causes import Cause
from pbx.channels.channel import Channel, State
from pbx.channels.events import (
    Bridged,
    Control,
    DigitBegin,
    DigitEnd,
    Indication,
    Opaque,
    Text,
    TransferRequest,
    Unbridged,
)
from pbx.channels.iax2 import events
from pbx.channels.iax2.address import text as address_text
from pbx.channels.iax2.leg import Iax2Leg
from pbx.channels.iax2.settings_common import AMA_NUMBERS
from pbx.channels.iax2.technology import IAXVARS, PARKINGLOT
from pbx.channels.iax2.values import ConnectedLine
from pbx.channels.log import Log
from pbx.channels.voice.port import Direction
from pbx.codecs.formats import BY_BIT

if TYPE_CHECKING:
    from collections.abc import Callable

    from pbx.channels.iax2.call import Call
    from pbx.channels.iax2.driver import Driver

log = Log("chan_iax2")

#: what goes over a link only where connectedline says so
PARTY_UPDATES = frozenset({Control.CONNECTED_LINE, Control.REDIRECTING})


class CallChannels:
    """The channels of the driver's calls."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._switch = driver.switch
        self._channels: dict[Call, Channel] = {}
        #: living channels by the peers and users they are of (device states)
        self._of: dict[str, set[Channel]] = {}
        self.handlers: dict[type[events.Event], Callable[[Any], None]] = {
            events.IncomingCall: self._incoming,
            events.CallAccepted: self._accepted,
            events.CallControl: self._in_place(self._control),
            events.CallDigit: self._in_place(self._digit),
            events.CallText: self._in_place(self._text),
            events.CallOpaque: self._in_place(self._opaque),
            events.CallTransfer: self._transfer,
            events.CallQuelch: self._quelch,
            events.CallEnded: self._ended,
            events.CallGone: self._gone,
        }

    def subscribe(self) -> list[Callable[[], None]]:
        """Hear of bridges; returns what ends it."""
        bus = self._switch.bus
        return [bus.subscribe(Bridged, self._bridged), bus.subscribe(Unbridged, self._unbridged)]

    def channel(self, call: Call) -> Channel | None:
        """The call's channel, None before and after it has one."""
        return self._channels.get(call)

    def all(self) -> list[Channel]:
        """The channels of all calls."""
        return list(self._channels.values())

    def some_in(self, name: str, *states: State) -> bool:
        """True when a channel of this peer or user is in one of these states; it looks no further than the first."""
        return any(channel.state in states for channel in self._of.get(name, ()))

    def own(self, call: Call, channel: Channel) -> None:
        """This channel is that call's."""
        self._channels[call] = channel
        for name in {call.peer_name, call.user_name} - {""}:
            self._of.setdefault(name, set()).add(channel)

    def _disown(self, call: Call) -> Channel | None:
        """The call has ended for its channel."""
        channel = self._channels.pop(call, None)
        for name in (call.peer_name, call.user_name):
            those = self._of.get(name)
            if those is not None and channel is not None:
                those.discard(channel)
                if not those:
                    del self._of[name]
        return channel

    def _incoming(self, event: events.IncomingCall) -> None:
        call = event.call
        request = call.request
        switch, legs = self._switch, self._driver.legs
        if request is None:
            return
        if call.row in legs:
            # nobody knew whose it is when it was made
            legs.flags_changed(call)
        elif not legs.add(call):
            return
        channel = switch.create(call.channel_name, state=State.RING)
        channel.call_id = switch.next_call_id()
        channel.caller = request.caller
        channel.language = request.language or channel.language
        channel.attached[IAXVARS] = dict(request.variables)
        channel.context, channel.exten, channel.priority = request.context, request.exten, 1
        user = self._driver.settings.find_user(call.user_name)
        if user is not None:
            channel.accountcode = user.accountcode
            channel.variables.update(user.variables)
            channel.amaflags = AMA_NUMBERS[user.amaflags]
            if user.parkinglot:
                channel.attached[PARKINGLOT] = user.parkinglot
        channel.leg = Iax2Leg(self._driver, call, channel)
        self.own(call, channel)
        self._tell_formats(call, channel)
        switch.graph.attach(channel)
        switch.extensions.run(channel)

    def _accepted(self, event: events.CallAccepted) -> None:
        channel = self._channels.get(event.call)
        if channel is None:
            return
        name = BY_BIT[event.format].name if event.format in BY_BIT else str(event.format)
        log.verbose(3, f"Call accepted by {address_text(event.call.address)} (format {name})", call=channel.call_id)
        self._tell_formats(event.call, channel)

    def _tell_formats(self, call: Call, channel: Channel) -> None:
        agreed = BY_BIT.get(call.format)
        if agreed is not None:
            channel.format = agreed
            channel.formats = (agreed,)

    def _in_place(self, act: Callable[[Any], None]) -> Callable[[Any], None]:
        """Signals keep their place in the voice of a buffered leg."""
        return lambda event: self._driver.legs.in_place(event.call, event.ts64, lambda: act(event))

    def _control(self, event: events.CallControl) -> None:
        channel = self._channels.get(event.call)
        if channel is None:
            return
        try:
            control = Control(event.control)
        except ValueError:
            log.debug(1, f"Control {event.control} of {channel.name} is not known here")
            return
        if control in PARTY_UPDATES and not self.passes_updates(event.call, ConnectedLine.RECEIVE):
            return
        if control is Control.HANGUP:
            channel.end(Cause.NORMAL_CLEARING)
            return
        if control is Control.ANSWER:
            channel.set_state(State.UP)
        elif control is Control.RINGING and channel.state is not State.UP:
            channel.set_state(State.RINGING)
        elif control is Control.BUSY:
            channel.hangup_cause = int(Cause.USER_BUSY)
        elif control is Control.CONGESTION:
            channel.hangup_cause = int(Cause.NORMAL_CIRCUIT_CONGESTION)
        channel.deliver(Indication(control, event.data))

    def _digit(self, event: events.CallDigit) -> None:
        channel = self._channels.get(event.call)
        if channel is not None:
            digit = event.digit
            log.dtmf(f"DTMF {'begin' if event.begin else 'end'} '{digit}' received on {channel.name}")
            channel.deliver(DigitBegin(digit) if event.begin else DigitEnd(digit, event.milliseconds))

    def _text(self, event: events.CallText) -> None:
        channel = self._channels.get(event.call)
        if channel is not None:
            channel.deliver(Text(event.text))

    def _opaque(self, event: events.CallOpaque) -> None:
        channel = self._channels.get(event.call)
        if channel is not None:
            channel.deliver(Opaque(event.frame_type, event.subclass, event.data))

    def _transfer(self, event: events.CallTransfer) -> None:
        """The far end names the extension; in which context is ours to say, as Asterisk does it."""
        channel = self._channels.get(event.call)
        if channel is not None:
            channel.deliver(TransferRequest(event.exten))

    def _quelch(self, event: events.CallQuelch) -> None:
        channel = self._channels.get(event.call)
        if channel is not None:
            self._switch.graph.mute(channel, Direction.OUT if event.on else Direction(0))
            if event.music:
                # who talks to it is put on hold
                suggested = self.music_option(event.call, "mohsuggest").encode("utf-8", "surrogateescape")
                channel.deliver(Indication(Control.HOLD, suggested) if event.on else Indication(Control.UNHOLD))

    def _ended(self, event: events.CallEnded) -> None:
        call = event.call
        self._driver.legs.drop(call.row)
        channel = self._disown(call)
        if channel is None:
            return
        leg = channel.leg
        if isinstance(leg, Iax2Leg):
            leg.channel = None
        log.verbose(3, f"Hungup '{channel.name}'", call=channel.call_id)
        channel.end(event.cause)

    def _gone(self, event: events.CallGone) -> None:
        self._driver.legs.drop(event.call.row)
        self._disown(event.call)

    def _bridged(self, event: Bridged) -> None:
        """Two of our calls were joined: a native transfer, where nothing here has to hear them."""
        graph, bridge = self._switch.graph, self._switch.bridges.get(event.bridge)
        legs = [c.leg for c in event.channels if isinstance(c.leg, Iax2Leg) and c.state is State.UP]
        plain = bridge is not None and bridge.plain and all(graph.only_talk(channel) for channel in event.channels)
        if plain and len(legs) == len(event.channels) == 2:
            self._driver.endpoint.bridged(legs[0].call, legs[1].call, self._driver.now())
            self._driver.pump()

    def _unbridged(self, event: Unbridged) -> None:
        leg = event.channel.leg
        if isinstance(leg, Iax2Leg):
            self._driver.endpoint.unbridged(leg.call, self._driver.now())
            self._driver.pump()

    def music_option(self, call: Call, name: str) -> str:
        """mohinterpret: the class that the call's far end hears when it is held (`passthrough`: HOLD goes over the
        link instead); mohsuggest: the class that its partner is to hear when it holds."""
        section = self._driver.settings.find_peer(call.peer_name) or self._driver.settings.find_user(call.user_name)
        return str(getattr(section if section is not None else self._driver.settings.general, name))

    def passes_updates(self, call: Call, way: ConnectedLine) -> bool:
        """connectedline: may news of who is connected go that way?"""
        section = call.peer or call.user or self._driver.settings.general
        return bool(section.connectedline & way)
