"""Which legs' voice comes in trunk frames: told once for each; legs that take no clear voice are left out."""

from __future__ import annotations

import numpy as np

from pbx.channels.voice.core import Core
from pbx.channels.voice.legs import Ints


class Trunked:
    """See the module.  Stock Asterisk puts the voice of encrypted calls into its trunk frames in the clear."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._seen = np.zeros(core.legs.capacity, np.bool_)
        self._refuses = np.zeros(core.legs.capacity, np.bool_)
        #: how many do
        self._refusing = 0
        #: legs of whose entries nothing is to be said or done: one column to look at
        self.settled = np.zeros(core.legs.capacity, np.bool_)
        self._seen[0] = True

    def set(self, row: int, refuses: bool) -> None:
        """refuses: what comes for this leg in the clear is dropped."""
        self._refusing += int(refuses) - int(self._refuses[row])
        self._refuses[row] = refuses
        self.settled[row] = self._seen[row] and not refuses

    def forget(self, row: int) -> None:
        """The leg is gone."""
        self._seen[row] = False
        self.set(row, False)

    def look(self, rows: Ints) -> Ints:
        """The rows of entries that came in trunk frames, 0 in place of those that are refused."""
        seen = self._seen[rows]
        if np.count_nonzero(seen) != len(rows):
            for row in set(rows[~seen].tolist()):
                self._seen[row] = True
                self.settled[row] = not self._refuses[row]
                self._core.events.voice_trunked(row, int(self._core.legs.generation[row]))
        if not self._refusing:
            return rows
        refused = self._refuses[rows]
        count = int(np.count_nonzero(refused))
        self._core.counters.clear_refused += count
        # those are counted among the unknown, too, where rows of 0 are dropped
        self._core.counters.unknown_minis -= count
        return np.where(refused, 0, rows)
