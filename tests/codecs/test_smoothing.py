"""Smoother and concealment."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pbx.codecs.formats import ALAW, BY_NAME, GSM, ULAW
from pbx.codecs.plc import Concealer
from pbx.codecs.smoother import Smoother
from tests.codecs.sounds import signals


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_nothing_is_lost_or_turned_round(data: st.DataObject) -> None:
    which = data.draw(st.sampled_from([ULAW, GSM, BY_NAME["g729"]]))
    smoother = Smoother(which)
    numbers = [4, 0, 17]
    for number in numbers:
        smoother.add_row(number)
    sent = [b""] * 3
    heard = [b""] * 3
    value = 0
    for _ in range(8):
        chosen = data.draw(st.lists(st.integers(0, 2), min_size=1, unique=True))
        units = data.draw(st.integers(1, 3)) * (which.bytes_per_20ms // which.frame_bytes)
        part = (np.arange(len(chosen) * units * which.frame_bytes) + value).astype(np.uint8).reshape(len(chosen), -1)
        value += part.size + 1
        smoother.put(np.array([numbers[i] for i in chosen]), part)
        for place, i in enumerate(chosen):
            sent[i] += part[place].tobytes()
        for _ in range(data.draw(st.integers(2, 4))):
            order = data.draw(st.permutations([0, 1, 2]))
            ready, out = smoother.get(np.array([numbers[i] for i in order]))
            assert out.shape == (ready.sum(), which.bytes_per_20ms)
            for place, i in enumerate([i for i, yes in zip(order, ready, strict=True) if yes]):
                heard[i] += out[place].tobytes()
    for i in range(3):
        if len(sent[i]) <= 10 * which.bytes_per_20ms:
            assert sent[i].startswith(heard[i])


def test_ten_and_thirty_become_twenty() -> None:
    smoother = Smoother(ALAW)
    smoother.add_row(0)
    row = np.array([0])
    line = np.arange(240 * 4, dtype=np.int64).astype(np.uint8)
    heard = []
    for part in line.reshape(4, 240):  # 30 ms
        smoother.put(row, part[None])
        while (got := smoother.get(row))[0][0]:
            heard.append(got[1][0])
    assert [len(h) for h in heard] == [160] * 6
    assert (np.concatenate(heard) == line).all()
    smoother.put(row, line[None, :80])
    assert not smoother.get(row)[0][0]
    smoother.put(row, line[None, 80:160])
    assert (smoother.get(row)[1][0] == line[:160]).all()


def test_too_much_loses_the_oldest_and_bad_sizes_are_refused() -> None:
    smoother = Smoother(GSM)
    smoother.add_row(0)
    row = np.array([0])
    for i in range(12):
        smoother.put(row, np.full((1, 33), i, np.uint8))
    assert smoother.get(row)[1][0, 0] == 2
    with pytest.raises(ValueError):
        smoother.put(row, np.zeros((1, 34), np.uint8))
    with pytest.raises(ValueError):
        Smoother(BY_NAME["g723"])
    with pytest.raises(KeyError):
        smoother.get(np.array([1]))


def test_a_steady_tone_goes_on_through_a_gap() -> None:
    concealer = Concealer()
    concealer.add_row(0)
    row = np.array([0])
    tone = np.rint(10000 * np.sin(2 * np.pi * 100 * np.arange(160 * 10) / 8000)).astype(np.int16).reshape(10, 160)
    for part in tone[:4]:
        assert (concealer.good(row, part[None])[0] == part).all()
    filled = concealer.lost(row)[0].astype(int)
    assert np.abs(filled[:80] - tone[4][:80]).max() < 400
    assert np.abs(filled).max() > 8000
    seam = concealer.good(row, tone[5][None])[0].astype(int)
    assert np.abs(np.diff(np.concatenate([filled, seam]))).max() < 1500  # no click: the tone itself steps by 785
    assert (seam[40:] == tone[5][40:]).all()


def test_a_long_gap_fades_to_silence_and_sound_comes_back() -> None:
    concealer = Concealer()
    concealer.add_row(0)
    row = np.array([0])
    speech = signals(160 * 8)[5].reshape(8, 160)
    for part in speech[:4]:
        concealer.good(row, part[None])
    peaks = [int(np.abs(concealer.lost(row)[0].astype(int)).max()) for _ in range(5)]
    assert peaks[0] > peaks[1] > peaks[2] > 0
    assert peaks[3:] == [0, 0]
    back = concealer.good(row, speech[5][None])[0]
    assert (back[40:] == speech[5][40:]).all()
    assert (concealer.good(row, speech[6][None])[0] == speech[6]).all()


def test_silence_stays_silence_and_noise_does_not_grow() -> None:
    concealer = Concealer()
    every = np.arange(8)
    for r in range(8):
        concealer.add_row(r)
    sound = signals(160 * 6)
    for at in range(0, 960, 160):
        concealer.good(every, sound[:, at : at + 160])
    filled = concealer.lost(every).astype(int)
    assert not filled[3].any()
    assert (np.abs(filled).max(axis=1) <= np.abs(sound[:, -280:].astype(int)).max(axis=1)).all()


@settings(max_examples=20, deadline=None)
@given(st.data())
def test_rows_do_not_know_of_each_other(data: st.DataObject) -> None:
    sound = signals(160 * 6, 7)
    gaps = [data.draw(st.lists(st.booleans(), min_size=6, max_size=6)) for _ in range(8)]

    def alone(row: int) -> list[bytes]:
        concealer = Concealer()
        concealer.add_row(0)
        index = np.array([0])
        parts = sound[row].reshape(6, 160)
        return [
            (concealer.lost(index) if gap else concealer.good(index, part[None])).tobytes()
            for gap, part in zip(gaps[row], parts, strict=True)
        ]

    together = Concealer()
    for row in range(8):
        together.add_row(row)
    heard: list[list[bytes]] = [[b""] * 6 for _ in range(8)]
    for frame in range(6):
        lost = np.array([row for row in range(8) if gaps[row][frame]], np.intp)
        good = np.array([row for row in range(8) if not gaps[row][frame]], np.intp)
        if len(lost):
            for row, line in zip(lost.tolist(), together.lost(lost), strict=True):
                heard[row][frame] = line.tobytes()
        if len(good):
            part = sound[good, frame * 160 : frame * 160 + 160]
            for row, line in zip(good.tolist(), together.good(good, part), strict=True):
                heard[row][frame] = line.tobytes()
    assert heard == [alone(row) for row in range(8)]
