"""StoreDTMF, StreamEcho, AttendedTransfer: digits kept, sound sent back, digits typed in the caller's place."""

from __future__ import annotations

from dataclasses import dataclass

from pbx.channels.channel import Channel
from pbx.channels.events import ChannelEvent, DigitBegin, DigitEnd
from pbx.channels.hooks import add_hook, remove_hook
from pbx.dialplan.arguments import fields
from pbx.dialplan.functions.common import c_int
from pbx.dialplan.interpreter import Run
from pbx.dialplan.registry import Outcome, Result, application
from pbx.dialplan.scope import Scope


@dataclass(slots=True)
class _Store:
    """Appends digits of one direction to a variable."""

    scope: Scope
    sent: bool
    variable: str
    most: int

    def passes(self, channel: Channel, event: ChannelEvent, *, sent: bool) -> bool:
        if sent is self.sent and isinstance(event, DigitEnd) and self.variable:
            known = self.scope.substitute("${" + self.variable + "}")
            if self.most and len(known) >= self.most:
                _end(self.scope)
            else:
                self.scope.set(self.variable, known + event.digit)
        return True


def _end(scope: Scope) -> bool:
    """Take StoreDTMF off the channel; False if it is not there."""
    store: _Store | None = scope.notes.pop("storedtmf", None)
    if store is None or scope.channel is None:
        return False
    remove_hook(scope.channel, store)
    return True


@application(
    "StoreDTMF",
    syntax="StoreDTMF(direction,variable_name[,max_digits])",
    synopsis="Keeps the digits of a call in a variable from now on",
    arguments={"direction": "RX: from the caller, TX: to the caller, remove: no longer"},
    module="app_dtmfstore",
)
def store_dtmf(run: Run, data: str) -> Result:
    if not data:
        run.warn("StoreDTMF requires an argument")
        return Outcome.END
    direction, variable, most = fields(data, 3)
    scope, kind = run.scope, direction.lower()
    if kind == "remove":
        if not _end(scope):
            run.warn(f"Cannot remove StoreDTMF from {run.channel.name}: StoreDTMF not currently enabled")
            return Outcome.END
        return None
    if "storedtmf" in scope.notes:
        run.warn(f"StoreDTMF already set on '{run.channel.name}'")
        return None
    if kind not in ("rx", "tx"):
        run.warn(f"StoreDTMF: the direction is RX, TX or remove, not '{direction}'")
        return Outcome.END
    number = c_int(most) if most else 0
    if number is None or number < 0:
        run.warn(f"StoreDTMF: '{most}' is no number of digits")
        return Outcome.END
    store = scope.notes["storedtmf"] = _Store(scope, kind == "tx", variable, number)
    add_hook(run.channel, store)
    return None


@application(
    "StreamEcho",
    syntax="StreamEcho([num[,type]])",
    synopsis="As Echo: a call here has one stream",
    module="app_stream_echo",
)
async def stream_echo(run: Run, data: str) -> Result:
    return await run.execute("Echo", "")


@application(
    "AttendedTransfer",
    syntax="AttendedTransfer(exten)",
    synopsis="Types the digits of an attended transfer to an extension in the caller's place",
    variables={
        "ATTENDEDTRANSFERSTATUS": "SUCCESS, FAILURE or NOTPERMITTED",
        "TRANSFER_CONTEXT": "read: where the extension is; without it nothing is permitted",
    },
    module="app_attended_transfer",
)
def attended_transfer(run: Run, data: str) -> Result:
    scope, channel = run.scope, run.channel
    if not data:
        run.warn("AttendedTransfer requires an argument (exten)")
        scope.set("ATTENDEDTRANSFERSTATUS", "FAILURE")
        return None
    code = scope.function("FEATUREMAP", "atxfer") or ""
    if not scope.get("TRANSFER_CONTEXT") or not code:
        scope.set("ATTENDEDTRANSFERSTATUS", "NOTPERMITTED")
        return None
    for digit in f"{code}{data}#":
        channel.deliver(DigitBegin(digit))
        channel.deliver(DigitEnd(digit, 100))
    scope.set("ATTENDEDTRANSFERSTATUS", "SUCCESS")
    return None
