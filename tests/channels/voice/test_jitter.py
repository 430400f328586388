"""A buffered leg: what came unevenly or out of order leaves evenly and in order; numbers tell the delay."""

from __future__ import annotations

import random

import numpy as np
import pytest

from pbx.channels.voice.port import Buffering, BufferKind, Edge, EdgeKind, LegFlags
from tests.channels.voice.pure import START, Sim
from tests.channels.voice.rig import mini
from tests.channels.voice.test_trunk import Quiet

A, B = ("10.0.0.2", 4569), ("10.0.0.3", 4569)


def _sim(kind: BufferKind = BufferKind.NONE, **limits: int) -> Sim:
    quiet = Quiet()
    sim = Sim(quiet)
    quiet.sim = sim
    sim.leg(21, A, 221, 321)
    sim.port.set_buffer(21, Buffering(kind, **limits))
    sim.leg(22, B, 222, 322)
    sim.port.reset_edges([], [Edge(21, 22, EdgeKind.RELAY)])
    sim.obey()
    return sim


def _play(sim: Sim, delays: list[int]) -> list[tuple[int, int]]:
    """(ms, number of the frame) of what row 22's far end hears; frame n leaves at 20 n and takes delays[n]."""
    arrivals = sorted((20 * n + delay, n) for n, delay in enumerate(delays))
    heard: list[tuple[int, int]] = []

    def look(ms: int) -> None:
        for where in (A, B):
            for data in sim.sent[where]:
                heard.append((ms, data[-1] << 8 | data[-2]))
            sim.sent[where].clear()

    for ms in range(20 * len(delays) + 600):
        sim.now = START + ms * 1_000_000
        while arrivals and arrivals[0][0] == ms:
            n = arrivals.pop(0)[1]
            sim.receive([(A, mini(321, 20 * n, bytes(158) + bytes((n & 0xFF, n >> 8))))])
            sim.obey()
        if ms % 20 == 0:
            sim.plane.tick(sim.now)
            sim.collect()
            sim.obey()
        look(ms)
    return heard


def test_uneven_arrival_leaves_evenly() -> None:
    dice = random.Random(5)
    delays = [dice.randrange(0, 60) for _ in range(400)]
    plain = _play(_sim(), delays)
    assert [n for _, n in plain] != list(range(400))
    sim = _sim(BufferKind.ADAPTIVE)
    heard = _play(sim, delays)
    numbers = [n for _, n in heard]
    assert numbers == sorted(numbers)
    assert len(numbers) > 380
    gaps = np.diff([ms for ms, _ in heard][100:])
    assert (gaps == 20).mean() > 0.95
    assert sim.table.legs(21).delay > 0


def test_a_leg_that_ends_leaves_nothing_behind() -> None:
    sim = _sim(BufferKind.ADAPTIVE)
    _play(sim, [0] * 5)
    sim.receive([(A, mini(321, 4000, bytes(160)))])
    sim.port.remove_leg(21, 1)
    sim.obey()
    jitter = sim.plane.relay.jitter
    assert not jitter.active
    assert sorted(jitter._free) == list(range(len(jitter._ts)))


class Marks(Quiet):
    """Writes down which marks are due, and when."""

    def __init__(self) -> None:
        super().__init__()
        self.marks: list[tuple[int, int]] = []

    def mark_due(self, row: int, generation: int, number: int) -> None:
        self.marks.append((number, (self.sim.now - START) // 1_000_000))


@pytest.mark.parametrize("kind", [BufferKind.ADAPTIVE, BufferKind.FIXED])
def test_signals_keep_their_place_in_the_voice(kind: BufferKind) -> None:
    quiet = Marks()
    sim = _sim(kind, maximum=200)
    sim.events = quiet
    quiet.sim = sim
    heard: list[tuple[int, int]] = []
    for n in range(40):
        sim.now = START + n * 20 * 1_000_000
        sim.receive([(A, mini(321, 20 * n, bytes([n]) * 160))])
        if n == 20:
            sim.port.mark(21, 20 * n + 3, 7)
            sim.port.mark(21, 20 * n + 6, 8)
        sim.obey()
        sim.plane.tick(sim.now)
        sim.collect()
        sim.obey()
        heard += [(data[-1], 20 * n) for data in sim.sent[B]]
        sim.sent[B].clear()
    played = dict(heard)
    assert [number for number, _ in quiet.marks] == [7, 8]
    assert {at for _, at in quiet.marks} <= {played[20], played[21]}
    assert played[20] - 400 == (40 if kind is BufferKind.ADAPTIVE else 200)


def test_no_signal_is_lost() -> None:
    """Where nothing is buffered, where the buffer ends, and where the leg does not buffer any more."""
    quiet = Marks()
    sim = _sim()
    sim.events = quiet
    quiet.sim = sim
    sim.port.mark(21, 0, 1)
    sim.obey()
    assert [n for n, _ in quiet.marks] == [1]
    sim.port.set_buffer(21, Buffering(BufferKind.ADAPTIVE))
    sim.port.mark(21, 0, 2)
    sim.obey()
    assert [n for n, _ in quiet.marks] == [1]
    sim.port.voice_restart(21, START)
    sim.obey()
    assert [n for n, _ in quiet.marks] == [1, 2]
    for number in range(3, 100):
        sim.port.mark(21, 0, number)
    sim.obey()
    sim.port.set_buffer(21, Buffering())
    sim.obey()
    assert sorted(n for n, _ in quiet.marks) == list(range(1, 100))


def test_a_fixed_buffer_waits_its_length_and_no_more() -> None:
    dice = random.Random(6)
    heard = _play(_sim(BufferKind.FIXED, maximum=120), [50, *[20 + dice.randrange(0, 100) for _ in range(299)]])
    assert [n for _, n in heard] == list(range(300))
    late = [ms - 20 * n for ms, n in heard]
    assert max(late) - min(late) <= 20


def test_pretended_lateness_reaches_buffered_legs_alone() -> None:
    for kind, late in ((BufferKind.ADAPTIVE, 1), (BufferKind.NONE, 0)):
        sim = _sim(kind)
        heard = _play(sim, [30] * 50)
        assert len(heard) == 50
        sim.port.test_jitter(600, 0, 0, 100)
        sim.obey()
        sim.receive([(A, mini(321, 1000, bytes(160)))])
        sim.obey()
        for _ in range(40):
            sim.tick()
        assert sim.plane.relay.jitter.tests.late == (0 if late else 600)
    sim = _sim(BufferKind.ADAPTIVE)
    sim.port.test_jitter(0, 0, 80, 100)
    _play(sim, [30] * 300)
    sim.tick(1000)
    assert 60 < sim.table.legs(21).buffer_jitter <= 160
    plain = _sim(BufferKind.ADAPTIVE)
    _play(plain, [30] * 300)
    plain.tick(1000)
    assert plain.table.legs(21).buffer_jitter <= 1


def test_times_of_sixteen_bits_wrap_in_the_buffer() -> None:
    """Uneven arrival across the wrap of a mini's time: all is played, in order, with one and the same delay."""
    sim = _sim(BufferKind.ADAPTIVE)
    began = 60_000
    sim.port.add_leg(21, 2, 1, A, "", 221, 321, LegFlags(0), START - began * 1_000_000)
    sim.port.set_formats(21, 4, 4)
    sim.port.set_buffer(21, Buffering(BufferKind.ADAPTIVE))
    sim.port.reset_edges([], [Edge(21, 22, EdgeKind.RELAY)])
    sim.obey()
    dice = random.Random(8)
    arrivals = sorted((20 * n + dice.randrange(0, 50), n) for n in range(600))
    heard: list[tuple[int, int]] = []
    for ms in range(0, 12_400, 10):
        sim.now = START + ms * 1_000_000
        while arrivals and arrivals[0][0] <= ms:
            n = arrivals.pop(0)[1]
            sim.receive([(A, mini(321, began + 20 * n, bytes(158) + bytes((n & 0xFF, n >> 8))))])
        sim.obey()
        if ms % 20 == 0:
            sim.plane.tick(sim.now)
            sim.collect()
            sim.obey()
        heard += [(ms, data[-1] << 8 | data[-2]) for data in sim.sent[B]]
        sim.sent[B].clear()
    numbers = [n for _, n in heard]
    assert numbers == list(range(numbers[0], 600))
    assert numbers[0] <= 1  # the very first may come behind the second
    late = [ms - 20 * n for ms, n in heard][100:]
    assert max(late) - min(late) <= 20
    assert sim.table.rx_ts64(21) == began + 20 * 599
