"""Frames out: the stamp of the leg they go to, and by which way they leave.

A leg's stamp is the stamp in plus an offset.  When that strays more than 160 ms
from the call's clock, or another leg's voice comes, the offset is set anew,
rounded up to the frame length.  The first voice of a format leaves as a full
frame, which the core numbers (`voice_due`); later voice waits until that has
passed.  Other minis never overtake it.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from pbx.channels.voice.core import TOLERANCE, Core, milliseconds, ones
from pbx.channels.voice.counters import TX_CLOCK, TX_FRAMES, TX_HIGH, TX_OFFSET, TX_ORIGIN, TX_OWN, TX_STATE, TX_TS
from pbx.channels.voice.legs import Ints, SinkState

#: frames kept while a full VOICE frame is on its way through the core, and how long before it is asked for again
_QUEUE = 25
_ASK_AGAIN_MS = 1000

_HARD = int(SinkState.NEED_FULL | SinkState.WAITING | SinkState.NO_FORMAT)

_NO_FORMAT = int(SinkState.NO_FORMAT)
_TRUNK, _SLOT, _ENCRYPTED = int(SinkState.TRUNK), int(SinkState.SLOT), int(SinkState.ENCRYPTED)


class TrunkRows(Protocol):
    """Where voice of trunked legs goes."""

    def add(self, sink: Ints, tx: Ints, offset: Ints, size: Ints) -> None: ...

    def flush_leg(self, row: int) -> None: ...


class Sealed(Protocol):
    """How voice of enciphered legs leaves."""

    def send(self, sink: Ints, own: Ints, tx: Ints, offset: Ints, size: Ints) -> None: ...


class Slots(Protocol):
    """Where copies go for those who want the decoded sound."""

    def heard(self, row: Ints, offset: Ints, size: Ints) -> None: ...


class Outbound:
    """Stamps voice and sends it as mini, trunk entry or (through the core) full frame."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self.trunks: TrunkRows
        self.slots: Slots
        self.ciphers: Sealed
        self._waiting: dict[int, _Waiting] = {}

    def relay(self, sink: Ints, origin: Ints, ts: Ints, offset: Ints, size: Ints, now: int) -> None:
        """Voice of rows `origin` to rows `sink` (each sink once); payloads in the arena, headroom before them."""
        record = self._core.legs.tx.take(sink, axis=0)
        tx = ts + record[:, TX_OFFSET]
        # one comparison for both sides of the tolerance: a negative number is a large unsigned one
        late = self._core.late
        drift = tx - (now - TOLERANCE - late) + record[:, TX_CLOCK]
        stray = (drift.view(np.uint64) > 2 * TOLERANCE + late) | (record[:, TX_ORIGIN] != origin)
        if np.count_nonzero(stray):
            self._restamp(np.nonzero(stray)[0], sink, record, origin, ts, tx, size, now)
        self._emit(sink, record, tx, offset, size, now)

    def _restamp(
        self, stray: Ints, sink: Ints, record: Ints, origin: Ints, ts: Ints, tx: Ints, size: Ints, now: int
    ) -> None:
        legs = self._core.legs
        for i in stray.tolist():
            row = int(sink[i])
            stamp = self.stamp(row, milliseconds(int(legs.tx_format[row]), int(size[i])), now)
            tx[i] = stamp
            record[i, TX_OFFSET] = legs.offset[row] = stamp - int(ts[i])
            record[i, TX_ORIGIN] = legs.origin[row] = origin[i]

    def stamp(self, row: int, step: int, now: int) -> int:
        """The next stamp by the call's clock: rounded up to the frame length, behind the last one sent.

        Where that would be too far ahead (the source's clock is quick), stamps go back to the clock, as Asterisk's do.
        """
        clock = max(0, now - int(self._core.legs.clock[row]))
        last = int(self._core.legs.tx_ts[row])
        by_clock = -(-clock // step) * step
        following = last + step
        return following if last >= 0 and by_clock < following <= clock + TOLERANCE else by_clock

    def clocked(self, row: int, step: int, now: int) -> int:
        """The stamp of a clocked stream's next frame: by sample count, by the clock again when that is too far off."""
        legs = self._core.legs
        last = int(legs.tx_ts[row])
        if last >= 0 and int(legs.origin[row]) == 0 and abs(last + step - (now - int(legs.clock[row]))) <= TOLERANCE:
            return last + step
        legs.origin[row] = 0
        return self.stamp(row, step, now)

    def emit(self, sink: Ints, tx: Ints, offset: Ints, size: Ints, now: int) -> None:
        """Send stamped voice; each sink once."""
        self._emit(sink, self._core.legs.tx.take(sink, axis=0), tx, offset, size, now)

    def _emit(self, sink: Ints, record: Ints, tx: Ints, offset: Ints, size: Ints, now: int) -> None:
        state = record[:, TX_STATE]
        moved = (tx >> 16) - record[:, TX_HIGH] > 1
        if np.count_nonzero(state) or np.count_nonzero(moved):
            moved &= (state & _TRUNK) == 0
            hard = ((state & _HARD) != 0) | moved
            if hard.any():
                for i in np.nonzero(hard)[0].tolist():
                    self._hard(int(sink[i]), int(tx[i]), int(offset[i]), int(size[i]), now)
                easy = np.nonzero(~hard)[0]
                if not len(easy):
                    return
                sink, tx, offset, size = sink[easy], tx[easy], offset[easy], size[easy]
                record = record[easy]
                state = record[:, TX_STATE]
            tapped = (state & _SLOT) != 0
            if tapped.any():
                self.slots.heard(sink[tapped], offset[tapped], size[tapped])
            self._sent(sink, record, tx)
            trunk = (state & _TRUNK) != 0
            if trunk.any():
                self.trunks.add(sink[trunk], tx[trunk], offset[trunk], size[trunk])
                plain = np.nonzero(~trunk)[0]
                if not len(plain):
                    return
                sink, tx, offset, size, record = sink[plain], tx[plain], offset[plain], size[plain], record[plain]
            sealed = (record[:, TX_STATE] & _ENCRYPTED) != 0
            if sealed.any():
                own = record[sealed, TX_OWN]
                self.ciphers.send(sink[sealed], own, tx[sealed], offset[sealed], size[sealed])
                plain = np.nonzero(~sealed)[0]
                if not len(plain):
                    return
                sink, tx, offset, size, record = sink[plain], tx[plain], offset[plain], size[plain], record[plain]
        else:
            self._sent(sink, record, tx)
        self._core.minis(sink, record, tx, offset, size)

    def _sent(self, sink: Ints, record: Ints, tx: Ints) -> None:
        record[:, TX_TS] = tx
        record[:, TX_HIGH] = tx >> 16
        record[:, TX_FRAMES] += 1
        self._core.legs.tx[sink] = record

    # ---- full VOICE frames -------------------------------------------------------------------------------------

    def _hard(self, row: int, tx: int, offset: int, size: int, now: int) -> None:
        """Voice that can't leave as a mini now."""
        core = self._core
        state = int(core.legs.sink_state[row])
        if not core.legs.live[row] or state & _NO_FORMAT:
            core.counters.unsendable += 1
            return
        waiting = self._waiting.get(row)
        payload = core.arena.bytes_at(offset, size)
        if waiting is not None and now < waiting.ask_again:
            waiting.frames.append((tx, payload))
            core.legs.tx_ts[row] = tx
            if len(waiting.frames) > _QUEUE:
                del waiting.frames[0]
                core.counters.held_dropped += 1
            return
        core.legs.set_sink(row, SinkState.NEED_FULL, False)
        core.legs.set_sink(row, SinkState.WAITING, True)
        self._waiting[row] = _Waiting(now + _ASK_AGAIN_MS)
        if state & _SLOT:
            self.slots.heard(*ones(row, offset, size))
        legs = core.legs
        legs.tx_ts[row] = tx
        legs.tx_high[row] = tx >> 16
        legs.tx[row, TX_FRAMES] += 1
        core.events.voice_due(row, int(core.legs.generation[row]), tx, int(core.legs.tx_format[row]), payload)

    def barrier(self, row: int) -> None:
        """A frame that no voice may overtake is about to leave: trunk entries before it go first."""
        if int(self._core.legs.sink_state[row]) & _TRUNK:
            self.trunks.flush_leg(row)

    def passed(self, row: int, now: int) -> None:
        """It has been queued: voice that waited follows."""
        self._core.legs.set_sink(row, SinkState.WAITING, False)
        waiting = self._waiting.pop(row, None)
        if waiting is None:
            return
        for tx, payload in waiting.frames:
            at = self._core.arena.put(payload)
            if at < 0:
                self._core.counters.held_dropped += 1
                continue
            record = self._core.legs.tx[row]
            if not record[TX_STATE] and (tx >> 16) - int(record[TX_HIGH]) <= 1:
                record[TX_TS], record[TX_HIGH] = tx, tx >> 16
                record[TX_FRAMES] += 1
                self._core.mini(row, tx, at, len(payload))
                continue
            sink, stamp, offset, size = ones(row, tx, at, len(payload))
            self.emit(sink, stamp, offset, size, now)

    def need_full(self, row: int) -> None:
        """The next voice to this row has to be a full frame; what waited in the old format is of no use."""
        self._waiting.pop(row, None)
        self._core.legs.set_sink(row, SinkState.WAITING, False)
        self._core.legs.set_sink(row, SinkState.NEED_FULL, True)

    def forget(self, row: int) -> None:
        self._waiting.pop(row, None)

    @property
    def waiting(self) -> bool:
        return bool(self._waiting)


class _Waiting:
    """Voice of one row behind a full VOICE frame that the core has to number."""

    __slots__ = ("ask_again", "frames")

    def __init__(self, ask_again: int) -> None:
        self.ask_again = ask_again
        self.frames: list[tuple[int, bytes]] = []
