"""What setting up and ending a relayed call costs, by part, without kernel and network: `python -m benchmarks.setup`.

A caller and a callee are played to the real driver, switch, dialplan and voice plane in one process and in virtual
time.  Printed are microseconds of CPU a call: control (frames in, and what follows from them), voice (the plane's
share of frames in, and the commands it obeys), and how many records and batches of them a call makes.  --profile shows
where control spends it.
"""

from __future__ import annotations

import argparse
import cProfile
import gc
import pstats
import time
from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np
from twisted.internet.epollreactor import EPollReactor

from benchmarks.load.legs import Leg
from pbx.channels import log
from pbx.channels.events import Bus
from pbx.channels.graph import Graph
from pbx.channels.iax2.driver import Driver
from pbx.channels.iax2.frames import Command, FrameType, FullFrame, parse_full
from pbx.channels.iax2.media import MediaHeaders
from pbx.channels.iax2.settings_load import from_text
from pbx.channels.iax2.sockets import Bound
from pbx.channels.switch import Switch
from pbx.channels.voice import address as addresses
from pbx.channels.voice.autoflush import AutoFlush
from pbx.channels.voice.counters import CounterTable
from pbx.channels.voice.plane import Plane
from pbx.channels.voice.records import HEAD
from pbx.channels.voice.records import Command as Record
from pbx.collector import THRESHOLDS
from pbx.conf import reader
from pbx.conf.diagnostics import Diagnostics
from pbx.dialplan import loader, registry
from pbx.dialplan.interpreter import Interpreter
from pbx.dialplan.services import Services

CALLER, CALLEE = ("127.0.1.210", 4569), ("127.0.1.211", 4569)
IAX = f"""[general]
bindaddr=127.0.1.202
disallow=all
allow=ulaw
calltokenoptional=127.0.0.0/255.0.0.0
maxcallnumbers=32766
maxcallnumbers_nonvalidated=32766
[loadgen]
type=user
context=load
requirecalltoken=no
[sink]
type=peer
host={CALLEE[0]}
username=pbx
requirecalltoken=no
qualify=yes
"""
EXTENSIONS = "[load]\nexten => _1XXXXX,1,Dial(IAX2/sink/${EXTEN},30)\n same => n,Hangup()\n"


class _Outside:
    """A plane's surroundings without sockets or files."""

    files: Any = None

    def open_socket(self, socket: int, fd: int, family: int) -> bool:
        return False

    def natural_source(self, address: bytes, local: bytes) -> bool:
        return True

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_: None


class _Port(AutoFlush):
    """Hands each batch to a plane, and takes out what is sent."""

    def __init__(self, reactor: Any, sent: Callable[[tuple[str, int], bytes], None], plane: Plane, now: Any) -> None:
        super().__init__(reactor, None)
        self.counters = plane.counters_table
        self.batches = self.records = 0
        self.seconds = 0.0
        self._sent, self._plane, self._now = sent, plane, now

    def _leave(self) -> None:
        batch = self.take()
        self.batches += 1
        at = 0
        while at < len(batch):
            head = HEAD.unpack_from(batch, at)
            tail = batch[at + HEAD.size : at + HEAD.size + head[4]]
            if head[0] == Record.SEND:
                size = addresses.SIZE
                self._sent(addresses.unpack(tail[:size]), tail[2 * size + head[6] :])
            self.records += 1
            at += HEAD.size + head[4] + -head[4] % 8
        self.obey(batch)

    def obey(self, batch: bytes) -> None:
        began = time.thread_time()
        self._plane.commands(batch, self._now())
        for box in self._plane.boxes.values():
            box.clear()
        self._plane.sent()
        self.seconds += time.thread_time() - began


class _Plane(Plane):
    def __init__(self, rows: int) -> None:
        self.counters_table = CounterTable(rows)
        super().__init__(MediaHeaders(), _Outside(), self.counters_table)  # type: ignore[arg-type]


class Bench:
    """The switch between two ends.  `control` and `voice` are seconds of CPU so far."""

    def __init__(self) -> None:
        registry.load_all()
        self.now = 1000.0
        self.reactor = EPollReactor()
        self.reactor.seconds = lambda: self.now
        self.control = 0.0
        self.voice = 0.0
        self.frames = 0
        self.inbox: list[tuple[tuple[str, int], bytes]] = []
        plane = self.plane = _Plane(4096)
        self.port = _Port(self.reactor, self._sent, plane, lambda: int(self.now * 1e9))
        self.switch = Switch(self.reactor, lambda: self.now, Bus(), None)  # type: ignore[arg-type]
        self.switch.graph = Graph(self.switch, self.port)
        services = Services(self.switch)
        self.switch.extensions = Interpreter(services)
        services.dialplan.replace(loader.load(reader.read_text(EXTENSIONS, diagnostics=Diagnostics()), Diagnostics()))
        self.driver = Driver(self.reactor, self.switch, self.port, from_text(IAX), random=Random(7))
        self.port.events = self.driver
        self.legs: dict[tuple[tuple[str, int], int], Leg] = {}
        self.number = 1
        self.outgoing: list[tuple[tuple[str, int], bytes]] = []
        self.profile: cProfile.Profile | None = None

        def send(bound: Bound, data: bytes, address: tuple[str, int], local: str) -> bool:
            self._sent(address, data)
            return True

        Bound.send = send  # type: ignore[method-assign]
        self.driver.start()
        self._turn()

    def _sent(self, address: tuple[str, int], data: bytes) -> None:
        self.inbox.append((address, data))

    def _turn(self) -> None:
        """Let control do what it has to."""
        profile = self.profile
        if profile is not None:
            profile.enable()
        before, began = self.port.seconds, time.thread_time()
        self.reactor.runUntilCurrent()
        self.reactor.runUntilCurrent()
        obeyed = self.port.seconds - before
        self.control += time.thread_time() - began - obeyed
        self.voice += obeyed
        if profile is not None:
            profile.disable()

    def _to_switch(self, address: tuple[str, int], data: bytes) -> None:
        """A datagram to the switch: through the plane, to control."""
        plane = self.plane
        began = time.thread_time()
        slot = int(plane.core.arena.slot[0])
        plane.core.arena.memory[slot : slot + len(data)] = data
        name = int(np.frombuffer(addresses.pack(*address)[:8], np.uint64)[0])
        plane.few_datagrams(1, ([name], [slot], [len(data)]), int(self.now * 1e9), None)
        events = plane.take_events()
        middle = time.thread_time()
        before = self.port.seconds
        if self.profile is not None:
            self.profile.enable()
        self.port._told(events)
        if self.profile is not None:
            self.profile.disable()
        ended, obeyed = time.thread_time(), self.port.seconds - before
        self.voice += middle - began + obeyed
        self.control += ended - middle - obeyed
        self.frames += 1
        self._turn()

    def _from_switch(self, address: tuple[str, int], data: bytes) -> None:
        frame = parse_full(data)
        leg = self.legs.get((address, frame.destination))
        if leg is not None:
            leg.handle(frame)
        elif frame.type == FrameType.IAX and frame.subclass == Command.POKE:
            pong = FullFrame(1, frame.source, frame.timestamp, 0, 1, FrameType.IAX, Command.PONG)
            self.outgoing.append((address, pong.encode()))
        elif frame.type == FrameType.IAX and frame.subclass == Command.NEW:
            self._leg(address, remote=frame.source, iseqno=1).answer()

    def _leg(self, address: tuple[str, int], **more: Any) -> Leg:
        self.number = self.number % 32000 + 2
        leg = Leg(self.number, lambda data: self.outgoing.append((address, data)), "remote" not in more,
                  f"1{self.number:05d}", 4, **more)  # fmt: skip
        self.legs[address, self.number] = leg
        return leg

    def run(self) -> None:
        """Until nobody has anything to say."""
        while self.outgoing or self.inbox:
            for address, data in self._taken("outgoing"):
                self._to_switch(address, data)
            for address, data in self._taken("inbox"):
                self._from_switch(address, data)
            if not self.outgoing and not self.inbox:
                # what leaves a moment later
                self.now += 0.005
                self._turn()

    def _taken(self, name: str) -> list[tuple[tuple[str, int], bytes]]:
        taken: list[tuple[tuple[str, int], bytes]] = getattr(self, name)
        setattr(self, name, [])
        return taken

    def call(self) -> None:
        """One call, answered, hung up by the caller."""
        leg = self._leg(CALLER)
        leg.call()
        self.run()
        assert leg.up, "the call was not answered"
        self.now += 0.5
        self._turn()
        leg.hangup()
        self.run()
        self.legs.clear()
        self.now += 0.1
        self._turn()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--lines", type=int, default=60)
    wanted = parser.parse_args()
    log.set_sink(lambda record: None)
    bench = Bench()
    bench.run()
    for _ in range(200):
        bench.call()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
    if wanted.profile:
        bench.profile = cProfile.Profile()
    bench.control = bench.voice = 0.0
    bench.frames = bench.port.batches = bench.port.records = 0
    for _ in range(wanted.calls):
        bench.call()
    count = wanted.calls
    print(
        f"a call: control {1e6 * bench.control / count:.0f} us, voice {1e6 * bench.voice / count:.0f} us; "
        f"{bench.frames / count:.1f} frames in, {bench.port.records / count:.1f} records in "
        f"{bench.port.batches / count:.1f} batches to the plane"
    )
    if bench.profile is not None:
        pstats.Stats(bench.profile).sort_stats("tottime").print_stats(wanted.lines)
    for bound in bench.driver.sockets:
        bound.socket.close()


if __name__ == "__main__":
    main()
