"""Record in virtual time: what becomes of the end of the file, and what RECORDING_INFO knows.

The lengths cut off are those that a stock Asterisk 22 cuts off: all but a second of the silence that ended it; a
quarter of a second with a digit, or with the silence where option u keeps it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pbx.channels.channel import Channel
from pbx.codecs.files import SUFFIXES, SoundReader, SoundWriter
from tests.channels.world import RecordingLeg
from tests.dialplan.stage import Stage

MS = 4000


class Recording:
    """Record runs on a leg; its file has four seconds of sound, as if the plane had written it."""

    def __init__(self, folder: Path, arguments: str, suffix: str = "wav") -> None:
        self.stage = Stage(folder, milliseconds=100)
        self.path = folder / "new" / f"said.{suffix}"
        self.channel: Channel = self.stage.channel()
        self.channel.leg = RecordingLeg(row=1)
        graph = self.stage.switch.graph
        graph.attach(self.channel)
        self.outcome: list[Any] = self.stage.start(self.channel, "Record", f"{self.path}{arguments}")
        self.stage.seconds(0.1)
        self.number = next(n for n, how in graph.port.running.items() if how[0] == "record")  # type: ignore[attr-defined]
        kind = SUFFIXES[suffix]
        with SoundWriter(self.path) as writer:
            writer.write(bytes(kind.format.bytes_per_20ms) * (MS // 20))

    def ends(self, reason: str) -> None:
        self.stage.switch.graph.finished(self.number, reason)
        self.stage.seconds(0.1)

    @property
    def milliseconds(self) -> int:
        with SoundReader(self.path) as reader:
            return reader.milliseconds

    def read(self, name: str) -> str | None:
        return self.stage.scope(self.channel).get(name)


@pytest.mark.parametrize("suffix", ["wav", "gsm", "sln", "ulaw"])
def test_a_digit_takes_its_own_sound_along(suffix: str, tmp_path: Path) -> None:
    recording = Recording(tmp_path, ",,,q", suffix)
    recording.stage.seconds(1.9)
    recording.stage.type(recording.channel, "#")
    recording.ends("stopped")
    assert recording.outcome == [None]
    assert recording.milliseconds == MS - (260 if suffix == "gsm" else 250)  # whole frames
    assert recording.read("RECORD_STATUS") == "DTMF"
    assert recording.read("RECORDED_FILE") == str(recording.path.with_suffix(""))
    assert recording.read("RECORDING_INFO(duration)") == "2000"


@pytest.mark.parametrize(("arguments", "cut"), [(",3,,q", 2000), (",3,,qu", 250), (",1,,q", 0)])
def test_the_silence_that_ended_it(arguments: str, cut: int, tmp_path: Path) -> None:
    recording = Recording(tmp_path, arguments)
    recording.ends("silence")
    assert recording.outcome == [None]
    assert recording.milliseconds == MS - cut
    assert recording.read("RECORD_STATUS") == "SILENCE"


def test_the_longest_time_and_a_hangup_cut_nothing(tmp_path: Path) -> None:
    recording = Recording(tmp_path, ",,4,q")
    recording.ends("max")
    assert recording.milliseconds == MS and recording.read("RECORD_STATUS") == "TIMEOUT"
    kept = Recording(tmp_path, ",,,qk")
    kept.channel.softhangup()
    kept.stage.seconds(0.1)
    assert kept.milliseconds == MS and kept.read("RECORD_STATUS") == "HANGUP"
    gone = Recording(tmp_path, ",,,q")
    gone.channel.softhangup()
    gone.stage.seconds(0.1)
    assert not gone.path.exists()


def test_nothing_recorded_yet(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    channel = stage.channel()
    assert (stage.scope(channel).get("RECORDING_INFO(duration)") or "") == ""
