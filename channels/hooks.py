"""Hooks on what passes between a channel and its far end: they see each signal, and may keep it from passing.

What comes from the far end is asked about in `Channel.deliver`; what goes to it,
by `Channel.line`, a leg in front of the technology's own.  Voice never passes here: what is to be
done to sound is an edit of the graph.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from pbx.channels.events import ChannelEvent, Control, DigitBegin, DigitEnd, Indication, Opaque, Text

if TYPE_CHECKING:
    from pbx.channels.channel import Channel
    from pbx.channels.ends import Leg
    from pbx.channels.voice.port import Buffering


class Hook(Protocol):
    """Something that looks at a channel's signals."""

    def passes(self, channel: Channel, event: ChannelEvent, *, sent: bool) -> bool:
        """False keeps the event from passing.  sent: it goes to the far end; else it comes from there."""


def add_hook(channel: Channel, hook: Hook) -> None:
    """Have the hook asked about this channel's signals from now on, behind those that are there."""
    channel.hooks = (*channel.hooks, hook)


def remove_hook(channel: Channel, hook: Hook) -> None:
    """Take a hook back."""
    channel.hooks = tuple(one for one in channel.hooks if one is not hook)


class HookedLeg:
    """A leg that asks the channel's hooks before it tells the technology's."""

    def __init__(self, channel: Channel, inner: Leg) -> None:
        self.inner = inner
        self._channel = channel

    def __getattr__(self, name: str) -> Any:
        # what a technology has beyond Leg
        return getattr(self.inner, name)

    def _passes(self, event: ChannelEvent) -> bool:
        return passes(self._channel, event, sent=True)

    @property
    def technology(self) -> str:
        return self.inner.technology

    @technology.setter
    def technology(self, value: str) -> None:
        self.inner.technology = value

    @property
    def row(self) -> int | None:
        return self.inner.row

    def answer(self) -> None:
        if self._passes(Indication(Control.ANSWER)):
            self.inner.answer()

    def indicate(self, control: Control, data: bytes = b"") -> None:
        if self._passes(Indication(control, data)):
            self.inner.indicate(control, data)

    def digit_begin(self, digit: str) -> None:
        if self._passes(DigitBegin(digit)):
            self.inner.digit_begin(digit)

    def digit_end(self, digit: str, milliseconds: int) -> None:
        if self._passes(DigitEnd(digit, milliseconds)):
            self.inner.digit_end(digit, milliseconds)

    def send_text(self, text: str) -> None:
        if self._passes(Text(text)):
            self.inner.send_text(text)

    def send_opaque(self, frame_type: int, subclass: int, data: bytes) -> None:
        if self._passes(Opaque(frame_type, subclass, data)):
            self.inner.send_opaque(frame_type, subclass, data)

    def transfer(self, exten: str, context: str | None = None) -> bool:
        return self.inner.transfer(exten, context)

    def hangup(self, cause: int) -> None:
        self.inner.hangup(cause)

    def buffer(self, wish: Buffering | None) -> bool:
        return self.inner.buffer(wish)

    def detail(self, item: str) -> str | None:
        return self.inner.detail(item)


def passes(channel: Channel, event: ChannelEvent, *, sent: bool) -> bool:
    """What the channel's hooks say; each of them is asked, until one keeps the event."""
    return all(hook.passes(channel, event, sent=sent) for hook in channel.hooks)
