"""Where a datagram leaves from by itself."""

from __future__ import annotations

from pbx.channels.voice import address as addresses
from pbx.channels.voice.routes import Routes

FAR = addresses.pack("127.0.55.51", 4569)


def test_loopback_leaves_from_the_first_address_of_it() -> None:
    routes = Routes(lambda: 0)
    assert routes.natural(FAR, addresses.pack("127.0.0.1", 0))
    assert not routes.natural(FAR, addresses.pack("127.0.55.50", 0))
    assert routes.natural(FAR, addresses.NONE)


def test_the_answer_is_kept_for_a_while() -> None:
    now = 0
    routes = Routes(lambda: now)
    routes._known[FAR] = 10_000_000_000, "127.0.55.50"
    assert routes.natural(FAR, addresses.pack("127.0.55.50", 0))
    now = 10_000_000_000
    assert not routes.natural(FAR, addresses.pack("127.0.55.50", 0))


def test_no_way_there_is_not_natural() -> None:
    nowhere = addresses.pack("255.255.255.255", 9)  # a broadcast: the kernel refuses it unasked
    assert not Routes(lambda: 0).natural(nowhere, addresses.pack("127.0.0.1", 0))
