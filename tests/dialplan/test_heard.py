"""Applications that judge sounds (AMD, WaitForTone, ToneScan, ReceiveMF ...) do so as a stock Asterisk 22 did."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from pbx.channels.channel import Channel
from pbx.channels.voice.port import Direction
from pbx.codecs.detect import TalkDetector
from pbx.codecs.listening import Detector, detector
from pbx.dialplan.interpreter import Run
from tests.channels.world import PortLog, RecordingLeg
from tests.codecs.heard import render
from tests.dialplan.stage import Stage

CASES: list[dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parent / "recorded" / "heard.yaml").read_text(encoding="utf-8")
)["cases"]
#: seconds that a case goes on behind its sound
REST = 8
#: seconds of every sound that is played
PROMPT = 5


class HearingPort(PortLog):
    """A port whose one leg says a given sound, and whose listeners hear it."""

    def __init__(self, stage: Stage, sound: str) -> None:
        super().__init__()
        self._stage = stage
        samples = render(sound)
        self._frames = samples[: len(samples) // 160 * 160].reshape(-1, 1, 160)
        self._ears: dict[int, Detector] = {}
        self._talk: TalkDetector | None = None
        self._talking = False

    def listen(self, number: int, row: int, direction: Direction, spec: str) -> None:
        ear = detector(spec)
        ear.add_row(0)
        if direction is Direction.IN:
            self._ears[number] = ear
        self.running[number] = ("listen", spec)

    def play_file(self, number: int, *_: Any, **__: Any) -> None:
        """It comes to its end."""
        self.running[number] = ("play_file",)
        self._stage.clock.callLater(PROMPT, self._end, number)

    def _end(self, number: int) -> None:
        if self.running.pop(number, None) is not None:
            self._stage.switch.graph.finished(number, "end")

    def stop(self, number: int) -> None:
        self._ears.pop(number, None)
        del self.running[number]

    def detect(self, row: int, **how: Any) -> None:
        self._talk, self._talking = None, False
        if how.get("talk"):
            self._talk = TalkDetector()
            self._talk.add_row(0, how["silence_threshold"])
            self._ms = how["silence_ms"]

    def say(self, number: int) -> None:
        """The next 20 ms."""
        spoke = number < len(self._frames)
        frame = self._frames[number] if spoke else np.zeros((1, 160), np.int16)
        graph = self._stage.switch.graph
        for listener, ear in list(self._ears.items()):
            for _, what in ear.run(np.array([0]), frame, np.array([spoke])):
                graph.heard(listener, what)
        if self._talk is not None:
            silence, talk = self._talk.run(np.array([0]), frame)
            if not self._talking and talk[0] >= 60:
                self._talking = True
                graph.detected(1, "talk")
            elif self._talking and silence[0] >= self._ms:
                self._talking = False
                graph.detected(1, "silence")


def _play(stage: Stage, channel: Channel, steps: list[str], read: list[str]) -> list[str]:
    """Run the steps on it; the list gets what stock would have written, once they are through."""
    run = Run(stage.services, channel)
    run.scope.run = run
    got: list[str] = []

    async def task() -> None:
        for step in steps:
            name, _, data = step.partition("(")
            outcome = await run.execute(name, await run.evaluate(data[:-1]))
            if outcome is not None:
                status = next((run.scope.get(n) for n in read if n.endswith("STATUS") and run.scope.get(n)), None)
                got.append("END" + (f" {status}" if status else ""))
                return
        got.append("|".join([await run.evaluate(f"${{{name}}}") for name in read]))

    channel.start(run, task())
    return got


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['do']} {case['sound'][:40]}")
def test_as_stock_asterisk(case: dict[str, Any], tmp_path: Path) -> None:
    stage = Stage(tmp_path, milliseconds=1000 * PROMPT)
    port = HearingPort(stage, case["sound"])
    stage.switch.graph.port = port  # type: ignore[assignment]
    channel = stage.channel()
    channel.leg = RecordingLeg(row=1)
    stage.switch.graph.attach(channel)
    steps = [case["do"]] if isinstance(case["do"], str) else case["do"]
    got = _play(stage, channel, steps, case["read"])
    for number in range(len(port._frames) + 50 * REST):
        if got:
            break
        port.say(number)
        stage.clock.advance(0.02)
    assert got == [case["got"]]
    channel.end(16)
    assert not port.running
