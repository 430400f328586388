"""Waiting for what detectors find in a channel's sound."""

from __future__ import annotations

from collections import deque
from contextlib import ExitStack
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred

from pbx.channels.events import DigitEnd
from pbx.channels.voice.port import Direction

if TYPE_CHECKING:
    from collections.abc import Callable

    from pbx.channels.channel import Channel
    from pbx.channels.sounds import Listener
    from pbx.dialplan.interpreter import Run


class Ear:
    """Listens by detectors (`pbx.codecs.listening`) while it is entered; `next` waits for what they find."""

    def __init__(self, run: Run, *specs: str) -> None:
        self._run = run
        self._specs = specs
        self._found: deque[str] = deque()
        self._waiting: Deferred[None] | None = None
        self._open = ExitStack()
        self._listeners: list[Listener] = []

    @property
    def deaf(self) -> bool:
        """Nobody whose sound could be heard is at the other end (yet)."""
        return not any(listener.places for listener in self._listeners)

    def __enter__(self) -> Ear:
        graph, channel = self._run.services.switch.graph, self._run.channel
        for number, spec in enumerate(self._specs):
            listener = graph.listen(channel, spec, self._hears(number))
            self._open.callback(listener.stop)
            self._listeners.append(listener)
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def _hears(self, number: int) -> Callable[[str], None]:
        """What the detector of that number finds is told as `number:finding`, of a single one as it is."""
        prefix = f"{number}:" if len(self._specs) > 1 else ""

        def heard(what: str) -> None:
            self._found.append(prefix + what)
            self._ring()

        return heard

    def tell(self, what: str) -> str:
        """Something else that `next` is to tell of; returns it."""
        self._found.append(what)
        self._ring()
        return what

    def _ring(self) -> None:
        # one at most: who is woken here waits anew before this returns
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.callback(None)

    async def next(self, seconds: float | None = None) -> str | None:
        """The next finding, or "key:5" for a digit of the far end; None when the time is over or the call is."""
        channel: Channel = self._run.channel
        clock = channel.switch.clock
        until = None if seconds is None else clock.seconds() + seconds
        while True:
            if self._found:
                return self._found.popleft()
            while (event := channel.poll()) is not None:
                if isinstance(event, DigitEnd):
                    return f"key:{event.digit}"
            rest = None if until is None else until - clock.seconds()
            if self._run.over or (rest is not None and rest <= 0):
                return None
            waiting: Deferred[None] = Deferred(lambda _: None)
            self._waiting = waiting
            channel.watch(self._ring)
            try:
                await channel.wait(waiting, rest)
            finally:
                self._waiting = None
                channel.watch(None)


class Watch:
    """A detector that goes on hearing a channel beside what the call does (TONE_DETECT)."""

    def __init__(self, channel: Channel, spec: str, direction: Direction, heard: Callable[[str], None]) -> None:
        self._listener = channel.switch.graph.listen(channel, spec, heard, direction)

    def stop(self) -> None:
        self._listener.stop()
