"""A buffered leg: what came unevenly or out of order leaves evenly and in order; numbers tell the delay."""

from __future__ import annotations

import random

import numpy as np

from pbx.channels.voice.port import Edge, EdgeKind, LegFlags
from tests.channels.voice.pure import START, Sim
from tests.channels.voice.rig import mini
from tests.channels.voice.test_trunk import Quiet

A, B = ("10.0.0.2", 4569), ("10.0.0.3", 4569)


def _sim(flags: LegFlags) -> Sim:
    quiet = Quiet()
    sim = Sim(quiet)
    quiet.sim = sim
    sim.port.set_jitter(1000, 1000, 10, 40)
    sim.leg(21, A, 221, 321, flags=flags)
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
    plain = _play(_sim(LegFlags(0)), delays)
    assert [n for _, n in plain] != list(range(400))
    sim = _sim(LegFlags.JITTER)
    heard = _play(sim, delays)
    numbers = [n for _, n in heard]
    assert numbers == sorted(numbers)
    assert len(numbers) > 380
    gaps = np.diff([ms for ms, _ in heard][100:])
    assert (gaps == 20).mean() > 0.95
    assert sim.table.legs(21).delay > 0


def test_a_leg_that_ends_leaves_nothing_behind() -> None:
    sim = _sim(LegFlags.JITTER)
    _play(sim, [0] * 5)
    sim.receive([(A, mini(321, 4000, bytes(160)))])
    sim.port.remove_leg(21, 1)
    sim.obey()
    jitter = sim.plane.relay.jitter
    assert not jitter.active
    assert sorted(jitter._free) == list(range(len(jitter._ts)))
