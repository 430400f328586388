"""Registrations that outlive the process: the stored text, and peers that are known again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx.channels.iax2.events import PeerRegistered, PeerUnregistered
from pbx.channels.iax2.lasting import Registrations, decode, encode
from pbx.channels.iax2.settings_load import from_text
from tests.simulation.network import Box, Network

SERVER = """
[general]
[dyn]
type=friend
host=dynamic
qualify=yes
[fixed]
type=peer
host=127.0.53.9
"""


def test_the_text_is_that_of_a_stock_astdb() -> None:
    assert encode(("127.0.53.2", 4569), 60) == "127.0.53.2:4569:60"
    assert decode("127.0.53.2:4569:60") == (("127.0.53.2", 4569), 60)
    assert decode("[::1]:4570:300") == (("::1", 4570), 300)


@pytest.mark.parametrize(
    "text", ["", "x", "127.0.0.1", "127.0.0.1:4569", "host:4569:60", "127.0.0.1:0:60", "1.2.3.4:70000:60"]
)
def test_what_is_no_registration_is_passed_over(text: str) -> None:
    assert decode(text) is None


@given(st.text())
def test_any_text_can_stand_in_a_database(text: str) -> None:
    decode(text)


@given(st.ip_addresses(), st.integers(1, 65535), st.integers(1, 100000))
def test_there_and_back(host: object, port: int, refresh: int) -> None:
    assert decode(encode((str(host), port), refresh)) == ((str(host), port), refresh)


class Memory(dict[tuple[str, str], str]):
    writes = 0

    def get(self, family: str, key: str) -> str | None:  # type: ignore[override]
        return dict.get(self, (family, key))

    def put(self, family: str, key: str, value: str) -> None:
        self.writes += 1
        self[family, key] = value

    def delete(self, family: str, key: str) -> bool:
        return self.pop((family, key), None) is not None


def test_nothing_is_written_twice_and_a_removed_section_is_kept() -> None:
    memory = Memory()
    kept = Registrations(memory)
    for _ in range(3):
        kept.registered("dyn", ("127.0.53.2", 4569), 60)
    assert (memory, memory.writes) == ({("IAX/Registry", "dyn"): "127.0.53.2:4569:60"}, 1)
    kept.unregistered("dyn", "removed")
    assert kept.of("dyn") == (("127.0.53.2", 4569), 60)
    kept.unregistered("dyn", "expired")
    assert kept.of("dyn") is None


def test_a_peer_is_known_again_for_its_time_and_asked_for_life() -> None:
    net = Network(3)
    net.log = []
    box = Box(net, ("127.0.53.1", 4569), "[general]\n")
    box.endpoint.peers.stored = {"dyn": (("127.0.53.2", 4569), 60), "fixed": (("127.0.53.3", 1), 60)}.get
    box.endpoint.reload(from_text(SERVER), net.now)
    box.pump()
    net.run(0.5)
    record, fixed = box.endpoint.peers.get("dyn"), box.endpoint.peers.get("fixed")
    assert record is not None and fixed is not None
    assert (record.address, record.registered) == (("127.0.53.2", 4569), True)
    assert (fixed.address, fixed.registered) == (("127.0.53.9", 4569), False)
    assert [e.peer for e in box.of(PeerRegistered)] == ["dyn"]
    assert [destination for _, _, destination, _ in net.log][:1] == [("127.0.53.2", 4569)]
    net.run(68)
    assert record.registered
    net.run(3)
    assert [e.why for e in box.of(PeerUnregistered)] == ["expired"]
