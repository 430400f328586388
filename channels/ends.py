"""What a channel hangs between: its state, the technology's end of it, and who holds it."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pbx.channels.channel import Channel
    from pbx.channels.events import Control
    from pbx.channels.voice.port import Buffering


class State(IntEnum):
    """Channel states with Asterisk's numbers (CHANNEL(state), core show channels)."""

    DOWN = 0
    RESERVED = 1
    OFFHOOK = 2
    DIALING = 3
    RING = 4
    RINGING = 5
    UP = 6
    BUSY = 7

    @property
    def label(self) -> str:
        """The word that Asterisk's console prints."""
        return _LABELS[self]


_LABELS = {
    State.DOWN: "Down",
    State.RESERVED: "Rsrvd",
    State.OFFHOOK: "OffHook",
    State.DIALING: "Dialing",
    State.RING: "Ring",
    State.RINGING: "Ringing",
    State.UP: "Up",
    State.BUSY: "Busy",
}


class Leg(Protocol):
    """The technology's end of a channel: what can be asked of the far end.

    None of these waits.  What the far end does comes back through
    `Channel.deliver` and `Channel.end`.
    """

    technology: str

    @property
    def row(self) -> int | None:
        """Row of the voice plane; None for a leg that carries no voice of its own (Local), or not yet."""

    def answer(self) -> None:
        """Tell the far end that the call is answered."""

    def indicate(self, control: Control, data: bytes = b"") -> None:
        """Pass RINGING, PROGRESS, BUSY, HOLD ... to the far end."""

    def digit_begin(self, digit: str) -> None: ...

    def digit_end(self, digit: str, milliseconds: int) -> None: ...

    def send_text(self, text: str) -> None: ...

    def send_opaque(self, frame_type: int, subclass: int, data: bytes) -> None: ...

    def transfer(self, exten: str, context: str | None = None) -> bool:
        """Ask the far end to send its own call on; False if this technology cannot."""

    def hangup(self, cause: int) -> None:
        """End the far end's leg; the channel is already dead for everybody else."""

    def buffer(self, wish: Buffering | None) -> bool:
        """Smooth what the far end says like this (None: as the configuration says); False where no packets come."""

    def detail(self, item: str) -> str | None:
        """A technology item of CHANNEL(item), None if there is no such item."""


class Owner(Protocol):
    """Who holds a channel."""

    def left(self, channel: Channel, to: object) -> None:
        """The channel was claimed by another owner; it lives on there."""
