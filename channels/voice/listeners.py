"""Detectors of `pbx.codecs.listening` on legs: those of one kind, on however many legs, hear their 20 ms together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from pbx.channels.voice.port import Direction
from pbx.channels.voice.slots import Slots
from pbx.codecs.listening import Detector, detector


@dataclass(slots=True)
class _Kind:
    """All listeners of one description."""

    hears: Detector
    #: place in the detector -> number
    numbers: dict[int, int] = field(default_factory=dict)
    free: list[int] = field(default_factory=list)


@dataclass(slots=True)
class _Listener:
    spec: str
    row: int
    direction: Direction
    slot: int
    place: int


class Listeners:
    """All of them, by the number control knows them by.  tell(number, what was found)."""

    def __init__(self, slots: Slots, tell: Callable[[int, str], None]) -> None:
        self._slots = slots
        self._tell = tell
        self._all: dict[int, _Listener] = {}
        self._kinds: dict[str, _Kind] = {}

    def __contains__(self, number: int) -> bool:
        return number in self._all

    def add(self, number: int, row: int, direction: Direction, spec: str) -> None:
        """Raises ValueError for a description that means no detector."""
        kind = self._kinds.get(spec)
        if kind is None:
            kind = self._kinds[spec] = _Kind(detector(spec))
        place = kind.free.pop() if kind.free else len(kind.numbers)
        kind.hears.add_row(place)
        kind.numbers[place] = number
        self._all[number] = _Listener(spec, row, direction, self._slots.want(row, direction), place)

    def remove(self, number: int) -> None:
        """Unknown numbers are passed over."""
        listener = self._all.pop(number, None)
        if listener is None:
            return
        self._slots.unwant(listener.row, listener.direction)
        kind = self._kinds[listener.spec]
        kind.hears.remove_row(listener.place)
        del kind.numbers[listener.place]
        kind.free.append(listener.place)
        if not kind.numbers:
            del self._kinds[listener.spec]

    def of(self, row: int) -> list[int]:
        """Numbers of those on this leg."""
        return [number for number, listener in self._all.items() if listener.row == row]

    def feed(self) -> None:
        """The next 20 ms of all slots."""
        frame, spoke = self._slots.frame, self._slots.spoke
        for kind in self._kinds.values():
            numbers = kind.numbers
            slots = [self._all[number].slot for number in numbers.values()]
            rows: npt.NDArray[np.intp] = np.array(list(numbers), np.intp)
            for place, what in kind.hears.run(rows, frame[slots], spoke[slots]):
                self._tell(numbers[place], what)
