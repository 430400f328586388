"""When commands leave: those about legs wait a moment for each other, everything else takes them with it."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock

from pbx.channels.voice.autoflush import LONGEST, PATIENCE, AutoFlush
from pbx.channels.voice.port import LegFlags
from pbx.channels.voice.records import HEAD, Command, Events


class Port(AutoFlush):
    """`left`: the kinds of each batch."""

    def __init__(self) -> None:
        self.clock = Clock()
        super().__init__(self.clock, None)
        self.left: list[list[int]] = []

    def _leave(self) -> None:
        batch, at, kinds = self.take(), 0, []
        while at < len(batch):
            head = HEAD.unpack_from(batch, at)
            kinds.append(head[0])
            at += HEAD.size + head[4] + -head[4] % 8
        self.left.append(kinds)

    def leg(self, row: int) -> None:
        self.add_leg(row, 1, 1, ("127.0.37.1", 4569), "", 5, 6, LegFlags(0), 0)


def test_legs_wait_for_each_other() -> None:
    port = Port()
    port.leg(1)
    port.turn()
    port.clock.advance(PATIENCE / 2)
    port.leg(2)
    port.reset_edges([], [])
    assert port.left == []
    port.clock.advance(LONGEST - PATIENCE / 2)
    assert port.left == [[Command.ADD_LEG, Command.ADD_LEG, Command.RESET_EDGES]]
    assert port.clock.getDelayedCalls() == []


def test_having_waited_a_little_they_leave_with_the_next_turn() -> None:
    port = Port()
    port.leg(1)
    port.clock.advance(PATIENCE)
    port.leg(2)
    assert port.left == []
    port.turn()
    assert port.left == [[Command.ADD_LEG, Command.ADD_LEG]]
    assert port.clock.getDelayedCalls() == []
    port.leg(3)
    port.turn()
    assert len(port.left) == 1


def test_what_is_urgent_takes_them_with_it_in_order() -> None:
    port = Port()
    port.leg(1)
    port.voice_in(1, 20, 4, b"voice")
    port.turn()
    assert port.left == [[Command.ADD_LEG, Command.VOICE_IN]]
    port.leg(2)
    port.stop(7)
    port.clock.advance(0)
    assert port.left[1:] == [[Command.ADD_LEG, Command.STOP]]
    port.leg(3)
    port.flush()
    assert port.left[2:] == [[Command.ADD_LEG]]
    port.clock.advance(1)
    assert len(port.left) == 3


def test_what_has_to_come_after_a_batch_of_events_comes_after_it() -> None:
    port = Port()
    seen: list[str] = []

    class Heard:
        def finished(self, source: int, reason: str) -> None:
            seen.append(str(source))
            port.soon(lambda: seen.append("after"))

    port.events = Heard()  # type: ignore[assignment]
    events = Events()
    events.finished(1, "end")
    events.finished(2, "end")
    port._told(events.take())
    assert seen == ["1", "2", "after", "after"]
    soon: list[Any] = []
    port.soon(lambda: soon.append(1))
    assert soon == []
    port.clock.advance(0)
    assert soon == [1]
