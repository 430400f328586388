"""Bad lines: loss and disorder on a trunk, trunk frames that lie, days of two clocks; other calls do not notice."""

from __future__ import annotations

import itertools
import os
import random
import signal
import socket
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pbx.channels.log import Record, set_sink
from pbx.channels.voice.mmsg import Kernel, MmsgKernel, PlainKernel
from pbx.channels.voice.port import Edge, EdgeKind, LegFlags
from tests.channels.voice.pure import START, Sim
from tests.channels.voice.rig import Rig, full, mini

PEER, PHONE, OTHER, FAR = (("10.0.2.1", 4569), ("10.0.2.2", 4569), ("10.0.2.3", 4569), ("10.0.2.4", 4569))


class Control:
    """Answers voice_due as the core does."""

    def __init__(self) -> None:
        self.sim: Any = None
        self.to: dict[int, tuple[str, int]] = {}

    def voice_due(self, row: int, generation: int, ts64: int, format_bit: int, payload: bytes) -> None:
        frame = full(200 + row, 1, ts64, 2, format_bit, payload)
        self.sim.port.send(1, self.to[row], frame, row=row, barrier=True)

    def voice_trunked(self, row: int, generation: int) -> None: ...
    def datagram(self, *more: Any) -> None: ...


def _sim(pairs: list[tuple[tuple[str, int], tuple[str, int]]], flags: LegFlags = LegFlags(0)) -> Sim:  # noqa: B008
    """Pair i: row 2i+1 at its first address speaks to row 2i+2 at its second; call numbers 300 + row."""
    control = Control()
    sim = Sim(control, capacity=256)
    control.sim = sim
    edges = []
    for i, ends in enumerate(pairs):
        for row, address in zip((2 * i + 1, 2 * i + 2), ends, strict=True):
            control.to[row] = address
            sim.leg(row, address, 200 + row, 300 + row, flags=flags if address == PEER else LegFlags(0))
        edges += [Edge(2 * i + 1, 2 * i + 2, EdgeKind.RELAY), Edge(2 * i + 2, 2 * i + 1, EdgeKind.RELAY)]
    sim.port.reset_edges([], edges)
    sim.obey()
    return sim


def _trunk(entries: list[tuple[int, int, bytes]], time: int) -> bytes:
    body = b"".join(struct.pack(">HHH", len(data), call, stamp & 0xFFFF) + data for call, stamp, data in entries)
    return struct.pack(">HBBI", 0, 1, 1, time) + body


def _packet(n: int) -> bytes:
    return struct.pack(">I", n) * 40


def _numbers(sim: Sim, address: tuple[str, int], row: int) -> list[int]:
    """Numbers of the packets that a row's far end was sent."""
    own = 200 + row
    heard = []
    for data in sim.sent[address]:
        head = struct.unpack(">H", data[:2])[0]
        if head & 0x7FFF == own:
            heard.append(struct.unpack(">I", (data[12:] if head & 0x8000 else data[4:])[:4])[0])
    return heard


def test_ten_percent_of_a_trunk_lost_and_more_out_of_order() -> None:
    """Whole trunk frames vanish or overtake one another: what comes is relayed, and counted to the frame."""
    calls, frames = 8, 600
    sim = _sim([(PEER, PHONE)] * calls + [(OTHER, FAR)])
    dice = random.Random(9)
    arrivals: list[tuple[float, int]] = []
    lost = 0
    for n in range(frames):
        if n and dice.random() < 0.1:
            lost += 1
        else:
            arrivals.append((20 * n + (25 if dice.random() < 0.1 and n else 0), n))
    arrivals.sort()
    rows = [2 * i + 1 for i in range(calls)]
    for n in range(frames + 3):
        sim.now = START + n * 20_000_000
        while arrivals and arrivals[0][0] <= 20 * n:
            k = arrivals.pop(0)[1]
            sim.receive([(PEER, _trunk([(300 + row, 20 * k, _packet(k)) for row in rows], 20 * k))])
        if n < frames:
            sim.receive([(OTHER, mini(300 + 2 * calls + 1, 20 * n, _packet(n)))])
        sim.obey()
    came = frames - lost
    for row in rows:
        heard = _numbers(sim, PHONE, row + 1)
        assert len(heard) == len(set(heard)) == came
        late = sum(b < a for a, b in itertools.pairwise(heard))
        counted = sim.table.legs(row)
        assert (counted.received, counted.out_of_order) == (came, late)
        assert counted.lost == max(heard) + 1 - came
    assert _numbers(sim, FAR, 2 * calls + 2) == list(range(frames))
    other = sim.table.legs(2 * calls + 1)
    assert (other.received, other.lost, other.out_of_order) == (frames, 0, 0)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_trunk_frames_that_lie_harm_nobody_else(data: st.DataObject) -> None:
    """Random octets, cut short, lengths that lie: in one batch with other calls, before and behind their frames."""
    sim = _sim([(PEER, PHONE), (OTHER, FAR)])
    good = _trunk([(301, 0, bytes(160)), (301, 20, bytes(160))], 0)

    def bad() -> bytes:
        kind = data.draw(st.integers(0, 2))
        if kind == 0:
            return b"\0\0" + data.draw(st.binary(max_size=400))
        if kind == 1:
            return good[: data.draw(st.integers(2, len(good) - 1))]
        at = data.draw(st.integers(2, len(good) - 2))
        return good[:at] + data.draw(st.binary(min_size=1, max_size=2)) + good[at + 2 :]

    for n in range(12):
        sim.now = START + n * 20_000_000
        batch = [(OTHER, mini(303, 20 * n, _packet(n)))]
        for _ in range(data.draw(st.integers(1, 3))):
            batch.insert(data.draw(st.integers(0, len(batch))), (data.draw(st.sampled_from([PEER, OTHER])), bad()))
        sim.receive(batch)
        sim.obey()
        sim.plane.tick(sim.now)
        sim.collect()
    # an entry that happens to name the other call's number, from its own address, is that call's by all the rules: it
    # says 0, or something that no frame says
    heard = [n for n in _numbers(sim, FAR, 4) if 0 < n < 12]
    assert set(range(1, 12)) <= set(heard)
    assert heard == sorted(heard)


def test_what_is_malformed_is_counted() -> None:
    sim = _sim([(PEER, PHONE), (OTHER, FAR)])
    counters = sim.plane.counters
    whole = _trunk([(301, 0, bytes(160))], 0)
    cut = [whole[:-50], whole[:9], b"\0\0\1\1\0\0\0\0" + b"\xff\xff\1\x2d\0\0" + bytes(20)]
    sim.receive([(PEER, data) for data in cut])
    assert counters.bad_trunk_frames == len(cut)
    sim.receive([(PEER, whole[:5]), (PEER, b"\0\0\7")])
    assert counters.malformed == 2
    before = counters.unknown_minis
    sim.receive([(PEER, _trunk([(999, 0, bytes(160))], 20))])
    assert counters.unknown_minis == before + 1


@pytest.mark.slow
@pytest.mark.parametrize("trunked", [False, True])
def test_eight_days_of_two_clocks(trunked: bool) -> None:
    """Legs 100 millionths apart either way, for eight days; they speak a while in each quarter of an hour.

    No frame is lost, no stamp strays from the clock, what is counted is exact, and nothing grows.
    """
    calls, talk, pause, day = 6, 20, 900_000, 86_400_000
    sim = _sim([(PEER, PHONE)] * calls, LegFlags.TRUNK if trunked else LegFlags(0))
    skew = {2 * i + 1: (1 + 1e-4 if i % 2 else 1 - 1e-4) for i in range(calls)}
    payload = bytes(160)
    sent = 0
    sizes: list[int] = []
    for begin in range(0, 8 * day, pause):
        for n in range(talk):
            at = begin + 20 * n
            sim.now = START + at * 1_000_000
            said = [(300 + row, round(at * s), payload) for row, s in skew.items()]
            sim.receive([(PEER, _trunk(said, at))] if trunked else [(PEER, mini(*one)) for one in said])
            sim.obey()
            sent += 1
        for row, s in skew.items():
            counted = sim.table.legs(row)
            assert (counted.received, counted.lost, counted.out_of_order) == (sent, 0, 0)
            assert sim.table.rx_ts64(row) == round(at * s)
            assert abs(sim.table.tx_ts64(row + 1) - at) <= 180
        heard = sum(len(data) > 100 for data in sim.sent[PHONE])
        assert heard == calls * talk
        sim.sent.clear()
        plane = sim.plane
        sizes.append(
            len(plane.outbound._waiting)
            + len(plane.trunks._in)
            + len(plane.trunks._out)
            + len(plane.inbound.holds._rows)
        )
    assert max(sizes[1:]) <= sizes[1]
    assert np.all(sim.table.rare[1 : 2 * calls : 2, 0] <= 0)


def test_four_hundred_calls_outlive_the_voice_process() -> None:
    """kill -9 of the plane under 400 legs: it is told all of them again, and all of them are relayed again."""
    pairs = 200
    with Rig("127.0.24.41", apart=True) as rig:
        a, b = rig.far(1, 1), rig.far(2, 2, host="127.0.24.43")
        for far in (a, b):
            far.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        edges = []
        for i in range(pairs):
            one, two = 10 + 2 * i, 11 + 2 * i
            for row, far in ((one, a), (two, b)):
                rig.port.add_leg(row, 1, 1, far.address, "", 2000 + row, 2000 + row, LegFlags(0), rig.clock)
                rig.port.set_formats(row, 4, 4)
                rig.told.far[row] = far
            edges.append(Edge(one, two, EdgeKind.RELAY))
        rig.port.reset_edges([], edges)
        rig.port.flush()
        for row in range(10, 10 + 2 * pairs):
            rig.told.far[row] = _As(rig.told.far[row], 2000 + row)  # type: ignore[assignment]
        stamp = 0

        def heard() -> set[int]:
            return {struct.unpack(">H", data[:2])[0] & 0x7FFF for data in b.got}

        def speak() -> bool:
            nonlocal stamp
            stamp += 20
            for i in range(pairs):
                a.socket.sendto(mini(2010 + 2 * i, stamp, bytes(160)), rig.address)
            rig.turn(0.05)
            return len(heard()) == pairs

        rig.run(speak, 20)
        os.kill(rig.port.pid, signal.SIGKILL)
        rig.run(lambda: rig.port.restarts == 1, 20)
        b.poll()
        b.got.clear()
        rig.run(speak, 20)


@pytest.mark.parametrize("kernel", [MmsgKernel, PlainKernel])
def test_a_deaf_peer_and_a_dead_one_cost_the_others_nothing(kernel: Callable[[], Kernel]) -> None:
    """One far end reads nothing, one's port answers with ICMP errors: a third hears every frame."""
    with Rig("127.0.24.45", kernel=kernel()) as rig:
        ends = [rig.far(10 + i, 10 + i, host=f"127.0.24.{50 + i}") for i in range(3)]
        speakers = [rig.far(20 + i, 20 + i, host=f"127.0.24.{60 + i}") for i in range(3)]
        deaf, dead, good = ends
        rig.port.reset_edges([], [Edge(s.row, e.row, EdgeKind.RELAY) for s, e in zip(speakers, ends, strict=True)])
        rig.port.flush()
        for speaker in speakers:
            speaker.voice(0, bytes(160))
        rig.run(lambda: all(far.got for far in ends))
        good.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        deaf.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        rig.fars.remove(deaf)
        dead.socket.close()
        rig.fars.remove(dead)
        for n in range(1, 201):
            for speaker in speakers:
                speaker.mini(20 * n, _packet(n))
            rig.turn(0.002)
        rig.run(lambda: len(good.got) >= 201)
        assert [struct.unpack(">I", payload[:4])[0] for payload in good.payloads[1:]] == list(range(1, 201))
        assert rig.plane.counters.send_errors <= 201
        deaf.socket.close()


def test_a_system_without_recvmmsg_is_told_so() -> None:
    records: list[Record] = []
    former = set_sink(records.append)
    try:
        with Rig("127.0.24.45", kernel=PlainKernel()) as rig:
            rig.far(1, 1)
            rig.run(lambda: any("no recvmmsg" in record.text for record in records))
    finally:
        set_sink(former)


class _As:
    """A far end as one of the many calls that it holds."""

    def __init__(self, far: Any, number: int) -> None:
        self.address, self.own, self.call, self.hears = far.address, number, number, 4
