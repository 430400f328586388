"""The adaptive jitter buffer of many legs at once, with Asterisk's rules (lengths, growth, shrinking, resync).

See `jitter_queue.Buffer` for what it is to its users.  Both clocks may start anywhere, the sender's and ours; the
first voice frame ties the two.

The buffer's length follows the delays of the last 500 voice frames, the highest and lowest 3 % left out: wanted is
their spread over the lowest, plus 40 ms.  It grows by one frame's length each 40 ms (at once when it would run dry)
and shrinks by one each 500 ms, 80 ms where there is none to drop, 10 ms in silence.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from pbx.codecs.codec import Rows
from pbx.codecs.jitter_queue import ALWAYS, SLOTS, Answer, Bools, Limits, Longs, Queue, Statistics, larger

__all__ = ["Answer", "JitterBuffer", "Limits", "Statistics"]

HISTORY: Final = 500
_UNUSED: Final = np.iinfo(np.int32).max
_INTERPOLATION: Final = 20  # ms of a gap that is filled while growing
_GROW_WAIT: Final = 40
_SHRINK_WAIT: Final = 500
_SHRINK_WAIT_EMPTY: Final = 80
_SHRINK_WAIT_SILENT: Final = 10
_DISCONTINUITIES: Final = 3
_NO_LIMIT: Final = 1 << 40

_COUNTERS: Final = ("frames_in", "frames_out", "lost", "late", "dropped", "out_of_order", "loss")
_FIELDS: Final = {
    "offset": 0,  # sender's time minus ours
    "current": 0,  # length now
    "next": 0,  # when the next voice frame is due, our time
    "last_ms": 20,
    "adjusted": 0,
    "contiguous": 0,  # gaps filled in a row
    "silence_begin": 0,
    "last_delay": 0,
    "discontinuities": 0,
    "seen": 0,  # voice frames in the history, ever
    "low": 0,
    "high": 0,
    # settings: see `Limits`
    "maximum": 0,
    "threshold": 0,
    "interpolations": 0,
    "extra": 0,
    **dict.fromkeys(_COUNTERS, 0),
}


class JitterBuffer:
    """Implements `jitter_queue.Buffer`.  The settings are those of legs that are added without any of their own."""

    def __init__(
        self, maximum: int = 1000, resync_threshold: int = 1000, interpolations: int = 10, extra: int = 40
    ) -> None:
        self.limits = Limits(maximum, resync_threshold, interpolations, extra)
        self._capacity = 0
        self._columns = {name: np.zeros(0, np.int64) for name in _FIELDS}
        self._silent = np.zeros(0, np.bool_)
        self._tied = np.zeros(0, np.bool_)
        self._stale = np.zeros(0, np.bool_)
        self._history = np.zeros((0, HISTORY), np.int32)
        self._queue = Queue()

    # ---- rows --------------------------------------------------------------------------------------------------

    def add_row(self, row: int, limits: Limits | None = None) -> None:
        """See `Buffer`."""
        if row >= self._capacity:
            self._grow(max(16, 2 * self._capacity, row + 1))
        self._queue.clear(row)
        for name, first in _FIELDS.items():
            self._columns[name][row] = first
        own = limits or self.limits
        c = self._columns
        c["maximum"][row], c["threshold"][row] = own.maximum, own.resync_threshold
        c["interpolations"][row], c["extra"][row] = own.interpolations, own.extra
        c["current"][row] = own.extra
        c["silence_begin"][row] = ALWAYS
        self._silent[row] = True
        self._tied[row] = self._stale[row] = False
        self._history[row] = _UNUSED

    def remove_row(self, row: int) -> list[int]:
        """See `Buffer`."""
        return self._queue.clear(row)

    def _grow(self, capacity: int) -> None:
        self._columns = {name: larger(column, capacity) for name, column in self._columns.items()}
        for name in ("_silent", "_tied", "_stale", "_history"):
            setattr(self, name, larger(getattr(self, name), capacity))
        self._queue.grow(capacity)
        self._capacity = capacity

    # ---- in ----------------------------------------------------------------------------------------------------

    def put(self, rows: Rows, ts: Longs, arrival: Longs, ms: Longs, handle: Longs, voice: Bools | bool = True) -> Bools:
        """See `Buffer`."""
        c = self._columns
        voice = np.broadcast_to(np.asarray(voice), rows.shape)
        loose = ~self._tied[rows]
        c["offset"][rows[loose]] = (ts - arrival)[loose]
        self._tied[rows[loose]] = True
        ends = self._queue.ends(rows)
        maximum = c["maximum"][rows]
        full = (ends.span >= np.where(maximum > 0, maximum, _NO_LIMIT)) | (ends.count == SLOTS)
        refused, delay = self._resync(rows, ts, arrival, voice, full)
        refused |= full
        c["dropped"][rows[refused]] += 1
        good = np.flatnonzero(~refused)
        mine = rows[good]
        heard = good[voice[good]]
        self._remember(rows[heard], delay[heard])
        local = ts[good] - c["offset"][mine]
        self._queue.insert(mine, local, ms[good], handle[good], voice[good])
        c["frames_in"][mine] += 1
        c["out_of_order"][mine] += (ends.count[good] > 0) & (local < ends.tail[good])
        return ~refused

    def _resync(self, rows: Rows, ts: Longs, arrival: Longs, voice: Bools, full: Bools) -> tuple[Bools, Longs]:
        """Follow a jump of the sender's clock: after more than three frames off, at once for a mark.

        Returns which voice frames are refused meanwhile, and each frame's delay.
        """
        c = self._columns
        delay = arrival - (ts - c["offset"][rows])
        self._refresh(rows)
        threshold = c["threshold"][rows]
        limit = 2 * (c["high"][rows] - c["low"][rows]) + threshold
        follows = threshold != -1
        off = (np.abs(delay - c["last_delay"][rows]) > limit) & ~full & follows
        steady = ~off & ~full & follows
        c["last_delay"][rows[steady]] = delay[steady]
        c["discontinuities"][rows[steady]] = 0
        c["discontinuities"][rows[off]] += 1
        anew = off & ((c["discontinuities"][rows] > _DISCONTINUITIES) | ~voice)
        if anew.any():
            r = rows[anew]
            c["discontinuities"][r] = c["last_delay"][r] = c["seen"][r] = c["low"][r] = c["high"][r] = 0
            c["offset"][r] = (ts - arrival)[anew]
            self._history[r] = _UNUSED
            self._stale[r] = False
            delay = np.where(anew, 0, delay)
        return off & ~anew & voice, delay

    def _remember(self, rows: Rows, delay: Longs) -> None:
        c = self._columns
        seen = c["seen"][rows]
        place = seen % HISTORY
        out = self._history[rows, place]
        self._history[rows, place] = delay
        low, high = c["low"][rows], c["high"][rows]
        # an exchange between the two limits changes neither; so most frames cost no sorting
        self._stale[rows] |= (seen < HISTORY) | (delay <= low) | (delay >= high) | (out <= low) | (out >= high)
        c["seen"][rows] = seen + 1

    def _refresh(self, rows: Rows) -> None:
        """Bring the lowest and highest delay (3 % left out at each end) up to date."""
        rows = rows[self._stale[rows]]
        if not len(rows):
            return
        c = self._columns
        ordered = np.sort(self._history[rows], axis=1)
        count = np.minimum(c["seen"][rows], HISTORY)
        leave = np.minimum(count * 3 // 100, 14)
        at = np.arange(len(rows))
        c["low"][rows] = ordered[at, leave]
        c["high"][rows] = ordered[at, count - 1 - leave]
        self._stale[rows] = False

    # ---- out ---------------------------------------------------------------------------------------------------

    def get(self, rows: Rows, now: Longs) -> tuple[npt.NDArray[np.int8], Longs]:
        """See `Buffer`."""
        t = _Turn(self, rows, np.broadcast_to(np.asarray(now, np.int64), rows.shape))
        t.silent_rows()
        t.talking_rows()
        t.finish()
        return t.answer, t.handle

    def statistics(self, row: int) -> Statistics:
        """See `Buffer`."""
        rows = np.array([row])
        self._refresh(rows)
        c = {name: int(column[row]) for name, column in self._columns.items()}
        jitter = c["high"] - c["low"]
        return Statistics(
            jitter=jitter,
            minimum=c["low"],
            current=c["current"],
            target=c["low"] + int(_length(jitter, c["extra"], c["maximum"])),
            **{name: c[name] for name in _COUNTERS},
        )


def _length(jitter: Any, extra: Any, maximum: Any) -> Any:
    """Wanted length over the lowest delay."""
    return np.minimum(jitter + extra, np.where(maximum > 0, maximum, _NO_LIMIT))


class _Turn:
    """One `get`: the columns of its rows, changed in steps and written back at the end."""

    def __init__(self, buffer: JitterBuffer, rows: Rows, now: Longs) -> None:
        self.buffer, self.rows, self.now = buffer, rows, now
        buffer._refresh(rows)
        c = self.c = {name: column[rows] for name, column in buffer._columns.items()}
        self.silent = buffer._silent[rows]
        ends = buffer._queue.ends(rows)
        self.some, self.head, self.slot, self.span = ends.some, ends.head, ends.slot, ends.span
        self.ms, self.voice, self.number = ends.ms, ends.voice, ends.handle
        self.target = c["low"] + _length(c["high"] - c["low"], c["extra"], c["maximum"])
        self.diff = self.target - c["current"]
        self.long = self.diff < -c["extra"]
        self.answer = np.zeros(len(rows), np.int8)
        self.handle = np.full(len(rows), -1, np.int64)
        in_silence = np.where(self.long, now >= c["adjusted"] + _SHRINK_WAIT_SILENT, self.head + self.target <= now)
        self.due = np.where(self.silent, self.some & in_silence, c["next"] <= now)
        self.popped = np.zeros(len(rows), np.bool_)
        self.was_silent = self.silent.copy()

    def _say(self, where: Bools, answer: Answer, *, pop: bool = False) -> None:
        self.answer[where] = answer
        if pop:
            self.handle[where] = self.number[where]
            self.popped |= where

    def _loss(self, where: Bools, lost: int) -> None:
        """The running loss: one frame in 500 counts."""
        c = self.c
        c["loss"][where] = (100000 * lost + 499 * c["loss"][where]) // 500

    def _played(self, where: Bools) -> None:
        self.c["frames_out"][where] += 1
        self._loss(where, 0)

    def _late(self, where: Bools) -> None:
        """Its place in the sound is over."""
        self._played(where)
        self.c["late"][where] += 1
        self.c["lost"][where] -= 1
        self._say(where, Answer.DROP, pop=True)

    def _filled(self, where: Bools, answer: Answer = Answer.INTERPOLATE) -> None:
        """One more gap to fill; after so many in a row it counts as silence."""
        c = self.c
        c["contiguous"][where] += 1
        self._say(where, answer)
        most = c["interpolations"]
        enough = where & (most > 0) & (c["contiguous"] >= most)
        self.silent[enough] = True
        c["silence_begin"][enough] = (c["next"] - c["current"])[enough]

    def silent_rows(self) -> None:
        c, now = self.c, self.now
        mine = self.due & self.was_silent
        shrink = mine & self.long & (c["adjusted"] + _SHRINK_WAIT_SILENT <= now)
        c["current"][shrink] -= _INTERPOLATION
        c["adjusted"][shrink] = now[shrink]
        mine &= self.some & (self.head <= now - c["current"])
        mark = mine & ~self.voice
        self._say(mark, Answer.FRAME, pop=True)
        c["frames_out"][mark] += 1
        late = mine & self.voice & (self.head < c["silence_begin"])
        self._late(late)
        begin = mine & self.voice & ~late
        c["current"][begin] = self.target[begin]
        self.silent[begin] = False
        c["next"][begin] = (self.head + self.target + self.ms)[begin]
        c["last_ms"][begin] = self.ms[begin]
        c["contiguous"][begin] = 0
        c["frames_out"][begin] += 1
        self._loss(begin, 0)
        self._say(begin, Answer.FRAME, pop=True)

    def talking_rows(self) -> None:
        c, now = self.c, self.now
        mine = self.due & ~self.was_silent
        grow = mine & (self.diff > 0) & ((c["adjusted"] + _GROW_WAIT < now) | (self.diff > self.span))
        c["current"][grow] += _INTERPOLATION
        c["next"][grow] += _INTERPOLATION
        c["last_ms"][grow] = _INTERPOLATION
        c["adjusted"][grow] = now[grow]
        self._filled(grow, Answer.GROW)
        mine &= ~grow
        there = mine & self.some & (self.head <= c["next"] - c["current"])
        missing = mine & ~there
        mark = there & ~self.voice
        c["frames_out"][mark] += 1
        c["contiguous"][mark] = 0
        self._say(mark, Answer.FRAME, pop=True)
        there &= self.voice
        place = self.head + c["current"]
        behind = there & (place < c["next"])
        near = behind & (place > c["next"] - c["last_ms"])
        c["next"][near] = (place + self.ms)[near]
        c["contiguous"][near] = 0
        self._played(near)
        self._say(near, Answer.FRAME, pop=True)
        self._late(behind & ~near)
        there &= ~behind
        c["last_ms"] = np.where(there & (self.ms > 0), self.ms, c["last_ms"])
        self._on_time(there, missing)

    def _on_time(self, there: Bools, missing: Bools) -> None:
        """Frames at their place, and places without a frame: shrink if too long, else play or fill."""
        c, now = self.c, self.now
        wait = c["adjusted"]
        shrink = (there | missing) & self.long
        shrink &= (missing & (wait + _SHRINK_WAIT_EMPTY < now)) | (wait + _SHRINK_WAIT < now)
        c["adjusted"][shrink] = now[shrink]
        c["contiguous"][shrink] = 0
        cut = shrink & there
        c["current"][cut] -= self.ms[cut]
        c["dropped"][cut] += 1
        self._played(cut)
        self._say(cut, Answer.DROP, pop=True)
        skip = shrink & missing
        c["current"][skip] -= c["last_ms"][skip]
        c["lost"][skip] += 1
        self._loss(skip, 1)
        self._say(skip, Answer.AGAIN)
        gap = missing & ~shrink
        c["next"][gap] += c["last_ms"][gap]
        c["lost"][gap] += 1
        self._loss(gap, 1)
        self._filled(gap)
        play = there & ~shrink
        c["next"][play] += self.ms[play]
        c["contiguous"][play] = 0
        self._played(play)
        self._say(play, Answer.FRAME, pop=True)

    def finish(self) -> None:
        for name, values in self.c.items():
            self.buffer._columns[name][self.rows] = values
        self.buffer._silent[self.rows] = self.silent
        gone = np.flatnonzero(self.popped)
        self.buffer._queue.pop(self.rows[gone], self.slot[gone])
