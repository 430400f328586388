"""Links stay up: a registration is back within a minute of reachability, whatever happened to the line."""

from __future__ import annotations

from itertools import pairwise

import pytest

from pbx.channels.iax2.events import Event, Failed, Note, PeerStatus, ResolveNeeded
from pbx.channels.iax2.frames import Command, FrameType, FullFrame, parse_full
from pbx.channels.iax2.pacing import MOST_AT_ONCE, Beats
from pbx.channels.iax2.peers import PeerRecord
from pbx.channels.iax2.registration import Registration
from pbx.channels.iax2.settings_load import from_text
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


def test_a_day_of_an_idle_link_is_worth_no_line() -> None:
    w = World(more_a="[b]\ntype=peer\nhost=pbx.example\nqualify=yes\ntrunk=yes\n")
    w.net.run(20)
    for box in (w.a, w.b):
        box.events.clear()
    w.net.run(86_400)
    assert str(w.registration.status) == "Registered"
    for box in (w.a, w.b):
        assert not [note for note in box.of(Note) if note.level not in ("DEBUG", "VERBOSE")]
        assert not box.of(Failed) and not box.of(PeerStatus)


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


MANY, FEW = 1000, 200


def many(seed: int, count: int = MANY, server: bool = True) -> tuple[Network, Box]:
    """A client with as many lines, and their server's sections."""
    net = Network(seed)
    net.log = []
    lines = "".join(f"register => a{n}:sesame@{B[0]}\n" for n in range(count))
    client = Box(net, A, f"[general]\n{lines}")
    if server:
        come_up(net, count)
    return net, client


def come_up(net: Network, count: int) -> None:
    """The server is there."""
    Box(net, B, "[general]\n" + "".join(f"[a{n}]\ntype=peer\nhost=dynamic\nsecret=sesame\n" for n in range(count)))


def standing(client: Box) -> int:
    return sum(str(one.status) == "Registered" for one in client.endpoint.registrations.values())


def test_thousands_of_registrations_take_turns_and_stand_soon() -> None:
    net, client = many(9)
    busiest = 0
    took = 0.0
    while standing(client) < MANY:
        net.run(0.25)
        took += 0.25
        under_way = [d for d in client.endpoint.core.by_own.values() if d.kind == "registration"]
        busiest = max(busiest, len(under_way))
        assert took <= 5
    assert 64 < busiest <= MOST_AT_ONCE
    # and nobody had to say anything twice
    assert net.log is not None
    frames = [parse_full(data) for _, origin, _, data in net.log if origin == A]
    assert not [frame for frame in frames if frame.retry]


def test_thousands_are_back_within_a_minute() -> None:
    net, client = many(10, FEW, server=False)
    net.run(600)
    assert not standing(client)
    come_up(net, FEW)
    net.run(60)
    assert standing(client) == FEW


def test_a_change_of_the_network_renews_them_in_turns() -> None:
    net, client = many(11, FEW)
    net.run(10)
    core = client.endpoint.core
    assert standing(client) == FEW
    before = core.stats["sent"]
    client.endpoint.renew_registrations(net.now)
    for _ in range(40):
        net.run(0.25)
        assert sum(d.kind == "registration" for d in core.by_own.values()) <= MOST_AT_ONCE
    assert core.stats["sent"] - before >= 4 * FEW
    assert standing(client) == FEW


def test_one_keepalive_is_enough_for_all_lines_of_a_host() -> None:
    net, client = many(12, 50)
    net.run(100)
    sent = client.endpoint.core.stats["keepalives"]
    assert 3 <= sent <= 4


def test_lines_that_are_taken_out_wait_no_longer() -> None:
    net, client = many(13, FEW, server=False)
    net.run(1)
    client.endpoint.reload(from_text("[general]\n"), net.now)
    net.run(100)
    assert not client.endpoint.core.by_own
    assert net.log is not None
    assert max(when for when, origin, _, _ in net.log if origin == A) <= 1001


def test_a_keepalive_takes_no_call_number_and_believes_its_own_stamp_only() -> None:
    w = World()
    w.net.run(30)
    assert w.net.log is not None
    (poke,) = [f for *_, d in w.net.log if (f := parse_full(d)).subclass == Command.POKE and f.source == 1 and d][:1]
    taken = w.a.endpoint.core.numbers.taken
    w.net.run(3)
    assert w.a.endpoint.core.numbers.taken <= taken
    forged = FullFrame(1, 1, poke.timestamp ^ 1, 0, 1, FrameType.IAX, Command.PONG)
    w.net.carry(B, A, forged.encode())
    w.net.run(1)
    assert w.a.endpoint.stats["dropped.stateless answer to nothing"] == 1


def test_who_answers_from_a_call_of_its_own_is_acknowledged_and_asked_in_a_dialogue() -> None:
    w = World()
    w.net.run(12)
    beats = w.a.endpoint.core.beats
    while not w.pokes(A):
        w.net.run(1)
    assert w.net.log is not None
    w.net.log.clear()
    pong = FullFrame(77, 1, beats.stamp, 0, 1, FrameType.IAX, Command.PONG)
    w.net.carry(B, A, pong.encode())
    w.net.run(0.5)
    (ack,) = [f for _, origin, _, d in w.net.log if origin == A and (f := parse_full(d)).subclass == Command.ACK]
    assert (ack.source, ack.destination, ack.timestamp, ack.iseqno) == (1, 77, beats.stamp, 1)
    w.net.log.clear()
    w.net.run(30)
    pokes = [f for _, origin, _, d in w.net.log if origin == A and (f := parse_full(d)).subclass == Command.POKE]
    assert pokes and all(f.source > 1 for f in pokes)


def test_each_of_our_sockets_keeps_its_own_mapping() -> None:
    beats = Beats()
    assert beats.due(1, A, 25, 100.0)
    assert beats.due(2, A, 25, 100.0)
    assert not beats.due(1, A, 25, 110.0)
    assert beats.due(1, A, 25, 125.0)
    assert beats.due(1, B, 25, 125.0)
    for port in range(3000):
        beats.due(1, ("127.0.25.9", port), 25, 126.0 + port)
    assert len(beats._sent) < 1500
