"""The plain relay of one mini frame, without arrays: what is quicker when few frames wait.

It does what `Inbound`, `Relay` and `Outbound` do for a frame about which
nothing is unusual, and leaves everything else to them: `relay` says False then,
having changed nothing.
"""

from __future__ import annotations

import struct

from pbx.channels.voice.core import TOLERANCE, Core
from pbx.channels.voice.counters import (
    JITTER_PARTS,
    RX_FRAMES,
    RX_JITTER,
    RX_SIZE,
    RX_STATE,
    RX_STEP,
    RX_TO,
    RX_TRANSIT,
    RX_TS,
    TX_CLOCK,
    TX_FRAMES,
    TX_HIGH,
    TX_OFFSET,
    TX_ORIGIN,
    TX_OWN,
    TX_STATE,
    TX_TS,
    WIDTH,
)
from pbx.channels.voice.legs import SocketKeys
from pbx.channels.voice.outbox import Outbox

#: in a batch of up to so many frames one by one is quicker
FEW = 16
_WORD = struct.Struct(">I")


class Single:
    """Relays minis one at a time; for one IPv4 socket (there is no other box to choose)."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._memory = core.arena.memory
        self._rx = core.legs.rx.reshape(-1).data
        self._tx = core.legs.tx.reshape(-1).data
        self._over = core.headers.overhead

    def relay(self, keys: SocketKeys, box: Outbox, name: int, word: int, offset: int, length: int, now: int) -> bool:
        """A mini (call number and 16-bit stamp in `word`, IPv4 sender in `name`); False: not for here."""
        over = self._over
        row = keys.one.get(name & ~0xFFFF | word >> 16, 0)
        if not row or length <= over:
            return False
        rx, at = self._rx, row * WIDTH
        if rx[at + RX_STATE] or rx[at + RX_SIZE] != length - over:
            return False
        transit = rx[at + RX_TRANSIT]
        due = now - transit
        ts = due + (((word & 0xFFFF) - due + 0x8000) & 0xFFFF) - 0x8000
        if ts - rx[at + RX_TS] != rx[at + RX_STEP]:
            return False
        sink = rx[at + RX_TO]
        tx, to = self._tx, sink * WIDTH
        if tx[to + TX_STATE] or tx[to + TX_ORIGIN] != row:
            return False
        stamp = ts + tx[to + TX_OFFSET]
        if not -TOLERANCE <= stamp - now + tx[to + TX_CLOCK] <= TOLERANCE:
            return False
        high = stamp >> 16
        if high - tx[to + TX_HIGH] > 1:
            return False
        rx[at + RX_TS] = ts
        rx[at + RX_TRANSIT] = now - ts
        rx[at + RX_FRAMES] += 1
        jitter = rx[at + RX_JITTER]
        rx[at + RX_JITTER] = jitter + ((abs(now - ts - transit) * JITTER_PARTS - jitter) >> 4)
        tx[to + TX_TS] = stamp
        tx[to + TX_HIGH] = high
        tx[to + TX_FRAMES] += 1
        core = self._core
        header = core.headers.mini_header(tx[to + TX_OWN], stamp)
        _WORD.pack_into(self._memory, offset, header)
        box.add_plain(core.arena.base + offset, length, core.legs.name_pointer(sink))
        return True
