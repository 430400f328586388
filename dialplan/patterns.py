"""Extension patterns: which extensions of a context match what was dialled, in Asterisk's order of precedence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum

from pbx.dialplan.model import Extension


class Mode(Enum):
    """What is asked: this one, this or a longer one, a longer one."""

    MATCH = 0
    CANMATCH = 1
    MATCHMORE = 2


def matches(pattern: str, exten: str) -> bool:
    """Whether an extension name or pattern (with its `_`) matches: caller-ID match, ignorepat, tests of one pattern."""
    raise NotImplementedError


def match_close(pattern: str, exten: str, more: bool) -> bool:
    """Whether a longer one could match (`more`), or this or a longer one."""
    raise NotImplementedError


class Index:
    """The extensions of one context as a trie, O(length) to look up."""

    def __init__(self, extensions: Sequence[Extension]) -> None:
        raise NotImplementedError

    def candidates(self, exten: str, mode: Mode = Mode.MATCH) -> Iterator[Extension]:
        """Those that match, best first (all callers')."""
        raise NotImplementedError
