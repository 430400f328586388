"""A small switch in virtual time for tests of this floor: a clock, a bus that is written down, scripted extensions."""

from __future__ import annotations

import gc
from collections.abc import Callable, Coroutine
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from pbx.channels import events as bus_events
from pbx.channels.channel import Channel, State
from pbx.channels.events import Bus, BusEvent, Control
from pbx.channels.switch import Switch
from pbx.channels.voice.port import Buffering

Script = Callable[[Channel], Coroutine[Deferred[Any], Any, None]]


class RecordingLeg:
    """A leg without a network: writes down what it is told."""

    technology = "Test"

    def __init__(self, row: int | None = None) -> None:
        self.row = row
        self.said: list[tuple[Any, ...]] = []

    def answer(self) -> None:
        self.said.append(("answer",))

    def indicate(self, control: Control, data: bytes = b"") -> None:
        self.said.append(("indicate", control, data))

    def digit_begin(self, digit: str) -> None:
        self.said.append(("begin", digit))

    def digit_end(self, digit: str, milliseconds: int) -> None:
        self.said.append(("end", digit, milliseconds))

    def send_text(self, text: str) -> None:
        self.said.append(("text", text))

    def send_opaque(self, frame_type: int, subclass: int, data: bytes) -> None:
        self.said.append(("opaque", frame_type, subclass, data))

    def transfer(self, exten: str, context: str | None = None) -> bool:
        return False

    def hangup(self, cause: int) -> None:
        self.said.append(("hangup", cause))

    def buffer(self, wish: Buffering | None) -> bool:
        self.said.append(("buffer", wish))
        return self.row is not None

    def detail(self, item: str) -> str | None:
        return None


class Scripts:
    """Extensions: `exten@context` -> a coroutine function that is the channel's task."""

    def __init__(self) -> None:
        self.scripts: dict[str, Script] = {}
        self.ran: list[str] = []

    def left(self, channel: Channel, to: object) -> None:
        self.ran.append(f"{channel.name} left")

    def exists(self, context: str, exten: str, priority: int = 1, caller_number: str = "") -> bool:
        return f"{exten}@{context}" in self.scripts

    def can_match(self, context: str, exten: str, priority: int = 1, caller_number: str = "") -> bool:
        return any(place.startswith(exten) for place in self.scripts if place.endswith(f"@{context}"))

    def match_more(self, context: str, exten: str, priority: int = 1, caller_number: str = "") -> bool:
        return False

    def has_context(self, context: str) -> bool:
        return any(place.endswith(f"@{context}") for place in self.scripts)

    def ignore_pattern(self, context: str, exten: str) -> bool:
        return False

    def run(self, channel: Channel) -> None:
        place = f"{channel.exten}@{channel.context}"
        self.ran.append(f"{channel.name} at {place}")
        channel.start(self, self.scripts[place](channel))


class World:
    """`world.switch`, `world.clock`, `world.heard` (every bus event), `world.errors` (reported failures)."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.bus = Bus()
        self.heard: list[BusEvent] = []
        self.errors: list[Failure] = []
        self.extensions = Scripts()
        for kind in vars(bus_events).values():
            if isinstance(kind, type) and issubclass(kind, BusEvent) and kind is not BusEvent:
                self.bus.subscribe(kind, self.heard.append)
        self.switch = Switch(
            self.clock, lambda: 1_000_000.0 + self.clock.seconds(), self.bus, self.extensions, report=self._report
        )

    def _report(self, failure: Failure, where: str) -> None:
        self.errors.append(failure)

    def channel(self, name: str, state: State = State.UP, row: int | None = None) -> Channel:
        channel = self.switch.create(name, state=state)
        channel.leg = RecordingLeg(row)
        return channel

    def of(self, kind: type[BusEvent]) -> list[Any]:
        return [event for event in self.heard if type(event) is kind]


def said(channel: Channel) -> list[tuple[Any, ...]]:
    """What the channel's recording leg was told."""
    assert isinstance(channel.leg, RecordingLeg)
    return channel.leg.said


class PortLog:
    """The port of a voice plane that never answers by itself: the commands, and what follows from them."""

    def __init__(self) -> None:
        self.commands: list[tuple[Any, ...]] = []
        self.edges: set[Any] = set()
        #: number -> command that plays or records it, while it runs
        self.running: dict[int, tuple[Any, ...]] = {}

    def __getattr__(self, name: str) -> Callable[..., None]:
        def command(*args: Any, **more: Any) -> None:
            self.commands.append((name, *args, more))
            if name == "reset_edges":
                removed, added = args
                assert set(removed) <= self.edges, "an edge is removed that is not there"
                assert not set(added) & self.edges, "an edge is added twice"
                self.edges.difference_update(removed)
                self.edges.update(added)
            elif name in ("play_file", "play_tone", "play_silence", "record", "listen"):
                assert args[0] not in self.running
                self.running[args[0]] = (name, *args[1:], more)
            elif name == "stop":
                del self.running[args[0]]

        return command

    def pairs(self) -> set[tuple[int, int]]:
        return {(edge.source, edge.sink) for edge in self.edges}


def garbage_of(work: Callable[[], None]) -> int:
    """Objects that `work` leaves to the collector: those in cycles.  What was there before is left aside."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        work()
        return gc.collect()
    finally:
        gc.enable()
        gc.unfreeze()
