"""Local channels: what each half sees of the other, in virtual time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pbx.channels.bridge import Reason, bridge_channels
from pbx.channels.channel import Channel, State
from pbx.channels.events import Control, DigitBegin, DigitEnd, Ended, Indication, Opaque, Text
from pbx.channels.interrupts import Hangup
from pbx.channels.local.driver import LocalTechnology
from pbx.channels.party import Caller
from pbx.channels.switch import Unavailable
from pbx.codecs.formats import SLIN, ULAW
from tests.channels.test_graph import GraphWorld
from tests.channels.world import garbage_of, said


class LocalWorld(GraphWorld):
    def __init__(self) -> None:
        super().__init__()
        self.switch.register(LocalTechnology(self.switch))
        self.seen: list[Any] = []

    def dial(self, destination: str = "x@ctx/n", caller: Channel | None = None) -> tuple[Channel, Channel]:
        one = self.switch.request(f"Local/{destination}", (SLIN, ULAW), caller)
        two = self.switch.channel(one.name[:-1] + "2")
        assert two is not None
        return one, two

    def call(self, one: Channel) -> None:
        self.switch.call(one)
        self.clock.advance(0)


@pytest.fixture
def world() -> LocalWorld:
    world = LocalWorld()

    async def idle(channel: Channel) -> None:
        try:
            await channel.sleep(3600)
        except Hangup as hangup:
            channel.acknowledge()
            world.seen.append((channel.name, hangup))
        channel.hangup()

    world.extensions.scripts["x@ctx"] = idle
    world.extensions.scripts["y@default"] = idle
    return world


def events(channel: Channel) -> list[Any]:
    found = []
    while (event := channel.poll()) is not None:
        found.append(event)
    return found


def test_names_states_and_formats(world: LocalWorld) -> None:
    one, two = world.dial()
    assert (one.name, two.name) == ("Local/x@ctx-00000000;1", "Local/x@ctx-00000000;2")
    assert world.dial("y")[0].name == "Local/y@default-00000001;1"
    assert (one.state, two.state) == (State.DOWN, State.RING)
    assert one.linkedid == two.linkedid == one.uniqueid
    assert (one.format, one.formats) == (SLIN, (SLIN, ULAW))
    assert (two.context, two.exten, two.priority) == ("ctx", "x", 1)


def test_no_such_extension(world: LocalWorld) -> None:
    with pytest.raises(Unavailable) as caught:
        world.dial("nowhere@ctx")
    assert caught.value.cause == 0
    assert list(world.switch.channels()) == []


def test_the_dialplan_runs_from_the_next_turn(world: LocalWorld) -> None:
    one, two = world.dial()
    world.switch.call(one)
    assert not two.has_task
    world.clock.advance(0)
    assert world.extensions.ran == ["Local/x@ctx-00000000;2 at x@ctx"]
    assert two.has_task


def test_a_pair_that_ends_before_its_turn(world: LocalWorld) -> None:
    one, two = world.dial()
    world.switch.call(one)
    one.hangup()
    world.clock.advance(0)
    assert world.extensions.ran == []
    assert two.dead


def test_what_was_set_on_one_is_found_on_two(world: LocalWorld) -> None:
    caller = world.leg("T/a")
    caller.caller = Caller(number="101", name="Ann")
    copied: list[tuple[Channel, Channel]] = []
    world.switch.copiers.append(lambda a, b: copied.append((a, b)))
    one, two = world.dial(caller=caller)
    assert one.linkedid == two.linkedid == caller.uniqueid
    one.connected = Caller(number="101", name="Ann")
    one.variables["X"] = "1"
    one.language = "fr"
    world.call(one)
    assert (two.caller.number, two.caller.name, two.caller.dnid) == ("101", "Ann", None)
    assert (two.variables, two.language) == ({"X": "1"}, "fr")
    assert copied == [(one, two)]


def test_progress_and_answer(world: LocalWorld) -> None:
    one, two = world.dial()
    world.call(one)
    two.indicate(Control.RINGING)
    assert one.state is State.RINGING
    two.answer()
    assert (one.state, two.state) == (State.UP, State.UP)
    assert events(one) == [Indication(Control.RINGING), Indication(Control.ANSWER)]
    one.answer()
    assert events(two) == []


def test_busy_is_an_indication(world: LocalWorld) -> None:
    one, two = world.dial()
    world.call(one)
    two.indicate(Control.BUSY)
    assert events(one) == [Indication(Control.BUSY)]
    assert not one.dead


def test_signals_cross_both_ways(world: LocalWorld) -> None:
    one, two = world.dial()
    for speaker, hearer in ((one, two), (two, one)):
        assert speaker.leg is not None
        speaker.leg.digit_begin("5")
        speaker.leg.digit_end("5", 90)
        speaker.leg.send_text("hi")
        speaker.leg.send_opaque(3, 1, b"x")
        speaker.indicate(Control.FLASH, b"c")
        assert events(hearer) == [
            DigitBegin("5"),
            DigitEnd("5", 90),
            Text("hi"),
            Opaque(3, 1, b"x"),
            Indication(Control.FLASH, b"c"),
        ]


@pytest.mark.parametrize("cause", [16, 17, 26, 34])
def test_the_end_of_two_is_the_end_of_one(world: LocalWorld, cause: int) -> None:
    one, two = world.dial()
    world.call(one)
    two.softhangup(cause)
    assert world.seen == [(two.name, Hangup(cause))]
    assert (one.dead, two.dead) == (True, True)
    assert one.hangup_cause == cause
    assert events(one) == [Ended(cause)]
    assert world.calm()


def test_the_end_of_one_breaks_into_two(world: LocalWorld) -> None:
    one, two = world.dial()
    world.call(one)
    one.hangup(26)
    assert world.seen == [(two.name, Hangup(26))]
    assert two.hangup_cause == 26
    assert list(world.switch.channels()) == []
    assert world.calm()


def test_sound_runs_through(world: LocalWorld) -> None:
    a, b = world.leg("T/a"), world.leg("T/b")
    one, two = world.dial()
    world.graph.join(a, one)
    world.graph.join(two, b)
    assert world.port.pairs() == {(1, 2), (2, 1)}


def chain(
    world: LocalWorld, destination: str, *, sounding: bool = True
) -> tuple[Channel, Channel, Channel, Channel, list[Any]]:
    """a dials Local, whose dialplan dials b; both bridges stand.  The list fills with what the two tasks see."""
    a, b = world.leg("T/a"), world.leg("T/b")
    for channel in (a, b):
        assert channel.leg is not None
        channel.leg.sounding = sounding  # type: ignore[attr-defined]
    one, two = world.dial(destination, caller=a)
    log: list[Any] = []

    async def bridging(task: Channel, peer: Channel) -> None:
        try:
            log.append((task.name, (await bridge_channels(task, task, peer)).reason))
        except Hangup:
            task.acknowledge()
            log.append((task.name, "hangup"))
        finally:
            if peer.owner is None:
                peer.hangup()
        task.hangup()

    async def dialplan(channel: Channel) -> None:
        channel.answer()
        await bridging(channel, b)

    world.extensions.scripts["x@ctx"] = dialplan
    world.call(one)
    events(one)
    a.start(world.extensions, bridging(a, one))
    return a, one, two, b, log


def test_a_pair_between_two_bridges_goes_away(world: LocalWorld) -> None:
    a, one, two, b, log = chain(world, "x@ctx")
    world.clock.advance(0)
    assert (one.dead, two.dead) == (True, True)
    assert log == [(two.name, "hangup")]
    assert world.port.pairs() == {(1, 2), (2, 1)}
    assert a.bridge is b.bridge is b.owner
    b.deliver(Text("hi"))
    assert ("text", "hi") in said(a)
    b.end(17)
    assert log[1:] == [("T/a", Reason.HANGUP)]
    assert world.calm()


def test_a_pair_stays_as_long_as_nothing_is_heard(world: LocalWorld) -> None:
    """Neither far end has sent any sound yet; the first that comes sends the pair away within a second."""
    a, one, two, b, _ = chain(world, "x@ctx", sounding=False)
    world.clock.pump([0.5] * 20)
    assert (one.dead, two.dead) == (False, False)
    assert a.bridge is not b.bridge
    b.leg.sounding = True  # type: ignore[union-attr]
    world.clock.advance(1)
    assert (one.dead, two.dead) == (True, True)
    assert a.bridge is b.bridge
    a.end(16)
    assert world.calm()


def test_a_silent_pair_that_ends_is_looked_at_no_more(world: LocalWorld) -> None:
    a, one, two, _, _ = chain(world, "x@ctx", sounding=False)
    world.clock.pump([0.5] * 4)
    a.end(16)
    world.clock.advance(2)
    assert (one.dead, two.dead) == (True, True)
    assert world.clock.getDelayedCalls() == []
    assert world.calm()


def test_who_takes_the_pairs_place_is_hung_up_with_the_bridge(world: LocalWorld) -> None:
    a, _, _, b, log = chain(world, "x@ctx")
    world.clock.advance(0)
    a.end(16)
    assert log[1:] == [("T/a", "hangup")]
    assert b.dead
    assert world.calm()
    assert world.errors == []


def test_with_n_the_pair_stays(world: LocalWorld) -> None:
    a, one, two, b, log = chain(world, "x@ctx/n")
    world.clock.advance(1)
    assert not (one.dead or two.dead)
    assert world.port.pairs() == {(1, 2), (2, 1)}
    b.deliver(Text("hi"))
    assert ("text", "hi") in said(a)
    b.end(17)
    assert log == [(two.name, Reason.HANGUP), ("T/a", Reason.HANGUP)]
    assert world.calm()


def test_device_state(world: LocalWorld) -> None:
    state = world.switch.technologies["LOCAL"].device_state
    assert state("nowhere@ctx") == "INVALID"
    assert state("x@ctx/n") == "NOT_INUSE"
    one, _ = world.dial()
    assert state("x@ctx") == "INUSE"
    one.hangup()
    assert state("x@ctx") == "NOT_INUSE"


def test_a_thousand_pairs_leave_nothing(world: LocalWorld, tmp_path: Path) -> None:
    def calls(count: int) -> None:
        for n in range(count):
            one, two = world.dial()
            world.call(one)
            world.graph.tone(two, "1004")
            (one if n % 2 else two).softhangup(16)
        for kept in (world.heard, world.port.commands, world.seen, world.extensions.ran):
            kept.clear()

    calls(10)
    assert garbage_of(lambda: calls(1000)) == 0
    assert list(world.switch.channels()) == []
    assert world.calm()
