"""Broadcast in virtual time: whom the voice plane is told to let hear whom."""

from __future__ import annotations

from typing import Any

import pytest

from pbx.channels.voice.port import Direction
from tests.dialplan.test_spying import BOTH, A, B, C, Watch


@pytest.mark.parametrize(
    ("letters", "heard", "taps"),
    [
        ("w", {A, C}, {}),
        ("wb", {A, B, C}, {}),
        ("b", {B}, {}),
        ("wr", {B}, {}),
        ("s", set(), {A: (BOTH, 0), C: (BOTH, 0)}),
        ("so", set(), {A: (Direction.IN, 0), C: (Direction.IN, 0)}),
        ("wso", {A, C}, {A: (Direction.IN, 0), C: (Direction.IN, 0)}),
    ],
)
def test_options(letters: str, heard: set[int], taps: dict[int, Any]) -> None:
    watch = Watch(f"Broadcast({letters},IAX2/a-1,no/such,Other/7-3,IAX2/spy-4)").run()
    assert watch.hear_spy() == heard
    assert watch.taps() == taps
    assert not watch.done


def test_it_ends_with_the_last_of_those_calls() -> None:
    watch = Watch("Broadcast(ws,IAX2/a-1,Other/7-3)").run()
    watch.a.end(16)
    watch.seconds(0.5)
    assert not watch.done and watch.hear_spy() == {C}
    watch.c.end(16)
    watch.seconds(0.5)
    assert watch.done
    assert watch.hear_spy() == set() and watch.taps() == {}


def test_who_speaks_hangs_up() -> None:
    watch = Watch("Broadcast(w,IAX2/a-1)").run()
    watch.spy.softhangup()
    watch.seconds(0.5)
    assert watch.hear_spy() == set()
    assert set(watch.port.edges) == watch.talk


@pytest.mark.parametrize("data", ["", "w", "w,", "o,IAX2/a-1", ",IAX2/a-1"])
def test_wrong_arguments_end_the_call(data: str) -> None:
    watch = Watch(f"Broadcast({data})").run()
    assert watch.spy.dead and not watch.done


def test_no_channel_of_that_name_is_no_end() -> None:
    assert Watch("Broadcast(w,no/such)").run().done
