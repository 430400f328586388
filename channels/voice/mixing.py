"""Who hears which sum.  In a conference that is the sum of all less oneself; those who only listen share one.

A leg's inputs are slots with gains.  Legs whose inputs, each with its own voice added, are the same set make a
conference: its sum is taken once, so that n parties cost n additions and not n times n.  Whatever is no conference
(two parties, a whisper, a gain) is summed for itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pbx.channels.voice.legs import Ints
from pbx.channels.voice.slots import Slots

Sound = npt.NDArray[np.int32]

#: fewer than so many are no conference
_FEWEST = 3


@dataclass(frozen=True, slots=True)
class Input:
    """One sound in a leg's sum: a slot, and how loud (1.0 = as it is)."""

    slot: int
    gain: float


@dataclass(slots=True)
class _Conference:
    """slots: all who speak; speakers with their own slots; listeners."""

    slots: Ints
    speakers: Ints
    own: Ints
    listeners: list[int]


class Mixer:
    """own: the slot of a leg's own voice, 0 where nobody wants that."""

    def __init__(self, slots: Slots, own: Callable[[int], int]) -> None:
        self._slots = slots
        self._own = own
        self._inputs: dict[int, tuple[Input, ...]] = {}
        self._conferences: list[_Conference] = []
        self._sinks = np.zeros(0, np.int64)
        self._slot = np.zeros(0, np.int64)
        self._gain: npt.NDArray[np.float32] | None = None
        self._starts = np.zeros(0, np.int64)
        self._stale = False

    def __bool__(self) -> bool:
        return bool(self._inputs)

    def set(self, row: int, inputs: tuple[Input, ...]) -> None:
        """The sounds mixed for a leg; none ends its mix."""
        if inputs:
            self._inputs[row] = inputs
        elif self._inputs.pop(row, None) is None:
            return
        self._stale = True

    def mix(self) -> dict[int, Sound]:
        """20 ms for each leg that hears anybody; legs that hear the very same have the same array."""
        if self._stale:
            self._index()
        heard: dict[int, Sound] = {}
        for conference in self._conferences:
            self._confer(conference, heard)
        if not len(self._sinks):
            return heard
        spoke = np.logical_or.reduceat(self._slots.spoke[self._slot], self._starts)
        if spoke.any():
            sound: Sound = self._slots.frame[self._slot].astype(np.int32)
            if self._gain is not None:
                sound = (sound * self._gain[:, None]).astype(np.int32)
            total = np.add.reduceat(sound, self._starts, axis=0)
            heard.update((row, total[i]) for i, row in enumerate(self._sinks.tolist()) if spoke[i])
        return heard

    def _confer(self, conference: _Conference, heard: dict[int, Sound]) -> None:
        speaking = self._slots.spoke[conference.slots]
        voices = int(np.count_nonzero(speaking))
        if not voices:
            return
        total: Sound = self._slots.frame[conference.slots[speaking]].astype(np.int32).sum(axis=0)
        heard.update(dict.fromkeys(conference.listeners, total))
        others = total - self._slots.frame[conference.own].astype(np.int32)
        # who is the only one to speak hears nobody
        alone = self._slots.spoke[conference.own] & (voices == 1)
        rows = conference.speakers.tolist()
        heard.update((row, others[i]) for i, row in enumerate(rows) if not alone[i])

    # ---- who belongs together ----------------------------------------------------------------------------------

    def _index(self) -> None:
        self._stale = False
        rest = self._find_conferences()
        self._sinks = np.array(list(rest), np.int64)
        counts = [len(inputs) for inputs in rest.values()]
        self._starts = np.cumsum([0, *counts[:-1]], dtype=np.int64) if counts else np.zeros(0, np.int64)
        flat = [one for inputs in rest.values() for one in inputs]
        self._slot = np.array([one.slot for one in flat], np.int64)
        gain = np.array([one.gain for one in flat], np.float32)
        self._gain = None if (gain == 1.0).all() else gain

    def _find_conferences(self) -> dict[int, tuple[Input, ...]]:
        """Sets `_conferences`; the legs that are in none, with their inputs."""
        plain: dict[int, frozenset[int]] = {}
        full: dict[int, frozenset[int]] = {}
        for row, inputs in self._inputs.items():
            slots = frozenset(one.slot for one in inputs)
            own = self._own(row)
            if len(slots) == len(inputs) >= _FEWEST - 1 and all(one.gain == 1.0 for one in inputs):
                plain[row] = slots
                if own and own not in slots:
                    full[row] = slots | {own}
        count = Counter(full.values())
        found: dict[frozenset[int], tuple[list[int], list[int]]] = {}
        for row, slots in plain.items():
            if count.get(slots, 0) >= _FEWEST - 1:
                found.setdefault(slots, ([], []))[1].append(row)
            elif count[full.get(row, frozenset())] >= _FEWEST:
                found.setdefault(full[row], ([], []))[0].append(row)
        self._conferences = [
            _Conference(
                np.array(sorted(slots), np.int64),
                np.array(speakers, np.int64),
                np.array([self._own(row) for row in speakers], np.int64),
                listeners,
            )
            for slots, (speakers, listeners) in found.items()
        ]
        inside = {row for speakers, listeners in found.values() for row in (*speakers, *listeners)}
        return {row: inputs for row, inputs in self._inputs.items() if row not in inside}
