"""What the voice plane asks of a protocol's media headers.

The plane knows no protocol.  The driver hands it one object that can tell
media from signalling and rewrite a media header in place, over whole batches.
All of it is pure: arrays in, arrays out.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Protocol, cast

import numpy as np
import numpy.typing as npt

#: An array of any integer type; shapes are given in the text.
Array = npt.NDArray[Any]


class Kind(IntEnum):
    """What a datagram is."""

    BAD = 0  # no header of ours, or too short: counted and dropped
    FULL = 1  # signalling, goes to the core
    MINI = 2  # voice of one call
    TRUNK = 3  # voice of many calls


@dataclass(slots=True)
class Entries:
    """Voice found in trunk frames, one element per call entry, in the order of arrival.

    frame: index (into what was passed) of the datagram; call: the sender's call number; stamp: low 16 bits of the
    call's time, or -1 where the frame holds none (its own time then counts); offset, length: the payload.
    """

    frame: npt.NDArray[np.int64]
    call: npt.NDArray[np.int64]
    stamp: npt.NDArray[np.int64]
    offset: npt.NDArray[np.int64]
    length: npt.NDArray[np.int64]
    #: frame times (32 bits, ms), one per datagram passed
    times: npt.NDArray[np.int64]
    #: datagrams that were cut short or lied about a length
    bad: int = 0


class Sealer(Protocol):
    """Enciphers media frames under one key."""

    def frame(self, plain: bytes) -> bytes: ...


class Opener(Protocol):
    """Deciphers frames of one key; None = not possible."""

    def frame(self, data: bytes) -> bytes | None: ...


class Headers(Protocol):
    """Media headers of one protocol."""

    #: bytes of a mini frame's head; inside trunk frames at least as many stand before each payload, and in those with
    #: time stamps they are a mini frame's head
    overhead: int

    def classify(self, word: Array, length: Array) -> tuple[Array | None, Array, Array]:
        """(kind, sender's call number, 16-bit stamp) of each datagram, from its first 32 bits and its length.

        kind None: all of them are minis.
        """

    def full_call(self, memory: memoryview, offset: int, length: int) -> int:
        """Sender's call number of a full frame at that place; -1: it is something else."""

    def trunk_entries(self, flat: Array, offset: Array, length: Array) -> Entries:
        """The voice inside these trunk datagrams; `flat` is the byte arena, `offset` where each one starts in it."""

    def stamped(self, flat: Array, offset: Array, length: Array) -> tuple[Array, Array, int, int] | None:
        """(datagram, place of the mini header) of each entry, bytes of their payloads and of whole entries.

        None unless all these datagrams are trunk frames whose entries carry time stamps and are of one size.
        """

    def put_times(self, word: Array, offset: Array, times: Array) -> None:
        """Give trunk frames that stand at these places of the arena other times."""

    def mini_headers(self, call: Array, stamp: Array) -> Array:
        """Mini headers as big-endian 32-bit words (to be put just before the payloads)."""

    def mini_header(self, call: int, stamp: int) -> int:
        """The same for one."""

    def trunk_header(self, time: int, timestamps: bool) -> bytes:
        """Head of a trunk frame sent at `time` ms of the trunk's clock."""

    def trunk_headers(self, times: Array, timestamps: bool) -> Array:
        """The same for many: (n, 8) bytes."""

    def entry_head(self, timestamps: bool) -> int:
        """Bytes of an entry of a trunk frame before its payload."""

    def trunk_rows(self, call: Array, stamp: Array, payload: Array, timestamps: bool) -> Array:
        """(n, entry bytes) array: entry head and payload of equal-length voice, ready to be sent."""

    def sealer(self, key: bytes) -> Sealer:
        """What enciphers minis under this key."""

    def opener(self, key: bytes) -> Opener:
        """What deciphers minis and full frames of this key."""

    def full_stamp(self, frame: bytes) -> int:
        """The 32-bit time of a full frame."""

    def is_frame(self, frame: bytes) -> bool:
        """True for bytes that can be a full frame (was it the right key?)."""

    def is_voice(self, frame: bytes) -> bool:
        """True for a full frame that carries voice."""

    def holds(self, frame: bytes, format_bit: int, rx_ts64: int) -> bool:
        """True when voice behind this full frame has to wait until the core has dealt with it.

        format_bit: what the leg's minis hold now (0 = nothing yet); rx_ts64: last voice time received, -1 = none.
        """


#: the headers that are used when nothing else is said
IAX2 = "pbx.channels.iax2.media:MediaHeaders"


def load_headers(name: str = IAX2) -> Headers:
    """Make the headers object that is called "module:class"."""
    module, _, attribute = name.partition(":")
    return cast(Headers, getattr(importlib.import_module(module), attribute)())
