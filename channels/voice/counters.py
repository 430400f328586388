"""Numbers the plane writes and everybody reads: per-row times and counters, and those of the plane as a whole.

The per-row tables are one block of aligned 64-bit integers, so that it may live
in memory that two processes share; the plane is their one writer.  A row of
`rx` is what a frame in needs, a row of `tx` what a frame out needs: each is one
cache line, taken and put back whole for all frames of a batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pbx.channels.voice.port import LegCounters

Table = npt.NDArray[np.int64]

#: columns of a record; every table has this many
WIDTH = 8
#: rx: last stamp; arrival minus stamp of the last frame; ms and bytes of the last frame; frames; RFC 3550 jitter in
#: parts of a ms; `legs.SourceState`; the one plain relay edge's sink (0 = none)
RX_TS, RX_TRANSIT, RX_STEP, RX_SIZE, RX_FRAMES, RX_JITTER, RX_STATE, RX_TO = range(WIDTH)
#: tx: last stamp; stamp out minus stamp in, of frames from row `origin`; the clock's ms at which stamps are 0; high
#: half of the last stamp sent (-1 = none); frames; `legs.SinkState`; our call number
TX_TS, TX_OFFSET, TX_ORIGIN, TX_CLOCK, TX_HIGH, TX_FRAMES, TX_STATE, TX_OWN = range(WIDTH)
#: what is counted more rarely
LOST, OUT_OF_ORDER, LATE, DELAY, DROPPED, TARGET, MINIMUM, JITTER = range(WIDTH)
#: 64-bit integers of a row in all
COLUMNS = 3 * WIDTH
#: 64-bit integers behind the rows: totals of the plane (`PlaneCounters`), brought up to date now and then
TOTALS = 64
#: jitter is kept in this many parts of a millisecond
JITTER_PARTS = 1024


def table_bytes(rows: int) -> int:
    """Bytes of the memory that a table of so many rows needs."""
    return (rows * COLUMNS + TOTALS) * 8


class CounterTable:
    """Implements `port.Counters` over three tables (rows, WIDTH) and the plane's totals, in one block."""

    def __init__(self, rows: int, memory: Any = None) -> None:
        self.rows = rows
        block: npt.NDArray[np.int64] = np.zeros(table_bytes(rows) // 8, np.int64)
        if memory is not None:
            block = np.ndarray(block.shape, np.int64, memory)
        self.table: npt.NDArray[np.int64] = block[: rows * COLUMNS].reshape(3, rows, WIDTH)
        self._totals = block[rows * COLUMNS :]
        self.rx: Table = self.table[0]
        self.tx: Table = self.table[1]
        self.rare: Table = self.table[2]

    def reset(self, row: int) -> None:
        """A row's times and counts begin anew."""
        self.table[:, row] = 0
        self.rx[row, RX_TS] = self.tx[row, TX_TS] = -1

    def publish(self, counted: PlaneCounters, before: PlaneCounters) -> None:
        """Bring the plane's totals up to date: those of planes before this one, and its own."""
        names = PlaneCounters.__slots__
        both = [(getattr(counted, name), getattr(before, name)) for name in names]
        self._totals[: len(names)] = [
            max(pair) if name == "largest_trunk" else sum(pair) for name, pair in zip(names, both, strict=True)
        ]

    def totals(self) -> PlaneCounters:
        """What planes counted so far, half a second ago or later."""
        return PlaneCounters(*self._totals[: len(PlaneCounters.__slots__)].tolist())

    def tx_ts64(self, row: int) -> int:
        return int(self.tx[row, TX_TS])

    def rx_ts64(self, row: int) -> int:
        return int(self.rx[row, RX_TS])

    def legs(self, row: int) -> LegCounters:
        rare = self.rare[row]
        return LegCounters(
            received=int(self.rx[row, RX_FRAMES]),
            sent=int(self.tx[row, TX_FRAMES]),
            lost=max(0, int(rare[LOST])),
            out_of_order=int(rare[OUT_OF_ORDER]),
            late=int(rare[LATE]),
            jitter=int(self.rx[row, RX_JITTER]) // JITTER_PARTS,
            delay=int(rare[DELAY]),
            dropped=int(rare[DROPPED]),
            target=int(rare[TARGET]),
            minimum=int(rare[MINIMUM]),
            buffer_jitter=int(rare[JITTER]),
        )


@dataclass(slots=True)
class PlaneCounters:
    """Events of the plane as a whole."""

    datagrams: int = 0
    malformed: int = 0
    signalling: int = 0
    #: full frames that were too many for control
    signalling_dropped: int = 0
    unknown_minis: int = 0
    trunk_frames: int = 0
    bad_trunk_frames: int = 0
    #: trunk frames that left on a tick, and those that left at once because they were full
    trunks_sent: int = 0
    trunks_sent_full: int = 0
    #: bytes of the largest of them
    largest_trunk: int = 0
    unformatted: int = 0
    untranslatable: int = 0
    unsendable: int = 0
    held_dropped: int = 0
    undeciphered: int = 0
    #: voice of encrypted calls that came in the clear, where that is refused
    clear_refused: int = 0
    receive_errors: int = 0
    kernel_dropped: int = 0
    send_dropped: int = 0
    send_errors: int = 0
    sent_datagrams: int = 0
    tap_dropped: int = 0
