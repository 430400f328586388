"""The voice plane in this process: a `VoicePort` whose other end runs in the same reactor.

What crosses the port is encoded just as for a plane in a process of its own
(`records.py`): commands are queued as records and decoded by the plane between
two batches of frames; events come back as records and are decoded into calls
of `VoiceEvents`.
"""

from __future__ import annotations

from typing import Any

from pbx.channels.voice.headers import Headers
from pbx.channels.voice.port import Counters, VoiceEvents


class LocalPort:
    """A voice plane in process.  Implements `VoicePort`; `counters` is the shared table (`port.Counters`).

    reactor: IReactorTime and IReactorFDSet.  headers: reads and writes the media headers of the protocol
    (`pbx.channels.iax2.media.MediaHeaders()`).  events: told what the plane has to say; may be set later
    (`port.events = ...`) but before the first socket is added.  Commands are applied at `flush()`, at the latest
    when the reactor turns.  `stop()` ends it: no reader, timer or thread stays behind.
    """

    counters: Counters

    def __init__(
        self, reactor: Any, events: VoiceEvents | None = None, *, headers: Headers | None = None, capacity: int = 32768
    ) -> None:
        raise NotImplementedError

    def stop(self) -> None:
        """Close files, leave the reactor."""
