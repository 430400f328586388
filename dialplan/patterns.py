"""Extension patterns: which extensions of a context match what was dialled, in Asterisk's order of precedence.

The rules (Asterisk's default matcher, `extenpatternmatchnew=no`), proven against a stock Asterisk 22:

* Dashes are there to be read only, in names and in what is dialled, except inside `[...]`, where they make ranges.
* A name without `_` matches itself, capitals count.  With `_`: X is 0-9, Z 1-9, N 2-9 (lower case too), `[...]` a
  set, `.` one or more of anything, `!` none or more (and nobody waits for more digits), all else itself.
* Names without `_` come before patterns.  Patterns are compared position by position from the left: the smaller set
  first, of equal sizes the one with the lowest character, then the one that holds the lower characters; then `.`,
  then `!`, then the end of the pattern.  So `_1X` comes before `_X1`, and `_1X` before `_1`.
* Two patterns that do not differ by that rule are the same extension, however they are written: `_[2-9]` and `_N`.

A *key* is a name in the form in which these rules read it: dashes gone, one character for each position.  Positions
that are no plain character are code points from U+0100 on, which no byte of a file can be.
"""

from __future__ import annotations

import re
from bisect import insort
from collections.abc import Container, Generator, Iterator
from enum import Enum
from functools import lru_cache
from typing import Any

from pbx.dialplan.octets import signed, widened


class Mode(Enum):
    """What is asked: this one, this or a longer one, a longer one."""

    MATCH = 0
    CANMATCH = 1
    MATCHMORE = 2


class BadPattern(ValueError):
    """A `[` without its `]`."""


#: the positions `.` and `!` of a key
ANY = "\u0100"
EARLY = "\u0101"
_FIRST_CLASS = 0x200
#: What the end of a pattern counts in the comparison, and `.` and `!`.
_END_SCORE = 0x30000
_SCORES = {ANY: (0x18000, 0), EARLY: (0x28000, 0)}

_PLAIN = re.compile(r"[^-\[\x80-\uffff]*\Z")
_LETTERS: dict[int, str] = {}
#: most look-ups that a context remembers
MEMO = 1024


class CharacterClass:
    """A set of two or more characters at one position."""

    __slots__ = ("code", "members", "rank")

    def __init__(self, code: str, members: str, mask: int) -> None:
        #: the character that stands for it in keys
        self.code = code
        self.members = frozenset(members)
        #: place in the order: number of members and the lowest one; then who holds the lower characters
        low = 256 - mask.bit_length()
        self.rank = (mask.bit_count() << 8 | low + 1, -mask)

    def __repr__(self) -> str:
        return f"[{''.join(sorted(self.members))}]"


_CLASSES: dict[str, CharacterClass] = {}
_INTERNED: dict[tuple[int, str], str] = {}


def _bit(code: int) -> int:
    return 1 << (255 - code)


def _position(ranges: list[tuple[str, str]]) -> str:
    """The key character of a set; "" for one that is empty.  Raises LookupError if it has members but none matches."""
    mask = 0
    members: set[str] = set()
    for first, last in ranges:
        for code in range(ord(first), ord(last) + 1):
            mask |= _bit(code)
        # the order counts bytes without sign, the matcher compares them with sign
        low, high = signed(first), signed(last)
        members.update(chr(code) for code in range(256) if low <= signed(chr(code)) <= high)
    text = "".join(sorted(members))
    if not text:
        raise LookupError("no character can match")
    if mask.bit_count() == 1 and len(text) == 1:
        return text
    known = _INTERNED.get((mask, text))
    if known is None:
        known = chr(_FIRST_CLASS + len(_CLASSES))
        if known >= "\ud800":
            known = chr(0x10000 + len(_CLASSES))
        _INTERNED[mask, text] = known
        _CLASSES[known] = CharacterClass(known, text, mask)
    return known


def _ranges(inside: str) -> list[tuple[str, str]]:
    found = []
    i = 0
    while i < len(inside):
        if i + 2 < len(inside) and inside[i + 1] == "-":
            found.append((inside[i], inside[i + 2]))
            i += 3
        else:
            found.append((inside[i], inside[i]))
            i += 1
    return found


_SETS: dict[str, str | None] = {}


def _set_position(inside: str) -> str | None:
    """The key character of what stands in `[...]`; None if no character can match."""
    known = _SETS.get(inside)
    if known is None and inside not in _SETS:
        try:
            known = _position(_ranges(inside))
        except LookupError:
            known = None
        _SETS[inside] = known
    return known


_DIGITS = _position([("0", "9")])
_LETTERS = {
    ord("X"): _DIGITS,
    ord("x"): _DIGITS,
    ord("Z"): _position([("1", "9")]),
    ord("z"): _position([("1", "9")]),
    ord("N"): _position([("2", "9")]),
    ord("n"): _position([("2", "9")]),
    ord("."): ANY,
    ord("!"): EARLY,
}


def clean_name(text: str) -> str:
    """A name as it is kept and shown: blanks taken out, but not those inside `[...]`.  Raises BadPattern."""
    if " " not in text and "[" not in text:
        return text
    out = []
    i = 0
    while i < len(text):
        if text[i] == "[":
            end = text.find("]", i)
            if end < 0:
                if not text[:i].endswith("\\"):
                    raise BadPattern(text)
                end = len(text)
            out.append(text[i : end + 1])
            i = end + 1
        else:
            if text[i] != " ":
                out.append(text[i])
            i += 1
    return "".join(out)


def key_of(name: str) -> tuple[str, bool]:
    """(key, alive) of a name; not alive: a set in it can match nothing (`[5-1]`), so neither can the pattern.

    Raises BadPattern.
    """
    if not name.startswith("_"):
        return widened(name).replace("-", ""), True
    if _PLAIN.match(name):
        return "_" + name[1:].translate(_LETTERS), True
    text = widened(name)
    alive = True
    # Asterisk does not see that an empty set is all that is left of a pattern
    empty_last = False
    out = ["_"]
    i = 1
    while i < len(text):
        char = text[i]
        i += 1
        if char == "[":
            end = text.find("]", i)
            if end < 0:
                if not text[: i - 1].endswith("\\"):
                    raise BadPattern(name)
                # the backslash counts where the line is divided, not here: it matches nothing (nobody dials a NUL)
                return f"{''.join(out)}{text[i - 1 :]}\0", False
            empty_last = end == i
            if end > i:
                position = _set_position(text[i:end])
                if position is not None:
                    out.append(position)
                else:
                    alive = alive and (ANY in out or EARLY in out)
            i = end + 1
        elif char != "-":
            out.append(_LETTERS.get(ord(char), char))
            empty_last = False
    if empty_last and ANY not in out and EARLY not in out:
        alive = False
    return "".join(out), alive


def class_of(position: str) -> CharacterClass | None:
    """The set that a position of a key stands for, None if it is a plain character, `.` or `!`."""
    return _CLASSES.get(position)


@lru_cache(4096)
def _rank(position: str) -> tuple[int, int]:
    """Place of one position in the order."""
    if position < ANY:
        code = ord(position)
        return 0x100 | code, -_bit(code)
    found = _CLASSES.get(position)
    return found.rank if found is not None else _SCORES[position]


def sort_key(key: str) -> tuple[Any, ...]:
    """Place of a key in the order of search."""
    if not key.startswith("_"):
        return (0, tuple(map(signed, key)))
    ranks = [_rank(p) for p in key[1:]]
    ranks.append((_END_SCORE, 0))
    return (1, tuple(ranks))


def match_key(key: str, dialled: str, mode: Mode = Mode.MATCH) -> int:
    """Whether one key matches: 0 no, 1 yes, 2 by an early match (`!`).  `dialled` is widened, without dashes."""
    if not key.startswith("_"):
        if mode is Mode.MATCH:
            return 1 if key == dialled else 0
        if not key.startswith(dialled):
            return 0
        return 1 if mode is Mode.CANMATCH or len(key) > len(dialled) else 0
    at = 0
    size = len(dialled)
    for position in key[1:]:
        if at == size:
            if position == EARLY:
                return 2
            return 0 if mode is Mode.MATCH else 1
        if position < ANY:
            if position != dialled[at]:
                return 0
        elif position == ANY:
            return 1
        elif position == EARLY:
            return 2
        elif dialled[at] not in _CLASSES[position].members:
            return 0
        at += 1
    if at < size:
        return 0
    return 0 if mode is Mode.MATCHMORE else 1


def dialled_key(exten: str) -> str:
    """What was dialled in the form in which keys are compared with it."""
    return widened(exten).replace("-", "")


def matches(pattern: str, exten: str, mode: Mode = Mode.MATCH) -> bool:
    """Whether one name or pattern (with its `_`) matches: caller-ID match, ignorepat, a look at one pattern."""
    try:
        key, alive = key_of(pattern)
    except BadPattern:
        return False
    if not alive:
        return False
    if mode is Mode.MATCH and exten.startswith("_") and key == _dialled_pattern(exten):
        return True
    return bool(match_key(key, dialled_key(exten), mode))


def _dialled_pattern(exten: str) -> str | None:
    """The key of a pattern that was dialled as such (`_X.` finds `_X.`)."""
    try:
        return key_of(exten)[0]
    except BadPattern:
        return None


class _Node:
    """A position after which several keys go on differently.

    The value of an edge is a node, or the one key that lies behind it (compared as a whole then).
    """

    __slots__ = ("any", "chars", "classes", "early", "end")

    def __init__(self) -> None:
        self.chars: dict[str, _Node | str] = {}
        #: (rank, members, edge, key character), in order of rank
        self.classes: list[tuple[tuple[int, int], frozenset[str], _Node | str, str]] = []
        #: keys that have `.`, `!` here, in order; the key that ends here
        self.any: list[tuple[tuple[Any, ...], str]] = []
        self.early: list[tuple[tuple[Any, ...], str]] = []
        self.end: str | None = None

    def insert(self, key: str, at: int) -> None:
        node = self
        while True:
            if at == len(key):
                node.end = key
                return
            position = key[at]
            if position == ANY:
                insort(node.any, (sort_key(key), key))
                return
            if position == EARLY:
                insort(node.early, (sort_key(key), key))
                return
            at += 1
            edge = node._edge(position)
            if edge is None:
                node._set_edge(position, key)
                return
            if isinstance(edge, str):
                if edge == key:
                    return
                below = _Node()
                below.insert(edge, at)
                node._set_edge(position, below)
                edge = below
            node = edge

    def _edge(self, position: str) -> _Node | str | None:
        if position < ANY:
            return self.chars.get(position)
        for _, _, edge, code in self.classes:
            if code == position:
                return edge
        return None

    def _set_edge(self, position: str, edge: _Node | str) -> None:
        if position < ANY:
            self.chars[position] = edge
            return
        found = _CLASSES[position]
        self.classes = [way for way in self.classes if way[3] != position]
        insort(self.classes, (found.rank, found.members, edge, position), key=lambda way: way[0])

    def remove(self, key: str, at: int) -> None:
        """Take a key out (nodes that hold nothing any more may stay; they are few and harmless)."""
        if at == len(key):
            self.end = None
            return
        position = key[at]
        if position in (ANY, EARLY):
            leaves = self.any if position == ANY else self.early
            leaves[:] = [leaf for leaf in leaves if leaf[1] != key]
            return
        edge = self._edge(position)
        if isinstance(edge, _Node):
            edge.remove(key, at + 1)
        elif edge == key:
            if position < ANY:
                del self.chars[position]
            else:
                self.classes = [way for way in self.classes if way[3] != position]

    def collect(self, dialled: str, at: int, found: list[str]) -> None:
        """Keys that match `dialled[at:]` from here, best first."""
        if at == len(dialled):
            if self.early:
                found.extend([key for _, key in self.early])
            if self.end is not None:
                found.append(self.end)
            return
        char = dialled[at]
        at += 1
        way = self.chars.get(char)
        if way is not None:
            if not isinstance(way, str):
                way.collect(dialled, at, found)
            elif _ends_so(way, dialled, at):
                found.append(way)
        for _, members, edge, _ in self.classes:
            if char in members:
                if not isinstance(edge, str):
                    edge.collect(dialled, at, found)
                elif _ends_so(edge, dialled, at):
                    found.append(edge)
        if self.any:
            found.extend([key for _, key in self.any])
        if self.early:
            found.extend([key for _, key in self.early])

    def first(self, dialled: str, at: int) -> str | None:
        """The best of what `collect` collects."""
        if at == len(dialled):
            return self.early[0][1] if self.early else self.end
        char = dialled[at]
        at += 1
        way = self.chars.get(char)
        if way is not None:
            if type(way) is _Node:
                found = way.first(dialled, at)
                if found is not None:
                    return found
            elif _ends_so(way, dialled, at):  # type: ignore[arg-type]
                return way  # type: ignore[return-value]
        for _, members, edge, _ in self.classes:
            if char in members:
                if type(edge) is _Node:
                    found = edge.first(dialled, at)
                    if found is not None:
                        return found
                elif _ends_so(edge, dialled, at):  # type: ignore[arg-type]
                    return edge  # type: ignore[return-value]
        if self.any:
            return self.any[0][1]
        return self.early[0][1] if self.early else None

    def close(self, dialled: str, at: int, mode: Mode) -> Iterator[tuple[str, bool]]:
        """(key, early) of those that match or could with more digits, in the order of search."""
        if at < len(dialled):
            char = dialled[at]
            at += 1
            way = self.chars.get(char)
            if way is not None:
                yield from _close_edge(way, dialled, at, mode)
            for _, members, edge, _ in self.classes:
                if char in members:
                    yield from _close_edge(edge, dialled, at, mode)
            for _, key in self.any:
                yield key, False
            for _, key in self.early:
                yield key, True
        else:
            for char in sorted(self.chars):
                yield from _close_edge(self.chars[char], dialled, at + 1, mode)
            for _, _, edge, _ in self.classes:
                yield from _close_edge(edge, dialled, at + 1, mode)
            for _, key in self.any:
                yield key, False
            for _, key in self.early:
                yield key, at == len(dialled)
            if self.end is not None and (at > len(dialled) or mode is Mode.CANMATCH):
                yield self.end, False


def _ends_so(key: str, dialled: str, at: int) -> bool:
    """Whether the rest of a pattern's key matches `dialled[at:]`; what is before has matched."""
    rest, left = key[at + 1 :], dialled[at:]
    for position, char in zip(rest, left, strict=False):
        if position < ANY:
            if position != char:
                return False
        elif position <= EARLY:
            return True
        elif char not in _CLASSES[position].members:
            return False
    return len(rest) == len(left) or rest.startswith(EARLY, len(left))


def _close_edge(edge: _Node | str, dialled: str, at: int, mode: Mode) -> Iterator[tuple[str, bool]]:
    if isinstance(edge, _Node):
        yield from edge.close(dialled, at, mode)
    else:
        match = match_key(edge, dialled, mode)
        if match:
            yield edge, match == 2


class Index:
    """The keys of one context, O(length of what was dialled) to look up, at any size.

    `keys` holds all of them (the context's own table); `add` and `remove` keep the index in step with it.
    """

    __slots__ = ("_keys", "_literals", "_patterns")

    def __init__(self, keys: Container[str]) -> None:
        self._keys = keys
        self._literals = _Node()
        self._patterns = _Node()

    def add(self, key: str) -> None:
        """Put a key in (once)."""
        if key.startswith("_"):
            self._patterns.insert(key, 1)
        else:
            self._literals.insert(key, 0)

    def remove(self, key: str) -> None:
        """Take a key out."""
        if key.startswith("_"):
            self._patterns.remove(key, 1)
        else:
            self._literals.remove(key, 0)

    def let_go(self, step: int) -> Generator[None, None, None]:
        """Free all nodes, some at a time; the index is empty then."""
        left = [self._literals, self._patterns]
        self._literals, self._patterns = _Node(), _Node()
        done = 0
        while left:
            node = left.pop()
            left += [edge for edge in node.chars.values() if isinstance(edge, _Node)]
            left += [way[2] for way in node.classes if isinstance(way[2], _Node)]
            node.chars.clear()
            node.classes.clear()
            done += 1
            if not done % step:
                yield

    def first(self, exten: str) -> str | None:
        """The best key that matches; None: ask `matching`."""
        if exten.startswith("_"):
            return None
        dialled = dialled_key(exten)
        return dialled if dialled in self._keys else self._patterns.first(dialled, 0)

    def matching(self, exten: str) -> tuple[str, ...]:
        """The keys that match, best first."""
        dialled = dialled_key(exten)
        if not exten.startswith("_"):
            found = [dialled] if dialled in self._keys else []
            self._patterns.collect(dialled, 0, found)
            return tuple(found)
        # a pattern dialled by its own name is found too
        found = []
        self._patterns.collect(dialled, 0, found)
        own = _dialled_pattern(exten)
        if own is not None and own not in found and own in self._keys:
            found.append(own)
            found.sort(key=sort_key)
        return tuple(found)

    def close(self, exten: str, mode: Mode) -> Iterator[tuple[str, bool]]:
        """(key, early) that match or could with more digits (CANMATCH), could with more (MATCHMORE), best first.

        `early`: by a `!`, behind which MATCHMORE has nothing to wait for.
        """
        dialled = dialled_key(exten)
        yield from self._literals.close(dialled, 0, mode)
        yield from self._patterns.close(dialled, 0, mode)
