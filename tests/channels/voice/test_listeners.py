"""Listeners on legs of a plane in virtual time: what is said, what is heard, many at once, legs that end."""

from __future__ import annotations

import numpy as np

from pbx.channels.voice.port import Direction
from pbx.codecs.g711 import ENCODE
from tests.channels.voice.test_sounds_here import Here, tone

SILENCE = b"\xff" * 160


def ulaw(samples: np.ndarray) -> list[bytes]:
    coded = ENCODE["ulaw"][samples.view(np.uint16)].tobytes()
    return [coded[at : at + 160] for at in range(0, len(coded), 160)]


def test_each_leg_is_told_of_its_own_sound() -> None:
    here = Here()
    for row in (1, 2, 3):
        here.leg(row)
    for number, row in ((11, 1), (12, 2), (13, 3)):
        here.sim.port.listen(number, row, Direction.IN, "tone 2600 200 16")
    here.sim.obey()
    sounds = {1: ulaw(tone(2600, 0.5)), 2: ulaw(tone(1000, 0.5)), 3: [SILENCE] * 10 + ulaw(tone(2600, 0.3))}
    for n in range(40):
        for row, frames in sounds.items():
            here.say(row, n, frames[n] if n < len(frames) else SILENCE)
        here.ticks(1)
    assert [what for number, what in here.told.found if number == 11] == ["on", "hit", "off"]
    assert [what for number, what in here.told.found if number == 12] == []
    assert [what for number, what in here.told.found if number == 13] == ["on", "hit", "off"]
    assert here.told.found.index((11, "hit")) < here.told.found.index((13, "hit"))


def test_what_a_far_end_is_sent_is_heard_too() -> None:
    here = Here()
    here.leg(1)
    here.sim.port.listen(11, 1, Direction.OUT, "tone 1000 200 16")
    here.sim.port.listen(12, 1, Direction.IN, "tone 1000 200 16")
    here.sim.port.play_tone(5, 1, "!1000/400")
    here.sim.obey()
    here.ticks(40)
    assert here.told.found == [(11, "on"), (11, "hit"), (11, "off")]


def test_a_listener_ends_with_its_leg_or_when_told() -> None:
    here = Here()
    here.leg(1)
    for number in (11, 12):
        here.sim.port.listen(number, 1, Direction.IN, "mf")
    here.sim.port.listen(13, 1, Direction.IN, "no such detector")
    here.sim.port.listen(14, 9, Direction.IN, "mf")
    here.sim.port.stop(11)
    here.sim.obey()
    assert (14, "stopped") in here.told.done and (11, "stopped") in here.told.done
    assert [reason for number, reason in here.told.done if number == 13] == [
        "error: no such detector: no such detector"
    ]
    here.sim.port.remove_leg(1, 1)
    here.sim.obey()
    assert (12, "stopped") in here.told.done
    assert not here.sim.plane.slots.used


def test_a_place_given_back_begins_anew() -> None:
    """Another leg's sound is none of a former one's."""
    here = Here()
    here.leg(1)
    here.sim.port.listen(11, 1, Direction.IN, "tone 2600 500 16")
    here.sim.obey()
    frames = ulaw(tone(2600, 1.0))
    for n in range(20):
        here.say(1, n, frames[n])
        here.ticks(1)
    here.sim.port.stop(11)
    here.sim.port.listen(12, 1, Direction.IN, "tone 2600 500 16")
    here.sim.obey()
    for n in range(20, 35):
        here.say(1, n, frames[n])
        here.ticks(1)
    assert (12, "hit") not in here.told.found
