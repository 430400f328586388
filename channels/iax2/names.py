"""Host names: asked for by an event, answered by the driver, never looked up here."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from pbx.channels.iax2.events import Event, ResolveNeeded

#: called with the addresses ([] = it failed) and now
Answer: TypeAlias = Callable[[list[str], float], None]


class Names:
    """Who waits for which name.  A name is asked for once, however many wait."""

    def __init__(self, emit: Callable[[Event], None]) -> None:
        self._emit = emit
        self._waiting: dict[str, list[Answer]] = {}

    def ask(self, name: str, answer: Answer) -> None:
        """Have `answer` called when the driver knows."""
        waiting = self._waiting.get(name)
        if waiting is not None:
            waiting.append(answer)
            return
        self._waiting[name] = [answer]
        self._emit(ResolveNeeded(name))

    def resolved(self, name: str, addresses: list[str], now: float) -> None:
        """The driver's answer."""
        for answer in self._waiting.pop(name, ()):
            answer(addresses, now)
