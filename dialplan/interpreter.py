"""Runs calls through the dialplan: one task a channel, walking priorities.

`Interpreter` is what the channel floor knows as `Extensions`; a `Run` is one
channel's way through the dialplan, and what applications are given.  The rules
of the walk (special extensions i t T h e, autofallthrough, digits pressed into
an extension) are Asterisk's.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred

from pbx.channels import log as levels
from pbx.channels.causes import Cause
from pbx.channels.channel import Channel, State
from pbx.channels.events import ChannelLocation, Control, DigitEnd
from pbx.channels.interrupts import Expired, Hangup, Redirect
from pbx.channels.log import Log
from pbx.dialplan import jumps
from pbx.dialplan.dialplan import Found, Pending
from pbx.dialplan.model import Extension, Priority
from pbx.dialplan.registry import APPLICATIONS, Outcome, Result, Suspend
from pbx.dialplan.scope import Problem, scope_of

if TYPE_CHECKING:
    from pbx.dialplan.services import Services

#: Priorities that run without a wait before the reactor gets its turn, and the longest time likewise (s).
PRIORITIES_A_TURN = 100
SECONDS_A_TURN = 0.001
#: Seconds of busy or congestion tone when a call falls off its extension with such a DIALSTATUS.
FALLTHROUGH_TONE = 10.0
#: Hangup handlers of one call that are run; a handler may add others.
MOST_HANDLERS = 100
#: A wait longer than this (s) shows that a loop of priorities is no runaway.
REAL_WAIT = 0.005

_log = Log("pbx")


class Interpreter:
    """`pbx.channels.switch.Extensions` over a Dialplan: answers look-ups and runs channels."""

    def __init__(self, services: Services) -> None:
        self.services = services
        services.switch.copiers.append(self._copy)

    def _copy(self, one: Channel, two: Channel) -> None:
        """The halves of a Local channel are one to the dialplan: what outgoing channels of ;1 inherit, ;2 passes on."""
        scope_of(self.services, two).marks.update(scope_of(self.services, one).marks)

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
        channel.start(run, run.call())

    def execute(self, channel: Channel, application: str, data: str) -> Deferred[None]:
        """Run one application as the channel's own task, then hang up (originate ... application)."""
        if channel.call_id is None:
            channel.call_id = channel.switch.next_call_id()
        run = Run(self.services, channel)
        return channel.start(run, run.single(application, data))


#: what an application may hand back as the first digit of an extension; anything else (a small letter) ends the walk
_FIRST_DIGITS = frozenset("0123456789ABCDEF*#")


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
        self._turn = 0
        self._turn_began = 0.0
        self._without_wait = 0

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
        return self.services.dialplan.exists(context, exten, priority, self.caller)

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
                await self._priorities()
                returned = len(frames) <= depth
                if not returned and not self.over:
                    self.warn(f"subroutine '{where}' ended without Return")
        finally:
            while len(frames) > depth:
                self.scope.pop()
            self.place(*place)
        return returned

    # ---- the life of a call ----------------------------------------------------------------------------

    async def call(self) -> None:
        """The channel's task: walk, then `h` and hangup handlers, then hang up."""
        self.scope.run = self
        try:
            await self._walk()
            await self._farewell()
            self._hangup()
        finally:
            self.scope.run = None

    async def single(self, application: str, data: str) -> None:
        """The channel's task when it runs but one application."""
        self.channel.application, self.channel.data = application, data
        await self.alone(lambda: self.execute(application, data))

    async def alone(self, work: Callable[[], Awaitable[object]]) -> None:
        """The channel's task when it is but this work: then hangup handlers and the end, or where a Redirect leads."""
        channel = self.channel
        self.scope.run = self
        try:
            try:
                await work()
            except Hangup:
                channel.acknowledge()
            except Redirect as redirect:
                channel.acknowledge()
                self.place(redirect.context, redirect.exten, redirect.priority)
                await self._walk(fallback=False)
                await self._farewell()
            else:
                channel.ending = True
                await self.handlers()
            self._hangup()
        finally:
            self.scope.run = None

    async def last_words(self) -> None:
        """The channel's task when all that is left to it is `h` of its context, and its hangup handlers."""
        self.scope.run = self
        try:
            self.channel.ending = True
            self.channel.acknowledge()
            await self._farewell()
        finally:
            self.scope.run = None
        self._hangup()

    async def _walk(self, *, fallback: bool = True) -> None:
        """Run the dialplan until the call is to end.  Returns with its Hangup acknowledged."""
        channel = self.channel
        if fallback:
            try:
                await self.resolve(channel.context, channel.exten or "s")
            except Hangup:
                channel.acknowledge()
                channel.ending = True
                return
            self._start_place()
        while True:
            try:
                if not await self._cycle():
                    if channel.interrupted is not None:
                        await channel.wait(None, 0)
                    break
            except Redirect as redirect:
                channel.acknowledge()
                self.place(redirect.context, redirect.exten, redirect.priority)
            except Expired:
                channel.acknowledge()
                if not self._expired():
                    break
            except Hangup:
                channel.acknowledge()
                break
        channel.ending = True

    def _start_place(self) -> None:
        """An extension that does not exist: `s`, else `s` of the context `default`."""
        channel = self.channel
        if not channel.exten:
            channel.exten, channel.priority = "s", 1
        if self.exists(channel.context, channel.exten, channel.priority):
            return
        self.log.verbose(
            2,
            f"Starting {channel.name} at {channel.context},{channel.exten},{channel.priority} failed so falling back "
            "to exten 's'",
            call=channel.call_id,
        )
        channel.exten, channel.priority = "s", 1
        if not self.exists(channel.context, "s", 1):
            self.log.verbose(
                2,
                f"Starting {channel.name} at {channel.context},s,1 still failed so falling back to context 'default'",
                call=channel.call_id,
            )
            channel.context = "default"

    def _expired(self) -> bool:
        """The absolute limit ran out: to `T` or `e`; False if there is neither."""
        channel = self.channel
        self.scope.deadline = None
        if self.exists(channel.context, "T"):
            channel.exten, channel.priority = "T", 1
            return True
        if self.exists(channel.context, "e"):
            self.raise_problem("ABSOLUTETIMEOUT", 1)
            return True
        return False

    async def _cycle(self) -> bool:
        """Priorities until they end, then what follows from that; False when the call is to end."""
        channel = self.channel
        result = await self._priorities()
        digits = ""
        invalid = False
        if isinstance(result, str):
            if result and result[0] not in _FIRST_DIGITS:
                self._spawn_ended()
                return False
            digits = result
        elif result is Outcome.INCOMPLETE:
            if self.services.dialplan.match_more(channel.context, channel.exten, 1, self.caller):
                digits = channel.exten
            else:
                invalid = True
        elif result is Outcome.ERROR and channel.exten != "e" and self.exists(channel.context, "e"):
            self.raise_problem("ERROR", 1)
            return True
        elif result is not None:
            self._spawn_ended()
            return False
        if invalid or (not digits and not self.exists(channel.context, channel.exten, 1)):
            return self._invalid_extension()
        return await self._more_digits(digits, incomplete=result is Outcome.INCOMPLETE)

    def _spawn_ended(self) -> None:
        channel = self.channel
        self.log.verbose(
            2,
            f"Spawn extension ({channel.context}, {channel.exten}, {channel.priority}) exited non-zero on "
            f"'{channel.name}'",
            call=channel.call_id,
        )

    def _invalid_extension(self) -> bool:
        """The walk stands where nothing is: `i`, else `e`, else the end."""
        channel = self.channel
        if self.exists(channel.context, "i"):
            self.log.verbose(
                3,
                f"Channel '{channel.name}' sent to invalid extension: context,exten,priority="
                f"{channel.context},{channel.exten},{channel.priority}",
                call=channel.call_id,
            )
            self.scope.set("INVALID_EXTEN", channel.exten)
            channel.exten, channel.priority = "i", 1
            return True
        if self.exists(channel.context, "e"):
            self.raise_problem("INVALID", 1)
            return True
        self.warn(
            f"Channel '{channel.name}' sent to invalid extension but no invalid handler: context,exten,priority="
            f"{channel.context},{channel.exten},{channel.priority}"
        )
        return False

    async def _more_digits(self, digits: str, *, incomplete: bool) -> bool:
        """Digits were pressed, or the extension ended: collect the rest, or fall off."""
        channel, scope = self.channel, self.scope
        if digits:
            wait = scope.digit_timeout
        elif not self.services.dialplan.settings.autofallthrough:
            wait = scope.response_timeout
        else:
            wait = 0.0
        if not wait:
            await self._fall_through()
            return False
        before = len(digits)
        collected = await self.collect(digits, wait)
        if collected is None:
            return False
        timed_out = incomplete and len(collected) == before
        if not timed_out:
            await self.resolve(channel.context, collected)
        if not timed_out and self.exists(channel.context, collected):
            channel.exten, channel.priority = collected, 1
            return True
        if not timed_out and collected:
            if self.exists(channel.context, "i"):
                self.log.verbose(
                    3,
                    f"Invalid extension '{collected}' in context '{channel.context}' on {channel.name}",
                    call=channel.call_id,
                )
                scope.set("INVALID_EXTEN", collected)
                channel.exten, channel.priority = "i", 1
                return True
            if self.exists(channel.context, "e"):
                self.raise_problem("INVALID", 1)
                return True
            self.warn(f"Invalid extension '{collected}', but no rule 'i' or 'e' in context '{channel.context}'")
            return False
        if self.exists(channel.context, "t"):
            self.log.verbose(3, f"Timeout on {channel.name}", call=channel.call_id)
            channel.exten, channel.priority = "t", 1
            return True
        if self.exists(channel.context, "e"):
            self.raise_problem("RESPONSETIMEOUT", 1)
            return True
        self.warn(f"Timeout, but no rule 't' or 'e' in context '{channel.context}'")
        return False

    async def collect(self, digits: str, wait: float) -> str | None:
        """`digits` and those pressed behind them, while more could make another extension; None if the call ended."""
        channel = self.channel
        while self.services.dialplan.match_more(channel.context, digits, 1, self.caller):
            digit = await self.digit(wait)
            if digit is None:
                if self.over:
                    return None
                break
            digits += digit
            wait = self.scope.digit_timeout
        return digits

    async def _fall_through(self) -> None:
        """autofallthrough: the end, with busy or congestion first if that is what Dial found."""
        channel = self.channel
        status = self.scope.get("DIALSTATUS") or "UNKNOWN"
        self.log.verbose(3, f"Auto fallthrough, channel '{channel.name}' status is '{status}'", call=channel.call_id)
        kind = {"BUSY": Control.BUSY, "CONGESTION": Control.CONGESTION, "CHANUNAVAIL": Control.CONGESTION}.get(
            status.upper()
        )
        if kind is not None:
            await self.signal_end(kind, FALLTHROUGH_TONE)

    async def signal_end(self, kind: Control, seconds: float) -> None:
        """Tell the far end busy or congestion and wait until it hangs up, at most that long (0: for ever)."""
        channel = self.channel
        if channel.state is not State.UP:
            cause = Cause.USER_BUSY if kind is Control.BUSY else Cause.NORMAL_CIRCUIT_CONGESTION
            channel.hangup_cause = int(cause)
            channel.set_state(State.BUSY)
        channel.indicate(kind)
        await channel.wait(None, seconds or None)

    # ---- the end ----------------------------------------------------------------------------------------

    def _hangup(self) -> None:
        """Hang up with the cause that was set; without one it is 0, as Asterisk leaves it."""
        self.channel.hangup(self.channel.hangup_cause)

    async def _farewell(self) -> None:
        """`h`, then the hangup handlers, newest first, on a channel whose waits return at once."""
        channel = self.channel
        if self.exists(channel.context, "h"):
            channel.exten, channel.priority = "h", 1
            try:
                await self._priorities()
            except Hangup:
                channel.acknowledge()
        await self.handlers()

    async def handlers(self) -> None:
        """The channel's hangup handlers, newest first, each once; also those that they add, up to a limit."""
        handlers = self.scope.hangup_handlers
        ran = 0
        while handlers:
            ran += 1
            if ran > MOST_HANDLERS:
                self.warn(f"{self.channel.name}: hangup handlers add hangup handlers for ever; {ran - 1} ran")
                handlers.clear()
                break
            if ran > 1:
                await self._yield()
            try:
                await self.subroutine(handlers.pop())
            except Hangup:
                self.channel.acknowledge()

    # ---- priorities --------------------------------------------------------------------------------------

    async def _find(self) -> Found | None:
        """What stands at the channel's place; asks a switch's peer where that is needed."""
        channel = self.channel
        dialplan = self.services.dialplan
        while True:
            try:
                return dialplan.find(
                    channel.context,
                    channel.exten,
                    channel.priority,
                    channel.caller.number or "",
                    substitute=self.scope.substitute,
                )
            except Pending as pending:
                await channel.wait(pending.until)  # type: ignore[arg-type]

    async def _priorities(self) -> Result:
        """Run priorities from the channel's place on; None when the next one does not exist."""
        channel, scope = self.channel, self.scope
        bus = channel.switch.bus
        lookup = APPLICATIONS.get
        seconds = channel.switch.clock.seconds
        standing = self.services.dialplan.standing
        location = ChannelLocation(channel)
        while True:
            here = standing(channel.context, channel.exten, channel.priority, channel.caller.number or "")
            if here is not None:
                self.at = here
                step: Priority | None = here[1]
            else:
                found = await self._find()
                if found is None:
                    return None
                if found.moved is not None:
                    # a Loopback switch: the channel goes on at the other place
                    channel.context, channel.exten, channel.priority = found.moved
                step = found.priority
                self.at = None if found.extension is None or step is None else (found.extension, step)
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
                if bus.wanted(ChannelLocation):
                    bus.publish(location)
                if levels.verbose_wanted >= 3:
                    self._trace(application.name, data)
                result = application.body(self, data)  # type: ignore[assignment]
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
                await self._yield()
                if self._runaway():
                    return Outcome.END

    async def _waited(self, body: object) -> Result:
        clock = self.channel.switch.clock
        began = clock.seconds()
        result: Result = await body  # type: ignore[misc]
        if clock.seconds() - began > REAL_WAIT:
            self._turn = self._without_wait = 0
            self._turn_began = clock.seconds()
        return result

    async def _yield(self) -> None:
        """Give the reactor its turn: this call has had its share of this one."""
        channel = self.channel
        clock = channel.switch.clock
        self._without_wait += self._turn
        self._turn = 0
        if not self.over:
            await channel.wait(None, 0)
        else:
            turn: Deferred[None] = Deferred()
            clock.callLater(0, turn.callback, None)
            await turn
        self._turn_began = clock.seconds()

    def _runaway(self) -> bool:
        limit = self.services.loop_limit
        if not limit or self._without_wait < limit:
            return False
        self.log.error(
            f"Channel '{self.channel.name}' ran {self._without_wait} priorities without ever waiting: runaway loop, "
            f"call ended ({self.where})",
            call=self.channel.call_id,
        )
        return True

    def _no_application(self, priority: Priority) -> None:
        channel = self.channel
        self.warn(
            f"No application '{priority.application}' for extension ({channel.context}, {channel.exten}, "
            f"{channel.priority})"
        )

    def _trace(self, application: str, data: str) -> None:
        channel = self.channel
        self.log.verbose(
            3,
            f"Executing [{channel.exten}@{channel.context}:{channel.priority}] {application}"
            f'("{channel.name}", "{data}") in new stack',
            call=channel.call_id,
        )

    async def _run_switch(self, found: Found) -> Result:
        """An extension of a switch (`switch => IAX2/...`): its provider runs it."""
        channel = self.channel
        entry = found.switch
        provider = self.services.dialplan.switches.get(entry.name.upper()) if entry is not None else None
        execute = getattr(provider, "execute", None)
        if execute is None:
            self.warn(f"switch '{entry.name if entry else '?'}' cannot run extensions")
            return Outcome.END
        result: Result = await execute(
            self, found.switch_data, channel.context, channel.exten, channel.priority, self.caller
        )
        return result
