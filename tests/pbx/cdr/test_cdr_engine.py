"""The rules of call records, in virtual time.  (Whole calls are compared with a stock Asterisk in tests/interop.)"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from twisted.internet.task import Clock

from pbx.cdr.engine import Engine
from pbx.cdr.functions import Functions
from pbx.cdr.record import Cdr
from pbx.cdr.settings import Settings
from pbx.channels.channel import Channel, State
from pbx.channels.events import Bridged, Bus, ChannelLocation, DialBegin, DialEnd, Moved, Unbridged
from pbx.channels.switch import Switch
from pbx.dialplan.events import RecordRequest


class World:
    """A switch whose channels are moved by hand."""

    def __init__(self, **settings: Any) -> None:
        self.clock = Clock()
        self.bus = Bus()
        self.switch = Switch(self.clock, lambda: 1000.0 + self.clock.seconds(), self.bus, None)  # type: ignore[arg-type]
        self.done: list[Cdr] = []
        self.engine = Engine(self.bus, self.switch.wall, self.clock, self.done.extend)
        self.engine.settings = Settings(**{"unanswered": True, **settings})
        self.functions = Functions(self.engine)
        self.bus.subscribe(RecordRequest, self.functions.requested)

    def channel(self, name: str, exten: str = "s", *, outgoing: bool = False) -> Channel:
        channel = self.switch.create(name)
        channel.context, channel.exten, channel.outgoing = "ctx", exten, outgoing
        self.clock.advance(0)
        return channel

    def run(self, channel: Channel, application: str, data: str = "", priority: int = 1, exten: str = "") -> None:
        channel.priority, channel.application, channel.data = priority, application, data
        channel.exten = exten or channel.exten
        self.bus.publish(ChannelLocation(channel))

    def up(self, channel: Channel) -> None:
        channel.set_state(State.UP)

    def end(self, channel: Channel, cause: int = 16) -> None:
        channel.end(cause)

    def rows(self) -> list[tuple[Any, ...]]:
        return [
            (c.party.name, c.peer.name if c.peer else "", c.dst, c.lastapp, c.disposition.label, c.duration, c.billsec)
            for c in self.done
        ]


def test_one_leg() -> None:
    world = World()
    a = world.channel("a", "100")
    world.run(a, "Wait", "1")
    world.clock.advance(2)
    world.up(a)
    world.run(a, "Playback", "x", 2)
    world.clock.advance(3.5)
    world.end(a)
    assert world.rows() == [("a", "", "100", "Playback", "ANSWERED", 5.5, 3.5)]
    assert list(world.engine) == []


def talk(world: World) -> tuple[Channel, Channel]:
    """a calls b, b answers, they talk."""
    a = world.channel("a", "200")
    world.run(a, "Dial", "Test/b")
    b = world.channel("b", outgoing=True)
    world.bus.publish(DialBegin(a, b, "Test/b"))
    world.clock.advance(3)
    world.up(b)
    world.bus.publish(DialEnd(a, b, "ANSWER"))
    world.up(a)
    world.bus.publish(Bridged("1", (a, b)))
    world.clock.advance(10)
    return a, b


def test_two_talk_in_one_record() -> None:
    world = World()
    a, b = talk(world)
    world.bus.publish(Unbridged("1", a))
    world.bus.publish(Unbridged("1", b))
    world.end(b)
    world.clock.advance(5)
    world.end(a)
    assert world.rows() == [("a", "b", "200", "Dial", "ANSWERED", 13.0, 10.0)]


def test_what_the_caller_does_afterwards_is_another_record() -> None:
    world = World()
    a, b = talk(world)
    world.bus.publish(Unbridged("1", a))
    world.bus.publish(Unbridged("1", b))
    world.end(b)
    world.run(a, "Playback", "bye", 2)
    world.clock.advance(2)
    world.end(a)
    assert world.rows()[1:] == [("a", "", "200", "Playback", "ANSWERED", 2.0, 2.0)]


@pytest.mark.parametrize(
    ("status", "settings", "word"),
    [
        ("BUSY", {}, "BUSY"),
        ("NOANSWER", {}, "NO ANSWER"),
        ("CANCEL", {}, "NO ANSWER"),
        ("CANCEL", {"canceldispositionenabled": True}, "CANCEL"),
        ("CONGESTION", {}, "FAILED"),
        ("CONGESTION", {"congestion": True}, "CONGESTION"),
        ("CHANUNAVAIL", {}, "FAILED"),
    ],
)
def test_a_call_that_came_to_nothing(status: str, settings: dict[str, bool], word: str) -> None:
    world = World(unanswered=False, **settings)
    a = world.channel("a", "200")
    world.run(a, "Dial", "Test/b")
    b = world.channel("b", outgoing=True)
    world.bus.publish(DialBegin(a, b, "Test/b"))
    # the leg is gone before who calls has said how it went
    world.end(b)
    world.bus.publish(DialEnd(a, b, status))
    world.end(a)
    assert world.rows() == [("a", "b", "200", "Dial", word, 0.0, 0.0)]


def test_a_record_for_each_leg_that_is_called() -> None:
    world = World()
    a = world.channel("a", "200")
    world.run(a, "Dial", "Test/b&Test/c")
    b, c = world.channel("b", outgoing=True), world.channel("c", outgoing=True)
    for leg in (b, c):
        world.bus.publish(DialBegin(a, leg, "Test"))
    world.up(c)
    world.bus.publish(DialEnd(a, c, "ANSWER"))
    world.bus.publish(DialEnd(a, b, "CANCEL"))
    world.end(b, 26)
    world.up(a)
    world.bus.publish(Bridged("1", (a, c)))
    world.clock.advance(1)
    for leg in (a, c):
        world.bus.publish(Unbridged("1", leg))
    world.end(c)
    world.end(a)
    assert [(row[1], row[4]) for row in world.rows()] == [("b", "NO ANSWER"), ("c", "ANSWERED")]


@pytest.mark.parametrize(
    ("cause", "word"),
    [(0, "FAILED"), (16, "NO ANSWER"), (17, "BUSY"), (3, "FAILED"), (20, "FAILED"), (21, "NO ANSWER"), (34, "FAILED")],
)
def test_the_cause_decides_where_nothing_else_does(cause: int, word: str) -> None:
    world = World()
    a = world.channel("a")
    world.run(a, "Wait")
    world.end(a, cause)
    assert world.rows()[0][4] == word


def test_unanswered_calls_of_one_leg_only_where_they_are_asked_for() -> None:
    world = World(unanswered=False)
    a = world.channel("a")
    world.run(a, "Wait")
    world.end(a)
    assert world.done == []


def test_the_older_one_is_the_caller_of_a_bridge_unless_the_other_says_so() -> None:
    for flag, caller in ((False, "a"), (True, "b")):
        world = World()
        a, b = world.channel("a"), world.channel("b")
        for leg in (a, b):
            world.run(leg, "BridgeWait")
            world.up(leg)
        if flag:
            world.functions.set_property(b, "party_a", "1")
        world.bus.publish(Bridged("1", (a, b)))
        world.clock.advance(4)
        for leg in (b, a):
            world.bus.publish(Unbridged("1", leg))
        world.end(a)
        world.end(b)
        both = [row for row in world.rows() if row[1]]
        assert [(row[0], row[6]) for row in both] == [(caller, 4.0)]


def test_fork_and_reset() -> None:
    world = World()
    a = world.channel("a")
    world.up(a)
    world.run(a, "Wait")
    world.functions.write(a, "mine", "m")
    world.clock.advance(2)
    world.bus.publish(RecordRequest(a, "fork", "eav"))
    world.clock.advance(3)
    world.bus.publish(RecordRequest(a, "reset", "v"))
    world.clock.advance(1)
    world.end(a)
    # ResetCDR begins all records of the channel anew, those that have ended too
    assert [(c.duration, c.billsec, c.variables) for c in world.done] == [(1, 1, {"mine": "m"}), (1, 1, {"mine": "m"})]


def test_what_the_dialplan_reads_and_writes(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    a = world.channel("a", "100")
    a.caller.number, a.caller.name = "55", 'A "B"'
    world.run(a, "Set")
    world.clock.advance(1.25)
    world.up(a)
    world.clock.advance(1.5)
    read = world.functions.read
    assert [read(a, name) for name in ("clid", "src", "dst", "channel", "lastapp", "nosuch", "end")] == [
        '"A \\"B\\"" <55>', "55", "100", "a", "Set", None, "",
    ]  # fmt: skip
    assert (read(a, "duration"), read(a, "duration,f"), read(a, "billsec,f")) == ("2", "2.750000", "1.500000")
    assert (read(a, "start,u"), read(a, "disposition"), read(a, "disposition,u")) == ("1000.000000", "NO ANSWER", "1")
    world.functions.write(a, "src", "66")
    assert "read-only" in caplog.text
    for name, value in (("userfield", "u"), ("accountcode", "acc"), ("amaflags", "BILLING"), ("Mine", "1")):
        world.functions.write(a, name, value)
    assert [read(a, n) for n in ("src", "userfield", "accountcode", "amaflags", "mine")] == [
        "55", "u", "acc", "BILLING", "1",
    ]  # fmt: skip


def test_the_second_party_adds_its_user_field() -> None:
    world = World()
    a, b = talk(world)
    world.functions.write(a, "userfield", "one")
    world.functions.write(b, "userfield", "two")
    world.functions.write(b, "theirs", "x")
    for leg in (a, b):
        world.bus.publish(Unbridged("1", leg))
    world.end(b)
    world.end(a)
    assert (world.done[0].userfield, world.done[0].variables["theirs"]) == ("one;two", "x")


def test_disabled() -> None:
    world = World()
    a = world.channel("a")
    world.functions.set_property(a, "disable", "yes")
    world.end(a)
    b = world.channel("b")
    world.functions.set_property(b, "disable", "yes")
    world.functions.set_property(b, "disable", "no")
    world.end(b)
    assert [row[0] for row in world.rows()] == ["b"]


@pytest.mark.parametrize(("seconds", "plain", "initiated"), [(1.5, 1, 2), (1.4, 1, 1), (0.6, 0, 1), (2.0, 2, 2)])
def test_whole_seconds_or_begun_ones(seconds: float, plain: int, initiated: int) -> None:
    for settings, expected in (({}, plain), ({"initiatedseconds": True}, initiated)):
        world = World(**settings)
        a = world.channel("a")
        world.up(a)
        world.clock.advance(seconds)
        world.end(a)
        assert world.done[0].seconds_billed == expected


def test_nothing_is_kept_of_what_has_ended() -> None:
    world = World()
    for _ in range(20):
        a, b = talk(world)
        for leg in (a, b):
            world.bus.publish(Unbridged("1", leg))
        world.end(b)
        world.end(a)
    engine = world.engine
    assert (engine._chains, engine._as_b, engine._bridges) == ({}, {}, {})


# ---- who takes whose place ---------------------------------------------------------------------------------


def test_a_pair_that_leaves_gives_the_caller_a_new_record() -> None:
    """Local/x;1 was called and leaves; the one behind ;2 takes its place: what follows is billed in a second record."""
    world = World()
    a, half = talk(world)
    far = world.channel("far", outgoing=True)
    world.up(far)
    world.clock.advance(2)
    for leg in (a, half):
        world.bus.publish(Unbridged("1", leg))
    world.bus.publish(Bridged("2", (far,)))
    world.bus.publish(Bridged("2", (a, far)))
    world.end(half)
    world.clock.advance(5)
    for leg in (a, far):
        world.bus.publish(Unbridged("2", leg))
    world.end(a)
    world.end(far)
    assert [row[:3] + row[-1:] for row in world.rows()] == [("a", "b", "200", 12.0), ("a", "far", "200", 5.0)]


def test_who_consults_somebody_and_comes_back() -> None:
    """The called one talks with a third for a while: the caller's record goes on, the consultation has its own."""
    world = World()
    a, b = talk(world)
    world.clock.advance(1)
    c = world.channel("c", outgoing=True)
    world.up(c)
    world.bus.publish(Bridged("2", (c,)))
    world.bus.publish(Unbridged("1", b))
    world.bus.publish(Bridged("2", (b, c)))
    world.clock.advance(2)
    world.bus.publish(Unbridged("2", c))
    world.end(c)
    world.bus.publish(Unbridged("2", b))
    world.bus.publish(Bridged("1", (a, b)))
    world.clock.advance(4)
    for leg in (a, b):
        world.bus.publish(Unbridged("1", leg))
    world.end(b)
    world.end(a)
    assert sorted(row[:2] + row[-1:] for row in world.rows()) == [("a", "b", 17.0), ("b", "", 4.0), ("b", "c", 2.0)]


def test_who_waits_for_the_target_of_a_transfer_pays_from_there_on() -> None:
    """b leaves a alone to ask c, and hands a over: a's second record begins where the first ended."""
    world = World()
    a, b = talk(world)
    c = world.channel("c", outgoing=True)
    world.up(c)
    world.bus.publish(Bridged("2", (c,)))
    world.bus.publish(Unbridged("1", b))
    world.bus.publish(Bridged("2", (b, c)))
    world.clock.advance(2)
    for leg in (b, c):
        world.bus.publish(Unbridged("2", leg))
    world.bus.publish(Bridged("1", (a, c)))
    world.end(b)
    world.clock.advance(4)
    for leg in (a, c):
        world.bus.publish(Unbridged("1", leg))
    world.end(c)
    world.end(a)
    assert [row[:2] + row[-1:] for row in world.rows() if row[0] == "a"] == [("a", "b", 10.0), ("a", "c", 6.0)]


def test_a_redirect_out_of_a_bridge_is_where_the_record_says_it_went() -> None:
    world = World()
    a, b = talk(world)
    world.clock.advance(1)
    world.bus.publish(Moved(a, "other", "300"))
    for leg in (a, b):
        world.bus.publish(Unbridged("1", leg))
    world.end(b)
    a.context = "other"
    world.run(a, "Wait", "1", exten="300")
    world.clock.advance(1)
    world.end(a)
    assert [(cdr.dcontext, cdr.dst, cdr.lastapp) for cdr in world.done] == [
        ("other", "300", "Dial"),
        ("other", "300", "Wait"),
    ]


def test_h_writes_into_all_records_that_had_not_ended_before() -> None:
    world = World()
    a = world.channel("a")
    world.up(a)
    world.run(a, "ForkCDR")
    world.bus.publish(RecordRequest(a, "fork", "e"))
    world.bus.publish(RecordRequest(a, "fork", ""))
    world.clock.advance(1)
    a.ending = True
    world.run(a, "NoOp", "", 1, "h")
    world.functions.write(a, "userfield", "late")
    a.accountcode = "toolate"
    world.clock.advance(3)
    world.end(a)
    assert [cdr.userfield for cdr in world.done] == ["", "late", "late"]
    assert [(cdr.duration, cdr.party.accountcode, cdr.dst) for cdr in world.done[1:]] == [(1.0, "", "s")] * 2


def test_h_is_a_part_of_the_call_where_cdr_conf_says_so() -> None:
    """endbeforehexten=no: a record goes on in `h`; after a Dial a new one begins there."""
    world = World(endbeforehexten=False)
    a = world.channel("a")
    world.up(a)
    world.run(a, "Wait")
    a.ending = True
    world.clock.advance(1)
    world.run(a, "NoOp", "x", 1, "h")
    world.clock.advance(2)
    world.end(a)
    c, d = talk(world)
    for leg in (c, d):
        world.bus.publish(Unbridged("1", leg))
    world.end(d)
    c.ending = True
    world.run(c, "NoOp", "y", 1, "h")
    world.clock.advance(2)
    world.end(c)
    assert [(row[0], *row[2:4], row[5]) for row in world.rows()] == [
        ("a", "h", "NoOp", 3.0),
        ("a", "200", "Dial", 13.0),
        ("a", "h", "NoOp", 2.0),
    ]


def test_h_may_take_a_record_back() -> None:
    world = World()
    a = world.channel("a")
    world.up(a)
    world.run(a, "Wait")
    a.ending = True
    world.run(a, "Set", "", 1, "h")
    world.functions.set_property(a, "disable", "yes")
    world.end(a)
    assert world.rows() == []


def test_a_subroutine_is_no_destination() -> None:
    world = World()
    a = world.channel("a", "100")
    world.run(a, "Gosub", "sub,s,1")
    a.attached["scope"] = SimpleNamespace(frames=[object()])
    a.context = "sub"
    world.run(a, "Playback", "x", exten="s")
    world.up(a)
    world.end(a)
    assert [(cdr.dcontext, cdr.dst, cdr.lastapp) for cdr in world.done] == [("ctx", "100", "Playback")]


def test_cdr_set_debug(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pbx.channels.log.verbose_wanted", 1)
    world = World()
    world.engine.debug = True
    with caplog.at_level(0):
        a, b = talk(world)
        for leg in (a, b):
            world.bus.publish(Unbridged("1", leg))
        world.end(b)
        world.end(a)
    told = [message.split("CDR ")[1] for message in caplog.messages if "CDR " in message]
    assert told[:2] == ["0 of a begins", "1 of b begins"]
    assert any(line.startswith("0 of a ends: ANSWERED with b, start ") for line in told)
    assert [line for line in told if "written" in line] == ["1 of b is not written", "0 of a is written"]
