"""Channels that talk to each other: the bridge core.

A bridge moves no sound (the graph does); it carries signals: control frames,
digits, text, frames it can't read.  It claims the channels that have no task of
their own and lets them go when it ends: no masquerade.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pbx.channels.channel import Channel


class Reason(Enum):
    """Why a bridge ended."""

    HANGUP = "hangup"  # a channel ended; BridgeResult.channel is the one
    TAKEN = "taken"  # a channel was claimed by another owner and lives on there
    FEATURE = "feature"  # a feature hook said END
    LIMIT = "limit"  # BridgeOptions.limit ran out
    TRANSFER = "transfer"  # a channel asked to go on elsewhere (TransferRequest)


@dataclass(slots=True)
class BridgeResult:
    """How a bridge ended; `value` is what the feature hook returned, or the TransferRequest."""

    reason: Reason
    channel: Channel | None = None
    value: object = None


#: A DTMF feature: runs in the bridge's task with the bridge's sound still up; None goes on, anything else ends
#: the bridge with Reason.FEATURE and that value.
Hook = Callable[["Bridge", "Channel"], Awaitable[object]]


@dataclass(slots=True)
class BridgeOptions:
    """What the one who bridges wants.

    hooks: per channel, digits (`*`, `#1`, ...) -> feature.  While digits typed by that channel are a beginning of
    a feature they are kept back; after digit_timeout s, or when they can't become one, they are passed on.
    limit: seconds; tick: (seconds, what to call) pairs, called when the bridge has stood that long.
    """

    hooks: Mapping[Channel, Mapping[str, Hook]] = field(default_factory=dict)
    digit_timeout: float = 1.0
    limit: float | None = None
    ticks: tuple[tuple[float, Callable[[Bridge], None]], ...] = ()
    #: pass digits / text / hold from one side to the other
    pass_digits: bool = True


class Bridge:
    """Two (later many) channels that hear each other; `channel.bridge` while they do."""

    id: str
    channels: tuple[Channel, ...]

    def peer(self, channel: Channel) -> Channel: ...


async def bridge_channels(
    task: Channel, a: Channel, b: Channel, options: BridgeOptions | None = None
) -> BridgeResult:
    """Bridge `a` and `b` on `task`'s task until one ends; Interrupts of `task` break through, bridge undone.

    A channel that is not `task` is claimed by the bridge, and released (not hung up) at the end, unless another
    owner claimed it.  Publishes Bridged and Unbridged.
    """
    raise NotImplementedError
