"""IAX2 datagrams as frames and back (RFC 5456 section 8), to the very byte.

`parse` tells four kinds apart: full, mini, meta trunk and meta video frames.
Whatever cannot be one of them raises `FrameError` with a reason that is counted;
nothing else is ever raised, on any bytes.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TypeAlias

from pbx.channels.events import Control

FULL = 0x8000
RETRY = 0x8000
NUMBER_MASK = 0x7FFF

_FULL_HEADER = struct.Struct(">HHIBBBB")
#: bytes of a full frame's header
HEADER = _FULL_HEADER.size
_MINI_HEADER = struct.Struct(">HH")
_TRUNK_HEADER = struct.Struct(">HBBI")
_VIDEO_HEADER = struct.Struct(">HHH")
_STAMPED_ENTRY = struct.Struct(">HHH")
_PLAIN_ENTRY = struct.Struct(">HH")

_META_TRUNK = 1
_TRUNK_STAMPED = 1

#: subclass byte that stands for "stop sounds" (-1) and is no power of two
STOP_SOUNDS = 255


class FrameError(ValueError):
    """A datagram that is no IAX2 frame; `reason` is a short constant text, good as a counter's name."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class FrameType(IntEnum):
    """Types of full frames."""

    DTMF_END = 1
    VOICE = 2
    VIDEO = 3
    CONTROL = 4
    NULL = 5
    IAX = 6
    TEXT = 7
    IMAGE = 8
    HTML = 9
    CNG = 10
    MODEM = 11
    DTMF_BEGIN = 12


#: `FullFrame.command` of a frame that is no command
NO_COMMAND = -1

# looked up once: an enumeration's members are slow to come by
_IAX, _VIDEO = FrameType.IAX, FrameType.VIDEO


class Command(IntEnum):
    """Subclasses of IAX frames; 38-40 are Asterisk's additions to the RFC."""

    NEW = 1
    PING = 2
    PONG = 3
    ACK = 4
    HANGUP = 5
    REJECT = 6
    ACCEPT = 7
    AUTHREQ = 8
    AUTHREP = 9
    INVAL = 10
    LAGRQ = 11
    LAGRP = 12
    REGREQ = 13
    REGAUTH = 14
    REGACK = 15
    REGREJ = 16
    REGREL = 17
    VNAK = 18
    DPREQ = 19
    DPREP = 20
    DIAL = 21
    TXREQ = 22
    TXCNT = 23
    TXACC = 24
    TXREADY = 25
    TXREL = 26
    TXREJ = 27
    QUELCH = 28
    UNQUELCH = 29
    POKE = 30
    PAGE = 31
    MWI = 32
    UNSUPPORT = 33
    TRANSFER = 34
    PROVISION = 35
    FWDOWNL = 36
    FWDATA = 37
    TXMEDIA = 38
    RTKEY = 39
    CALLTOKEN = 40


#: IAX commands that take no sequence number of their own
UNNUMBERED = frozenset({Command.ACK, Command.INVAL, Command.TXCNT, Command.TXACC, Command.VNAK})

#: IAX commands that open a dialogue: legal with destination call 0
OPENERS = frozenset({Command.NEW, Command.REGREQ, Command.REGREL, Command.POKE, Command.FWDOWNL})

#: CONTROL subclasses that cross a link; others are acked and ignored
CROSSING = frozenset(Control) - {Control.SRCUPDATE}


def expand_subclass(byte: int) -> int:
    """The value a subclass byte stands for: below 128 itself, else a power of two; 0xFF stays 255."""
    if byte & 0x80 and byte != STOP_SOUNDS:
        return 1 << (byte & 0x3F)
    return byte


def compress_subclass(value: int) -> int:
    """The byte for a subclass value.  Raises ValueError for one that fits neither form."""
    if 0 <= value < 0x80 or value == STOP_SOUNDS:
        return value
    if value.bit_count() != 1 or value.bit_length() > 64:
        raise ValueError(f"subclass {value:#x} is neither below 128 nor a power of two")
    return 0x80 | (value.bit_length() - 1)


_EXPANDED = tuple(expand_subclass(code) for code in range(256))


@dataclass(slots=True, init=False)
class FullFrame:
    """A full frame, of which type and code stay as they are.

    code: the subclass byte as written; subclass: what it stands for (of VIDEO without the mark 0x40, which ends a
    picture); command: the subclass of an IAX frame, NO_COMMAND of any other.
    """

    source: int
    destination: int
    timestamp: int
    oseqno: int
    iseqno: int
    type: int
    code: int
    data: bytes
    retry: bool
    subclass: int = field(init=False, repr=False, compare=False)
    command: int = field(init=False, repr=False, compare=False)

    def __init__(
        self,
        source: int,
        destination: int,
        timestamp: int,
        oseqno: int,
        iseqno: int,
        type: int,
        code: int,
        data: bytes = b"",
        retry: bool = False,
    ) -> None:
        self.source = source
        self.destination = destination
        self.timestamp = timestamp
        self.oseqno = oseqno
        self.iseqno = iseqno
        self.type = type
        self.code = code
        self.data = data
        self.retry = retry
        self.subclass = subclass = _EXPANDED[code if type != _VIDEO else code & ~0x40]
        self.command = subclass if type == _IAX else NO_COMMAND

    @property
    def name(self) -> str:
        """`NEW`, `CONTROL ANSWER`, `VOICE 0x4` ... for logs and tests."""
        if self.type == FrameType.IAX:
            return Command(self.subclass).name if self.subclass in _COMMANDS else f"IAX {self.subclass}"
        kind = FrameType(self.type).name if self.type in _TYPES else f"type {self.type}"
        if self.type == FrameType.CONTROL and self.subclass in _CONTROLS:
            return f"{kind} {Control(self.subclass).name}"
        if self.type in (FrameType.DTMF_BEGIN, FrameType.DTMF_END) and 32 < self.subclass < 127:
            return f"{kind} {chr(self.subclass)}"
        return f"{kind} {self.subclass:#x}"

    def encode(self) -> bytes:
        """The datagram."""
        return (
            _FULL_HEADER.pack(
                FULL | self.source,
                (RETRY if self.retry else 0) | self.destination,
                self.timestamp,
                self.oseqno,
                self.iseqno,
                self.type,
                self.code,
            )
            + self.data
        )


@dataclass(slots=True)
class MiniFrame:
    """Voice of 16 bits of time; the format is that of the last full VOICE frame."""

    source: int
    timestamp: int
    data: bytes

    def encode(self) -> bytes:
        return _MINI_HEADER.pack(self.source, self.timestamp) + self.data


@dataclass(slots=True)
class TrunkEntry:
    """One call's voice in a meta trunk frame; timestamp is None in the layout without stamps.

    source: as written, with its top bit (it is ignored in reading).
    """

    source: int
    data: bytes
    timestamp: int | None = None


@dataclass(slots=True)
class TrunkFrame:
    """Voice of many calls of one far end.  flags: the fourth byte; rest: bytes after the last whole entry."""

    timestamp: int
    entries: list[TrunkEntry]
    flags: int = _TRUNK_STAMPED
    rest: bytes = b""

    def encode(self) -> bytes:
        parts = [_TRUNK_HEADER.pack(0, _META_TRUNK, self.flags, self.timestamp)]
        for entry in self.entries:
            if self.flags & _TRUNK_STAMPED:
                parts.append(_STAMPED_ENTRY.pack(len(entry.data), entry.source, entry.timestamp or 0))
            else:
                parts.append(_PLAIN_ENTRY.pack(entry.source, len(entry.data)))
            parts.append(entry.data)
        parts.append(self.rest)
        return b"".join(parts)


@dataclass(slots=True)
class VideoFrame:
    """A meta video frame: 15 bits of time and a mark that ends a picture."""

    source: int
    timestamp: int
    data: bytes
    mark: bool = False

    def encode(self) -> bytes:
        return _VIDEO_HEADER.pack(0, FULL | self.source, (0x8000 if self.mark else 0) | self.timestamp) + self.data


Frame: TypeAlias = FullFrame | MiniFrame | TrunkFrame | VideoFrame

_COMMANDS = frozenset(Command)
_TYPES = frozenset(FrameType)
_CONTROLS = frozenset(Control)


def parse_full(data: bytes) -> FullFrame:
    """A datagram whose first bit is set.  Raises FrameError when it is shorter than a header."""
    if len(data) < _FULL_HEADER.size:
        raise FrameError("full frame shorter than 12 bytes")
    source, destination, timestamp, oseqno, iseqno, kind, code = _FULL_HEADER.unpack_from(data)
    return FullFrame(
        source & NUMBER_MASK,
        destination & NUMBER_MASK,
        timestamp,
        oseqno,
        iseqno,
        kind,
        code,
        data[_FULL_HEADER.size :],
        bool(destination & RETRY),
    )


def parse(data: bytes) -> Frame:
    """Any datagram.  Raises FrameError."""
    if len(data) < _MINI_HEADER.size:
        raise FrameError("datagram shorter than 4 bytes")
    first, second = _MINI_HEADER.unpack_from(data)
    if first & FULL:
        return parse_full(data)
    if first:
        return MiniFrame(first, second, data[_MINI_HEADER.size :])
    if second & FULL:
        if len(data) < _VIDEO_HEADER.size:
            raise FrameError("meta video frame shorter than 6 bytes")
        stamp = _VIDEO_HEADER.unpack_from(data)[2]
        return VideoFrame(second & NUMBER_MASK, stamp & 0x7FFF, data[_VIDEO_HEADER.size :], bool(stamp & 0x8000))
    return _parse_trunk(data)


def _parse_trunk(data: bytes) -> TrunkFrame:
    if len(data) < _TRUNK_HEADER.size:
        raise FrameError("meta trunk frame shorter than 8 bytes")
    _, command, flags, timestamp = _TRUNK_HEADER.unpack_from(data)
    if command != _META_TRUNK:
        raise FrameError("unknown meta command")
    stamped = bool(flags & _TRUNK_STAMPED)
    header = _STAMPED_ENTRY if stamped else _PLAIN_ENTRY
    entries: list[TrunkEntry] = []
    at = _TRUNK_HEADER.size
    while at + header.size <= len(data):
        stamp: int | None = None
        if stamped:
            length, source, stamp = _STAMPED_ENTRY.unpack_from(data, at)
        else:
            source, length = _PLAIN_ENTRY.unpack_from(data, at)
        end = at + header.size + length
        if end > len(data):
            break
        entries.append(TrunkEntry(source, data[at + header.size : end], stamp))
        at = end
    return TrunkFrame(timestamp, entries, flags, data[at:])
