"""Trunk frames out and in: both layouts, splitting at the mtu, times that never repeat, frames without entry times."""

from __future__ import annotations

import struct
from itertools import pairwise
from typing import Any

import pytest

from pbx.channels.log import Record, set_sink
from pbx.channels.voice.port import Edge, EdgeKind, LegFlags
from tests.channels.voice.pure import START, Sim
from tests.channels.voice.rig import ULAW, full, mini

PEER = ("10.0.0.1", 4569)
PHONE = ("10.0.0.2", 4569)


class Quiet:
    """Answers voice_due as the core does."""

    def __init__(self) -> None:
        self.sim: Any = None
        self.due: list[tuple[int, int]] = []
        self.trunked: list[int] = []

    def voice_trunked(self, row: int, generation: int) -> None:
        self.trunked.append(row)

    def voice_due(self, row: int, generation: int, ts64: int, format_bit: int, payload: bytes) -> None:
        self.due.append((row, ts64))
        frame = full(int(self.sim.plane.legs.own[row]), 1, ts64, 2, format_bit, payload)
        self.sim.port.send(1, PEER if row <= 20 else PHONE, frame, row=row, barrier=True)


def _sim(calls: int, **trunk: Any) -> Sim:
    """Rows 1.. are trunked towards PEER, rows 21.. are phones; each pair is joined."""
    quiet = Quiet()
    sim = Sim(quiet)
    quiet.sim = sim
    sim.plane.express.pause = 0
    settings = {"frequency_ms": 20, "mtu": 1240, "timestamps": True, "max_size": 128000} | trunk
    sim.port.set_trunk(**settings)
    edges = []
    for i in range(1, calls + 1):
        sim.leg(i, PEER, 16384 + i, 100 + i, flags=LegFlags.TRUNK)
        sim.leg(20 + i, PHONE, 200 + i, 300 + i)
        edges += [Edge(i, 20 + i, EdgeKind.RELAY), Edge(20 + i, i, EdgeKind.RELAY)]
    sim.port.reset_edges([], edges)
    sim.obey()
    return sim


def _speak(sim: Sim, calls: int, n: int, size: int = 160) -> None:
    sim.receive([(PHONE, mini(300 + i, 20 * n, bytes([n & 0xFF]) * size)) for i in range(1, calls + 1)])
    sim.obey()


def _trunks(sim: Sim) -> list[bytes]:
    frames = [d for d in sim.sent[PEER] if d[:2] == b"\0\0"]
    sim.sent[PEER].clear()
    return frames


def _entries(frame: bytes) -> list[tuple[int, int, bytes]]:
    at, found = 8, []
    while at < len(frame):
        if frame[3]:
            size, call, stamp = struct.unpack(">HHH", frame[at : at + 6])
            at += 6
        else:
            (call, size), stamp = struct.unpack(">HH", frame[at : at + 4]), -1
            at += 4
        found.append((call, stamp, frame[at : at + size]))
        at += size
    return found


def _turn(sim: Sim) -> None:
    sim.now += 20_000_000
    sim.plane.trunk_tick(sim.now)
    sim.collect()


@pytest.mark.parametrize("stamped", [True, False])
def test_first_a_full_frame_then_trunk_entries(stamped: bool) -> None:
    sim = _sim(2, timestamps=stamped)
    _speak(sim, 2, 0)
    assert sorted(row for row, _ in sim.events.due) == [1, 2]
    assert [d[0] & 0x80 for d in sim.sent[PEER]] == [0x80, 0x80]
    _trunks(sim)
    for n in range(1, 4):
        _turn(sim)
        _speak(sim, 2, n)
        sim.plane.trunk_tick(sim.now)
        sim.collect()
        (frame,) = _trunks(sim)
        assert frame[:4] == bytes((0, 0, 1, stamped))
        assert _entries(frame) == [(16384 + i, 20 * n if stamped else -1, bytes([n]) * 160) for i in (1, 2)]
        assert int.from_bytes(frame[4:8], "big") == 20 * (n - 1)


def test_split_at_the_mtu_with_times_of_their_own() -> None:
    sim = _sim(16)
    _speak(sim, 16, 0)
    _turn(sim)
    _trunks(sim)
    _speak(sim, 16, 1)
    _turn(sim)
    frames = _trunks(sim)
    assert [len(_entries(f)) for f in frames] == [7, 7, 2]
    assert all(len(f) <= 1240 for f in frames)
    assert [int.from_bytes(f[4:8], "big") for f in frames] == [
        0,
        1,
        0,
    ]  # never the same twice in a row, nor ahead of the clock
    sim.port.set_trunk(20, 0, True, 128000)
    sim.obey()
    _speak(sim, 16, 2)
    _turn(sim)
    assert [len(_entries(f)) for f in _trunks(sim)] == [16]


def test_mixed_lengths_and_nothing_without_voice() -> None:
    sim = _sim(3)
    _speak(sim, 3, 0)
    _turn(sim)
    _trunks(sim)
    _turn(sim)
    assert _trunks(sim) == []
    sim.receive(
        [(PHONE, mini(301, 40, b"a" * 160)), (PHONE, mini(302, 40, b"b" * 240)), (PHONE, mini(303, 40, b"c" * 160))]
    )
    _turn(sim)
    found = sorted(entry for frame in _trunks(sim) for entry in _entries(frame))
    assert [(c, len(d)) for c, _, d in found] == [(16385, 160), (16386, 240), (16387, 160)]


def test_an_idle_trunk_begins_anew() -> None:
    sim = _sim(1)
    _speak(sim, 1, 0)
    for n in (1, 2):
        _speak(sim, 1, n)
        _turn(sim)
    assert [int.from_bytes(f[4:8], "big") for f in _trunks(sim)] == [0, 20]
    sim.now += 6_000_000_000
    _speak(sim, 1, 3 + 300)
    _turn(sim)
    assert [int.from_bytes(f[4:8], "big") for f in _trunks(sim)] == [0]


def test_voice_queued_before_a_new_format_leaves_before_it() -> None:
    sim = _sim(1)
    _speak(sim, 1, 0)
    sim.sent[PEER].clear()
    _speak(sim, 1, 1)
    sim.port.set_formats(1, ULAW, 8)
    sim.obey()
    _speak(sim, 1, 2)
    kinds = [d[:1] for d in sim.sent[PEER]]
    assert kinds == [b"\0", b"\xc0"]
    assert sim.sent[PEER][1][11] == 8


def _incoming(entries: list[tuple[int, int, bytes]], time: int, stamped: bool) -> bytes:
    out = bytes((0, 0, 1, int(stamped))) + struct.pack(">I", time)
    for call, stamp, data in entries:
        out += struct.pack(">HHH", len(data), call, stamp) if stamped else struct.pack(">HH", call, len(data))
        out += data
    return out


@pytest.mark.parametrize("stamped", [True, False])
def test_entries_in_go_to_their_legs(stamped: bool) -> None:
    sim = _sim(3)
    sim.now = START + 400_000_000
    got = []
    for n in range(6):
        entries = [(100 + i, 400 + 20 * n, bytes([i, n]) * 80) for i in (1, 2, 3)]
        sim.receive([(PEER, _incoming([*entries, (999, 0, b"?" * 160)], 1000 + 20 * n, stamped))])
        sim.obey()
        sim.now += 20_000_000
    got = sim.sent[PHONE]
    assert len(got) == 18
    assert sim.plane.counters.unknown_minis == 6
    for i in (1, 2, 3):
        mine = [d for d in got if struct.unpack(">H", d[:2])[0] & 0x7FFF == 200 + i]
        assert [d[-160:] for d in mine] == [bytes([i, n]) * 80 for n in range(6)]
        stamps = [int.from_bytes(d[4:8], "big") if d[0] & 0x80 else int.from_bytes(d[2:4], "big") for d in mine]
        assert stamps == [400 + 20 * n for n in range(6)]
        assert sim.table.legs(i).lost == 0


def test_frame_times_of_a_bare_trunk_start_anew_at_zero() -> None:
    sim = _sim(1)
    for n in range(3):
        sim.receive([(PEER, _incoming([(101, 0, b"x" * 160)], 50_000 + 20 * n, stamped=False))])
        sim.now += 20_000_000
    for n in range(3):
        sim.receive([(PEER, _incoming([(101, 0, b"y" * 160)], 20 * n, stamped=False))])
        sim.now += 20_000_000
    assert sim.table.legs(1).received == 6
    assert sim.table.rx_ts64(1) == 100
    assert sim.table.legs(1).lost == 0


def _bare(sim: Sim, frames: list[tuple[int, int]], skew: int = 0) -> list[int]:
    """A call's voice in entries without stamps: (ms at which a trunk frame leaves, entries in it) each, behind a full
    frame stamped 400; the stamps that the phone sees."""
    sim.now = begin = START + (400 + skew) * 1_000_000
    sim.port.voice_in(1, 400, 4, b"f" * 160)
    sim.obey()
    sim.sent[PHONE].clear()
    for time, entries in frames:
        sim.now = begin + time * 1_000_000
        sim.receive([(PEER, _incoming([(101, 0, b"v" * 160)] * entries, 7000 + time, stamped=False))])
        sim.obey()
    return [int.from_bytes(d[2:4], "big") for d in sim.sent[PHONE]]


@pytest.mark.parametrize("skew", [0, 900, -300])
def test_entries_without_stamps_go_on_by_their_length(skew: int) -> None:
    """Whatever the trunk's tick does to them, and however far apart the clocks of both ends are."""
    sim = _sim(1)
    uneven = [(21, 1), (39, 1), (82, 2), (100, 1), (119, 0), (141, 2), (159, 1), (181, 1)]
    stamps = _bare(sim, uneven, skew)
    assert [stamp - stamps[0] for stamp in stamps] == [20 * n for n in range(9)]
    assert sim.table.rx_ts64(1) == 400 + 9 * 20
    counted = sim.table.legs(1)
    assert (counted.received, counted.lost, counted.out_of_order) == (10, 0, 0)
    assert counted.jitter <= 20


def test_a_burst_without_stamps_is_neither_loss_nor_disorder() -> None:
    sim = _sim(1)
    assert _bare(sim, [(20, 1), (40, 1), (160, 6), (180, 1)]) == [400 + 20 * n for n in range(1, 10)]
    counted = sim.table.legs(1)
    assert (counted.lost, counted.out_of_order) == (0, 0)


def test_loss_among_entries_without_stamps_shows_when_it_is_much() -> None:
    sim = _sim(1)
    stamps = _bare(sim, [(20 * n, 1) for n in [*range(1, 6), *range(16, 20)]])
    assert stamps == [400 + 20 * n for n in [*range(1, 6), *range(16, 20)]]
    assert (sim.table.legs(1).lost, sim.table.legs(1).out_of_order) == (10, 0)


def test_what_lies_is_dropped_and_counted() -> None:
    sim = _sim(2)
    good = _incoming([(101, 0, b"x" * 160)], 0, stamped=True)
    sim.receive(
        [
            (PEER, good + struct.pack(">HHH", 500, 102, 0) + b"short"),
            (PEER, good[:-1]),
            (PEER, b"\0\0\1\1\0\0\0\0\xff"),
            (PEER, good),
        ]
    )
    sim.obey()
    assert sim.table.legs(1).received == 2
    assert sim.table.legs(2).received == 0
    assert sim.plane.counters.bad_trunk_frames == 3


def test_nothing_of_an_encrypted_call_goes_into_a_trunk() -> None:
    sim = _sim(1)
    sim.port.set_flags(1, LegFlags.TRUNK | LegFlags.ENCRYPTED)
    sim.obey()
    for n in range(3):
        _speak(sim, 1, n)
        _turn(sim)
    assert _trunks(sim) == []


def test_nothing_is_lost_when_a_tick_is_late() -> None:
    """More than trunkmaxsize has gathered: frames of a limited size would have left when they were full."""
    sim = _sim(20)
    for row in range(1, 21):
        sim.plane.legs.sink_state[row] &= ~3
        sim.plane.legs.tx_high[row] = 0
    for n in range(45):
        _speak(sim, 20, n)
    _turn(sim)
    frames = _trunks(sim)
    assert max(map(len, frames)) <= 1240
    entries = [entry for frame in frames for entry in _entries(frame)]
    assert len(entries) == 20 * 45
    times = [int.from_bytes(f[4:8], "big") for f in frames]
    assert all(a != b for a, b in pairwise(times)) and set(times) == {0, 1}


#: trunkmaxsize, trunktimestamps, bytes of a payload, calls that speak -> how many of them a stock 22's trunk frame held
STOCK_ROOM = [(1, True, 640, 24, 9), (6401, True, 640, 24, 19), (1, True, 160, 40, 38), (1, False, 160, 40, 39)]


def _begun(calls: int, **trunk: Any) -> Sim:
    """Calls that are past their first full frame."""
    sim = _sim(calls, **trunk)
    for row in range(1, calls + 1):
        sim.plane.legs.sink_state[row] &= ~3
        sim.plane.legs.tx_high[row] = 0
    return sim


@pytest.mark.parametrize(("most", "stamped", "size", "voices", "heard"), STOCK_ROOM)
def test_frames_of_unlimited_size_hold_no_more_than_may_wait(
    most: int, stamped: bool, size: int, voices: int, heard: int
) -> None:
    """As a stock 22 does: trunkmaxsize is rounded up to pieces of 6400 bytes; the last ones of a tick are dropped."""
    sim = _begun(20, mtu=0, max_size=most, timestamps=stamped)
    for n in range(-(-voices // 20)):
        _speak(sim, min(20, voices - 20 * n), n, size)
    _turn(sim)
    (frame,) = _trunks(sim)
    entries = _entries(frame)
    assert len(entries) == heard
    assert (sim.plane.counters.trunks_sent, sim.plane.counters.largest_trunk) == (1, len(frame))
    assert sim.plane.counters.held_dropped == voices - heard
    begun = [data[0] for _, _, data in entries]
    assert begun == sorted(begun), "what came last is left out"


def test_room_of_a_trunk_is_for_all_lengths_together() -> None:
    """In order of arrival; what is too long leaves its room to others.  Said once for each address."""
    said: list[Record] = []
    former = set_sink(said.append)
    try:
        sim = _begun(20, mtu=0, max_size=1)
        for n in range(2):
            for size in (160, 640) * 5 + (160,) * 20:
                _speak(sim, 1, 3 * n, size)
            _turn(sim)
            sizes = [len(data) for frame in _trunks(sim) for _, _, data in _entries(frame)]
            # 5 of 166 and 5 of 646 are 4060; 14 more of 166 leave 16 of 6400
            assert sorted(sizes) == [160] * 19 + [640] * 5
            assert sim.plane.counters.held_dropped == 6 * (n + 1)
    finally:
        set_sink(former)
    assert [record.text for record in said if "trunkmaxsize" in record.text and "10.0.0.1:4569" in record.text] == [
        record.text for record in said
    ]
    assert len(said) == 1


def _through(sim: Sim, calls: int, n: int) -> list[bytes]:
    """Voice number n of these calls comes by a trunk, 7 calls a frame; what leaves at once."""
    entries = [(300 + i, 20 * n & 0xFFFF, bytes([n & 0xFF]) * 160) for i in range(1, calls + 1)]
    sim.receive([(PHONE, _incoming(entries[i : i + 7], 20 * n, stamped=True)) for i in range(0, calls, 7)])
    return _trunks(sim)


@pytest.mark.parametrize("mtu", [1240, 1500, 0])
def test_a_full_frame_whose_calls_share_a_trunk_leaves_at_once(mtu: int) -> None:
    """Nothing could be gathered into it; what is not full waits for the tick."""
    sim = _sim(16, mtu=mtu)
    for n in range(3):
        _through(sim, 16, n)
        sim.obey()
        _turn(sim)
        _trunks(sim)
    at_once = _through(sim, 16, 3)
    assert [len(_entries(f)) for f in at_once] == ([7, 7] if mtu == 1240 else [])
    _turn(sim)
    counters = sim.plane.counters
    # the first voice of all left in full frames; then two trunk frames at once and one on the tick, each time
    assert (counters.trunks_sent_full, counters.trunks_sent) == ((6, 3) if mtu == 1240 else (0, 6 if mtu else 3))
    assert counters.largest_trunk == 8 + 166 * (16 if mtu == 0 else (mtu - 8) // 166)
    found = [entry for f in at_once + _trunks(sim) for entry in _entries(f)]
    assert sorted(found) == [(16384 + i, 60, bytes([3]) * 160) for i in range(1, 17)]
    assert sim.plane.counters.trunk_frames == 4 * 3


def test_nothing_overtakes_voice_that_waits() -> None:
    """A full frame behind one that was not: the leg whose voice waits takes its whole frame along."""
    sim = _sim(14)
    for n in range(3):
        _through(sim, 14, n)
        sim.obey()
        _turn(sim)
        _trunks(sim)
    alone = [(301, 60, b"x" * 160)]
    sim.receive([(PHONE, _incoming(alone, 60, stamped=True))])
    assert _trunks(sim) == []
    rest = [(300 + i, 80 if i == 1 else 60, b"y" * 160) for i in range(1, 15)]
    sim.receive([(PHONE, _incoming(rest[i : i + 7], 60, stamped=True)) for i in (0, 7)])
    (gone,) = _trunks(sim)
    assert [call - 16384 for call, _, _ in _entries(gone)] == [*range(8, 15)]
    _turn(sim)
    (first,) = [f for f in _trunks(sim) if len(_entries(f)) == 7][:1]
    assert [stamp for call, stamp, _ in _entries(first) if call == 16385] == [60, 80]


def test_calls_of_two_trunks_in_one_frame_wait_for_both() -> None:
    sim = _sim(7)
    for n in range(3):
        _through(sim, 7, n)
        sim.obey()
        _turn(sim)
        _trunks(sim)
    other = ("10.0.0.77", 4569)
    sim.port.bind_leg(7, other, "", 107)
    sim.obey()
    assert _through(sim, 7, 3) == []
    _turn(sim)
    (frame,) = _trunks(sim)
    assert len(_entries(frame)) == 6
    (frame,) = [d for d in sim.sent[other] if d[:2] == b"\0\0"]
    assert [call for call, _, _ in _entries(frame)] == [16391]
