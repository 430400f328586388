"""Hooks on signals, tones and talk: what is heard, muted, told and kept from passing, in virtual time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pbx.channels import log
from pbx.channels.events import Control, DigitEnd, Indication, Text
from pbx.channels.voice.port import Direction
from pbx.dialplan.applications.tones import morse
from pbx.dialplan.events import HoldIntercepted
from pbx.dialplan.registry import Outcome
from tests.channels.world import RecordingLeg
from tests.dialplan.stage import Stage


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path, milliseconds=5000, text="[default]\nexten => 5,1,NoOp()\nexten => talk,1,NoOp()\n")


@pytest.fixture
def lines() -> Any:
    """What is logged."""
    found: list[str] = []
    former = log.set_sink(lambda record: found.append(record.text))
    yield found
    log.set_sink(former)


def test_tones_of_morse_code() -> None:
    assert morse("e t", 100, 800, 0) == "!800/100,!0/100,!0/200,!0/200,!0/100,!0/200,!800/300,!0/100,!0/200"
    assert morse("l0", 10, 700, 5, american=True) == "!700/60,!5/10,!5/30,!700/90,!5/10,!5/30"
    assert morse("é#", 10, 700, 5) == "!5/20"


@pytest.mark.parametrize(
    ("application", "data", "tones"),
    [
        ("SendMF", "*1#", "!0/100,!1100+1700/120,!0/50,!700+900/55,!0/50,!1500+1700/65,!0/50"),
        ("SendMF", "2w,30,40", "!0/100,!700+1100/40,!0/30,!0/500"),
        ("SendSF", "2,2400", "!0/100,!2400/67,!0/33,!2400/67,!0/33,!0/600"),
        ("Zapateller", "", "!950/330,!1400/330,!1800/330,!0/1000"),
    ],
)
def test_tones_that_are_played(stage: Stage, application: str, data: str, tones: str) -> None:
    stage.start(stage.channel(), application, data)
    assert [what for _, what in stage.played] == [f"tone {tones}"]


def test_tones_play_on_while_the_dialplan_goes_on(tmp_path: Path) -> None:
    stage = Stage(tmp_path, tones={"us": {"busy": "480+620/500,0/500"}})
    channel = stage.channel()
    channel.leg = RecordingLeg(5)

    def sounding() -> list[Any]:
        """What the voice plane was told to play and not yet to stop."""
        return [command[0] for command in stage.switch.graph.port.running.values()]  # type: ignore[attr-defined]

    assert stage.run(channel, "PlayTones", "busy") is None
    assert [what for _, what in stage.played] == ["tone 480+620/500,0/500"] and sounding() == ["play_tone"]
    stage.seconds(30)
    assert sounding() == ["play_tone"]  # again and again
    stage.run(channel, "PlayTones", "425")
    assert [what for _, what in stage.played][1:] == ["tone 425"] and sounding() == ["play_tone"]  # in its place
    assert stage.run(channel, "StopPlayTones", "") is None
    assert sounding() == [] and not channel.dead
    stage.run(channel, "StopPlayTones", "")
    assert sounding() == [] and stage.plan.errors == []


def test_no_such_tone_ends_the_call(stage: Stage, lines: list[str]) -> None:
    assert stage.run(stage.channel(), "PlayTones", "nonsense") is Outcome.END
    assert stage.played == [] and lines == ["there is no tone 'nonsense' (s@default:1)"]


def test_talk_goes_to_its_extension(stage: Stage) -> None:
    """What counts as talk: `test_heard.py`."""
    channel = stage.channel()
    heard: list[Any] = []
    asked: list[str] = []
    listen = stage.switch.graph.listen

    def listening(who: Any, spec: str, call: Any, *more: Any) -> Any:
        asked.append(spec)
        heard.append(call)
        return listen(who, spec, call, *more)

    stage.switch.graph.listen = listening  # type: ignore[method-assign]
    outcome = stage.start(channel, "BackgroundDetect", "long,500,200,1000")
    stage.seconds(0.5)
    assert asked == ["talk 500 200 1000"] and not outcome
    heard[0]("talked:500")
    stage.seconds(0.1)
    assert outcome == [None] and (channel.exten, channel.priority) == ("talk", 0)
    assert stage.scope(channel).get("TALK_DETECTED") == "500"
    assert not stage.switch.graph.sounds(channel)


def test_frames_that_are_dropped_and_traced(stage: Stage, lines: list[str]) -> None:
    channel = stage.channel()
    scope = stage.scope(channel)
    scope.set("FRAME_TRACE(white)", "DTMF_END,CONTROL")
    scope.set("FRAME_DROP(TX)", "RINGING,TEXT")
    channel.deliver(DigitEnd("7", 100))
    channel.indicate(Control.RINGING)
    channel.indicate(Control.PROGRESS)
    assert channel.line is not None
    channel.line.send_text("hello")
    assert channel.leg is not None
    assert channel.leg.said == [("indicate", Control.PROGRESS, b"")]  # type: ignore[attr-defined]
    assert [line for line in lines if "Channel" in line or "Digit" in line] == [
        f"<--Read on Channel {channel.name}",
        "Digit: 0x37 '7'",
        f"--> Write on Channel {channel.name}",
        f"--> Write on Channel {channel.name}",
    ]
    scope.set("FRAME_DROP(TX)", "VOICE")
    assert stage.switch.graph.muted(channel) == Direction.OUT
    channel.line.send_text("again")
    scope.set("FRAME_DROP(RX)", "TEXT")
    assert stage.switch.graph.muted(channel) == Direction(0)
    channel.deliver(Text("no"))
    assert [type(event).__name__ for event in iter(channel.poll, None)] == ["DigitEnd"]


def test_mute_for_several_reasons(stage: Stage) -> None:
    channel = stage.channel()
    scope, graph = stage.scope(channel), stage.switch.graph
    scope.set("MUTEAUDIO(in)", "on")
    scope.set("FRAME_DROP(RX)", "VOICE")
    scope.set("MUTEAUDIO(all)", "off")
    assert graph.muted(channel) == Direction.IN
    scope.set("FRAME_DROP(RX)", "NULL")
    assert graph.muted(channel) == Direction(0)


def test_hold_is_told_and_does_nothing_else(stage: Stage) -> None:
    channel = stage.channel()
    told: list[bool] = []
    stage.switch.bus.subscribe(HoldIntercepted, lambda event: told.append(event.on))
    scope = stage.scope(channel)
    scope.set("HOLD_INTERCEPT(set)", "")
    channel.deliver(Indication(Control.HOLD))
    channel.deliver(Indication(Control.UNHOLD))
    assert told == [True, False] and channel.poll() is None
    scope.set("HOLD_INTERCEPT(remove)", "")
    channel.deliver(Indication(Control.HOLD))
    assert told == [True, False] and isinstance(channel.poll(), Indication)
