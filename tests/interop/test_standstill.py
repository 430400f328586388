"""A failure while the machine stood still is no verdict; one while it ran is."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

import pytest

from tests.interop import standstill

_MADE: list[int] = []


@pytest.fixture(scope="module")
def shared() -> Iterator[int]:
    _MADE.append(1)
    yield len(_MADE)


def _stand_still() -> None:
    pid = standstill.watch().pid
    time.sleep(0.1)
    os.kill(pid, signal.SIGSTOP)
    time.sleep(0.2)
    os.kill(pid, signal.SIGCONT)
    time.sleep(0.05)


def test_that_stands_still_is_played_again_with_new_boxes(shared: int) -> None:
    _stand_still()
    assert shared == 2


def test_only_what_came_after_a_moment_counts() -> None:
    began = time.time()
    _stand_still()
    found = standstill.watch().since(began)
    assert max(found) > 150
    assert standstill.watch().since(time.time() + 60) == []
