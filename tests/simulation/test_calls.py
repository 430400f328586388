"""Ten thousand seeded calls between two endpoints over bad networks: each ends in a defined state, nothing is left.

A failure names its seed; `run_call(seed)` replays it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

import pytest

from pbx.channels.events import Control
from pbx.channels.iax2.call import Call, CannotCall, Outgoing
from pbx.channels.iax2.events import CallAccepted, CallControl, CallEnded, CallVoice, Event, IncomingCall
from tests.simulation.network import Box, Link, Network, Plan

A, B = ("127.0.24.20", 4569), ("127.0.24.21", 4569)

#: how the callee is written and what a caller needs for it
LOGINS = ("", "secret=sesame\nauth=md5\n", "secret=sesame\nauth=plaintext\n", "secret=other\nauth=md5\n")

CONF = """
[general]
disallow=all
allow=ulaw
allow=gsm
maxcallnumbers=32766
maxauthreq=0
"""
PEER = "[b]\ntype=peer\nhost=127.0.24.21\nusername=a\nsecret=sesame\n"

#: calls of one pair of endpoints; numbers and timers are shared by them
CALLS = 50
SEEDS = 200


@dataclass
class Leg:
    """What one end did and was told of its leg."""

    call: Call
    since: float
    voices: list[int] = field(default_factory=list)
    sent: list[int] = field(default_factory=list)
    accepted: bool = False
    ended: CallEnded | None = None


class Pair:
    """Two endpoints that call each other at random."""

    def __init__(self, seed: int) -> None:
        draw = self.draw = Random(seed)
        loss = draw.choice((0.0, 0.02, 0.1, 0.2))
        link = Link(
            delay=draw.uniform(0.001, 0.25),
            jitter=draw.choice((0.0, 0.01, 0.1, 0.4)),  # beyond the distance of frames: they overtake each other
            loss=loss,
            duplication=draw.choice((0.0, 0.02, 0.1)),
        )
        self.net = Network(seed, link, now=1000.0 + draw.random() * 1000)
        login = draw.choice(LOGINS)
        callee = CONF + f"[a]\ntype=user\ncontext=default\n{login}"
        self.a = Box(self.net, A, CONF + PEER, on_event=self.told)
        self.b = Box(self.net, B, callee, Plan({"default": {"600"}}), on_event=self.told)
        self.legs: dict[int, Leg] = {}
        self.aged = seed % 2 == 1
        self.refusing = login == LOGINS[3]

    def told(self, box: Box, event: Event) -> None:
        now = self.net.now
        if isinstance(event, IncomingCall):
            self.legs[id(event.call)] = leg = Leg(event.call, now)
            leg.accepted = True
            self.age(event.call)
            self.play_callee(box, leg)
            return
        call = getattr(event, "call", None)
        if call is None or id(call) not in self.legs:
            return
        leg = self.legs[id(call)]
        if isinstance(event, CallAccepted):
            leg.accepted = True
        elif isinstance(event, CallVoice):
            leg.voices.append(event.ts64)
        elif isinstance(event, CallEnded):
            assert leg.ended is None, "ended twice"
            leg.ended = event
        elif isinstance(event, CallControl) and event.control == Control.ANSWER:
            self.talk(box, leg)

    def age(self, call: Call) -> None:
        """In every second run calls are 49.7 days old but for some seconds: their 32 bits of time wrap in mid-call."""
        if self.aged:
            shift = (1 << 32) - 4000
            call.clock_start -= shift / 1000
            call.last_sent += shift

    def later(self, seconds: float, box: Box, what: object) -> None:
        def go() -> None:
            what()  # type: ignore[operator]
            box.pump()

        self.net.at(self.net.now + seconds, go)

    def place(self) -> None:
        try:
            call = self.a.endpoint.place_call(
                Outgoing("b", exten=self.draw.choice(("600", "600", "600", "404"))), self.net.now
            )
        except CannotCall:
            return
        leg = self.legs[id(call)] = Leg(call, self.net.now)
        if self.draw.random() < 0.2:
            self.later(self.draw.uniform(0, 3), self.a, lambda: call.hangup(16, self.net.now))
        else:
            self.later(self.draw.uniform(20, 90), self.a, lambda: leg.call.hangup(16, self.net.now))
        self.a.pump()

    def play_callee(self, box: Box, leg: Leg) -> None:
        call, net = leg.call, self.net
        if self.draw.random() < 0.1:
            self.later(0.1, box, lambda: call.hangup(17, net.now))
            return
        self.later(0.2, box, lambda: call.control(Control.RINGING, b"", net.now))
        self.later(1.0, box, lambda: call.answer(net.now))
        self.later(1.1, box, lambda: self.talk(box, leg))

    def talk(self, box: Box, leg: Leg) -> None:
        """Full voice frames (the core knows no others), digits and text."""
        call, net = leg.call, self.net
        for n in range(self.draw.randrange(1, 8)):
            self.later(n * 0.7, box, lambda: self.say(leg))
            self.later(n * 0.7 + 0.2, box, lambda: call.digit("5", True, net.now))
            self.later(n * 0.7 + 0.4, box, lambda: call.digit("5", False, net.now))
            self.later(n * 0.7 + 0.5, box, lambda: call.text("x", net.now))

    def say(self, leg: Leg) -> None:
        if leg.call.alive:
            stamp = leg.call.clock(self.net.now) // 20 * 20
            leg.sent.append(stamp)
            leg.call.voice_full(stamp, 4, b"\xff" * 160, self.net.now)

    def run(self) -> None:
        for n in range(CALLS):
            self.net.at(self.net.now + n * self.draw.uniform(0.01, 1.0), self.place)
        # the last hangup, its retransmissions, and the rest of numbers
        self.net.run(60 + 90 + 60 + 70)


def distances(stamps: list[int]) -> list[int]:
    return [stamp - stamps[0] for stamp in stamps]


def check(pair: Pair, seed: int) -> None:
    by_numbers: dict[tuple[int, int], Leg] = {}
    for leg in pair.legs.values():
        assert leg.ended is not None, f"seed {seed}: a leg of {leg.call.direction} never ended"
        assert leg.ended.how in ("local", "hangup", "reject", "timeout", "inval"), seed
        assert leg.ended.cause in (0, 3, 16, 17, 21, 27, 31, 50, 58), (seed, leg.ended.cause)
        if leg.ended.how == "timeout":
            assert leg.ended.cause == 27
        if leg.call.direction == "out":
            by_numbers[leg.call.own_number, leg.call.remote_number] = leg
    if not pair.net.link.loss:
        assert not any(leg.ended and leg.ended.how == "timeout" for leg in pair.legs.values()), seed
    for leg in pair.legs.values():
        if leg.call.direction == "in":
            there = by_numbers.get((leg.call.remote_number, leg.call.own_number))
            if there is not None:
                # delivered in order, each once, the time between them being the sender's own, wraps or not
                assert distances(leg.voices) == distances(there.sent[: len(leg.voices)]), seed
                assert distances(there.voices) == distances(leg.sent[: len(there.voices)]), seed
    if pair.refusing:
        assert not any(leg.call.direction == "in" for leg in pair.legs.values()), seed
    for box in (pair.a, pair.b):
        core = box.endpoint.core
        core.numbers.release(pair.net.now)
        left = (len(core.by_own), len(core.by_remote), len(core.per_host), core.numbers.taken, len(core.timers))
        assert left == (0, 0, 0, 0, 0), f"seed {seed}: left {left}"
        assert not core.unanswered, seed
        assert core.without_token == 0, seed
        judged = [e for e in box.events if type(e).__name__ == "Failed"]
        calls = [e.call for e in judged if e.call is not None]
        assert len(calls) == len({id(c) for c in calls}), f"seed {seed}: two verdicts for one call"
    if pair.aged and not pair.refusing and pair.net.link.loss <= 0.02:
        assert any(stamp >= 1 << 32 for leg in pair.legs.values() for stamp in leg.voices), f"seed {seed}: no wrap"
    if pair.net.link.loss <= 0.02 and not pair.refusing:
        assert any(leg.voices for leg in pair.legs.values()), seed


def run_call(seed: int) -> Pair:
    pair = Pair(seed)
    pair.run()
    check(pair, seed)
    return pair


@pytest.mark.slow
@pytest.mark.parametrize("block", range(10))
def test_ten_thousand_calls(block: int) -> None:
    calls = 0
    for seed in range(block * SEEDS // 10, (block + 1) * SEEDS // 10):
        calls += sum(leg.call.direction == "out" for leg in run_call(seed).legs.values())
    assert calls == CALLS * SEEDS // 10


def test_the_same_seed_gives_the_same_run() -> None:
    one, two = run_call(7), run_call(7)
    assert (one.a.sent, one.b.sent) == (two.a.sent, two.b.sent)


@pytest.mark.parametrize("seed", range(20))
def test_a_far_end_whose_address_changes_is_lost_to_both(seed: int) -> None:
    """No frame of a plain call proves who sent it, so a new address is a stranger; both ends notice and end."""
    pair = Pair(seed)
    pair.net.at(pair.net.now + 20, lambda: pair.net.move(pair.b, ("127.0.24.29", 4569)))
    for n in range(10):
        pair.net.at(pair.net.now + n * 3, pair.place)
    pair.net.run(60 + 90 + 60 + 70)
    for leg in pair.legs.values():
        assert leg.ended is not None
    for box in (pair.a, pair.b):
        core = box.endpoint.core
        core.numbers.release(pair.net.now)
        assert (len(core.by_own), core.numbers.taken, len(core.timers)) == (0, 0, 0)
