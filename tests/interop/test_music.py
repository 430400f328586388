"""Music on hold, recordings and spying between pbx and a stock Asterisk: what is heard is what should be heard."""

from __future__ import annotations

import time
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.interop.boxes import HERE, NET, StockBox, make_box, running
from tests.interop.conftest import need
from tests.interop.sounds import from_ulaw, sweep, to_ulaw

SWEEP = sweep(3.0)
#: of each class a sound that no other one is like
DEFAULT = sweep(12.0, 3000, 400)
JAZZ = sweep(12.0, 400, 2000)
TONE = sweep(3.0, 2500, 600)
#: modules that a stock box needs besides
MORE = """
res_musiconhold app_mixmonitor app_chanspy func_volume func_uri func_groupcount func_periodic_hook app_bridgewait
bridge_holding
""".split()
#: (who is called and recorded at: near, who calls and listens: far)
PAIRS = [("pbx", "asterisk22"), ("asterisk22", "pbx")]


class Pair:
    """`near` has the music and the recordings; `far` calls it and hears."""

    def __init__(self, near: str, far: str, number: int, interpret: str, suggest: str) -> None:
        one, two = f"{NET}.26.{number}", f"{NET}.26.{number + 1}"
        files = HERE / "etc" / "music"
        self.near = make_box(near, "near", files / "near", one, PEER=two, INTERPRET=interpret, SUGGEST="")
        self.far = make_box(far, "far", files / "far", two, PEER=one, INTERPRET="passthrough", SUGGEST=suggest)
        for box in (self.near, self.far):
            if isinstance(box, StockBox):
                box.wanted = [*box.wanted, *MORE]
            box.add_sound("sweep", to_ulaw(SWEEP))
            box.add_sound("tone", to_ulaw(TONE))
            for name, sound in (("default", DEFAULT), ("jazz", JAZZ)):
                (box.home / "sounds" / f"moh-{name}").mkdir(parents=True, exist_ok=True)
                (box.home / "sounds" / f"moh-{name}" / "music.ulaw").write_bytes(to_ulaw(sound))
            raw = box.home / "sounds" / "moh-raw"
            raw.mkdir(parents=True, exist_ok=True)
            (raw / "jazz.sln").write_bytes(JAZZ.astype("<i2").tobytes())
            (raw / "station").write_text(f"while :; do cat {box.seen(raw)}/jazz.sln || exit; done\n")

    def call(self, exten: int, application: str, seconds: float) -> np.ndarray:
        """The far box calls an extension of the near one: what it hears (if it records that)."""
        heard = self.far.home / "spool" / "heard.ulaw"
        heard.unlink(missing_ok=True)
        self.far.rx(f"channel originate IAX2/other/{exten} extension {application}@apps")
        time.sleep(seconds)
        for box in (self.far, self.near):
            box.rx("channel request hangup all")
            box.wait_idle()
        time.sleep(0.5)
        return from_ulaw(heard.read_bytes()) if heard.exists() else np.zeros(0, np.int16)


@pytest.fixture(params=PAIRS, ids=lambda pair: f"{pair[0]}-near", scope="module")
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    need(*request.param)
    made = Pair(*request.param, 1 + 4 * PAIRS.index(request.param), "default", "")
    with running(made.near, made.far):
        yield made


def piece(sound: np.ndarray, begin: float, seconds: float) -> np.ndarray:
    return sound[int(8000 * begin) : int(8000 * (begin + seconds))]


def share(sound: np.ndarray, heard: np.ndarray) -> float:
    """How much of `sound` is in `heard`, in pieces of a quarter second (a lost frame moves the rest)."""
    size = 2000
    pieces = [sound[at : at + size].astype(float) for at in range(0, len(sound) - size + 1, size)]
    n = 1 << (len(heard) + size).bit_length()
    spectrum = np.fft.rfft(heard.astype(float), n)
    energy = np.concatenate([[0.0], np.cumsum(heard.astype(float) ** 2)])
    local = energy[size:] - energy[:-size] if len(heard) >= size else np.zeros(0)
    good = 0
    for one in pieces:
        product = np.fft.irfft(spectrum * np.conj(np.fft.rfft(one, n)), n)[: len(local)]
        likeness = product / np.sqrt(local * (one * one).sum() + 1e6)
        good += bool(len(likeness)) and float(likeness.max()) > 0.9
    return good / len(pieces)


def where(sound: np.ndarray, heard: np.ndarray) -> float:
    """Second of `heard` at which `sound` begins."""
    n = 1 << (len(sound) + len(heard)).bit_length()
    a, b = np.fft.rfft(sound.astype(float), n), np.fft.rfft(heard.astype(float), n)
    return int(np.fft.irfft(b * np.conj(a), n)[: len(heard)].argmax()) / 8000


def test_who_is_held_by_the_other_box_hears_our_music(pair: Pair) -> None:
    heard = pair.call(1, "hear", 11)
    music = piece(DEFAULT, 0, 3.5)
    assert share(music, heard) > 0.9
    # and what the other one says afterwards
    assert share(piece(SWEEP, 0, 2.5), heard) > 0.7
    assert where(piece(SWEEP, 0, 2.5), heard) - where(music, heard) == pytest.approx(4, abs=0.4)


@pytest.mark.parametrize(("exten", "music"), [(2, DEFAULT), (3, JAZZ)])
def test_music_until_somebody_answers(pair: Pair, exten: int, music: np.ndarray) -> None:
    heard = pair.call(exten, "hear", 5)
    assert share(piece(music, 0.1, 2.2), heard) > 0.9


def test_music_by_applications_goes_on_where_it_stopped(pair: Pair) -> None:
    heard = pair.call(4, "hear", 5.5)
    assert share(piece(JAZZ, 0, 0.9), heard) > 0.8
    assert share(piece(JAZZ, 1.1, 1.7), heard) > 0.9
    pause = where(piece(JAZZ, 1.2, 1.5), heard) - where(piece(JAZZ, 0, 0.9), heard)
    # a stock Record keeps no silence in which nothing comes
    assert 1 <= pause <= 2.6


@pytest.mark.parametrize(("exten", "apart"), [(11, 4.5), (12, 1.5)], ids=["plays-on", "waits-for-listeners"])
def test_music_of_a_program(pair: Pair, exten: int, apart: float) -> None:
    """What plays goes on while nobody hears it, unless it plays files of a folder; then it is heard from there on."""
    heard = pair.call(exten, "hear", 8.5)
    tone = where(TONE, heard)
    before, after = piece(heard, tone - 0.9, 0.5), piece(heard, tone + 3.6, 0.5)
    loop = np.concatenate([JAZZ, JAZZ[:8000]])
    assert share(before, loop) == 1 and share(after, loop) == 1
    assert (where(after, loop) - where(before, loop)) % 12 == pytest.approx(apart, abs=0.6)


def linear(path: Path) -> np.ndarray:
    with wave.open(str(path)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2")


def test_recordings_of_both_sides(pair: Pair) -> None:
    out = pair.near.home / "spool"
    for name in ("mixed.wav", "in.wav", "out.wav"):
        (out / name).unlink(missing_ok=True)
    pair.call(5, "play", 6)
    mixed, said, heard = (linear(out / name) for name in ("mixed.wav", "in.wav", "out.wav"))
    assert share(piece(TONE, 0, 2.5), said) > 0.85 and share(SWEEP, said) < 0.3
    assert share(SWEEP, heard) > 0.9 and share(TONE, heard) < 0.3
    size = min(len(mixed), len(said), len(heard))
    total = np.clip(said[:size].astype(int) + heard[:size], -32768, 32767)
    assert abs(len(said) - len(heard)) <= 1600 and share(piece(total, 0.5, 2), mixed) > 0.9


def test_an_interleaved_recording(pair: Pair) -> None:
    path = pair.near.home / "spool" / "both.raw"
    path.unlink(missing_ok=True)
    pair.call(6, "play", 6)
    both = np.frombuffer(path.read_bytes(), "<i2")
    both = both[: len(both) // 2 * 2].reshape(-1, 2)
    assert share(piece(TONE, 0, 2.5), both[:, 0].copy()) > 0.85 and share(SWEEP, both[:, 1].copy()) > 0.9


def test_twice_as_loud(pair: Pair) -> None:
    heard = pair.call(10, "hear", 5)
    begin = int(8000 * where(piece(SWEEP, 0, 2.5), heard))
    loud = np.abs(heard[begin : begin + 16000].astype(float)).mean()
    assert loud / np.abs(SWEEP[:16000].astype(float)).mean() == pytest.approx(2, rel=0.1)


def test_a_spy_hears_what_is_said(pair: Pair) -> None:
    pair.far.rx("channel originate IAX2/other/7 extension wait@apps")
    time.sleep(0.2)
    heard = pair.call(8, "hear", 5)
    assert share(piece(SWEEP, 1.0, 1.5), heard) > 0.8


def test_mohinterpret_names_the_class() -> None:
    need("asterisk22")
    made = Pair("pbx", "asterisk22", 9, "jazz", "")
    with running(made.near, made.far):
        heard = made.call(1, "hear", 8)
    assert share(piece(JAZZ, 0, 3.5), heard) > 0.9
