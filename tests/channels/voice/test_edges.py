"""Edges beyond the plain relay: copies to several, taps, gain, detection, other packet lengths."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from pbx.channels.voice.port import Direction, Edge, EdgeKind, LegFlags
from pbx.codecs import g711
from pbx.codecs.tones import ToneList, dtmf_tones
from tests.channels.voice.pure import Sim
from tests.channels.voice.rig import ALAW, GSM, ULAW, full, mini


def _address(row: int) -> tuple[str, int]:
    return f"10.0.0.{row}", 4569


class Core:
    """Answers as the protocol core does; remembers what was found."""

    def __init__(self) -> None:
        self.sim: Any = None
        self.found: list[tuple[int, str]] = []
        self.done: list[tuple[int, str]] = []

    def voice_due(self, row: int, generation: int, ts64: int, format_bit: int, payload: bytes) -> None:
        frame = full(200 + row, 100 + row, ts64, 2, format_bit, payload)
        self.sim.port.send(1, _address(row), frame, row=row, barrier=True)

    def datagram(self, *_: Any) -> None:
        """Nobody answers: what is held must go by itself."""

    def voice_unknown(self, row: int, generation: int) -> None: ...
    def voice_trunked(self, row: int, generation: int) -> None: ...

    def detected(self, row: int, what: str) -> None:
        self.found.append((row, what))

    def heard(self, number: int, what: str) -> None:
        self.found.append((number, what))

    def finished(self, source: int, reason: str) -> None:
        self.done.append((source, reason))


def _sim(formats: dict[int, int], edges: list[Edge]) -> Sim:
    core = Core()
    sim = Sim(core)
    core.sim = sim
    for row, format_bit in formats.items():
        sim.leg(row, _address(row), 200 + row, 100 + row, receive=format_bit, send=format_bit)
    sim.port.reset_edges([], edges)
    sim.obey()
    return sim


def _say(sim: Sim, n: int, sounds: dict[int, bytes], step: int = 20) -> None:
    """One frame of each of these rows, then the tick."""
    sim.receive([(_address(row), mini(100 + row, step * n, data)) for row, data in sounds.items()])
    sim.obey()
    sim.tick(step)
    sim.obey()


def _heard(sim: Sim, row: int) -> list[bytes]:
    return [d[12:] if d[0] & 0x80 else d[4:] for d in sim.sent[_address(row)]]


def _tone(level: int) -> bytes:
    return bytes([int(g711.ENCODE["ulaw"][level])]) * 160


def _value(level: int) -> int:
    return int(g711.DECODE["ulaw"][_tone(level)[0]])


def test_one_voice_to_three_of_other_formats() -> None:
    sim = _sim({1: ULAW, 2: ULAW, 3: ALAW, 4: GSM}, [Edge(1, sink, EdgeKind.RELAY) for sink in (2, 3, 4)])
    frames = [bytes([n]) * 160 for n in range(5)]
    for n, frame in enumerate(frames):
        _say(sim, n, {1: frame})
    assert _heard(sim, 2) == frames
    assert _heard(sim, 3) == [f.translate(g711.ULAW_TO_ALAW) for f in frames]
    assert [len(p) for p in _heard(sim, 4)] == [33] * 5


def test_packets_of_30_ms_are_cut_anew_for_gsm() -> None:
    sim = _sim({1: ULAW, 2: GSM}, [Edge(1, 2, EdgeKind.RELAY)])
    for n in range(40):
        sim.receive([(_address(1), mini(101, 30 * n, bytes([n]) * 240))])
        sim.obey()
        for _ in range(3):
            sim.now += 10_000_000
            if (sim.now // 10_000_000) % 2 == 0:
                sim.plane.tick(sim.now)
                sim.collect()
                sim.obey()
    heard = _heard(sim, 2)
    assert {len(p) for p in heard} == {33}
    assert 55 <= len(heard) <= 60


def test_a_listener_hears_both_sides_and_the_call_stays_relayed() -> None:
    both = Direction.IN | Direction.OUT
    edges = [Edge(1, 2, EdgeKind.RELAY), Edge(2, 1, EdgeKind.RELAY), Edge(1, 3, EdgeKind.TAP, both)]
    sim = _sim({1: ULAW, 2: ULAW, 3: ULAW}, edges)
    for n in range(10):
        _say(sim, n, {1: _tone(1000), 2: _tone(4000)})
    assert sim.plane.legs.relay_to[1] == 2
    assert _heard(sim, 2) == [_tone(1000)] * 10
    want = int(g711.ENCODE["ulaw"][_value(1000) + _value(4000)])
    assert _heard(sim, 3)[-1] == bytes([want]) * 160
    sim.port.reset_edges([edges[2]], [])
    sim.obey()
    assert not sim.plane.slots.used
    before = len(_heard(sim, 3))
    _say(sim, 10, {1: _tone(1000), 2: _tone(4000)})
    assert len(_heard(sim, 3)) == before
    assert len(_heard(sim, 2)) == 11


def test_gain_makes_it_louder() -> None:
    sim = _sim({1: ULAW, 2: ULAW}, [Edge(1, 2, EdgeKind.RELAY, gain=600)])
    for n in range(8):
        _say(sim, n, {1: _tone(1000)})
    want = int(g711.ENCODE["ulaw"][int(_value(1000) * np.float32(10**0.3))])
    assert _heard(sim, 2)[-1] == bytes([want]) * 160


def test_sums_are_clipped_not_wrapped() -> None:
    sim = _sim({1: ULAW, 2: ULAW, 3: ULAW}, [Edge(1, 3, EdgeKind.MIX), Edge(2, 3, EdgeKind.MIX)])
    for n in range(6):
        _say(sim, n, {1: _tone(30000), 2: _tone(30000)})
    assert _heard(sim, 3)[-1] == _tone(32767)


def test_whisper_into_a_relayed_call_and_out_again() -> None:
    call = [Edge(1, 2, EdgeKind.RELAY), Edge(2, 1, EdgeKind.RELAY)]
    whisper = Edge(3, 2, EdgeKind.MIX)
    sim = _sim({1: ULAW, 2: ULAW, 3: ULAW}, call)
    for n in range(3):
        _say(sim, n, {1: _tone(1000)})
    sim.port.reset_edges([], [whisper])
    sim.obey()
    for n in range(3, 12):
        _say(sim, n, {1: _tone(1000), 3: _tone(2000)})
    want = int(g711.ENCODE["ulaw"][_value(1000) + _value(2000)])
    assert _heard(sim, 2)[-1] == bytes([want]) * 160
    sim.port.reset_edges([whisper], [])
    sim.obey()
    for n in range(12, 15):
        _say(sim, n, {1: _tone(500), 3: _tone(2000)})
    assert _heard(sim, 2)[-3:] == [_tone(500)] * 3
    stamps = [int.from_bytes(d[2:4], "big") for d in sim.sent[_address(2)] if not d[0] & 0x80]
    assert all(b > a for a, b in pairwise(stamps))


def test_digits_and_talk_are_found() -> None:
    sim = _sim({1: ULAW}, [])
    sim.port.detect(1, digits=True, talk=True)
    sim.obey()
    sound = ToneList(dtmf_tones("15#", 100, 100)).render(0, 4800)
    coded = g711.ENCODE["ulaw"][sound.view(np.uint16)].tobytes() + b"\xff" * 160 * 150
    for n in range(len(coded) // 160):
        _say(sim, n, {1: coded[160 * n : 160 * n + 160]})
    assert [what for _, what in sim.events.found if what.startswith("digit")] == ["digit:1", "digit:5", "digit:#"]
    assert [what for _, what in sim.events.found if not what.startswith("digit")] == ["talk", "silence"]
    sim.port.detect(1)
    sim.obey()
    assert not sim.plane.slots.used


def test_bad_rows_do_no_harm() -> None:
    sim = _sim({1: ULAW}, [])
    port = sim.port
    for row in (0, 63, 64, 70000):
        port.set_formats(row, 4, 4)
        port.voice_in(row, 0, 4, b"x" * 160)
        port.release(row, 1)
        port.voice_restart(row, 0)
        port.remove_leg(row, 1)
        port.detect(row, digits=True)
        port.play_tone(5, row, "440")
        port.record(6, row, "/nowhere/x.ulaw", ULAW, Direction.IN)
        port.reset_edges([], [Edge(row, 1, EdgeKind.RELAY), Edge(1, row, EdgeKind.MIX)])
        port.pause(99, True)
        port.stop(99)
        port.send(1, _address(1), b"\x80" * 12, row=row, barrier=True)
    port.play_tone(7, 1, "what")
    sim.obey()
    _say(sim, 0, {1: _tone(1000)})
    assert (7, "error: not a tone: 'what' in 'what'") in sim.events.done
    assert len(sim.events.done) == 9


def test_nothing_is_left_of_a_thousand_calls() -> None:
    core = Core()
    sim = core.sim = Sim(core)
    plane, port = sim.plane, sim.port
    for call in range(1000):
        one, two = 1 + call * 2 % 40, 2 + call * 2 % 40
        flags = LegFlags(call % 4)
        for row, format_bit in ((one, ULAW), (two, (ULAW, ALAW, GSM)[call % 3])):
            sim.leg(row, _address(row), 200 + row, 100 + row, receive=format_bit, send=format_bit, flags=flags)
        kind = EdgeKind.MIX if call % 5 == 0 else EdgeKind.RELAY
        port.reset_edges([], [Edge(one, two, kind), Edge(two, one, kind)])
        port.detect(one, digits=call % 2 == 0)
        port.play_tone(call, two, "440")
        sim.obey()
        _say(sim, 0, {one: _tone(1000)})
        sim.receive([(_address(one), full(100 + one, 200 + one, 5000, 2, ULAW, _tone(1)))])
        _say(sim, 1, {one: _tone(1000)})
        for row in (one, two):
            port.remove_leg(row, 1)
        sim.obey()
    sim.plane.trunk_tick(sim.now)
    sim.now += 10_000_000_000
    sim.plane.expire(sim.now)
    sim.collect()
    assert len(core.done) == 1000
    assert not plane.slots.used
    assert not plane.clocked.active
    assert not plane.holding
    assert not plane.outbound.waiting
    assert not plane.relay._targets
    assert not plane.relay.jitter.active
    assert not plane._edges._by_source
    assert not plane._edges._by_sink
    assert not plane._inputs
    assert not plane.trunks._keys
    assert not plane.trunks._pending
    assert sim.plane.core.keys[1]._count == 0
    assert not sim.plane.core.keys[1].one
    assert len(plane.relay._streams._free) == plane.relay._streams._next
    assert not plane.clocked._streams
    assert not plane.slots._streams
    assert not plane.legs.relay_to.any()
