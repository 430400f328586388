"""The plain relay of one mini frame, without arrays: what is quicker when few frames wait.

It does what `Inbound`, `Relay` and `Outbound` do for a frame about which
nothing is unusual, and leaves everything else to them.
"""

from __future__ import annotations

import struct
from typing import TypeAlias

from pbx.channels.voice import address as addresses
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
_HEAD = struct.Struct(">HH")
_WORD = struct.Struct(">I")

#: senders (the first 64 bits of an IPv4 sockaddr), offsets in the arena and lengths of datagrams
Heads: TypeAlias = tuple[list[int], list[int], list[int]]


class Single:
    """Relays minis one at a time; for one IPv4 socket (there is no other box to choose)."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._memory = core.arena.memory
        self._rx = core.legs.rx.reshape(-1).data
        self._tx = core.legs.tx.reshape(-1).data
        self._over = core.headers.overhead

    def relay(self, keys: SocketKeys, box: Outbox, heads: Heads, now: int) -> int:
        """Relay the minis at the head of a batch, up to the first that is not for here; how many that were."""
        over, rx, tx, memory = self._over, self._rx, self._tx, self._memory
        find, head_of, put = keys.one.get, _HEAD.unpack_from, _WORD.pack_into
        core = self._core
        header, base, add = core.headers.mini_header, core.arena.base, box.add_plain
        names, size = core.legs.name_pointer(0), addresses.SIZE
        oldest = -TOLERANCE - core.late
        done = 0
        for name, offset, length in zip(*heads, strict=True):
            call, low = head_of(memory, offset)
            row = find(name & ~0xFFFF | call, 0)
            if not row:
                break
            at = row * WIDTH
            state, transit = rx[at + RX_STATE], rx[at + RX_TRANSIT]
            if state or rx[at + RX_SIZE] != length - over:
                break
            due = now - transit
            ts = due + ((low - due + 0x8000) & 0xFFFF) - 0x8000
            if ts - rx[at + RX_TS] != rx[at + RX_STEP]:
                break
            sink = rx[at + RX_TO]
            to = sink * WIDTH
            if tx[to + TX_STATE] or tx[to + TX_ORIGIN] != row:
                break
            stamp = ts + tx[to + TX_OFFSET]
            if not oldest <= stamp - now + tx[to + TX_CLOCK] <= TOLERANCE:
                break
            high = stamp >> 16
            if high - tx[to + TX_HIGH] > 1:
                break
            rx[at + RX_TS] = ts
            rx[at + RX_TRANSIT] = now - ts
            rx[at + RX_FRAMES] += 1
            jitter = rx[at + RX_JITTER]
            rx[at + RX_JITTER] = jitter + ((abs(now - ts - transit) * JITTER_PARTS - jitter) >> 4)
            tx[to + TX_TS] = stamp
            tx[to + TX_HIGH] = high
            tx[to + TX_FRAMES] += 1
            put(memory, offset, header(tx[to + TX_OWN], stamp))
            add(base + offset, length, names + sink * size)
            done += 1
        return done
