"""What may gather for one trunk between two ticks (`trunkmaxsize`), where frames do not leave once they are full."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pbx.channels.voice import address as addresses
from pbx.channels.voice.core import Core
from pbx.channels.voice.legs import Ints

#: room is given in pieces of so many bytes, as stock Asterisk gives it: a smaller trunkmaxsize means one piece
PIECE = 6400

#: entries of one payload size: their trunks, our call numbers, stamps, payloads
Part = tuple[Ints, Ints, Ints, npt.NDArray[np.uint8]]


class Room:
    """Leaves out what has no room; says so once for each address."""

    def __init__(self, core: Core) -> None:
        self._core = core
        #: bytes of entries that one trunk may gather
        self.size = 128_000
        self._said: set[bytes] = set()

    def allow(self, most: int) -> None:
        """trunkmaxsize, bytes."""
        self.size = -(-most // PIECE) * PIECE
        self._said.clear()

    def kept(self, pending: list[Part], timestamps: bool) -> tuple[list[Part], set[int]]:
        """Those entries that there is room for, in order of arrival, and the trunks that had too many.

        A large entry that does not fit leaves its room to smaller ones behind it.
        """
        head, least = self._core.headers.entry_head(timestamps), self._core.headers.overhead
        gathered: dict[int, int] = {}
        for part in pending:
            trunks, counts = np.unique(part[0], return_counts=True)
            width = head + part[3].shape[1]
            for trunk, count in zip(trunks.tolist(), counts.tolist(), strict=True):
                gathered[trunk] = gathered.get(trunk, 0) + count * width
        crowded = {trunk for trunk, size in gathered.items() if size >= self.size}
        if not crowded:
            return pending, crowded
        used = dict.fromkeys(crowded, 0)
        found, full = [], set()
        for part in pending:
            size = part[3].shape[1]
            stays = np.ones(len(part[0]), np.bool_)
            for i, trunk in enumerate(part[0].tolist()):
                if trunk not in used:
                    continue
                if used[trunk] + size + least >= self.size:
                    stays[i] = False
                    full.add(trunk)
                else:
                    used[trunk] += size + head
            self._core.counters.held_dropped += len(stays) - int(np.count_nonzero(stays))
            found.append(tuple(column[stays] for column in part))
        return [part for part in found if len(part[0])], full  # type: ignore[misc]

    def say(self, name: bytes) -> None:
        """Something for this address (a sockaddr) was left out."""
        if name in self._said:
            return
        self._said.add(name)
        host, port = addresses.unpack(name)
        self._core.events.note(
            f"Trunk to {host}:{port}: more voice gathered in one tick than trunkmaxsize allows ({self.size} bytes); "
            "what is too much is dropped. Raise trunkmaxsize, or set trunkmtu, so that frames leave once they are full"
        )
