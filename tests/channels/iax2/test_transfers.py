"""Native transfer between three endpoints in virtual time: all of a call, its voice only, and when it does not work."""

from __future__ import annotations

import pytest

from pbx.channels.causes import Cause
from pbx.channels.events import Control
from pbx.channels.iax2 import transfers
from pbx.channels.iax2.address import Address
from pbx.channels.iax2.call import Call, Outgoing
from pbx.channels.iax2.elements import Element, Elements
from pbx.channels.iax2.events import CallControl, CallMedia, CallRestarted, CallText, CallVoice, Event, IncomingCall
from pbx.channels.iax2.frames import Command, FrameError, FrameType, FullFrame, parse_full
from tests.simulation.network import Box, Link, Network, Plan

A, M, C = ("127.0.56.40", 4569), ("127.0.56.41", 4569), ("127.0.56.42", 4569)
GENERAL = "[general]\ndisallow=all\nallow=ulaw\n"
YES, MEDIA = "transfer=yes\n", "transfer=mediaonly\n"


class Net(Network):
    """A network in which some cannot reach each other."""

    apart: frozenset[frozenset[Address]] = frozenset()

    def carry(self, source: Address, target: Address, data: bytes) -> None:
        if frozenset((source, target)) not in self.apart:
            super().carry(source, target, data)
        elif self.log is not None:
            self.log.append((self.now, source, target, data))


class Three:
    """a calls m, which calls c and joins both; m passes text on."""

    def __init__(
        self, a: str = YES, c: str = YES, link: Link | None = None, seed: int = 1, login: str = "", far: Address = C
    ) -> None:
        self.net = Net(seed, link)
        self.net.log = []
        self.a = Box(self.net, A, f"{GENERAL}[m]\ntype=peer\nhost={M[0]}\nusername=a\n{login}")
        middle = (
            f"{GENERAL}[a]\ntype=user\ncontext=default\n{login}{a}[c]\ntype=peer\nhost={far[0]}\nusername=m\n{login}{c}"
        )
        self.m = Box(self.net, M, middle, Plan(), on_event=self.passes)
        self.c = Box(self.net, far, f"{GENERAL}[m]\ntype=user\ncontext=default\n{login}", Plan())
        self.legs: dict[Call, Call] = {}

    def passes(self, box: Box, event: Event) -> None:
        if isinstance(event, IncomingCall):
            out = box.endpoint.place_call(Outgoing("c", exten="600"), self.net.now)
            self.legs = {event.call: out, out: event.call}
        elif isinstance(event, CallText) and event.call in self.legs:
            self.legs[event.call].text(event.text, self.net.now)
        elif isinstance(event, CallControl) and event.control == Control.ANSWER:
            self.legs[event.call].answer(self.net.now)

    def join(self, seconds: float = 4) -> tuple[Call, Call]:
        """The calls at a and c, after m has joined its legs."""
        call = self.a.endpoint.place_call(Outgoing("m", exten="600"), self.net.now)
        self.net.run(3)
        (there,) = self.c.incoming
        there.answer(self.net.now)
        self.net.run(3)
        self.m.endpoint.bridged(*self.legs, self.net.now)
        self.net.run(seconds)
        return call, there

    def talk(self, *ends: tuple[Call, Box, Box]) -> None:
        for call, here, there in ends:
            before = len(there.of(CallText))
            call.text("hello", self.net.now)
            here.pump()
            self.net.run(40)
            assert [e.text for e in there.of(CallText)[before:]] == ["hello"]

    def frames(self, source: Address, target: Address) -> list[str]:
        found = []
        for _, one, two, data in self.net.log or []:
            if (one, two) == (source, target):
                try:
                    found.append(parse_full(data).name)
                except FrameError:
                    found.append("?")
        return found

    def clean(self) -> None:
        self.net.run(100)
        for box in (self.a, self.m, self.c):
            core = box.endpoint.core
            core.numbers.release(self.net.now)
            assert not core.by_own
            assert not core.by_remote
            assert not core.by_transfer
            assert not core.per_host
            assert core.numbers.taken == 0
            assert len(core.timers) == 0


def test_the_middle_leaves() -> None:
    w = Three()
    call, there = w.join()
    assert {(e.how, e.cause) for leg in w.legs if (e := w.m.ended(leg))} == {("transferred", Cause.NORMAL_CLEARING)}
    assert all(w.m.gone(leg) for leg in w.legs)
    assert w.m.endpoint.stats["transfers"] == 2
    assert (call.address, call.remote_number) == (C, there.own_number)
    assert (there.address, there.remote_number) == (A, call.own_number)
    assert len(w.a.of(CallRestarted)) == len(w.c.of(CallRestarted)) == 1
    assert call.receive_format == 0
    assert w.net.log is not None
    w.net.log.clear()
    w.talk((call, w.a, w.c), (there, w.c, w.a))
    call.voice_full(60, 4, b"v" * 160, w.net.now)
    w.a.pump()
    w.net.run(30)  # PING, LAGRQ and all else go directly, too
    assert [e.payload for e in w.c.of(CallVoice)] == [b"v" * 160]
    assert not any(M in (one, two) for _, one, two, _ in w.net.log)
    there.hangup(17, w.net.now)
    w.net.run(1)
    ended = w.a.ended(call)
    assert ended is not None
    assert (ended.cause, ended.how) == (17, "hangup")
    w.clean()


def test_the_middle_leaves_voice_only() -> None:
    w = Three(YES, MEDIA)
    call, there = w.join()
    assert [(e.call, e.address, e.number) for e in w.a.of(CallMedia)] == [(call, C, there.own_number)]
    assert [(e.call, e.address, e.number) for e in w.c.of(CallMedia)] == [(there, A, call.own_number)]
    assert all(w.m.ended(leg) is None for leg in w.legs)
    w.talk((call, w.a, w.c), (there, w.c, w.a))
    assert set(w.frames(A, C)) | set(w.frames(C, A)) == {"TXCNT", "TXACC"}
    for leg in list(w.legs):
        leg.hangup(16, w.net.now)
    w.m.pump()
    w.clean()


@pytest.mark.parametrize(
    ("a", "c"), [("", ""), (YES, ""), ("", YES), (YES, "transfer=no\n"), ("notransfer=yes\n", YES)]
)
def test_nothing_is_transferred_that_is_not_written(a: str, c: str) -> None:
    w = Three(a, c)
    call, there = w.join()
    assert "TXREQ" not in w.frames(M, A) + w.frames(M, C)
    w.talk((call, w.a, w.c), (there, w.c, w.a))


def test_an_encrypted_call_is_not_transferred() -> None:
    w = Three(login="secret=s\nauth=md5\nencryption=yes\n")
    call, there = w.join()
    assert call.encrypted
    assert there.encrypted
    assert all(leg.moving is None for leg in w.legs)
    w.talk((call, w.a, w.c), (there, w.c, w.a))


def test_nobody_private_is_sent_to_a_public_address() -> None:
    w = Three(far=("198.51.100.7", 4569))
    w.join()
    assert "TXREQ" in w.frames(M, A), "documentation addresses count as private"
    w = Three(far=("8.8.8.8", 4569))
    call, there = w.join()
    assert "TXREQ" not in w.frames(M, A)
    w.talk((call, w.a, w.c), (there, w.c, w.a))


def test_who_find_no_way_stay_with_the_middle() -> None:
    w = Three()
    w.net.apart = frozenset({frozenset((A, C))})
    call, there = w.join(20)
    assert w.frames(A, M).count("TXREJ") == 1
    assert w.frames(A, C).count("TXCNT") == 4
    assert (call.address, there.address) == (M, M)
    assert all(one.moving is None for one in (call, there, *w.legs))
    assert not w.a.endpoint.core.by_transfer
    w.talk((call, w.a, w.c), (there, w.c, w.a))
    for leg in list(w.legs):
        leg.hangup(16, w.net.now)
    w.m.pump()
    w.clean()


def test_an_address_where_our_number_is_taken_is_refused() -> None:
    w = Three()
    call = w.a.endpoint.place_call(Outgoing("m", exten="600"), w.net.now)
    w.net.run(3)
    w.a.endpoint.core.numbers._taken[call.own_number].add(C)
    w.c.incoming[0].answer(w.net.now)
    w.net.run(1)
    w.m.endpoint.bridged(*w.legs, w.net.now)
    w.net.run(10)
    assert w.frames(A, M).count("TXREJ") == 1
    assert w.frames(A, C) == []
    assert call.address == M
    assert w.c.incoming[0].moving is None
    w.talk((call, w.a, w.c))


def test_who_hangs_up_meanwhile_ends_the_transfer() -> None:
    w = Three()
    w.net.apart = frozenset({frozenset((A, C))})
    call, there = w.join(0.1)
    assert isinstance(there.moving, transfers.End)
    w.m.endpoint.unbridged(next(iter(w.legs)), w.net.now)
    w.net.run(1)
    assert there.moving is None
    assert call.moving is None
    w.m.endpoint.bridged(*w.legs, w.net.now)
    call.hangup(16, w.net.now)
    w.net.run(0.5)
    for leg in list(w.legs):
        leg.hangup(16, w.net.now)
    w.m.pump()
    w.clean()


def test_what_nobody_asked_for_changes_nothing() -> None:
    w = Three("", "")
    call, there = w.join()
    (leg, *_) = (leg for leg in w.legs if leg.address == A)
    for command in (Command.TXREL, Command.TXMEDIA, Command.TXREADY, Command.TXREJ):
        leg.send(command, w.net.now, Elements().add_uint(Element.CALLNO, 99))
    leg.send(Command.TXREQ, w.net.now)
    stray = FullFrame(99, call.own_number, 5, 0, 0, FrameType.IAX, Command.TXCNT, b"\x1b\x04\0\0\0\1")
    w.net.carry(C, A, stray.encode())
    w.net.run(1)
    assert call.address == M
    assert call.moving is None
    assert not leg.reliable.pending
    w.talk((call, w.a, w.c), (there, w.c, w.a))


@pytest.mark.parametrize("kind", [YES, MEDIA], ids=["all", "media"])
@pytest.mark.parametrize("seed", range(20))
def test_over_a_bad_network_it_works_or_all_stays(seed: int, kind: str) -> None:
    w = Three(kind, kind, seed=seed)
    call = w.a.endpoint.place_call(Outgoing("m", exten="600"), w.net.now)
    w.net.run(3)
    (there,) = w.c.incoming
    there.answer(w.net.now)
    w.net.run(3)
    w.net.link = Link(delay=0.03, jitter=0.1, loss=0.25, duplication=0.1)
    w.m.endpoint.bridged(*w.legs, w.net.now)
    w.net.run(40)
    w.net.link = Link()
    w.net.run(45)
    if w.a.ended(call) or w.c.ended(there):
        # one end heard TXREL, for the other it was lost four times: they learn it, and nothing is left
        w.net.run(200)
    else:
        w.talk((call, w.a, w.c), (there, w.c, w.a))
        OUTCOMES.append(call.address == C or bool(w.a.of(CallMedia)))
        call.hangup(16, w.net.now)
        w.net.run(60)
    for leg in list(w.legs):
        leg.hangup(16, w.net.now)
    there.hangup(16, w.net.now)
    for box in (w.a, w.m, w.c):
        box.pump()
    w.clean()


OUTCOMES: list[bool] = []


def test_mostly_it_works() -> None:
    if len(OUTCOMES) == 40:
        assert sum(OUTCOMES) > 30
