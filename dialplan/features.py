"""Features that parties of a bridge reach by digits: hang up, blind transfer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pbx.channels.bridge import Bridge, Hook
from pbx.channels.channel import Channel, first_event
from pbx.channels.events import DigitEnd

if TYPE_CHECKING:
    from pbx.dialplan.interpreter import Run

#: What a bridge's clock calls.
Tick = Callable[[Bridge], None]
#: Seconds for the first digit of a transfer, and between digits.
TRANSFER_FIRST = 3.0
TRANSFER_NEXT = 3.0


@dataclass(frozen=True, slots=True)
class Disconnect:
    """Somebody pressed the digits that end the call."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """Somebody sends the other one to an extension."""

    context: str
    exten: str


async def _disconnect(bridge: Bridge, channel: Channel) -> object:
    return Disconnect()


def _blind_transfer(run: Run) -> Hook:
    async def hook(bridge: Bridge, channel: Channel) -> object:
        """Let `channel` dial where its peer is to go; None if that is nowhere."""
        services = run.services
        peer = bridge.peer(channel)
        other, own = (c.attached.get("scope") for c in (peer, channel))
        context = ""
        for scope in (own, other):
            context = context or ((scope.get("TRANSFER_CONTEXT") or "") if scope is not None else "")
        context = context or run.channel.context
        bridge.disconnect()
        found = services.find_sound("pbx-transfer", channel.language, channel.formats)
        source = services.switch.graph.play(channel, *found) if found else None
        exten = await _dialled(run, bridge, channel, context)
        if source is not None and source.playing:
            source.stop()
        if exten and services.switch.extensions.exists(context, exten, 1, peer.caller.number or ""):
            return Transfer(context, exten)
        bridge.connect()
        return None

    return hook


async def _dialled(run: Run, bridge: Bridge, channel: Channel, context: str) -> str:
    digits, wait = "", TRANSFER_FIRST
    extensions = run.services.switch.extensions
    while not digits or extensions.match_more(context, digits):
        found = await first_event(bridge.task, (channel,), wait)
        if found is None:
            break
        if isinstance(found[1], DigitEnd):
            if found[1].digit == "#" and digits:
                break
            digits += found[1].digit
            wait = TRANSFER_NEXT
        elif channel.dead:
            channel.push_back(found[1])
            break
    return digits


def hooks(run: Run, codes: Mapping[str, str], *, disconnect: bool, transfer: bool) -> dict[str, Hook]:
    """The features of one party: digits -> what they do."""
    table: dict[str, Hook] = {}
    if disconnect and codes.get("disconnect"):
        table[codes["disconnect"]] = _disconnect
    if transfer and codes.get("blindxfer"):
        table[codes["blindxfer"]] = _blind_transfer(run)
    return table
