"""Puts N calls through a switch and measures what comes out: `python -m benchmarks.load.generator --help`.

Callers live on one socket, callees on another.  Every 20 ms each leg sends a frame of voice whose payload begins with
a stamp, so that loss and one-way latency are known per frame.  One JSON object goes to stdout.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import time
from collections import deque
from dataclasses import dataclass, field

import numpy as np

from benchmarks.load.legs import Leg
from benchmarks.load.sockets import VoiceLoop, udp_socket
from pbx.channels.iax2.frames import Command, FrameType, FullFrame, compress_subclass, parse_full

FRAME_MS = 20
#: {name: (format bit, bytes of 20 ms)}
CODECS = {"ulaw": (4, 160), "alaw": (8, 160), "gsm": (2, 33), "g729": (256, 20)}
PER_TRUNK_FRAME = 7
ENTRY = 6


@dataclass
class Side:
    """All legs of one socket."""

    sock: socket.socket
    target: tuple[str, int]
    codec: str
    legs: list[Leg] = field(default_factory=list)
    by_number: dict[int, Leg] = field(default_factory=dict)
    by_remote: dict[int, Leg] = field(default_factory=dict)

    def put(self, data: bytes) -> None:
        self.sock.sendto(data, self.target)


class Generator:
    """See the module."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.o = options
        target = (options.target, 4569)
        self.callers = Side(udp_socket(options.bind, 4569), target, options.codec)
        self.callees = Side(udp_socket(options.sink, 4569), target, options.sink_codec)
        self.sides = [self.callers, self.callees]
        self.loop = VoiceLoop((self.callers.sock, self.callees.sock))
        self.trunk = options.scenario == "trunk"
        #: nobody signals: calls stand from the first moment
        self.bare = options.scenario in ("direct", "conference")
        if options.scenario == "direct" and not options.through:
            self.callers.target, self.callees.target = (options.sink, 4569), (options.bind, 4569)

    # ---- signalling

    def open_call(self, index: int) -> None:
        prefix = self.o.prefix or ("2" if self.o.scenario == "echo" else "1")
        leg = Leg(index + 2, self.callers.put, True, f"{prefix}{index:05d}", CODECS[self.callers.codec][0])
        self.callers.legs.append(leg)
        self.callers.by_number[leg.number] = leg
        leg.call()

    def accept(self, remote: int) -> None:
        side = self.callees
        former = side.by_remote.get(remote)
        if former is not None and not former.ended:
            return
        leg = Leg(len(side.legs) + 2, side.put, False, "", CODECS[side.codec][0], remote=remote, iseqno=1)
        side.legs.append(leg)
        side.by_number[leg.number] = side.by_remote[remote] = leg
        leg.answer()

    def handle(self, index: int, data: bytes) -> None:
        """A full frame."""
        side = self.sides[index]
        frame = parse_full(data)
        leg = side.by_number.get(frame.destination)
        if leg is not None:
            leg.handle(frame)
        elif frame.type == FrameType.IAX and frame.subclass == Command.POKE:
            side.put(FullFrame(1, frame.source, frame.timestamp, 0, 1, FrameType.IAX, Command.PONG).encode())
        elif frame.type == FrameType.IAX and frame.subclass == Command.NEW and side is self.callees:
            self.accept(frame.source)

    def serve(self, seconds: float) -> None:
        """Let the loop run that long, and deal with signalling."""
        until = time.monotonic_ns() + int(seconds * 1e9)
        while time.monotonic_ns() < until:
            for index, data in self.loop.run(until):
                self.handle(index, data)

    # ---- voice

    def begin_voice(self) -> None:
        """Everybody's first frame is a full VOICE frame, at the rate of the calls; then minis, or meta trunk frames."""
        for number, (caller, callee) in enumerate(zip(*(list(side.legs) for side in self.sides), strict=False)):
            if number % 10 == 0 and not self.bare:
                self.serve(10 / self.o.rate)
            self.say_in_full(caller, self.callers)
            self.say_in_full(callee, self.callees)
        for leg in self.callers.legs if self.o.scenario == "echo" else ():
            self.say_in_full(leg, self.callers)
        per_row = PER_TRUNK_FRAME if self.trunk else 1
        head, header = (8, ENTRY) if self.trunk else (0, 4)
        for index, side in enumerate(self.sides):
            size = CODECS[side.codec][1]
            legs = [x for x in side.legs if x.up]
            for leg in legs:
                now = int((time.monotonic() - leg.started) * 1000) // FRAME_MS * FRAME_MS
                leg.last = max(leg.last, now + 2 * FRAME_MS)
            count = -(-len(legs) // per_row)
            rows = np.zeros((count, head + per_row * (header + size)), np.uint8)
            entries = rows[:, head:].reshape(count, per_row, header + size)
            entries[:, :, header:] = np.random.default_rng(7).integers(0, 256, (count, per_row, size), np.uint8)
            if side.codec == "gsm":  # every frame of it begins so
                entries[:, :, header] = 0xD0 | (entries[:, :, header] & 15)
            stamps = np.zeros((count, per_row), np.int64)
            counts = np.zeros(count, np.int32)
            for i, leg in enumerate(legs):
                row, place = divmod(i, per_row)
                entries[row, place, header - 4 : header - 2] = divmod(leg.number, 256)
                stamps[row, place] = leg.last
                counts[row] += 1
            if self.trunk:
                rows[:, 2:4] = 1
                entries[:, :, 0:2] = (0, size)
            self.loop.talk(index, rows, counts, stamps, header, size, head, side.target, side.codec != "gsm")
        self.loop.begin(time.monotonic_ns(), self.o.ppm)

    def say_in_full(self, leg: Leg, side: Side) -> None:
        """A full VOICE frame."""
        bit, size = CODECS[side.codec]
        if leg.up and not self.bare:
            now = int((time.monotonic() - leg.started) * 1000) // FRAME_MS * FRAME_MS
            leg.last = max(leg.last, now + 2 * FRAME_MS)
            leg.voice(compress_subclass(bit), bytes(size), leg.last)

    # ---- the run

    def ramp(self) -> None:
        began, opened = time.monotonic(), 0
        limit = began + 30 + self.o.calls / self.o.rate
        legs = self.callers.legs
        while time.monotonic() < limit:
            due = min(self.o.calls, int((time.monotonic() - began) * self.o.rate) + 1)
            while opened < due:
                self.open_call(opened)
                opened += 1
            self.serve(0.005)
            if opened == self.o.calls and all(x.up or x.ended for x in legs):
                break
            for leg in legs[-500:]:
                if not leg.remote and not leg.ended and time.monotonic() - leg.new_sent > 2:
                    leg.call()

    def set_up(self) -> dict[str, object]:
        """Calls are opened at a rate, held shortly and hung up: CPU a call, and how long each took to be answered."""
        o, legs = self.o, self.callers.legs
        waiting: list[Leg] = []
        answered: deque[tuple[float, Leg]] = deque()
        took: list[float] = []
        cpu, began, opened, limit = cpu_seconds(o.pid), time.monotonic(), 0, 0.0
        while opened < o.calls or ((waiting or answered) and time.monotonic() < limit):
            due = min(o.calls, int((time.monotonic() - began) * o.rate) + 1)
            for index in range(opened, due):
                self.open_call(index % 30000)
                waiting.append(legs[-1])
            opened, limit = due, time.monotonic() + 5 if due > opened else limit
            self.serve(0.005)
            now = time.monotonic()
            for leg in [x for x in waiting if x.up]:
                waiting.remove(leg)
                took.append(now - leg.started)
                answered.append((now, leg))
            while answered and now - answered[0][0] > o.hold:
                answered.popleft()[1].hangup()
        seconds = time.monotonic() - began
        self.serve(0.5)
        cpu = cpu_seconds(o.pid) - cpu
        took.sort()
        return {
            "scenario": o.scenario, "calls": o.calls, "answered": len(took), "failed": o.calls - len(took),
            "rate": round(o.calls / seconds, 1), "cpu_ms_per_call": round(1e3 * cpu / max(1, len(took)), 3),
            "setup_p50_ms": round(1e3 * took[len(took) // 2], 2) if took else None,
            "setup_p99_ms": round(1e3 * took[len(took) * 99 // 100], 2) if took else None,
        }  # fmt: skip

    def run(self) -> dict[str, object]:
        o = self.o
        before = memory_kib(o.pid)
        if self.bare:
            for side in self.sides if o.scenario == "direct" else self.sides[:1]:
                side.legs += [Leg(i + 2, side.put, True, "", 4, remote=i + 2, up=True) for i in range(o.calls)]
        else:
            self.ramp()
        up = sum(x.up for x in self.callers.legs)
        if not up:
            return {"error": "no call was answered", "calls": o.calls}
        self.begin_voice()
        self.serve(o.settle)
        row: dict[str, object] = {"scenario": o.scenario, "calls": o.calls, "up": up}
        row |= self.window(before / up)
        if o.disturb:
            with subprocess.Popen(o.disturb, shell=True, stdout=subprocess.DEVNULL) as command:
                row |= {f"disturbed_{key}": value for key, value in self.window(0, command).items()}
                row["disturbed_status"] = command.wait()
        row["kept"] = sum(x.up for x in self.callers.legs)
        if not self.bare:
            for side in self.sides:
                for leg in side.legs:
                    leg.hangup()
        self.serve(1.0)
        return row

    def window(self, before: float, command: subprocess.Popen[bytes] | None = None) -> dict[str, object]:
        """Measure for the time of a window, or as long as a command runs if that is longer.

        before: KiB a call of all processes when there was none.
        """
        o = self.o
        self.loop.forget()
        self.loop.window(began=time.time_ns())
        cpu, own, wall, stolen = cpu_seconds(o.pid), time.process_time(), time.monotonic(), stolen_seconds()
        self.serve(o.window)
        while command is not None and command.poll() is None and time.monotonic() < wall + o.longest:
            self.serve(0.25)
        ended = time.time_ns()
        self.loop.window(ended=ended)
        cpu, own, wall = cpu_seconds(o.pid) - cpu, time.process_time() - own, time.monotonic() - wall
        stolen = stolen_seconds() - stolen
        memory = memory_kib(o.pid) / max(1, sum(x.up for x in self.callers.legs)) - before
        self.serve(0.5)
        sent = self.loop.sent
        # a mix has other voices' stamps in it, or none
        arrived = self.loop.received if o.scenario in ("transcode", "conference") else self.loop.arrived
        return {
            "seconds": round(wall, 2), "sent": sent,
            "arrived": arrived, "loss_percent": round(100 * max(0, sent - arrived) / max(1, sent), 3),
            "cpu_percent": round(100 * cpu / wall, 2), "us_per_frame": round(1e6 * cpu / max(1, arrived), 3),
            "latency_p50_ms": self.loop.latency_ms(0.5), "latency_p99_ms": self.loop.latency_ms(0.99),
            "longest_gap_ms": round(self.loop.longest_gap_ms, 1), "memory_kib_per_call": round(memory, 1),
            "steal_percent": round(100 * stolen / wall, 2),
            "own_cpu_percent": round(100 * own / wall, 2), "own_late_ms": round(self.loop.late_ms, 3),
        }  # fmt: skip


def tree(pid: int) -> list[int]:
    """A process and its descendants."""
    found = [pid]
    for parent in found:
        try:
            for task in os.listdir(f"/proc/{parent}/task"):
                with open(f"/proc/{parent}/task/{task}/children") as f:
                    found += [int(x) for x in f.read().split()]
        except FileNotFoundError:
            continue
    return found


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and its descendants."""
    if not pid:
        return 0.0
    ticks = 0
    for one in tree(pid):
        try:
            with open(f"/proc/{one}/stat") as f:
                fields = f.read().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        except FileNotFoundError:
            continue
    return ticks / os.sysconf("SC_CLK_TCK")


def stolen_seconds() -> float:
    """Time that the machine under this one took from its processors."""
    with open("/proc/stat") as f:
        return int(f.readline().split()[8]) / os.sysconf("SC_CLK_TCK")


def memory_kib(pid: int) -> int:
    """Memory of a process and its descendants that is no file's, KiB."""
    total = 0
    for one in tree(pid) if pid else []:
        try:
            with open(f"/proc/{one}/status") as f:
                total += sum(int(x.split()[1]) for x in f if x.startswith(("RssAnon", "RssShmem")))
        except FileNotFoundError:
            continue
    return total


def parse_options(arguments: list[str]) -> argparse.Namespace:
    p = argparse.ArgumentParser(prog="benchmarks.load.generator", description=__doc__)
    p.add_argument("--scenario", choices=["relay", "trunk", "echo", "transcode", "conference", "direct", "setup"],
                   default="relay")  # fmt: skip
    p.add_argument("--calls", type=int, default=50)
    p.add_argument("--target", default="127.0.1.201")
    p.add_argument("--bind", default="127.0.1.210")
    p.add_argument("--sink", default="127.0.1.211")
    p.add_argument("--codec", choices=CODECS, default="ulaw")
    p.add_argument("--sink-codec", choices=CODECS, default="ulaw")
    p.add_argument("--pid", type=int, default=0, help="process of the switch, for its CPU time")
    p.add_argument("--prefix", default="", help="first digit of the extensions, if not the scenario's own")
    p.add_argument("--rate", type=float, default=200, help="calls opened a second")
    p.add_argument("--hold", type=float, default=0.5, help="setup: seconds a call is held")
    p.add_argument("--ppm", type=int, default=0, help="callers' clocks are so many millionths quick, callees' as slow")
    p.add_argument("--settle", type=float, default=1.5)
    p.add_argument("--through", action="store_true", help="direct: by way of a relay at --target that knows no calls")
    p.add_argument("--window", type=float, default=5)
    p.add_argument("--disturb", default="", help="a command run in a second window, which lasts as long as it does")
    p.add_argument("--longest", type=float, default=40, help="longest second window, s")
    o = p.parse_args(arguments)
    for name in ("target", "bind", "sink"):
        if not socket.inet_aton(getattr(o, name)).startswith(b"\x7f"):
            p.error(f"--{name}: loopback addresses only")
    if o.scenario == "transcode" and o.sink_codec == "ulaw":
        o.sink_codec = "gsm"
    return o


def main() -> int:
    generator = Generator(parse_options(sys.argv[1:]))
    result = generator.set_up() if generator.o.scenario == "setup" else generator.run()
    print(json.dumps(result))
    return 1 if "error" in result else 0


if __name__ == "__main__":
    sys.exit(main())
