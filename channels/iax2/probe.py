"""A POKE on demand: does anybody speak IAX2 there, and how far away? (`iax2 probe`)"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from pbx.channels.iax2.address import Address
from pbx.channels.iax2.dialog import Dialog
from pbx.channels.iax2.elements import Elements
from pbx.channels.iax2.frames import Command, FullFrame
from pbx.channels.iax2.reliable import Sent

if TYPE_CHECKING:
    from pbx.channels.iax2.core import Core


#: round trip that is taken for likely, seconds: the second copy leaves after twice of it
_RTT = 0.25


class ProbePoke(Dialog):
    """One POKE; `done` is called once: seconds until the PONG, or None when none came."""

    __slots__ = ("_done", "sent_at")

    kind: ClassVar[str] = "probe"

    def __init__(
        self, core: Core, address: Address, now: float, done: Callable[[float | None], None], source: str = ""
    ) -> None:
        socket, local = core.socket_for(address, source)
        super().__init__(core, socket, address, local, now)
        self.sent_at = now
        self.rtt = _RTT
        self._done: Callable[[float | None], None] | None = done
        self.open(Command.POKE, Elements(), now)

    def on_command(self, frame: FullFrame, elements: Elements, now: float) -> None:
        if frame.subclass == Command.PONG:
            self.ack(frame)
            self._tell(now - self.sent_at)
            self.forget(now)
        elif frame.subclass in (Command.HANGUP, Command.REJECT, Command.INVAL):
            self._tell(None)
            self.forget(now)

    def on_lost(self, sent: Sent, now: float) -> None:
        self._tell(None)
        self.forget(now)

    def _tell(self, seconds: float | None) -> None:
        done, self._done = self._done, None
        if done is not None:
            done(seconds)
