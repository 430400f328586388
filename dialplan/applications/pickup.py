"""Pickup, PickupChan: answer a call that rings elsewhere."""

from __future__ import annotations

from pbx.channels.channel import Channel, State
from pbx.dialplan.arguments import fields
from pbx.dialplan.dialing import Calling
from pbx.dialplan.interpreter import Run
from pbx.dialplan.registry import Result, application


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
    module="app_directed_pickup",
)
async def pickup(run: Run, data: str) -> Result:
    for wish in data.split("&"):
        exten, _, context = wish.partition("@")
        for channel in _ringing(run):
            if exten and _place(channel) == (exten, context or run.channel.context) and await _take(run, channel):
                return None
    run.log.notice(f"No target channel found for {data}.", call=run.channel.call_id)
    return None


@application(
    "PickupChan",
    syntax="PickupChan(channel1[&channel2[&...]][,options])",
    synopsis="Takes a call that rings on a channel",
    module="app_directed_pickup",
)
async def pickup_chan(run: Run, data: str) -> Result:
    names, _ = fields(data, 2)
    for name in names.split("&"):
        for channel in _ringing(run):
            if name and channel.name.startswith(name) and await _take(run, channel):
                return None
    run.log.notice(f"No target channel found for {data}.", call=run.channel.call_id)
    return None
