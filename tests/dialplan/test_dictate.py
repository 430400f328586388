"""Dictate in virtual time: what keys do, and what becomes of the file."""

from __future__ import annotations

from pathlib import Path

from pbx.dialplan.applications import dictate
from tests.channels.world import RecordingLeg
from tests.dialplan.stage import Stage


def _stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path, milliseconds=100)


def test_keys_and_prompts(tmp_path: Path) -> None:
    stage = _stage(tmp_path)
    channel = stage.channel()
    outcome = stage.start(channel, "Dictate", f"{tmp_path}/deep/er,memo")
    stage.seconds(1)
    assert (tmp_path / "deep" / "er" / "memo.raw").exists()
    for key in "1*", "0", "1", "2", "8", "#":
        stage.type(channel, key, 0.5)
    assert [what for _, what in stage.played] == [
        "dictate/forhelp", "dictate/record_mode", "dictate/record", "dictate/paused", "dictate/record_help",
        "dictate/both_help", "dictate/playback_mode", "digits/2",
    ]  # fmt: skip
    assert outcome == [None]


def test_a_file_is_asked_for_until_none_is_named(tmp_path: Path) -> None:
    stage = _stage(tmp_path)
    channel = stage.channel()
    outcome = stage.start(channel, "Dictate", str(tmp_path))
    stage.seconds(0.5)
    stage.type(channel, "12#", 0.3)
    stage.seconds(1)
    assert (tmp_path / "12.raw").exists()
    stage.type(channel, "#", 0.5)
    assert not outcome
    stage.type(channel, "#", 0.5)
    assert outcome == [None]


def test_what_is_recorded_goes_to_the_leg_and_ends_with_the_next_key(tmp_path: Path) -> None:
    stage = _stage(tmp_path)
    channel = stage.channel()
    channel.leg = RecordingLeg(row=1)
    stage.switch.graph.attach(channel)
    stage.start(channel, "Dictate", f"{tmp_path},memo")
    stage.seconds(1)
    for number in list(stage.switch.graph._numbers):
        stage.switch.graph.finished(number, "end")
    port = stage.switch.graph.port
    stage.type(channel, "1", 0.2)
    stage.type(channel, "*", 0.2)
    stage.type(channel, "9", 0.2)
    recorded = [c for c in port.commands if c[0] == "record"]  # type: ignore[attr-defined]
    assert recorded and recorded[0][3] == f"{tmp_path}/memo.raw"


def test_writing_over_the_middle_keeps_what_stood_behind(tmp_path: Path) -> None:
    path = tmp_path / "memo.raw"
    path.write_bytes(b"a" * 16 * 100 + b"b" * 16 * 100 + b"c" * 16 * 100)
    rest = dictate._split(str(path), 100)
    assert path.read_bytes() == b"a" * 1600
    with path.open("ab") as file:
        file.write(b"N" * 16 * 100)
    dictate._rejoin(str(path), rest, 100)
    assert path.read_bytes() == b"a" * 1600 + b"N" * 1600 + b"c" * 1600
