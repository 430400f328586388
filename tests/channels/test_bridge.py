"""Two channels bridged on one's task, in virtual time."""

from __future__ import annotations

from typing import Any

import pytest

from pbx.channels.bridge import Bridge, BridgeOptions, BridgeResult, Reason, bridge_channels, hangup_cause
from pbx.channels.channel import Channel
from pbx.channels.events import (
    Bridged,
    Control,
    DigitBegin,
    DigitEnd,
    Indication,
    Opaque,
    Text,
    TransferRequest,
    Unbridged,
)
from pbx.channels.interrupts import Hangup, Interrupt, Redirect
from tests.channels.test_graph import GraphWorld
from tests.channels.world import garbage_of, said


class Holder:
    def left(self, channel: Channel, to: object) -> None: ...


class Call:
    """A caller `a` whose task bridges it with `b`; `end` is the BridgeResult or the Interrupt."""

    def __init__(self, world: GraphWorld, options: BridgeOptions | None = None, number: int = 0) -> None:
        self.world = world
        self.a, self.b = world.leg(f"T/a{number}"), world.leg(f"T/b{number}")
        self.end: Any = None
        self.options = options or BridgeOptions()

    def start(self) -> Call:
        async def task() -> None:
            try:
                self.end = await bridge_channels(self.a, self.a, self.b, self.options)
            except Interrupt as interrupt:
                self.end = type(interrupt)
                self.a.acknowledge()

        self.a.start(Holder(), task())
        return self


@pytest.fixture
def world() -> GraphWorld:
    return GraphWorld()


@pytest.fixture
def call(world: GraphWorld) -> Call:
    return Call(world).start()


def test_sound_owner_and_bus(world: GraphWorld, call: Call) -> None:
    assert world.port.pairs() == {(1, 2), (2, 1)}
    bridge = call.b.owner
    assert isinstance(bridge, Bridge)
    assert call.a.bridge is call.b.bridge is bridge
    assert bridge.peer(call.a) is call.b
    assert world.switch.bridges == {bridge.id: bridge}
    assert world.of(Bridged) == [Bridged(bridge.id, (call.a, call.b))]
    call.b.end(17)
    assert call.end == BridgeResult(Reason.HANGUP, call.b)
    assert hangup_cause(call.end) == 17
    assert world.port.pairs() == set()
    assert call.a.bridge is None
    assert call.b.owner is None
    assert world.switch.bridges == {}
    assert [event.channel for event in world.of(Unbridged)] == [call.a, call.b]
    assert not call.a.dead


def test_signals_cross_both_ways(call: Call) -> None:
    call.a.deliver(Indication(Control.HOLD, b"class"))
    call.a.deliver(Text("hi"))
    call.a.deliver(DigitBegin("5"))
    call.a.deliver(DigitEnd("5", 120))
    call.b.deliver(Opaque(3, 1, b"frame"))
    call.b.deliver(Indication(Control.UNHOLD))
    call.b.deliver(Indication(Control.ANSWER))
    call.b.deliver(Indication(Control.STOP_SOUNDS))
    assert said(call.b) == [
        ("indicate", Control.HOLD, b"class"),
        ("text", "hi"),
        ("begin", "5"),
        ("end", "5", 120),
    ]
    assert said(call.a) == [("opaque", 3, 1, b"frame"), ("indicate", Control.UNHOLD, b"")]


def test_the_oldest_linkedid_is_of_all(world: GraphWorld) -> None:
    call = Call(world)
    call.a.linkedid, call.b.linkedid = "box-1000009.12", "box-1000009.9"
    call.start()
    assert call.a.linkedid == call.b.linkedid == "box-1000009.9"


def test_what_was_typed_before_the_bridge_crosses_too(world: GraphWorld) -> None:
    call = Call(world)
    call.a.deliver(DigitEnd("9", 0))
    call.start()
    assert said(call.b) == [("begin", "9"), ("end", "9", 100)]


def test_hangup_of_the_task_breaks_through(world: GraphWorld, call: Call) -> None:
    call.a.end(16)
    assert call.end is Hangup
    assert not call.b.dead
    assert call.b.bridge is None
    assert world.port.pairs() == set()


def test_redirect_breaks_through(call: Call) -> None:
    call.a.interrupt(Redirect("c", "e"))
    assert call.end is Redirect
    assert not call.b.dead


def test_softhangup_of_the_other(call: Call) -> None:
    call.b.softhangup(34)
    assert call.end == BridgeResult(Reason.HANGUP, call.b)
    assert said(call.b) == [("hangup", 34)]


def test_a_channel_that_is_taken_lives_on_elsewhere(call: Call) -> None:
    thief = Holder()
    call.b.claim(thief)
    assert call.end == BridgeResult(Reason.TAKEN, call.b)
    assert call.b.owner is thief
    assert not call.b.dead
    call.b.deliver(DigitEnd("1"))
    assert call.b.poll() == DigitEnd("1")


def test_a_transfer_request_ends_it(call: Call) -> None:
    call.b.deliver(TransferRequest("200", "c"))
    assert call.end == BridgeResult(Reason.TRANSFER, call.b, TransferRequest("200", "c"))


def test_dead_before_it_began(world: GraphWorld) -> None:
    call = Call(world)
    call.b.end(17)
    call.start()
    assert call.end == BridgeResult(Reason.HANGUP, call.b)
    assert world.of(Bridged) == []


def test_limit_and_ticks(world: GraphWorld) -> None:
    ticks: list[float] = []
    options = BridgeOptions(limit=10, ticks=((7, lambda b: ticks.append(7)), (3, lambda b: ticks.append(3))))
    call = Call(world, options).start()
    world.clock.advance(3)
    assert ticks == [3]
    world.clock.advance(6.9)
    assert (ticks, call.end) == ([3, 7], None)
    world.clock.advance(0.2)
    assert call.end == BridgeResult(Reason.LIMIT)
    assert world.clock.getDelayedCalls() == []


class Featured(Call):
    """`a` has features `*` with a longer `*1`, and `##`."""

    def __init__(self, world: GraphWorld) -> None:
        super().__init__(world)
        self.ran: list[str] = []
        self.options = BridgeOptions(hooks={self.a: {c: self.hook(c) for c in ("*1", "*2", "##")}})

    def hook(self, code: str) -> Any:
        async def feature(bridge: Bridge, channel: Channel) -> object:
            assert channel is self.a
            self.ran.append(code)
            if code == "*2":
                bridge.disconnect()
                await self.a.sleep(5)
                bridge.connect()
            return "end" if code == "##" else None

        return feature

    def type(self, digits: str, who: Channel | None = None) -> None:
        for digit in digits:
            (who or self.a).deliver(DigitBegin(digit))
            (who or self.a).deliver(DigitEnd(digit, 80))


def test_a_feature_is_kept_from_the_other_side(world: GraphWorld) -> None:
    call = Featured(world)
    call.start()
    call.type("*1")
    assert call.ran == ["*1"]
    assert said(call.b) == []
    call.type("##")
    assert call.end == BridgeResult(Reason.FEATURE, call.a, "end")


def test_what_became_no_feature_is_passed_on(world: GraphWorld) -> None:
    call = Featured(world)
    call.start()
    call.type("*5")
    assert said(call.b) == [("begin", "*"), ("end", "*", 100), ("begin", "5"), ("end", "5", 80)]
    said(call.b).clear()
    call.type("#")
    world.clock.advance(0.99)
    assert said(call.b) == []
    world.clock.advance(0.02)
    assert said(call.b) == [("begin", "#"), ("end", "#", 100)]
    assert call.ran == []
    said(call.b).clear()
    call.type("*#*1")
    assert said(call.b) == [("begin", "*"), ("end", "*", 100), ("begin", "#"), ("end", "#", 100)]
    assert call.ran == ["*1"]


def test_features_are_of_one_side(world: GraphWorld) -> None:
    call = Featured(world)
    call.start()
    call.type("##", call.b)
    assert call.end is None
    assert len(said(call.a)) == 4


def test_a_feature_may_take_its_time(world: GraphWorld) -> None:
    call = Featured(world)
    call.start()
    call.type("*2")
    assert world.port.pairs() == set()
    call.b.deliver(Text("meanwhile"))
    assert said(call.a) == []
    world.clock.advance(5)
    assert said(call.a) == [("text", "meanwhile")]
    assert world.port.pairs() == {(1, 2), (2, 1)}


def test_the_other_ends_during_a_feature(world: GraphWorld) -> None:
    call = Featured(world)
    call.start()
    call.type("*2")
    call.b.end(17)
    world.clock.advance(5)
    assert call.end == BridgeResult(Reason.HANGUP, call.b)


def test_a_flood_does_not_hide_the_end(world: GraphWorld, call: Call) -> None:
    for _ in range(1000):
        call.a.deliver(Text("x"))
    call.a.end(16)
    assert call.end is Hangup


def test_a_thousand_bridges_leave_nothing(world: GraphWorld) -> None:
    def calls(count: int) -> None:
        for n in range(count):
            call = Call(world, number=n).start()
            call.a.deliver(DigitEnd("1"))
            if n % 2:
                call.a.end(16)
                call.b.hangup()
            else:
                call.b.end(16)
                call.a.hangup()
        world.heard.clear()
        world.port.commands.clear()

    calls(10)
    assert garbage_of(lambda: calls(1000)) == 0
    assert world.calm()
    assert world.errors == []
