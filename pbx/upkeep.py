"""What keeps the links of the IAX2 driver fresh from outside: dnsmgr.conf, and changes of the network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pbx import dnsmgr
from pbx.channels.log import Log
from pbx.conf.diagnostics import Diagnostics
from pbx.network import NetworkWatch, netlink

if TYPE_CHECKING:
    from pbx.channels.iax2.address import Address
    from pbx.channels.iax2.driver import Driver

log = Log("dnsmgr")


class Upkeep:
    """Lives as long as its driver."""

    def __init__(self, reactor: Any, driver: Driver) -> None:
        self._reactor = reactor
        self._driver = driver
        self._watch: NetworkWatch | None = None
        self._timer: Any = None
        #: own address towards those that we register to, as it was at the last change of the network
        self._sources: dict[Address, str] = {}
        self.dns = dnsmgr.DnsManager()

    def use(self, conf: dnsmgr.DnsManager) -> None:
        """Other settings, of dnsmgr.conf and of the driver."""
        self.dns = conf
        self._driver.endpoint.core.dnsmgr = conf.enabled
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        if conf.enabled:
            self._timer = self._reactor.callLater(conf.interval, self._refresh)
        wanted = self._driver.settings.general.subscribe_network_change_event
        if not wanted and self._watch is not None:
            self._watch.stop()
            self._watch = None
        elif wanted and self._watch is None:
            watched = netlink()
            if watched is not None:
                self._watch = NetworkWatch(self._reactor, watched, self.network_changed)

    def load(self, path: str, diagnostics: Diagnostics) -> None:
        """Read dnsmgr.conf (again)."""
        self.use(dnsmgr.load(path, diagnostics))

    def _refresh(self) -> None:
        self._timer = self._reactor.callLater(self.dns.interval, self._refresh)
        self.refresh()

    def refresh(self) -> None:
        """Look every name up now."""
        self._driver.endpoint.peers.refresh(self._driver.now())
        self._driver.pump()

    def names(self) -> list[str]:
        """The names that are kept fresh."""
        core = self._driver.endpoint.core
        return [record.host_name for record in core.peers if record.host_name]

    def network_changed(self) -> None:
        """Register anew, and look names up: what was true of the old network need not be of this.

        Some machines change all the time something that has nothing to do with us (containers that come and go):
        where our own address towards a registrar is as it was at the last change, its registrations stay.
        """
        driver = self._driver
        log.verbose(2, "IAX, got a network change message, renewing all IAX registrations.")
        before, self._sources = self._sources, {}

        def moved(address: Address) -> bool:
            if address not in self._sources:
                self._sources[address] = driver.local_to(address)
            return before.get(address) != self._sources[address]

        driver.endpoint.renew_registrations(driver.now(), moved)
        driver.pump()
        self.refresh()

    def stop(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        if self._watch is not None:
            self._watch.stop()
            self._watch = None
