"""ChanSpy, ExtenSpy, VOLUME and TALK_DETECT in virtual time: edges that the voice plane is told."""

from __future__ import annotations

from typing import Any

import pytest

from pbx.channels.bridge import Bridge, BridgeOptions
from pbx.channels.channel import Channel, State
from pbx.channels.events import DigitBegin, DigitEnd
from pbx.channels.graph import Graph
from pbx.channels.voice.port import Direction, EdgeKind
from pbx.dialplan.events import TalkChanged
from pbx.dialplan.scope import scope_of
from tests.channels.world import PortLog, RecordingLeg
from tests.dialplan.test_interpreter import Plan

BOTH = Direction.IN | Direction.OUT
SPY, A, B, C = 1, 2, 3, 4


class Watch:
    """A (row 2) and B (row 3) talk; C (row 4) stands alone; the spy (row 1) runs a line of dialplan."""

    def __init__(self, line: str, **more: Any) -> None:
        lines = line.split("\n")
        text = f"[default]\nexten => s,1,{lines[0]}\n" + "".join(f" same => n,{more}\n" for more in lines[1:])
        self.plan = Plan(text + " same => n,Set(GLOBAL(DONE)=1)\n same => n,Wait(99)\nexten => 5,1,Wait(99)\n", **more)
        self.port = PortLog()
        self.graph = self.plan.switch.graph = Graph(self.plan.switch, self.port)  # type: ignore[arg-type]
        self.a, self.b = self.channel("IAX2/a-1", A), self.channel("IAX2/b-2", B)
        self.c = self.channel("Other/7-3", C)
        self.bridge = Bridge(self.a, (self.a, self.b), BridgeOptions())
        self.bridge.open()
        self.spy = self.channel("IAX2/spy-4", SPY, State.RING)
        self.talk = set(self.port.edges)

    def channel(self, name: str, row: int, state: State = State.UP) -> Channel:
        channel = self.plan.switch.create(name, state=state)
        channel.leg = RecordingLeg(row)
        channel.context, channel.exten = "default", "s"
        self.graph.attach(channel)
        return channel

    def run(self) -> Watch:
        self.plan.switch.extensions.run(self.spy)
        self.seconds(0.5)
        return self

    def seconds(self, count: float) -> None:
        for _ in range(round(count * 20)):
            self.plan.clock.advance(0.05)

    def type(self, digits: str) -> None:
        for digit in digits:
            self.spy.deliver(DigitBegin(digit))
            self.spy.deliver(DigitEnd(digit, 100))
            self.seconds(0.3)

    def taps(self) -> dict[int, tuple[Direction, int]]:
        """Row that is spied on -> (what of it, gain)."""
        return {
            e.source: (e.direction, e.gain) for e in self.port.edges if e.sink == SPY and e.kind is EdgeKind.TAP
        }  # fmt: skip

    def hear_spy(self) -> set[int]:
        return {e.sink for e in self.port.edges if e.source == SPY}

    @property
    def done(self) -> bool:
        return "DONE" in self.plan.services.dialplan.globals

    def fine(self) -> None:
        assert [error.getTraceback() for error in self.plan.errors] == []


def test_a_spy_hears_both_and_is_heard_by_nobody() -> None:
    made = Watch("ChanSpy(IAX2/a,q)").run()
    assert made.spy.state is State.UP
    assert made.taps() == {A: (BOTH, 0)} and made.hear_spy() == set()
    assert made.talk <= made.port.edges
    made.spy.hangup()
    assert made.port.edges == made.talk
    made.fine()


@pytest.mark.parametrize(
    ("letters", "taps", "heard"),
    [
        ("o", {A: (Direction.IN, 0)}, set()),
        ("w", {A: (BOTH, 0)}, {A}),
        ("W", {}, {A}),
        ("B", {A: (BOTH, 0)}, {A, B}),
        ("v(2)", {A: (BOTH, 602)}, set()),
        ("v(-4)", {A: (BOTH, -1204)}, set()),
        ("v(9)", {A: (BOTH, 0)}, set()),
    ],
)
def test_modes(letters: str, taps: dict[int, Any], heard: set[int]) -> None:
    made = Watch(f"ChanSpy(iax2/a,q{letters})").run()
    assert made.taps() == taps and made.hear_spy() == heard
    made.fine()


def test_who_barges_in_is_heard_by_whom_the_channel_talks_with_then() -> None:
    made = Watch("ChanSpy(IAX2/a,qB)").run()
    made.bridge.close()
    assert made.hear_spy() == {A}
    Bridge(made.a, (made.a, made.c), BridgeOptions()).open()
    assert made.hear_spy() == {A, C}
    made.fine()


def test_the_next_channel_and_round_again() -> None:
    made = Watch("ChanSpy(IAX2/,q)").run()
    seen = []
    for _ in range(5):
        seen += list(made.taps())
        made.type("*")
    assert seen == [A, B, A, B, A]
    made.a.hangup()
    made.seconds(0.5)
    assert list(made.taps()) == [B]
    made.fine()


def test_digits_change_volume_and_mode_and_choose() -> None:
    made = Watch("ChanSpy(IAX2/,q)").run()
    made.type("##")
    assert made.taps() == {A: (BOTH, 602)}
    made = Watch("ChanSpy(IAX2,qd)").run()
    made.type("6")
    assert made.hear_spy() == {A, B}
    made.type("5")
    assert made.hear_spy() == {A}
    made.type("4")
    assert made.hear_spy() == set()
    made = Watch("ChanSpy(Other,q)")
    made.channel("Other/12-9", 7)
    made.run()
    assert list(made.taps()) == [C]
    made.type("12#")
    assert list(made.taps()) == [7]
    made.fine()


@pytest.mark.parametrize(
    ("data", "digits"),
    [("IAX2/a,qx(9)", "9"), ("IAX2/a,qE", ""), ("nobody,qS", ""), ("IAX2/,qb,", "")],
)
def test_how_it_ends(data: str, digits: str) -> None:
    made = Watch(f"ChanSpy({data})").run()
    made.type(digits)
    if "E" in data:
        assert not made.done
        made.a.hangup()
        made.seconds(0.5)
    assert made.done is ("qb" not in data)
    assert made.spy.state is State.UP and not made.spy.dead
    made.fine()


def test_leaving_to_an_extension() -> None:
    made = Watch("ChanSpy(IAX2/b,qX)").run()
    made.type("5")
    assert made.spy.exten == "5" and scope_of(made.plan.services, made.spy).get("SPY_CHANNEL") == "IAX2/b-2"
    assert made.taps() == {}
    made.fine()


def test_which_channels() -> None:
    made = Watch("ChanSpy(,qg(x:sales)S)")
    scope_of(made.plan.services, made.b).set("SPYGROUP", "sales:y")
    assert list(made.run().taps()) == [B]
    assert list(Watch("ChanSpy(all,qe(Other/7))").run().taps()) == [C]
    made = Watch("ChanSpy(IAX2/b-2,qu)")
    assert list(made.run().taps()) == [B]
    made = Watch("ExtenSpy(77@inside,q)")
    made.c.context, made.c.exten = "inside", "77"
    assert list(made.run().taps()) == [C]
    made.fine()


def test_who_spies_is_not_spied_on() -> None:
    made = Watch("ChanSpy(IAX2/spy,q)")
    other = made.channel("IAX2/spy-5", 9, State.RING)
    made.plan.switch.extensions.run(other)
    made.run()
    assert made.taps() == {}
    made.fine()


def test_volume() -> None:
    made = Watch("Set(VOLUME(TX)=4)\nSet(VOLUME(RX)=-2)\nSet(GLOBAL(V)=${VOLUME(TX)} ${VOLUME(rx)})")
    Bridge(made.spy, (made.spy, made.c), BridgeOptions()).open()
    made.run()
    assert made.plan.services.dialplan.globals["V"] == "4.000000 -2.000000"
    assert ("set_volume", SPY, 1204, {}) in made.port.commands
    gains = {(e.source, e.sink): e.gain for e in made.port.edges}
    assert gains[SPY, C] == -602 and gains[C, SPY] == 0
    made.fine()


def test_talk_detect() -> None:
    made = Watch("Set(TALK_DETECT(set)=1200,128)\nWait(5)\nSet(TALK_DETECT(remove)=)")
    heard: list[TalkChanged] = []
    made.plan.switch.bus.subscribe(TalkChanged, heard.append)
    made.run()
    wanted = {"digits": False, "talk": True, "silence_threshold": 128, "silence_ms": 1200}
    assert ("detect", SPY, wanted) in made.port.commands
    made.graph.detected(SPY, "talk")
    made.seconds(2)
    made.graph.detected(SPY, "silence")
    assert [(event.talking, event.milliseconds) for event in heard] == [(True, 0), (False, 2000)]
    made.seconds(4)
    assert made.port.commands[-1] == ("detect", SPY, {"digits": False, "talk": False})
    made.fine()
