"""The generator's own call legs: as much IAX2 signalling as a well-behaved peer needs, no more."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from pbx.channels.events import Control
from pbx.channels.iax2.frames import UNNUMBERED, Command, FrameType, FullFrame

_TOKEN = 54


def _element(number: int, value: bytes) -> bytes:
    return bytes((number, len(value))) + value


def _text(number: int, value: str) -> bytes:
    return _element(number, value.encode())


def _u32(number: int, value: int) -> bytes:
    return _element(number, value.to_bytes(4, "big"))


@dataclass(slots=True)
class Leg:
    """One call of the generator; `up` once ANSWER came (a caller) or was sent (a callee)."""

    number: int
    send: Callable[[bytes], None]
    caller: bool
    extension: str
    format: int
    remote: int = 0
    oseqno: int = 0
    iseqno: int = 0
    started: float = field(default_factory=time.monotonic)
    up: bool = False
    ended: bool = False
    cause: int = -1
    last: int = 0
    token: bytes = b""
    new_sent: float = 0.0

    def _stamp(self) -> int:
        now = int((time.monotonic() - self.started) * 1000)
        self.last = max(self.last + 3, now)
        return self.last

    def _frame(self, kind: int, code: int, data: bytes = b"", stamp: int | None = None) -> None:
        frame = FullFrame(self.number, self.remote, self._stamp() if stamp is None else stamp, self.oseqno & 255,
                          self.iseqno & 255, kind, code, data)  # fmt: skip
        if kind != FrameType.IAX or code not in UNNUMBERED:
            self.oseqno += 1
        self.send(frame.encode())

    def call(self) -> None:
        """NEW; again with the token once one came."""
        self.new_sent = time.monotonic()
        self.oseqno = self.iseqno = 0
        self._frame(
            FrameType.IAX, Command.NEW,
            _element(11, b"\0\2") + _text(1, self.extension) + _text(6, "loadgen") + _u32(9, self.format)
            + _u32(8, self.format) + _element(_TOKEN, self.token),
        )  # fmt: skip

    def answer(self) -> None:
        """A callee accepts and answers."""
        self._frame(FrameType.IAX, Command.ACCEPT, _u32(9, self.format))
        self._frame(FrameType.CONTROL, Control.ANSWER)
        self.up = True

    def voice(self, code: int, payload: bytes, stamp: int) -> None:
        """The full VOICE frame that the minis follow."""
        self._frame(FrameType.VOICE, code, payload, stamp)

    def hangup(self) -> None:
        if not self.ended:
            self._frame(FrameType.IAX, Command.HANGUP, _element(42, b"\x10"))
            self.ended = True

    def handle(self, frame: FullFrame) -> bool:
        """Deal with a full frame of this leg; True when it is voice taken in order."""
        command = frame.subclass if frame.type == FrameType.IAX else -1
        if command == Command.CALLTOKEN:
            at = frame.data.find(bytes((_TOKEN,)))
            self.token = frame.data[at + 2 : at + 2 + frame.data[at + 1]]
            self.call()
            return False
        self.remote = frame.source
        if command in UNNUMBERED:
            return False
        ahead = (frame.oseqno - self.iseqno) & 255
        fresh = ahead == 0
        if fresh:
            self.iseqno += 1
        if command in (Command.PING, Command.LAGRQ):
            self._frame(FrameType.IAX, Command.PONG if command == Command.PING else Command.LAGRP,
                        frame.data if command == Command.LAGRQ else b"", frame.timestamp)  # fmt: skip
            return False
        if command == Command.TXREQ:
            self._frame(FrameType.IAX, Command.TXREJ)
            return False
        ack = FullFrame(self.number, self.remote, frame.timestamp, self.oseqno & 255, self.iseqno & 255,
                        FrameType.IAX, Command.ACK)  # fmt: skip
        self.send(ack.encode())
        if not fresh:
            return False
        if command in (Command.HANGUP, Command.REJECT, Command.INVAL):
            self.ended, self.up = True, False
            at = frame.data.find(b"\x2a\x01")
            self.cause = frame.data[at + 2] if at >= 0 else 0
        elif frame.type == FrameType.CONTROL and frame.subclass == Control.ANSWER:
            self.up = True
        return frame.type == FrameType.VOICE
