"""dnsmgr.conf and changes of the network."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock

from pbx.channels.events import Bus
from pbx.channels.iax2.driver import Driver
from pbx.channels.iax2.registration import Status
from pbx.channels.iax2.settings_load import from_text
from pbx.channels.switch import Switch
from pbx.conf.diagnostics import Diagnostics
from pbx.dnsmgr import DnsManager, load
from pbx.network import PAUSE, NetworkWatch, netlink
from pbx.upkeep import Upkeep
from tests.channels.world import PortLog, Scripts

CONF = """
[general]
bindport=14573
bindaddr=127.0.53.63
subscribe_network_change_event=no
register => a@127.0.53.64
register => b@pbx.example
[far]
type=peer
host=pbx.example
"""


def test_the_file(tmp_path: Path) -> None:
    path = tmp_path / "dnsmgr.conf"
    found = Diagnostics()
    assert load(str(path), found) == DnsManager(False, 300)
    path.write_text("[general]\nenable=yes\nrefreshinterval=60\n")
    assert load(str(path), found) == DnsManager(True, 60)
    assert not list(found)
    path.write_text("[general]\nenable=yes\nrefreshinterval=x\nfoo=1\n")
    assert load(str(path), found) == DnsManager(True, 300)
    assert [d.place.line for d in found] == [3, 4]


@pytest.fixture
def world() -> Any:
    clock = Clock()
    clock.addReader = clock.removeReader = lambda reader: None  # type: ignore[attr-defined]
    asked: list[str] = []

    def lookup(name: str) -> Deferred[list[str]]:
        asked.append(name)
        return succeed(["127.0.53.65"])

    port: Any = PortLog()
    driver = Driver(clock, Switch(clock, clock.seconds, Bus(), Scripts()), port, from_text(CONF), lookup=lookup)
    driver.start()
    yield clock, driver, asked
    driver.stop()
    clock.pump([0.1] * 30)


def test_names_are_refreshed(world: Any) -> None:
    clock, driver, asked = world
    upkeep = Upkeep(clock, driver)
    clock.advance(1)
    upkeep.use(DnsManager(True, 60))
    assert [row.dnsmgr for row in driver.registry()] == [False, True]
    assert upkeep.names() == ["pbx.example"]
    for one in driver.endpoint.registrations.values():
        one.stop(driver.now())  # they ask, too
    asked.clear()
    clock.pump([1] * 5)
    assert not asked
    clock.pump([1] * 56)
    assert asked == ["pbx.example"]
    upkeep.use(DnsManager(False, 60))
    assert [row.dnsmgr for row in driver.registry()] == [False, False]
    upkeep.stop()


def test_a_change_of_the_network_registers_anew(world: Any) -> None:
    clock, driver, asked = world
    upkeep = Upkeep(clock, driver)
    clock.pump([1] * 40)
    registrations = list(driver.endpoint.registrations.values())
    assert {r.status for r in registrations} <= {Status.TIMEOUT, Status.REQUEST_SENT}
    sent = len([c for c in driver.port.commands if c[0] == "send"])
    asked.clear()
    upkeep.network_changed()
    clock.advance(0.01)
    assert {r.status for r in registrations} == {Status.REQUEST_SENT}
    assert "pbx.example" in asked
    assert len([c for c in driver.port.commands if c[0] == "send"]) > sent or all(r.dialog for r in registrations)


def test_what_does_not_concern_our_way_there_renews_nothing(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, driver, _ = world
    upkeep = Upkeep(clock, driver)
    clock.pump([1] * 40)
    own = ["127.0.53.63:14573"]
    monkeypatch.setattr(driver, "local_to", lambda address: own[0])
    registrations = list(driver.endpoint.registrations.values())

    def changed() -> int:
        """How many were begun anew."""
        for one in registrations:
            one._drop(driver.now())
            one.status = Status.REGISTERED
        upkeep.network_changed()
        clock.advance(0.01)
        return sum(one.dialog is not None for one in registrations)

    assert changed() == 2  # nobody knows what was before
    assert changed() == 0
    own[0] = ""
    assert changed() == 2
    own[0] = "127.0.53.63:14573"
    assert changed() == 2
    assert changed() == 0


def test_changes_are_told_once_they_have_settled_and_not_too_often() -> None:
    clock = Clock()
    clock.addReader = clock.removeReader = lambda reader: None  # type: ignore[attr-defined]
    ours, kernel = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    ours.setblocking(False)
    told: list[float] = []
    watch = NetworkWatch(clock, ours, lambda: told.append(clock.seconds()))
    for _ in range(30):
        kernel.send(b"x")
        watch.doRead()
        clock.advance(1)
    assert len(told) == 3
    assert told[1] - told[0] >= PAUSE
    watch.stop()
    kernel.close()
    made = netlink()
    if made is not None:
        made.close()
