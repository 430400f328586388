"""The fixed jitter buffer of many legs at once: each frame is played a set time after the first one's measure.

See `jitter_queue.Buffer` for what it is to its users.  It is JITTERBUFFER(fixed): a frame sent t ms after the first
is played t + maximum ms after the first came.  What comes after its place in the sound, or for a place that is
taken, is dropped; but when the sender's clock jumps by resync_threshold or more, time is tied anew behind the last
frame that waits.  Gaps are filled with up to `interpolations` times 20 ms, then it is silent.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from pbx.codecs.codec import Rows
from pbx.codecs.jitter_queue import NEVER, SLOTS, Answer, Bools, Limits, Longs, Queue, Statistics, larger

_INTERPOLATION: Final = 20
_COUNTERS: Final = ("frames_in", "frames_out", "lost", "late", "dropped", "out_of_order", "loss")
_COLUMNS: Final = (
    "delay",
    "threshold",
    "interpolations",
    "base",  # our time minus the sender's, of a frame without any delay of the buffer
    "next",  # when the next frame is due, our time
    "contiguous",  # gaps filled in a row
    "transit",  # delay of the last frame against the first one's
    "jitter",  # in 16ths of a ms, as RFC 3550 smooths it
    *_COUNTERS,
)


class FixedBuffer:
    """Implements `jitter_queue.Buffer`; `extra` of the limits has no meaning here."""

    def __init__(self, maximum: int = 200, resync_threshold: int = 1000, interpolations: int = 10) -> None:
        self.limits = Limits(maximum, resync_threshold, interpolations, 0)
        self._capacity = 0
        self._columns = {name: np.zeros(0, np.int64) for name in _COLUMNS}
        self._tied = np.zeros(0, np.bool_)
        self._queue = Queue()

    def add_row(self, row: int, limits: Limits | None = None) -> None:
        """See `Buffer`."""
        if row >= self._capacity:
            capacity = max(16, 2 * self._capacity, row + 1)
            self._columns = {name: larger(column, capacity) for name, column in self._columns.items()}
            self._tied = larger(self._tied, capacity)
            self._queue.grow(capacity)
            self._capacity = capacity
        self._queue.clear(row)
        own = limits or self.limits
        c = self._columns
        for column in c.values():
            column[row] = 0
        c["delay"][row], c["threshold"][row] = own.maximum, own.resync_threshold
        c["interpolations"][row] = own.interpolations
        self._tied[row] = False

    def remove_row(self, row: int) -> list[int]:
        """See `Buffer`."""
        return self._queue.clear(row)

    # ---- in ----------------------------------------------------------------------------------------------------

    def put(self, rows: Rows, ts: Longs, arrival: Longs, ms: Longs, handle: Longs, voice: Bools | bool = True) -> Bools:
        """See `Buffer`."""
        c = self._columns
        voice = np.broadcast_to(np.asarray(voice), rows.shape)
        ends = self._queue.ends(rows)
        self._tie(rows, ~self._tied[rows], ts, arrival)
        due = ts + c["base"][rows] + c["delay"][rows]
        late: Bools = due < c["next"][rows]
        ahead = c["delay"][rows] + c["threshold"][rows]
        early = (c["threshold"][rows] != -1) & (due > c["next"][rows] + ahead)
        off = voice & (late | early | self._taken(rows, due, ms))
        again = off & (c["threshold"][rows] != -1) & self._jumped(rows, ts, due, ends.some)
        if again.any():
            behind = np.where(ends.some, ends.tail + ms, arrival + c["delay"][rows])
            r = rows[again]
            c["base"][r] = (behind - ts)[again] - c["delay"][r]
            c["next"][r] = np.where(ends.some[again], c["next"][r], behind[again])
            due = ts + c["base"][rows] + c["delay"][rows]
        refused: Bools = (off & ~again) | (ends.count == SLOTS)
        c["late"][rows[refused & late]] += 1
        c["dropped"][rows[refused & ~late]] += 1
        self._measure(rows[voice], (arrival - ts - c["base"][rows])[voice])
        good = np.flatnonzero(~refused)
        mine = rows[good]
        self._queue.insert(mine, due[good], ms[good], handle[good], voice[good])
        c["frames_in"][mine] += 1
        c["out_of_order"][mine] += ends.some[good] & (due[good] < ends.tail[good])
        return ~refused

    def _tie(self, rows: Rows, where: Bools, ts: Longs, arrival: Longs) -> None:
        """The first frame: what comes this late is played after the buffer's length."""
        c, r = self._columns, rows[where]
        c["base"][r] = (arrival - ts)[where]
        c["next"][r] = arrival[where] + c["delay"][r]
        self._tied[r] = True

    def _taken(self, rows: Rows, due: Longs, ms: Longs) -> Bools:
        """Voice that waits lies at this place already."""
        waiting = self._queue.ts[rows]
        length = self._queue.ms[rows]
        other = (waiting != NEVER) & (length > 0)
        begin = np.where(other, waiting, 0)
        meet = other & (begin < (due + ms)[:, None]) & (due[:, None] < begin + length)
        taken: Bools = meet.any(axis=1)
        return taken

    def _jumped(self, rows: Rows, ts: Longs, due: Longs, some: Bools) -> Bools:
        """The sender's clock jumped: far from the last frame that waits, or from now where none does."""
        c = self._columns
        last = np.where(some, self._queue.ends(rows).tail, c["next"][rows])
        jumped: Bools = (np.abs(due - last) >= c["threshold"][rows]) | ~some
        return jumped

    def _measure(self, rows: Rows, transit: Longs) -> None:
        c = self._columns
        c["jitter"][rows] += np.abs(transit - c["transit"][rows]) - (c["jitter"][rows] >> 4)
        c["transit"][rows] = transit

    # ---- out ---------------------------------------------------------------------------------------------------

    def get(self, rows: Rows, now: Longs) -> tuple[npt.NDArray[np.int8], Longs]:
        """See `Buffer`."""
        c = self._columns
        now = np.broadcast_to(np.asarray(now, np.int64), rows.shape)
        ends = self._queue.ends(rows)
        answer = np.zeros(len(rows), np.int8)
        handle = np.full(len(rows), -1, np.int64)
        due = self._tied[rows] & (c["next"][rows] <= now)
        there = due & ends.some & (ends.head <= c["next"][rows])
        play = there & ends.voice
        r = rows[play]
        c["next"][r] = (ends.head + ends.ms)[play]
        c["contiguous"][r] = 0
        self._loss(r, 0)
        answer[there], handle[there] = Answer.FRAME, ends.handle[there]
        c["frames_out"][rows[there]] += 1
        self._queue.pop(rows[there], ends.slot[there])
        gap = due & ~there
        quiet = gap & (c["contiguous"][rows] >= c["interpolations"][rows])
        c["next"][rows[quiet]] = np.minimum(now + _INTERPOLATION, ends.head)[quiet]
        fill = gap & ~quiet
        r = rows[fill]
        c["next"][r] = np.minimum(c["next"][r] + _INTERPOLATION, ends.head[fill])
        c["contiguous"][r] += 1
        c["lost"][r] += 1
        self._loss(r, 1)
        answer[fill] = Answer.INTERPOLATE
        return answer, handle

    def _loss(self, rows: Rows, lost: int) -> None:
        """The running loss: one frame in 500 counts."""
        loss = self._columns["loss"]
        loss[rows] = (100000 * lost + 499 * loss[rows]) // 500

    def statistics(self, row: int) -> Statistics:
        """See `Buffer`."""
        c = {name: int(column[row]) for name, column in self._columns.items()}
        return Statistics(
            jitter=c["jitter"] >> 4,
            minimum=0,
            current=c["delay"],
            target=c["delay"],
            **{name: c[name] for name in _COUNTERS},
        )
