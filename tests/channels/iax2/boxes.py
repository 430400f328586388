"""Whole boxes in one process: switch, voice plane, driver, on loopback sockets and a reactor of their own."""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Callable, Coroutine
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.epollreactor import EPollReactor
from twisted.python.failure import Failure

from pbx.channels import events as bus_events
from pbx.channels.channel import Channel
from pbx.channels.events import Bus, BusEvent, Verdict
from pbx.channels.graph import Graph
from pbx.channels.iax2.driver import Driver
from pbx.channels.iax2.settings_load import from_text
from pbx.channels.switch import Switch
from pbx.channels.voice.localport import LocalPort
from pbx.channels.voice.remoteport import RemotePort
from tests.channels.world import Scripts


class Box:
    """One PBX.  `scripts["201@ctx"]` is a coroutine function that runs on the channel that called there."""

    def __init__(self, reactor: Any, conf: str, *, apart: bool = False, **more: Any) -> None:
        self.reactor = reactor
        self.bus = Bus()
        self.heard: list[BusEvent] = []
        self.errors: list[Failure] = []
        for kind in vars(bus_events).values():
            if isinstance(kind, type) and issubclass(kind, BusEvent) and kind is not BusEvent:
                self.bus.subscribe(kind, self.heard.append)
        self.extensions = Scripts()
        self.switch = Switch(reactor, time.time, self.bus, self.extensions, report=self._report)
        self.port: Any = RemotePort(reactor, capacity=4096) if apart else LocalPort(reactor, capacity=4096)
        self.switch.graph = Graph(self.switch, self.port)
        settings = from_text(conf)
        assert not settings.diagnostics.errors, settings.diagnostics
        self.driver = Driver(reactor, self.switch, self.port, settings, random=random.Random(7), **more)
        self.port.events = self.driver
        if apart:
            self.port.restarted = self.switch.graph.replay

    def _report(self, failure: Failure, where: str) -> None:
        self.errors.append(failure)

    @property
    def scripts(self) -> dict[str, Callable[[Channel], Coroutine[Deferred[Any], Any, None]]]:
        return self.extensions.scripts

    def channels(self) -> list[Channel]:
        return list(self.switch.channels())

    def verdicts(self) -> list[Verdict]:
        return [event for event in self.heard if isinstance(event, Verdict)]


def share(sound: bytes, heard: bytes, packet: int = 160) -> float:
    """How much of `sound` was heard, by packets and in order.  A busy machine may lose one; a defect loses many."""
    at = found = 0
    for start in range(0, len(sound), packet):
        place = heard.find(sound[start : start + packet], at)
        if place >= 0:
            at = place + packet
            found += 1
    return found * packet / len(sound)


class Owner:
    def left(self, channel: Channel, to: object) -> None: ...


class Boxes:
    """Some boxes on one reactor, their voice planes in process or apart.  Use as a context manager."""

    def __init__(self, *, apart: bool = False) -> None:
        self.apart = apart
        self.reactor = EPollReactor()
        # as the daemon does: Twisted's own clock is the wall's
        self.reactor.seconds = time.monotonic
        self.boxes: list[Box] = []
        self.reactor.startRunning(installSignalHandlers=False)

    def __enter__(self) -> Boxes:
        return self

    def box(self, conf: str, *, start: bool = True, **more: Any) -> Box:
        made = Box(self.reactor, conf, apart=self.apart, **more)
        self.boxes.append(made)
        if start:
            made.driver.start()
            if self.apart:
                self.await_voice(made)
        return made

    def await_voice(self, box: Box) -> None:
        """A voice process takes a second or two to start: wait until a POKE is answered."""
        bound = box.driver.sockets[0]
        with socket.socket(bound.family, socket.SOCK_DGRAM) as asking:
            asking.bind((bound.host, 0))
            asking.setblocking(False)
            asking.sendto(bytes.fromhex("80020000000000010000061e"), (bound.host, bound.port))

            def answered() -> bool:
                try:
                    return bool(asking.recv(2048))
                except BlockingIOError:
                    return False

            self.run(answered, 30)

    def run(self, until: Callable[[], object], seconds: float = 5.0) -> None:
        """Turn the reactor until that is true; fails after `seconds`."""
        deadline = time.monotonic() + seconds
        while not until():
            self.reactor.runUntilCurrent()
            self.reactor.doIteration(min(0.005, self.reactor.timeout() or 0.005))
            for box in self.boxes:
                for failure in box.errors:
                    failure.raiseException()
            assert time.monotonic() < deadline, "what was waited for did not come"

    def turn(self, seconds: float) -> None:
        """Turn the reactor for so long."""
        end = time.monotonic() + seconds
        self.run(lambda: time.monotonic() >= end, seconds + 5)

    def __exit__(self, *error: object) -> None:
        stopped: list[None] = []
        for box in self.boxes:
            box.driver.stop().addCallback(stopped.append)
        if error[0] is None:
            self.run(lambda: len(stopped) == len(self.boxes))
        for box in self.boxes:
            box.port.shutdown()
            for bound in box.driver.sockets:
                bound.socket.close()
        self.reactor.fireSystemEvent("shutdown")
        for _ in range(3):
            self.reactor.iterate(0)
        self.reactor.removeAll()
        self.reactor._poller.close()
        if error[0] is None:
            left = [str(call) for call in self.reactor.getDelayedCalls()]
            assert not left, f"timers that nobody cancelled: {left}"
