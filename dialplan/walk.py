"""The life of a call in the dialplan: the walk from extension to extension, then `h`, hangup handlers and the end.

The rules (special extensions i t T h e, autofallthrough, digits pressed into an extension) are Asterisk's.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from pbx.channels.events import Control
from pbx.channels.interrupts import Expired, Hangup, Redirect
from pbx.dialplan import steps
from pbx.dialplan.registry import Outcome

if TYPE_CHECKING:
    from pbx.dialplan.interpreter import Run

#: Seconds of busy or congestion tone when a call falls off its extension with such a DIALSTATUS.
FALLTHROUGH_TONE = 10.0
#: Hangup handlers of one call that are run; a handler may add others.
MOST_HANDLERS = 100
#: what an application may hand back as the first digit of an extension; anything else (a small letter) ends the walk
_FIRST_DIGITS = frozenset("0123456789ABCDEF*#")


class Walk:
    """A channel's own task: each of `call`, `single`, `alone` and `last_words` is one, up to the hangup.

    `run` is the channel's run, by which applications see it.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self.channel = run.channel
        self.scope = run.scope
        self.services = run.services
        self.log = run.log

    async def call(self) -> None:
        """The channel's task: walk, then `h` and hangup handlers, then hang up."""
        self.scope.run = self.run
        try:
            await self._walk()
            await self._farewell()
            self._hangup()
        finally:
            self.scope.run = None

    async def single(self, application: str, data: str) -> None:
        """The channel's task when it runs but one application."""
        self.channel.application, self.channel.data = application, data
        await self.alone(lambda: self.run.execute(application, data))

    async def alone(self, work: Callable[[], Awaitable[object]]) -> None:
        """The channel's task when it is but this work: then hangup handlers and the end, or where a Redirect leads."""
        channel = self.channel
        self.scope.run = self.run
        try:
            try:
                await work()
            except Hangup:
                channel.acknowledge()
            except Redirect as redirect:
                channel.acknowledge()
                self.run.place(redirect.context, redirect.exten, redirect.priority)
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
        self.scope.run = self.run
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
                await self.run.resolve(channel.context, channel.exten or "s")
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
                self.run.place(redirect.context, redirect.exten, redirect.priority)
            except Expired:
                channel.acknowledge()
                if not self._expired():
                    break
            except Hangup:
                channel.acknowledge()
                break
        channel.ending = True

    def _start_place(self) -> None:
        """Who comes without an extension begins at `s`; one that does not exist is invalid, as after a Goto."""
        channel = self.channel
        if not channel.exten:
            self.log.verbose(
                2,
                f"Starting {channel.name} at {channel.context},,{channel.priority} failed so falling back to exten 's'",
                call=channel.call_id,
            )
            channel.exten, channel.priority = "s", 1

    def _expired(self) -> bool:
        """The absolute limit ran out: to `T` or `e`; False if there is neither."""
        channel = self.channel
        self.scope.deadline = None
        if self.run.exists(channel.context, "T"):
            channel.exten, channel.priority = "T", 1
            return True
        if self.run.exists(channel.context, "e"):
            self.run.raise_problem("ABSOLUTETIMEOUT", 1)
            return True
        return False

    async def _cycle(self) -> bool:
        """Priorities until they end, then what follows from that; False when the call is to end."""
        channel = self.channel
        result = await steps.go(self.run)
        digits = ""
        invalid = False
        if isinstance(result, str):
            if result and result[0] not in _FIRST_DIGITS:
                self._spawn_ended()
                return False
            digits = result
        elif result is Outcome.INCOMPLETE:
            if self.run.match_more(channel.context, channel.exten):
                digits = channel.exten
            else:
                invalid = True
        elif result is Outcome.ERROR and channel.exten != "e" and self.run.exists(channel.context, "e"):
            self.run.raise_problem("ERROR", 1)
            return True
        elif result is not None:
            self._spawn_ended()
            return False
        if invalid or (not digits and not self.run.exists(channel.context, channel.exten, 1)):
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
        if self.run.exists(channel.context, "i"):
            self.log.verbose(
                3,
                f"Channel '{channel.name}' sent to invalid extension: context,exten,priority="
                f"{channel.context},{channel.exten},{channel.priority}",
                call=channel.call_id,
            )
            self.scope.set("INVALID_EXTEN", channel.exten)
            channel.exten, channel.priority = "i", 1
            return True
        if self.run.exists(channel.context, "e"):
            self.run.raise_problem("INVALID", 1)
            return True
        self.run.warn(
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
        collected = await self._collect(digits, wait)
        if collected is None:
            return False
        timed_out = incomplete and len(collected) == before
        if not timed_out:
            await self.run.resolve(channel.context, collected)
        if not timed_out and self.run.exists(channel.context, collected):
            channel.exten, channel.priority = collected, 1
            return True
        if not timed_out and collected:
            if self.run.exists(channel.context, "i"):
                self.log.verbose(
                    3,
                    f"Invalid extension '{collected}' in context '{channel.context}' on {channel.name}",
                    call=channel.call_id,
                )
                scope.set("INVALID_EXTEN", collected)
                channel.exten, channel.priority = "i", 1
                return True
            if self.run.exists(channel.context, "e"):
                self.run.raise_problem("INVALID", 1)
                return True
            self.run.warn(f"Invalid extension '{collected}', but no rule 'i' or 'e' in context '{channel.context}'")
            return False
        if self.run.exists(channel.context, "t"):
            self.log.verbose(3, f"Timeout on {channel.name}", call=channel.call_id)
            channel.exten, channel.priority = "t", 1
            return True
        if self.run.exists(channel.context, "e"):
            self.run.raise_problem("RESPONSETIMEOUT", 1)
            return True
        self.run.warn(f"Timeout, but no rule 't' or 'e' in context '{channel.context}'")
        return False

    async def _collect(self, digits: str, wait: float) -> str | None:
        """`digits` and those pressed behind them, while more could make another extension; None if the call ended."""
        channel = self.channel
        while self.run.match_more(channel.context, digits):
            digit = await self.run.digit(wait)
            if digit is None:
                if self.run.over:
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
            await self.run.signal_end(kind, FALLTHROUGH_TONE)

    def _hangup(self) -> None:
        """Hang up with the cause that was set; without one it is 0, as Asterisk leaves it."""
        self.channel.hangup(self.channel.hangup_cause)

    async def _farewell(self) -> None:
        """`h`, then the hangup handlers, newest first, on a channel whose waits return at once."""
        channel = self.channel
        if self.run.exists(channel.context, "h"):
            channel.exten, channel.priority = "h", 1
            try:
                await steps.go(self.run)
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
                self.run.warn(f"{self.channel.name}: hangup handlers add hangup handlers for ever; {ran - 1} ran")
                handlers.clear()
                break
            if ran > 1:
                await steps.give_way(self.run)
            try:
                await self.run.subroutine(handlers.pop())
            except Hangup:
                self.channel.acknowledge()
