"""Numbers the plane writes and everybody reads: per-row counters, and those of the plane as a whole.

The per-row table is one block of aligned 64-bit integers, so it may live in
memory that two processes share; each has one writer, the plane.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pbx.channels.voice.port import LegCounters

#: columns of the per-row table
TX_TS64, RX_TS64, RECEIVED, SENT, LOST, OUT_OF_ORDER, LATE, JITTER, DELAY, TRANSIT = range(10)
COLUMNS = 16
#: jitter is kept in this many parts of a millisecond
JITTER_PARTS = 1024


class CounterTable:
    """Implements `port.Counters` over one int64 table (rows, COLUMNS)."""

    def __init__(self, rows: int, memory: Any = None) -> None:
        #: column-major: a column is contiguous, which is how the plane walks it
        shape = (COLUMNS, rows)
        self.table: npt.NDArray[np.int64] = (
            np.zeros(shape, np.int64) if memory is None else np.ndarray(shape, np.int64, memory)
        )

    def reset(self, row: int) -> None:
        self.table[:, row] = 0
        self.table[TX_TS64, row] = self.table[RX_TS64, row] = -1

    def tx_ts64(self, row: int) -> int:
        return int(self.table[TX_TS64, row])

    def rx_ts64(self, row: int) -> int:
        return int(self.table[RX_TS64, row])

    def legs(self, row: int) -> LegCounters:
        c = self.table[:, row]
        return LegCounters(
            received=int(c[RECEIVED]),
            sent=int(c[SENT]),
            lost=max(0, int(c[LOST])),
            out_of_order=int(c[OUT_OF_ORDER]),
            late=int(c[LATE]),
            jitter=int(c[JITTER]) // JITTER_PARTS,
            delay=int(c[DELAY]),
        )


@dataclass(slots=True)
class PlaneCounters:
    """Events of the plane as a whole."""

    datagrams: int = 0
    malformed: int = 0
    truncated: int = 0
    unknown_minis: int = 0
    bad_trunk_frames: int = 0
    unformatted: int = 0
    untranslatable: int = 0
    unsendable: int = 0
    held_dropped: int = 0
    receive_errors: int = 0
    kernel_dropped: int = 0
    send_dropped: int = 0
    send_errors: int = 0
    sent_datagrams: int = 0
    tap_dropped: int = 0
