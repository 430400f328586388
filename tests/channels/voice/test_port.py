"""The plane over real sockets, in process and in one of its own: relay, echo, playback, tones, recording."""

from __future__ import annotations

import os
import signal
import socket
import struct
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from pbx.channels.voice.port import Direction, Edge, EdgeKind, LegCounters
from pbx.codecs import g711
from tests.channels.voice.rig import ALAW, GSM, ULAW, Rig, full, mini

Make = Callable[..., Rig]


@pytest.fixture(params=["in process", "apart"])
def make(request: pytest.FixtureRequest) -> Make:
    return partial(Rig, apart=request.param == "apart")


def _both(a: int, b: int) -> list[Edge]:
    return [Edge(a, b, EdgeKind.RELAY), Edge(b, a, EdgeKind.RELAY)]


def _payload(n: int) -> bytes:
    return bytes((n * 7 + i) & 0xFF for i in range(160))


@pytest.mark.parametrize("host", ["127.0.23.1", "::1"])
def test_two_legs_hear_each_other(make: Make, host: str) -> None:
    with make(host) as rig:
        a, b = rig.far(1, 501), rig.far(2, 502)
        rig.port.reset_edges([], _both(1, 2))
        rig.port.flush()
        base = (time.monotonic_ns() - rig.clock) // 1_000_000 // 20 * 20
        for i in range(8):
            for far in (a, b):
                send = far.voice if i == 0 else far.mini
                send(base + 20 * i, _payload(i + far.row))
        rig.run(lambda: len(a.got) > 7 and len(b.got) > 7)
        assert b.payloads == [_payload(i + 1) for i in range(8)]
        assert a.payloads == [_payload(i + 2) for i in range(8)]
        for far in (a, b):
            first = far.got[0]
            assert first[10:12] == bytes((2, ULAW))
            assert struct.unpack(">H", first[:2])[0] == 0x8000 | far.own
            assert [struct.unpack(">H", d[:2])[0] for d in far.got[1:]] == [far.own] * 7
            steps = np.diff([s & 0xFFFF for s in far.stamps])
            assert (steps == 20).all()
        counters = rig.port.counters.legs(1)
        assert (counters.received, counters.sent, counters.lost, counters.out_of_order) == (8, 8, 0, 0)


def test_echo_is_an_edge_to_itself(make: Make) -> None:
    with make() as rig:
        a = rig.far(1, 501)
        rig.port.reset_edges([], [Edge(1, 1, EdgeKind.RELAY)])
        rig.port.flush()
        a.voice(0, _payload(0))
        for i in range(1, 5):
            a.mini(20 * i, _payload(i))
        rig.run(lambda: len(a.got) >= 5)
        assert a.payloads == [_payload(i) for i in range(5)]


def test_nobody_gets_in_from_another_address(make: Make) -> None:
    with make() as rig:
        a, b = rig.far(1, 501), rig.far(2, 502)
        rig.port.reset_edges([], _both(1, 2))
        rig.port.flush()
        a.voice(0, _payload(0))
        rig.run(lambda: len(b.got) >= 1)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.bind(("127.0.23.9", 0))
            stranger.sendto(struct.pack(">HH", 501, 20) + _payload(9), rig.address)
            a.mini(20, _payload(1))
            rig.run(lambda: len(b.got) >= 2)
        assert b.payloads == [_payload(0), _payload(1)]
        if rig.plane is not None:
            assert rig.plane.counters.unknown_minis == 1


def test_what_is_not_voice_goes_to_the_core(make: Make) -> None:
    with make() as rig:
        a = rig.far(1, 501)
        rig.port.flush()
        ping = full(501, 1001, 5, 6, 2)
        strange = full(77, 0, 5, 6, 30)
        a.send(ping)
        a.send(strange)
        a.send(b"\x80\x01")
        rig.run(lambda: len(rig.told.datagrams) >= 2)
        (_, address, _, row, generation, data), (_, _, _, row2, generation2, data2) = rig.told.datagrams
        assert (address, row, generation, data) == (a.address, 1, 7, ping)
        assert (row2, generation2, data2) == (0, 0, strange)
        plane = rig.plane
        if plane is not None:
            rig.run(lambda: plane.counters.malformed == 1)


def test_a_mini_before_any_format_is_told(make: Make) -> None:
    with make() as rig:
        a = rig.far(1, 501)
        rig.port.flush()
        a.mini(20, _payload(1))
        rig.run(lambda: rig.told.unknown == [1])


def test_relay_translates(make: Make, tmp_path: Path) -> None:
    with make() as rig:
        a, b = rig.far(1, 501, hears=ULAW), rig.far(2, 502, hears=ALAW)
        rig.port.reset_edges([], _both(1, 2))
        rig.port.flush()
        a.voice(0, _payload(0))
        b.voice(0, _payload(5), ALAW)
        for i in range(1, 4):
            a.mini(20 * i, _payload(i))
        rig.run(lambda: len(b.got) >= 4 and len(a.got) >= 1)
        assert b.payloads == [_payload(i).translate(g711.ULAW_TO_ALAW) for i in range(4)]
        assert a.payloads[0] == _payload(5).translate(g711.ALAW_TO_ULAW)
        assert b.got[0][11] == ALAW


def test_relay_to_gsm_and_back(make: Make) -> None:
    pytest.importorskip("pbx.codecs.gsm")
    from pbx.codecs.formats import BY_BIT
    from pbx.codecs.translation import Translator

    with make() as rig:
        a, b = rig.far(1, 501, hears=ULAW), rig.far(2, 502, hears=GSM)
        rig.port.reset_edges([], _both(1, 2))
        rig.port.flush()
        frames = [_payload(i) for i in range(6)]
        a.voice(0, frames[0])
        for i in range(1, 6):
            a.mini(20 * i, frames[i])
        rig.run(lambda: len(b.got) >= 6)
        want = Translator(BY_BIT[ULAW], BY_BIT[GSM])
        want.add_row(0)
        assert b.payloads == [want.translate_one(0, f) for f in frames]


def test_playing_a_file(make: Make, tmp_path: Path) -> None:
    sound = bytes(range(256)) * 5
    path = tmp_path / "greeting.ulaw"
    path.write_bytes(sound)
    with make() as rig:
        a = rig.far(1, 501)
        rig.port.play_file(9, 1, str(path), ULAW)
        rig.port.play_file(10, 1, str(tmp_path / "none.ulaw"), ULAW)
        rig.run(lambda: len(rig.told.done) == 2 and len(a.got) == 8)
        assert b"".join(a.payloads) == sound
        assert (9, "end") in rig.told.done
        assert any(n == 10 and r.startswith("error") for n, r in rig.told.done)
        assert (np.diff([s & 0xFFFF for s in a.stamps]) == 20).all()


def test_milliwatt_and_stop(make: Make) -> None:
    with make() as rig:
        a = rig.far(1, 501)
        rig.port.play_tone(3, 1, "1004")
        rig.run(lambda: len(a.got) >= 10)
        rig.port.stop(3)
        rig.run(lambda: rig.told.done == [(3, "stopped")])
        sound = g711.DECODE["ulaw"][np.frombuffer(b"".join(a.payloads[:10]), np.uint8)].astype(float)
        spectrum = np.abs(np.fft.rfft(sound))
        assert spectrum.argmax() * 8000 / len(sound) == pytest.approx(1004, abs=6)
        # 0 dBm0 is 3.17 dB below a sine of full scale (G.711 u-law)
        level = 20 * np.log10(np.sqrt((sound**2).mean()) * np.sqrt(2) / 32124)
        assert level == pytest.approx(-2.8, abs=0.6)


def test_recording_holds_what_was_said(make: Make, tmp_path: Path) -> None:
    path = tmp_path / "said.ulaw"
    frames = [bytes([0x80 + i]) * 160 for i in range(20)]
    with make() as rig:
        a = rig.far(1, 501)
        rig.port.record(4, 1, str(path), ULAW, Direction.IN)
        rig.port.flush()
        for i, frame in enumerate(frames):
            (a.voice if i == 0 else a.mini)(20 * i, frame)
            rig.turn(0.02)
        rig.turn(0.08)
        rig.port.stop(4)
        rig.run(lambda: rig.told.done == [(4, "stopped")])
    said = path.read_bytes()
    assert said.startswith(b"".join(frames[:3]))
    assert all(frame in said for frame in frames)


def test_wav_recording_ends_by_silence(make: Make, tmp_path: Path) -> None:
    path = tmp_path / "said.wav"
    with make() as rig:
        a = rig.far(1, 501)
        rig.port.record(4, 1, str(path), 64, Direction.IN, silence_ms=200)
        rig.port.flush()
        for i in range(10):
            (a.voice if i == 0 else a.mini)(20 * i, b"\x10" * 160)
            rig.turn(0.02)
        rig.run(lambda: rig.told.done == [(4, "silence")])
    data = path.read_bytes()
    assert data[:4] == b"RIFF"
    assert int.from_bytes(data[40:44], "little") == len(data) - 44 > 4000


def test_three_in_a_conference_hear_the_others(make: Make) -> None:
    with make() as rig:
        fars = [rig.far(i, 500 + i) for i in (1, 2, 3)]
        rig.port.reset_edges([], [Edge(i, j, EdgeKind.MIX) for i in (1, 2, 3) for j in (1, 2, 3) if i != j])
        rig.port.flush()
        level = {1: 1000, 2: 3000, 3: 9000}
        coded = {i: bytes([int(g711.ENCODE["ulaw"][v])]) for i, v in level.items()}
        heard = {i: int(g711.DECODE["ulaw"][coded[i][0]]) for i in level}
        for n in range(15):
            for i, far in enumerate(fars, 1):
                (far.voice if n == 0 else far.mini)(20 * n, coded[i] * 160)
            rig.turn(0.02)
        for i, far in enumerate(fars, 1):
            want = sum(heard[j] for j in (1, 2, 3) if j != i)
            code = int(g711.ENCODE["ulaw"][want])
            assert any(p == bytes([code]) * 160 for p in far.payloads), (i, want)


def test_removed_legs_are_silent_and_their_sounds_end(make: Make) -> None:
    with make() as rig:
        a, b = rig.far(1, 501), rig.far(2, 502)
        rig.port.reset_edges([], _both(1, 2))
        rig.port.play_silence(8, 2, 0)
        rig.port.flush()
        rig.port.remove_leg(2, 6)  # an older generation: not this one
        rig.run(lambda: len(b.got) >= 2)
        assert rig.port.counters.legs(2).sent > 0
        rig.port.remove_leg(2, 7)
        rig.run(lambda: rig.told.done == [(8, "stopped")])
        # the next call of this row must not be taken for one that has sound
        assert rig.port.counters.legs(2) == LegCounters()
        assert rig.port.counters.tx_ts64(2) == -1
        before = len(b.got)
        a.voice(0, _payload(1))
        a.mini(20, _payload(2))
        rig.turn(0.05)
        assert len(b.got) == before


def test_a_voice_process_that_dies_is_replaced(tmp_path: Path) -> None:
    said: list[int] = []
    with Rig(apart=True) as rig:
        a, b = rig.far(1, 501), rig.far(2, 502)
        rig.port.reset_edges([], _both(1, 2))
        rig.port.restarted = lambda: said.append(1)
        rig.port.flush()
        a.voice(0, _payload(0))
        a.mini(20, _payload(1))
        rig.run(lambda: len(b.got) >= 2)
        sent = rig.port.counters.tx_ts64(2)
        first = rig.port.pid
        rig.turn(2.1)
        os.kill(first, signal.SIGKILL)
        start = time.monotonic()
        n = 2
        while len(b.got) < 6:
            now = (time.monotonic_ns() - rig.clock) // 1_000_000
            a.mini(now // 20 * 20, _payload(n))
            n += 1
            rig.turn(0.02)
            assert time.monotonic() - start < 5
        assert rig.port.pid != first
        assert said == [1]
        # the far end hears it go on: a full frame first, then minis, at later times
        assert b.got[2][0] & 0x80
        assert not b.got[3][0] & 0x80
        stamps = [s & 0xFFFF for s in b.stamps]
        assert min(stamps[2:]) > max(stamps[:2])
        assert rig.port.counters.tx_ts64(2) > sent
        assert rig.port.counters.legs(1).received >= 6


def test_the_voice_process_ends_with_control(tmp_path: Path) -> None:
    with Rig(apart=True) as rig:
        rig.far(1, 501)
        rig.port.play_silence(3, 1, 0)
        rig.run(lambda: len(rig.fars[0].got) > 1)
        process = rig.port._keeper
    assert process.returncode == 0


def test_with_a_wildcard_each_mini_leaves_from_the_address_that_was_asked(make: Make) -> None:
    with make("0.0.0.0") as rig:
        a = rig.far(1, 501)
        rig.port.bind_leg(1, a.address, "127.0.23.77", 501)
        rig.port.reset_edges([], [Edge(1, 1, EdgeKind.RELAY)])
        rig.port.flush()
        senders = []
        for n in range(3):
            data = full(501, 1001, 0, 2, ULAW, _payload(0)) if n == 0 else mini(501, 20 * n, _payload(n))
            a.socket.sendto(data, ("127.0.23.77", rig.address[1]))
        end = time.monotonic() + 3
        while len(senders) < 3 and time.monotonic() < end:
            rig.reactor.runUntilCurrent()
            rig.reactor.doIteration(0.01)
            try:
                senders.append(a.socket.recvfrom(1000)[1][0])
            except BlockingIOError:
                continue
        # the full frame is the core's: it did not say where from, so the kernel chose
        assert senders[1:] == ["127.0.23.77"] * 2
        assert rig.told.datagrams[0][2] == "127.0.23.77"
