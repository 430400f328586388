"""500 calls for eight days of virtual time, the clocks of each call's two ends 100 millionths apart.

    python -m benchmarks.days [--calls 500] [--days 8] [--every 30]

The voice plane as it is, without the kernel.  Everybody speaks for a second in each half hour; the time between is not
simulated frame by frame, which is what makes it possible at all: stamps of 16 bits wrap 10,000 times over, those of 32
bits once (calls begin a day before that).  What must hold: no frame lost or taken for lost, stamps that arrive are
extended right, stamps that leave stay within 180 ms of the call's clock, counts are exact, memory does not grow.
"""

from __future__ import annotations

import argparse
import os
import struct
import time
from typing import Any

import numpy as np

from benchmarks.load.generator import memory_kib
from benchmarks.voice import START, Bench
from pbx.channels.voice.arena import SLOTS
from pbx.channels.voice.records import Commands, deliver_events

#: age of the calls at the beginning, ms: stamps of 32 bits wrap on the first day
AGE = (1 << 32) - 43_200_000
FRAMES = 50


class Days(Bench):
    """`Bench` whose legs have clocks of their own, and whose control answers."""

    def __init__(self, calls: int) -> None:
        super().__init__(calls, "relay")
        legs = self.plane.legs
        self.skew = np.where(self.rows % 2 == 0, 1 + 1e-4, 1 - 1e-4)
        begun = START // 1_000_000 - AGE
        legs.clock[self.rows] = begun
        legs.transit[self.rows] = START // 1_000_000 - AGE
        self.port = Commands()
        self.sent = 0
        self.full = 0

    def voice_due(self, row: int, generation: int, ts64: int, format_bit: int, payload: bytes) -> None:
        """As the core does: the frame, and what waits behind it may go."""
        self.full += 1
        head = struct.pack(">HHIBBBB", 0x8000 | row, row, ts64 & 0xFFFFFFFF, 0, 0, 2, format_bit)
        self.port.send(1, ("10.0.0.1", 4569), head + payload, row=row, barrier=True)

    def __getattr__(self, name: str) -> Any:
        return lambda *_: None

    def stamps(self, at: int) -> np.ndarray[Any, np.dtype[np.int64]]:
        """What each leg stamps `at` ms after the beginning."""
        return AGE + np.rint(at * self.skew).astype(np.int64)

    def speak(self, at: int) -> None:
        """One frame of every leg."""
        legs, stamp = self.plane.legs, self.stamps(at)
        self.now = START + at * 1_000_000
        for first in range(0, len(self.rows), SLOTS):
            rows = self.rows[first : first + SLOTS]
            n = self.count = len(rows)
            self._word[self.offset[:n]] = (legs.remote[rows] << 16) | (stamp[first : first + n] & 0xFFFF)
            self.name[:n] = legs.name[rows]
            self.length[:n] = 164
            self.plane.datagrams(1, self, self.now)  # type: ignore[arg-type]
            self._done()
            deliver_events(self.plane.take_events(), self)
            while self.port:
                self.plane.commands(self.port.take(), self.now)
                self._done()
                deliver_events(self.plane.take_events(), self)

    def _done(self) -> None:
        for box in self.plane.boxes.values():
            self.sent += box.count
            box.clear()
        self.plane.sent()


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--calls", type=int, default=500)
    p.add_argument("--days", type=int, default=8)
    p.add_argument("--every", type=int, default=30, help="minutes")
    o = p.parse_args()
    plane, said, memory, began = Days(o.calls), 0, [], time.monotonic()
    rows = plane.rows
    table = plane.plane.counters
    for begin in range(0, o.days * 86_400_000, o.every * 60_000):
        for n in range(FRAMES):
            plane.speak(begin + 20 * n)
            said += 1
        at = begin + 20 * (FRAMES - 1)
        records = plane.plane.legs
        assert (records.rx_ts[rows] == plane.stamps(at)).all(), "a stamp was extended wrongly"
        assert (np.abs(records.tx_ts[rows] - (AGE + at)) <= 180).all(), "a stamp strays from its call's clock"
        for row in rows.tolist():
            counted = records.counters.legs(row)
            assert (counted.received, counted.lost, counted.out_of_order) == (said, 0, 0), counted
        if begin % 86_400_000 == 0:
            memory.append(memory_kib(os.getpid()))
    assert plane.sent == said * len(rows), f"{plane.sent} of {said * len(rows)} frames left ({plane.full} in full)"
    growth = memory[-1] - memory[1] if len(memory) > 1 else 0
    print(f"{o.calls} calls, {o.days} days: {plane.sent} frames came and left, none lost, none out of order; "
          f"{plane.full} of them in full frames; memory grew by {growth} KiB from the second day to the last; "
          f"unknown {table.unknown_minis}, dropped {table.held_dropped}; {time.monotonic() - began:.0f} s")  # fmt: skip


if __name__ == "__main__":
    main()
