"""What of the signalling is told to control when more comes than it can deal with.

Signalling costs control a hundred times what a frame of voice costs the plane.  So each call has a share of it, each
address from which frames of no call come, and all of those together; what is beyond is dropped here, where it costs
next to nothing, and senders send it again.  One call or one stranger that floods takes nothing from the others.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from pbx.channels.voice import address as addresses
from pbx.channels.voice.core import Core
from pbx.channels.voice.legs import Ints

#: frames a second, and how many at once after a while without any: of one call (video is among them), of no call from
#: one address, of no call from anywhere
OF_A_CALL, FROM_AN_ADDRESS, FROM_ANYWHERE = (2000, 2000), (6000, 4096), (16_000, 8192)
#: addresses share this many buckets
_BUCKETS = 1024
#: ms between two lines in the log
_SAY_EACH = 10_000
#: all of a sockaddr's first 8 bytes but the port, and what spreads them
_HOST = np.frombuffer(bytes((255, 255, 0, 0, 255, 255, 255, 255)), np.uint64)[0]
_SPREAD = np.uint64(0x9E3779B97F4A7C15)


class Buckets:
    """Token buckets.  share: tokens a second, and how many there are at most."""

    def __init__(self, count: int, share: tuple[int, int]) -> None:
        self._rate, self._most = share
        self._tokens = np.full(count, float(self._most))
        self._at = np.zeros(count, np.int64)

    def take(self, index: Ints, now: int) -> npt.NDArray[np.bool_]:
        """Whether there is a token for each of these, in their order; now: ms."""
        used, which, count = np.unique(index, return_inverse=True, return_counts=True)
        filled = self._tokens[used] + (now - self._at[used]) * (self._rate / 1000)
        tokens = np.minimum(filled, self._most).astype(np.int64)
        rest = np.minimum(filled, self._most) - np.minimum(count, tokens)
        self._tokens[used], self._at[used] = rest, now
        if (count <= tokens).all():
            return np.ones(len(index), np.bool_)
        order = which.argsort(kind="stable")
        nth = np.empty(len(index), np.int64)
        nth[order] = np.arange(len(index)) - (count.cumsum() - count).repeat(count)
        found: npt.NDArray[np.bool_] = nth < tokens[which]
        return found


class Crowd:
    """See the module."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._calls = Buckets(core.legs.capacity, OF_A_CALL)
        self._addresses = Buckets(_BUCKETS, FROM_AN_ADDRESS)
        self._anywhere = Buckets(1, FROM_ANYWHERE)
        self._said = -_SAY_EACH
        self._dropped = 0

    def refused(self, name: npt.NDArray[np.uint8], row: Ints, now: int) -> npt.NDArray[np.bool_]:
        """Which of these full frames are dropped.  name: (n, SIZE) sockaddrs; row: 0 = of no call; now: ms."""
        good = np.zeros(len(row), np.bool_)
        known = row.nonzero()[0]
        if len(known):
            good[known] = self._calls.take(row[known], now)
        strange = (row == 0).nonzero()[0]
        if len(strange):
            words = np.ascontiguousarray(name[strange]).view(np.uint64)
            # a host of IPv6 has 64 bits of the address to itself
            place = ((words[:, 0] & _HOST ^ words[:, 1]) * _SPREAD) >> np.uint64(54)
            passed = strange[self._addresses.take(place.astype(np.int64), now)]
            good[passed] = self._anywhere.take(np.zeros(len(passed), np.int64), now)
        bad = ~good
        count = int(np.count_nonzero(bad))
        if count:
            self._core.counters.signalling_dropped += count
            self._dropped += count
            self._say(name[bad.argmax()], now)
        return bad

    def _say(self, name: npt.NDArray[Any], now: int) -> None:
        if now - self._said < _SAY_EACH:
            return
        host, _ = addresses.unpack(name.tobytes())
        self._core.events.note(
            f"More signalling comes than can be dealt with: {self._dropped} full frames were dropped since this was "
            f"last said, the latest of {host}; each call and each address has a share, so the others go on"
        )
        self._said, self._dropped = now, 0
