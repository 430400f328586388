"""Decoded sound of legs that somebody wants to hear: mixes, taps, detectors, recordings.

A slot is one direction of one leg.  Payloads are put aside as they pass; at
each 20 ms tick all that came is decoded in bulk, and each slot yields one row
of 160 samples (8 kHz), from a short queue that evens out the arrival.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pbx.channels.voice.core import FRAME_MS, Core, format_of, milliseconds
from pbx.channels.voice.inbound import rounds
from pbx.channels.voice.legs import Ints, SinkState, SourceState
from pbx.channels.voice.port import Direction
from pbx.codecs.plc import KEEP, Gaps
from pbx.codecs.translation import Translator, decoder

SAMPLES = 160
_RING = 8192
#: a slot starts to speak when this much is there, and never keeps more than _MOST; after a stall it comes back to
#: _ENOUGH over that by dropping one frame in _EASE ticks.  One that is kept has patience, and drops nothing
_PRIME = 2 * SAMPLES
_PATIENT = 8 * SAMPLES
_ENOUGH = 2 * SAMPLES
_MOST = 22 * SAMPLES
_EASE = 25
#: a gap up to so long is filled; one shorter than half a frame is none, ms
_FILLED = 60
_UNEVEN = 10


class Slots:
    """All slots; `pull` once each 20 ms."""

    def __init__(self, core: Core) -> None:
        self._core = core
        capacity = core.legs.capacity
        #: slot of (kept, direction, row), 0 = none; slot 0 is nobody's
        self._slot = np.zeros((2, 3, capacity), np.int64)
        self._users: dict[tuple[int, int, int], int] = {}
        self._free: list[int] = []
        self._count = 1
        self._ticks = 0
        self._grow(16)
        #: slots, format, payloads (none: a gap alone), samples that are missing before each
        self._pending: list[tuple[Ints, int, npt.NDArray[np.uint8], Ints]] = []
        self._gaps = Gaps()
        #: fill gaps in the sound of far ends
        self.conceals = True
        self._decoders: dict[int, Translator | None] = {}
        self._streams: set[tuple[int, int]] = set()
        #: one row of samples per slot, and which slots had voice, as of the last `pull`
        self.frame = np.zeros((1, SAMPLES), np.int16)
        self.spoke = np.zeros(1, np.bool_)

    def _grow(self, size: int) -> None:
        old = getattr(self, "_ring", np.zeros((0, _RING), np.int16))
        kept = len(old)
        self._ring = np.zeros((size, _RING), np.int16)
        self._ring[:kept] = old
        for name in ("_write", "_fill", "_prime", "_expected"):
            column = np.zeros(size, np.int64)
            column[:kept] = getattr(self, name, column[:0])
            setattr(self, name, column)
        for name in ("_primed", "_kept"):
            mask = np.zeros(size, np.bool_)
            mask[:kept] = getattr(self, name, mask[:0])
            setattr(self, name, mask)

    _write: Ints
    _fill: Ints
    _prime: Ints
    #: time at which the next voice of a slot begins, -1 = none known
    _expected: Ints
    _primed: npt.NDArray[np.bool_]
    _kept: npt.NDArray[np.bool_]
    _ring: npt.NDArray[np.int16]

    # ---- who wants what ------------------------------------------------------------------------------------

    def want(self, row: int, direction: Direction, *, kept: bool = False) -> int:
        """Somebody more wants this sound; its slot.  kept: a recording, which would rather wait than miss some."""
        key = int(kept), int(direction), row
        self._users[key] = self._users.get(key, 0) + 1
        slot = int(self._slot[key])
        if slot:
            return slot
        if self._free:
            slot = self._free.pop()
        else:
            slot = self._count
            self._count += 1
            if slot >= len(self._ring):
                self._grow(2 * len(self._ring))
        self._slot[key] = slot
        self._write[slot] = self._fill[slot] = 0
        self._expected[slot] = -1
        self._ring[slot] = 0
        self._gaps.add_row(slot)
        self._primed[slot] = False
        self._kept[slot] = kept
        self._prime[slot] = _PATIENT if kept else _PRIME
        self._flag(row, direction)
        return slot

    def of(self, row: int) -> int:
        """The slot of what this far end says, 0 if nobody listens to it live."""
        return int(self._slot[0, int(Direction.IN), row])

    def unwant(self, row: int, direction: Direction, *, kept: bool = False) -> None:
        """One less; the slot of a sound that nobody wants is given back."""
        key = int(kept), int(direction), row
        users = self._users.get(key, 0) - 1
        if users > 0:
            self._users[key] = users
            return
        self._users.pop(key, None)
        slot = int(self._slot[key])
        self._slot[key] = 0
        if slot:
            for stream in [s for s in self._streams if s[1] == slot]:
                self._streams.discard(stream)
                translator = self._decoders.get(stream[0])
                if translator is not None:
                    translator.remove_row(slot)
            self._gaps.remove_row(slot)
            self._kept[slot] = False
            self._free.append(slot)
            self._flag(row, direction)

    def _flag(self, row: int, direction: Direction) -> None:
        on = any((kept, int(direction), row) in self._users for kept in (0, 1))
        if direction is Direction.IN:
            self._core.legs.set_source(row, SourceState.SLOT, on)
        else:
            self._core.legs.set_sink(row, SinkState.SLOT, on)

    def restore_flags(self, row: int) -> None:
        """The row began anew: what was wanted of it is wanted still."""
        if not self._users:
            return
        self._flag(row, Direction.IN)
        self._flag(row, Direction.OUT)

    @property
    def used(self) -> bool:
        return bool(self._users)

    # ---- copies aside -------------------------------------------------------------------------------------

    def spoken(self, row: Ints, ts: Ints, offset: Ints, size: Ints) -> None:
        """What far ends said, and when by their clock."""
        for slot in self._slots_of(Direction.IN, row):
            self._put(slot, self._core.legs.rx_format[row], offset, size, ts)

    def conceal(self, row: Ints, *, missing: bool) -> None:
        """20 ms of these far ends' sound have to be made up.  missing: of their time, too."""
        if not self.conceals:
            return
        for slot in self._slots_of(Direction.IN, row):
            known = (slot > 0) & (self._expected[slot] >= 0)
            slot, formats = slot[known], self._core.legs.rx_format[row[known]]
            if missing:
                self._expected[slot] += FRAME_MS
            for one in np.unique(formats).tolist():
                mine = slot[formats == one]
                nothing = np.zeros((len(mine), 0), np.uint8)
                self._pending.append((mine, one, nothing, np.full(len(mine), SAMPLES, np.int64)))

    def heard(self, row: Ints, offset: Ints, size: Ints) -> None:
        """What far ends hear."""
        for slot in self._slots_of(Direction.OUT, row):
            self._put(slot, self._core.legs.tx_format[row], offset, size)

    def _slots_of(self, direction: Direction, row: Ints) -> list[Ints]:
        """The slots of these rows, of those who listen and of those who record."""
        found = [slots[int(direction)][row] for slots in self._slot]
        return [slot for slot in found if slot.any()]

    def _put(self, slot: Ints, formats: Ints, offset: Ints, size: Ints, ts: Ints | None = None) -> None:
        key = (formats << 16) | size
        for one in np.unique(key).tolist():
            mine = np.nonzero(key == one)[0]
            if ts is None:
                gap = np.zeros(len(mine), np.int64)
            else:
                mine, gap = self._timed(slot, mine, ts, milliseconds(one >> 16, one & 0xFFFF))
                if not len(mine):
                    continue
            payload = self._core.gather(offset[mine], one & 0xFFFF)
            self._pending.append((slot[mine], one >> 16, payload, gap))

    def _timed(self, slot: Ints, mine: Ints, ts: Ints, step: int) -> tuple[Ints, Ints]:
        """Which of these come in time, and how many samples are missing before each."""
        expected = self._expected[slot[mine]]
        ahead = np.where(expected < 0, 0, ts[mine] - expected)
        if self.conceals:
            # something else was said in its place; much older ones are of a clock that began anew
            late = (ahead <= -_UNEVEN) & (ahead >= -_FILLED)
            if late.any():
                mine, ahead = mine[~late], ahead[~late]
        self._expected[slot[mine]] = ts[mine] + step
        missing = self.conceals & (ahead >= _UNEVEN) & (ahead <= _FILLED)
        gap: Ints = np.where(missing, ahead * (SAMPLES // FRAME_MS), 0)
        return mine, gap

    # ---- the tick ------------------------------------------------------------------------------------------

    def pull(self) -> None:
        """Decode what came; then `frame` and `spoke` hold the next 20 ms of each slot."""
        n = self._count
        self._next(np.ones(n, np.bool_))
        self._ticks += 1
        if self._ticks % _EASE == 0:
            fill = self._fill[:n]
            fill[(fill > self._prime[:n] + _ENOUGH) & ~self._kept[:n]] -= SAMPLES

    def pull_kept(self) -> bool:
        """As `pull`, for a tick that nobody listened to: recordings alone lose no time.  False: there are none."""
        kept = self._kept[: self._count]
        if not kept.any():
            return False
        self._next(kept)
        return True

    def _next(self, wanted: npt.NDArray[np.bool_]) -> None:
        self._decode()
        n = self._count
        fill = self._fill[:n]
        primed = self._primed[:n]
        primed |= fill >= self._prime[:n]
        primed &= fill >= SAMPLES
        self.spoke = primed & wanted
        self.frame = np.zeros((n, SAMPLES), np.int16)
        ready = np.nonzero(self.spoke)[0]
        if len(ready):
            at = (self._write[ready] - self._fill[ready])[:, None] + np.arange(SAMPLES)
            self.frame[ready] = self._ring[ready[:, None], at & (_RING - 1)]
            self._fill[ready] -= SAMPLES

    def rest(self, slot: int) -> npt.NDArray[np.int16]:
        """What came and was not pulled yet (it stays)."""
        self._decode()
        at = int(self._write[slot] - self._fill[slot]) + np.arange(int(self._fill[slot]))
        sound: npt.NDArray[np.int16] = self._ring[slot, at & (_RING - 1)]
        return sound

    def _decode(self) -> None:
        pending, self._pending = self._pending, []
        if not pending:
            return
        slots = np.concatenate([p[0] for p in pending])
        owner = np.concatenate([np.full(len(p[0]), i) for i, p in enumerate(pending)])
        inner = np.concatenate([np.arange(len(p[0])) for p in pending])
        for chosen in rounds(slots):
            groups: dict[tuple[int, int], list[int]] = {}
            for part in np.unique(owner[chosen]).tolist():
                groups.setdefault((pending[part][1], pending[part][2].shape[1]), []).append(part)
            for (format_bit, _), parts in groups.items():
                mine = chosen[np.isin(owner[chosen], parts)]
                payload = np.concatenate([pending[p][2][inner[mine[owner[mine] == p]]] for p in parts])
                gap = np.concatenate([pending[p][3][inner[mine[owner[mine] == p]]] for p in parts])
                ordered = np.concatenate([slots[mine[owner[mine] == p]] for p in parts])
                self._push(ordered, format_bit, payload, gap)

    def _push(self, slot: Ints, format_bit: int, payload: npt.NDArray[np.uint8], gap: Ints) -> None:
        live = slot > 0
        if not live.all():
            slot, payload, gap = slot[live], payload[live], gap[live]
        if np.count_nonzero(gap):
            self._make_up(slot, gap)
        if not payload.shape[1]:
            return
        translator = self._decoder(format_bit)
        if translator is None or not len(slot):
            self._core.counters.untranslatable += len(slot)
            return
        for one in slot.tolist():
            if (format_bit, one) not in self._streams:
                self._streams.add((format_bit, one))
                translator.add_row(one)
        unit = translator.source.frame_bytes or 1
        whole = payload.shape[1] - payload.shape[1] % unit
        if not whole:
            return
        samples = translator.translate(slot.astype(np.intp), np.ascontiguousarray(payload[:, :whole]))
        self._append(slot, self._gaps.blend(slot, samples))

    def _make_up(self, slot: Ints, gap: Ints) -> None:
        """Sound in place of what did not come, from what the slot said before."""
        for count in np.unique(gap[gap > 0]).tolist():
            mine = slot[gap == count]
            at = self._write[mine][:, None] + np.arange(-KEEP, 0)
            past = self._ring[mine[:, None], at & (_RING - 1)]
            self._append(mine, self._gaps.fill(mine.astype(np.intp), past, count))

    def _append(self, slot: Ints, samples: npt.NDArray[np.int16]) -> None:
        size = min(samples.shape[1], _RING // 2)
        at = self._write[slot][:, None] + np.arange(size)
        self._ring[slot[:, None], at & (_RING - 1)] = samples[:, :size]
        self._write[slot] += size
        fill = self._fill[slot] + size
        most = np.where(self._kept[slot], _RING - 2 * SAMPLES, max(_MOST, 2 * size))
        self._fill[slot] = np.where(fill > most, self._prime[slot], fill)

    def _decoder(self, format_bit: int) -> Translator | None:
        if format_bit not in self._decoders:
            which = format_of(format_bit)
            try:
                self._decoders[format_bit] = decoder(which) if which else None
            except LookupError:
                self._decoders[format_bit] = None
        return self._decoders[format_bit]
