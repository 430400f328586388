"""The adaptive jitter buffer on simulated networks, beside a plain fixed one (`benchmarks/jitter.py` plots them)."""

from __future__ import annotations

import pytest

from benchmarks.jitter import BUFFERS, FRAME, Outcome, play, reordering, route_change, skew, spikes, uniform

HOURS = 3_600_000
#: both clocks differ by 100 millionths for two days; each four hours 1.44 s of that come at once
TRACES = {
    "uniform": uniform,
    "spikes": spikes,
    "route change": route_change,
    "reordering": reordering,
    "quick": skew(100, days=2, pause=4 * HOURS),
    "slow": skew(-100, days=2, pause=4 * HOURS),
}
#: what the buffer adds to the spread of the delays at most: jittertargetextra, one frame, and a tick
EXTRA = 40 + 2 * FRAME


@pytest.fixture(scope="module")
def adaptive() -> dict[str, Outcome]:
    return play(TRACES, BUFFERS["adaptive"])


@pytest.fixture(scope="module")
def plain() -> dict[str, Outcome]:
    return play(TRACES, BUFFERS["plain, 60 ms"])


def _sums(found: Outcome) -> None:
    """Nothing is played twice or out of order, nothing vanishes uncounted, and statistics tell what was seen."""
    assert found.played == sorted(set(found.played))
    s = found.statistics
    assert s is not None
    assert s.frames_in == s.frames_out
    assert found.arrived == len(found.played) + s.late + s.dropped


@pytest.mark.parametrize("trace", TRACES)
def test_every_frame_is_accounted_for(trace: str, adaptive: dict[str, Outcome]) -> None:
    _sums(adaptive[trace])


def test_uniform(adaptive: dict[str, Outcome]) -> None:
    """20 to 80 ms: all is played, and nothing waits longer than the spread asks for."""
    found = adaptive["uniform"]
    assert found.missed < 0.005
    assert found.longest <= 80 + EXTRA
    assert found.concealed <= 33 + 3 + 10  # lost on the way; while it grew; at the end


def test_spikes(adaptive: dict[str, Outcome], plain: dict[str, Outcome]) -> None:
    """A line that stands still each 4 s: a plain buffer loses what comes late, an adaptive one waits for it."""
    found = adaptive["spikes"]
    late = [n for n in range(3000) if n % 200 >= 180]
    assert plain["spikes"].missed > 0.045
    assert found.missed < 0.03
    assert found.longest <= 240
    # the 97th percentile rules: by then it has seen some spikes, and loses less of the later ones
    second = set(found.played) & {n for n in late if n >= 1500}
    assert len(second) / len([n for n in late if n >= 1500]) > 0.8


def test_route_change(adaptive: dict[str, Outcome], plain: dict[str, Outcome]) -> None:
    """Another way, 120 ms longer, then a short one: it follows within a second up, and comes down again."""
    found = adaptive["route change"]
    assert plain["route change"].missed > 0.33
    assert found.missed < 0.01
    up = next(at for at, delay in found.delay if delay >= 150)
    assert 20_000 <= up <= 21_000
    assert found.longest <= 160 + 2 * EXTRA
    end = [delay for at, delay in found.delay if at >= 57_000]
    # the history of 500 frames has forgotten the long way
    assert max(end) <= 60 + 2 * EXTRA


def test_reordering(adaptive: dict[str, Outcome]) -> None:
    found = adaptive["reordering"]
    assert found.played == list(range(3000))
    assert found.longest <= 77 + EXTRA + FRAME
    assert found.statistics is not None
    assert found.statistics.out_of_order > 400


@pytest.mark.parametrize("clock", ["quick", "slow"])
def test_clocks_that_differ_for_days(clock: str, adaptive: dict[str, Outcome], plain: dict[str, Outcome]) -> None:
    """17 s apart after two days: each leap costs the three frames that it is judged by, and the delay never grows."""
    found = adaptive[clock]
    assert plain[clock].missed > 0.5
    assert len(found.played) >= found.arrived - 3 * 11
    assert found.longest <= 51 + EXTRA
    assert found.mean_delay(0.9) - found.mean_delay(0, 0.1) < FRAME
