"""Commands that leave by themselves when the reactor turns."""

from __future__ import annotations

from typing import Any

from twisted.logger import Logger

from pbx.channels.voice.journal import JournaledCommands
from pbx.channels.voice.port import VoiceEvents
from pbx.channels.voice.records import deliver_events

_log = Logger()


class AutoFlush(JournaledCommands):
    """Base of both ports: gathers commands of one turn; `_leave()` hands them over; `_told(batch)` hears events."""

    def __init__(self, reactor: Any, events: VoiceEvents | None) -> None:
        super().__init__()
        self.events = events
        self._reactor = reactor
        self._flush_call: Any = None
        self._busy = False
        self._stopped = False

    def put(self, *args: Any, **fields: Any) -> None:
        super().put(*args, **fields)
        if self._flush_call is None and not self._busy and not self._stopped:
            self._flush_call = self._reactor.callLater(0, self._turned)

    def _turned(self) -> None:
        self._flush_call = None
        self.flush()

    def flush(self) -> None:
        """Hand over what was said in this turn of the loop."""
        if self._busy:
            return
        self._cancel()
        if self and not self._stopped:
            self._leave()

    def _leave(self) -> None:
        raise NotImplementedError

    def _told(self, batch: bytes) -> None:
        """The plane said something; what control answers at once goes back before anything else is read."""
        self._busy = True
        try:
            if self.events is not None:
                deliver_events(batch, self.events, lambda: _log.failure("an event of the voice plane"))
        finally:
            self._busy = False
        self.flush()

    def _cancel(self) -> None:
        if self._flush_call is not None:
            self._flush_call.cancel()
            self._flush_call = None
