"""Signalling beyond what control can deal with: dropped in the plane, so that voice and other calls go on."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pbx.channels.log import Record, set_sink
from pbx.channels.voice.crowd import FROM_AN_ADDRESS, FROM_ANYWHERE, OF_A_CALL, Buckets
from pbx.channels.voice.port import Edge, EdgeKind
from tests.channels.voice.pure import START, Sim
from tests.channels.voice.rig import ULAW, full, mini

A, B, LOUD, CALM = ("10.0.9.1", 4569), ("10.0.9.2", 4569), ("10.0.9.3", 4569), ("10.0.9.4", 4569)
SIX = {A: ("2001:db8:1::1", 4569), B: ("2001:db8:2::1", 4569), LOUD: ("2001:db8:3::1", 4569)}


class Control:
    """Counts what it is told, by sender."""

    def __init__(self) -> None:
        self.sim: Any = None
        self.told: dict[str, int] = {}
        self.far = B

    def datagram(self, socket: int, address: Any, local: str, row: int, gen: int, ts: int, data: bytes, h: int) -> None:
        self.told[address[0]] = self.told.get(address[0], 0) + 1

    def voice_due(self, row: int, generation: int, ts64: int, format_bit: int, payload: bytes) -> None:
        self.sim.port.send(1, self.far, full(202, 302, ts64, 2, format_bit, payload), row=row, barrier=True)


def _sim(six: bool = False) -> tuple[Sim, Control]:
    """Row 1 at A speaks to row 2 at B; row 3 is a call of LOUD."""
    control = Control()
    sim = control.sim = Sim(control, family=10 if six else 2)
    where = SIX if six else {A: A, B: B, LOUD: LOUD}
    control.far = where[B]
    for row, end in ((1, A), (2, B), (3, LOUD)):
        sim.leg(row, where[end], 200 + row, 300 + row)
    sim.port.reset_edges([], [Edge(1, 2, EdgeKind.RELAY)])
    sim.port.voice_in(1, 0, ULAW, bytes(160))
    sim.obey()
    return sim, control


@pytest.mark.parametrize("six", [False, True])
@pytest.mark.parametrize("number", [303, 0])
def test_one_that_floods_takes_nothing_from_the_others(number: int, six: bool) -> None:
    """100,000 full frames a second of one call, or of none: its share goes on to control, all voice is heard."""
    said: list[Record] = []
    former = set_sink(said.append)
    try:
        sim, control = _sim(six)
        where = SIX if six else {A: A, B: B, LOUD: LOUD}
        batches = 0
        for n in range(1, 101):
            for i in range(8):
                sim.now = START + (20 * n * 8 + 20 * i) * 125_000
                batch = [(where[LOUD], full(number or 5000 + k, 203, 20 * n, 6, 2)) for k in range(200)]
                if i == 0:
                    batch.insert(77, (where[A], mini(301, 20 * n, struct.pack(">I", n) * 40)))
                    batch.insert(150, (where[A], full(301, 201, 20 * n, 6, 11)))
                sim.receive(batch)
                batches += 1
    finally:
        set_sink(former)
    rate, burst = OF_A_CALL if number else FROM_AN_ADDRESS
    # two seconds
    assert burst <= control.told[where[LOUD][0]] <= burst + 2 * rate
    assert control.told[where[A][0]] == 100
    heard = [struct.unpack(">I", data[4:8])[0] for data in sim.sent[where[B]] if not data[0] & 0x80]
    assert heard == list(range(1, 101))
    counters = sim.plane.counters
    assert counters.signalling + counters.signalling_dropped == 200 * batches + 100
    (line,) = said
    assert where[LOUD][0] in line.text and "full frames were dropped" in line.text


def test_strangers_of_many_addresses_have_a_share_together() -> None:
    sim, control = _sim()
    for n in range(1, 201):
        sim.now = START + n * 2_500_000
        crowd = [((f"10.{n}.{k}.1", 4569), full(300 + k, 0, 20, 6, 1)) for k in range(250)]
        sim.receive([*crowd, (A, full(301, 201, 20 * n, 6, 2))])
    rate, burst = FROM_ANYWHERE
    assert burst <= sum(control.told.values()) - control.told[A[0]] <= burst + rate // 2
    assert control.told[A[0]] == 200


def test_what_is_dealt_with_in_time_is_never_dropped() -> None:
    sim, control = _sim()
    for n in range(1, 400):
        sim.now = START + n * 10_000_000
        sim.receive([(LOUD, full(1000 + k, 0, 20, 6, 1)) for k in range(55)])
    assert control.told[LOUD[0]] == 399 * 55
    assert sim.plane.counters.signalling_dropped == 0


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.lists(st.integers(0, 3), max_size=30), st.integers(0, 300)), max_size=12))
def test_buckets_are_what_one_at_a_time_gives(story: list[tuple[list[int], int]]) -> None:
    rate, most = 125, 10
    buckets, tokens, now = Buckets(4, (rate, most)), [float(most)] * 4, 0
    for asked, later in story:
        got = buckets.take(np.array(asked, np.int64), now).tolist()
        want = []
        for index in asked:
            want.append(tokens[index] >= 1)
            tokens[index] -= want[-1]
        assert got == want
        now += later
        tokens = [min(most, one + later * rate / 1000) for one in tokens]
