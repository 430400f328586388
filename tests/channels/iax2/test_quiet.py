"""A linked pair of boxes that nobody calls through says nothing at NOTICE or above."""

from __future__ import annotations

import pytest

from pbx.channels.iax2.events import Failed, Note, PeerStatus
from tests.simulation.network import Box, Network

A, B = ("127.0.57.50", 4569), ("127.0.57.51", 4569)
#: A registers with B, both ask for life, by address and by registration
CONF_A = f"""
[general]
register => a:sesame@{B[0]}
[b]
type=friend
host={B[0]}
username=a
secret=sesame
qualify=yes
"""
CONF_B = "[general]\n[a]\ntype=friend\nhost=dynamic\nsecret=sesame\nqualify=yes\n"
DAY = 86_400.0


def said(box: Box) -> list[str]:
    """Lines that would reach `messages`."""
    return [e.text for e in box.of(Note) if e.level in ("NOTICE", "WARNING", "ERROR")] + [
        str(e) for e in box.of(Failed)
    ]


def linked(late: float = 0.0) -> tuple[Network, Box, Box]:
    """B starts `late` seconds after A."""
    net = Network(57)
    a = Box(net, A, CONF_A)
    net.run(late)
    return net, a, Box(net, B, CONF_B)


def test_an_idle_link_says_nothing_in_a_day() -> None:
    net, a, b = linked()
    net.run(DAY)
    assert [e.status for e in a.of(PeerStatus)] == ["OK"] == [e.status for e in b.of(PeerStatus)]
    (registration,) = a.endpoint.registrations.values()
    assert str(registration.status) == "Registered"
    assert said(a) == said(b) == []


@pytest.mark.parametrize("late", [0.5, 1, 3, 6, 10])
def test_who_starts_later_is_no_news(late: float) -> None:
    """The first answer then comes to a repetition, and says nothing about the distance."""
    net, a, b = linked(late)
    net.run(120)
    assert [e.status for e in a.of(PeerStatus)] == ["OK"]
    assert said(a) == said(b) == []


def test_a_peer_that_is_far_from_the_first_moment_is_told_as_such() -> None:
    net = Network(57)
    net.link.delay = 1.5
    a = Box(net, A, CONF_A)
    Box(net, B, CONF_B)
    net.run(60)
    assert [e.status for e in a.of(PeerStatus)][:1] == ["LAGGED"]
    assert "Peer 'b' is now TOO LAGGED (3000 ms)!" in said(a)
