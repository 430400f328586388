"""What is to be sent on one socket: message headers as a table the kernel reads in place."""

from __future__ import annotations

import ctypes
import socket
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from pbx.channels.voice import address as addresses
from pbx.channels.voice.layout import IOVEC, MMSGHDR, control_for

_Ints = npt.NDArray[Any]


class Outbox:
    """Datagrams to send, in order.  Pointers must stay valid until `clear`.

    head: mmsghdr table; iov: two vectors each (the second is used only by trunk frames).
    legs: what was added by `add_legs` to an empty box stays the arrays it was until the table is asked for, since who
    sends by groups needs no table.
    """

    def __init__(self, capacity: int = 1024, family: int = socket.AF_INET) -> None:
        self.count = 0
        self._default = addresses.LENGTH.get(family, 0)
        self._family = family.to_bytes(2, sys.byteorder)
        #: some message is not to a leg
        self.others = False
        #: pointers, lengths and rows of all that is in here, while that is not in the table
        self.legs: tuple[_Ints, _Ints, _Ints] | None = None
        self._names: Callable[[_Ints], _Ints]
        #: objects whose memory is pointed at
        self._kept: list[Any] = []
        self._allocate(capacity)

    def _allocate(self, capacity: int) -> None:
        self.capacity = capacity
        self.head = np.zeros(capacity, MMSGHDR)
        self.iov = np.zeros((capacity, 2), IOVEC)
        hdr = self.head["hdr"]
        hdr["iov"] = self.iov.ctypes.data + np.arange(capacity, dtype=np.uint64) * np.uint64(2 * IOVEC.itemsize)
        self.name, self.namelen = hdr["name"], hdr["namelen"]
        self.iovlen = hdr["iovlen"]
        self.control, self.controllen = hdr["control"], hdr["controllen"]
        self.pointer, self.length = self.iov["base"][:, 0], self.iov["len"][:, 0]
        self.pointer2, self.length2 = self.iov["base"][:, 1], self.iov["len"][:, 1]
        self._table = int(self.head.ctypes.data)
        #: the same tables as plain words, where pointers and lengths are 64 bits wide
        self._words = self.head.view(np.uint64).data if _WIDE else None
        self._vectors = self.iov.view(np.uint64).reshape(-1).data if _WIDE else None
        self._defaults()

    def _defaults(self) -> None:
        """Every message is one piece to an address of the socket's family, unless it is said otherwise."""
        self.namelen[:] = self._default
        self.iovlen[:] = 1
        self.control[:] = self.controllen[:] = 0
        self._plain = True

    @property
    def table(self) -> int:
        """The table's address, for the kernel."""
        self._settle()
        return self._table

    def _settle(self) -> None:
        """Put what is not in the table there."""
        if self.legs is not None:
            (pointer, length, rows), self.legs = self.legs, None
            self.count = 0
            self.add(pointer, length, self._names(rows))

    def _room(self, more: int) -> int:
        """Index of the first of `more` new messages."""
        self._settle()
        at = self.count
        if at + more > self.capacity:
            old, n = (self.head, self.iov), self.count
            self._allocate(max(self.capacity * 2, at + more))
            self._plain = False
            for key in ("name", "namelen", "iovlen", "control", "controllen"):
                self.head["hdr"][key][:n] = old[0]["hdr"][key][:n]
            self.iov[:n] = old[1][:n]
        self.count = at + more
        return at

    def add_legs(self, pointer: _Ints, length: _Ints, rows: _Ints, names: Callable[[_Ints], _Ints]) -> None:
        """Append messages of one piece each to legs.  names: pointers to the addresses of rows."""
        if self.count:
            self.add(pointer, length, names(rows))
        else:
            self.legs, self._names, self.count = (pointer, length, rows), names, len(rows)

    def add(self, pointer: _Ints, length: _Ints, name: _Ints) -> int:
        """Append messages of one piece each, without control data; the index of the first."""
        n = len(pointer)
        at = self._room(n)
        end = at + n
        self.pointer[at:end] = pointer
        self.length[at:end] = length
        self.name[at:end] = name
        return at

    def set_control(self, at: int, control: _Ints, controllen: _Ints) -> None:
        """Give the messages from index `at` on their control data."""
        self.control[at : at + len(control)] = control
        self.controllen[at : at + len(control)] = controllen
        self._plain = False

    def add_plain(self, pointer: int, length: int, name: int) -> None:
        """Append one message of one piece, without control data."""
        at = self.count
        if at == self.capacity or self.legs is not None:
            self._room(1)
        else:
            self.count = at + 1
        words, vectors = self._words, self._vectors
        if words is None or vectors is None:
            self.pointer[at] = pointer
            self.length[at] = length
            self.name[at] = name
            return
        words[at * _HEAD_WORDS] = name
        vectors[at * 4] = pointer
        vectors[at * 4 + 1] = length

    def add_one(self, pointer: int, length: int, name: int, namelen: int, control: int, controllen: int) -> None:
        """Append one message of one piece."""
        at = self._room(1)
        self._plain = False
        self.pointer[at] = pointer
        self.length[at] = length
        self.name[at] = name
        self.namelen[at] = namelen
        self.control[at] = control
        self.controllen[at] = controllen

    def add_two(
        self,
        first: tuple[int, int],
        second: tuple[int, int],
        name: int,
        namelen: int,
        control: int,
        controllen: int,
    ) -> None:
        """Append one message of two pieces, each (pointer, length)."""
        self.add_one(first[0], first[1], name, namelen, control, controllen)
        at = self.count - 1
        self.pointer2[at], self.length2[at] = second
        self.iovlen[at] = 2

    def add_bytes(self, data: bytes, address: bytes, local: bytes) -> None:
        """Append one message from objects, which are kept alive until `clear`."""
        control = control_for(local)
        family = int.from_bytes(address[:2], "little" if _LITTLE else "big")
        pieces = [self.keep(piece) for piece in (data, address, control)]
        namelen = addresses.LENGTH.get(family, 0)
        self.add_one(pieces[0], len(data), pieces[1], namelen, pieces[2] if control else 0, len(control))

    def keep(self, data: Any) -> int:
        """Pointer to the memory of `data`, which is kept alive until `clear`."""
        if isinstance(data, np.ndarray):
            self._kept.append(data)
            return int(data.ctypes.data)
        array = np.frombuffer(data or b"\0", np.uint8)
        self._kept.append(array)
        return int(array.ctypes.data)

    def takes(self, address: bytes) -> bool:
        """True when the sockaddr is of this box's family."""
        return address[:2] == self._family

    @property
    def plain(self) -> bool:
        """Every message is one piece, to a leg, without control data."""
        return self._plain and not self._kept and not self.others

    def clear(self) -> None:
        self.count = 0
        if not self._plain:
            self._defaults()
        self._kept.clear()
        self.others = False
        self.legs = None

    def messages(self) -> list[tuple[bytes, bytes, bytes]]:
        """(address, control data, datagram) of each message: for tests and for systems without sendmmsg."""
        self._settle()
        found = []
        for i in range(self.count):
            data = ctypes.string_at(int(self.pointer[i]), int(self.length[i]))
            if self.iovlen[i] == 2:
                data += ctypes.string_at(int(self.pointer2[i]), int(self.length2[i]))
            name = ctypes.string_at(int(self.name[i]), int(self.namelen[i])).ljust(addresses.SIZE, b"\0")
            control = ctypes.string_at(int(self.control[i]), int(self.controllen[i])) if self.control[i] else b""
            found.append((name, control, data))
        return found


#: 64-bit words of a message header, whose first is the pointer to the name
_HEAD_WORDS = MMSGHDR.itemsize // 8
_WIDE = ctypes.sizeof(ctypes.c_void_p) == 8 and IOVEC.itemsize == 16 and MMSGHDR.itemsize % 8 == 0
_LITTLE = bytes(ctypes.c_ushort(1))[0] == 1
