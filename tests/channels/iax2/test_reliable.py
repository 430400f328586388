"""The sequence window and retransmission of one dialogue."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pbx.channels.iax2.frames import Command, FrameType, FullFrame
from pbx.channels.iax2.reliable import Order, Reliable


def frame(command: Command = Command.LAGRQ, oseqno: int = 0) -> FullFrame:
    return FullFrame(5, 6, 0, oseqno, 0, FrameType.IAX, command)


def send(window: Reliable, now: float = 0.0, rtt: float = 1.0) -> FullFrame:
    sent = frame()
    window.number(sent)
    window.keep(sent, sent.encode(), now, rtt)
    return sent


def test_four_sendings_with_tenfold_waits() -> None:
    window = Reliable()
    sent = send(window)
    times = []
    while (due := window.next_due()) is not None:
        again, lost = window.due(due)
        times.append((due, len(again), len(lost)))
    assert times == [(2.0, 1, 0), (12.0, 1, 0), (22.0, 1, 0), (32.0, 0, 1)]
    assert sent.retry


@given(st.floats(0, 100))
def test_the_first_wait_is_twice_the_round_trip_within_limits(rtt: float) -> None:
    window = Reliable()
    send(window, rtt=rtt)
    due = window.next_due()
    assert due is not None
    assert due == min(max(2 * rtt, 0.1), 10.0)


@given(st.integers(0, 255), st.integers(0, 20), st.integers(0, 255))
def test_an_acknowledgement_counts_only_within_the_window(start: int, count: int, iseqno: int) -> None:
    window = Reliable()
    window.oseqno = start
    for _ in range(count):
        send(window)
    acked = window.acknowledge(iseqno)
    expected = (iseqno - start) & 0xFF
    assert len(acked) == (expected if expected <= count else 0)
    assert len(acked) + len(window.pending) == count
    assert [s.frame.oseqno for s in acked] == [(start + n) & 0xFF for n in range(len(acked))]


@given(st.integers(0, 255), st.integers(0, 255))
def test_order(expected: int, got: int) -> None:
    window = Reliable()
    window.iseqno = expected
    order = window.classify(frame(oseqno=got))
    if expected == got:
        assert order is Order.NEXT
        assert window.iseqno == (expected + 1) & 0xFF
    else:
        assert order is (Order.OLD if 1 <= (expected - got) & 0xFF < 128 else Order.FUTURE)
        assert window.iseqno == expected


def test_what_takes_no_number() -> None:
    window = Reliable()
    for command in (Command.ACK, Command.INVAL, Command.VNAK, Command.TXCNT, Command.TXACC):
        assert window.classify(frame(command, 77)) is Order.UNNUMBERED
        window.number(frame(command))
    assert (window.oseqno, window.iseqno) == (0, 0)


def test_a_vnak_gets_everything_from_the_missing_frame_on_as_first_sent() -> None:
    window = Reliable()
    sent = [send(window) for _ in range(4)]
    window.due(2.0)
    missing = window.missing(2)
    assert [m.frame.oseqno for m in missing] == [2, 3]
    assert all(not m.first[2] & 0x80 for m in missing)
    assert missing[0].first == FullFrame(5, 6, 0, 2, 0, FrameType.IAX, Command.LAGRQ).encode()
    assert sent[2].retry
    assert window.missing(4) == []
    assert window.missing(200) == []
