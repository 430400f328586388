"""Digits last long enough for the far end."""

from __future__ import annotations

from twisted.internet.task import Clock

from pbx.channels.iax2.digits import Digits


def digits(shortest: int = 80) -> tuple[Digits, Clock, list[tuple[int, str, bool]]]:
    clock = Clock()
    sent: list[tuple[int, str, bool]] = []
    return (
        Digits(clock, lambda d, begin: sent.append((round(clock.seconds() * 1000), d, begin)), lambda: shortest),
        clock,
        sent,
    )


def test_an_end_three_milliseconds_behind_its_begin_waits() -> None:
    made, clock, sent = digits()
    made.begin("5")
    clock.advance(0.003)
    made.end("5", 3)
    assert sent == [(0, "5", True)]
    clock.pump([0.01] * 10)
    assert sent[0] == (0, "5", True) and sent[1][1:] == ("5", False)
    assert 80 <= sent[1][0] <= 90
    assert not clock.getDelayedCalls()


def test_an_end_in_time_leaves_at_once() -> None:
    made, clock, sent = digits()
    made.begin("5")
    clock.advance(0.2)
    made.end("5", 200)
    assert sent == [(0, "5", True), (200, "5", False)]


def test_digits_typed_at_once_keep_their_order_and_length() -> None:
    made, clock, sent = digits()
    for digit in "12":
        made.begin(digit)
        made.end(digit, 100)
    clock.pump([0.01] * 30)
    assert [s[1:] for s in sent] == [("1", True), ("1", False), ("2", True), ("2", False)]
    assert sent[1][0] - sent[0][0] >= 95 and sent[3][0] - sent[2][0] >= 95
    assert not clock.getDelayedCalls()


def test_the_end_of_the_call_ends_them() -> None:
    made, clock, sent = digits()
    made.begin("1")
    made.end("1", 0)
    made.stop()
    clock.advance(1)
    assert sent == [(0, "1", True)]
    assert not clock.getDelayedCalls()


def test_a_flood_is_bounded() -> None:
    made, clock, sent = digits()
    for _ in range(10_000):
        made.begin("1")
        made.end("1", 0)
    clock.pump([0.1] * 200)
    assert len(sent) < 300
    assert not clock.getDelayedCalls()


def test_no_least_length() -> None:
    made, _, sent = digits(0)
    made.begin("1")
    made.end("1", 0)
    assert len(sent) == 2
