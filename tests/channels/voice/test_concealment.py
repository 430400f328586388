"""Gaps in the voice of far ends: what a recording, a mix and a translated leg hear in their place."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from pbx.channels.voice.port import Buffering, BufferKind, Direction, Edge, EdgeKind
from pbx.codecs import g711
from tests.channels.voice.pure import START, Sim
from tests.channels.voice.rig import mini
from tests.channels.voice.test_trunk import Quiet

A, B = ("10.0.0.2", 4569), ("10.0.0.3", 4569)
ULAW, ALAW = 4, 8
PACKETS = 100
#: 200 Hz, whole periods in a packet: a gap that is well filled can't be told from the tone
WAVE = np.rint(6000 * np.sin(2 * np.pi * 200 * np.arange(160) / 8000)).astype(np.int16)
TONE = g711.encode("ulaw", WAVE).tobytes()


class Control(Quiet):
    def finished(self, source: int, reason: str) -> None: ...


def _sim(send: int = ULAW, kind: BufferKind = BufferKind.NONE) -> Sim:
    quiet = Control()
    sim = Sim(quiet)
    quiet.sim = sim
    sim.leg(21, A, 221, 321)
    sim.leg(22, B, 222, 322, send=send)
    sim.port.set_buffer(21, Buffering(kind, maximum=200))
    sim.obey()
    return sim


def _speak(sim: Sim, lost: Iterable[int], packets: int = PACKETS) -> None:
    for n in range(packets + 20):
        sim.now = START + n * 20_000_000
        if n < packets and n not in lost:
            sim.receive([(A, mini(321, 20 * n, TONE))])
            sim.obey()
        sim.plane.tick(sim.now)
        sim.collect()
        sim.obey()


def _linear(payload: bytes, law: str) -> np.ndarray:
    sound: np.ndarray = g711.decode(law, np.frombuffer(payload, np.uint8))
    return sound


def _silent(sound: np.ndarray) -> int:
    """Blocks of 10 ms in which nothing is heard, from the first sound to the last."""
    blocks = np.abs(sound[: len(sound) // 80 * 80].reshape(-1, 80).astype(np.int64)).max(axis=1)
    heard = np.flatnonzero(blocks > 500)
    return int((blocks[heard[0] : heard[-1]] <= 500).sum())


def _said(path: Path) -> np.ndarray:
    """A recording without the silence at its end, which lasts until it is stopped."""
    sound = _linear(path.read_bytes(), "ulaw")
    return sound[: np.flatnonzero(np.abs(sound) > 500)[-1] + 1]


def _clicks(sound: np.ndarray) -> int:
    """Steps that no tone of 200 Hz makes."""
    return int((np.abs(np.diff(sound.astype(np.int64))) > 2200).sum())


@pytest.mark.parametrize("kind", [BufferKind.NONE, BufferKind.ADAPTIVE, BufferKind.FIXED])
@pytest.mark.parametrize("filled", [True, False])
def test_a_recording_goes_on_through_gaps(tmp_path: Path, kind: BufferKind, filled: bool) -> None:
    sim = _sim(kind=kind)
    sim.port.set_concealment(filled, False, False)
    sim.port.record(1, 21, str(tmp_path / "heard.ulaw"), ULAW, Direction.IN)
    sim.obey()
    lost = (40, 55, 56, 70)
    _speak(sim, lost)
    sim.port.stop(1)
    sim.obey()
    sound = _said(tmp_path / "heard.ulaw")
    assert _clicks(sound) == 0  # whole periods are lost: what is glued together fits, too
    if filled:
        # as long as it was said, and what the buffer made up when the voice ended
        assert PACKETS - 1 <= len(sound) / 160 <= PACKETS + 3
        assert _silent(sound) == 0
    elif kind is BufferKind.NONE:
        assert len(sound) / 160 <= PACKETS - 3


@pytest.mark.parametrize("wanted", [True, False])
@pytest.mark.parametrize("send", [ALAW, ULAW])
def test_a_buffered_leg_that_is_translated_is_filled(send: int, wanted: bool) -> None:
    """genericplc; genericplc_on_equal_codecs where nothing has to be translated."""
    sim = _sim(send, BufferKind.ADAPTIVE)
    sim.port.set_concealment(True, wanted and send == ALAW, wanted and send == ULAW)
    sim.port.reset_edges([], [Edge(21, 22, EdgeKind.RELAY)])
    sim.obey()
    lost = (40, 55, 70)
    _speak(sim, lost)
    law = "alaw" if send == ALAW else "ulaw"
    packets = [data[12:] if data[0] & 0x80 else data[4:] for data in sim.sent[B]]
    stamps = [int.from_bytes(data[2:4], "big") for data in sim.sent[B] if not data[0] & 0x80]
    steps = np.diff(stamps[: PACKETS - 5])
    # each lost frame is there, at its own time
    assert (set(steps.tolist()) == {20}) is wanted
    sound = _linear(b"".join(packets[: PACKETS - 5]), law)
    assert _silent(sound) == 0
    assert _clicks(sound) <= (0 if wanted else 10)


def test_no_sound_of_another_leg_fills_a_gap(tmp_path: Path) -> None:
    """A slot that is used again has forgotten what was in it."""
    sim = _sim()
    sim.port.record(1, 21, str(tmp_path / "one.ulaw"), ULAW, Direction.IN)
    sim.obey()
    _speak(sim, ())
    sim.port.stop(1)
    sim.port.record(2, 21, str(tmp_path / "two.ulaw"), ULAW, Direction.IN)
    sim.obey()
    quiet = bytes([0xFF]) * 160
    for n in (200, 203):
        sim.receive([(A, mini(321, 20 * n, quiet))])
    for _ in range(30):
        sim.tick()
    sim.port.stop(2)
    sim.obey()
    sound = _linear((tmp_path / "two.ulaw").read_bytes(), "ulaw")
    assert len(sound)
    assert np.abs(sound.astype(np.int64)).max() < 50


def test_what_was_filled_is_not_said_again(tmp_path: Path) -> None:
    """A frame that comes after its place was filled is let go: the recording is no longer than the call."""
    sim = _sim()
    sim.port.record(1, 21, str(tmp_path / "heard.ulaw"), ULAW, Direction.IN)
    sim.obey()
    for n in range(PACKETS):
        sim.now = START + n * 20_000_000
        # every tenth frame comes behind the next one
        order = [n + 1] if n % 10 == 5 else [n - 1] if n % 10 == 6 else [n]
        sim.receive([(A, mini(321, 20 * k, TONE)) for k in order])
        sim.obey()
        sim.plane.tick(sim.now)
        sim.collect()
        sim.obey()
    for _ in range(20):
        sim.tick()
    sim.port.stop(1)
    sim.obey()
    sound = _said(tmp_path / "heard.ulaw")
    assert PACKETS - 2 <= len(sound) / 160 <= PACKETS + 1
    assert _clicks(sound) == 0
