"""Voice time over long calls: skewed clocks, wraps of 16 and 32 bits, silence."""

from __future__ import annotations

from typing import Any

import pytest

from pbx.channels.voice.lateness import Lateness
from pbx.channels.voice.port import Edge, EdgeKind, LegFlags
from tests.channels.voice.pure import START, Sim
from tests.channels.voice.rig import ULAW, full, mini

A, B = ("10.0.0.1", 4569), ("10.0.0.2", 4569)


class Core:
    """Answers voice_due; counts how often it was asked."""

    def __init__(self) -> None:
        self.sim: Any = None
        self.due: list[int] = []

    def voice_due(self, row: int, generation: int, ts64: int, format_bit: int, payload: bytes) -> None:
        self.due.append(ts64)
        self.sim.port.send(1, B, full(202, 102, ts64, 2, format_bit, payload), row=row, barrier=True)


def _sim(age_ms: int, flags: LegFlags = LegFlags(0)) -> Sim:  # noqa: B008
    """Row 1 speaks to row 2; both calls are `age_ms` old, and so is what row 1's far end calls now."""
    core = Core()
    sim = core.sim = Sim(core)
    for row, address in ((1, A), (2, B)):
        sim.port.add_leg(row, 1, 1, address, "", 200 + row, 100 + row, flags, START - age_ms * 1_000_000)
        sim.port.set_formats(row, ULAW if row == 2 else 0, ULAW)
    sim.port.reset_edges([], [Edge(1, 2, EdgeKind.RELAY)])
    sim.port.voice_in(1, age_ms, ULAW, b"\0" * 160)
    sim.obey()
    return sim


@pytest.mark.parametrize("skew", [1.0, 1.02, 0.98])
@pytest.mark.parametrize("age", [0, 2**32 - 60_000])
def test_skewed_clocks_never_stray(skew: float, age: int) -> None:
    sim = _sim(age)
    far_time, last = 0, age
    back: list[int] = []
    for n in range(1, 9000):
        far_time = 20 * n
        sim.now = START + int(far_time * skew) * 1_000_000
        sim.receive([(A, mini(101, age + far_time, bytes(160)))])
        sim.obey()
        stamp = sim.table.tx_ts64(2)
        if stamp <= last:
            # a quick clock: back to ours, once in a long while
            back.append(last + 20 - stamp)
        last = stamp
        assert abs(stamp - (age + (sim.now - START) // 1_000_000)) <= 180
        assert sim.table.rx_ts64(1) == age + far_time
    assert sim.events.due == [age // 20 * 20 + (20 if age % 20 else 0)]
    assert len(back) == (0 if skew >= 1 else 9000 * 20 * 2 // 100 // 160)
    assert all(140 <= b <= 180 for b in back)
    legs = sim.table.legs(1)
    assert (legs.received, legs.lost, legs.out_of_order, legs.late) == (9000, 0, 0, 0)
    wire = [int.from_bytes(d[2:4], "big") for d in sim.sent[B] if not d[0] & 0x80]
    assert len(wire) == 8999
    assert wire[-1] == last & 0xFFFF


def test_after_a_long_silence_the_time_is_said_in_full() -> None:
    sim = _sim(0)
    for pause, full_due in ((60_000, 1), (200_000, 2), (60_000, 2), (90 * 60_000, 3)):
        sim.now += pause * 1_000_000
        far = (sim.now - START) // 1_000_000
        sim.receive([(A, mini(101, far, bytes(160)))])
        sim.obey()
        assert sim.table.rx_ts64(1) == far
        assert len(sim.events.due) == full_due, pause
        assert abs(sim.table.tx_ts64(2) - far) <= 20


def test_other_frames_of_the_call_spare_the_full_one() -> None:
    sim = _sim(0)
    for minute in range(1, 6):
        sim.now += 60_000 * 1_000_000
        ping = full(202, 102, minute * 60_000, 6, 2)
        sim.port.send(1, B, ping, row=2)
        sim.obey()
    sim.receive([(A, mini(101, 300_020 & 0xFFFF, bytes(160)))])
    sim.obey()
    assert len(sim.events.due) == 1


def test_loss_order_and_jitter_are_counted() -> None:
    sim = _sim(0)
    order = [n for n in range(1, 200) if n % 10]
    order[50], order[51] = order[51], order[50]
    for i, n in enumerate(order):
        sim.now = START + 20 * n * 1_000_000 + (i % 2) * 8_000_000
        sim.receive([(A, mini(101, 20 * n, bytes(160)))])
        sim.obey()
    legs = sim.table.legs(1)
    assert legs.received == len(order) + 1
    assert legs.lost == 19
    assert legs.out_of_order == 1
    assert legs.jitter in (7, 8)


def test_restart_after_a_transfer() -> None:
    sim = _sim(500_000)
    sim.port.voice_restart(1, sim.now)
    sim.port.voice_restart(2, sim.now)
    sim.obey()
    assert sim.table.tx_ts64(2) == -1
    sim.port.voice_in(1, 40, ULAW, b"\1" * 160)
    sim.obey()
    assert sim.events.due[1:] == [0]
    sim.now += 20_000_000
    sim.receive([(A, mini(101, 60, bytes(160)))])
    sim.obey()
    assert sim.table.tx_ts64(2) == 20
    assert sim.table.rx_ts64(1) == 60


@pytest.mark.parametrize(
    "story",
    [
        [(30, 0, 500), (30, 0, -500)],
        [(30, 0, 10_000), (30, 0, -10_000), (30, 0, 60_000), (30, 0, -60_000)],
        [(30, 2000, 0), (30, 2000, -2000), (30, 1000, 1000)],
        [(5, 0, 20)] * 12,
        [(5, 0, -20)] * 12,
    ],
    ids=["half a second", "far", "pauses", "creeping ahead", "creeping behind"],
)
def test_stamps_that_jump_disturb_nobody_behind(story: list[tuple[int, int, int]]) -> None:
    """(frames, pause, jump of the source's stamps): all is heard, and stamps out stay by the clock, as a stock 22's do.

    That one hides jumps of 160 ms and more whole, and lets those of less through in part; so do we.
    """
    sim = _sim(0)
    wall = stamp = heard = 0
    former = sim.table.tx_ts64(2)
    for frames, pause, jump in story:
        wall, stamp = wall + pause, stamp + pause + jump
        for _ in range(frames):
            wall, stamp, heard = wall + 20, stamp + 20, heard + 1
            sim.now = START + wall * 1_000_000
            sim.receive([(A, mini(101, stamp & 0xFFFF, bytes(160)))])
            sim.obey()
            sent = sim.table.tx_ts64(2)
            assert abs(sent - wall) <= 180
            # a step back is the return to the clock, behind a source that ran ahead
            assert sent >= former or former > wall
            former = sent
    assert sum(len(data) > 160 for data in sim.sent[B]) == heard + 1
    counted = sim.table.legs(1)
    assert counted.received == heard + 1
    assert counted.lost <= sum(jump // 20 for _, _, jump in story if 0 < jump < 1000)


@pytest.mark.parametrize("how", ["one by one", "arrays", "the general way"])
def test_what_waited_for_us_keeps_its_stamps(how: str) -> None:
    """After a standstill of ours 0.4 s of voice is read at once: none of it is stamped as if its sender were late."""
    for late in (400, 0):
        sim = _sim(0)
        sim.plane.few, sim.plane.short = (99 if how == "one by one" else 0), how == "arrays"
        sim.plane.express.fewest = 1
        for n in range(1, 6):
            sim.now = START + 20_000_000 * n
            sim.receive([(A, mini(101, 20 * n, bytes(160)))])
        assert sim.table.tx_ts64(2) == 100
        sim.now = START + 500_000_000
        sim.plane.core.late = late
        stamps = []
        for n in range(6, 26):
            sim.receive([(A, mini(101, 20 * n, bytes(160)))])
            stamps.append(sim.table.tx_ts64(2))
        kept = [20 * n for n in range(6, 26)]
        assert stamps == kept if late else stamps[0] == 500


def test_only_a_standstill_makes_late() -> None:
    ms = 1_000_000
    late = Lateness()
    assert late.of(1, 5000 * ms) == 0  # never read before
    late.emptied(1, 5000 * ms)
    assert late.of(1, 5040 * ms) == 0
    assert late.of(1, 5300 * ms) == 300
    assert late.of(1, 5310 * ms) == 310  # the first reading did not take all
    late.emptied(1, 5310 * ms)
    assert late.of(1, 5312 * ms) == 0
    late.forget(1)
    assert late.of(1, 9000 * ms) == 0
