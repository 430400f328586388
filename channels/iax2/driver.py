"""The IAX2 driver: between sockets, protocol core, voice plane and channels.

The only file of this folder with the voice port in hand.  Datagrams come from
the plane (it reads the sockets), go into the core, and what the core answers is
done here: datagrams to the plane, legs to the plane, events to channels.
"""

from __future__ import annotations

import random as _random
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, succeed

from pbx.channels.causes import Cause
from pbx.channels.channel import Channel, State
from pbx.channels.events import (
    Bridged,
    ChannelEnded,
    ChannelStateChanged,
    Control,
    DeviceState,
    DigitBegin,
    DigitEnd,
    Indication,
    Opaque,
    PeerChanged,
    Text,
    TransferRequest,
    Unbridged,
)
from pbx.channels.iax2 import events, showing, sockets
from pbx.channels.iax2.address import Address
from pbx.channels.iax2.address import text as address_text
from pbx.channels.iax2.call import Call
from pbx.channels.iax2.call_lookup import Status
from pbx.channels.iax2.digits import SHORTEST_MS
from pbx.channels.iax2.endpoint import Endpoint
from pbx.channels.iax2.lasting import Registrations, Store
from pbx.channels.iax2.leg import Iax2Leg
from pbx.channels.iax2.resolver import Lookup, Resolver, system_lookup
from pbx.channels.iax2.settings_common import AMA_NUMBERS
from pbx.channels.iax2.srv import Query, by_name_servers, with_services
from pbx.channels.iax2.technology import IAXVARS, PARKINGLOT, Iax2Technology
from pbx.channels.iax2.values import ConnectedLine
from pbx.channels.log import Log
from pbx.channels.voice.port import Counters, Direction, LegCounters, LegFlags, VoicePort
from pbx.codecs.formats import BY_BIT

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from pbx.channels.iax2.lookups import CacheRow
    from pbx.channels.iax2.settings import Settings
    from pbx.channels.iax2.snapshots import ChannelRow, NumberPoolUse, PeerRow, RegistryRow, Stats, UserRow
    from pbx.channels.switch import Switch

log = Log("chan_iax2")

#: what goes over a link only where connectedline says so
PARTY_UPDATES = frozenset({Control.CONNECTED_LINE, Control.REDIRECTING})

#: seconds of full frames in one turn of the loop
BUDGET = 0.002
#: frames of no known leg that may wait for their turn; what comes beyond is dropped, and counted
OPENERS = 2048
#: seconds that hangups get for their ACKs at the end
FAREWELL = 1.0


@dataclass(frozen=True, slots=True)
class _Arrived:
    socket: int
    address: Address
    local: str
    row: int
    data: bytes


@dataclass(slots=True)
class _Leg:
    """A leg that the plane knows."""

    call: Call
    generation: int
    receive: int = 0
    send: int = 0


class Driver:
    """All of IAX2 in one daemon.  Implements `VoiceEvents`; what is about sounds it hands to the graph.

    reactor: clock and name resolver.  port: the voice plane, whose `events` this is.  lookup: names to addresses
    (the reactor's resolver).  services: SRV records (twisted.names).  mailbox: (old, new) messages of a mailbox for
    MWI.  store: the astdb, in which registrations outlive a restart.
    """

    def __init__(
        self,
        reactor: Any,
        switch: Switch,
        port: VoicePort,
        settings: Settings,
        *,
        random: _random.Random | None = None,
        lookup: Lookup | None = None,
        services: Query | None = None,
        mailbox: Callable[[str], tuple[int, int] | None] | None = None,
        store: Store | None = None,
        **more: Any,
    ) -> None:
        self.reactor = reactor
        self.switch = switch
        self.port = port
        self.settings = settings
        self._counters: Counters | None = getattr(port, "counters", None)
        self.endpoint = Endpoint(
            settings,
            switch.extensions,
            random=random or _random.SystemRandom(),
            wall=switch.wall,
            counters=self._counters,
            mailbox=mailbox,
            **more,
        )
        self._lasting = Registrations(store)
        self.endpoint.peers.stored = self._lasting.of
        if store is not None:
            self.endpoint.core.keys.stored = store.get
        self.technology = Iax2Technology(self)
        self.sockets: list[sockets.Bound] = []
        #: ms that a digit lasts at least (asterisk.conf mindtmfduration)
        self.shortest_digit = SHORTEST_MS
        #: frames dropped because too many openers waited
        self.dropped = 0
        names = lookup or system_lookup(reactor)
        served = with_services(names, services or by_name_servers(reactor), self.endpoint.core.ports, _random.Random())
        self._resolver = Resolver(
            lambda name: served(name) if self.settings.general.srvlookup else names(name), self._resolved
        )
        self._channels: dict[Call, Channel] = {}
        #: living channels by the peers and users they are of (device states)
        self._of: dict[str, set[Channel]] = {}
        self._legs: dict[int, _Leg] = {}
        self._known: deque[_Arrived] = deque()
        self._openers: deque[_Arrived] = deque()
        self._working: Any = None
        self._timer: Any = None
        self._pumping = False
        self._running = False
        self._unsubscribe: list[Callable[[], None]] = []

    def now(self) -> float:
        """Monotonic seconds."""
        return float(self.reactor.seconds())

    # ---- life ------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Bind, register the technology, begin registrations and qualification.  Raises sockets.CannotBind."""
        general = self.settings.general
        addresses = [(a.host or "0.0.0.0", a.port) for a in general.bindaddr] or [("0.0.0.0", general.bindport)]
        bound: list[sockets.Bound] = []
        try:
            for number, (host, port) in enumerate(dict.fromkeys(addresses), 1):
                checksums = not general.nochecksums
                bound.append(sockets.bind(number, host, port, tos=general.tos, cos=general.cos, checksums=checksums))
        except sockets.CannotBind:
            for one in bound:
                one.socket.close()
            raise
        sockets.enlarge(bound)
        self.sockets = bound
        self._running = True
        self._tell_media()
        for one in bound:
            self.port.add_socket(one.number, one.fd, one.family)
            log.verbose(2, f"Binding IAX2 to '{address_text((one.host, one.port))}'")
        self.switch.register(self.technology)
        bus = self.switch.bus
        self._unsubscribe = [
            bus.subscribe(ChannelStateChanged, lambda event: self._device_changed(event.channel)),
            bus.subscribe(Bridged, self._bridged),
            bus.subscribe(Unbridged, self._unbridged),
            bus.subscribe(ChannelEnded, lambda event: self._device_changed(event.channel)),
        ]
        self.endpoint.start(self.now(), [(one.number, "" if one.host == "0.0.0.0" else one.host) for one in bound])
        self.pump()

    def _tell_media(self) -> None:
        """What iax.conf says about trunks and the jitter buffer."""
        g, port = self.settings.general, self.port
        port.set_trunk(g.trunkfreq, g.trunkmtu, g.trunktimestamps, g.trunkmaxsize)
        port.set_jitter(g.maxjitterbuffer, g.resyncthreshold, g.maxjitterinterps, g.jittertargetextra)

    def reload(self, settings: Settings) -> None:
        """Other settings from now on; calls in progress don't notice.  Where we listen changes at the next start."""
        for _ in self.reload_steps(settings):
            pass

    def reload_steps(self, settings: Settings) -> Generator[None, None, None]:
        """As `reload`, in steps of about a millisecond, so that calls go on meanwhile."""
        old, new = self.settings.general, settings.general
        if (old.bindaddr, old.bindport) != (new.bindaddr, new.bindport):
            log.notice("bindaddr and bindport count from the next start on (module unload and load of chan_iax2)")
        self.settings = settings
        if not self._running:
            return
        self.port.set_trunk(new.trunkfreq, new.trunkmtu, new.trunktimestamps, new.trunkmaxsize)
        yield from self.endpoint.reload_steps(settings, self.now())
        if self._running:
            self.pump()

    def stop(self) -> Deferred[None]:
        """Hang up all calls, give their frames a moment, close the sockets.  Fires when nothing is left."""
        if not self._running:
            return succeed(None)
        self.switch.technologies.pop(self.technology.name.upper(), None)
        for unsubscribe in self._unsubscribe:
            unsubscribe()
        self._resolver.stop()
        for channel in list(self._channels.values()):
            channel.softhangup(Cause.NORMAL_CLEARING)
        self.endpoint.stop(self.now())
        self.pump()
        done: Deferred[None] = Deferred()
        self._farewell(self.now() + FAREWELL, done)
        return done

    def _farewell(self, until: float, done: Deferred[None]) -> None:
        if self.endpoint.next_timeout() is not None and self.now() < until:
            self.reactor.callLater(0.02, self._farewell, until, done)
            return
        self._running = False
        for timer in (self._timer, self._working):
            if timer is not None and timer.active():
                timer.cancel()
        self._timer = self._working = None
        for row in list(self._legs):
            self._drop_leg(row)
        for one in self.sockets:
            self.port.remove_socket(one.number)
        self.port.flush()
        # the plane leaves the descriptors alone once it has read the flush
        self.reactor.callLater(0, self._close, done)

    def _close(self, done: Deferred[None]) -> None:
        for one in self.sockets:
            one.socket.close()
        self.sockets = []
        done.callback(None)

    # ---- from the plane (VoiceEvents) --------------------------------------------------------------------------

    def datagram(
        self, socket: int, address: tuple[str, int], local: str, row: int, generation: int, stamp: int, data: bytes
    ) -> None:
        """A full frame, or a frame of no known leg: dealt with in the next turn, frames of known calls first."""
        leg = self._legs.get(row)
        if leg is None or leg.generation != generation:
            row = 0
        arrived = _Arrived(socket, address, local, row, data)
        if row:
            self._known.append(arrived)
        elif len(self._openers) < OPENERS:
            self._openers.append(arrived)
        else:
            self.dropped += 1
            return
        if self._working is None and self._running:
            self._working = self.reactor.callLater(0, self._work)

    def _work(self) -> None:
        """Full frames for at most BUDGET seconds, then the loop turns."""
        self._working = None
        until = self.now() + BUDGET
        while self._known or self._openers:
            arrived = self._known.popleft() if self._known else self._openers.popleft()
            now = self.now()
            self.endpoint.receive(arrived.socket, arrived.address, arrived.local, arrived.data, now, arrived.row)
            self.pump()
            if self.now() >= until:
                break
        if (self._known or self._openers) and self._working is None and self._running:
            self._working = self.reactor.callLater(0, self._work)

    def voice_due(self, row: int, generation: int, ts64: int, format_bit: int, payload: bytes) -> None:
        """This voice has to leave as a full VOICE frame."""
        leg = self._legs.get(row)
        if leg is not None and leg.generation == generation:
            leg.call.voice_full(ts64, format_bit, payload, self.now())
            self.pump()

    def voice_unknown(self, row: int, generation: int) -> None:
        """Minis came before any full VOICE frame."""
        leg = self._legs.get(row)
        if leg is not None and leg.generation == generation:
            leg.call.voice_unknown(self.now())
            self.pump()

    def finished(self, source: int, reason: str) -> None:
        """A source or sink ended (the graph knows which)."""
        self.switch.graph.finished(source, reason)

    def detected(self, row: int, what: str) -> None:
        """A detector found something."""
        self.switch.graph.detected(row, what)

    # ---- the core's output ------------------------------------------------------------------------------------

    def pump(self) -> None:
        """Do all that the core wants done, until it wants nothing; called after every call into it."""
        if self._pumping:
            return  # an event handler called into the core: the loop below goes on
        self._pumping = True
        endpoint, port = self.endpoint, self.port
        try:
            while True:
                datagrams, happened = endpoint.take_datagrams(), endpoint.take_events()
                if not datagrams and not happened:
                    break
                for d in datagrams:
                    port.send(d.socket, d.address, d.data, local=d.local, row=d.row, barrier=d.barrier, clear=d.clear)
                    if d.rekeys and d.row in self._legs:
                        # voice behind RTKEY goes under the new key, and none before it
                        port.set_keys(d.row, *self._legs[d.row].call.voice_keys)
                for event in happened:
                    _HANDLERS[type(event)](self, event)
        finally:
            self._pumping = False
        port.flush()
        self._set_timer()

    def _set_timer(self) -> None:
        due = self.endpoint.next_timeout() if self._running else None
        timer = self._timer
        if timer is not None and not timer.active():
            timer = None
        if due is None:
            if timer is not None:
                timer.cancel()
            self._timer = None
        elif timer is None:
            self._timer = self.reactor.callLater(max(0.0, due - self.now()), self._expire)
        elif abs(timer.getTime() - due) > 0.0005:
            timer.reset(max(0.0, due - self.now()))

    def _expire(self) -> None:
        self._timer = None
        self.endpoint.expire(self.now())
        self.pump()
        self._set_timer()

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

    # ---- events: calls ----------------------------------------------------------------------------------------

    def _incoming(self, event: events.IncomingCall) -> None:
        call = event.call
        request = call.request
        switch = self.switch
        if request is None:
            return
        if call.row not in self._legs and not self._add_leg(call):
            return
        channel = switch.create(call.channel_name, state=State.RING)
        channel.call_id = switch.next_call_id()
        channel.caller = request.caller
        channel.language = request.language or channel.language
        channel.attached[IAXVARS] = dict(request.variables)
        channel.context, channel.exten, channel.priority = request.context, request.exten, 1
        user = self.settings.find_user(call.user_name)
        if user is not None:
            channel.accountcode = user.accountcode
            channel.musicclass = user.mohsuggest
            channel.variables.update(user.variables)
            channel.amaflags = AMA_NUMBERS[user.amaflags]
            if user.parkinglot:
                channel.attached[PARKINGLOT] = user.parkinglot
        channel.leg = Iax2Leg(self, call, channel)
        self.own(call, channel)
        if (call.peer or call.user) is not None:
            # the leg may have been there before anybody knew whose it is
            self.port.set_flags(call.row, self._flags(call))
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
        channel = self._channels.get(event.call)
        if channel is not None:
            channel.deliver(TransferRequest(event.exten, event.context or None))

    def _quelch(self, event: events.CallQuelch) -> None:
        channel = self._channels.get(event.call)
        if channel is not None:
            self.switch.graph.mute(channel, Direction.OUT if event.on else Direction(0))
            if event.music:
                # who talks to it is put on hold
                channel.deliver(Indication(Control.HOLD if event.on else Control.UNHOLD))

    def _ended(self, event: events.CallEnded) -> None:
        call = event.call
        self._drop_leg(call.row)
        channel = self._disown(call)
        if channel is None:
            return
        leg = channel.leg
        if isinstance(leg, Iax2Leg):
            leg.channel = None
        log.verbose(3, f"Hungup '{channel.name}'", call=channel.call_id)
        channel.end(event.cause)

    def _gone(self, event: events.CallGone) -> None:
        self._drop_leg(event.call.row)
        self._disown(event.call)

    def _bridged(self, event: Bridged) -> None:
        """Two of our calls were joined: a native transfer, where nothing here has to hear them."""
        graph, bridge = self.switch.graph, self.switch.bridges.get(event.bridge)
        legs = [c.leg for c in event.channels if isinstance(c.leg, Iax2Leg) and c.state is State.UP]
        plain = bridge is not None and bridge.plain and all(graph.only_talk(channel) for channel in event.channels)
        if plain and len(legs) == len(event.channels) == 2:
            self.endpoint.bridged(legs[0].call, legs[1].call, self.now())
            self.pump()

    def _unbridged(self, event: Unbridged) -> None:
        leg = event.channel.leg
        if isinstance(leg, Iax2Leg):
            self.endpoint.unbridged(leg.call, self.now())
            self.pump()

    # ---- events: legs of the plane ----------------------------------------------------------------------------

    def _bound(self, event: events.LegBound) -> None:
        call = event.call
        if call.row in self._legs:
            self.port.bind_leg(call.row, call.address, call.local, call.remote_number)
        elif self._add_leg(call):
            channel = self._channels.get(call)
            if channel is not None:
                self.switch.graph.attach(channel)

    def _add_leg(self, call: Call) -> bool:
        """Give the call its row of the plane; a call for which there is none is ended."""
        try:
            call.row, call.generation = self.switch.graph.rows.allocate()
        except LookupError as error:
            log.error(f"{error}: call with {address_text(call.address)} refused")
            call.hangup(Cause.SWITCH_CONGESTION, self.now())
            return False
        leg = self._legs[call.row] = _Leg(call, call.generation, call.receive_format, call.send_format)
        self._say_leg(call.row, leg)
        return True

    def _say_leg(self, row: int, leg: _Leg) -> None:
        call = leg.call
        self.port.add_leg(
            row,
            leg.generation,
            call.socket,
            call.address,
            call.local,
            call.own_number,
            call.remote_number,
            self._flags(call),
            self._clock(call),
        )
        if call.encrypted:
            self.port.set_keys(row, *call.voice_keys)
        if leg.receive or leg.send:
            self.port.set_formats(row, leg.receive, leg.send)

    def _clock(self, call: Call) -> int:
        """Monotonic ns at which the call's stamps are 0."""
        return time.monotonic_ns() + round((call.clock_start - self.now()) * 1e9)

    def _flags(self, call: Call) -> LegFlags:
        flags = LegFlags(0)
        if call.trunk:
            flags |= LegFlags.TRUNK
        if (call.peer or call.user or self.settings.general).jitterbuffer:
            flags |= LegFlags.JITTER
        if call.encrypted:
            flags |= LegFlags.ENCRYPTED
        return flags

    def _drop_leg(self, row: int) -> None:
        leg = self._legs.pop(row, None)
        if leg is not None:
            self.port.remove_leg(row, leg.generation)
            self.switch.graph.rows.free(row)
            leg.call.row = 0

    def _formats(self, event: events.CallFormats) -> None:
        call = event.call
        leg = self._legs.get(call.row)
        if leg is not None:
            leg.receive, leg.send = call.receive_format, call.send_format
            self.port.set_formats(call.row, leg.receive, leg.send)

    def _restarted(self, event: events.CallRestarted) -> None:
        if event.call.row in self._legs:
            self.port.voice_restart(event.call.row, self._clock(event.call))

    def _media(self, event: events.CallMedia) -> None:
        call = event.call
        if call.row in self._legs:
            self.port.bind_leg(call.row, event.address, call.local, event.number, also=True)

    def _keys(self, event: events.CallKeys) -> None:
        call = event.call
        if call.row in self._legs:
            self.port.set_flags(call.row, self._flags(call))
            self.port.set_keys(call.row, *call.voice_keys)

    def _trunk(self, event: events.CallTrunk) -> None:
        if event.call.row in self._legs:
            self.port.set_flags(event.call.row, self._flags(event.call))

    def _voice(self, event: events.CallVoice) -> None:
        if event.call.row in self._legs:
            self.port.voice_in(event.call.row, event.ts64, event.format, event.payload)

    def _release(self, event: events.CallReleaseHold) -> None:
        if event.call.row in self._legs:
            self.port.release(event.call.row)

    # ---- events: peers, reasons ---------------------------------------------------------------------------------

    def _peer_status(self, event: events.PeerStatus) -> None:
        status = {"OK": "Reachable", "LAGGED": "Lagged"}.get(event.status, "Unreachable")
        self.switch.bus.publish(PeerChanged(f"IAX2/{event.peer}", status, lag=event.lag))
        self._publish_state(event.peer)

    def _peer_registered(self, event: events.PeerRegistered) -> None:
        self._lasting.registered(event.peer, event.address, event.refresh)
        if event.new:
            where = address_text(event.address)
            log.verbose(3, f"Registered IAX2 '{event.peer}' at {where}")
            self.switch.bus.publish(PeerChanged(f"IAX2/{event.peer}", "Registered", where))
            self._publish_state(event.peer)

    def _peer_unregistered(self, event: events.PeerUnregistered) -> None:
        self._lasting.unregistered(event.peer, event.why)
        self.switch.bus.publish(PeerChanged(f"IAX2/{event.peer}", "Unregistered", cause=event.why))
        self._publish_state(event.peer)

    def _registration(self, event: events.RegistrationState) -> None:
        log.debug(1, f"Registration {event.registration}: {event.state}")

    def _resolve(self, event: events.ResolveNeeded) -> None:
        self._resolver.ask(event.name)

    def _resolved(self, name: str, addresses: list[str]) -> None:
        self.endpoint.resolved(name, addresses, self.now())
        self.pump()

    def _failed(self, event: events.Failed) -> None:
        self.switch.bus.publish(event.verdict)

    def _trace(self, event: events.Trace) -> None:
        log.verbose(0, event.text)

    def _note(self, event: events.Note) -> None:
        match event.level:
            case "DEBUG":
                log.debug(1, event.text)
            case "VERBOSE":
                log.verbose(3, event.text)
            case "WARNING":
                log.warning(event.text)
            case "ERROR":
                log.error(event.text)
            case _:
                log.notice(event.text)

    # ---- device states --------------------------------------------------------------------------------------------

    def device_state(self, peer: str) -> str:
        """INVALID, UNAVAILABLE, RINGING, INUSE or NOT_INUSE."""
        record = self.endpoint.peers.get(peer)
        if record is None:
            return "INVALID"
        if not record.reachable:
            return "UNAVAILABLE"
        states = {channel.state for channel in self._of.get(peer, ())}
        if State.UP in states or State.RING in states:
            return "INUSE"
        if states & {State.RINGING, State.DIALING}:
            return "RINGING"
        return "NOT_INUSE"

    def _publish_state(self, peer: str) -> None:
        self.switch.bus.publish(DeviceState(f"IAX2/{peer}", self.device_state(peer)))

    def _device_changed(self, channel: Channel) -> None:
        leg = channel.leg
        if isinstance(leg, Iax2Leg):
            name = leg.call.peer_name or leg.call.user_name
            if name and self.endpoint.peers.get(name) is not None:
                self._publish_state(name)

    def passes_hold(self, call: Call) -> bool:
        """mohinterpret=passthrough: HOLD goes over the link, instead of music from here."""
        section = self.settings.find_peer(call.peer_name) or self.settings.find_user(call.user_name)
        music = section.mohinterpret if section is not None else self.settings.general.mohinterpret
        return bool(music == "passthrough")

    def passes_updates(self, call: Call, way: ConnectedLine) -> bool:
        """connectedline: may news of who is connected go that way?"""
        section = call.peer or call.user or self.settings.general
        return bool(section.connectedline & way)

    def look_up(self, data: str, exten: str) -> Status | Deferred[object]:
        """Has a peer's dialplan that number (`data`: `[user[:secret]@]peer/context`)?  A Deferred until it answers."""
        lookups, now = self.endpoint.lookups, self.now()
        known = lookups.known(data, exten, now)
        if known is not None:
            return Status.NONEXISTENT if known.status is None else known.status
        done: Deferred[object] = Deferred()
        # whoever waits goes on in a turn of its own, not within the core
        lookups.ask(data, exten, now, lambda status: self.reactor.callLater(0, _fire, done))
        self.pump()
        return done

    def cache(self) -> list[CacheRow]:
        """Answers of peers about their dialplans (`iax2 show cache`)."""
        return self.endpoint.lookups.rows(self.now())

    # ---- for the console ------------------------------------------------------------------------------------------

    def peers(self) -> list[PeerRow]:
        """All peers, in the file's order."""
        now = self.now()
        return [showing.peer(record, now) for record in self.endpoint.peers]

    def users(self) -> list[UserRow]:
        """All users, in the file's order."""
        return showing.users(self.endpoint.core)

    def registry(self) -> list[RegistryRow]:
        """All `register =>` lines."""
        return [showing.registration(one) for one in self.endpoint.registrations.values()]

    def channels(self) -> list[ChannelRow]:
        """All calls, oldest first; those that have no channel (yet) are without a name."""
        rows = []
        for dialog in self.endpoint.core.by_own.values():
            if isinstance(dialog, Call):
                channel = self._channels.get(dialog)
                counters = self._counters.legs(dialog.row) if dialog.row and self._counters else LegCounters()
                rows.append(showing.call(dialog, counters, None if channel is None else channel.name))
        return rows

    def number_use(self) -> NumberPoolUse:
        """Call numbers in use, by address."""
        return showing.numbers(self.endpoint.core)

    def stats(self) -> Stats:
        """What was counted since start."""
        stats = showing.stats(self.endpoint.core, self.settings.general.trunkmtu)
        stats.counted["dropped.openers beyond the bound"] = self.dropped
        return stats

    def debug(self, host: str, port: int | None = None) -> None:
        """Frame dumps: "*" of everything, "" of nothing, else of one more host (all its ports)."""
        if host == "*":
            self.endpoint.debug = set()
        elif host:
            self.endpoint.debug = {*(self.endpoint.debug or ()), host}
        else:
            self.endpoint.debug = None

    def received(self, channel: Channel) -> int:
        """Frames of voice that came for a channel so far."""
        row = channel.leg.row if isinstance(channel.leg, Iax2Leg) else None
        return self._counters.legs(row).received if row and self._counters is not None else 0

    def lose(self, percent: int) -> None:
        """`iax2 test losspct`.  Raises OSError."""
        sockets.lose(self.sockets, percent)

    def set_mtu(self, mtu: int) -> int:
        """Largest trunk datagram from now until the next reload; returns the former."""
        general = self.settings.general
        former, general.trunkmtu = general.trunkmtu, mtu
        self.port.set_trunk(general.trunkfreq, mtu, general.trunktimestamps, general.trunkmaxsize)
        self.port.flush()
        return former

    def unregister(self, peer: str) -> bool:
        """Forget where a peer registered; False when it has not."""
        done = self.endpoint.unregister(peer, self.now())
        self.pump()
        return done


def _fire(done: Deferred[object]) -> None:
    if not done.called:
        done.callback(None)


_HANDLERS: dict[type[events.Event], Callable[[Driver, Any], None]] = {
    events.IncomingCall: Driver._incoming,
    events.CallAccepted: Driver._accepted,
    events.CallControl: Driver._control,
    events.CallDigit: Driver._digit,
    events.CallText: Driver._text,
    events.CallOpaque: Driver._opaque,
    events.CallVoice: Driver._voice,
    events.CallReleaseHold: Driver._release,
    events.CallTransfer: Driver._transfer,
    events.CallQuelch: Driver._quelch,
    events.LegBound: Driver._bound,
    events.CallTrunk: Driver._trunk,
    events.CallRestarted: Driver._restarted,
    events.CallMedia: Driver._media,
    events.CallKeys: Driver._keys,
    events.CallFormats: Driver._formats,
    events.CallEnded: Driver._ended,
    events.CallGone: Driver._gone,
    events.PeerStatus: Driver._peer_status,
    events.PeerRegistered: Driver._peer_registered,
    events.PeerUnregistered: Driver._peer_unregistered,
    events.RegistrationState: Driver._registration,
    events.ResolveNeeded: Driver._resolve,
    events.Failed: Driver._failed,
    events.Trace: Driver._trace,
    events.Note: Driver._note,
}
