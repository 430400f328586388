"""MixMonitor in virtual time: what is asked of the voice plane, when, and what happens to the files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pbx.channels.bridge import Bridge, BridgeOptions
from pbx.channels.graph import Graph
from pbx.channels.voice.port import Direction
from pbx.codecs.formats import ULAW
from pbx.dialplan.mixmonitor import monitors_of
from tests.channels.world import PortLog, RecordingLeg
from tests.dialplan.test_interpreter import Plan

BOTH = Direction.IN | Direction.OUT


class Studio:
    """A call with a row, in a dialplan that records; `rec` is what the plane writes: name -> (direction, shape)."""

    def __init__(self, folder: Path, lines: str, **more: Any) -> None:
        self.folder = folder
        self.ran: list[str] = []

        async def shell(command: str) -> int:
            self.ran.append(command)
            return 0

        text = "[default]\nexten => s,1,Answer()\n" + "".join(f" same => n,{line}\n" for line in lines.split("\n"))
        self.plan = Plan(
            text, shell=shell, directories={"ASTSPOOLDIR": str(folder)}, find_sound=self._find, **more
        )  # fmt: skip
        self.port = PortLog()
        self.graph = self.plan.switch.graph = Graph(self.plan.switch, self.port)  # type: ignore[arg-type]
        self.channel = self.plan.switch.create("Test/1")
        self.channel.leg = RecordingLeg(row=1)
        self.graph.attach(self.channel)
        self.channel.context, self.channel.exten = "default", "s"
        self.plan.switch.extensions.run(self.channel)
        self.plan.turns()

    def _find(self, name: str, language: str, formats: Any) -> tuple[str, Any]:
        path = self.folder / f"{name}.ulaw"
        path.write_bytes(bytes(800))
        return str(path), ULAW

    @property
    def rec(self) -> dict[str, tuple[Direction, Any]]:
        return {
            str(Path(c[2]).relative_to(self.folder / "monitor")): (c[4], c[-1]["shape"])
            for c in self.port.running.values()
            if c[0] == "record"
        }

    def paused(self) -> list[bool]:
        return [command[2] for command in self.port.commands if command[0] == "pause"]

    def closed(self) -> None:
        """The plane has written and closed everything that it was told to stop."""
        for number in [c[1] for c in self.port.commands if c[0] == "stop"]:
            self.graph.finished(number, "stopped")
        self.plan.turns()

    def seconds(self, count: float) -> None:
        for _ in range(round(count * 10)):
            self.plan.clock.advance(0.1)


def test_one_file_of_both_sides(tmp_path: Path) -> None:
    made = Studio(tmp_path, "MixMonitor(a/b.wav)\nSet(GLOBAL(F)=${MIXMONITOR_FILENAME})\nWait(9)")
    ((name, (direction, shape)),) = made.rec.items()
    assert (name, direction, shape.starts, shape.stereo) == ("a/b.wav", BOTH, BOTH, False)
    assert made.plan.services.dialplan.globals["F"] == str(tmp_path / "monitor/a/b.wav")
    made.channel.hangup()
    assert made.rec == {} and made.plan.errors == []


def test_files_of_each_side_and_loudness(tmp_path: Path) -> None:
    made = Studio(tmp_path, "MixMonitor(m.wav49,ar(in.ulaw)t(out.gsm)v(2)V(-1))\nWait(9)")
    assert {name: direction for name, (direction, _) in made.rec.items()} == {
        "m.WAV": BOTH, "in.ulaw": Direction.IN, "out.gsm": Direction.OUT,
    }  # fmt: skip
    assert {(s.starts, s.packed, s.gain_in, s.gain_out) for _, s in made.rec.values()} == {(BOTH, False, 1204, -602)}
    assert all(c[-1]["append"] for c in made.port.running.values())
    packed = Studio(tmp_path, "MixMonitor(m.raw,Dnr(in.ulaw)W(9))\nWait(9)").rec
    assert packed["m.raw"][1].stereo and packed["in.ulaw"][1].packed and packed["in.ulaw"][1].gain_in == 0


def test_stop_by_id_and_the_last_one(tmp_path: Path) -> None:
    lines = (
        "MixMonitor(a.wav,i(ID))\nMixMonitor(b.wav)\nMixMonitor(c.wav)\n"
        "Set(GLOBAL(NAME)=${MIXMONITOR(${ID},filename)})\nStopMixMonitor(${ID})\nStopMixMonitor(0x9)\n"
        "StopMixMonitor()\nWait(99)"
    )
    made = Studio(tmp_path, lines)
    made.closed()
    made.seconds(3)
    made.closed()
    made.seconds(3)
    assert set(made.rec) == {"b.wav"} and len(monitors_of(made.channel)) == 1
    assert made.plan.services.dialplan.globals["NAME"].endswith("a.wav")


def test_the_command_runs_when_the_file_is_whole(tmp_path: Path) -> None:
    made = Studio(tmp_path, "Set(X=1)\nMixMonitor(a.wav,d,mv ^{MIXMONITOR_FILENAME}x /${X}^{X})\nWait(9)")
    (tmp_path / "monitor" / "a.wav").write_bytes(b"x")
    made.channel.hangup()
    made.plan.turns()
    assert made.ran == []
    made.closed()
    assert made.ran == ["mv x /11"]
    assert not (tmp_path / "monitor" / "a.wav").exists() and made.plan.errors == []


def test_only_while_bridged(tmp_path: Path) -> None:
    made = Studio(tmp_path, "MixMonitor(a.wav,b)\nWait(99)")
    assert made.paused() == [True]
    other = made.plan.switch.create("Test/2")
    other.leg = RecordingLeg(row=2)
    bridge = Bridge(made.channel, (made.channel, other), BridgeOptions())
    bridge.open()
    assert made.paused() == [True, False]
    bridge.close()
    assert made.paused() == [True, False, True]


def test_the_first_seconds_are_left_out(tmp_path: Path) -> None:
    made = Studio(tmp_path, "MixMonitor(a.wav,s(2.5))\nWait(99)")
    made.seconds(2.4)
    assert made.paused() == [True]
    made.seconds(0.2)
    assert made.paused() == [True, False]


def test_beeps(tmp_path: Path) -> None:
    made = Studio(tmp_path, "MixMonitor(a.wav,B(5)P)\nWait(99)")
    made.seconds(16)

    def beeps() -> int:
        return sum(c[0] == "play_file" and c[3].endswith("beep.ulaw") for c in made.port.commands)

    assert beeps() == 3
    monitors = monitors_of(made.channel)
    next(iter(monitors.values())).stop()
    made.seconds(20)
    assert beeps() == 4 and monitors == {}


@pytest.mark.parametrize(("data", "goes_on"), [("", False), ("a.xyz", True), (",n", False)])
def test_what_cannot_be(tmp_path: Path, data: str, goes_on: bool) -> None:
    made = Studio(tmp_path, f"MixMonitor({data})\nSet(GLOBAL(ON)=1)\nWait(9)")
    assert made.rec == {} and ("ON" in made.plan.services.dialplan.globals) is goes_on
    assert made.channel.dead is not goes_on
