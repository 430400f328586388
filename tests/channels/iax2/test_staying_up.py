"""Links stay up: a registration is back within a minute of reachability, whatever happened to the line."""

from __future__ import annotations

from itertools import pairwise

import pytest

from pbx.channels.iax2.events import Event, PeerStatus, ResolveNeeded
from pbx.channels.iax2.frames import Command, FrameType, parse_full
from pbx.channels.iax2.peers import PeerRecord
from pbx.channels.iax2.registration import Registration
from tests.simulation.network import Box, Network

A, B, C = ("127.0.53.50", 4569), ("127.0.53.51", 4569), ("127.0.53.52", 4569)

CLIENT = "[general]\nregister => a:sesame@pbx.example\n"
SERVER = "[general]\n[a]\ntype=friend\nhost=dynamic\nsecret=sesame\n"


class World:
    def __init__(self, general_a: str = "", general_b: str = "", more_a: str = "") -> None:
        self.net = Network(8)
        self.net.log = []
        self.names = {"pbx.example": [B[0]]}
        client = CLIENT.replace("[general]\n", f"[general]\n{general_a}\n") + more_a
        self.server_conf = SERVER.replace("[general]\n", f"[general]\n{general_b}\n")
        self.a = Box(self.net, A, client, on_event=self.resolve)
        self.b = Box(self.net, B, self.server_conf)

    def resolve(self, box: Box, event: Event) -> None:
        if isinstance(event, ResolveNeeded):
            self.net.at(
                self.net.now + 0.01,
                lambda: (box.endpoint.resolved(event.name, self.names[event.name], self.net.now), box.pump()),
            )

    @property
    def registration(self) -> Registration:
        (found,) = self.a.endpoint.registrations.values()
        return found

    def known_at(self, server: Box | None = None) -> PeerRecord:
        record = (server or self.b).endpoint.peers.get("a")
        assert record is not None
        return record

    def until(self, true: object, most: float) -> float:
        """Seconds until it is so."""
        begin = self.net.now
        while not true():  # type: ignore[operator]
            self.net.run(0.5)
            assert self.net.now - begin <= most, "it did not come back in time"
        return self.net.now - begin

    def pokes(self, source: tuple[str, int]) -> list[float]:
        assert self.net.log is not None
        return [
            when
            for when, origin, _, data in self.net.log
            if origin == source and (f := parse_full(data)).type == FrameType.IAX and f.subclass == Command.POKE
        ]


def test_a_server_that_forgot_everything_knows_us_again() -> None:
    w = World()
    w.net.run(20)
    assert w.known_at().address == A
    fresh = Box(w.net, B, w.server_conf)
    assert w.known_at(fresh).address is None
    w.until(lambda: w.known_at(fresh).address == A, 60)


@pytest.mark.parametrize("keepalive", ["", "keepalive=0"])
@pytest.mark.parametrize("minutes", [3, 10, 10.3, 10.7])
def test_a_line_that_was_down(minutes: float, keepalive: str) -> None:
    w = World(keepalive)
    w.net.run(20)
    w.net.link.cut = True
    w.net.run(minutes * 60)
    assert str(w.registration.status) != "Registered"
    assert w.known_at().address is None
    w.net.link.cut = False
    took = w.until(lambda: w.known_at().address == A, 60)
    if not keepalive:
        assert took <= 35
    assert str(w.registration.status) == "Registered" or w.until(lambda: str(w.registration.status) == "Registered", 5)


def test_our_port_changes_behind_nat() -> None:
    w = World()
    w.net.run(20)
    moved = (A[0], 40001)
    w.net.move(w.a, moved)
    w.until(lambda: w.known_at().address == moved, 60)
    w.until(lambda: w.registration.perceived == moved, 1)
    assert w.registration.changed > w.net.now - 5


def test_the_name_leads_elsewhere() -> None:
    peer = "[b]\ntype=peer\nhost=pbx.example\nqualify=yes\n"
    w = World(more_a=peer)
    w.net.run(20)
    del w.net.boxes[B]
    there = Box(w.net, C, w.server_conf)
    w.names["pbx.example"] = [C[0]]
    w.until(lambda: w.known_at(there).address == A, 60)
    record = w.a.endpoint.peers.get("b")
    assert record is not None
    w.until(lambda: record.address == C and record.lag > 0, 60)
    assert [e.status for e in w.a.of(PeerStatus)] == ["OK", "UNREACHABLE", "OK"]


def test_keepalives_leave_in_time_both_ways() -> None:
    w = World(general_b="minregexpire=600\nmaxregexpire=3600\n")
    w.net.run(400)
    for source in (A, B):
        sent = w.pokes(source)
        assert 14 <= len(sent) <= 16
        assert max(later - earlier for earlier, later in pairwise(sent)) <= 25.1
    w.net.run(100)
    assert not w.a.endpoint.core.by_own  # nothing of them is left but resting numbers
    assert not w.b.endpoint.core.by_own


def test_keepalive_of_another_length_and_none() -> None:
    w = World("keepalive=10", "keepalive=0")
    w.net.run(100)
    assert 9 <= len(w.pokes(A)) <= 10
    assert not w.pokes(B)


def test_name_servers_that_deal_out_addresses_in_turns_move_nobody() -> None:
    w = World(more_a="[b]\ntype=peer\nhost=pbx.example\nqualify=yes\n")
    Box(w.net, C, w.server_conf)
    record = w.a.endpoint.peers.get("b")
    assert record is not None
    w.net.run(5)
    assert record.address == B
    w.names["pbx.example"] = [C[0], B[0]]
    w.a.endpoint.peers.refresh(w.net.now)
    w.net.run(1)
    assert record.address == B
    w.names["pbx.example"] = [C[0]]
    seen = []
    for turn in range(10):
        w.names["pbx.example"] = [(B if turn % 2 else C)[0]]
        w.a.endpoint.peers.refresh(w.net.now)
        w.a.pump()
        w.net.run(30)
        seen.append(record.address)
    assert seen == [C] * 10


def test_many_registrations_do_not_begin_at_once() -> None:
    net = Network(9)
    net.log = []
    lines = "".join(f"register => a{n}@127.0.53.51\n" for n in range(400))
    client = Box(net, A, f"[general]\n{lines}")
    Box(net, B, "[general]\n" + "".join(f"[a{n}]\ntype=peer\nhost=dynamic\n" for n in range(400)))
    net.run(0.5)
    assert {str(r.status) for r in client.endpoint.registrations.values()} >= {"Registered", "Unregistered"}
    net.run(2.5)
    assert {str(r.status) for r in client.endpoint.registrations.values()} == {"Registered"}
