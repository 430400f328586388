"""Peers while the daemon runs: where each one is, how long that is good, how it is doing.

What iax.conf says stays in `settings`; here is what changes: addresses that were
registered or resolved, qualify's measurements, tokens that were seen.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING

from pbx.channels.iax2 import address as addresses
from pbx.channels.iax2.address import Address
from pbx.channels.iax2.events import PeerRegistered, PeerUnregistered
from pbx.channels.iax2.settings import Peer
from pbx.channels.iax2.timers import Timer
from pbx.channels.iax2.values import host_port

if TYPE_CHECKING:
    from pbx.channels.iax2.core import Core
    from pbx.channels.iax2.qualify import Poke


RECORDS_A_STEP = 20
#: seconds until a name that could not be resolved is tried again
RESOLVE_AGAIN = 60.0
#: seconds in which a name that leads back to a former address is not followed
FLAPPING = 3600.0
#: seconds beyond REFRESH that a registration stays good
GRACE = 10
#: hundredths of a second over which the first POKEs are spread
_SPREAD = 500


class PeerRecord:
    """What is known of one peer now.  Times are monotonic seconds, lag is ms."""

    __slots__ = (
        "address",
        "changed",
        "core",
        "expires",
        "former",
        "lag",
        "lag_smooth",
        "left",
        "local",
        "order",
        "poke",
        "refresh",
        "registered",
        "section",
        "socket",
        "timers",
        "token_seen",
    )

    def __init__(self, core: Core, section: Peer) -> None:
        self.core = core
        self.section = section
        self.address: Address | None = None
        #: when the address last became another, 0.0 = never
        self.changed = 0.0
        #: place among the sections of the file
        self.order = 0
        #: the address before, and when it was left
        self.former: Address | None = None
        self.left = 0.0
        self.socket = 0
        self.local = ""
        self.registered = False
        self.refresh = 0
        self.expires: float | None = None
        #: the last answer to a POKE took so long; 0 = nothing known, -1 = none came
        self.lag = 0
        self.lag_smooth = 0
        self.poke: Poke | None = None
        self.token_seen = False
        self.timers: dict[Timer, float] = {}
        self.place()

    @property
    def name(self) -> str:
        return self.section.name

    def place(self) -> None:
        """Take the address that iax.conf itself gives: a literal host, or defaultip until it registers."""
        section = self.section
        if section.static_ip:
            self.address = (section.static_ip, section.port)
        elif section.dynamic and section.defaultip and not self.registered:
            self.address = (section.defaultip, section.port)

    @property
    def host_name(self) -> str:
        """The name that has to be resolved, "" for literal and dynamic hosts."""
        section = self.section
        return "" if section.dynamic or section.static_ip else section.host

    @property
    def route(self) -> tuple[int, str]:
        """(socket, own address) to reach it by: those it registered at, else by its address and sourceaddress."""
        if self.registered:
            return self.socket, self.local
        source = self.section.sourceaddress
        if self.address is None:
            return self.socket, self.local
        return self.core.socket_for(self.address, host_port(source)[0] if source else "")

    @property
    def status(self) -> str:
        """`OK (12 ms)`, `LAGGED (3000 ms)`, `UNREACHABLE`, `UNKNOWN`, `Unmonitored`, as the console prints it."""
        if not self.section.qualify:
            return "Unmonitored"
        if self.lag < 0:
            return "UNREACHABLE"
        if not self.lag:
            return "UNKNOWN"
        return f"{'LAGGED' if self.lag > self.section.qualify else 'OK'} ({self.lag} ms)"

    @property
    def reachable(self) -> bool:
        """May a call be tried?"""
        return self.address is not None and not (self.section.qualify and self.lag < 0)

    def on_timer(self, timer: Timer, now: float) -> None:
        if timer is Timer.EXPIRE:
            self.core.note("NOTICE", f"Registration of '{self.name}' expired")
            self.unregister("expired")
        elif timer is Timer.POKE:
            self.core.peers.poke(self, now)
        elif timer is Timer.POKE_LOST:
            self.core.peers.silent(self, now)
        elif timer is Timer.KEEPALIVE:
            self.core.peers.keepalive(self, now)
        elif timer is Timer.RESOLVE:
            self.core.peers.resolve(self, now)

    def register(self, socket: int, local: str, address: Address, refresh: int, now: float) -> bool:
        """It is there from now on, for `refresh` seconds and GRACE; True when it was not known to be there."""
        core = self.core
        new = not self.registered or self.address != address
        if new:
            self.changed = now
        if self.address not in (None, address):
            self.former, self.left = self.address, now
        self.registered = True
        self.address, self.socket, self.local = address, socket, local
        self.refresh = refresh
        self.expires = now + refresh + GRACE
        core.timers.set(self, Timer.EXPIRE, self.expires)
        core.peers.moved(self)
        if self.section.maxcallnumbers:
            core.host_limits[address[0]] = self.section.maxcallnumbers
        core.emit(PeerRegistered(self.name, address, refresh, new))
        core.peers.registered(self, now)
        return new

    def remember(self, now: float) -> None:
        """Take the address that was stored when it last registered (before a restart): good for its full time anew."""
        stored = self.core.peers.stored(self.name) if self.section.dynamic and not self.registered else None
        if stored is None:
            return
        address, refresh = stored
        socket, local = self.core.socket_for(address, self.section.sourceaddress.partition(":")[0])
        self.core.note("VERBOSE", f"Seeding '{self.name}' at {addresses.text(address)} for {refresh}")
        self.register(socket, local, address, refresh, now)

    def unregister(self, why: str) -> None:
        """Forget where it is."""
        if not self.registered:
            return
        self.registered = False
        if self.section.maxcallnumbers and self.address is not None:
            self.core.host_limits.pop(self.address[0], None)
        self.address = None
        self.expires = None
        self.core.timers.cancel(self, Timer.EXPIRE)
        self.core.timers.cancel(self, Timer.KEEPALIVE)
        self.place()
        self.core.peers.moved(self)
        self.core.emit(PeerUnregistered(self.name, why))


class Peers:
    """All records, by name and by address."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self._records: dict[str, PeerRecord] = {}
        self._at: dict[str, set[str]] = {}
        self._where: dict[str, str] = {}
        #: (address, seconds) that a peer had registered with before a restart, None = not stored
        self.stored: Callable[[str], tuple[Address, int] | None] = lambda name: None
        #: what is done when it is time to ask a peer for life (`qualify`)
        self.poke: Callable[[PeerRecord, float], None] = lambda record, now: None
        #: a peer has registered, and it is time for its next keepalive (`keepalive`)
        self.registered: Callable[[PeerRecord, float], None] = lambda record, now: None
        self.keepalive: Callable[[PeerRecord, float], None] = lambda record, now: None
        #: and when it did not answer in time
        self.silent: Callable[[PeerRecord, float], None] = lambda record, now: None

    def __iter__(self) -> Iterator[PeerRecord]:
        return iter(self._records.values())

    def load(self, now: float) -> None:
        """Follow the settings: new sections get a record, gone ones lose it, others keep what is known."""
        for _ in self.load_steps(now):
            pass

    def load_steps(self, now: float) -> Generator[None, None, None]:
        """As `load`, a little at each step."""
        sections = self.core.settings.peers
        for name in [n for n in self._records if n not in sections]:
            record = self._records.pop(name)
            record.unregister("removed")
            self.core.timers.cancel_all(record)
            self._forget_place(name)
        for at, (name, section) in enumerate(sections.items()):
            if at % RECORDS_A_STEP == 0:
                yield
            known = self._records.get(name)
            if known is None:
                known = self._records[name] = PeerRecord(self.core, section)
                known.remember(now)
                if section.qualify:
                    # many peers are not asked all at once
                    self.core.timers.set(known, Timer.POKE, now + at % _SPREAD / 100)
            else:
                former, known.section = known.section, section
                if (former.host, former.port) != (section.host, section.port):
                    known.unregister("removed")
                    known.address = None
                    known.remember(now)
                if section.qualify and not former.qualify:
                    self.core.timers.set(known, Timer.POKE, now)
                elif not section.qualify:
                    self._unwatch(known, now)
                known.place()
            known.order = at
            self.moved(known)
            if known.address is None and known.host_name:
                self.resolve(known, now)

    def _unwatch(self, record: PeerRecord, now: float) -> None:
        """qualify was taken out."""
        self.core.timers.cancel(record, Timer.POKE)
        self.core.timers.cancel(record, Timer.POKE_LOST)
        record.lag = 0
        if record.poke is not None:
            record.poke.forget(now)
            record.poke = None

    def refresh(self, now: float) -> None:
        """dnsmgr: every name is looked up again."""
        for record in self._records.values():
            self.resolve(record, now)

    def resolve(self, record: PeerRecord, now: float) -> None:
        """Look up the name of a peer's host (again); nothing happens for literal and dynamic ones."""
        name = record.host_name
        if name:
            self.core.names.ask(name, lambda found, later: self._resolved(record, name, found, later))

    def _resolved(self, record: PeerRecord, name: str, found: list[str], now: float) -> None:
        if self._records.get(record.name) is not record or record.host_name != name:
            return
        host = self._stay_or(record, self.core.usable(found), found, now)
        if host is None:
            if record.address is None:
                self.core.timers.set(record, Timer.RESOLVE, now + RESOLVE_AGAIN)
            return
        address = (host, self.core.ports.get(name, record.section.port))
        if address != record.address:
            record.former, record.left = record.address, now
            record.address = address
            record.changed = now
            self.moved(record)
            if record.section.qualify:
                self.core.timers.set(record, Timer.POKE, now)

    def _stay_or(self, record: PeerRecord, host: str | None, found: list[str], now: float) -> str | None:
        """The host to use: no moving away while the present one is still among those of the name, nor back to one
        that was left a while ago as long as the present one answers (name servers deal them out in turns)."""
        if host is None or record.address is None:
            return host
        if record.address[0] in found:
            return record.address[0]
        back = record.former is not None and record.former[0] == host and now - record.left < FLAPPING
        return record.address[0] if back and record.lag > 0 else host

    def get(self, name: str) -> PeerRecord | None:
        return self._records.get(name)

    def moved(self, record: PeerRecord) -> None:
        """The record's address changed."""
        self._forget_place(record.name)
        if record.address is not None:
            host = record.address[0]
            self._at.setdefault(host, set()).add(record.name)
            self._where[record.name] = host

    def _forget_place(self, name: str) -> None:
        host = self._where.pop(name, None)
        if host is not None:
            there = self._at[host]
            there.discard(name)
            if not there:
                del self._at[host]

    def at(self, address: Address) -> list[PeerRecord]:
        """Peers at this very address and port, then those at its host with another port."""
        found = [self._records[name] for name in self._at.get(address[0], ()) if name in self._records]
        if len(found) > 1:
            found.sort(key=lambda record: (record.address != address, record.order))
        return found

    def trunks_to(self, address: Address) -> bool:
        """Does a peer with trunk=yes stand at exactly this address?"""
        return any(record.section.trunk for record in self.at(address) if record.address == address)
