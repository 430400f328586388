"""Voice in and out of trunk frames: rows per (local socket, address) and direction.

Out: entries gather until the tick (trunkfreq), which sends each peer's frames,
split at trunkmtu.  A trunk frame's time counts from the trunk's first frame; a
trunk that was idle 5 s starts anew at 0.  In: where entries carry no time
(`bare.py`), the frame's time counts from the moment at which the trunk's time
was 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pbx.channels.voice.bare import BareStamps
from pbx.channels.voice.core import Core
from pbx.channels.voice.headers import Entries
from pbx.channels.voice.legs import Ints
from pbx.channels.voice.outbox import Outbox
from pbx.channels.voice.trunk_room import Part, Room

_IDLE_MS = 5000
#: no datagram holds more
_LARGEST = 65507
_HEAD = 8


@dataclass(slots=True)
class _Out:
    """One trunk out.  start: ms at which its time was 0, -1 = closed; a leg of it, for address and control data."""

    socket: int
    row: int
    start: int = -1
    last: int = -1
    used: int = 0
    legs: int = 0


@dataclass(slots=True)
class _In:
    """One trunk in: ms of the clock at which its time was 0, and its last time."""

    start: int
    last: int
    used: int


class _Frames:
    """Datagrams of one socket: first and last (exclusive) entry, time, and a leg of the trunk, each."""

    def __init__(self) -> None:
        self.starts: list[int] = []
        self.ends: list[int] = []
        self.times: list[int] = []
        self.legs: list[int] = []


def _pieces(buffer: npt.NDArray[np.uint8], size: int) -> npt.NDArray[np.uint8]:
    """All runs of `size` bytes of it."""
    return np.ndarray((max(0, len(buffer) - size + 1), size), np.uint8, buffer, strides=(1, 1))


class Trunks:
    """Trunk rows of one plane.  Settings: trunkfreq (ms), trunkmtu (0 = as large as goes), trunktimestamps, ..."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self.frequency = 20
        self.mtu = 1240
        self.timestamps = True
        self.room = Room(core)
        #: trunk of each leg, 0 = none
        self._of = np.zeros(core.legs.capacity, np.int64)
        self._keys: dict[tuple[int, bytes, bytes], int] = {}
        self._out: dict[int, _Out] = {}
        self._next = 1
        self._in: dict[tuple[int, bytes], _In] = {}
        self._pending: list[Part] = []
        #: legs of which something waits
        self._waits = np.zeros(core.legs.capacity, np.bool_)
        self._bare = BareStamps(core)
        self.now = 0

    # ---- membership -------------------------------------------------------------------------------------------

    def join(self, row: int) -> None:
        """The leg's voice goes to the trunk of its present address."""
        self.leave(row)
        legs = self._core.legs
        key = int(legs.socket[row]), legs.name[row].tobytes(), legs.control[row, : legs.controllen[row]].tobytes()
        number = self._keys.get(key)
        if number is None:
            number = self._next
            self._next += 1
            self._keys[key] = number
            self._out[number] = _Out(key[0], row)
        out = self._out[number]
        out.row = row
        out.legs += 1
        self._of[row] = number

    def leave(self, row: int) -> None:
        number = int(self._of[row])
        self._of[row] = 0
        if number:
            out = self._out[number]
            out.legs -= 1
            if out.row == row:
                others = np.nonzero(self._of == number)[0]
                out.row = int(others[0]) if len(others) else row

    # ---- out --------------------------------------------------------------------------------------------------

    def add(self, sink: Ints, tx: Ints, offset: Ints, size: Ints) -> None:
        """Queue voice of trunked legs for the next tick."""
        trunk = self._of[sink]
        self._waits[sink] = True
        own = self._core.legs.own[sink]
        stamp = tx & 0xFFFF
        if not np.count_nonzero(size - size[0]):
            self._pending.append((trunk, own, stamp, self._core.gather(offset, int(size[0]))))
            return
        for one in np.unique(size).tolist():
            mine = np.nonzero(size == one)[0]
            payload = self._core.gather(offset[mine], one)
            self._pending.append((trunk[mine], own[mine], stamp[mine], payload))

    @property
    def queued(self) -> bool:
        return bool(self._pending)

    def flush_leg(self, row: int) -> None:
        """Send what waits for this leg's trunk: something of the leg is about to go another way."""
        number = int(self._of[row])
        if number and any((p[0] == number).any() for p in self._pending):
            self.tick(self.now)

    def tick(self, now: int) -> None:
        """Send all that waits; `now` in ms."""
        self.now = now
        pending, self._pending = self._pending, []
        self._waits[:] = False
        if not self.mtu:
            pending = self._with_room(pending)
        sizes: dict[int, list[Part]] = {}
        for part in pending:
            sizes.setdefault(part[3].shape[1], []).append(part)
        for parts in sizes.values():
            trunk, own, stamp = (np.concatenate([p[i] for p in parts]) for i in range(3))
            payload = np.concatenate([p[3] for p in parts])
            self._send(trunk, own, stamp, payload, now)

    def _with_room(self, pending: list[Part]) -> list[Part]:
        """Frames of a size leave when they are full and nothing can gather; here it can."""
        kept, full = self.room.kept(pending, self.timestamps)
        for number in full:
            out = self._out.get(number)
            if out is not None:
                self.room.say(self._core.legs.name[out.row].tobytes())
        return kept

    def _send(self, trunk: Ints, own: Ints, stamp: Ints, payload: npt.NDArray[np.uint8], now: int) -> None:
        order = trunk.argsort(kind="stable")
        trunk = trunk.take(order)
        rows = self._core.headers.trunk_rows(
            own.take(order), stamp.take(order), payload.take(order, axis=0), self.timestamps
        )
        width = rows.shape[1]
        limit = min(self.mtu or _LARGEST, _LARGEST)
        most = max(1, (limit - _HEAD) // width)
        first = np.nonzero(np.diff(trunk, prepend=-1))[0].tolist()
        frames: dict[int, _Frames] = {}
        for begin, end in zip(first, [*first[1:], len(trunk)], strict=True):
            out = self._out.get(int(trunk[begin]))
            if out is None or out.socket not in self._core.boxes:
                continue
            mine = frames.setdefault(out.socket, _Frames())
            starts = range(begin, end, most)
            mine.starts += starts
            mine.ends += [*starts[1:], end]
            mine.times += self._times(out, now, len(starts))
            mine.legs += [out.row] * len(starts)
        for socket, mine in frames.items():
            self._queue(self._core.boxes[socket], rows, mine)

    def _queue(self, box: Outbox, rows: npt.NDArray[np.uint8], frames: _Frames) -> None:
        """Queue datagrams of a head and a run of rows each."""
        width, legs = rows.shape[1], self._core.legs
        start, sink = np.array(frames.starts), np.array(frames.legs)
        count = np.array(frames.ends) - start
        size = count * width + _HEAD
        counters = self._core.counters
        counters.trunks_sent += len(size)
        counters.largest_trunk = max(counters.largest_trunk, int(size.max()))
        place = size.cumsum() - size
        buffer, base = self._room(box, int(size.sum()))
        _pieces(buffer, _HEAD)[place] = self._core.headers.trunk_headers(np.array(frames.times), self.timestamps)
        frame = np.arange(len(start)).repeat(count)
        nth = np.arange(len(frame)) - (count.cumsum() - count).take(frame)
        entry = start.take(frame) + nth
        _pieces(buffer, width)[(place + _HEAD).take(frame) + nth * width] = rows.take(entry, axis=0)
        at = box.add(place + base, size, legs.name_pointer(sink))
        control = legs.controllen[sink]
        if np.count_nonzero(control):
            box.set_control(at, np.where(control > 0, legs.control_pointer(sink), 0), control)

    def _room(self, box: Outbox, size: int) -> tuple[npt.NDArray[np.uint8], int]:
        """Bytes to send from, and where they are: of the scratch, or of its own where that is full."""
        arena = self._core.arena
        at = arena.reserve(size)
        if at >= 0:
            return arena.flat[at : at + size], arena.base + at
        own = np.empty(size, np.uint8)
        return own, box.keep(own)

    def _times(self, out: _Out, now: int, count: int) -> list[int]:
        """The frames' times: never the same twice in a row, 0 for the first one and after a silence of the trunk."""
        if out.start < 0 or now - out.used > _IDLE_MS:
            out.start, out.last = now, -1
        out.used = now
        time = now - out.start
        first = int(time == out.last)
        times = [time + (first + i & 1) for i in range(count)]
        out.last = times[-1]
        return times

    # ---- frames that need not wait ------------------------------------------------------------------------------

    def ready(self, sink: Ints) -> Ints:
        """The trunks of these legs; 0 for a leg of which something waits still, or that has none."""
        return np.where(self._waits[sink], 0, self._of[sink])

    def full(self, length: Ints, width: int) -> npt.NDArray[np.bool_]:
        """Which trunk frames are as full as ours get, when entries are `width` bytes wide."""
        if not self.timestamps or not self.mtu:
            return np.zeros(len(length), np.bool_)
        found: npt.NDArray[np.bool_] = (length <= self.mtu) & (length > self.mtu - width)
        return found

    def depart(self, number: Ints, length: Ints, now: int) -> tuple[Ints, Ints]:
        """A leg of each of these trunks (for its address), and the time of a frame that leaves by each now; ms.

        length: bytes of those frames, at least one.
        """
        counters = self._core.counters
        counters.trunks_sent_full += len(number)
        counters.largest_trunk = max(counters.largest_trunk, int(length.max()))
        leg, time = np.empty(len(number), np.int64), np.empty(len(number), np.int64)
        for one in set(number.tolist()):
            mine = (number == one).nonzero()[0]
            out = self._out[one]
            leg[mine] = out.row
            time[mine] = self._times(out, now, len(mine))
        return leg, time

    def expire(self, now: int) -> None:
        """Forget trunks without legs, and those in that fell silent.  Call about once a second."""
        for key, number in list(self._keys.items()):
            out = self._out[number]
            if not out.legs and now - out.used > _IDLE_MS:
                del self._keys[key], self._out[number]
        for source, row in list(self._in.items()):
            if now - row.used > _IDLE_MS:
                del self._in[source]

    # ---- in ---------------------------------------------------------------------------------------------------

    def stamps(self, socket: int, names: npt.NDArray[np.uint8], entries: Entries, rows: Ints, now: int) -> Ints:
        """16-bit stamps of all entries."""
        bare = entries.stamp < 0
        if not bare.any():
            return entries.stamp
        frames = np.unique(entries.frame[bare])
        start = np.zeros(len(entries.times), np.int64)
        for frame in frames.tolist():
            start[frame] = self._start((socket, names[frame].tobytes()), int(entries.times[frame]), now)
        some = np.nonzero(bare)[0]
        sent = start[entries.frame[some]] + entries.times[entries.frame[some]]
        stamp: Ints = entries.stamp.copy()
        stamp[some] = self._bare.stamps(rows[some], sent) & 0xFFFF
        return stamp

    def _start(self, key: tuple[int, bytes], time: int, now: int) -> int:
        """When this trunk's time was 0; a frame of time 0 begins it anew, as does a jump."""
        row = self._in.get(key)
        if row is None or time == 0 or time < row.last - 1000 or abs(now - time - row.start) > 3000:
            row = self._in[key] = _In(now - time, time, now)
        row.last = max(row.last, time)
        row.used = now
        return row.start
