"""How much work something takes, counted, so that no machine's speed matters: calls of Python and C functions."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from types import FrameType


def calls(work: Callable[[], object]) -> int:
    """Functions called while `work` runs."""
    count = 0

    def note(frame: FrameType, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


def linear(work: Callable[[int], object], size: int) -> None:
    """Assert that `work` with twice the size takes no more than about twice the calls (a square would take 4 times)."""
    once, twice = calls(lambda: work(size)), calls(lambda: work(2 * size))
    assert twice < 2.3 * once + 400, f"{once} calls for {size}, {twice} for {2 * size}"


def longest_step(steps: Iterator[object]) -> int:
    """Most functions called between two yields of a generator."""
    done: list[bool] = []
    most = 0
    while not done:
        most = max(most, calls(lambda: done.append(True) if next(steps, done) is done else None))
    return most
