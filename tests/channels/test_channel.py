"""Owners, interrupts and waits of a channel, in virtual time."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred

from pbx.channels.channel import INBOX, Channel, State, first_event
from pbx.channels.events import ChannelEnded, ChannelStateChanged, Control, DigitEnd, Ended, Indication, Text
from pbx.channels.interrupts import Expired, Hangup, Interrupt, Redirect, Taken
from tests.channels.world import Scripts, World, garbage_of, said


class Holder:
    """An owner that writes down what it loses."""

    def __init__(self) -> None:
        self.lost: list[tuple[Channel, object]] = []

    def left(self, channel: Channel, to: object) -> None:
        self.lost.append((channel, to))


@pytest.fixture
def world() -> World:
    return World()


def run(world: World, channel: Channel, *steps: Any) -> list[Any]:
    """Start a task that takes the steps (callables giving an awaitable) and writes down what came of each."""
    log: list[Any] = []

    async def task() -> None:
        for step in steps:
            try:
                log.append(await step())
            except Interrupt as interrupt:
                log.append(interrupt)
                channel.acknowledge()
                if isinstance(interrupt, Taken):
                    raise
        log.append("done")

    channel.start(Holder(), task())
    return log


def test_wait_for_a_time_takes_that_time(world: World) -> None:
    channel = world.channel("T/1")
    log = run(world, channel, lambda: channel.sleep(2.0), lambda: channel.wait(None, 1.0))
    world.clock.advance(1.99)
    assert log == []
    world.clock.advance(0.02)
    assert log == [None]
    world.clock.advance(1.0)
    assert log == [None, None, "done"]
    assert not channel.has_task
    assert world.clock.getDelayedCalls() == []


def test_a_pause_ends_by_a_ring_by_its_time_and_by_an_interrupt(world: World) -> None:
    channel = world.channel("T/1")
    log = run(
        world, channel, lambda: channel.pause(5.0), lambda: channel.pause(1.0), channel.pause, lambda: channel.pause(3)
    )
    assert log == []
    channel.ring()
    assert log == [None]
    world.clock.advance(0.99)
    assert log == [None]
    world.clock.advance(0.02)
    assert log == [None, None]
    channel.interrupt(Redirect("a", "b"))
    assert log == [None, None, Redirect("a", "b")]
    channel.end(17)
    assert log == [None, None, Redirect("a", "b"), Hangup(17), "done"]
    assert world.clock.getDelayedCalls() == []


def test_a_ring_ends_no_other_wait_and_none_that_comes_later(world: World) -> None:
    channel = world.channel("T/1")
    log = run(world, channel, lambda: channel.wait(None, 1.0), lambda: channel.pause(1.0))
    channel.ring()
    assert log == []
    world.clock.advance(1.0)
    assert log == [None]
    world.clock.advance(1.0)
    assert log == [None, None, "done"]


def test_wait_gives_the_result_and_stops_the_timer(world: World) -> None:
    channel = world.channel("T/1")
    what: Deferred[str] = Deferred()
    log = run(world, channel, lambda: channel.wait(what, 5.0))
    what.callback("x")
    assert log == ["x", "done"]
    assert world.clock.getDelayedCalls() == []


def test_wait_that_times_out_cancels_what_it_waited_for(world: World) -> None:
    channel = world.channel("T/1")
    cancelled: list[object] = []
    what: Deferred[str] = Deferred(cancelled.append)
    log = run(world, channel, lambda: channel.wait(what, 5.0))
    world.clock.advance(5.0)
    assert log == [None, "done"]
    assert cancelled == [what]


def test_wait_raises_the_error_of_what_it_waited_for(world: World) -> None:
    channel = world.channel("T/1")
    what: Deferred[str] = Deferred()
    caught: list[BaseException] = []

    async def task() -> None:
        try:
            await channel.wait(what)
        except ValueError as error:
            caught.append(error)

    channel.start(Holder(), task())
    what.errback(ValueError("x"))
    assert [str(error) for error in caught] == ["x"]
    assert world.errors == []


def test_cancelled_from_outside_is_none(world: World) -> None:
    channel = world.channel("T/1")
    what: Deferred[str] = Deferred()
    log = run(world, channel, lambda: channel.wait(what))
    what.errback(CancelledError())
    assert log == [None, "done"]


def test_an_interrupt_breaks_in_and_cancels(world: World) -> None:
    channel = world.channel("T/1")
    cancelled: list[object] = []
    what: Deferred[str] = Deferred(cancelled.append)
    log = run(world, channel, lambda: channel.wait(what, 60.0))
    channel.interrupt(Redirect("c", "e"))
    assert log == [Redirect("c", "e"), "done"]
    assert cancelled == [what]
    assert world.clock.getDelayedCalls() == []


def test_except_exception_does_not_swallow_an_interrupt(world: World) -> None:
    channel = world.channel("T/1")
    swallowed: list[object] = []

    async def careless() -> None:
        try:
            await channel.sleep(1.0)
        except Exception as error:
            swallowed.append(error)

    log = run(world, channel, careless)
    channel.end(16)
    assert swallowed == []
    assert log == [Hangup(16), "done"]


@pytest.mark.parametrize(
    ("first", "second", "seen"),
    [
        (Redirect("c", "1"), Redirect("c", "2"), Redirect("c", "2")),
        (Redirect("c", "1"), Hangup(17), Hangup(17)),
        (Hangup(17), Redirect("c", "1"), Hangup(17)),
        (Hangup(17), Hangup(21), Hangup(17)),
        (Taken("x"), Redirect("c", "1"), Taken("x")),
        (Taken("x"), Hangup(17), Taken("x")),
    ],
)
def test_of_two_interrupts_the_stronger_is_seen(
    world: World, first: Interrupt, second: Interrupt, seen: Interrupt
) -> None:
    channel = world.channel("T/1")
    log: list[Any] = []

    async def task() -> None:
        channel.interrupt(first)
        channel.interrupt(second)
        try:
            await channel.sleep(0)
        except Interrupt as interrupt:
            log.append(interrupt)

    channel.start(Holder(), task())
    assert log == [seen]


def test_after_a_hangup_waits_return_at_once(world: World) -> None:
    channel = world.channel("T/1")
    ready: Deferred[str] = Deferred()
    ready.callback("there")
    never: Deferred[str] = Deferred()
    log = run(
        world,
        channel,
        lambda: channel.sleep(60),
        lambda: channel.sleep(60),
        lambda: channel.wait(never),
        lambda: channel.wait(ready),
    )
    channel.end(17)
    assert log == [Hangup(17), None, None, "there", "done"]
    assert channel.hangup_cause == 17


def test_softhangup_lets_the_task_say_goodbye_before_the_far_end_is_told(world: World) -> None:
    channel = world.channel("T/1")
    order: list[Any] = []

    async def task() -> None:
        try:
            await channel.sleep(60)
        except Hangup as hangup:
            channel.acknowledge()
            order.append(hangup)
        await channel.sleep(60)
        order.append(list(said(channel)))
        channel.hangup()

    channel.start(Holder(), task())
    channel.softhangup(34)
    assert order == [Hangup(34), []]
    assert said(channel) == [("hangup", 34)]
    assert world.clock.seconds() == 0


def test_softhangup_of_a_channel_without_a_task_ends_it(world: World) -> None:
    channel = world.channel("T/1")
    channel.claim(Holder())
    channel.softhangup(19)
    assert channel.dead
    assert said(channel) == [("hangup", 19)]
    assert channel.poll() == Ended(19)


def test_ended_is_told_when_the_task_is_through(world: World) -> None:
    channel = world.channel("T/1")
    alive: list[bool] = []

    async def task() -> None:
        try:
            await channel.sleep(60)
        except Hangup:
            channel.acknowledge()
        alive.append(world.switch.channel("t/1") is channel and not world.of(ChannelEnded))

    channel.attached["dialplan"] = object()
    channel.start(Holder(), task())
    channel.end(16)
    assert alive == [True]
    assert [event.cause for event in world.of(ChannelEnded)] == [16]
    assert world.switch.channel("T/1") is None
    assert channel.attached == {}


def test_the_end_comes_once(world: World) -> None:
    channel = world.channel("T/1")
    calls: list[str] = []
    channel.on_end(lambda c: calls.append("first"))
    channel.on_end(lambda c: calls.append("second"))
    taken_back = lambda c: calls.append("never")  # noqa: E731
    channel.on_end(taken_back)
    channel.not_on_end(taken_back)
    channel.hangup(17)
    channel.hangup(18)
    channel.end(19)
    channel.softhangup(20)
    assert calls == ["second", "first"]
    assert said(channel) == [("hangup", 17)]
    assert channel.hangup_cause == 17
    channel.on_end(lambda c: calls.append("late"))
    assert calls[-1] == "late"


def test_hangup_without_a_cause_uses_the_one_that_was_set(world: World) -> None:
    one, two = world.channel("T/1"), world.channel("T/2")
    one.hangup_cause = 21
    one.hangup()
    two.hangup()
    assert (said(one), said(two)) == ([("hangup", 21)], [("hangup", 16)])


def test_claim_tells_the_former_owner(world: World) -> None:
    channel = world.channel("T/1")
    a, b = Holder(), Holder()
    channel.claim(a)
    channel.claim(a)
    channel.claim(b)
    assert a.lost == [(channel, b)]
    assert b.lost == []
    channel.release(a)
    assert channel.owner is b
    channel.release(b)
    assert channel.owner is None


def test_a_task_that_is_taken_ends_and_the_channel_lives(world: World) -> None:
    channel = world.channel("T/1")
    log = run(world, channel, lambda: channel.sleep(60))
    thief = Holder()
    channel.claim(thief)
    assert log == [Taken(thief)]
    assert not channel.has_task
    assert not channel.dead
    assert channel.owner is thief
    assert world.errors == []
    channel.end(16)
    assert channel.poll() == Ended(16)


def test_a_taken_channel_that_dies_is_the_new_owners(world: World) -> None:
    """The former task, if it still winds up, sees Taken and must not run `h`."""
    channel = world.channel("T/1")
    seen: list[Interrupt] = []
    other: Deferred[None] = Deferred()

    async def task() -> None:
        await other  # not on the channel: it can't be broken into
        try:
            await channel.sleep(1)
        except Interrupt as interrupt:
            seen.append(interrupt)

    channel.start(Holder(), task())
    thief = Holder()
    channel.claim(thief)
    channel.end(16)
    other.callback(None)
    assert seen == [Taken(thief)]
    assert len(world.of(ChannelEnded)) == 1


def test_a_new_task_waits_for_the_taken_one(world: World) -> None:
    channel = world.channel("T/1")
    other: Deferred[None] = Deferred()
    order: list[str] = []

    async def first() -> None:
        await other
        order.append("first ends")

    async def second() -> None:
        order.append("second runs")
        await channel.sleep(1)
        order.append("second ends")

    channel.start(Holder(), first())
    channel.start(Holder(), second())
    assert order == []
    other.callback(None)
    assert order == ["first ends", "second runs"]
    world.clock.advance(1)
    assert order[-1] == "second ends"


def test_two_tasks_of_one_owner_are_refused(world: World) -> None:
    channel = world.channel("T/1")
    holder = Holder()

    async def task() -> None:
        await channel.sleep(1)

    channel.start(holder, task())
    with pytest.raises(RuntimeError, match="has a task"):
        channel.start(holder, task())


def test_a_task_on_a_dead_channel_sees_hangup_first(world: World) -> None:
    channel = world.channel("T/1")
    channel.end(17)
    assert run(world, channel, lambda: channel.sleep(1), lambda: channel.sleep(1)) == [Hangup(17), None, "done"]


def test_an_interrupt_that_leaks_from_a_dead_channels_task_is_reported_and_nothing_stays(world: World) -> None:
    channel = world.channel("T/1")

    async def task() -> None:
        await channel.sleep(1)

    channel.start(Holder(), task())
    channel.end(16)
    assert [failure.value for failure in world.errors] == [Hangup(16)]
    assert len(world.of(ChannelEnded)) == 1


def test_an_error_in_a_task_is_reported_and_ends_the_channel(world: World) -> None:
    channel = world.channel("T/1")

    async def task() -> None:
        raise ValueError("a defect")

    channel.start(Holder(), task())
    assert [str(failure.value) for failure in world.errors] == ["a defect"]
    assert channel.dead
    assert len(world.of(ChannelEnded)) == 1


def test_two_waits_at_once_are_a_defect_that_shows(world: World) -> None:
    channel = world.channel("T/1")
    run(world, channel, lambda: channel.sleep(1))
    second = Deferred.fromCoroutine(channel.wait(None, 1))
    failures: list[Any] = []
    second.addErrback(failures.append)
    assert failures[0].check(RuntimeError)


def test_the_absolute_limit(world: World) -> None:
    channel = world.channel("T/1")
    log = run(world, channel, lambda: channel.sleep(60), lambda: channel.sleep(1))
    channel.set_deadline(10)
    world.clock.advance(4)
    assert channel.deadline == 6
    world.clock.advance(6)
    assert log == [Expired()]
    assert not channel.ending  # it may go on at `T`
    world.clock.advance(1)
    assert log == [Expired(), None, "done"]
    channel.set_deadline(10)
    channel.end(16)
    assert world.clock.getDelayedCalls() == []


def test_state_changes_are_told_and_answer_is_stamped(world: World) -> None:
    channel = world.channel("T/1", state=State.RING)
    world.clock.advance(3)
    channel.answer()
    channel.answer()
    assert said(channel) == [("answer",)]
    assert channel.answered == 1_000_003.0
    assert len(world.of(ChannelStateChanged)) == 1
    assert channel.state.label == "Up"


# ---- inbox ------------------------------------------------------------------------------------------------------


def test_digits_typed_ahead_wait_and_can_be_flushed(world: World) -> None:
    channel = world.channel("T/1")
    for digit in "123":
        channel.deliver(DigitEnd(digit))
    channel.deliver(Text("hi"))
    log = run(world, channel, channel.next_event)
    assert log == [DigitEnd("1"), "done"]
    channel.flush(DigitEnd)
    assert channel.poll() == Text("hi")
    assert channel.poll() is None


def test_a_flood_pushes_out_the_oldest_and_never_the_end(world: World) -> None:
    channel = world.channel("T/1")
    for _ in range(INBOX * 2):
        channel.deliver(DigitEnd("1"))
    channel.end(17)
    channel.push_back(DigitEnd("2"))
    last = None
    count = 0
    while (event := channel.poll()) is not None:
        last = event
        count += 1
    assert (last, count) == (Ended(17), INBOX)


def test_first_event_of_several_channels(world: World) -> None:
    caller, one, two = world.channel("T/a"), world.channel("T/1"), world.channel("T/2")
    both = (caller, one, two)
    log = run(
        world,
        caller,
        lambda: first_event(caller, both, 5),
        lambda: first_event(caller, both, 5),
        lambda: first_event(caller, both, 5),
    )
    two.deliver(Indication(Control.RINGING))
    one.end(17)
    assert log == [(two, Indication(Control.RINGING)), (one, Ended(17))]
    world.clock.advance(5)
    assert log[2:] == [None, "done"]


def test_first_event_is_broken_by_interrupts_and_loses_nothing(world: World) -> None:
    caller, one = world.channel("T/a"), world.channel("T/1")
    log = run(world, caller, lambda: first_event(caller, (caller, one), 5))
    caller.interrupt(Redirect("c", "e"))
    assert log == [Redirect("c", "e"), "done"]
    one.deliver(DigitEnd("5"))
    assert one.poll() == DigitEnd("5")


# ---- redirect -----------------------------------------------------------------------------------------------------


def test_redirect_of_two_claims_both_before_either_wakes(world: World) -> None:
    caller, callee = world.channel("T/a"), world.channel("T/b")
    scripts: Scripts = world.extensions
    order: list[str] = []

    async def other(channel: Channel) -> None:
        order.append(f"{channel.name} runs")
        await channel.sleep(1)

    scripts.scripts["x@c"] = other

    class Dial:
        gone: Deferred[None] = Deferred()

        def left(self, channel: Channel, to: object) -> None:
            order.append("left")
            self.gone.callback(None)

    dial = Dial()
    callee.claim(dial)

    async def dialling() -> None:
        try:
            await caller.wait(dial.gone)
            order.append("dial saw left")
        except Redirect as redirect:
            caller.acknowledge()
            order.append(f"caller to {redirect.exten}")
            assert callee.owner is not dial

    caller.start(Holder(), dialling())
    world.switch.redirect((caller, "c", "y", 1), (callee, "c", "x", 1))
    assert order == ["left", "caller to y", "T/b runs"]
    assert callee.has_task
    assert not callee.dead


# ---- memory ---------------------------------------------------------------------------------------------------------


def test_ten_thousand_calls_leave_no_cycle(world: World) -> None:
    """Channels with a task, waits of every outcome, a Dial-like peer: torn down by reference counting alone."""

    async def task(caller: Channel, callee: Channel) -> None:
        callee.claim(holder)
        try:
            await caller.wait(Deferred(), 0.5)
            failing: Deferred[None] = Deferred()
            world.clock.callLater(0.1, failing.errback, ValueError("x"))
            with contextlib.suppress(ValueError):
                await caller.wait(failing)
            while await first_event(caller, (caller, callee), 60):
                pass
        except Hangup:
            caller.acknowledge()
            await caller.sleep(60)
        finally:
            callee.release(holder)
            callee.hangup()
        caller.hangup()

    holder = Holder()
    world.heard.clear()

    def calls(count: int) -> None:
        for n in range(count):
            caller, callee = world.channel(f"T/a{n}"), world.channel(f"T/b{n}")
            caller.on_end(lambda c: None)
            caller.start(holder, task(caller, callee))
            world.clock.advance(1)
            callee.deliver(DigitEnd("1"))
            if n % 3 == 0:
                caller.end(16)
            elif n % 3 == 1:
                caller.softhangup(16)
            else:
                caller.claim(Holder())
                caller.end(16)
        world.heard.clear()

    calls(10)
    del holder.lost[:]

    def many() -> None:
        calls(10_000)
        holder.lost.clear()

    assert garbage_of(many) == 0
    assert list(world.switch.channels()) == []
    assert world.errors == []
