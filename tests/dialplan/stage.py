"""A caller on whom single applications are tried in virtual time: what was played, what came of it."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from pbx.channels.channel import Channel, State
from pbx.channels.events import DigitBegin, DigitEnd
from pbx.channels.graph import Graph
from pbx.codecs.formats import ULAW
from pbx.dialplan import registry
from pbx.dialplan.interpreter import Run
from pbx.dialplan.scope import Scope, scope_of
from tests.channels.world import PortLog, RecordingLeg
from tests.dialplan.test_interpreter import Plan


class Stage:
    """One switch whose sounds last `milliseconds` each; `sounds`: the names there are, None for every name.

    `played` holds (second, what) of sounds and tones.
    """

    def __init__(
        self,
        folder: Path,
        *,
        text: str = "[default]\n",
        sounds: Collection[str] | None = None,
        milliseconds: int = 0,
        **more: Any,
    ) -> None:
        registry.load_all()
        self.plan = Plan(text, find_sound=self._find, **more)
        self.clock, self.switch, self.services = self.plan.clock, self.plan.switch, self.plan.services
        self.file = folder / "sound.ulaw"
        self.file.write_bytes(bytes([0xFF]) * 8 * milliseconds)
        self._names: Collection[str] | None = sounds
        self._asked = ""
        self.played: list[tuple[float, str]] = []
        graph = self.switch.graph = Graph(self.switch, PortLog())  # type: ignore[arg-type]
        play, tone = graph.play, graph.tone

        def playing(channel: Channel, path: str, *args: Any, **named: Any) -> Any:
            self.played.append((round(self.clock.seconds(), 2), self._asked))
            return play(channel, path, *args, **named)

        def sounding(channel: Channel, spec: str, **named: Any) -> Any:
            self.played.append((round(self.clock.seconds(), 2), f"tone {spec}"))
            return tone(channel, spec, **named)

        graph.play, graph.tone = playing, sounding  # type: ignore[method-assign]
        self._count = 0

    def _find(self, name: str, language: str, formats: Any) -> tuple[str, Any] | None:
        self._asked = name
        return (str(self.file), ULAW) if self._names is None or name in self._names else None

    def channel(self, *, language: str = "en", state: State = State.UP) -> Channel:
        """A caller."""
        self._count += 1
        channel = self.switch.create(f"Test/{self._count}", state=state)
        channel.leg = RecordingLeg()
        channel.language = language
        channel.context, channel.exten = "default", "s"
        return channel

    def scope(self, channel: Channel) -> Scope:
        return scope_of(self.services, channel)

    def start(self, channel: Channel, application: str, data: str) -> list[Any]:
        """Begin an application on it: the list gets its outcome when it is through."""
        run = Run(self.services, channel)
        run.scope.run = run
        outcome: list[Any] = []

        async def task() -> None:
            outcome.append(await run.execute(application, await run.evaluate(data)))

        channel.start(run, task())
        return outcome

    def seconds(self, count: float) -> None:
        for _ in range(round(count * 50)):
            self.clock.advance(0.02)

    def type(self, channel: Channel, digits: str, each: float = 0.1) -> None:
        """The far end presses digits."""
        for digit in digits:
            channel.deliver(DigitBegin(digit))
            channel.deliver(DigitEnd(digit, 100))
            self.seconds(each)

    def run(self, channel: Channel, application: str, data: str) -> Any:
        """The outcome of an application that does not wait for anybody."""
        outcome = self.start(channel, application, data)
        for _ in range(10_000):
            if outcome:
                return outcome[0]
            self.clock.advance(0)
        raise AssertionError(f"{application}({data}) still runs")
