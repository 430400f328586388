"""The IAX2 driver: between sockets, protocol core, voice plane and channels.

Datagrams come from the plane (it reads the sockets), wait for their turn
(`turns`), go into the core, and what the core answers is done in `pump`:
datagrams to the plane, events to those whom they concern, which are the plane's
legs (`plane_legs`), the channels (`call_channels`) and everybody else (`news`).
"""

from __future__ import annotations

import random as _random
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, succeed

from pbx.channels.causes import Cause
from pbx.channels.channel import Channel
from pbx.channels.iax2 import events, showing, sockets
from pbx.channels.iax2.address import text as address_text
from pbx.channels.iax2.buffer_watch import BufferWatch
from pbx.channels.iax2.call import Call
from pbx.channels.iax2.call_channels import CallChannels
from pbx.channels.iax2.call_lookup import Status
from pbx.channels.iax2.digits import SHORTEST_MS
from pbx.channels.iax2.endpoint import Endpoint
from pbx.channels.iax2.lasting import Registrations, Store
from pbx.channels.iax2.leg import Iax2Leg
from pbx.channels.iax2.news import News
from pbx.channels.iax2.numbers import NoNumber
from pbx.channels.iax2.plane_legs import PlaneLegs
from pbx.channels.iax2.resolver import Lookup, Resolver, system_lookup
from pbx.channels.iax2.srv import Query, by_name_servers, with_services
from pbx.channels.iax2.technology import Iax2Technology
from pbx.channels.iax2.trunk_watch import TrunkWatch
from pbx.channels.iax2.turns import Arrived, Turns
from pbx.channels.log import Log
from pbx.channels.voice.port import Counters, LegCounters, VoicePort

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from pbx.channels.iax2.address import Address
    from pbx.channels.iax2.lookups import CacheRow
    from pbx.channels.iax2.settings import Settings
    from pbx.channels.iax2.snapshots import ChannelRow, NumberPoolUse, PeerRow, RegistryRow, Stats, UserRow
    from pbx.channels.switch import Switch

log = Log("chan_iax2")

#: seconds that hangups get for their ACKs at the end
FAREWELL = 1.0


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
        #: monotonic seconds
        self.now: Callable[[], float] = reactor.seconds
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
        lasting = Registrations(store)
        self.endpoint.peers.stored = lasting.of
        if store is not None:
            self.endpoint.core.keys.stored = store.get
            self.endpoint.core.disguise.store = store
        self.technology = Iax2Technology(self)
        self.sockets: list[sockets.Bound] = []
        self._bound: dict[int, sockets.Bound] = {}
        #: ms that a digit lasts at least (asterisk.conf mindtmfduration)
        self.shortest_digit = SHORTEST_MS
        #: host names to addresses, as `Lookup`
        self.names = names = lookup or system_lookup(reactor)
        served = with_services(names, services or by_name_servers(reactor), self.endpoint.core.ports, _random.Random())
        self._resolver = Resolver(
            lambda name: served(name) if self.settings.general.srvlookup else names(name), self._resolved
        )
        self.turns = Turns(reactor, self._deal, port.soon)
        self.legs = PlaneLegs(self, port)
        self.calls = CallChannels(self)
        self.news = News(self, lasting)
        self.buffers = BufferWatch(self)
        self.trunks = TrunkWatch(self)
        #: what `iax2 test late|resync|jitter` asked for
        self.jitter_tests: dict[str, int] = {}
        self._handlers: dict[type[events.Event], Callable[[Any], None]] = {
            events.ResolveNeeded: self._resolve,
            **self.legs.handlers,
            **self.calls.handlers,
            **self.news.handlers,
        }
        self._timer: Any = None
        self._due = 0.0
        self._pumping = False
        self._running = False
        self._unsubscribe: list[Callable[[], None]] = []

    # ---- life ------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Bind, register the technology, begin registrations and qualification.  Raises sockets.CannotBind."""
        for _ in self.start_steps():
            pass

    def start_steps(self) -> Generator[None, None, None]:
        """As `start`, in steps of about a millisecond; what arrives meanwhile waits in the sockets."""
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
        self._bound = {one.number: one for one in bound}
        self._running = True
        self._unsubscribe = [*self.calls.subscribe(), *self.news.subscribe()]
        hosts = [(one.number, "" if one.host == "0.0.0.0" else one.host) for one in bound]
        for _ in self.endpoint.start_steps(self.now(), hosts):
            self.pump()
            yield
        self._tell_media()
        for one in bound:
            self.port.add_socket(one.number, one.fd, one.family)
            log.verbose(2, f"Binding IAX2 to '{address_text((one.host, one.port))}'")
        self.switch.register(self.technology)
        self.pump()

    def _tell_media(self) -> None:
        """What iax.conf says about trunks (jitter buffers are the legs')."""
        g, port = self.settings.general, self.port
        port.set_trunk(g.trunkfreq, g.trunkmtu, g.trunktimestamps, g.trunkmaxsize)

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
        self._tell_media()
        for _ in self.endpoint.reload_steps(settings, self.now()):
            self.pump()
            yield
            if not self._running:
                return
        self.pump()

    def stop(self) -> Deferred[None]:
        """Hang up all calls, give their frames a moment, close the sockets.  Fires when nothing is left."""
        if not self._running:
            return succeed(None)
        self.switch.technologies.pop(self.technology.name.upper(), None)
        for unsubscribe in self._unsubscribe:
            unsubscribe()
        self._resolver.stop()
        for channel in self.calls.all():
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
        self.buffers.set(False)
        self.trunks.set(False)
        self.turns.stop()
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None
        self.legs.drop_all()
        for one in self.sockets:
            self.port.remove_socket(one.number)
        self.port.turn()
        # the plane leaves the descriptors alone once it has read the flush
        self.reactor.callLater(0, self._close, done)

    def _close(self, done: Deferred[None]) -> None:
        closed, self.sockets = self.sockets, []
        self._bound = {}
        for one in closed:
            one.socket.close()
        self._until_free(closed, self.now() + FAREWELL, done)

    def _until_free(self, closed: list[sockets.Bound], until: float, done: Deferred[None]) -> None:
        """A voice process lets go of its descriptors a little later; before that nobody can bind there again."""
        if self.now() < until and not all(map(sockets.is_free, closed)):
            self.reactor.callLater(0.02, self._until_free, closed, until, done)
        else:
            done.callback(None)

    # ---- from the plane (VoiceEvents) --------------------------------------------------------------------------

    def datagram(
        self,
        socket: int,
        address: tuple[str, int],
        local: str,
        row: int,
        generation: int,
        stamp: int,
        data: bytes,
        held: int = 0,
    ) -> None:
        """A full frame, or a frame of no known leg: dealt with in the next turn, frames of known calls first."""
        if not self._running:
            return
        if self.legs.find(row, generation) is None:
            row = 0
        if not self.turns.put(Arrived(socket, address, local, row, data, held)) and held:
            self.port.release(row, held)

    def _deal(self, arrived: Arrived, now: float) -> None:
        """A frame whose turn has come."""
        self.endpoint.receive(arrived.socket, arrived.address, arrived.local, arrived.data, now, arrived.row)
        self.pump(arrived)

    def voice_due(self, row: int, generation: int, ts64: int, format_bit: int, payload: bytes) -> None:
        """This voice has to leave as a full VOICE frame."""
        call = self.legs.find(row, generation)
        if call is not None:
            call.voice_full(ts64, format_bit, payload, self.now())
            self.pump()

    def voice_unknown(self, row: int, generation: int) -> None:
        """Minis came before any full VOICE frame."""
        call = self.legs.find(row, generation)
        if call is not None:
            call.voice_unknown(self.now())
            self.pump()

    def voice_trunked(self, row: int, generation: int) -> None:
        """A call's voice comes in trunk frames."""
        call = self.legs.find(row, generation)
        if call is not None:
            call.voice_trunked()
            self.pump()

    def mark_due(self, row: int, generation: int, number: int) -> None:
        """The voice that a signal came with has been played."""
        self.legs.mark_due(row, generation, number)

    def voice_restarted(self) -> None:
        """The plane died and was started anew: signals that waited in it go on."""
        self.legs.release_all()

    def finished(self, source: int, reason: str) -> None:
        """A source or sink ended (the graph knows which)."""
        self.switch.graph.finished(source, reason)

    def detected(self, row: int, what: str) -> None:
        """A detector found something."""
        self.switch.graph.detected(row, what)

    def heard(self, number: int, what: str) -> None:
        """A listener found something."""
        self.switch.graph.heard(number, what)

    # ---- the core's output ------------------------------------------------------------------------------------

    def pump(self, dealt: Arrived | None = None) -> None:
        """Do all that the core wants done, until it wants nothing; called after every call into it.

        dealt: the frame that it was called with, behind which voice may wait.
        """
        if self._pumping:
            return  # an event handler called into the core: the loop below goes on
        self._pumping = True
        endpoint, port = self.endpoint, self.port
        core = endpoint.core
        try:
            while core.datagrams or core.events:
                for d in endpoint.take_datagrams():
                    bound = None if d.row else self._bound.get(d.socket)
                    if bound is not None and bound.send(d.data, d.address, d.local):
                        continue
                    port.send(d.socket, d.address, d.data, local=d.local, row=d.row, barrier=d.barrier, clear=d.clear)
                    if d.rekeys:
                        # voice behind RTKEY goes under the new key
                        self.legs.rekey(d.row)
                for event in endpoint.take_events():
                    self._handlers[type(event)](event)
        finally:
            self._pumping = False
        if dealt is not None and dealt.held:
            port.release(dealt.row, dealt.held)
        port.turn()
        self._set_timer()

    def _set_timer(self) -> None:
        """Wake up when the core wants it, or earlier: a timer that came too early is set again, and seldom is one."""
        due = self.endpoint.core.timers.next() if self._running else None
        if due is None:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
        elif self._timer is None or due < self._due - 0.0005:
            if self._timer is not None:
                self._timer.cancel()
            self._due = due
            self._timer = self.reactor.callLater(max(0.0, due - self.now()), self._expire)

    def _expire(self) -> None:
        self._timer = None
        self.endpoint.expire(self.now())
        self.pump()

    # ---- questions to others --------------------------------------------------------------------------------------

    def _resolve(self, event: events.ResolveNeeded) -> None:
        self._resolver.ask(event.name)

    def _resolved(self, name: str, addresses: list[str]) -> None:
        self.endpoint.resolved(name, addresses, self.now())
        self.pump()

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

    def peers(self) -> Iterator[PeerRow]:
        """All peers that there are now, in the file's order; each row is made when it is asked for."""
        return (showing.peer(record, self.now()) for record in tuple(self.endpoint.peers))

    def peer(self, name: str) -> PeerRow | None:
        """One peer."""
        record = self.endpoint.peers.get(name)
        return None if record is None else showing.peer(record, self.now())

    def local_to(self, address: Address) -> str:
        """Where what we send there leaves from; "" where there is no way."""
        number, _ = self.endpoint.core.socket_for(address)
        bound = next((one for one in self.sockets if one.number == number), None)
        return sockets.source_of(bound, address) if bound is not None else ""

    def users(self) -> list[UserRow]:
        """All users, in the file's order."""
        return showing.users(self.endpoint.core)

    def registry(self) -> Iterator[RegistryRow]:
        """All `register =>` lines; each row is made when it is asked for."""
        return (showing.registration(one, self.now()) for one in tuple(self.endpoint.registrations.values()))

    def channels(self) -> list[ChannelRow]:
        """All calls, oldest first; those that have no channel (yet) are without a name."""
        rows = []
        for dialog in self.endpoint.core.by_own.values():
            if isinstance(dialog, Call):
                channel = self.calls.channel(dialog)
                counters = self.leg_counters(dialog.row)
                rows.append(showing.call(dialog, counters, None if channel is None else channel.name))
        return rows

    def number_use(self) -> NumberPoolUse:
        """Call numbers in use, by address."""
        return showing.numbers(self.endpoint.core)

    def stats(self) -> Stats:
        """What was counted since start."""
        stats = showing.stats(self.endpoint.core, self.settings.general.trunkmtu)
        stats.counted["dropped.openers beyond the bound"] = self.turns.dropped
        stats.counted["dropped.frames of calls beyond the bound"] = self.turns.crowded
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

    def leg_counters(self, row: int) -> LegCounters:
        """What the plane counted of a call's voice."""
        return self._counters.legs(row) if row and self._counters is not None else LegCounters()

    def test_jitter(self, *, late: int = 0, resync: int = 0, jitter: int = 0, percent: int = 100) -> None:
        """`iax2 test late|resync|jitter`: buffered frames count as if they came later (or otherwise) than they do."""
        self.port.test_jitter(late, resync, jitter, percent)
        self.port.turn()

    def set_mtu(self, mtu: int) -> int:
        """Largest trunk datagram from now until the next reload; returns the former."""
        general = self.settings.general
        former, general.trunkmtu = general.trunkmtu, mtu
        self.port.set_trunk(general.trunkfreq, mtu, general.trunktimestamps, general.trunkmaxsize)
        self.port.turn()
        return former

    def provision(self, address: Address, template: str, *, forced: bool = False) -> bool:
        """Send an IAX2 device the settings of a template; False when there is none of that name, nor one for all."""
        core = self.endpoint.core
        socket, local = core.socket_for(address)
        try:
            return core.provisioner.provision(socket, address, local, template, self.now(), forced=forced)
        except NoNumber:
            log.warning(f"No call number is free to provision {address_text(address)}")
            return False
        finally:
            self.pump()

    def unregister(self, peer: str) -> bool:
        """Forget where a peer registered; False when it has not."""
        done = self.endpoint.unregister(peer, self.now())
        self.pump()
        return done


def _fire(done: Deferred[object]) -> None:
    if not done.called:
        done.callback(None)
