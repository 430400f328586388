"""GSM: our numpy codec against libgsm, bit by bit, and both under any splitting of a batch."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pbx.codecs.codec import Codec, Octets, Samples
from pbx.codecs.gsm import LibraryGsm, VectorGsm, load
from tests.codecs.sounds import signals


def library() -> LibraryGsm:
    loaded = load()
    if loaded is None:
        pytest.skip("libgsm.so.1 is not installed (apt-get install libgsm1)")
    return LibraryGsm(loaded)


def vector(_: object = None) -> Codec:
    return VectorGsm()


def with_rows(codec: Codec, count: int) -> Codec:
    for row in range(count):
        codec.add_row(row)
    return codec


def random_frames(rng: np.random.Generator, count: int) -> Octets:
    frames = rng.integers(0, 256, (count, 33), dtype=np.uint8)
    frames[:, 0] = frames[:, 0] & 0x0F | 0xD0
    return frames


def compare(frames: int, rows: int, seed: int) -> None:
    ours, theirs = with_rows(VectorGsm(), rows), with_rows(library(), rows)
    every = np.arange(rows)
    kinds = signals(frames * 160, seed)
    sound = np.stack([np.roll(kinds[i % len(kinds)], 977 * i) for i in range(rows)])
    for at in range(0, frames * 160, 160):
        part = sound[:, at : at + 160]
        coded = theirs.encode(every, part)
        np.testing.assert_array_equal(ours.encode(every, part), coded)
        np.testing.assert_array_equal(ours.decode(every, coded), theirs.decode(every, coded))


# few rows take the plain forms of the recursive filters, many the array forms
@pytest.mark.parametrize("rows", [8, 24])
def test_numpy_gives_libgsms_bits_for_all_kinds_of_sound(rows: int) -> None:
    compare(frames=40, rows=rows, seed=rows)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_numpy_gives_libgsms_bits_for_long(seed: int) -> None:
    compare(frames=500, rows=32, seed=seed)


@pytest.mark.parametrize("rows", [2, 20])
def test_numpy_decodes_random_frames_as_libgsm_does(rows: int) -> None:
    rng = np.random.default_rng(rows)
    ours, theirs = with_rows(VectorGsm(), rows), with_rows(library(), rows)
    every = np.arange(rows)
    for _ in range(60):
        frames = random_frames(rng, rows)
        np.testing.assert_array_equal(ours.decode(every, frames), theirs.decode(every, frames))


@pytest.mark.parametrize("make", [library, vector])
def test_what_is_no_frame_is_silence_and_leaves_the_stream_alone(make: type) -> None:
    rng = np.random.default_rng(3)
    frames = random_frames(rng, 4)
    broken, whole = with_rows(make(), 2), with_rows(make(), 2)
    both = np.arange(2)
    for frame in frames:
        pair = np.stack([frame, frame])
        np.testing.assert_array_equal(broken.decode(both, pair), whole.decode(both, pair))
        pair[1, 0] ^= 0xF0
        assert not broken.decode(both, pair)[1].any()
        whole.decode(both[:1], pair[:1])


def one_by_one(codec: Codec, sound: Samples) -> tuple[list[list[bytes]], list[list[bytes]]]:
    """The reference: every stream alone, frame after frame."""
    coded: list[list[bytes]] = []
    heard: list[list[bytes]] = []
    for row, line in enumerate(sound):
        codec.add_row(row)
        index = np.array([row])
        coded.append([])
        heard.append([])
        for at in range(0, len(line), 160):
            frame = codec.encode(index, line[None, at : at + 160])
            coded[-1].append(frame.tobytes())
            heard[-1].append(codec.decode(index, frame).tobytes())
    return coded, heard


FRAMES = 5
SOUND = signals(FRAMES * 160, 9)


@pytest.mark.parametrize("make", [library, vector])
def test_any_splitting_of_a_batch_gives_the_same(make: type) -> None:
    expected = one_by_one(make(), SOUND)

    @settings(max_examples=12, deadline=None)
    @given(st.data())
    def run(data: st.DataObject) -> None:
        codec = with_rows(make(), 40)
        numbers = data.draw(st.lists(st.integers(0, 39), min_size=8, max_size=8, unique=True))
        coded: list[list[bytes]] = [[] for _ in SOUND]
        heard: list[list[bytes]] = [[] for _ in SOUND]
        while any(len(line) < FRAMES for line in coded):
            waiting = [i for i in range(8) if len(coded[i]) < FRAMES]
            chosen = data.draw(st.lists(st.sampled_from(waiting), min_size=1, unique=True))
            parts = np.stack([SOUND[i, len(coded[i]) * 160 :][:160] for i in chosen])
            rows = np.array([numbers[i] for i in chosen])
            frames = codec.encode(rows, parts)
            samples = codec.decode(rows, frames)
            for place, i in enumerate(chosen):
                coded[i].append(frames[place].tobytes())
                heard[i].append(samples[place].tobytes())
        assert (coded, heard) == expected

    run()


@pytest.mark.parametrize("make", [library, vector])
def test_several_frames_in_a_payload(make: type) -> None:
    codec = with_rows(make(), 8)
    every = np.arange(8)
    frames = codec.encode(every, SOUND)
    assert frames.shape == (8, 33 * FRAMES)
    out = np.empty((8, 160 * FRAMES), np.int16)
    assert codec.decode(every, frames, out) is out
    coded, heard = one_by_one(make(), SOUND)
    assert [b"".join(line) for line in coded] == [line.tobytes() for line in frames]
    assert [b"".join(line) for line in heard] == [line.tobytes() for line in out]


@pytest.mark.parametrize("make", [library, vector])
def test_rows_begin_anew_and_strangers_are_refused(make: type) -> None:
    codec = with_rows(make(), 1)
    row = np.array([0])
    first = codec.encode(row, SOUND[:1, :160]).tobytes()
    assert codec.encode(row, SOUND[:1, :160]).tobytes() != first
    codec.add_row(0)
    assert codec.encode(row, SOUND[:1, :160]).tobytes() == first
    codec.remove_row(0)
    codec.remove_row(7)
    with pytest.raises(KeyError):
        codec.encode(row, SOUND[:1, :160])
    with pytest.raises(KeyError):
        codec.decode(row, np.zeros((1, 33), np.uint8))
    codec.add_row(0)
    with pytest.raises(ValueError):
        codec.encode(row, SOUND[:1, :159])
    with pytest.raises(ValueError):
        codec.decode(row, np.zeros((1, 32), np.uint8))
