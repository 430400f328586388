"""What the voice plane costs by itself: microseconds of CPU per frame, by batch size and kind of work.

    python benchmarks/voice.py [--seconds 2]

Datagrams are put into the receive ring by hand and the boxes are emptied without sending, so the kernel is not in
these figures (add 1.7-2.0 us a relayed frame for it).  `benchmarks/` has the whole daemon beside other systems.
"""

from __future__ import annotations

import argparse
import socket
import struct
import time
from typing import Any

import numpy as np

from pbx.channels.iax2.media import MediaHeaders
from pbx.channels.voice import address as addresses
from pbx.channels.voice.arena import SLOTS
from pbx.channels.voice.counters import CounterTable
from pbx.channels.voice.files import DirectFiles
from pbx.channels.voice.plane import Plane
from pbx.channels.voice.port import Edge, EdgeKind, LegFlags
from pbx.channels.voice.records import Commands

ULAW, GSM = 4, 2
START = 10_000_000_000


class Bench:
    """A plane with `calls` calls, each of two legs, between twice `peers` addresses; frames by hand."""

    def __init__(self, calls: int, kind: str, peers: int = 16) -> None:
        self.peers = peers
        self.files = DirectFiles()
        self.plane = Plane(MediaHeaders(), self, CounterTable(2 * calls + 2))
        port = Commands()
        port.add_socket(1, -1, socket.AF_INET)
        flags = LegFlags.TRUNK if kind == "trunk" else LegFlags(0)
        edges = []
        for i in range(calls):
            for side in (0, 1):
                row = 1 + 2 * i + side
                host = f"10.0.{side}.{1 + i % self.peers}"
                port.add_leg(row, 1, 1, (host, 4569), "", row + 1, row + 1, flags, START)
                send = GSM if kind == "transcode" and side else ULAW
                port.set_formats(row, send, send)
                edges.append(Edge(row, row if kind == "echo" else (row + 1 if side == 0 else row - 1), EdgeKind.RELAY))
        port.reset_edges([], edges)
        self.plane.commands(port.take(), START)
        self.plane.legs.sink_state &= ~3  # as after the first full frames
        self.plane.legs.tx_high[:] = 0
        self.rows = np.arange(1, 2 * calls + 1)
        self.kind = kind
        self.count = 0
        self.length = np.zeros(SLOTS, np.int64)
        self.offset = self.plane.core.arena.slot.copy()
        self.name = np.zeros((SLOTS, addresses.SIZE), np.uint8)
        self.now = START
        self._at = 0
        self._frames: tuple[Any, Any, Any, Any] | None = None
        self._warm = False
        self._word = self.plane.core.arena.word

    def open_socket(self, *_: Any) -> None: ...
    def open_stream(self, *_: Any) -> None: ...
    def close_stream(self, *_: Any) -> None: ...
    def read_stream(self, *_: Any) -> None: ...
    def aside(self, work: Any, done: Any) -> None:
        done(work(), self.now)

    def natural_source(self, *_: Any) -> bool:
        return True

    def close_socket(self, *_: Any) -> None: ...
    def trunk_frequency(self, *_: Any) -> None: ...
    def media_tick(self, *_: Any) -> None: ...
    def read_file(self, *_: Any) -> None: ...
    def send_boxes(self) -> None: ...

    def control(self, i: int) -> tuple[bytes, int]:
        return addresses.NONE, -1

    def fill(self, size: int) -> int:
        """The next `size` datagrams, each leg in turn each 20 ms; the frames in them."""
        legs = self.plane.legs
        if self.kind == "trunk":
            return self._fill_trunk(size)
        place = self._at + np.arange(size)
        rows = self.rows[place % len(self.rows)]
        self._at += size
        self.now = START + int(self._at * 20_000_000 / len(self.rows))
        self.count = size
        stamp = place // len(self.rows) * 20
        self._word[self.offset[:size]] = (legs.remote[rows] << 16) | (stamp & 0xFFFF)
        self.name[:size] = legs.name[rows]
        self.length[:size] = 4 + np.where(legs.rx_format[rows] == GSM, 33, 160)
        return size

    def _fill_trunk(self, size: int) -> int:
        """Trunk frames of 7 calls each, as full as they get, of one peer after the other; at least one."""
        if self._frames is None:
            self._frames = self._trunk_frames()
        bodies, names, heads, rows = self._frames
        self.count = max(1, size // 7)
        place = self._at + np.arange(self.count)
        self._at += self.count
        which, turn = place % len(bodies), place // len(bodies)
        self.now = START + int(self._at * 20_000_000 / len(bodies))
        flat = self.plane.core.arena.flat
        for i, (frame, nth) in enumerate(zip(which.tolist(), turn.tolist(), strict=True)):
            body = bodies[frame]
            flat[self.offset[i] : self.offset[i] + len(body)] = body
            self._word[self.offset[i] + heads] = (self.plane.legs.remote[rows[frame]] << 16) | (nth * 20 & 0xFFFF)
        self.length[: self.count] = len(bodies[0])
        self.name[: self.count] = names[which]
        return 7 * self.count

    def _trunk_frames(self) -> tuple[Any, Any, Any, Any]:
        """Whole frames, their senders, where entries have call and time, and whose they are."""
        legs = self.plane.legs
        hosts: dict[bytes, list[int]] = {}
        for row in self.rows.tolist():
            hosts.setdefault(legs.name[row].tobytes(), []).append(row)
        rows = np.array([mine[i : i + 7] for mine in hosts.values() for i in range(0, len(mine) - 6, 7)])
        entry = struct.pack(">HHH", 160, 0, 0) + bytes(160)
        body = np.frombuffer(struct.pack(">BBBBI", 0, 0, 1, 1, 0) + 7 * entry, np.uint8)
        return [body] * len(rows), legs.name[rows[:, 0]], 8 + np.arange(7) * len(entry) + 2, rows

    def _step(self) -> None:
        plane = self.plane
        plane.datagrams(1, self, self.now)  # type: ignore[arg-type]
        if self.kind == "trunk":
            plane.trunk_tick(self.now)
        for box in plane.boxes.values():
            box.clear()
        plane.sent()
        plane.take_events()

    def run(self, size: int, seconds: float) -> float:
        """Microseconds a frame."""
        spent, frames = 0, 0
        for _ in range(0 if self._warm else 4 + 4 * len(self.rows) // SLOTS):
            self.fill(SLOTS)
            self._step()
        self._warm = True
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            frames += self.fill(size)
            begin = time.thread_time_ns()
            self._step()
            spent += time.thread_time_ns() - begin
        return spent / frames / 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=0.5, help="per figure")
    parser.add_argument("--calls", type=int, default=800)
    parser.add_argument("--peers", type=int, default=16, help="addresses at each side")
    options = parser.parse_args()
    sizes = (1, 2, 4, 8, 16, 32, 64, 128, 256)
    print(f"us of CPU per frame, {options.calls} calls, kernel not included; frames in a batch:")
    print(f"{'':10}" + "".join(f"{s:>8}" for s in sizes))
    for kind in ("relay", "echo", "trunk", "transcode"):
        bench = Bench(options.calls, kind, options.peers)
        print(f"{kind:10}" + "".join(f"{bench.run(s, options.seconds):8.2f}" for s in sizes), flush=True)


if __name__ == "__main__":
    main()
