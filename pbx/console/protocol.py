"""What the console client and the daemon say to each other over the control socket.

A frame is one byte of kind, four bytes of length (big-endian) and that many
bytes.  Only our own client speaks it; both ends come from the same
installation, and HELLO carries the version should they ever not.

Standard library only: `pbx -rx` has to be there at once.
"""

from __future__ import annotations

import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

HEADER = struct.Struct(">BI")

#: Longest frame that is taken; anything longer is not one of ours.
LIMIT = 64 * 1024 * 1024

HELLO = 1  # both ways, JSON: who and how
COMMAND = 2  # client: a command line
OUTPUT = 3  # daemon: text that the command printed
DONE = 4  # daemon: the status as decimal digits: the command is over
COMPLETE = 5  # client: the line so far; what could stand at its end?
CHOICES = 6  # daemon: JSON list of words
LINE = 7  # daemon: a log line, at any time
BYE = 8  # daemon: why it closes the connection
ASK = 9  # daemon: a question whose answer must not be seen (a passphrase)
ANSWER = 10  # client: the answer, empty = none

PROTOCOL = 1

#: exit statuses of `pbx -rx`, and the status of DONE
OK = 0
FAILED = 1
UNKNOWN = 127
USAGE = 2
NO_DAEMON = 1


class NotOurs(Exception):
    """What came is no frame of this protocol."""


def encode(text: str) -> bytes:
    """Text to bytes; bytes that are no UTF-8 pass through as they came (surrogateescape)."""
    return text.encode("utf-8", "surrogateescape")


def decode(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def frame(kind: int, payload: str | bytes | dict[str, Any] | list[str] = b"") -> bytes:
    """One frame; dictionaries and lists go as JSON."""
    if isinstance(payload, (dict, list)):
        import json  # the one-shot client never comes here

        payload = json.dumps(payload)
    data = encode(payload) if isinstance(payload, str) else payload
    return HEADER.pack(kind, len(data)) + data


def status_of(payload: bytes) -> int:
    """The status that a DONE frame carries."""
    return int(payload)


class Frames:
    """Cuts a stream of bytes into frames."""

    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """The frames that are whole now.  Raises NotOurs."""
        self._data += data
        while len(self._data) >= HEADER.size:
            kind, length = HEADER.unpack_from(self._data)
            if not HELLO <= kind <= ANSWER or length > LIMIT:
                raise NotOurs(f"unknown frame {kind} of {length} bytes")
            end = HEADER.size + length
            if len(self._data) < end:
                return
            payload = bytes(self._data[HEADER.size : end])
            del self._data[:end]
            yield kind, payload
