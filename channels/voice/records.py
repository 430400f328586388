"""Commands and events of the voice port as records: a fixed head and a byte tail.

A batch is a byte string of records one after the other.  `Commands` writes what
`VoicePort` says, `apply_commands` reads it into the plane; `Events` and
`deliver_events` do the same the other way.  Both processes run on one machine:
byte order and `sockaddr` are the machine's own.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from enum import IntEnum
from typing import Any, Protocol

from pbx.channels.log import Log
from pbx.channels.voice import address as addresses
from pbx.channels.voice.port import (
    PLAIN,
    Buffering,
    BufferKind,
    Direction,
    Edge,
    EdgeKind,
    LegFlags,
    Shape,
    VoiceEvents,
)
from pbx.channels.voice.timertest import Exactness

#: kind, flags, row, generation, bytes of tail, and four numbers
HEAD = struct.Struct("=HHIIIqqqq")
_EDGE = struct.Struct("=IIHHi")
_A = addresses.SIZE
_GAP = bytes(8)


class Command(IntEnum):
    """Kinds of command records."""

    ADD_SOCKET = 1
    REMOVE_SOCKET = 2
    SEND = 3
    ADD_LEG = 4
    BIND_LEG = 5
    SET_FLAGS = 6
    SET_FORMATS = 7
    REMOVE_LEG = 8
    VOICE_IN = 9
    RELEASE = 10
    VOICE_RESTART = 11
    RESET_EDGES = 12
    PLAY_FILE = 13
    PLAY_TONE = 14
    PLAY_SILENCE = 15
    PAUSE = 16
    STOP = 17
    RECORD = 18
    DETECT = 19
    SET_TRUNK = 20
    SET_OPTIONS = 21
    SET_BUFFER = 22
    SET_KEYS = 23
    SET_VOLUME = 24
    MARK = 25
    TEST_JITTER = 26
    SET_CONCEALMENT = 27
    TEST_TIMER = 28
    LISTEN = 29
    OPEN_STREAM = 30
    CLOSE_STREAM = 31
    PLAY_STREAM = 32


class Event(IntEnum):
    """Kinds of event records."""

    DATAGRAM = 1
    VOICE_DUE = 2
    VOICE_UNKNOWN = 3
    FINISHED = 4
    DETECTED = 5
    NOTE = 6
    MARK_DUE = 7
    VOICE_TRUNKED = 8
    TIMER_TESTED = 9
    HEARD = 10


class Malformed(ValueError):
    """A batch of records that cannot be read: the two ends are not of one version."""


class Writer:
    """Appends records to a batch."""

    def __init__(self) -> None:
        self._batch = bytearray()

    def put(
        self,
        kind: int,
        flags: int = 0,
        row: int = 0,
        generation: int = 0,
        a: int = 0,
        b: int = 0,
        c: int = 0,
        d: int = 0,
        tail: bytes = b"",
    ) -> None:
        size = len(tail)
        self._batch += HEAD.pack(kind, flags, row, generation, size, a, b, c, d)
        if size:
            self._batch += tail
            self._batch += _GAP[: -size % 8]

    def take(self) -> bytes:
        """The batch so far, which starts anew."""
        batch = bytes(self._batch)
        self._batch.clear()
        return batch

    def __bool__(self) -> bool:
        return bool(self._batch)


class Commands(Writer):
    """Writes `VoicePort`'s words as records; whoever owns it sends `take()`."""

    def add_socket(self, socket: int, fd: int, family: int) -> None:
        self.put(Command.ADD_SOCKET, row=socket, a=fd, b=family)

    def remove_socket(self, socket: int) -> None:
        self.put(Command.REMOVE_SOCKET, row=socket)

    def send(
        self,
        socket: int,
        address: tuple[str, int],
        data: bytes,
        *,
        local: str = "",
        row: int = 0,
        barrier: bool = False,
        clear: bytes = b"",
    ) -> None:
        tail = addresses.pack(*address) + addresses.pack(local, 0) + clear + data
        self.put(Command.SEND, int(barrier), row, a=socket, b=len(clear), tail=tail)

    def add_leg(
        self,
        row: int,
        generation: int,
        socket: int,
        address: tuple[str, int],
        local: str,
        own_call: int,
        remote_call: int,
        flags: LegFlags,
        clock_start: int,
    ) -> None:
        tail = addresses.pack(*address) + addresses.pack(local, 0)
        numbers = own_call | remote_call << 16
        self.put(Command.ADD_LEG, int(flags), row, generation, socket, numbers, clock_start, tail=tail)

    def resume_leg(
        self,
        row: int,
        generation: int,
        socket: int,
        address: tuple[str, int],
        local: str,
        own_call: int,
        remote_call: int,
        flags: LegFlags,
        clock_start: int,
    ) -> None:
        """As `add_leg`, but its counters and times in the shared table go on (the plane was started anew)."""
        tail = addresses.pack(*address) + addresses.pack(local, 0)
        numbers = own_call | remote_call << 16
        self.put(Command.ADD_LEG, int(flags), row, generation, socket, numbers, clock_start, 1, tail=tail)

    def bind_leg(self, row: int, address: tuple[str, int], local: str, remote_call: int, *, also: bool = False) -> None:
        tail = addresses.pack(*address) + addresses.pack(local, 0)
        self.put(Command.BIND_LEG, int(also), row, a=remote_call, tail=tail)

    def set_flags(self, row: int, flags: LegFlags) -> None:
        self.put(Command.SET_FLAGS, int(flags), row)

    def set_keys(self, row: int, send: bytes, receive: tuple[bytes, ...]) -> None:
        self.put(Command.SET_KEYS, row=row, a=len(send), b=len(receive), tail=send + b"".join(receive))

    def set_formats(self, row: int, receive: int, send: int) -> None:
        self.put(Command.SET_FORMATS, row=row, a=receive, b=send)

    def remove_leg(self, row: int, generation: int) -> None:
        self.put(Command.REMOVE_LEG, row=row, generation=generation)

    def voice_in(self, row: int, ts64: int, format_bit: int, payload: bytes) -> None:
        self.put(Command.VOICE_IN, row=row, a=ts64, b=format_bit, tail=payload)

    def release(self, row: int, held: int) -> None:
        self.put(Command.RELEASE, row=row, a=held)

    def voice_restart(self, row: int, clock_start: int) -> None:
        self.put(Command.VOICE_RESTART, row=row, a=clock_start)

    def reset_edges(self, removed: list[Edge], added: list[Edge]) -> None:
        tail = b"".join(_EDGE.pack(e.source, e.sink, e.kind, e.direction, e.gain) for e in (*removed, *added))
        self.put(Command.RESET_EDGES, a=len(removed), b=len(added), tail=tail)

    def play_file(
        self, source: int, row: int, path: str, format_bit: int, *, skip_ms: int = 0, loop: bool = False
    ) -> None:
        self.put(Command.PLAY_FILE, int(loop), row, a=source, b=format_bit, c=skip_ms, tail=os.fsencode(path))

    def play_tone(self, source: int, row: int, spec: str) -> None:
        self.put(Command.PLAY_TONE, row=row, a=source, tail=spec.encode(errors="replace"))

    def play_silence(self, source: int, row: int, milliseconds: int) -> None:
        self.put(Command.PLAY_SILENCE, row=row, a=source, b=milliseconds)

    def open_stream(self, stream: int, fd: int, name: str, always: bool) -> None:
        self.put(Command.OPEN_STREAM, int(always), a=stream, b=fd, tail=name.encode())

    def close_stream(self, stream: int) -> None:
        self.put(Command.CLOSE_STREAM, a=stream)

    def play_stream(self, source: int, row: int, stream: int) -> None:
        self.put(Command.PLAY_STREAM, row=row, a=source, b=stream)

    def pause(self, source: int, paused: bool) -> None:
        self.put(Command.PAUSE, int(paused), a=source)

    def stop(self, source: int) -> None:
        self.put(Command.STOP, a=source)

    def record(
        self,
        sink: int,
        row: int,
        path: str,
        format_bit: int,
        direction: Direction,
        *,
        append: bool = False,
        silence_ms: int = 0,
        max_ms: int = 0,
        shape: Shape = PLAIN,
    ) -> None:
        flags = int(direction) | int(shape.starts) << 4 | int(append) << 8
        flags |= int(shape.stereo) << 9 | int(shape.packed) << 10
        gains = (shape.gain_in & 0xFFFF) | (shape.gain_out & 0xFFFF) << 16
        self.put(Command.RECORD, flags, row, gains, sink, format_bit, silence_ms, max_ms, tail=os.fsencode(path))

    def detect(
        self,
        row: int,
        *,
        digits: bool = False,
        talk: bool = False,
        silence_threshold: int = 256,
        silence_ms: int = 2500,
    ) -> None:
        self.put(Command.DETECT, int(digits) | int(talk) << 1, row, a=silence_threshold, b=silence_ms)

    def listen(self, number: int, row: int, direction: Direction, spec: str) -> None:
        self.put(Command.LISTEN, int(direction), row, a=number, tail=spec.encode())

    def set_volume(self, row: int, gain: int) -> None:
        self.put(Command.SET_VOLUME, row=row, a=gain)

    def set_trunk(self, frequency_ms: int, mtu: int, timestamps: bool, max_size: int) -> None:
        self.put(Command.SET_TRUNK, int(timestamps), a=frequency_ms, b=mtu, c=max_size)

    def set_buffer(self, row: int, buffer: Buffering) -> None:
        b = buffer
        self.put(Command.SET_BUFFER, int(b.kind), row, 0, b.maximum, b.resync, b.interpolations, b.extra)

    def mark(self, row: int, ts64: int, number: int) -> None:
        self.put(Command.MARK, row=row, a=ts64, b=number)

    def test_jitter(self, late_ms: int, resync_ms: int, jitter_ms: int, percent: int) -> None:
        self.put(Command.TEST_JITTER, a=late_ms, b=resync_ms, c=jitter_ms, d=percent)

    def set_concealment(self, decoded: bool, translated: bool, equal: bool) -> None:
        self.put(Command.SET_CONCEALMENT, int(decoded) | int(translated) << 1 | int(equal) << 2)

    def set_options(self, mediatick_us: int) -> None:
        self.put(Command.SET_OPTIONS, a=mediatick_us)

    def test_timer(self, rate: int) -> None:
        self.put(Command.TEST_TIMER, a=rate)


class Plane(Protocol):
    """Who obeys commands: `VoicePort`'s words, addresses as sockaddr bytes."""

    def add_socket(self, socket: int, fd: int, family: int) -> None: ...
    def remove_socket(self, socket: int) -> None: ...
    def send(
        self, socket: int, address: bytes, local: bytes, data: bytes, row: int, barrier: bool, clear: bytes
    ) -> None: ...
    def add_leg(
        self,
        row: int,
        generation: int,
        socket: int,
        address: bytes,
        local: bytes,
        own_call: int,
        remote_call: int,
        flags: int,
        clock_start: int,
        resumed: bool,
    ) -> None: ...
    def bind_leg(self, row: int, address: bytes, local: bytes, remote_call: int, also: bool) -> None: ...
    def set_flags(self, row: int, flags: int) -> None: ...
    def set_keys(self, row: int, send: bytes, receive: tuple[bytes, ...]) -> None: ...
    def set_formats(self, row: int, receive: int, send: int) -> None: ...
    def remove_leg(self, row: int, generation: int) -> None: ...
    def voice_in(self, row: int, ts64: int, format_bit: int, payload: bytes) -> None: ...
    def release(self, row: int, held: int) -> None: ...
    def voice_restart(self, row: int, clock_start: int) -> None: ...
    def reset_edges(self, removed: list[Edge], added: list[Edge]) -> None: ...
    def play_file(self, source: int, row: int, path: str, format_bit: int, skip_ms: int, loop: bool) -> None: ...
    def play_tone(self, source: int, row: int, spec: str) -> None: ...
    def play_silence(self, source: int, row: int, milliseconds: int) -> None: ...
    def open_stream(self, stream: int, fd: int, name: str, always: bool) -> None: ...
    def close_stream(self, stream: int) -> None: ...
    def play_stream(self, source: int, row: int, stream: int) -> None: ...
    def pause(self, source: int, paused: bool) -> None: ...
    def stop(self, source: int) -> None: ...
    def record(
        self,
        sink: int,
        row: int,
        path: str,
        format_bit: int,
        direction: Direction,
        append: bool,
        silence_ms: int,
        max_ms: int,
        shape: Shape,
    ) -> None: ...
    def detect(self, row: int, digits: bool, talk: bool, silence_threshold: int, silence_ms: int) -> None: ...
    def listen(self, number: int, row: int, direction: Direction, spec: str) -> None: ...
    def set_volume(self, row: int, gain: int) -> None: ...
    def set_trunk(self, frequency_ms: int, mtu: int, timestamps: bool, max_size: int) -> None: ...
    def set_buffer(self, row: int, buffer: Buffering) -> None: ...
    def mark(self, row: int, ts64: int, number: int) -> None: ...
    def test_jitter(self, late_ms: int, resync_ms: int, jitter_ms: int, percent: int) -> None: ...
    def set_concealment(self, decoded: bool, translated: bool, equal: bool) -> None: ...
    def test_timer(self, rate: int) -> None: ...
    def set_options(self, mediatick_us: int) -> None: ...


#: looked up: to call an enumeration costs ten times that
_KINDS = {int(kind): kind for kind in EdgeKind}
_DIRECTIONS = {n: Direction(n) for n in range(4)}


def _edges(tail: bytes, removed: int) -> tuple[list[Edge], list[Edge]]:
    edges = [Edge(s, t, _KINDS[k], _DIRECTIONS[d], g) for s, t, k, d, g in _EDGE.iter_unpack(tail)]
    return edges[:removed], edges[removed:]


def _pieces(tail: bytes, count: int) -> tuple[bytes, ...]:
    """Equally long parts."""
    size = len(tail) // count if count else 0
    return tuple(tail[i * size : (i + 1) * size] for i in range(count))


def _shape(flags: int, gains: int) -> Shape:
    """Of a recording's flags and of its gains, two signed halves."""
    gain_in, gain_out = struct.unpack("=hh", struct.pack("=HH", gains & 0xFFFF, gains >> 16))
    return Shape(flags >> 4 & 3, bool(flags >> 9 & 1), bool(flags >> 10 & 1), gain_in, gain_out)


_Head = tuple[int, int, int, int, int, int, int, int, int]
_APPLY: dict[int, Callable[[Plane, _Head, bytes], None]] = {
    Command.ADD_SOCKET: lambda p, h, t: p.add_socket(h[2], h[5], h[6]),
    Command.REMOVE_SOCKET: lambda p, h, t: p.remove_socket(h[2]),
    Command.SEND: lambda p, h, t: p.send(
        h[5], t[:_A], t[_A : 2 * _A], t[2 * _A + h[6] :], h[2], bool(h[1]), t[2 * _A : 2 * _A + h[6]]
    ),
    Command.ADD_LEG: lambda p, h, t: p.add_leg(
        h[2], h[3], h[5], t[:_A], t[_A : 2 * _A], h[6] & 0xFFFF, h[6] >> 16, h[1], h[7], bool(h[8])
    ),
    Command.BIND_LEG: lambda p, h, t: p.bind_leg(h[2], t[:_A], t[_A : 2 * _A], h[5], bool(h[1])),
    Command.SET_FLAGS: lambda p, h, t: p.set_flags(h[2], h[1]),
    Command.SET_KEYS: lambda p, h, t: p.set_keys(h[2], t[: h[5]], _pieces(t[h[5] :], h[6])),
    Command.SET_FORMATS: lambda p, h, t: p.set_formats(h[2], h[5], h[6]),
    Command.REMOVE_LEG: lambda p, h, t: p.remove_leg(h[2], h[3]),
    Command.VOICE_IN: lambda p, h, t: p.voice_in(h[2], h[5], h[6], t),
    Command.RELEASE: lambda p, h, t: p.release(h[2], h[5]),
    Command.VOICE_RESTART: lambda p, h, t: p.voice_restart(h[2], h[5]),
    Command.RESET_EDGES: lambda p, h, t: p.reset_edges(*_edges(t, h[5])),
    Command.PLAY_FILE: lambda p, h, t: p.play_file(h[5], h[2], os.fsdecode(t), h[6], h[7], bool(h[1])),
    Command.PLAY_TONE: lambda p, h, t: p.play_tone(h[5], h[2], t.decode()),
    Command.PLAY_SILENCE: lambda p, h, t: p.play_silence(h[5], h[2], h[6]),
    Command.OPEN_STREAM: lambda p, h, t: p.open_stream(h[5], h[6], t.decode(), bool(h[1])),
    Command.CLOSE_STREAM: lambda p, h, t: p.close_stream(h[5]),
    Command.PLAY_STREAM: lambda p, h, t: p.play_stream(h[5], h[2], h[6]),
    Command.PAUSE: lambda p, h, t: p.pause(h[5], bool(h[1])),
    Command.STOP: lambda p, h, t: p.stop(h[5]),
    Command.RECORD: lambda p, h, t: p.record(
        h[5], h[2], os.fsdecode(t), h[6], Direction(h[1] & 3), bool(h[1] >> 8 & 1), h[7], h[8], _shape(h[1], h[3])
    ),
    Command.DETECT: lambda p, h, t: p.detect(h[2], bool(h[1] & 1), bool(h[1] & 2), h[5], h[6]),
    Command.LISTEN: lambda p, h, t: p.listen(h[5], h[2], Direction(h[1]), t.decode()),
    Command.SET_VOLUME: lambda p, h, t: p.set_volume(h[2], h[5]),
    Command.SET_TRUNK: lambda p, h, t: p.set_trunk(h[5], h[6], bool(h[1]), h[7]),
    Command.SET_BUFFER: lambda p, h, t: p.set_buffer(h[2], Buffering(BufferKind(h[1]), h[5], h[6], h[7], h[8])),
    Command.MARK: lambda p, h, t: p.mark(h[2], h[5], h[6]),
    Command.TEST_JITTER: lambda p, h, t: p.test_jitter(h[5], h[6], h[7], h[8]),
    Command.TEST_TIMER: lambda p, h, t: p.test_timer(h[5]),
    Command.SET_CONCEALMENT: lambda p, h, t: p.set_concealment(bool(h[1] & 1), bool(h[1] & 2), bool(h[1] & 4)),
    Command.SET_OPTIONS: lambda p, h, t: p.set_options(h[5]),
}


class Events(Writer):
    """Writes what the plane has to say as records."""

    def datagram(
        self,
        socket: int,
        address: bytes,
        local: bytes,
        row: int,
        generation: int,
        stamp: int,
        data: bytes,
        held: int = 0,
    ) -> None:
        self.put(Event.DATAGRAM, 0, row, generation, socket, stamp, held, tail=address + local + data)

    def voice_due(self, row: int, generation: int, ts64: int, format_bit: int, payload: bytes) -> None:
        self.put(Event.VOICE_DUE, 0, row, generation, ts64, format_bit, tail=payload)

    def voice_unknown(self, row: int, generation: int) -> None:
        self.put(Event.VOICE_UNKNOWN, 0, row, generation)

    def voice_trunked(self, row: int, generation: int) -> None:
        self.put(Event.VOICE_TRUNKED, 0, row, generation)

    def timer_tested(self, found: Exactness) -> None:
        f = found
        self.put(Event.TIMER_TESTED, int(f.kernel), a=f.ticks, b=f.milliseconds, c=f.mean, d=f.worst)

    def mark_due(self, row: int, generation: int, number: int) -> None:
        self.put(Event.MARK_DUE, 0, row, generation, number)

    def finished(self, source: int, reason: str) -> None:
        self.put(Event.FINISHED, a=source, tail=reason.encode(errors="replace"))

    def detected(self, row: int, what: str) -> None:
        self.put(Event.DETECTED, row=row, tail=what.encode())

    def heard(self, number: int, what: str) -> None:
        self.put(Event.HEARD, a=number, tail=what.encode())

    def note(self, text: str) -> None:
        """A line for control's log."""
        self.put(Event.NOTE, tail=text.encode(errors="replace"))


_log = Log("voice")
_DELIVER: dict[int, Callable[[VoiceEvents, _Head, bytes], None]] = {
    Event.DATAGRAM: lambda e, h, t: e.datagram(
        h[5],
        addresses.unpack(t[:_A]),
        addresses.unpack(t[_A : 2 * _A])[0],
        h[2],
        h[3],
        h[6],
        t[2 * _A :],
        h[7],
    ),
    Event.VOICE_DUE: lambda e, h, t: e.voice_due(h[2], h[3], h[5], h[6], t),
    Event.VOICE_UNKNOWN: lambda e, h, t: e.voice_unknown(h[2], h[3]),
    Event.VOICE_TRUNKED: lambda e, h, t: e.voice_trunked(h[2], h[3]),
    Event.TIMER_TESTED: lambda e, h, t: e.timer_tested(Exactness(h[5], h[6], h[7], h[8], bool(h[1]))),
    Event.MARK_DUE: lambda e, h, t: e.mark_due(h[2], h[3], h[5]),
    Event.FINISHED: lambda e, h, t: e.finished(h[5], t.decode()),
    Event.DETECTED: lambda e, h, t: e.detected(h[2], t.decode()),
    Event.HEARD: lambda e, h, t: e.heard(h[5], t.decode()),
    Event.NOTE: lambda e, h, t: _log.notice(t.decode()),
}


def _each(
    batch: bytes,
    table: dict[int, Callable[[Any, _Head, bytes], None]],
    target: object,
    failed: Callable[[], None] | None = None,
) -> None:
    at, end = 0, len(batch)
    while at < end:
        if end - at < HEAD.size:
            raise Malformed("cut short")
        head: _Head = HEAD.unpack_from(batch, at)
        at += HEAD.size
        size = head[4]
        if size > end - at:
            raise Malformed("tail cut short")
        act = table.get(head[0])
        if act is None:
            raise Malformed(f"unknown kind {head[0]}")
        tail = batch[at : at + size]
        at += size + -size % 8
        try:
            act(target, head, tail)
        except Exception:
            if failed is None:
                raise
            failed()


def apply_commands(batch: bytes, plane: Plane) -> None:
    """Let the plane obey a batch of commands, in order.  Raises Malformed."""
    _each(batch, _APPLY, plane)


def deliver_events(batch: bytes, events: VoiceEvents, failed: Callable[[], None] | None = None) -> None:
    """Tell `events` what is in a batch, in order.  Raises Malformed.

    failed: called from within `except` when an event raises; the others are told all the same.
    """
    _each(batch, _DELIVER, events, failed)
