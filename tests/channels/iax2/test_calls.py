"""Calls between two endpoints over a perfect network: what each end is told, and what is left."""

from __future__ import annotations

import gc

import pytest

from pbx.channels.events import Control
from pbx.channels.iax2.call import Call, CannotCall, Outgoing
from pbx.channels.iax2.elements import Element, Elements
from pbx.channels.iax2.events import (
    CallAccepted,
    CallControl,
    CallDigit,
    CallEnded,
    CallFormats,
    CallText,
    CallVoice,
    LegBound,
)
from pbx.channels.iax2.frames import Command, FrameType, FullFrame, parse_full
from pbx.channels.party import Caller
from pbx.channels.voice.counters import (
    DELAY,
    DROPPED,
    JITTER_PARTS,
    LATE,
    LOST,
    OUT_OF_ORDER,
    RX_FRAMES,
    RX_JITTER,
    CounterTable,
)
from tests.simulation.network import Box, Link, Network, Plan

A, B = ("127.0.24.10", 4569), ("127.0.24.11", 4569)

CALLER = """
[general]
disallow=all
allow=ulaw
allow=alaw
allow=gsm
[b]
type=peer
host=127.0.24.11
username=a
secret=sesame
auth=md5
"""
CALLEE = """
[general]
disallow=all
allow=gsm
allow=alaw
[a]
type=user
context=default
secret=sesame
auth=md5
"""


class World:
    def __init__(self, caller: str = CALLER, callee: str = CALLEE, link: Link | None = None) -> None:
        self.net = Network(1, link)
        self.a = Box(self.net, A, caller)
        self.b = Box(self.net, B, callee, Plan({"default": {"600"}}))

    def call(self, **more: object) -> Call:
        call = self.a.endpoint.place_call(Outgoing("b", exten="600", **more), self.net.now)  # type: ignore[arg-type]
        self.a.pump()
        return call

    def clean(self) -> None:
        """Nothing of any call is left once numbers have rested."""
        self.net.run(100)
        for box in (self.a, self.b):
            core = box.endpoint.core
            core.numbers.release(self.net.now)
            assert not core.by_own
            assert not core.by_remote
            assert not core.per_host
            assert not core.unanswered
            assert core.numbers.taken == 0
            assert len(core.timers) == 0
            assert core.without_token == 0


def test_a_call_is_logged_in_answered_and_hung_up() -> None:
    w = World()
    call = w.call(caller=Caller("321", "Ann"), variables={"x": "1"}, language="en")
    w.net.run(1)
    assert [type(e) for e in w.a.events] == [LegBound, CallAccepted, CallFormats]
    (there,) = w.b.incoming
    assert there.request is not None
    assert (there.request.context, there.request.exten) == ("default", "600")
    assert (there.request.caller.number, there.request.caller.name) == ("321", "Ann")
    assert there.request.variables == {"x": "1"}
    assert there.channel_name == f"IAX2/a-{there.own_number}"
    assert call.channel_name == f"IAX2/b-{call.own_number}"
    assert call.format == there.format == 2  # the called side's own order counts
    assert (call.remote_number, there.remote_number) == (there.own_number, call.own_number)

    there.control(Control.RINGING, b"", w.net.now)
    there.answer(w.net.now)
    there.digit("5", True, w.net.now)
    there.text("Hello", w.net.now)
    w.b.pump()
    w.net.run(0.2)
    there.digit("5", False, w.net.now)
    w.b.pump()
    w.net.run(0.2)
    assert [e.control for e in w.a.of(CallControl)] == [Control.RINGING, Control.ANSWER, Control.STOP_SOUNDS]
    begin, end = w.a.of(CallDigit)
    assert (begin.digit, begin.begin, end.begin, end.milliseconds) == ("5", True, False, 200)
    assert [e.text for e in w.a.of(CallText)] == ["Hello"]

    call.hangup(17, w.net.now)
    w.a.pump()
    w.net.run(1)
    ours, theirs = w.a.ended(call), w.b.ended(there)
    assert ours is not None
    assert theirs is not None
    assert (ours.cause, ours.how, theirs.cause, theirs.how) == (17, "local", 17, "hangup")
    assert w.a.gone(call)
    assert w.b.gone(there)
    assert not w.a.verdicts
    assert not w.b.verdicts
    w.clean()


def test_full_voice_frames_carry_64_bit_time_across_the_wraps() -> None:
    w = World()
    call = w.call()
    w.net.run(1)
    (there,) = w.b.incoming
    wrap = 1 << 32
    for stamp in (1000, wrap // 2, wrap - 20, wrap, wrap + 20, 2 * wrap - 20, 2 * wrap + 40):
        # the answering end hears of the time in between as it would: frame by frame
        last = there.last_received
        while stamp - last > wrap // 2:
            last += wrap // 2
            call.voice_full(last, 4, b"\xff", w.net.now)
        call.voice_full(stamp, 4, b"\xff" * 160, w.net.now)
        w.a.pump()
        w.net.run(0.1)
        assert w.b.of(CallVoice)[-1].ts64 == stamp
    assert there.receive_format == 4


def test_a_refused_call_is_told_once_at_both_ends() -> None:
    w = World(callee=CALLEE.replace("sesame", "hunter2"))
    call = w.call()
    w.net.run(1)
    (at_a,), (at_b,) = w.a.verdicts, w.b.verdicts
    assert at_a.cause == at_b.cause == 50
    assert at_b.who == "a"
    assert at_b.place.startswith("iax.conf:")
    assert at_b.security == "ChallengeResponseFailed"
    assert "sesame" not in repr((at_a, at_b))
    assert "hunter2" not in repr((at_a, at_b))
    ended = w.a.ended(call)
    assert ended is not None
    assert (ended.cause, ended.how, ended.text) == (50, "reject", "No authority found")
    assert not w.b.incoming
    w.clean()


@pytest.mark.parametrize(
    ("callee", "cause", "words"),
    [
        (CALLEE.replace("[a]", "[A]"), 50, "[A]"),
        (CALLEE + "deny=0.0.0.0/0\n", 50, "permit the address"),
        (CALLEE.replace("context=default", "context=elsewhere"), 3, "extension"),
        (CALLEE.replace("allow=gsm", "allow=g729").replace("allow=alaw", ""), 58, "allow lines"),
        (CALLEE + "forceencryption=yes\n", 50, "encryption"),
    ],
)
def test_refusals_have_their_cause_and_advice(callee: str, cause: int, words: str) -> None:
    w = World(callee=callee)
    call = w.call()
    w.net.run(1)
    ended = w.a.ended(call)
    assert ended is not None
    assert (ended.cause, ended.how) == (cause, "reject")
    (verdict,) = w.b.verdicts
    assert verdict.cause == cause
    assert words in verdict.advice
    w.clean()


def test_a_peer_that_vanishes_ends_the_call_with_27_within_a_minute() -> None:
    w = World()
    call = w.call()
    w.net.run(1)
    (there,) = w.b.incoming
    w.net.link.cut = True
    w.net.run(60)
    for box, leg in ((w.a, call), (w.b, there)):
        ended = box.ended(leg)
        assert ended is not None
        assert (ended.cause, ended.how) == (27, "timeout")
        assert len(box.verdicts) == 1
    w.clean()


def test_a_quiet_call_lives_for_weeks() -> None:
    w = World()
    call = w.call()
    w.net.run(6 * 3600)  # every timer comes round many times
    assert call.alive
    assert call.lag == 40
    assert not w.a.of(CallEnded)


def test_nobody_there_fails_with_27_after_four_sendings() -> None:
    w = World()
    w.net.link.cut = True
    w.net.log = []
    start = w.net.now
    call = w.call()
    w.net.run(40)
    assert [round(t - start) for t, *_ in w.net.log] == [0, 2, 12, 22]
    assert [data[2] >> 7 for *_, data in w.net.log] == [0, 1, 1, 1]
    ended = w.a.ended(call)
    assert ended is not None
    assert ended.cause == 27
    w.clean()


def test_an_unregistered_peer_cannot_be_called() -> None:
    w = World(CALLER.replace("127.0.24.11", "dynamic"))
    with pytest.raises(CannotCall) as caught:
        w.a.endpoint.place_call(Outgoing("b", exten="600"), w.net.now)
    assert caught.value.cause == 20
    w.a.pump()
    (verdict,) = w.a.verdicts
    assert verdict.cause == 20
    assert verdict.place.startswith("iax.conf:")


def test_a_restarted_peer_says_inval_to_the_second_copy() -> None:
    w = World()
    call = w.call()
    w.net.run(1)
    w.b.endpoint.core.by_own.clear()  # it forgets everything, as a restart does
    w.b.endpoint.core.by_remote.clear()
    w.b.endpoint.core.timers.__init__()  # type: ignore[misc]
    w.b.endpoint.core.numbers.__init__(w.net.random)  # type: ignore[misc]
    w.net.run(15)
    ended = w.a.ended(call)
    assert ended is not None
    assert (ended.cause, ended.how) == (27, "inval")


def test_a_login_over_rsa_or_plain_text_is_never_answered_with_more_than_auth_allows() -> None:
    w = World(callee=CALLEE.replace("auth=md5", "auth=plaintext"))
    call = w.call()
    w.net.log = []
    w.net.run(1)
    assert w.a.ended(call) is not None
    assert not any(b"sesame" in data for *_, data in w.net.log)
    (verdict,) = w.a.verdicts
    assert "plain text" in verdict.got


def test_calls_are_torn_down_without_cycles() -> None:
    """Nothing of a thousand calls waits for the collector, whose pauses would be heard."""
    w = World()

    def one() -> None:
        call = w.call()
        w.net.run(0.5)
        there = w.b.incoming[-1]
        there.answer(w.net.now)
        w.b.pump()
        w.net.run(0.2)
        call.hangup(16, w.net.now)
        w.a.pump()
        w.net.run(0.5)
        w.a.events.clear()
        w.b.events.clear()

    one()
    gc.collect()
    gc.disable()
    try:
        for _ in range(200):
            one()
        assert gc.collect() == 0
    finally:
        gc.enable()
    w.clean()


def test_a_caller_that_never_logs_in_is_refused_after_a_minute() -> None:
    far = Network(3)
    box = Box(far, B, CALLEE.replace("auth=md5", "auth=md5\nrequirecalltoken=no"), Plan({"default": {"600"}}))
    new = Elements().add_text(Element.CALLED_NUMBER, "600").add_text(Element.USERNAME, "a").add_uint(Element.FORMAT, 2)
    frame = FullFrame(100, 0, 3, 0, 0, FrameType.IAX, Command.NEW, new.encode())
    far.log = []
    box.endpoint.receive(0, A, "", frame.encode(), far.now)
    own = next(iter(box.endpoint.core.by_own.values())).own_number
    box.pump()
    for _ in range(100):
        # it acknowledges all that it gets, and does nothing else
        expected = (parse_full(far.log[-1][3]).oseqno + 1) & 0xFF
        ack = FullFrame(100, own, 3, 1, expected, FrameType.IAX, Command.ACK)
        box.endpoint.receive(0, A, "", ack.encode(), far.now)
        box.pump()
        far.run(1)
    assert not box.endpoint.core.by_own
    (verdict,) = box.verdicts
    assert "within 60 seconds" in verdict.got
    assert not box.endpoint.core.unanswered


def test_each_family_leaves_from_its_own_socket() -> None:
    conf = "[general]\n[four]\ntype=peer\nhost=127.0.24.9\n[six]\ntype=peer\nhost=::1\nqualify=yes\n"
    net = Network(1)
    box = Box(net, A, conf)
    box.endpoint.start(net.now, [(3, "127.0.24.10"), (4, "::1")])
    for peer, socket in (("four", 3), ("six", 4)):
        call = box.endpoint.reserve_call(Outgoing(peer, exten="1"), net.now)
        assert call.socket == socket
    box.endpoint.expire(net.now + 10)
    pokes = [d for d in box.endpoint.take_datagrams() if d.address[0] == "::1"]
    assert [d.socket for d in pokes][:1] == [4]


def test_more_frames_than_sequence_numbers_arrive_in_order() -> None:
    w = World(link=Link(delay=0.15, jitter=0.05, loss=0.02))
    call = w.call()
    w.net.run(10)
    for n in range(700):
        call.text(str(n), w.net.now)
    w.a.pump()
    w.net.run(120)
    assert [e.text for e in w.b.of(CallText)] == [str(n) for n in range(700)]
    call.hangup(16, w.net.now)
    w.a.pump()
    w.clean()


def test_what_an_end_received_is_told_in_pong() -> None:
    """The RR elements of the one are the far half of the other's `iax2 show netstats`; nothing known: 0, 0, 1, 40."""
    w = World()
    call = w.call()
    w.net.run(1)
    there = w.b.incoming[-1]
    there.answer(w.net.now)
    w.b.pump()
    w.net.run(25)
    nothing = {Element.RR_PKTS: 1, Element.RR_DELAY: 40}
    told = (Element.RR_JITTER, Element.RR_LOSS, Element.RR_PKTS, Element.RR_DELAY, Element.RR_DROPPED, Element.RR_OOO)
    assert call.remote_report == {number: nothing.get(number, 0) for number in told}
    table = w.b.endpoint.core.counters = CounterTable(8)
    there.row = 3
    table.rx[3, RX_FRAMES], table.rx[3, RX_JITTER] = 75, 12 * JITTER_PARTS
    table.rare[3, [LOST, OUT_OF_ORDER, LATE, DROPPED, DELAY]] = 25, 4, 2, 1, 140
    w.net.run(25)
    assert [call.remote_report[number] for number in told] == [12, 25 << 24 | 25, 75, 140, 3, 4]
    call.hangup(16, w.net.now)
    w.a.pump()
    w.net.run(1)
    w.clean()
