"""The records of one channel."""

from __future__ import annotations

from pbx.cdr.record import Record
from pbx.channels.channel import Channel


class Chain:
    """The records of one channel, oldest first."""

    __slots__ = ("age", "bridge", "cause", "channel", "dialled", "ended", "hung_up", "originated", "place", "records")

    def __init__(self, channel: Channel, first: Record) -> None:
        self.channel = channel
        self.records = [first]
        #: of two who called nobody the one with the smaller number is the caller
        self.age = first.sequence
        #: where the dialplan stood when it was last heard of
        self.place: tuple[str, str, int] = ("", "", 0)
        #: the dialplan is through: what `h` and hangup handlers do is no part of the call
        self.hung_up = False
        #: somebody calls this channel, and the outcome is not known yet
        self.dialled = False
        #: the call began here (originate): it is a caller, though called
        self.originated = False
        #: the bridge it was in last
        self.bridge = ""
        #: the time when the channel ended while the outcome of calling it was still to come
        self.ended = 0.0
        #: hangup cause as it was when the state last changed or Hangup began
        self.cause = 0

    @property
    def last(self) -> Record:
        return self.records[-1]

    @property
    def called(self) -> bool:
        """Made by somebody who called it, and not gone its own way."""
        return self.channel.outgoing and not self.originated
