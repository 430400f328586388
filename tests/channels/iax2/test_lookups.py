"""Questions about a peer's dialplan: one call for all, answers that are kept, what becomes of silence."""

from __future__ import annotations

from pbx.channels.iax2.call_lookup import Status
from pbx.channels.iax2.events import CallAccepted, IncomingCall
from pbx.channels.iax2.frames import FrameError, parse_full
from tests.simulation.network import Box, Network, Plan

A, B = ("127.0.56.50", 4569), ("127.0.56.51", 4569)
CALLER = "[general]\ndisallow=all\nallow=ulaw\n"
CALLEE = "[general]\ndisallow=all\nallow=ulaw\n[a]\ntype=user\ncontext=in\nsecret=s1\nauth=md5\n"
DATA = f"a:s1@{B[0]}/in"


class World:
    def __init__(self) -> None:
        self.net = Network(1)
        self.net.log = []
        self.a = Box(self.net, A, CALLER)
        self.b = Box(self.net, B, CALLEE, Plan({"in": {"12345", "s"}, "default": {"600"}}))
        self.heard: dict[str, list[Status | None]] = {}

    def ask(self, *numbers: str, data: str = DATA, seconds: float = 1) -> None:
        for number in numbers:
            self.a.endpoint.lookups.ask(data, number, self.net.now, self.heard.setdefault(number, []).append)
        self.a.pump()
        self.net.run(seconds)

    def sent(self, name: str) -> int:
        count = 0
        for _, source, _, data in self.net.log or []:
            try:
                count += source == A and parse_full(data).name == name
            except FrameError:
                continue
        return count


def test_answers_are_as_the_peers_dialplan() -> None:
    w = World()
    w.ask("12345", "123", "9", "12345")
    assert w.heard == {
        "12345": [Status.EXISTS, Status.EXISTS],
        "123": [Status.CAN_EXIST | Status.MATCH_MORE],
        "9": [Status.NONEXISTENT],
    }
    # one call, and one question for each number; nothing of it is a channel's
    assert w.sent("DPREQ") == 3
    assert not w.a.of(CallAccepted)
    assert not w.b.of(IncomingCall)


def test_answers_are_kept_ten_minutes_and_the_call_for_half_a_minute() -> None:
    w = World()
    w.ask("12345", seconds=20)
    w.ask("123", seconds=20)
    assert w.sent("NEW") == 2  # without and with its token
    w.net.run(60)
    assert w.sent("HANGUP") == 1
    assert w.a.endpoint.core.by_own == {}
    lookups = w.a.endpoint.lookups
    known = lookups.known(DATA, "12345", w.net.now)
    assert known is not None
    assert known.status == Status.EXISTS
    (row, _) = lookups.rows(w.net.now)
    assert (row.where, row.number, row.expires, row.waiting, row.flags) == (
        f"a@{B[0]}/in",
        "12345",
        500,
        0,
        ("EXISTS",),
    )
    w.net.run(501)
    assert lookups.known(DATA, "12345", w.net.now) is None
    w.ask("12345")
    assert w.sent("NEW") == 4


def test_a_peer_that_is_silent_or_refuses_has_nothing() -> None:
    w = World()
    w.net.link.cut = True
    w.ask("12345", seconds=2)
    assert [row.flags for row in w.a.endpoint.lookups.rows(w.net.now)] == [("PENDING",)]
    w.net.run(8)
    assert w.heard == {"12345": [None]}
    w.net.link.cut = False
    w.net.run(60)
    w.ask("777", data=f"a:wrong@{B[0]}/in", seconds=10)
    assert w.heard["777"] == [None]
    w.ask("888", data="", seconds=1)
    assert w.heard["888"] == [None]
    w.net.run(100)
    assert not w.a.endpoint.core.by_own
