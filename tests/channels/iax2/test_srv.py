"""srvlookup: SRV records of a real name server on loopback lead to host and port."""

from __future__ import annotations

import random

from twisted.internet.defer import Deferred, succeed
from twisted.names import client, dns, server
from twisted.names.authority import FileAuthority

from pbx.channels.iax2.srv import Service, by_name_servers, in_order, with_services
from tests.channels.iax2.boxes import Boxes

NAMES = "127.0.53.60"
SERVER, CLIENT = "127.0.53.61", "127.0.53.62"


class Zone(FileAuthority):
    def __init__(self, records: dict[bytes, list[dns.IRecord]]) -> None:
        super().__init__("")
        self.records = {b"example": [dns.Record_SOA(b"example", b"x", 1)], **records}
        self.soa = b"example", self.records[b"example"][0]

    def loadFile(self, filename: str) -> None: ...


def test_priority_then_weight() -> None:
    records = [Service(20, 0, "c", 3), Service(10, 1, "a", 1), Service(10, 99, "b", 2), Service(0, 0, ".", 0)]
    firsts = [in_order(records, random.Random(seed))[0].host for seed in range(300)]
    assert in_order(records, random.Random(1))[-1].host == "c"
    assert firsts.count("b") > 250
    assert set(firsts) == {"a", "b"}


def test_a_name_without_records_is_itself_and_a_dead_target_is_passed_over() -> None:
    hosts = {"pbx.example": ["127.0.0.9"], "two.example": ["127.0.0.2"]}
    services = {"_iax._udp.far.example": [Service(1, 0, "gone.example.", 1), Service(2, 0, "two.example", 4570)]}
    ports: dict[str, int] = {"pbx.example": 5}

    def query(name: str) -> Deferred[list[Service]]:
        if name not in services:
            raise LookupError(name)
        return succeed(services[name])

    look = with_services(lambda name: succeed(hosts.get(name, [])), query, ports, random.Random(1))
    found: list[list[str]] = []
    look("pbx.example").addCallback(found.append)
    look("far.example").addCallback(found.append)
    assert found == [["127.0.0.9"], ["127.0.0.2"]]
    assert ports == {"far.example": 4570}


def test_a_registration_goes_where_the_record_says() -> None:
    zone = Zone({b"_iax._udp.pbx.example": [dns.Record_SRV(1, 1, 14571, b"box.example")]})
    hosts = {"box.example": [SERVER]}
    with Boxes() as boxes:
        factory = server.DNSServerFactory(authorities=[zone])
        factory.noisy = False
        listening = boxes.reactor.listenUDP(0, dns.DNSDatagramProtocol(factory, boxes.reactor), NAMES)
        resolver = client.Resolver(servers=[(NAMES, listening.getHost().port)], reactor=boxes.reactor)
        there = boxes.box(
            f"[general]\nbindport=14571\nbindaddr={SERVER}\n[a]\ntype=friend\nhost=dynamic\nsecret=sesame\n"
        )
        conf = f"[general]\nbindport=14572\nbindaddr={CLIENT}\nsrvlookup=yes\nregister => a:sesame@pbx.example\n"
        boxes.box(conf, lookup=lambda name: succeed(hosts[name]), services=by_name_servers(boxes.reactor, resolver))
        boxes.run(lambda: there.driver.endpoint.peers.get("a").registered)  # type: ignore[union-attr]
        record = there.driver.endpoint.peers.get("a")
        assert record is not None
        assert record.address == (CLIENT, 14572)
        listening.stopListening()
        boxes.turn(0.1)
