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

from pbx.channels.voice.autoflush import AutoFlush
from pbx.channels.voice.counters import CounterTable
from pbx.channels.voice.headers import Headers, load_headers
from pbx.channels.voice.host import Host
from pbx.channels.voice.mmsg import Kernel
from pbx.channels.voice.port import VoiceEvents


class LocalPort(AutoFlush):
    """A voice plane in process.  Implements `VoicePort`; `counters` is the shared table (`port.Counters`).

    reactor: IReactorTime; IReactorFDSet for sockets and exact ticks; IReactorThreads for files (without it they are
    read and written at once).  headers: reads and writes the media headers of the protocol (default: IAX2's).
    events: told what the plane has to say; may be set later (`port.events = ...`) but before the first socket is
    added.  Commands are applied at `flush()`, at the latest when the reactor turns.  `shutdown()` ends it: no
    reader, timer or thread stays behind.
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
        super().__init__(reactor, events)
        self.counters = CounterTable(capacity)
        self._host = Host(reactor, headers or load_headers(), self.counters, self._told, clock=clock, kernel=kernel)
        self.plane = self._host.plane

    def _leave(self) -> None:
        self._host.commands(self.take())

    def shutdown(self) -> None:
        """Send what was said, close files, leave the reactor."""
        if self._stopped:
            return
        self.flush()
        self._stopped = True
        self._cancel()
        self._host.stop()
