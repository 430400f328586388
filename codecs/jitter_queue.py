"""What waits in jitter buffers: up to 64 frames a leg, as arrays; the earliest of each leg is found for all at once."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from pbx.codecs.codec import Rows

Longs: TypeAlias = npt.NDArray[np.int64]
Bools: TypeAlias = npt.NDArray[np.bool_]

SLOTS: Final = 64
NEVER: Final = np.iinfo(np.int64).max
ALWAYS: Final = np.iinfo(np.int64).min
#: a head's time where nothing waits: later than any time, and far from an overflow
_NOBODY: Final = 1 << 60


class Answer(IntEnum):
    """What `get` says of a row."""

    NOTHING = 0  # nothing is due
    FRAME = 1  # play (or, a mark: act on) this one
    INTERPOLATE = 2  # 20 ms of sound are due and did not come: conceal
    DROP = 3  # let go of this one unheard, and ask again at once
    AGAIN = 4  # the buffer was shortened: ask again at once
    GROW = 5  # the buffer makes itself longer by 20 ms: conceal, nothing is missing


@dataclass(frozen=True, slots=True)
class Limits:
    """Settings of one leg's buffer, ms.

    maximum: maxjitterbuffer, or the whole length of a fixed buffer; resync_threshold: resyncthreshold (-1: never);
    interpolations: maxjitterinterps (0: no limit); extra: jittertargetextra.
    """

    maximum: int = 1000
    resync_threshold: int = 1000
    interpolations: int = 10
    extra: int = 40


@dataclass(frozen=True, slots=True)
class Statistics:
    """As the RR elements and `iax2 show netstats` have them: ms, frames; loss in thousandths of a percent."""

    jitter: int
    minimum: int
    current: int
    target: int
    loss: int
    frames_in: int
    frames_out: int
    lost: int
    late: int
    dropped: int
    out_of_order: int

    @property
    def delay(self) -> int:
        """Length beyond the smallest delay."""
        return self.current - self.minimum


class Buffer(Protocol):
    """A jitter buffer of many legs.

    Times are milliseconds: a frame's `ts` on the sender's clock, `arrival` and `now` on ours.  Payloads stay with the
    caller, who gives a number (`handle`) for each and gets it back.  In one call a row may appear once only.
    """

    def add_row(self, row: int, limits: Limits | None = None) -> None:
        """Begin a leg, empty and silent; limits: other settings than the buffer's own."""

    def remove_row(self, row: int) -> list[int]:
        """Forget a leg; the handles that were still waiting."""

    def put(self, rows: Rows, ts: Longs, arrival: Longs, ms: Longs, handle: Longs, voice: Bools | bool = True) -> Bools:
        """One frame for each row; False where it is refused (the caller lets go of it).

        voice False: a mark (DTMF, control, text) that has to come out at its place in the sound.
        """

    def get(self, rows: Rows, now: Longs) -> tuple[npt.NDArray[np.int8], Longs]:
        """(Answer, handle or -1) for each row.  After a mark, DROP or AGAIN the same row may have more to say."""

    def statistics(self, row: int) -> Statistics:
        """Of one leg, up to now."""


@dataclass(slots=True)
class Ends:
    """First and last of what waits, by row."""

    count: Longs
    head: Longs
    tail: Longs
    slot: Longs
    ms: Longs
    handle: Longs
    voice: Bools

    @property
    def some(self) -> Bools:
        return self.count > 0

    @property
    def span(self) -> Longs:
        """From the first's time to the last's."""
        return np.where(self.count > 0, self.tail - self.head, 0)


class Queue:
    """Frames by row, each with its time (of whichever clock the owner keeps)."""

    def __init__(self) -> None:
        self.capacity = 0
        self.ts = np.zeros((0, SLOTS), np.int64)
        self._order = np.zeros((0, SLOTS), np.int64)
        self.ms = np.zeros((0, SLOTS), np.int32)
        self._handle = np.zeros((0, SLOTS), np.int64)
        self._voice = np.zeros((0, SLOTS), np.bool_)
        self._put = 0

    def grow(self, capacity: int) -> None:
        """Room for rows below `capacity`."""
        old = self.capacity
        for name in ("ts", "_order", "ms", "_handle", "_voice"):
            setattr(self, name, larger(getattr(self, name), capacity))
        self.ts[old:] = NEVER
        self.capacity = capacity

    def clear(self, row: int) -> list[int]:
        """Take all of a row out; their handles."""
        if row >= self.capacity:
            return []
        handles = self._handle[row][self.ts[row] != NEVER].tolist()
        self.ts[row] = NEVER
        return handles  # type: ignore[no-any-return]

    def shift(self, rows: Rows, by: Longs) -> None:
        """Move the times of all that waits in these rows."""
        waiting = self.ts[rows]
        self.ts[rows] = np.where(waiting != NEVER, waiting + by[:, None], waiting)

    def ends(self, rows: Rows) -> Ends:
        """First and last of these rows; of equal times the one that came first."""
        waiting = self.ts[rows]
        used = waiting != NEVER
        count = used.sum(axis=1)
        head = waiting.min(axis=1)
        order = np.where(waiting == head[:, None], self._order[rows], NEVER)
        slot = order.argmin(axis=1)
        at = np.arange(len(rows))
        return Ends(
            count=count,
            head=np.where(count > 0, head, _NOBODY),
            tail=np.where(used, waiting, ALWAYS).max(axis=1),
            slot=slot,
            ms=self.ms[rows][at, slot].astype(np.int64),
            handle=self._handle[rows][at, slot],
            voice=self._voice[rows][at, slot],
        )

    def insert(self, rows: Rows, ts: Longs, ms: Longs, handle: Longs, voice: Bools) -> None:
        """One for each row, which has room."""
        slot = (self.ts[rows] == NEVER).argmax(axis=1)
        self.ts[rows, slot] = ts
        self._order[rows, slot] = self._put
        self._put += 1
        self.ms[rows, slot] = ms
        self._handle[rows, slot] = handle
        self._voice[rows, slot] = voice

    def pop(self, rows: Rows, slot: Longs) -> None:
        self.ts[rows, slot] = NEVER


def larger(array: npt.NDArray[Any], capacity: int) -> npt.NDArray[Any]:
    """A copy with more rows."""
    new = np.zeros((capacity, *array.shape[1:]), array.dtype)
    new[: len(array)] = array
    return new
