"""Legs whose voice is enciphered: minis are opened as they come and sealed as they leave, one by one.

Nothing proves that a mini was opened with the right key but what comes out of it: the time that is due now, the
length of the frame before.  While keys change the newest is tried first, then the former ones; what fits none is
dropped and counted.
"""

from __future__ import annotations

from pbx.channels.voice.core import Core
from pbx.channels.voice.headers import Opener, Sealer
from pbx.channels.voice.legs import Ints, SourceState

#: keys of minis that are tried: frames overtake each other by no more than one change of keys
_TRIED = 2
#: a stamp this far from what is due says that the key is wrong, ms
_FAR = 2000
#: the same where the length is not that of the frame before, either
_FAR_OFF = 300
#: so many in a row that fit no key, but each other: then it was the sender's clock, not the key
_PATIENCE = 10
#: their stamps are no further apart, ms (those of noise are anywhere within 65 s)
_APART = 1000
_HELD = int(SourceState.HELD)


class _LegCipher:
    """Keys of one leg.  misses: minis in a row that no key fitted, each a little later than the one before."""

    __slots__ = ("missed", "misses", "openers", "receive", "sealer", "send")

    def __init__(self) -> None:
        self.send = b""
        self.receive: tuple[bytes, ...] = ()
        self.sealer: Sealer | None = None
        self.openers: list[Opener] = []
        self.misses = 0
        self.missed = 0


class Ciphers:
    """All enciphered legs."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._legs: dict[int, _LegCipher] = {}

    def __bool__(self) -> bool:
        return bool(self._legs)

    def __contains__(self, row: int) -> bool:
        return row in self._legs

    def set(self, row: int, send: bytes, receive: tuple[bytes, ...]) -> None:
        """Keys from here on; those that stay keep their ciphers."""
        leg = self._legs.setdefault(row, _LegCipher())
        headers = self._core.headers
        if send != leg.send:
            leg.send, leg.sealer = send, headers.sealer(send) if send else None
        known = dict(zip(leg.receive, leg.openers, strict=True))
        leg.receive = receive
        leg.openers = [known.get(key) or headers.opener(key) for key in receive]

    def forget(self, row: int) -> None:
        self._legs.pop(row, None)

    # ---- in ---------------------------------------------------------------------------------------------------

    def full(self, row: int, data: bytes) -> bytes | None:
        """A full frame in the clear, as far as the newest key goes; only to see whether it holds voice."""
        leg = self._legs[row]
        return leg.openers[0].frame(data) if leg.openers else None

    def minis(self, row: Ints, stamp: Ints, offset: Ints, length: Ints, now: int) -> list[int]:
        """Open these minis in place (rows that are not enciphered or wait are left alone); who is to be dropped.

        `stamp` and `length` are brought up to date.
        """
        core, dropped = self._core, []
        states = core.legs.source_state
        for i, r in enumerate(row.tolist()):
            leg = self._legs.get(r)
            if leg is None or int(states[r]) & _HELD:
                continue
            at = int(offset[i])
            plain = self._open(r, leg, core.arena.bytes_at(at, int(length[i])), now)
            if plain is None:
                dropped.append(i)
                continue
            core.arena.memory[at : at + len(plain)] = plain
            stamp[i] = int.from_bytes(plain[2:4], "big")
            length[i] = len(plain)
        return dropped

    def one(self, row: int, data: bytes, now: int) -> tuple[int, bytes] | None:
        """(stamp, payload) of a mini that came at `now` and waited."""
        leg = self._legs.get(row)
        plain = None if leg is None else self._open(row, leg, data, now)
        return None if plain is None else (int.from_bytes(plain[2:4], "big"), plain[self._core.headers.overhead :])

    def _open(self, row: int, leg: _LegCipher, data: bytes, now: int) -> bytes | None:
        legs, over = self._core.legs, self._core.headers.overhead
        due, size, begun = now - int(legs.transit[row]), int(legs.size[row]), int(legs.rx_ts[row]) >= 0
        best: bytes | None = None
        first: bytes | None = None
        for opener in leg.openers[:_TRIED]:
            plain = opener.frame(data)
            if plain is None or len(plain) <= over:
                continue
            first = first or plain
            off = ((int.from_bytes(plain[2:4], "big") - due + 0x8000) & 0xFFFF) - 0x8000
            alike = size < 0 or len(plain) - over == size
            if begun and abs(off) > (_FAR if alike else _FAR_OFF):
                continue
            if alike:
                leg.misses = 0
                return plain
            best = best or plain
        if best is None:
            if first is None or not self._goes_on(leg, int.from_bytes(first[2:4], "big")):
                self._core.counters.undeciphered += 1
                return None
            best = first
        leg.misses = 0
        return best

    def _goes_on(self, leg: _LegCipher, stamp: int) -> bool:
        """A frame whose time is not the one due: True once enough of them follow each other as frames do."""
        follows = 0 < (stamp - leg.missed) & 0xFFFF <= _APART
        leg.misses = leg.misses + 1 if follows else 1
        leg.missed = stamp
        return leg.misses > _PATIENCE

    # ---- out --------------------------------------------------------------------------------------------------

    def send(self, sink: Ints, own: Ints, tx: Ints, offset: Ints, size: Ints) -> None:
        """Seal and queue minis; `own`: our call numbers, `tx`: the stamps."""
        core = self._core
        for row, call, stamp, at, n in zip(
            sink.tolist(), own.tolist(), tx.tolist(), offset.tolist(), size.tolist(), strict=True
        ):
            leg = self._legs.get(row)
            if leg is None or leg.sealer is None:
                core.counters.unsendable += 1
                continue
            header = core.headers.mini_header(call, stamp).to_bytes(core.headers.overhead, "big")
            core.datagram(row, leg.sealer.frame(header + core.arena.bytes_at(at, n)))
