"""A journal of records that are on their way to the disk, in a file that is mapped into memory.

The file has its full size from the beginning, so that neither a full disk nor the end of the process (kill -9
included) loses what was added: the pages are the kernel's.  Adding costs a copy in memory and never a system call.

Layout: pages of SLOT bytes; a record takes as many as it needs, one behind the other.
    slot: state (1: 0 free, 1 begin, 2 continued) | number (8) | length of the whole record (4) | bytes
The state is written last when a record is added, and first when it is done.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import struct
from collections import deque
from collections.abc import Iterator

SLOT = 512
SLOTS = 2048
_HEAD = struct.Struct("<BQI")
_ROOM = SLOT - _HEAD.size
_FREE, _BEGIN, _MORE = 0, 1, 2
#: numbers from here on are none of ours
_LAST = 1 << 63


class Journal:
    """See the module.  Raises OSError if the file cannot be made.  What does not fit is simply not kept."""

    def __init__(self, path: str, slots: int = SLOTS) -> None:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            size = os.fstat(handle).st_size
            if size != slots * SLOT:
                slots = max(slots, -(-size // SLOT))
                os.posix_fallocate(handle, 0, slots * SLOT)
            self._map = mmap.mmap(handle, slots * SLOT)
        finally:
            os.close(handle)
        self._number = 0
        self._records: dict[int, list[int]] = {}
        self._left = self._read(slots)
        taken = {slot for used in self._records.values() for slot in used}
        self._free = deque(slot for slot in range(slots) if slot not in taken)
        # what an addition left that never came to its end must not become part of a new record of that number
        for slot in self._free:
            self._map[slot * SLOT] = _FREE

    def _read(self, slots: int) -> list[tuple[int, str]]:
        """What a former run added and did not finish, in order."""
        parts: dict[int, list[tuple[int, int]]] = {}
        lengths: dict[int, int] = {}
        for slot in range(slots):
            state, number, length = _HEAD.unpack_from(self._map, slot * SLOT)
            if number >= _LAST:
                continue
            if state == _BEGIN:
                lengths[number] = length
            if state in (_BEGIN, _MORE):
                parts.setdefault(number, []).append((0 if state == _BEGIN else length, slot))
        found = []
        for number in sorted(lengths):
            used = [slot for _, slot in sorted(parts[number])]
            length = lengths[number]
            if len(used) * _ROOM < length:
                continue
            data = b"".join(self._map[slot * SLOT + _HEAD.size : (slot + 1) * SLOT] for slot in used)[:length]
            found.append((number, data.decode("utf-8", "surrogateescape")))
            self._records[number] = used
            self._number = number + 1
        return found

    def left(self) -> Iterator[tuple[int, str]]:
        """(key, record) of what was left by a former run."""
        left, self._left = self._left, []
        return iter(left)

    def __len__(self) -> int:
        return len(self._records)

    def add(self, text: str) -> int | None:
        """Keep a record; its key, None when there is no room."""
        data = text.encode("utf-8", "surrogateescape")
        needed = max(1, -(-len(data) // _ROOM))
        if needed > len(self._free):
            return None
        number = self._number
        self._number += 1
        used = [self._free.popleft() for _ in range(needed)]
        for index in reversed(range(needed)):
            at = used[index] * SLOT
            part = data[index * _ROOM : (index + 1) * _ROOM]
            self._map[at + _HEAD.size : at + _HEAD.size + len(part)] = part
            # the first one last: a record without its beginning does not exist
            _HEAD.pack_into(self._map, at, _MORE if index else _BEGIN, number, index or len(data))
        self._records[number] = used
        return number

    def done(self, key: object) -> None:
        """The record is where it belongs."""
        for slot in self._records.pop(key, ()):  # type: ignore[call-overload]
            self._map[slot * SLOT] = _FREE
            self._free.append(slot)

    def close(self) -> None:
        with contextlib.suppress(BufferError):
            self._map.close()
