"""A caller that speaks IAX2 datagram by datagram, to see what a box answers."""

from __future__ import annotations

import socket
import struct
import time
from types import TracebackType

from pbx.channels.iax2.elements import Element, Elements
from pbx.channels.iax2.frames import Command, FrameError, FrameType, FullFrame, parse_full

OPENING = (Command.NEW, Command.REGREQ)


class RawCall:
    """One dialogue from a socket of its own; acknowledges what comes."""

    def __init__(self, host: str, target: str, number: int = 77) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((host, 4569))
        self._target = target, 4569
        self._number = number
        self.far = 0
        self._out = self._in = 0
        self._clock = 3

    def __enter__(self) -> RawCall:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.far > 1:
            self.send(Command.HANGUP)
        self.socket.close()

    def send(self, command: Command, elements: Elements | None = None) -> None:
        """A frame that wants to be acknowledged; an opener begins anew."""
        if command in OPENING:
            self.far = self._out = self._in = 0
        self._clock += 20
        self._put(command, self._clock, elements.encode() if elements is not None else b"")
        self._out += 1

    def _put(self, command: Command, stamp: int, data: bytes = b"") -> None:
        frame = FullFrame(self._number, self.far, stamp, self._out, self._in, FrameType.IAX, command, data)
        self.socket.sendto(frame.encode(), self._target)

    def receive(self, seconds: float = 3) -> FullFrame | None:
        """The next full frame that is no ACK; None when there is none in time."""
        limit = time.monotonic() + seconds
        while (left := limit - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                frame = parse_full(self.socket.recv(4096))
            except TimeoutError:
                return None
            except (FrameError, struct.error):
                continue
            if (frame.type == FrameType.IAX and frame.subclass in (Command.ACK, Command.POKE)) or frame.retry:
                continue
            if frame.source > 1:
                self.far, self._in = frame.source, (frame.oseqno + 1) & 0xFF
                if frame.destination:
                    self._put(Command.ACK, frame.timestamp)
            return frame
        return None

    def open(self, command: Command, elements: Elements) -> FullFrame:
        """Open with a call token; the answer."""
        self.send(command, Elements([*elements]).add(Element.CALLTOKEN))
        token = self.receive()
        assert token is not None and token.subclass == Command.CALLTOKEN, token
        given = Elements.parse(token.data).raw(Element.CALLTOKEN) or b""
        self.send(command, Elements([*elements]).add(Element.CALLTOKEN, given))
        answer = self.receive()
        assert answer is not None
        return answer


def new(number: str, user: str = "") -> Elements:
    """The elements of a NEW, but for the token."""
    elements = Elements().add_uint(Element.VERSION, 2).add_text(Element.CALLED_NUMBER, number)
    if user:
        elements.add_text(Element.USERNAME, user)
    return elements.add_uint(Element.FORMAT, 4).add_uint(Element.CAPABILITY, 4)
