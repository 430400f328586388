"""Call numbers, tokens and timers."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx.channels.iax2.numbers import HOLD, NoNumber, NumberPool
from pbx.channels.iax2.timers import Timer, Timers
from pbx.channels.iax2.tokens import Tokens

HERE, THERE = ("127.0.24.1", 4569), ("127.0.24.2", 4569)


def test_numbers_are_unique_then_unique_for_an_address() -> None:
    pool = NumberPool(Random(1))
    taken = [pool.take(HERE, n % 2 == 0, 0.0) for n in range(32766)]
    assert sorted(taken) == list(range(2, 32768))
    with pytest.raises(NoNumber):
        pool.take(HERE, False, 0.0)
    other = pool.take(THERE, False, 0.0)
    assert 2 <= other <= 32767
    pool.give_back(taken[0], HERE, 0.0)
    with pytest.raises(NoNumber):
        pool.take(HERE, False, HOLD - 0.1)
    assert pool.take(HERE, False, HOLD) == taken[0]


def test_trunk_calls_are_numbered_high_while_there_are_such() -> None:
    pool = NumberPool(Random(1))
    assert pool.take(HERE, True, 0.0) >= 16384
    assert pool.take(HERE, False, 0.0) < 16384


def test_nothing_is_taken_after_all_was_given_back() -> None:
    pool = NumberPool(Random(1))
    for address in (HERE, THERE):
        for number in [pool.take(address, False, 0.0) for _ in range(100)]:
            pool.give_back(number, address, 1.0)
    pool.release(1.0 + HOLD)
    assert (pool.taken, pool.resting) == (0, 0)


@given(st.floats(0, 1e7), st.floats(0, 30), st.integers(1, 65535))
def test_a_token_is_good_for_its_address_and_its_time(made: float, later: float, port: int) -> None:
    tokens = Tokens(Random(3))
    address = ("127.0.24.9", port)
    token = tokens.make(address, made)
    assert tokens.check(token, address, made + later) == (made + later - int(made) < 10)
    assert not tokens.check(token, ("127.0.24.9", port % 65535 + 1), made)
    assert not tokens.check(token, ("127.0.24.8", port), made)
    assert not Tokens(Random(4)).check(token, address, made)


@given(st.text())
def test_no_text_passes_for_a_token(text: str) -> None:
    assert not Tokens(Random(3)).check(text, HERE, 5.0)


class Owner:
    def __init__(self) -> None:
        self.timers: dict[Timer, float] = {}
        self.came: list[tuple[Timer, float]] = []

    def on_timer(self, timer: Timer, now: float) -> None:
        self.came.append((timer, now))


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.sampled_from(list(Timer)[:3]), st.none() | st.integers(0, 50)), max_size=60
    )
)
def test_a_timer_comes_once_at_its_last_setting(steps: list[tuple[int, Timer, int | None]]) -> None:
    timers, owners = Timers(), [Owner() for _ in range(4)]
    wanted: dict[tuple[int, Timer], int] = {}
    for who, timer, when in steps:
        if when is None:
            timers.cancel(owners[who], timer)
            wanted.pop((who, timer), None)
        else:
            timers.set(owners[who], timer, when)
            wanted[who, timer] = when
    assert len(timers) == len(wanted)
    assert timers.next() == min(wanted.values(), default=None)
    for now in range(51):
        for owner, timer in timers.due(now):
            owner.on_timer(timer, now)
    assert {(n, t): w for n, o in enumerate(owners) for t, w in o.came} == wanted
    assert sum(len(o.came) for o in owners) == len(wanted)
    assert len(timers) == 0


def test_timers_that_are_moved_for_ever_do_not_pile_up() -> None:
    timers, owner = Timers(), Owner()
    for n in range(100_000):
        timers.set(owner, Timer.RETRANSMIT, float(n))
    assert len(timers._heap) < 1000
