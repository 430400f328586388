"""Files that are played to many, volumes, and how recordings are laid out: a plane in virtual time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pbx.channels.voice.contents import Contents
from pbx.channels.voice.port import Direction, Shape
from pbx.codecs.formats import GSM, SLIN
from pbx.codecs.g711 import DECODE, ENCODE
from pbx.codecs.translation import Translator, decoder, encoder
from tests.channels.voice.pure import Sim
from tests.channels.voice.rig import Told, full, mini

BOTH = Direction.IN | Direction.OUT
A, B = ("127.0.0.2", 4000), ("127.0.0.3", 4000)


def tone(frequency: float, seconds: float, level: int = 8000) -> np.ndarray:
    t = np.arange(int(8000 * seconds)) / 8000
    return (level * np.sin(2 * np.pi * frequency * t)).astype(np.int16)


def payloads(sent: list[bytes]) -> bytes:
    return b"".join(d[12:] if d[0] & 0x80 else d[4:] for d in sent)


class Here:
    """A plane whose control answers `voice_due`; one far end per row."""

    def __init__(self) -> None:
        self.told = Told()
        self.sim = Sim(self.told)
        self.told.port = self.sim.port
        self.addresses: dict[int, tuple[str, int]] = {}

    def leg(self, row: int, send: int = 4) -> None:
        self.addresses[row] = address = ("127.0.1.1", 4000 + row)
        far = type("Far", (), {"own": 100 + row, "call": 200 + row, "address": address, "hears": send})()
        self.told.far[row] = far
        self.sim.leg(row, address, 100 + row, 200 + row, send=send)
        self.sim.obey()

    def say(self, row: int, frame: int, payload: bytes) -> None:
        own, call = 100 + row, 200 + row
        data = full(call, own, 20 * frame, 2, 4, payload) if not frame else mini(call, 20 * frame, payload)
        self.sim.receive([(self.addresses[row], data)])
        self.sim.obey()

    def ticks(self, count: int) -> None:
        for _ in range(count):
            self.sim.tick()
            self.sim.obey()

    def heard(self, row: int) -> bytes:
        return payloads(self.sim.sent[self.addresses[row]])


def test_a_file_is_in_memory_once_and_read_anew_when_it_changed(tmp_path: Path) -> None:
    path = tmp_path / "a.ulaw"
    path.write_bytes(b"x" * 160)
    contents = Contents()
    first, _ = contents.read(str(path))
    again, _ = contents.read(str(path))
    assert first is again is not None
    path.write_bytes(b"y" * 320)
    changed, _ = contents.read(str(path))
    assert changed is not None and changed.data == b"y" * 320
    assert contents.read(str(tmp_path / "none.ulaw"))[0] is None
    (tmp_path / "bad.wav").write_bytes(b"no")
    assert contents.read(str(tmp_path / "bad.wav"))[0] is None


def test_many_hear_one_coded_file_each_from_its_own_place(tmp_path: Path) -> None:
    coder = encoder(GSM)
    coder.add_row(0)
    sound = tone(440, 1.0)
    coded = coder.translate(np.zeros(1, np.intp), sound[None, :]).tobytes()
    path = tmp_path / "moh.gsm"
    path.write_bytes(coded)
    here = Here()
    for row in range(1, 9):
        here.leg(row)
        here.sim.port.play_file(row, row, str(path), 2, skip_ms=20 * row)
        here.sim.obey()
        here.ticks(row % 3)
    here.ticks(60)
    for row in range(1, 9):
        one: Translator = decoder(GSM)
        one.add_row(0)
        rest = np.frombuffer(coded[33 * row :], np.uint8).reshape(-1, 33)
        want = b"".join(
            ENCODE["ulaw"][one.translate(np.zeros(1, np.intp), piece[None, :])[0].astype(np.int16)].tobytes()
            for piece in rest
        )
        assert here.heard(row) == want
        assert (row, "end") in here.told.done


def test_a_file_in_the_legs_own_format_goes_out_as_it_stands_unless_it_is_made_louder(tmp_path: Path) -> None:
    path = tmp_path / "a.ulaw"
    sound = ENCODE["ulaw"][tone(700, 0.2, 3000)].tobytes()
    path.write_bytes(sound)
    here = Here()
    here.leg(1)
    here.leg(2)
    here.sim.port.set_volume(2, 602)
    for row in (1, 2):
        here.sim.port.play_file(row, row, str(path), 4)
    here.sim.obey()
    here.ticks(12)
    assert here.heard(1) == sound
    louder = DECODE["ulaw"][np.frombuffer(here.heard(2), np.uint8)].astype(float)
    plain = DECODE["ulaw"][np.frombuffer(sound, np.uint8)].astype(float)
    assert np.abs(louder).mean() / np.abs(plain).mean() == pytest.approx(2, rel=0.03)


def recorded(tmp_path: Path, *wanted: tuple[str, Direction, Shape]) -> dict[str, np.ndarray]:
    """The far end speaks (1000) from the 5th tick on, hears (300) from the 15th on: what the recordings hold."""
    here = Here()
    here.leg(1)
    here.leg(2)
    for number, (name, direction, shape) in enumerate(wanted, 1):
        here.sim.port.record(number, 1, str(tmp_path / f"{name}.raw"), SLIN.bit, direction, shape=shape)
    sound = tmp_path / "heard.ulaw"
    sound.write_bytes(bytes([int(ENCODE["ulaw"][300])]) * 1600)
    here.sim.obey()
    here.ticks(5)
    said = bytes([int(ENCODE["ulaw"][1000])]) * 160
    for frame in range(40):
        here.say(1, frame, said)
        if frame == 10:
            here.sim.port.play_file(9, 1, str(sound), 4)
            here.sim.obey()
        here.ticks(1)
    for number in range(1, len(wanted) + 1):
        here.sim.port.stop(number)
    here.sim.obey()
    return {name: np.frombuffer((tmp_path / f"{name}.raw").read_bytes(), "<i2") for name, *_ in wanted}


def level(value: int) -> int:
    return int(DECODE["ulaw"][int(ENCODE["ulaw"][value])])


def test_recordings_of_one_start_keep_the_same_time(tmp_path: Path) -> None:
    together = Shape(starts=BOTH)
    got = recorded(
        tmp_path, ("mix", BOTH, together), ("in", Direction.IN, together), ("out", Direction.OUT, together),
    )  # fmt: skip
    said, heard = level(1000), level(300)
    assert len(got["mix"]) == len(got["in"]) == len(got["out"]) >= 160 * 38
    assert np.array_equal(got["mix"], got["in"] + got["out"])
    assert set(got["in"].tolist()) == {said}
    places = np.flatnonzero(got["out"])
    assert set(got["out"][places].tolist()) == {heard} and len(places) == 1600
    assert 160 * 8 <= places[0] <= 160 * 22 and np.all(np.diff(places) == 1)


def test_a_packed_recording_holds_nothing_but_sound(tmp_path: Path) -> None:
    got = recorded(tmp_path, ("out", Direction.OUT, Shape(packed=True)))
    assert got["out"].tolist() == [level(300)] * 1600


def test_gains_of_a_recording(tmp_path: Path) -> None:
    shape = Shape(starts=BOTH, gain_in=602, gain_out=-602)
    got = recorded(tmp_path, ("in", Direction.IN, shape), ("out", Direction.OUT, shape))
    assert got["in"].max() == pytest.approx(2 * level(1000), abs=2)
    assert got["out"].max() == pytest.approx(level(300) / 2, abs=2)


def test_stereo_is_said_left_and_heard_right(tmp_path: Path) -> None:
    got = recorded(tmp_path, ("both", BOTH, Shape(stereo=True)), ("mix", BOTH, Shape()))
    both = got["both"].reshape(-1, 2)
    assert len(both) == len(got["mix"])
    assert np.array_equal(both.sum(axis=1), got["mix"])
    assert set(both[:, 0].tolist()) == {level(1000)}
    assert set(both[:, 1].tolist()) == {0, level(300)}


def test_a_paused_recording_lets_go_what_passes(tmp_path: Path) -> None:
    here = Here()
    here.leg(1)
    here.sim.port.record(1, 1, str(tmp_path / "a.raw"), SLIN.bit, Direction.IN)
    here.sim.obey()
    for frame in range(60):
        if frame in (20, 40):
            here.sim.port.pause(1, frame == 20)
            here.sim.obey()
        here.say(1, frame, bytes([int(ENCODE["ulaw"][1000 if frame // 20 != 1 else 5000])]) * 160)
        here.ticks(1)
    here.sim.port.stop(1)
    here.sim.obey()
    got = np.frombuffer((tmp_path / "a.raw").read_bytes(), "<i2")
    assert len(got) == pytest.approx(40 * 160, abs=320)
    # what was on its way when it paused and went on again is of the other side of the border
    assert (got == level(1000)).mean() > 0.7


@pytest.mark.parametrize("stall", [4, 6, 15])
def test_a_recording_loses_nothing_when_the_plane_stands_still(tmp_path: Path, stall: int) -> None:
    here = Here()
    here.leg(1)
    here.sim.port.record(1, 1, str(tmp_path / "in.raw"), SLIN.bit, Direction.IN)
    here.sim.obey()
    levels = [level(40 + 40 * frame) for frame in range(150)]
    frame = 0
    for turn in range(40):
        # each now and then a stall, and all that came meanwhile comes at once
        count = stall if turn % 8 == 5 else 1
        for _ in range(count):
            if frame < 150:
                here.say(1, frame, bytes([int(ENCODE["ulaw"][levels[frame]])]) * 160)
                frame += 1
        here.sim.tick(missed=count - 1 if count > 1 else 0)
        here.sim.obey()
    here.sim.port.stop(1)
    here.sim.obey()
    got = np.frombuffer((tmp_path / "in.raw").read_bytes(), "<i2").reshape(-1, 160)
    spoken = [int(row[0]) for row in got if row.any()]
    assert spoken == levels[:frame]
