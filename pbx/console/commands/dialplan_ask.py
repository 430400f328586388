"""dialplan explain, trace, eval: questions to the dialplan that runs."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from pbx.channels.channel import Channel
from pbx.channels.events import ChannelEnded, ChannelLocation
from pbx.console.commands import dialplan_words as words_of
from pbx.console.commands.dialplan_words import arguments
from pbx.console.registry import CommandFailed, Context, UsageShown, command
from pbx.dialplan.explain import explain, lines
from pbx.dialplan.expressions import syntax_error
from pbx.dialplan.registry import FUNCTIONS, FunctionError, Suspend
from pbx.dialplan.scope import Scope

#: bytes that may wait for a console that does not read, before a trace leaves lines out
BACKLOG = 256 * 1024


@command(
    "dialplan explain",
    "Say which extension a number finds, and why",
    "Usage: dialplan explain <number>[/<caller>]@<context>\n"
    "       The extension that a call to that number runs in that context, the others\n"
    "       that match in the order in which they are asked, and what decides it.\n",
    complete=arguments(2, words_of.places),
)
def explain_(context: Context, words: list[str]) -> None:
    number, at, name = words[0].rpartition("@") if len(words) == 1 else ("", "", "")
    if not at or not number or not name:
        raise UsageShown
    number, _, caller = number.partition("/")
    dialplan = context.pbx.dialplan.services.dialplan
    if not dialplan.has_context(name):
        raise CommandFailed(f"There is no existence of '{name}' context")
    context.lines(lines(explain(dialplan, number, name, caller), number, name))


# ---- trace -----------------------------------------------------------------------------------------------


@command(
    "dialplan trace",
    "Show each step of a channel through the dialplan",
    "Usage: dialplan trace <channel>|all [off]\n"
    "       Each priority as it is run, with its data after variables, until the\n"
    "       channel ends, 'off' is said or this console is closed.\n",
    complete=arguments(2, words_of.all_or_channels, "off"),
)
async def trace(context: Context, words: list[str]) -> None:
    if not 1 <= len(words) <= 2 or (len(words) == 2 and words[1] != "off"):
        raise UsageShown
    name = words[0]
    traces: dict[str, Trace] = context.session.__dict__.setdefault("traces", {}) if context.session else {}
    running = traces.get(name)
    if len(words) == 2:
        if running is None:
            raise CommandFailed(f"'{name}' is not being traced here")
        running.end()
        context.line(f"No longer tracing {name}")
        return
    wanted = None
    if name != "all":
        wanted = context.pbx.switch.channel(name)
        if wanted is None:
            raise CommandFailed(f"'{name}' is not a known channel")
    if running is None:
        traces[name] = running = Trace(context, wanted, lambda: traces.pop(name, None) and None)
    context.line(f"Tracing {name}")
    if context.session is None or not context.session.interactive:
        # `pbx -rx`: it ends with the channel
        await running.done


class Trace:
    """Writes the steps of one channel (None: of all) to a console."""

    def __init__(self, context: Context, channel: Channel | None, gone: object) -> None:
        self._context = context
        self._channel = channel
        self._gone = gone
        self._left_out = 0
        #: fires when the channel is gone
        self.done: Deferred[None] = Deferred(lambda _: self.end())
        bus = context.pbx.bus
        self._ends = [bus.subscribe(ChannelLocation, self._step), bus.subscribe(ChannelEnded, self._over)]
        if channel is not None and channel.application:
            self._write(f"{_place(channel)} {channel.application}({channel.data}) is running")

    def _step(self, event: ChannelLocation) -> None:
        channel = event.channel
        if self._channel is None or channel is self._channel:
            self._write(f"{_place(channel)} {channel.application}({channel.data})")

    def _over(self, event: ChannelEnded) -> None:
        if event.channel is self._channel:
            self._write(f"{event.channel.name} ended with cause {int(event.cause)}")
            self.end()
        elif self._channel is None:
            self._write(f"{event.channel.name} ended with cause {int(event.cause)}")

    def _write(self, text: str) -> None:
        session = self._context.session
        transport = getattr(session, "transport", None)
        if session is not None and not session.connected:
            self.end()
            return
        waiting = len(getattr(transport, "dataBuffer", b"")) + sum(map(len, getattr(transport, "_tempDataBuffer", ())))
        if waiting > BACKLOG:
            self._left_out += 1
            return
        if self._left_out:
            self._context.line(f"({self._left_out} steps left out: this console did not read them)")
            self._left_out = 0
        self._context.line(text)

    def end(self) -> None:
        """No more steps."""
        for end in self._ends:
            end()
        self._ends = []
        if callable(self._gone):
            self._gone()
        if not self.done.called:
            self.done.callback(None)


def _place(channel: Channel) -> str:
    return f"{channel.name} [{channel.exten}@{channel.context}:{channel.priority}]"


# ---- eval ------------------------------------------------------------------------------------------------


@command(
    "dialplan eval function",
    "Evaluate dialplan function",
    "Usage: dialplan eval function <name(args)>\n"
    "       Evaluate a dialplan function call\n"
    "       A dummy channel is used to evaluate\n"
    "       the function call, so only global\n"
    "       variables should be used.\n",
    complete=arguments(3, words_of.function_calls),
)
async def eval_function(context: Context, words: list[str]) -> None:
    if len(words) != 1:
        raise UsageShown
    code, value = await _read(Scope(context.pbx.dialplan.services), words[0])
    context.line(f"Return Value: {'Failure' if code else 'Success'} ({code})")
    context.line(f"Result: {value or ''}")


async def _read(scope: Scope, text: str) -> tuple[int, str]:
    """(0, what a function gives), waiting if it has to; another number if it fails."""
    name, _, rest = text.partition("(")
    args = rest[: rest.rindex(")")] if ")" in rest else rest
    function = FUNCTIONS.get(name)
    if function is None or function.read is None or function.needs_channel:
        return -1, ""
    try:
        return 0, function.read(scope, args)
    except FunctionError as error:
        return error.code, ""
    except Suspend as wait:
        return 0, await wait.start()


@command(
    "dialplan eval expression",
    "Evaluate a dialplan expression",
    "Usage: dialplan eval expression <text>\n"
    "       What the dialplan makes of a text: of what stands in $[...], of ${...}, or of\n"
    "       the whole as an expression when neither is in it. There is no channel, so only\n"
    "       global variables are there.\n",
)
async def eval_expression(context: Context, words: list[str]) -> None:
    text = context.rest
    if not text:
        raise UsageShown
    scope = Scope(context.pbx.dialplan.services)
    if "$[" not in text and "${" not in text:
        wrong = syntax_error(text)
        if wrong is not None:
            context.line(text)
            context.line(f"{' ' * wrong[0]}^ {wrong[1]}")
        text = f"$[{text}]"
    try:
        value = scope.evaluate(text)
    except Suspend as wait:
        value = await scope.evaluate_again(text, wait)
    context.line(f"Result: {value}")
