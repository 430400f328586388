"""Voice that waits behind full frames which control has not dealt with yet: a new key, a new format, a transfer.

Each such frame is a barrier with a number, which is told along with it; control answers with that number once it has
dealt with the frame, whatever became of it.  What came before a barrier never waits for it, what came behind it waits
until then, and each stretch between two barriers is heard under what the first of them has brought.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

#: frames of one row that may wait: 5 s of common ones
MOST = 256
#: ms that voice waits at most for a full frame that says nothing but its time; control is late then, voice is not
HOLD_MS = 100
#: ms that it waits at most for a key or a format, without which it would be noise
CHANGE_MS = 10_000


class Waiting(NamedTuple):
    """A mini frame, and when it came (ms).  stamp: 16 bits, `data` is the payload; -1: `data` is still enciphered."""

    at: int
    stamp: int
    data: bytes


class Barrier:
    """A full frame that control has not dealt with (until `dealt`).  at: when it came; deadline: ms."""

    __slots__ = ("at", "deadline", "dealt", "number")

    def __init__(self, number: int, at: int, deadline: int) -> None:
        self.number = number
        self.at = at
        self.deadline = deadline
        self.dealt = False


class Holds:
    """Rows whose voice waits.

    changed: a row begins or ends to wait; free: voice of a row goes on now.
    """

    def __init__(self, changed: Callable[[int, bool], None], free: Callable[[int, list[Waiting]], None]) -> None:
        self._changed = changed
        self._free = free
        self._rows: dict[int, deque[Barrier | Waiting]] = {}
        self._numbers = itertools.count(1)

    def __contains__(self, row: int) -> bool:
        return row in self._rows

    def __bool__(self) -> bool:
        return bool(self._rows)

    def begin(self, row: int, now: int, patience: int) -> int:
        """A barrier at this place of the row's voice; its number, by which it is released."""
        queue = self._rows.get(row)
        if queue is None:
            queue = self._rows[row] = deque()
            self._changed(row, True)
        barrier = Barrier(next(self._numbers), now, now + patience)
        queue.append(barrier)
        return barrier.number

    def add(self, row: int, frame: Waiting) -> bool:
        """This voice waits; False = too much does already."""
        queue = self._rows[row]
        if len(queue) >= MOST:
            return False
        queue.append(frame)
        return True

    def since(self, row: int, now: int) -> int:
        """When the full frame came that voice of the row waits for; `now` where it waits for none."""
        queue = self._rows.get(row)
        return queue[0].at if queue else now

    def release(self, row: int, number: int) -> None:
        """Control has dealt with that frame (an unknown one is past waiting for)."""
        queue = self._rows.get(row)
        if queue is None:
            return
        for one in queue:
            if isinstance(one, Barrier) and one.number == number:
                one.dealt = True
        self._go_on(row, queue)

    def forget(self, row: int) -> None:
        """The row's voice starts over: what waits is dropped."""
        if self._rows.pop(row, None) is not None:
            self._changed(row, False)

    def expire(self, now: int) -> None:
        """Let go what waited too long."""
        for row, queue in list(self._rows.items()):
            first = queue[0]
            if isinstance(first, Barrier) and first.deadline <= now:
                first.dealt = True
                self._go_on(row, queue)

    def _go_on(self, row: int, queue: deque[Barrier | Waiting]) -> None:
        """All up to the first barrier that was not dealt with."""
        frames: list[Waiting] = []
        while queue:
            first = queue[0]
            if isinstance(first, Barrier):
                if not first.dealt:
                    break
            else:
                frames.append(first)
            queue.popleft()
        if not queue:
            del self._rows[row]
        if not queue or frames:
            self._changed(row, False)
        if frames:
            self._free(row, frames)
            if queue:
                self._changed(row, True)
