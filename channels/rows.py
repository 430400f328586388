"""Row numbers of the voice plane and numbers of its sources: given out by control alone."""

from __future__ import annotations

from collections import deque

#: so many freed rows rest before the first of them is given again
REST = 64


class Rows:
    """Row numbers 1..capacity-1, each with a generation that outlives the number.

    The number freed longest ago is given again first, so that late frames of a former leg meet an empty row.
    """

    def __init__(self, capacity: int = 32768) -> None:
        self._capacity = capacity
        self._fresh = 1
        self._free: deque[int] = deque()
        self._generation: dict[int, int] = {}
        self._used: set[int] = set()

    def allocate(self) -> tuple[int, int]:
        """(row, generation).  Raises LookupError when every row is in use."""
        if len(self._free) > REST or (self._free and self._fresh >= self._capacity):
            row = self._free.popleft()
        elif self._fresh < self._capacity:
            row = self._fresh
            self._fresh += 1
        else:
            raise LookupError(f"all {self._capacity - 1} rows of the voice plane are in use")
        self._used.add(row)
        generation = self._generation.get(row, 0) + 1
        self._generation[row] = generation
        return row, generation

    def free(self, row: int) -> None:
        """The leg is gone; its number may be given again, with the next generation.  Twice does no harm."""
        if row in self._used:
            self._used.discard(row)
            self._free.append(row)

    def __len__(self) -> int:
        """Rows in use."""
        return len(self._used)
