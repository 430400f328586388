"""Pickup, PickupChan: answer a call that rings elsewhere."""

from __future__ import annotations

from pbx.channels.channel import Channel, State
from pbx.dialplan.arguments import fields, parse_options
from pbx.dialplan.dialing import Calling
from pbx.dialplan.interpreter import Run
from pbx.dialplan.registry import Result, application, options
from pbx.dialplan.scope import scope_of


def _ringing(run: Run) -> list[Channel]:
    """Called legs that ring and have not been answered."""
    waiting = (State.DOWN, State.RINGING, State.RING)
    return [c for c in run.services.switch.channels() if c.outgoing and c.state in waiting and c is not run.channel]


def _place(channel: Channel) -> tuple[str, str]:
    """(extension, context) at which a called leg rings: the extension from which it is called."""
    calling = channel.owner
    if not isinstance(calling, Calling):
        return channel.exten, channel.context
    return calling.caller.exten, channel.context or calling.caller.context


def _marked(run: Run, channel: Channel, mark: str) -> bool:
    """`mark@PICKUPMARK` in place of an extension: the variable of that name says so."""
    return bool(mark) and scope_of(run.services, channel).get("PICKUPMARK") == mark


def _is_named(channel: Channel, name: str, *, prefix: bool) -> bool:
    """A channel by its name, the name without its serial part, or its unique id; prefix: any beginning of the name."""
    own, wanted = channel.name.lower(), name.lower()
    if prefix:
        return own.startswith(wanted)
    return wanted in (own, own.rpartition("-")[0]) or channel.uniqueid == name


async def _take(run: Run, target: Channel) -> bool:
    """Answer for `target`: who dials it is connected with this channel instead, whose own way ends here."""
    calling = target.owner
    if not isinstance(calling, Calling) or not calling.pick_up(target, run.channel):
        return False
    await run.channel.wait(None)
    return True


@application(
    "Pickup",
    syntax="Pickup([extension[@context][&extension2[@context2][&...]]])",
    synopsis="Takes a call that rings at an extension",
    description=(
        "An extension is the one from which the ringing channel is dialled; `mark@PICKUPMARK` finds a channel whose "
        "variable PICKUPMARK is that mark."
    ),
    module="app_directed_pickup",
)
async def pickup(run: Run, data: str) -> Result:
    for wish in data.split("&"):
        exten, _, context = wish.partition("@")
        for channel in _ringing(run):
            if context == "PICKUPMARK":
                found = _marked(run, channel, exten)
            else:
                found = bool(exten) and _place(channel) == (exten, context or run.channel.context)
            if found and await _take(run, channel):
                return None
    run.log.notice(f"No target channel found for {data}.", call=run.channel.call_id)
    return None


@application(
    "PickupChan",
    syntax="PickupChan(channel1[&channel2[&...]][,options])",
    synopsis="Takes a call that rings on a channel",
    description="A channel is named as `core show channels` does, or without the part behind its last `-`.",
    options=options({"p": "the names are beginnings of channel names"}),
    module="app_directed_pickup",
)
async def pickup_chan(run: Run, data: str) -> Result:
    names, letters = fields(data, 2)
    prefix = "p" in parse_options(letters)[0]
    for name in filter(None, names.split("&")):
        for channel in _ringing(run):
            if _is_named(channel, name, prefix=prefix) and await _take(run, channel):
                return None
    run.log.notice(f"No target channel found for {data}.", call=run.channel.call_id)
    return None
