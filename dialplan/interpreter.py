"""Runs calls through the dialplan: one task a channel, walking priorities.

`Interpreter` is what the channel floor knows as `Extensions`; a `Run` is one channel's way through the dialplan, and
what applications are given.  `walk` has the life of a call, `steps` the priorities.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred

from pbx.channels.causes import Cause
from pbx.channels.channel import Channel, State
from pbx.channels.events import ChannelLocation, Control, DigitEnd
from pbx.channels.interrupts import Hangup
from pbx.channels.log import Log
from pbx.dialplan import featuremap, jumps, steps
from pbx.dialplan.dialplan import Pending
from pbx.dialplan.model import Extension, Priority
from pbx.dialplan.registry import APPLICATIONS, Outcome, Result, Suspend
from pbx.dialplan.scope import Problem, scope_of
from pbx.dialplan.steps import Turns
from pbx.dialplan.walk import Walk

if TYPE_CHECKING:
    from pbx.dialplan.services import Services

_log = Log("pbx")


class Interpreter:
    """`pbx.channels.switch.Extensions` over a Dialplan: answers look-ups and runs channels."""

    def __init__(self, services: Services) -> None:
        self.services = services
        services.switch.copiers.append(self._copy)

    def _copy(self, one: Channel, two: Channel) -> None:
        """The halves of a Local channel are one to the dialplan: what outgoing channels of ;1 inherit, ;2 passes on."""
        mine, other = scope_of(self.services, one), scope_of(self.services, two)
        other.marks.update(mine.marks)
        featuremap.inherit(mine, other)

    @staticmethod
    def of(services: Services) -> Interpreter:
        """The interpreter that the switch knows as its extensions, else a new one."""
        known = services.switch.extensions
        return known if isinstance(known, Interpreter) else Interpreter(services)

    def exists(self, context: str, exten: str, priority: int = 1, caller_number: str = "") -> bool:
        try:
            return self.services.dialplan.find(context, exten, priority, caller_number) is not None
        except Pending:
            # a switch has to ask its peer: the channel does so by itself when it comes there
            return True

    def can_match(self, context: str, exten: str, priority: int = 1, caller_number: str = "") -> bool:
        return self.services.dialplan.can_match(context, exten, priority, caller_number)

    def match_more(self, context: str, exten: str, priority: int = 1, caller_number: str = "") -> bool:
        return self.services.dialplan.match_more(context, exten, priority, caller_number)

    def has_context(self, context: str) -> bool:
        return self.services.dialplan.has_context(context)

    def ignore_pattern(self, context: str, exten: str) -> bool:
        return self.services.dialplan.ignore_pattern(context, exten)

    def run(self, channel: Channel) -> None:
        """Start the channel's own task at its context, exten and priority."""
        if channel.call_id is None:
            channel.call_id = channel.switch.next_call_id()
        # from here on it goes its own way, whoever called it
        channel.outgoing = False
        run = Run(self.services, channel)
        channel.start(run, Walk(run).call())

    def execute(self, channel: Channel, application: str, data: str) -> Deferred[None]:
        """Run one application as the channel's own task, then hang up (originate ... application)."""
        if channel.call_id is None:
            channel.call_id = channel.switch.next_call_id()
        run = Run(self.services, channel)
        return channel.start(run, Walk(run).single(application, data))


class Run:
    """One channel's way through the dialplan; what every application is given.

    Its parts: `channel`, `scope` (variables), `services`, `log`.
    """

    def __init__(self, services: Services, channel: Channel) -> None:
        self.services = services
        self.channel = channel
        self.scope = scope_of(services, channel)
        self.log = _log
        #: the extension and the line being run
        self.at: tuple[Extension, Priority] | None = None
        self.turns = Turns()

    def left(self, channel: Channel, to: object) -> None:
        """Owner: the channel was claimed; its task sees Taken and ends."""

    # ---- what applications use ---------------------------------------------------------------------------

    @property
    def caller(self) -> str:
        """The caller's number, as extensions with a caller-ID match see it."""
        return self.channel.caller.number or ""

    @property
    def where(self) -> str:
        """`file:line` of the priority being run, or its place in the dialplan."""
        priority = self.at[1] if self.at is not None else None
        if priority is not None and priority.line:
            return f"{priority.file}:{priority.line}"
        channel = self.channel
        return f"{channel.exten}@{channel.context}:{channel.priority}"

    def warn(self, text: str) -> None:
        """A warning with file:line."""
        self.log.warning(f"{text} ({self.where})", call=self.channel.call_id)

    def exists(self, context: str, exten: str, priority: int = 1) -> bool:
        """Whether something runs there for this caller."""
        return self.services.dialplan.exists(context, exten, priority, self.caller, substitute=self.scope.substitute)

    def can_match(self, context: str, exten: str) -> bool:
        """Whether it exists for this caller, or could with more digits."""
        return self.services.dialplan.can_match(context, exten, 1, self.caller, substitute=self.scope.substitute)

    def match_more(self, context: str, exten: str) -> bool:
        """Whether more digits could make it another extension for this caller."""
        return self.services.dialplan.match_more(context, exten, 1, self.caller, substitute=self.scope.substitute)

    async def resolve(self, context: str, exten: str) -> None:
        """Have what a switch says of an extension known; then `exists` tells."""
        while True:
            try:
                self.services.dialplan.find(context, exten, 1, self.caller, substitute=self.scope.substitute)
                return
            except Pending as pending:
                await self.channel.wait(pending.until)  # type: ignore[arg-type]

    def jump(self, context: str, exten: str, priority: int) -> None:
        """Go on there, when the application is through."""
        channel = self.channel
        channel.context, channel.exten, channel.priority = context, exten, priority - 1

    def goto(self, text: str) -> Result:
        """Go on at `[[context,]exten,]priority`; END if that is no place."""
        return jumps.goto(self, text)

    def place(self, context: str, exten: str, priority: int = 1) -> None:
        channel = self.channel
        channel.context, channel.exten, channel.priority = context, exten, priority

    def raise_problem(self, reason: str, priority: int) -> None:
        """Send the call to `e`, at `priority` (0 from within an application), and remember why."""
        channel = self.channel
        self.scope.problem = Problem(reason, channel.context, channel.exten, channel.priority)
        channel.exten, channel.priority = "e", priority

    async def evaluate(self, text: str) -> str:
        """`text` with variables, functions and expressions put in; functions that wait are waited for."""
        if "$" not in text:
            return text
        try:
            return self.scope.evaluate(text)
        except Suspend as wait:
            return await self.scope.evaluate_again(text, wait)

    async def execute(self, name: str, data: str) -> Result:
        """Run an application by name with data as it is (ExecIf, Exec ...); END if there is none."""
        application = APPLICATIONS.get(name)
        if application is None:
            self.warn(f"No application '{name}'")
            return Outcome.END
        channel = self.channel
        outer = channel.application, channel.data
        channel.application, channel.data = application.name, data
        channel.switch.bus.publish(ChannelLocation(channel))
        try:
            result = application.body(self, data)
            if application.waits:
                return await result  # type: ignore[misc, no-any-return]
            return result  # type: ignore[return-value]
        finally:
            channel.application, channel.data = outer

    async def digit(self, timeout: float | None) -> str | None:
        """The next digit that the far end presses; None when the time ran out or the call ended."""
        channel, clock = self.channel, self.channel.switch.clock
        until = None if timeout is None else clock.seconds() + timeout
        while True:
            left = None if until is None else max(0.0, until - clock.seconds())
            event = await channel.next_event(left)
            if event is None:
                return None
            if isinstance(event, DigitEnd):
                return event.digit

    @contextmanager
    def noting(self, variable: str, value: str) -> Iterator[None]:
        """Set a status variable if the call is hung up within (so that `h` can read it)."""
        try:
            yield
        except Hangup:
            self.scope.set(variable, value)
            raise

    @property
    def over(self) -> bool:
        """The call is being hung up or gone: what waits returns at once."""
        return self.channel.dead or self.channel.ending

    async def subroutine(self, where: str) -> bool:
        """Run `[[context,]exten,]priority[(args)]` as a subroutine until it returns; True if it did.

        The channel's place is as before afterwards.  Interrupts break through.
        """
        channel, frames = self.channel, self.scope.frames
        place = channel.context, channel.exten, channel.priority
        depth = len(frames)
        returned = False
        try:
            if jumps.gosub(self, where) is None:
                frames[-1].special = True
                channel.priority += 1
                await steps.go(self)
                returned = len(frames) <= depth
                if not returned and not self.over:
                    self.warn(f"subroutine '{where}' ended without Return")
        finally:
            while len(frames) > depth:
                self.scope.pop()
            self.place(*place)
        return returned

    async def signal_end(self, kind: Control, seconds: float | None) -> None:
        """Tell the far end busy or congestion and wait until it hangs up, at most that long (None: for ever)."""
        channel = self.channel
        if channel.state is not State.UP:
            cause = Cause.USER_BUSY if kind is Control.BUSY else Cause.NORMAL_CIRCUIT_CONGESTION
            channel.hangup_cause = int(cause)
            channel.set_state(State.BUSY)
        channel.indicate(kind)
        await channel.wait(None, seconds)
