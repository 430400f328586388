"""Conferences in a voice process: `python -m benchmarks.load.rooms BIND CALLERS PARTICIPANTS ROOM`.

Stands where pbx's control would: tells a voice process of its legs and of who hears whom, and numbers the full VOICE
frames that it asks for.  Participants are the generator's callers; call numbers are 2, 3, ... at both ends.
"""

from __future__ import annotations

import socket
import sys
import time
from typing import Any

from twisted.internet import reactor as _reactor

from pbx.channels.iax2.frames import FrameType, FullFrame, compress_subclass
from pbx.channels.voice.port import Edge, EdgeKind, LegFlags
from pbx.channels.voice.remoteport import RemotePort

ULAW = 4
reactor: Any = _reactor


class Rooms:
    """Hears the plane's events (`VoiceEvents`)."""

    def __init__(self, bind: str, callers: str, participants: int, room: int) -> None:
        self._far = (callers, 4569)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((bind, 4569))
        self._socket.setblocking(False)
        self._size = participants, room
        self._sent = [0] * (participants + 1)
        self._port = RemotePort(reactor, self, capacity=participants + 2)  # type: ignore[arg-type]
        self._port.add_socket(1, self._socket.fileno(), socket.AF_INET)
        self._port.ready.addCallback(lambda _: self._open())

    def _open(self) -> None:
        participants, room = self._size
        for row in range(1, participants + 1):
            self._port.add_leg(row, 1, 1, self._far, "", row + 1, row + 1, LegFlags(0), time.monotonic_ns())
            self._port.set_formats(row, ULAW, ULAW)
        for first in range(1, participants + 1, room):
            members = range(first, min(first + room, participants + 1))
            self._port.reset_edges([], [Edge(a, b, EdgeKind.MIX) for a in members for b in members if a != b])
        self._port.flush()
        reactor.callLater(0.5, print, "ready", flush=True)

    def voice_due(self, row: int, generation: int, ts64: int, format_bit: int, payload: bytes) -> None:
        frame = FullFrame(row + 1, row + 1, ts64 & 0xFFFFFFFF, self._sent[row] & 255, 0, FrameType.VOICE,
                          compress_subclass(format_bit), payload)  # fmt: skip
        self._sent[row] += 1
        self._port.send(1, self._far, frame.encode(), row=row, barrier=True)

    def __getattr__(self, name: str) -> Any:
        """No other event says anything here."""
        return lambda *_: None


if __name__ == "__main__":
    Rooms(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
    reactor.run()
