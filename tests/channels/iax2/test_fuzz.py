"""Any bytes at any time: counted and dropped, never an exception, and calls of others do not notice."""

from __future__ import annotations

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from pbx.channels.iax2.call import Outgoing
from pbx.channels.iax2.frames import Command, FrameType, FullFrame
from tests.channels.iax2.test_calls import CALLEE, CALLER, A, B
from tests.simulation.network import Box, Network, Plan

C = ("127.0.24.12", 4569)

#: lets a stranger's NEW in without a token, so that what follows it is tried too
GUEST = """
[guest]
type=user
requirecalltoken=no
allow=ulaw
"""


def world() -> tuple[Network, Box, Box]:
    net = Network(1)
    net.log = []
    a, b = Box(net, A, CALLER), Box(net, B, CALLEE + GUEST, Plan({"default": {"600", "s"}}))
    return net, a, b


@given(st.lists(st.binary(max_size=60), max_size=10))
@settings(max_examples=80, deadline=None)
def test_garbage_from_a_stranger(datagrams: list[bytes]) -> None:
    net, _a, b = world()
    for data in datagrams:
        b.endpoint.receive(0, C, "", data, net.now)
        b.pump()
    assert not b.endpoint.core.by_own


numbers = st.integers(0, 0x7FFF)
commands = st.sampled_from(list(Command))
elements = st.lists(st.tuples(st.integers(0, 60), st.binary(max_size=12)), max_size=6).map(
    lambda items: b"".join(bytes((n, len(v))) + v for n, v in items)
)


@given(st.lists(st.tuples(commands, elements, st.integers(0, 4), st.integers(0, 3), st.booleans()), max_size=25))
@settings(max_examples=80, deadline=None)
def test_well_formed_nonsense_within_dialogues(steps: list[tuple[Command, bytes, int, int, bool]]) -> None:
    """Every command in every state, elements of any size, in sequence: from a call's far end and from a stranger."""
    net, a, b = world()
    call = a.endpoint.place_call(Outgoing("b", exten="600"), net.now)
    a.pump()
    oseqno = 0
    for command, data, pause, kind, in_call in steps:
        net.run(pause * 0.01)
        there = next(iter(b.endpoint.core.by_own.values()), None)
        if in_call and there is not None:
            frame = FullFrame(
                call.own_number, there.own_number, 5, there.reliable.iseqno, there.reliable.oseqno,
                FrameType.IAX if kind else FrameType.CONTROL, command, data,
            )  # fmt: skip
            b.endpoint.receive(0, A, "", frame.encode(), net.now)
        else:
            frame = FullFrame(77, 0, 9, oseqno, 0, FrameType.IAX, command, data)
            b.endpoint.receive(0, C, "", frame.encode(), net.now)
        b.pump()
    net.run(400)
    call.hangup(16, net.now)
    a.pump()
    net.run(200)
    for box in (a, b):
        assert not box.endpoint.core.by_own
        assert len(box.endpoint.core.timers) == 0


def test_flipped_bits_of_real_dialogues_never_raise() -> None:
    net, a, b = world()
    a.endpoint.place_call(Outgoing("b", exten="600"), net.now)
    a.pump()
    net.run(30)
    seen = [(source, target, data) for _, source, target, data in net.log or []]
    draw = Random(5)
    for _ in range(4000):
        source, target, data = draw.choice(seen)
        spoiled = bytearray(data)
        for _ in range(draw.randrange(1, 4)):
            spoiled[draw.randrange(len(spoiled))] ^= 1 << draw.randrange(8)
        cut = draw.randrange(len(spoiled) + 1) if draw.random() < 0.2 else len(spoiled)
        box = a if target == A else b
        box.endpoint.receive(0, source, "", bytes(spoiled[:cut]), net.now)
        box.pump()
    net.run(300)
    assert b.endpoint.stats["received"] > 1000


def test_a_stranger_cannot_end_or_join_a_call() -> None:
    net, a, b = world()
    call = a.endpoint.place_call(Outgoing("b", exten="600"), net.now)
    a.pump()
    net.run(1)
    (there,) = b.incoming
    for command in Command:
        for source, destination in ((call.own_number, there.own_number), (there.own_number, there.own_number)):
            window = there.reliable
            frame = FullFrame(source, destination, 5, window.iseqno, window.oseqno, FrameType.IAX, command)
            b.endpoint.receive(0, C, "", frame.encode(), net.now)
            b.pump()
    net.run(5)
    assert call.alive
    assert there.alive
