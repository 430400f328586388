"""Tone lists and digits; the first samples were recorded from stock Asterisk 22."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pbx.codecs import g711, tones
from pbx.codecs.detect import Digit, DtmfDetector, TalkDetector, levels
from pbx.codecs.tones import DTMF_KEYS, MILLIWATT, MILLIWATT_ULAW, Tone, ToneList, TonePlayer, dtmf_tones, parse_tones
from tests.codecs.sounds import signals


def test_grammar() -> None:
    assert parse_tones("!350+440/100, !0/100 ,400*25/1000|1004") == (
        Tone(350, 440, False, 100, True),
        Tone(0, 0, False, 100, True),
        Tone(400, 25, True, 1000),
        Tone(1004),
    )
    for text in tones.US.values():
        assert parse_tones(text)


@pytest.mark.parametrize("text", ["", "440,", "x", "440/", "440+", "440++450", "-3", "4000", "!"])
def test_what_is_no_tone_is_named(text: str) -> None:
    with pytest.raises(ValueError):
        parse_tones(text)


@pytest.mark.parametrize(
    ("text", "recorded"),
    [
        ("440/500,0/200", [0, 2445, 4600, 6211, 7087, 7124, 6318, 4764, 2646, 215, -2242, -4434, -6102, -7049]),
        ("350+440", [0, 4404, 8370, 11508, 13513, 14196, 13504, 11524, 8472, 4669, 505, -3601, -7246, -10085]),
        ("400*25", [0, 1999, 3785, 5185, 6068, 6352, 6013, 5091, 3680, 1921, -12, -1927, -3639, -4983]),
    ],
)
def test_levels_and_phases_are_asterisks(text: str, recorded: list[int]) -> None:
    ours = ToneList(parse_tones(text)).render(0, len(recorded))
    # its oscillator is an integer recursion that drifts by a few units; ours is exact
    assert np.abs(ours.astype(int) - np.array(recorded)).max() <= 30


def test_milliwatt() -> None:
    recorded = [0, 16495, 23253, 16286, -294, -16701, -23251, -16078, 584, 16901, 23242]
    assert np.abs(ToneList(MILLIWATT).render(0, 11).astype(int) - np.array(recorded)).max() <= 8
    pattern = g711.decode("ulaw", np.frombuffer(MILLIWATT_ULAW, np.uint8))
    assert pattern.tolist() == [-8828, -20860, -20860, -8828, 8828, 20860, 20860, 8828]


def test_once_then_round_and_round() -> None:
    sound = ToneList(parse_tones("!1000/10,440/10,0/10"))
    assert sound.length is None
    whole = sound.render(0, 80 * 7)
    np.testing.assert_array_equal(whole[80:240], whole[240:400])
    np.testing.assert_array_equal(whole[240:400], whole[400:560])
    assert not whole[160:240].any()
    assert (whole[:80] != whole[80:160]).any()


def test_ends_and_never_ends() -> None:
    over = ToneList(parse_tones("!440/20,!0/20"))
    assert over.length == 320
    assert len(over.render(300, 160)) == 20
    assert len(over.render(320, 160)) == 0
    dial = ToneList(parse_tones(tones.US["dialrecall"]))
    assert dial.length is None
    far = dial.render(8000 * 3600 * 24 * 60, 8000)  # two months on
    assert np.abs(far).max() > 13000
    assert np.abs(np.fft.rfft(far)).argsort()[-2:].tolist() in ([350, 440], [440, 350])


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_any_cutting_and_batching_gives_the_same_sound(data: st.DataObject) -> None:
    texts = ["!350+440/100,!0/100,400*25/33", "480+620/50,0/50", "1004", "!941+1336/70,!0/30"]
    player = TonePlayer()
    numbers = data.draw(st.lists(st.integers(0, 50), min_size=4, max_size=4, unique=True))
    for number, text in zip(numbers, texts, strict=True):
        player.add_row(number, parse_tones(text))
    position = [0] * 4
    for _ in range(6):
        chosen = data.draw(st.lists(st.integers(0, 3), min_size=1, unique=True))
        count = data.draw(st.sampled_from([80, 160, 240, 333]))
        samples, sounding = player.read(np.array([numbers[i] for i in chosen]), count)
        for place, i in enumerate(chosen):
            expected = ToneList(parse_tones(texts[i])).render(position[i], count)
            assert sounding[place] == len(expected)
            np.testing.assert_array_equal(samples[place, : len(expected)], expected)
            assert not samples[place, len(expected) :].any()
            position[i] += count


def detect(sound: np.ndarray, cut: int = 160) -> list[Digit]:
    detector = DtmfDetector()
    detector.add_row(3)
    sound = sound[: len(sound) // cut * cut]
    found = []
    for at in range(0, len(sound), cut):
        found += detector.run(np.array([3]), sound[None, at : at + cut])
    return found


def digits(found: list[Digit]) -> str:
    return "".join(event.digit for event in found if not event.ended)


def dial(text: str, ms: int = 100, gap: int = 100) -> np.ndarray:
    return ToneList(dtmf_tones(text, ms, gap)).render(0, len(text) * (ms + gap) * 8 + 800)


@pytest.mark.parametrize(("ms", "gap"), [(100, 100), (50, 50), (200, 60), (300, 500)])
def test_every_digit_is_heard_once_with_its_length(ms: int, gap: int) -> None:
    text = DTMF_KEYS + "55"
    found = detect(np.concatenate([dial(text, ms, gap), np.zeros(1600, np.int16)]))
    assert digits(found) == text
    ends = [event for event in found if event.ended]
    assert [event.digit for event in ends] == list(text)
    assert all(abs(event.milliseconds - ms) <= 26 for event in ends)


def test_digits_survive_a_bad_line() -> None:
    """u-law, level, noise and twist."""
    rng = np.random.default_rng(2)
    clean = dial("0123456789*#ABCD", 80, 80).astype(float)
    for gain in (0.05, 0.5, 2.0):
        noisy = np.clip(clean * gain + rng.normal(size=len(clean)) * 300 * gain, -32768, 32767).astype(np.int16)
        heard = g711.decode("ulaw", g711.encode("ulaw", noisy))
        assert digits(detect(heard)) == "0123456789*#ABCD", gain
    n = np.arange(1600)
    for low, high, there in ((9000, 4500, True), (4000, 5800, True), (9000, 2000, False), (3000, 9000, False)):
        pair = low * np.sin(2 * np.pi * 770 * n / 8000) + high * np.sin(2 * np.pi * 1336 * n / 8000)
        assert digits(detect(pair.astype(np.int16))) == ("5" if there else "")


def test_nothing_else_is_a_digit() -> None:
    for sound in signals(8000 * 4, 3):
        assert detect(sound) == []
    for text in ("350+440", "480+620", "440+480", "1004", "697", "1209", "950"):
        assert detect(ToneList(parse_tones(text)).render(0, 8000)) == []
    assert detect(dial("5", 20, 100)) == []  # shorter than a telephone may send


def test_an_odd_block_inside_does_not_split_a_digit() -> None:
    sound = dial("7", 300, 100)
    sound[1000:1100] = 0
    assert digits(detect(sound)) == "7"


@settings(max_examples=6, deadline=None)
@given(st.data())
def test_digits_do_not_depend_on_how_the_sound_comes(data: st.DataObject) -> None:
    texts = ["12", "3#", "*", "90"]
    sound = np.stack([np.resize(np.concatenate([dial(t, 60, 60), np.zeros(4000, np.int16)]), 3840) for t in texts])
    expected = [list(detect(line, 160)) for line in sound]
    detector = DtmfDetector()
    for row in range(4):
        detector.add_row(row)
    position = [0] * 4
    found: list[list[Digit]] = [[] for _ in texts]
    while min(position) < 3840:
        count = data.draw(st.sampled_from([80, 160, 480]))
        ready = [i for i in range(4) if position[i] + count <= 3840]
        if not ready:
            count, ready = 80, [i for i in range(4) if position[i] < 3840]
        chosen = data.draw(st.lists(st.sampled_from(ready), min_size=1, unique=True))
        parts = np.stack([sound[i, position[i] : position[i] + count] for i in chosen])
        for event in detector.run(np.array(chosen), parts):
            found[event.row].append(Digit(3, event.digit, event.ended, event.milliseconds))
        for i in chosen:
            position[i] += count
    assert found == expected


def test_talk_and_silence() -> None:
    assert levels(np.array([[-300, 300], [255, -255], [0, 0]], np.int16)).tolist() == [300, 255, 0]
    assert levels(np.full((1, 4), -32768, np.int16)).tolist() == [32768]
    detector = TalkDetector()
    detector.add_row(0)
    detector.add_row(5, threshold=1000)
    rows = np.array([5, 0])
    loud = np.full((2, 160), 500, np.int16)
    silence, talk = detector.run(rows, loud)
    assert (silence.tolist(), talk.tolist()) == ([20, 0], [0, 20])
    silence, talk = detector.run(rows, loud)
    assert (silence.tolist(), talk.tolist()) == ([40, 0], [0, 40])
    silence, talk = detector.run(rows, loud * 0)
    assert (silence.tolist(), talk.tolist()) == ([60, 20], [0, 0])
