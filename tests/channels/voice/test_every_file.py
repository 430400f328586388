"""One file of each kind: what a far end says is written, what is in the file is heard, compared with what was said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pbx.channels.voice.port import Direction
from pbx.codecs.files import SUFFIXES, SoundReader, shorten
from pbx.codecs.g711 import DECODE
from pbx.codecs.translation import encoder
from tests.channels.voice.test_listeners import ulaw
from tests.channels.voice.test_sounds_here import Here, tone

SECONDS = 1.0
#: suffix -> the least share of the sound's power that comes through unchanged; 1.0 is ulaw's own
KINDS = {
    "ulaw": 1.0, "pcm": 1.0, "au": 1.0, "sln": 1.0, "raw": 1.0, "wav": 1.0, "alaw": 0.999, "gsm": 0.95, "WAV": 0.95,
    "g726-32": 0.99, "vox": 0.95, "sln16": 0.99, "wav16": 0.99, "g722": 0.98,
}  # fmt: skip


@pytest.fixture(params=KINDS)
def suffix(request: pytest.FixtureRequest) -> str:
    try:
        encoder(SUFFIXES[request.param].format)
    except LookupError:
        pytest.skip("its codec needs a library that is not on this machine")
    return str(request.param)


def said() -> np.ndarray:
    """Three tones one after the other, so that a piece in the wrong place would show."""
    third = SECONDS / 3
    return np.concatenate([tone(f, round(third, 2)) for f in (440, 700, 1100)])


def heard_of(payload: bytes) -> np.ndarray:
    return DECODE["ulaw"][np.frombuffer(payload, np.uint8)].astype(float)


def likeness(one: np.ndarray, other: np.ndarray) -> float:
    """The share of `one` that `other` holds, at the lag at which they fit best (codecs delay by some samples)."""
    best = 0.0
    for lag in range(200):
        b = other[lag : lag + len(one) - 200]
        a = one[: len(b)]
        best = max(best, float(a @ b) ** 2 / max(1.0, float(a @ a) * float(b @ b)))
    return best


def test_what_is_recorded_is_heard_again(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"sound.{suffix}"
    form = SUFFIXES[suffix].format
    here = Here()
    here.leg(1)
    here.leg(2)
    here.sim.port.record(7, 1, str(path), form.bit, Direction.IN)
    here.sim.obey()
    frames = ulaw(said())
    for n, frame in enumerate(frames):
        here.say(1, n, frame)
        here.ticks(1)
    here.sim.port.stop(7)
    here.sim.obey()
    with SoundReader(path) as reader:
        assert reader.format is form
        assert abs(reader.milliseconds - 20 * len(frames)) <= 20
    here.sim.port.play_file(8, 2, str(path), form.bit)
    here.sim.obey()
    here.ticks(len(frames) + 10)
    assert (8, "end") in here.told.done
    back = heard_of(here.heard(2))
    spoken = heard_of(b"".join(frames))
    assert abs(len(back) - len(spoken)) <= 320
    assert likeness(spoken, np.pad(back, (0, 400))) >= KINDS[suffix] - 1e-9


def test_the_end_of_a_file_can_be_cut_off(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"sound.{suffix}"
    form = SUFFIXES[suffix].format
    here = Here()
    here.leg(1)
    here.sim.port.record(7, 1, str(path), form.bit, Direction.IN)
    here.sim.obey()
    for n, frame in enumerate(ulaw(said())):
        here.say(1, n, frame)
        here.ticks(1)
    here.sim.port.stop(7)
    here.sim.obey()
    with SoundReader(path) as reader:
        before, sound = reader.milliseconds, reader.read(20)
    shorten(path, 400)
    with SoundReader(path) as reader:
        assert before - 440 <= reader.milliseconds <= before - 400
        assert reader.read(20) == sound
    shorten(path, 10_000)
    with SoundReader(path) as reader:
        assert reader.milliseconds == 0
