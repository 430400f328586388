"""Park and ParkedCall: a call waits at a number until somebody takes it up there.

One lot, `default`, with the places that Asterisk ships; res_parking.conf comes later.
"""

from __future__ import annotations

from dataclasses import dataclass

from pbx.channels.bridge import bridge_channels
from pbx.channels.causes import Cause
from pbx.channels.channel import Channel
from pbx.dialplan.applications.bridgewait import entertained
from pbx.dialplan.arguments import fields, parse_options
from pbx.dialplan.functions.common import c_float
from pbx.dialplan.interpreter import Run
from pbx.dialplan.registry import Outcome, Result, application, options
from pbx.dialplan.services import Services

FIRST, LAST = 701, 720
#: Seconds that a call waits.
PARKING_TIME = 45.0
TIMEOUT_CONTEXT = "parkedcallstimeout"


@dataclass(slots=True)
class Parked:
    """One call that waits."""

    channel: Channel
    slot: int


def lot_of(services: Services) -> dict[int, Parked]:
    """The parking lot: place -> call."""
    lot: dict[int, Parked] = services.shared.setdefault("parking", {})
    return lot


@application(
    "Park",
    syntax="Park([parking_lot_name[,options]])",
    synopsis="Parks this call",
    options=options(
        {
            "r": "rings instead of music",
            "R": "a random place",
            "s": "does not say the place",
            "c(context,exten,priority)": "where the call goes when its time is over",
            "t(seconds)": "how long it waits",
        }
    ),
    variables={"PARKEDAT": "the place"},
    module="res_parking",
)
async def park(run: Run, data: str) -> Result:
    name, letters = fields(data, 2)
    if name and name != "default":
        run.warn(f"there is no parking lot '{name}'")
        return None
    found, _ = parse_options(letters)
    channel, lot = run.channel, lot_of(run.services)
    free = [slot for slot in range(FIRST, LAST + 1) if slot not in lot]
    if not free:
        run.warn("the parking lot is full")
        return Outcome.END
    slot = run.services.random.choice(free) if "R" in found else free[0]
    channel.answer()
    lot[slot] = Parked(channel, slot)
    run.scope.set("PARKEDAT", str(slot))
    try:
        with entertained(run, "r" if "r" in found else "m"):
            await channel.sleep(c_float(found.get("t") or "") or PARKING_TIME)
    finally:
        lot.pop(slot, None)
    if run.over:
        return Outcome.END
    place = found.get("c")
    if place:
        return run.goto(place)
    if run.exists(TIMEOUT_CONTEXT, "s"):
        run.jump(TIMEOUT_CONTEXT, "s", 1)
        return None
    return Outcome.END


@application(
    "ParkedCall",
    syntax="ParkedCall([parking_lot_name[,parking_space]])",
    synopsis="Takes up a parked call",
    module="res_parking",
)
async def parked_call(run: Run, data: str) -> Result:
    _, space = fields(data, 2)
    lot, channel = lot_of(run.services), run.channel
    parked = lot.get(int(space)) if space.isdigit() else next(iter(lot.values()), None)
    channel.answer()
    if parked is None or parked.channel.dead or run.over:
        run.warn(f"there is no parked call at '{space}'")
        return Outcome.END
    lot.pop(parked.slot, None)
    other = parked.channel
    other.claim(run)
    try:
        await bridge_channels(channel, channel, other)
    finally:
        if not other.dead and other.owner is None:
            other.hangup(int(Cause.NORMAL_CLEARING))
    return Outcome.END
