"""Registration both ways, qualify, and tokens: two endpoints in virtual time."""

from __future__ import annotations

import itertools

import pytest

from pbx.channels.iax2.call import CannotCall, Outgoing
from pbx.channels.iax2.events import (
    Note,
    PeerRegistered,
    PeerStatus,
    PeerUnregistered,
    RegistrationState,
    ResolveNeeded,
)
from tests.simulation.network import Box, Network

A, B = ("127.0.24.30", 4569), ("127.0.24.31", 4569)

CLIENT = "[general]\nregister => a:sesame@127.0.24.31\n"
SERVER = """
[general]
minregexpire=60
maxregexpire=120
[a]
type=friend
host=dynamic
secret=sesame
auth=md5
context=default
"""


class World:
    def __init__(self, client: str = CLIENT, server: str = SERVER) -> None:
        self.net = Network(2)
        self.net.log = []
        self.a = Box(self.net, A, client)
        self.b = Box(self.net, B, server)

    @property
    def state(self) -> str:
        (registration,) = self.a.endpoint.registrations.values()
        return str(registration.status)


def test_a_client_registers_and_refreshes_at_five_sixths() -> None:
    w = World()
    w.net.run(1)
    assert w.state == "Registered"
    assert [e.state for e in w.a.of(RegistrationState)] == ["Request Sent", "Auth. Sent", "Registered"]
    (registration,) = w.a.endpoint.registrations.values()
    assert (registration.refresh, registration.perceived) == (60, A)
    (told,) = w.b.of(PeerRegistered)
    assert (told.peer, told.address, told.refresh, told.new) == ("a", A, 60, True)
    w.net.run(170)
    assert [e.new for e in w.b.of(PeerRegistered)] == [True, False, False, False]


def test_a_registration_expires_ten_seconds_after_its_time() -> None:
    w = World()
    w.net.run(1)
    w.net.link.cut = True
    w.net.run(68)
    assert not w.b.of(PeerUnregistered)
    w.net.run(2)
    (gone,) = w.b.of(PeerUnregistered)
    assert gone.why == "expired"
    record = w.b.endpoint.peers.get("a")
    assert record is not None
    assert record.address is None


def test_a_client_never_gives_up_and_tells_a_failure_once() -> None:
    w = World()
    w.net.link.cut = True
    w.net.run(1800)
    assert w.state == "Request Sent" or w.state == "Timeout"
    assert len(w.a.verdicts) == 1
    sent = [t for t, *_ in w.net.log or []]
    assert max(b - a for a, b in itertools.pairwise(sent)) <= 100
    w.net.link.cut = False
    w.net.run(120)
    assert w.state == "Registered"


@pytest.mark.parametrize(
    ("server", "words", "place_of_server"),
    [
        (SERVER.replace("sesame", "hunter2"), "secrets of both ends", "iax.conf:8"),
        (SERVER.replace("[a]", "[b]"), "rename that section to [a]", "iax.conf:5"),
        (SERVER.replace("dynamic", "127.0.24.30"), "host=dynamic", "iax.conf:7"),
        (SERVER + "deny=0.0.0.0/0\n", "permit the address", "iax.conf:11"),
    ],
)
def test_a_refused_registration_is_judged_at_both_ends(server: str, words: str, place_of_server: str) -> None:
    w = World(server=server)
    w.net.run(8)
    assert w.state == "Rejected"
    (ours,), (theirs,) = w.a.verdicts, w.b.verdicts
    assert ours.cause == theirs.cause == 29
    assert ours.place == "iax.conf:2"
    assert "[a]" in ours.advice
    assert words in theirs.advice
    assert theirs.place == place_of_server
    assert theirs.security
    assert "sesame" not in repr((ours, theirs))


def test_an_unknown_name_is_asked_like_a_known_one() -> None:
    """Same frames in the same order, sizes and number: nobody learns which names there are."""

    def wire(name: str) -> list[tuple[bool, int, int]]:
        w = World(CLIENT.replace("a:sesame", f"{name}:wrong!"), SERVER)
        w.net.run(5)
        return [(source == A, len(data), data[11]) for _, source, _, data in w.net.log or []]

    assert wire("a") == wire("x")


def test_no_answer_to_the_challenge_is_no_authentication() -> None:
    w = World(CLIENT.replace(":sesame", ""))
    w.net.run(5)
    assert w.state == "No Authentication"
    (verdict,) = w.a.verdicts
    assert "no secret here" in verdict.got


def test_unregister_from_the_console_and_calls_to_it_fail_at_once() -> None:
    w = World()
    w.net.run(1)
    assert w.b.endpoint.unregister("a", w.net.now)
    assert not w.b.endpoint.unregister("a", w.net.now)
    with pytest.raises(CannotCall):
        w.b.endpoint.place_call(Outgoing("a", exten="1"), w.net.now)


def test_names_are_asked_for_at_each_attempt_and_tried_again() -> None:
    w = World(CLIENT.replace("127.0.24.31", "pbx.example"))
    w.net.run(1)
    assert [e.name for e in w.a.of(ResolveNeeded)] == ["pbx.example"]
    w.a.endpoint.resolved("pbx.example", [], w.net.now)
    w.a.pump()
    (verdict,) = w.a.verdicts
    assert "can't be resolved" in verdict.got
    w.net.run(15)
    assert len(w.a.of(ResolveNeeded)) == 2
    w.a.endpoint.resolved("pbx.example", ["127.0.24.31"], w.net.now)
    w.a.pump()
    w.net.run(2)
    assert w.state == "Registered"
    w.net.run(50)
    assert len(w.a.of(ResolveNeeded)) == 3


QUALIFYING = SERVER.replace("minregexpire=60", "minregexpire=120") + "qualify=yes\n"


def test_qualify_reports_each_change_once() -> None:
    w = World(server=QUALIFYING)
    w.net.run(100)
    assert [(e.status, e.lag) for e in w.b.of(PeerStatus)] == [("OK", 40)]
    record = w.b.endpoint.peers.get("a")
    assert record is not None
    assert record.status == "OK (40 ms)"

    w.net.link.delay = 1.5
    w.net.run(70)
    assert record.status == "LAGGED (3000 ms)"
    w.net.link.cut = True
    w.net.run(35)
    assert record.status == "UNREACHABLE"
    with pytest.raises(CannotCall) as caught:
        w.b.endpoint.place_call(Outgoing("a", exten="1"), w.net.now)
    assert caught.value.cause == 20
    w.net.link.cut, w.net.link.delay = False, 0.02
    w.net.run(40)
    # the answer to a repeated POKE counts from the first copy, as with stock servers: it may come out LAGGED once
    statuses = [e.status for e in w.b.of(PeerStatus)]
    assert statuses[:3] == ["OK", "LAGGED", "UNREACHABLE"]
    assert statuses[-1] == "OK"
    notes = [e.text for e in w.b.of(Note) if "now" in e.text]
    assert notes[:2] == [
        "Peer 'a' is now TOO LAGGED (3000 ms)!",
        "Peer 'a' is now UNREACHABLE! Time: 3000",
    ]
    assert notes[-1] == "Peer 'a' is now REACHABLE! Time: 40"


def test_reload_keeps_what_stays_and_drops_what_goes() -> None:
    from pbx.channels.iax2.settings_load import from_text

    w = World()
    w.net.run(1)
    (registration,) = w.a.endpoint.registrations.values()
    w.a.endpoint.reload(from_text(CLIENT + "\n"), w.net.now)
    assert list(w.a.endpoint.registrations.values()) == [registration]
    w.a.endpoint.reload(from_text("[general]\n"), w.net.now)
    assert not w.a.endpoint.registrations
    w.net.run(200)
    assert len(w.b.of(PeerRegistered)) == 1
    record = w.b.endpoint.peers.get("a")
    w.b.endpoint.reload(from_text(SERVER.replace("context=default", "context=other")), w.net.now)
    assert w.b.endpoint.peers.get("a") is record


def test_a_friend_with_a_fixed_host_is_let_in_from_elsewhere_by_his_secret() -> None:
    """As in Asterisk: host= says where to call him; the secret says who he is."""
    net = Network(11)
    server = Box(net, ("127.0.25.5", 4569), "[general]\n[ann]\ntype=friend\nhost=127.0.25.6\nsecret=x\n")
    other = "[general]\n[s]\ntype=peer\nhost=127.0.25.5\nusername=ann\nsecret={}\n"
    good = Box(net, ("127.0.25.7", 4569), other.format("x"))
    bad = Box(net, ("127.0.25.8", 4569), other.format("y"))
    for box in (good, bad):
        box.endpoint.place_call(Outgoing(peer="s", exten="600"), net.now)
        box.pump()
    net.run(3)
    assert [call.address[0] for call in server.incoming] == ["127.0.25.7"]
    (verdict,) = server.verdicts
    assert verdict.where.startswith("127.0.25.8")
    ann = server.endpoint.peers.get("ann")
    assert ann is not None and ann.address == ("127.0.25.6", 4569)
