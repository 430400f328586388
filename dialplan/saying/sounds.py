"""What the parts of speech share: the smallest and largest numbers, and sounds that must be there."""

from __future__ import annotations

from collections.abc import Callable, Iterator

INT_MIN, INT_MAX = -(2**31), 2**31 - 1

#: Is there such a sound (in the caller's language)?
Exists = Callable[[str], bool]
#: (number, gender letter) -> the sounds, in order
Numbers = Callable[[int, str], Iterator[str]]


class Needed(str):
    """A sound without which the rest is not said; any other one that is missing is passed over."""

    __slots__ = ()


def needed(sounds: Iterator[str]) -> Iterator[str]:
    """Each of these sounds must be there."""
    return map(Needed, sounds)


def digit(number: int | str) -> str:
    """The sound of a number that has one of its own."""
    return f"digits/{number}"
