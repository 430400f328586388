"""PERIODIC_HOOK: a piece of dialplan that runs again and again beside a call, and is heard by its channel alone."""

from __future__ import annotations

from typing import Any

from pbx.channels.channel import Channel, State
from pbx.channels.log import Log
from pbx.channels.switch import Unavailable
from pbx.codecs.formats import SLIN
from pbx.dialplan.arguments import fields, truth
from pbx.dialplan.functions.common import c_int
from pbx.dialplan.registry import FunctionError, function
from pbx.dialplan.scope import Scope, scope_of

_log = Log("func_periodic_hook")
_FALSE = {"no", "false", "n", "f", "0", "off"}


class Periodic:
    """One hook of a channel: runs at once, then each `interval` seconds, while it is on."""

    def __init__(self, scope: Scope, number: int, context: str, exten: str, interval: int) -> None:
        assert scope.channel is not None
        self._services = scope.services
        self._channel = scope.channel
        self._number = number
        self._place = context, exten
        self._interval = interval
        self._timer: Any = None
        self.on = True
        self._channel.on_end(self._stop)
        self._timer = self._channel.switch.clock.callLater(0, self._tick)

    def _stop(self, _: Channel) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None

    def _tick(self) -> None:
        self._timer = self._channel.switch.clock.callLater(self._interval, self._tick)
        if self.on:
            self._run()

    def _run(self) -> None:
        """A Local pair: one half runs the dialplan, what the other one hears is whispered to the channel."""
        context, exten = self._place
        switch = self._channel.switch
        try:
            ear = switch.request(f"Local/{exten}@{context}/n", self._channel.formats or (SLIN,), None)
        except Unavailable as error:
            _log.warning(f"Failed to run hook on '{self._channel.name}': {error.reason}", call=self._channel.call_id)
            return
        runner = ear.leg.other  # type: ignore[union-attr]
        ear.set_state(State.UP)
        runner.set_state(State.UP)
        variables = scope_of(self._services, runner)
        variables.set("HOOK_CHANNEL", self._channel.name)
        variables.set("HOOK_ID", str(self._number))
        ear.claim(self)
        switch.graph.whisper(ear, self._channel)
        ear.watch(lambda: self._drain(ear))
        switch.extensions.run(runner)

    def _drain(self, ear: Channel) -> None:
        """Nobody reads what the hook signals; its end takes its half along."""
        while ear.poll() is not None:
            pass
        if ear.dead:
            ear.watch(None)
            ear.release(self)

    def left(self, channel: Channel, to: object) -> None:
        """Owner: somebody took the half (a transfer in the hook's dialplan)."""
        channel.switch.graph.unwhisper(channel, self._channel)


@function(
    "PERIODIC_HOOK",
    syntax="PERIODIC_HOOK(context,extension,interval|id)",
    synopsis="Runs an extension every so many seconds beside the call; read: its id, written (id): off or on",
    needs_channel=True,
    module="func_periodic_hook",
)
def periodic_hook(scope: Scope, args: str) -> str:
    context, exten, seconds = fields(args, 3)
    interval = c_int(seconds) or 0
    if interval <= 0 or not context or not exten:
        raise FunctionError("needs a context, an extension and an interval in seconds")
    shared = scope.services.shared
    number = shared["periodic"] = shared.get("periodic", -1) + 1
    scope.notes.setdefault("periodic", {})[str(number)] = Periodic(scope, number, context, exten, interval)
    return str(number)


@periodic_hook.writer
def _periodic_hook(scope: Scope, args: str, value: str) -> None:
    hook: Periodic | None = scope.notes.get("periodic", {}).get(args)
    if hook is None:
        raise FunctionError(f"this channel has no hook '{args}'")
    if not truth(value) and value.lower() not in _FALSE:
        raise FunctionError(f"write on or off, not '{value}'")
    hook.on = truth(value)
