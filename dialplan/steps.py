"""Priorities, one after the other: look up, put variables in, run the application.

What runs without ever waiting gives others their turn, and meets a limit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred

from pbx.channels import log as levels
from pbx.channels.events import ChannelLocation
from pbx.dialplan.dialplan import Found, Pending
from pbx.dialplan.model import Priority
from pbx.dialplan.registry import APPLICATIONS, Outcome, Result, Suspend

if TYPE_CHECKING:
    from pbx.dialplan.interpreter import Run

#: Priorities that run without a wait before the reactor gets its turn, and the longest time likewise (s).
PRIORITIES_A_TURN = 100
SECONDS_A_TURN = 0.001
#: A wait longer than this (s) shows that a loop of priorities is no runaway.
REAL_WAIT = 0.005


class Turns:
    """How much a channel's task has run without a wait, in this turn of the reactor (since `began`) and before."""

    __slots__ = ("began", "count", "without_wait")

    def __init__(self) -> None:
        self.count = 0
        self.began = 0.0
        self.without_wait = 0


async def go(run: Run) -> Result:
    """Run priorities from the channel's place on; None when the next one does not exist."""
    channel, turns = run.channel, run.turns
    scope, standing = run.scope, run.services.dialplan.standing
    bus, seconds = channel.switch.bus, channel.switch.clock.seconds
    lookup = APPLICATIONS.get
    location = ChannelLocation(channel)
    while True:
        here = standing(channel.context, channel.exten, channel.priority, channel.caller.number or "")
        found: Found | None = None
        step: Priority | None
        if here is not None:
            run.at = here
            step = here[1]
        else:
            found = await _elsewhere(run)
            if found is None:
                return None
            step = found.priority
        if step is None:
            assert found is not None  # what stands has a step
            result = await _run_switch(run, found)
        else:
            data = step.data
            if "$" in data:
                try:
                    data = scope.evaluate(data)
                except Suspend as wait:
                    data = await scope.evaluate_again(data, wait)
                    channel.forget_digits()
            application = lookup(step.application)
            if application is None:
                _no_application(run, step)
                return Outcome.END
            channel.application, channel.data = application.name, data
            for reader in bus.readers(ChannelLocation):
                reader(location)
            if levels.verbose_wanted >= 3:
                _trace(run, application.name, data)
            result = application.body(run, data)  # type: ignore[assignment]
            if application.waits:
                result = await _waited(run, result)
        if scope.pending is not None:
            pending, scope.pending = scope.pending, None
            await pending()
        if result is not None and result is not Outcome.CONTINUE:
            return result
        if channel.interrupted is not None:
            await channel.wait(None, 0)
        channel.priority += 1
        turns.count = count = turns.count + 1
        if count >= PRIORITIES_A_TURN or (not count & 7 and seconds() - turns.began >= SECONDS_A_TURN):
            await give_way(run)
            if _runaway(run):
                return Outcome.END


async def _elsewhere(run: Run) -> Found | None:
    """What an include or a switch has at the channel's place; the channel goes on where a Loopback leads."""
    channel = run.channel
    found = await _find(run)
    if found is None:
        return None
    if found.moved is not None:
        channel.context, channel.exten, channel.priority = found.moved
    step = found.priority
    run.at = None if found.extension is None or step is None else (found.extension, step)
    return found


async def _find(run: Run) -> Found | None:
    """The look-up as a whole; asks a switch's peer where that is needed."""
    channel = run.channel
    dialplan = run.services.dialplan
    while True:
        try:
            return dialplan.find(
                channel.context,
                channel.exten,
                channel.priority,
                channel.caller.number or "",
                substitute=run.scope.substitute,
            )
        except Pending as pending:
            await channel.wait(pending.until)  # type: ignore[arg-type]


async def _waited(run: Run, body: object) -> Result:
    clock = run.channel.switch.clock
    began = clock.seconds()
    result: Result = await body  # type: ignore[misc]
    if clock.seconds() - began > REAL_WAIT:
        run.turns.count = run.turns.without_wait = 0
        run.turns.began = clock.seconds()
    return result


async def give_way(run: Run) -> None:
    """Give the reactor its turn: this call has had its share of this one."""
    channel = run.channel
    clock = channel.switch.clock
    run.turns.without_wait += run.turns.count
    run.turns.count = 0
    if not run.over:
        await channel.wait(None, 0)
    else:
        turn: Deferred[None] = Deferred()
        clock.callLater(0, turn.callback, None)
        await turn
    run.turns.began = clock.seconds()


def _runaway(run: Run) -> bool:
    limit = run.services.loop_limit
    if not limit or run.turns.without_wait < limit:
        return False
    run.log.error(
        f"Channel '{run.channel.name}' ran {run.turns.without_wait} priorities without ever waiting: runaway loop, "
        f"call ended ({run.where})",
        call=run.channel.call_id,
    )
    return True


def _no_application(run: Run, priority: Priority) -> None:
    channel = run.channel
    run.warn(
        f"No application '{priority.application}' for extension ({channel.context}, {channel.exten}, "
        f"{channel.priority})"
    )


def _trace(run: Run, application: str, data: str) -> None:
    channel = run.channel
    run.log.verbose(
        3,
        f"Executing [{channel.exten}@{channel.context}:{channel.priority}] {application}"
        f'("{channel.name}", "{data}") in new stack',
        call=channel.call_id,
    )


async def _run_switch(run: Run, found: Found) -> Result:
    """An extension of a switch (`switch => IAX2/...`): its provider runs it."""
    channel = run.channel
    entry = found.switch
    provider = run.services.dialplan.switches.get(entry.name.upper()) if entry is not None else None
    execute = getattr(provider, "execute", None)
    if execute is None:
        run.warn(f"switch '{entry.name if entry else '?'}' cannot run extensions")
        return Outcome.END
    result: Result = await execute(run, found.switch_data, channel.context, channel.exten, channel.priority, run.caller)
    return result
