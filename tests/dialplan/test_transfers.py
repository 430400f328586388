"""Attended transfers, one-touch recording and applications run by digits, in virtual time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pbx.channels.channel import Channel
from pbx.channels.events import Control
from pbx.channels.local.driver import LocalTechnology
from pbx.channels.music import MusicClass
from pbx.dialplan.featuremap import ON, Dynamic
from pbx.dialplan.mixmonitor import monitors_of
from tests.channels.world import said
from tests.dialplan.test_dial_options import Desk

#: 2 answers at once, 3 rings and answers after 8 s, 4 never answers, 5 is busy
PLAN = (
    "exten => s,1,Dial(Test/1,,{options})\n same => n,Set(GLOBAL(AFTER)=${{DIALSTATUS}})\n"
    "exten => h,1,Set(GLOBAL(H)=${{CHANNEL(name)}})\n"
    "exten => 2,1,Answer()\n same => n,Wait(1000)\n"
    "exten => 3,1,Ringing()\n same => n,Wait(8)\n same => n,Answer()\n same => n,Wait(1000)\n"
    "exten => 4,1,Ringing()\n same => n,Wait(1000)\nexten => 5,1,Busy()\n"
)


class Room(Desk):
    """Caller and called talk; `type` digits and see who hears whom."""

    def __init__(self, folder: Path, options: str, **more: Any) -> None:
        more.setdefault("features", {"atxfer": "*2", "transferannouncesound": ""})
        super().__init__(folder, PLAN.format(options=options), **more)
        self.plan.switch.register(LocalTechnology(self.plan.switch))
        self.plan.switch.music.classes["default"] = MusicClass("default", files=(str(folder / "moh"),))
        self.plan.switch.music.find = lambda name, language, formats: self._find("moh", language, formats)
        self.there = self.answer()
        self.seconds(0.2)

    def begin(self, who: Channel, exten: str) -> Channel:
        """Begin a transfer: the target's channel."""
        self.type(who, "*2")
        self.type(who, exten + "#" if exten else "")
        self.seconds(0.3)
        return next(c for c in self.plan.switch.channels() if c.name.endswith(";1"))

    def hears(self, one: Channel, other: Channel) -> bool:
        return any(
            {arc.speaker, arc.listener} == {one, other} for arc in self.plan.switch.graph._arcs.get(one, {}).values()
        )  # fmt: skip

    def held(self, channel: Channel) -> bool:
        found = [e[1] for e in said(channel) if e[0] == "indicate" and e[1] in (Control.HOLD, Control.UNHOLD)]
        return bool(found) and found[-1] is Control.HOLD

    def channels(self) -> set[str]:
        return {channel.name for channel in self.plan.switch.channels()}

    def value(self, name: str) -> str | None:
        return self.plan.services.dialplan.globals.get(name)

    def done(self) -> None:
        """Nothing went wrong that nobody caught."""
        assert [error.getTraceback() for error in self.plan.errors] == []


@pytest.fixture(params=["T", "t"])
def room(request: Any, tmp_path: Path) -> tuple[Room, Channel, Channel]:
    """(room, transferer, transferee): the caller transfers, or the called one."""
    made = Room(tmp_path, request.param)
    return (made, made.caller, made.there) if request.param == "T" else (made, made.there, made.caller)


def test_consultation_and_completion_by_hanging_up(room: tuple[Room, Channel, Channel]) -> None:
    made, transferer, transferee = room
    target = made.begin(transferer, "2")
    assert made.hears(transferer, target) and not made.hears(transferer, transferee)
    assert made.held(transferee) and not made.held(transferer)
    transferer.end(16)
    made.seconds(0.5)
    assert not made.held(transferee) and made.hears(transferee, target)
    assert not transferee.dead and not target.dead
    target.hangup()
    made.seconds(0.5)
    assert transferee.dead and made.channels() == set()
    made.done()


def test_completion_by_digits(room: tuple[Room, Channel, Channel]) -> None:
    made, transferer, transferee = room
    target = made.begin(transferer, "2")
    made.type(transferer, "*2")
    made.seconds(0.5)
    assert transferer.dead and made.hears(transferee, target) and not made.held(transferee)
    assert [sound for _, sound in made.heard(target)] == ["beep"]
    transferee.end(16)
    made.seconds(0.5)
    assert made.channels() == set()
    made.done()


def test_abort_brings_back_the_call(room: tuple[Room, Channel, Channel]) -> None:
    made, transferer, transferee = room
    target = made.begin(transferer, "2")
    made.type(transferer, "*1")
    made.seconds(0.5)
    assert target.dead and made.hears(transferer, transferee) and not made.held(transferee)
    assert [sound for _, sound in made.heard(transferer)] == ["beeperr"]
    again = made.begin(transferer, "2")
    assert made.hears(transferer, again)
    made.done()


@pytest.mark.parametrize(("exten", "seconds"), [("4", 15.5), ("5", 15.5), ("9", 0.5)])
def test_nobody_there_brings_back_the_call(room: tuple[Room, Channel, Channel], exten: str, seconds: float) -> None:
    made, transferer, transferee = room
    made.type(transferer, "*2")
    made.type(transferer, exten + "#")
    made.seconds(seconds + 12)
    assert made.hears(transferer, transferee) and not made.held(transferee)
    assert not any(name.startswith("Local") for name in made.channels())
    made.done()


def test_digits_that_are_no_code_go_to_who_listens(room: tuple[Room, Channel, Channel]) -> None:
    made, transferer, _ = room
    made.begin(transferer, "2")
    two = next(c for c in made.plan.switch.channels() if c.name.endswith(";2"))
    made.type(transferer, "7*5")
    made.seconds(1.5)
    assert two is not None and not transferer.dead
    made.done()


def test_swap_and_threeway(room: tuple[Room, Channel, Channel]) -> None:
    made, transferer, transferee = room
    target = made.begin(transferer, "2")
    made.type(transferer, "*4")
    assert made.hears(transferer, transferee) and not made.hears(transferer, target)
    assert not made.held(transferee)
    made.type(transferer, "*4")
    assert made.hears(transferer, target) and made.held(transferee)
    made.type(transferer, "*3")
    made.seconds(0.5)
    assert made.hears(transferer, target) and made.hears(transferer, transferee) and made.hears(transferee, target)
    transferer.end(16)
    made.seconds(0.5)
    assert made.hears(transferee, target) and not transferee.dead
    made.done()


def test_the_transferee_leaves_while_they_consult(room: tuple[Room, Channel, Channel]) -> None:
    made, transferer, transferee = room
    target = made.begin(transferer, "2")
    transferee.end(16)
    made.seconds(0.5)
    assert made.hears(transferer, target) and not transferer.dead
    target.hangup()
    made.seconds(0.5)
    assert made.channels() == set()
    made.done()


def test_hanging_up_while_it_rings_waits_for_the_answer(room: tuple[Room, Channel, Channel]) -> None:
    made, transferer, transferee = room
    target = made.begin(transferer, "3")
    transferer.end(16)
    made.seconds(0.5)
    assert ("indicate", Control.RINGING, b"") in said(transferee)
    made.seconds(9)
    assert made.hears(transferee, target)
    transferee.end(16)
    made.seconds(0.5)
    assert made.channels() == set()
    made.done()


def test_the_transferer_is_called_back_when_nobody_answers(tmp_path: Path) -> None:
    made = Room(tmp_path, "t")
    made.there.name = "Test/7-0001"
    made.begin(made.there, "4")
    made.there.end(16)
    made.seconds(16)
    back = made.called.channels[-1]
    assert back is not made.there and back.name == "Test/7-out"
    made.called.channels = [back]
    made.answer()
    made.seconds(0.5)
    assert made.hears(made.caller, back)
    made.done()


def test_atxferdropcall(tmp_path: Path) -> None:
    made = Room(tmp_path, "T", features={"atxfer": "*2", "transferannouncesound": "", "atxferdropcall": ON})
    target = made.begin(made.caller, "4")
    made.caller.end(16)
    made.seconds(30)
    assert made.hears(made.there, target)
    made.done()


@pytest.mark.parametrize("letter", ["x", "X"])
def test_a_recording_by_digits(tmp_path: Path, letter: str) -> None:
    """x: the called party may record, X: the caller; the other one's digits are nothing but digits."""
    made = Room(
        tmp_path,
        letter,
        features={"automixmon": "*3", "courtesytone": "soon"},
        directories={"ASTSPOOLDIR": str(tmp_path)},
    )
    who, other = (made.caller, made.there) if letter == "X" else (made.there, made.caller)
    made.type(who, "*3")
    (monitor,) = monitors_of(other).values()
    assert Path(monitor.wish.mixed).name.startswith(f"auto-1000000-{who.caller.number or who.name.replace('/', '-')}-")
    assert monitor.wish.bridged
    assert [s for _, s in made.heard(made.caller)] == [s for _, s in made.heard(made.there)] == ["soon"]
    made.type(who, "*3")
    assert monitors_of(other) == {}
    said(who).clear()
    made.type(other, "*3")
    assert monitors_of(who) == {}
    assert [what[:2] for what in said(who)] == [("begin", "*"), ("end", "*"), ("begin", "3"), ("end", "3")]
    made.done()


def test_dynamic_features_of_variables(tmp_path: Path) -> None:
    for peer in (False, True):
        for by_caller in (False, True):
            item = Dynamic("f", "#9", peer, "Set", "GLOBAL(RAN)=${CHANNEL(name)}", "default")
            made = Desk(
                tmp_path,
                "exten => s,1,Set(__DYNAMIC_FEATURES=x#g)\n same => n,Dial(Test/1)\n",
                dynamic_features={"f": item},
                feature_groups={"g": {"f": "#7"}},
            )
            there = made.answer()
            who, other = (made.caller, there) if by_caller else (there, made.caller)
            made.type(who, "#7")
            made.seconds(0.3)
            ran = made.plan.services.dialplan.globals.get("RAN")
            assert ran == (other if peer else who).name
            waited = who if peer else other
            holds = [e[1] for e in said(waited) if e[0] == "indicate"]
            assert holds[-2:] == [Control.HOLD, Control.UNHOLD]
            assert not there.dead and not made.caller.dead and made.caller.bridge is not None
            assert [error.getTraceback() for error in made.plan.errors] == []
