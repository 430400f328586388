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


class Steps:
    """Runs what stands at a channel's place and behind it, until something ends that."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.channel = run.channel
        self._turn = 0
        self._turn_began = 0.0
        self._without_wait = 0

    async def go(self) -> Result:
        """Run priorities from the channel's place on; None when the next one does not exist."""
        run, channel = self.run, self.channel
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
                found = await self._elsewhere()
                if found is None:
                    return None
                step = found.priority
            if step is None:
                assert found is not None  # what stands has a step
                result = await self._run_switch(found)
            else:
                data = step.data
                if "$" in data:
                    try:
                        data = scope.evaluate(data)
                    except Suspend as wait:
                        data = await scope.evaluate_again(data, wait)
                application = lookup(step.application)
                if application is None:
                    self._no_application(step)
                    return Outcome.END
                channel.application, channel.data = application.name, data
                for reader in bus.readers(ChannelLocation):
                    reader(location)
                if levels.verbose_wanted >= 3:
                    self._trace(application.name, data)
                result = application.body(run, data)  # type: ignore[assignment]
                if application.waits:
                    result = await self._waited(result)
            if scope.pending is not None:
                pending, scope.pending = scope.pending, None
                await pending()
            if result is not None and result is not Outcome.CONTINUE:
                return result
            if channel.interrupted is not None:
                await channel.wait(None, 0)
            channel.priority += 1
            self._turn = turn = self._turn + 1
            if turn >= PRIORITIES_A_TURN or (not turn & 7 and seconds() - self._turn_began >= SECONDS_A_TURN):
                await self.give_way()
                if self._runaway():
                    return Outcome.END

    async def _elsewhere(self) -> Found | None:
        """What an include or a switch has at the channel's place; the channel goes on where a Loopback leads."""
        run, channel = self.run, self.channel
        found = await self._find()
        if found is None:
            return None
        if found.moved is not None:
            channel.context, channel.exten, channel.priority = found.moved
        step = found.priority
        run.at = None if found.extension is None or step is None else (found.extension, step)
        return found

    async def _find(self) -> Found | None:
        """The look-up as a whole; asks a switch's peer where that is needed."""
        channel = self.channel
        dialplan = self.run.services.dialplan
        while True:
            try:
                return dialplan.find(
                    channel.context,
                    channel.exten,
                    channel.priority,
                    channel.caller.number or "",
                    substitute=self.run.scope.substitute,
                )
            except Pending as pending:
                await channel.wait(pending.until)  # type: ignore[arg-type]

    async def _waited(self, body: object) -> Result:
        clock = self.channel.switch.clock
        began = clock.seconds()
        result: Result = await body  # type: ignore[misc]
        if clock.seconds() - began > REAL_WAIT:
            self._turn = self._without_wait = 0
            self._turn_began = clock.seconds()
        return result

    async def give_way(self) -> None:
        """Give the reactor its turn: this call has had its share of this one."""
        channel = self.channel
        clock = channel.switch.clock
        self._without_wait += self._turn
        self._turn = 0
        if not self.run.over:
            await channel.wait(None, 0)
        else:
            turn: Deferred[None] = Deferred()
            clock.callLater(0, turn.callback, None)
            await turn
        self._turn_began = clock.seconds()

    def _runaway(self) -> bool:
        limit = self.run.services.loop_limit
        if not limit or self._without_wait < limit:
            return False
        self.run.log.error(
            f"Channel '{self.channel.name}' ran {self._without_wait} priorities without ever waiting: runaway loop, "
            f"call ended ({self.run.where})",
            call=self.channel.call_id,
        )
        return True

    def _no_application(self, priority: Priority) -> None:
        channel = self.channel
        self.run.warn(
            f"No application '{priority.application}' for extension ({channel.context}, {channel.exten}, "
            f"{channel.priority})"
        )

    def _trace(self, application: str, data: str) -> None:
        channel = self.channel
        self.run.log.verbose(
            3,
            f"Executing [{channel.exten}@{channel.context}:{channel.priority}] {application}"
            f'("{channel.name}", "{data}") in new stack',
            call=channel.call_id,
        )

    async def _run_switch(self, found: Found) -> Result:
        """An extension of a switch (`switch => IAX2/...`): its provider runs it."""
        channel = self.channel
        entry = found.switch
        provider = self.run.services.dialplan.switches.get(entry.name.upper()) if entry is not None else None
        execute = getattr(provider, "execute", None)
        if execute is None:
            self.run.warn(f"switch '{entry.name if entry else '?'}' cannot run extensions")
            return Outcome.END
        result: Result = await execute(
            self, found.switch_data, channel.context, channel.exten, channel.priority, self.run.caller
        )
        return result
