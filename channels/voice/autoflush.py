"""Commands that leave by themselves when the reactor turns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.logger import Logger

from pbx.channels.voice.journal import JournaledCommands
from pbx.channels.voice.port import VoiceEvents
from pbx.channels.voice.records import Command, deliver_events

_log = Logger()

#: seconds that commands of the kinds below wait for more: waking a voice process costs more than obeying them, and
#: calls that begin or end have several each.  Then they leave as soon as control has something to do anyway, LONGEST
#: after the first at the latest: less than the 20 ms from a call's first frame of voice to the next; the first itself
#: takes with it all that waits.
PATIENCE, LONGEST = 0.005, 0.015
_PATIENT = frozenset(
    {
        Command.ADD_LEG,
        Command.BIND_LEG,
        Command.REMOVE_LEG,
        Command.RESET_EDGES,
        Command.SET_BUFFER,
        Command.SET_FLAGS,
        Command.SET_FORMATS,
    }
)


class AutoFlush(JournaledCommands):
    """Base of both ports: gathers commands of one turn; `_leave()` hands them over; `_told(batch)` hears events."""

    def __init__(self, reactor: Any, events: VoiceEvents | None) -> None:
        super().__init__()
        self.events = events
        self._reactor = reactor
        self._flush_call: Any = None
        #: something was said that can't wait
        self._hurry = False
        #: from when on what waits may leave
        self._ripe = 0.0
        self._busy = False
        self._stopped = False
        self._after: list[Callable[[], object]] = []

    def put(self, kind: int, *args: Any, **fields: Any) -> None:
        super().put(kind, *args, **fields)
        if kind not in _PATIENT:
            if not self._hurry:
                self._hurry = True
                self._cancel()
                if not self._busy and not self._stopped:
                    self._flush_call = self._reactor.callLater(0, self._turned)
        elif self._flush_call is None and not self._stopped:
            self._ripe = self._reactor.seconds() + PATIENCE
            self._flush_call = self._reactor.callLater(LONGEST, self._turned)

    def _turned(self) -> None:
        self._flush_call = None
        self.flush()

    def turn(self) -> None:
        """See VoicePort."""
        if self._hurry or (self._flush_call is not None and self._reactor.seconds() >= self._ripe):
            self.flush()

    def flush(self) -> None:
        """Hand over what was said."""
        if self._busy:
            return
        self._cancel()
        self._hurry = False
        if self and not self._stopped:
            self._leave()

    def _leave(self) -> None:
        raise NotImplementedError

    def _told(self, batch: bytes) -> None:
        """The plane said something; what control answers at once goes back before anything else is read."""
        self._busy = True
        try:
            if self.events is not None:
                deliver_events(batch, self.events, _failed)
            while self._after:
                try:
                    self._after.pop(0)()
                except Exception:
                    _failed()
        finally:
            self._busy = False
        self.turn()

    def soon(self, call: Callable[[], object]) -> None:
        """Call it once all that the plane says at this time has been told; in the next turn if it says nothing now."""
        if self._busy:
            self._after.append(call)
        else:
            self._reactor.callLater(0, call)

    def _cancel(self) -> None:
        if self._flush_call is not None:
            self._flush_call.cancel()
            self._flush_call = None


def _failed() -> None:
    _log.failure("an event of the voice plane")
