"""The jitter buffer against simulated networks, and against a model of one leg."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pbx.codecs.jitter import Answer, JitterBuffer, Statistics
from tests.codecs.jitter_model import Model

ONE = np.array([0])
START = 5_000_000  # both clocks start anywhere


def put(buffer: JitterBuffer, ts: int, arrival: int, handle: int, *, ms: int = 20, voice: bool = True) -> bool:
    def line(value: int) -> np.ndarray:
        return np.array([value])

    return bool(buffer.put(ONE, line(ts), line(arrival), line(ms), line(handle), np.array([voice]))[0])


def play(buffer: JitterBuffer, now: int) -> tuple[list[tuple[Answer, int]], Answer]:
    """All that comes out at `now`, and the last word."""
    said = []
    while True:
        answer, handle = buffer.get(ONE, np.array([now]))
        what = Answer(int(answer[0]))
        if what is Answer.NOTHING:
            return said, what
        said.append((what, int(handle[0])))
        if len(said) > 50:
            pytest.fail("never ends")


def simulate(
    delays: list[int | None], *, frames_ms: int = 20, skew: float = 1.0, **options: int
) -> tuple[list[tuple[int, Answer, int]], JitterBuffer]:
    """Frames sent each 20 ms, each with its own delay (None: lost); the buffer is asked each 20 ms."""
    buffer = JitterBuffer(**options)
    buffer.add_row(0)
    arrivals = sorted(
        (START + round(i * frames_ms * skew) + delay, i) for i, delay in enumerate(delays) if delay is not None
    )
    out: list[tuple[int, Answer, int]] = []
    now = START
    while now < START + len(delays) * frames_ms * skew + 2000:
        while arrivals and arrivals[0][0] <= now:
            arrival, i = arrivals.pop(0)
            put(buffer, 777 + i * frames_ms, arrival, i, ms=frames_ms)
        out += [(now, answer, handle) for answer, handle in play(buffer, now)[0]]
        now += 20
    return out, buffer


def played(out: list[tuple[int, Answer, int]]) -> list[int]:
    return [handle for _, answer, handle in out if answer is Answer.FRAME]


def test_a_steady_stream_passes_whole_with_40_ms_of_delay() -> None:
    out, buffer = simulate([30] * 300)
    assert played(out) == list(range(300))
    assert [now - (START + i * 20) for now, answer, i in out if answer is Answer.FRAME][5:] == [80] * 295
    s = buffer.statistics(0)
    assert (s.jitter, s.delay, s.loss, s.dropped, s.late, s.out_of_order) == (0, 40, s.loss, 0, 0, 0)
    assert (s.frames_in, s.frames_out) == (300, 300)


def test_reordered_frames_are_put_in_order() -> None:
    delays = [30 + (45 if i % 7 == 3 else 0) for i in range(400)]
    out, buffer = simulate(delays)
    frames = played(out)
    assert frames == sorted(frames)
    assert frames[20:] == list(range(frames[20], 400))
    assert buffer.statistics(0).out_of_order > 40


def test_the_buffer_grows_with_jitter_and_shrinks_again() -> None:
    rng = np.random.default_rng(4)
    rough = [20 + int(d) for d in rng.integers(0, 160, 700)]
    out, buffer = simulate(rough)
    assert 130 < buffer.statistics(0).jitter < 165
    assert buffer.statistics(0).delay > 150
    lost = set(range(300, 700)) - set(played(out))
    assert len(lost) < 12  # 3 % of the delays at each end are not waited for
    out, buffer = simulate(rough + [20] * 1200)
    assert buffer.statistics(0).jitter == 0
    assert buffer.statistics(0).delay <= 80
    assert set(range(1500, 1900)) <= set(played(out))


def test_lost_frames_are_concealed_one_by_one() -> None:
    delays: list[int | None] = [30] * 300
    for i in (100, 150, 151, 200):
        delays[i] = None
    out, buffer = simulate(delays)
    assert played(out) == [i for i in range(300) if delays[i] is not None]
    middle = [now for now, answer, _ in out if answer is Answer.INTERPOLATE and now < START + 300 * 20]
    assert len(middle) == 4
    assert buffer.statistics(0).loss > 0


def test_ten_gaps_in_a_row_are_silence_and_speech_begins_anew() -> None:
    delays: list[int | None] = [30] * 100 + [None] * 100 + [30] * 100
    out, _ = simulate(delays)
    assert played(out) == [i for i in range(300) if delays[i] is not None]
    gap = [now for now, answer, _ in out if answer is Answer.INTERPOLATE and now < START + 200 * 20]
    assert len(gap) == 10
    assert sum(answer is Answer.DROP for _, answer, _ in out) == 0


def test_a_jump_of_the_senders_clock_is_followed_after_three_frames() -> None:
    buffer = JitterBuffer()
    buffer.add_row(0)
    heard = []
    now = START
    for i in range(200):
        jump = 0 if i < 100 else 60_000
        put(buffer, i * 20 + jump, now, i)
        heard += [handle for answer, handle in play(buffer, now)[0] if answer is Answer.FRAME]
        now += 20
    assert [i for i in range(190) if i not in heard] == [100, 101, 102]
    never = JitterBuffer(resync_threshold=-1)
    never.add_row(0)
    assert put(never, 0, START, 0)
    assert put(never, 60_000, START + 20, 1)


def test_marks_come_out_at_their_place_in_the_sound() -> None:
    buffer = JitterBuffer()
    buffer.add_row(0)
    out = []
    now = START
    for i in range(100):
        put(buffer, i * 20, now, i)
        if i in (50, 70):
            put(buffer, i * 20 + 3, now, 1000 + i, ms=0, voice=False)
        out += [handle for answer, handle in play(buffer, now)[0] if answer is Answer.FRAME]
        now += 20
    assert out.index(1050) == out.index(51) - 1
    assert out.index(1070) == out.index(71) - 1
    # and a mark with nothing else there waits for its time only
    alone = JitterBuffer()
    alone.add_row(0)
    put(alone, 0, START, 7, voice=False)
    assert play(alone, START + 20)[0] == []
    assert play(alone, START + 40)[0] == [(Answer.FRAME, 7)]


@pytest.mark.parametrize("skew", [0.999, 1.001])
def test_clock_skew_does_not_break_the_stream(skew: float) -> None:
    out, buffer = simulate([40] * 1500, skew=skew)
    frames = played(out)
    assert frames == sorted(frames)
    assert len(frames) > 1485
    assert buffer.statistics(0).delay < 120


def test_a_flood_is_bounded_and_handles_come_back() -> None:
    buffer = JitterBuffer(maximum=200)
    buffer.add_row(0)
    kept = [put(buffer, i * 20, START, i) for i in range(100)]
    assert kept == [i < 11 for i in range(100)]  # the 12th finds a span of the whole maximum
    assert buffer.statistics(0).dropped == 89
    assert sorted(buffer.remove_row(0)) == list(range(11))
    assert buffer.remove_row(0) == []
    assert buffer.remove_row(99) == []
    same = JitterBuffer()
    same.add_row(0)
    assert [put(same, 100, START, i) for i in range(70)].count(True) == 64


def test_months_on_the_numbers_are_right() -> None:
    buffer = JitterBuffer()
    buffer.add_row(0)
    base = 90 * 86_400_000
    heard = []
    for i in range(50):
        put(buffer, base + i * 20, 3 * base + i * 20, i)
        heard += [handle for _, handle in play(buffer, 3 * base + i * 20)[0]]
    assert heard == list(range(48))


def statistics_of(model: Model) -> Statistics:
    low, high = model.limits()
    length = high - low + model.extra
    return Statistics(
        jitter=high - low,
        minimum=low,
        current=model.current,
        target=low + (min(length, model.maximum) if model.maximum else length),
        loss=model.loss,
        frames_in=model.frames_in,
        frames_out=model.frames_out,
        lost=model.lost,
        late=model.late,
        dropped=model.dropped,
        out_of_order=model.out_of_order,
    )


@pytest.mark.parametrize("steps", [150, pytest.param(1200, marks=pytest.mark.slow)])
def test_many_rows_equal_the_model_of_one(steps: int) -> None:
    @settings(max_examples=8, deadline=None)
    @given(st.integers(0, 2**32 - 1), st.sampled_from([0, 200, 1000]), st.sampled_from([-1, 300, 1000]))
    def run(seed: int, maximum: int, threshold: int) -> None:
        rng = np.random.default_rng(seed)
        rows = 5
        buffer = JitterBuffer(maximum or 1000, threshold, 10, 40)
        models = [Model(maximum or 1000, threshold) for _ in range(rows)]
        numbers = rng.permutation(40)[:rows]
        for number in numbers:
            buffer.add_row(int(number))
        spread = rng.integers(1, 200, rows)
        loss = rng.random(rows) * 0.3
        clock = rng.integers(0, 10**9, rows)
        handle = 0
        pending: list[tuple[int, int, int, int, int, bool]] = []  # arrival, row, ts, ms, handle, voice
        for step in range(steps):
            now = step * 20
            for row in range(rows):
                if rng.random() < 0.005:
                    clock[row] += int(rng.integers(-5000, 5000))
                talking = (step // 40 + row) % 3 > 0
                if talking and rng.random() >= loss[row]:
                    voice = bool(rng.random() > 0.03)
                    ms = int(rng.choice([20, 20, 20, 30, 10])) if voice else 0
                    handle += 1
                    delay = int(rng.integers(0, spread[row]))
                    pending.append((now + delay, row, int(clock[row]) + now, ms, handle, voice))
            pending.sort()
            ready = [p for p in pending if p[0] <= now]
            pending = [p for p in pending if p[0] > now]
            while ready:  # rounds: the r-th frame of each row
                chosen, later, seen = [], [], set()
                for item in ready:
                    (later if item[1] in seen else chosen).append(item)
                    seen.add(item[1])
                taken = buffer.put(
                    numbers[[item[1] for item in chosen]],
                    np.array([item[2] for item in chosen]),
                    np.array([item[0] for item in chosen]),
                    np.array([item[3] for item in chosen]),
                    np.array([item[4] for item in chosen]),
                    np.array([item[5] for item in chosen]),
                )
                expected = [models[row].put(ts, at, ms, h, voice) for at, row, ts, ms, h, voice in chosen]
                assert taken.tolist() == expected
                ready = later
            for _ in range(int(rng.integers(1, 4))):
                order = rng.permutation(rows)[: int(rng.integers(1, rows + 1))]
                answer, handles = buffer.get(numbers[order], np.array([now]))
                expected_out = [models[row].get(now) for row in order.tolist()]
                assert [(int(a), int(h)) for a, h in zip(answer, handles, strict=True)] == [
                    (int(a), h) for a, h in expected_out
                ]
        for row, model in enumerate(models):
            assert buffer.statistics(int(numbers[row])) == statistics_of(model)

    run()
