"""The voice plane in this process: a `VoicePort` whose other end runs in the same reactor.

What crosses the port is encoded just as for a plane in a process of its own
(`records.py`): commands are queued as records and decoded by the plane between
two batches of frames; events come back as records and are decoded into calls
of `VoiceEvents`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from twisted.logger import Logger

from pbx.channels.voice.counters import CounterTable
from pbx.channels.voice.headers import Headers
from pbx.channels.voice.host import Host
from pbx.channels.voice.mmsg import Kernel
from pbx.channels.voice.port import VoiceEvents
from pbx.channels.voice.records import Commands, deliver_events

_log = Logger()


class LocalPort(Commands):
    """A voice plane in process.  Implements `VoicePort`; `counters` is the shared table (`port.Counters`).

    reactor: IReactorTime; IReactorFDSet for sockets and exact ticks; IReactorThreads for files (without it they are
    read and written at once).  headers: reads and writes the media headers of the protocol
    (`pbx.channels.iax2.media.MediaHeaders()`, also the default).  events: told what the plane has to say; may be set
    later (`port.events = ...`) but before the first socket is added.  Commands are applied at `flush()`, at the
    latest when the reactor turns.  `shutdown()` ends it: no reader, timer or thread stays behind.
    """

    def __init__(
        self,
        reactor: Any,
        events: VoiceEvents | None = None,
        *,
        headers: Headers | None = None,
        capacity: int = 32768,
        clock: Callable[[], int] = time.monotonic_ns,
        kernel: Kernel | None = None,
    ) -> None:
        super().__init__()
        self.events = events
        self.counters = CounterTable(capacity)
        self._reactor = reactor
        self._clock = clock
        self._host = Host(reactor, headers or _iax2(), self.counters, self._told, clock=clock, kernel=kernel)
        self.plane = self._host.plane
        self._flush_call: Any = None
        self._busy = False
        self._stopped = False

    # ---- commands ---------------------------------------------------------------------------------------------

    def put(self, *args: Any, **fields: Any) -> None:
        super().put(*args, **fields)
        if self._flush_call is None and not self._busy and not self._stopped:
            self._flush_call = self._reactor.callLater(0, self._turned)

    def _turned(self) -> None:
        self._flush_call = None
        self.flush()

    def flush(self) -> None:
        """Let the plane obey what was said in this turn of the loop, and hear what it answers."""
        if self._busy:
            return
        if self._flush_call is not None:
            self._flush_call.cancel()
            self._flush_call = None
        if self and not self._stopped:
            self._host.commands(self.take())

    # ---- events -----------------------------------------------------------------------------------------------

    def _told(self, batch: bytes) -> None:
        """The plane said something; what control answers at once goes back before anything else is read."""
        self._busy = True
        try:
            if self.events is not None:
                deliver_events(batch, self.events, lambda: _log.failure("an event of the voice plane"))
        finally:
            self._busy = False
        self.flush()

    def shutdown(self) -> None:
        """Close files, leave the reactor."""
        if self._stopped:
            return
        self.flush()
        self._stopped = True
        if self._flush_call is not None:
            self._flush_call.cancel()
            self._flush_call = None
        self._host.stop()


def _iax2() -> Headers:
    from pbx.channels.iax2.media import MediaHeaders

    return MediaHeaders()
