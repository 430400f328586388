"""POSIX extended regular expressions, as `$[a =~ b]`, REGEX() and their kin take them, in linear time.

The match is the leftmost one, and of those the longest.  It is found by automata whose states are made as they are
needed (one pass from the right for the beginning, one from the left for the end), so no pattern takes more than time
proportional to the text; only what stands in the first group is then looked for by a search that visits each pair of
state and place once.  Characters are those of UTF-8, as in a stock Asterisk with a UTF-8 locale; lengths are in bytes.

Taken over from glibc: the escapes w W s S b B < > ` '.  Not taken over: back references, which no automaton has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from pbx.dialplan.octets import length

#: States that a pattern may have: repetition counts multiply them.
MOST_STATES = 4000
#: Deepest nesting of groups.
DEEPEST = 100
#: Repetition counts may go so high (RE_DUP_MAX of glibc).
MOST_REPEATS = 32767
#: Compiled patterns that are remembered, and automaton steps that one pattern remembers.
MEMO = 512
_MOST_STEPS = 4000

_Test = Callable[[str], bool]
_CLASSES: dict[str, _Test] = {
    "alpha": str.isalpha,
    "digit": lambda c: c in "0123456789",
    "alnum": str.isalnum,
    "upper": str.isupper,
    "lower": str.islower,
    "space": str.isspace,
    "blank": lambda c: c in " \t",
    "punct": lambda c: c.isprintable() and not c.isalnum() and c != " ",
    "print": str.isprintable,
    "graph": lambda c: c.isprintable() and c != " ",
    "cntrl": lambda c: ord(c) < 32 or ord(c) == 127,
    "xdigit": lambda c: c in "0123456789abcdefABCDEF",
}


def _is_word(char: str) -> bool:
    return char.isalnum() or char == "_"


class _Set:
    """The characters that may stand at one place."""

    __slots__ = ("_chars", "_negated", "_ranges", "_tests")

    def __init__(
        self,
        chars: Iterable[str] = (),
        *,
        ranges: Iterable[tuple[str, str]] = (),
        tests: Iterable[_Test] = (),
        negated: bool = False,
        fold: bool = False,
    ) -> None:
        self._chars = frozenset(chars)
        self._ranges = tuple(ranges)
        self._tests = tuple(tests)
        self._negated = negated
        if fold:
            inner = _Set(self._chars, ranges=self._ranges, tests=self._tests)
            self._chars, self._ranges = frozenset(), ()
            self._tests = (lambda c: c.lower() in inner or c.upper() in inner,)

    def __contains__(self, char: str) -> bool:
        inside = (
            char in self._chars
            or any(low <= char <= high for low, high in self._ranges)
            or any(test(char) for test in self._tests)
        )
        if self._negated:
            # a byte that is no character is in no set but the ones that name it
            return not inside and not "\udc80" <= char <= "\udcff"
        return inside


_ANY = _Set(negated=True)
_ESCAPES = {
    "w": _Set(tests=[_is_word]),
    "W": _Set(tests=[_is_word], negated=True),
    "s": _Set(tests=[str.isspace]),
    "S": _Set(tests=[str.isspace], negated=True),
}


class RegexError(ValueError):
    """A pattern that cannot be compiled; the text says why."""


class Match(NamedTuple):
    """Where a match is (characters), its bytes, and what the first group holds (None: it took no part)."""

    start: int
    end: int
    length: int
    group: str | None


# ---- the pattern as a tree -----------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Tree:
    """`kind`: set, assert, concat, either, repeat, group."""

    kind: str
    members: _Set = _ANY
    parts: tuple[_Tree, ...] = ()
    low: int = 0
    high: int | None = None
    number: int = 0
    assertion: str = ""


class _Reader:
    """Reads a pattern; `fold`: capitals and small letters are one."""

    def __init__(self, pattern: str, fold: bool) -> None:
        self.text = pattern
        self.at = 0
        self.fold = fold
        self.groups = 0

    def read(self) -> _Tree:
        tree = self._either(0)
        if self.at < len(self.text):
            raise RegexError("unmatched ) ")
        return tree

    def _peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def _either(self, depth: int) -> _Tree:
        if depth > DEEPEST:
            raise RegexError("groups are nested too deeply")
        branches = [self._concat(depth)]
        while self._peek() == "|":
            self.at += 1
            branches.append(self._concat(depth))
        return branches[0] if len(branches) == 1 else _Tree("either", parts=tuple(branches))

    def _concat(self, depth: int) -> _Tree:
        parts: list[_Tree] = []
        repeats = 0
        while True:
            char = self._peek()
            if not char or char == "|" or (char == ")" and depth):
                break
            if char in "*+?{":
                if not parts or parts[-1].assertion in ("^", "$"):
                    raise RegexError("Invalid preceding regular expression")
                repeats += 1
                if repeats > DEEPEST:
                    raise RegexError("too many repetitions of repetitions")
                parts[-1] = self._repeated(parts[-1])
                continue
            repeats = 0
            parts.append(self._atom(depth))
        return parts[0] if len(parts) == 1 else _Tree("concat", parts=tuple(parts))

    def _repeated(self, tree: _Tree) -> _Tree:
        char = self._peek()
        self.at += 1
        if char == "*":
            return _Tree("repeat", parts=(tree,), low=0)
        if char == "+":
            return _Tree("repeat", parts=(tree,), low=1)
        if char == "?":
            return _Tree("repeat", parts=(tree,), low=0, high=1)
        end = self.text.find("}", self.at)
        if end < 0:
            raise RegexError("Unmatched { ")
        low, comma, high = self.text[self.at : end].partition(",")
        self.at = end + 1
        if not (low.isdecimal() or (not low and comma)) or (high and not high.isdecimal()):
            raise RegexError("Invalid content of {}")
        least = int(low or 0)
        most = least if not comma else (int(high) if high else None)
        if least > MOST_REPEATS or (most is not None and (most > MOST_REPEATS or most < least)):
            raise RegexError("Invalid content of {}")
        return _Tree("repeat", parts=(tree,), low=least, high=most)

    def _atom(self, depth: int) -> _Tree:
        char = self._peek()
        self.at += 1
        if char == "(":
            self.groups += 1
            number = self.groups
            inner = self._either(depth + 1)
            if self._peek() != ")":
                raise RegexError("Unmatched ( or \\(")
            self.at += 1
            return _Tree("group", parts=(inner,), number=number)
        if char == "[":
            return _Tree("set", members=self._bracket())
        if char == ".":
            return _Tree("set")
        if char in "^$":
            return _Tree("assert", assertion=char)
        if char == "\\":
            return self._escape()
        return _Tree("set", members=_Set(char, fold=self.fold))

    def _escape(self) -> _Tree:
        char = self._peek()
        if not char:
            raise RegexError("Trailing backslash")
        self.at += 1
        if char in _ESCAPES:
            return _Tree("set", members=_ESCAPES[char])
        if char in "bB<>`'":
            return _Tree("assert", assertion=char)
        if char.isdigit() and char != "0":
            raise RegexError("back references are not supported")
        return _Tree("set", members=_Set(char, fold=self.fold))

    def _bracket(self) -> _Set:
        negated = self._peek() == "^"
        self.at += negated
        chars: set[str] = set()
        ranges: list[tuple[str, str]] = []
        tests: list[_Test] = []
        first = True
        while True:
            char = self._peek()
            if not char:
                raise RegexError("Unmatched [, [^, [:, [., or [=")
            if char == "]" and not first:
                self.at += 1
                return _Set(chars, ranges=ranges, tests=tests, negated=negated, fold=self.fold)
            first = False
            if char == "[" and self.text[self.at + 1 : self.at + 2] in (":", ".", "="):
                found = self._bracket_class()
                if not isinstance(found, str):
                    tests.append(found)
                    continue
                char = found
            else:
                self.at += 1
            if self._peek() == "-" and self.text[self.at + 1 : self.at + 2] not in ("]", ""):
                self.at += 1
                last = self._range_end()
                if last < char:
                    raise RegexError("Invalid range end")
                ranges.append((char, last))
            else:
                chars.add(char)

    def _bracket_class(self) -> str | _Test:
        """The test of `[:alpha:]`, the character of `[.x.]` and `[=x=]`."""
        kind = self.text[self.at + 1]
        end = self.text.find(kind + "]", self.at + 2)
        if end < 0:
            raise RegexError("Unmatched [, [^, [:, [., or [=")
        name = self.text[self.at + 2 : end]
        self.at = end + 2
        if kind == ":":
            test = _CLASSES.get(name)
            if test is None:
                raise RegexError("Invalid character class name")
            return test
        if len(name) != 1:
            raise RegexError("Invalid collation character")
        return name

    def _range_end(self) -> str:
        if self._peek() == "[" and self.text[self.at + 1 : self.at + 2] in (".", "="):
            found = self._bracket_class()
            if isinstance(found, str):
                return found
            raise RegexError("Invalid range end")
        char = self._peek()
        self.at += 1
        return char


# ---- automaton -----------------------------------------------------------------------------------------------------


class _Machine:
    """A nondeterministic automaton: state 0 accepts.  Edges are (kind, what, to), in order of preference."""

    def __init__(self) -> None:
        self.edges: list[list[tuple[str, object, int]]] = [[]]
        self._work = 0

    def state(self, *edges: tuple[str, object, int]) -> int:
        if len(self.edges) >= MOST_STATES:
            raise RegexError("Regular expression too big")
        self.edges.append(list(edges))
        return len(self.edges) - 1

    def build(self, tree: _Tree, to: int, backwards: bool = False) -> int:
        """The state from which `tree` leads to `to`."""
        self._work += 1
        if self._work > 10 * MOST_STATES:
            raise RegexError("Regular expression too big")
        kind = tree.kind
        if kind == "set":
            return self.state(("set", tree.members, to))
        if kind == "assert":
            return self.state(("assert", tree.assertion, to))
        if kind == "concat":
            for part in tree.parts if backwards else reversed(tree.parts):
                to = self.build(part, to, backwards)
            return to
        if kind == "either":
            return self.state(*(("free", None, self.build(part, to, backwards)) for part in tree.parts))
        if kind == "group":
            if tree.number != 1 or backwards:
                return self.build(tree.parts[0], to, backwards)
            return self.state(("open", None, self.build(tree.parts[0], self.state(("close", None, to)))))
        return self._repeat(tree, to, backwards)

    def _repeat(self, tree: _Tree, to: int, backwards: bool) -> int:
        inner = tree.parts[0]
        low = tree.low
        if not low and tree.high != 0 and not backwards and _has_first_group(inner) and _may_be_empty(inner):
            # passed once even where nothing is there: the group is empty then, not without part in the match
            low = 1
        if tree.high is None:
            loop = self.state()
            begin = self.build(inner, loop, backwards)
            self.edges[loop] = [("free", None, begin), ("free", None, to)]
            # x+ has to pass once; x* may not
            to = loop
        else:
            out = to
            for _ in range(tree.high - low):
                to = self.state(("free", None, self.build(inner, to, backwards)), ("free", None, out))
        for _ in range(low):
            to = self.build(inner, to, backwards)
        return to


def _has_first_group(tree: _Tree) -> bool:
    return tree.number == 1 or any(map(_has_first_group, tree.parts))


def _may_be_empty(tree: _Tree) -> bool:
    """Whether a tree can match no character at all (what assertions ask is not looked at)."""
    if tree.kind == "set":
        return False
    if tree.kind == "repeat" and not tree.low:
        return True
    return any(map(_may_be_empty, tree.parts)) if tree.kind == "either" else all(map(_may_be_empty, tree.parts))


def _holds(assertion: str, text: str, at: int) -> bool:
    if assertion in "^`":
        return at == 0
    if assertion in "$'":
        return at == len(text)
    before = at > 0 and _is_word(text[at - 1])
    after = at < len(text) and _is_word(text[at])
    if assertion == "<":
        return after and not before
    if assertion == ">":
        return before and not after
    return (before != after) == (assertion == "b")


class _Runner:
    """Runs a machine over a text as a deterministic automaton made on the way."""

    def __init__(self, machine: _Machine, start: int, again: bool) -> None:
        self.machine = machine
        self.start = start
        #: the start state is entered anew at every place (where may a match begin?)
        self.again = again
        #: assertions look at nothing but the ends of the text, so that a step depends on nothing else
        looks = {str(what) for edges in machine.edges for kind, what, _ in edges if kind == "assert"}
        self._lasting = looks <= set("^$`'")
        self._steps: dict[tuple[frozenset[int], str, int], frozenset[int]] = {}

    def closure(self, states: set[int] | frozenset[int], text: str, at: int) -> frozenset[int]:
        """With all states reached without a character."""
        found = set(states)
        todo = list(states)
        edges = self.machine.edges
        while todo:
            for kind, what, to in edges[todo.pop()]:
                if kind == "set" or to in found or (kind == "assert" and not _holds(str(what), text, at)):
                    continue
                found.add(to)
                todo.append(to)
        return frozenset(found)

    def begin(self, text: str, at: int) -> frozenset[int]:
        """The states before the first character, at a place."""
        return self._after(frozenset(), "", text, at)

    def step(self, states: frozenset[int], char: str, text: str, at: int) -> frozenset[int]:
        """The states after `char`, where the place is then `at`."""
        known = self._steps.get((states, char, (at == 0) + 2 * (at == len(text))))
        return self._after(states, char, text, at) if known is None else known

    def _after(self, states: frozenset[int], char: str, text: str, at: int) -> frozenset[int]:
        key = (states, char, (at == 0) + 2 * (at == len(text)))
        if not char and key in self._steps:
            return self._steps[key]
        found = {
            to
            for state in states
            for kind, what, to in self.machine.edges[state]
            if kind == "set" and char in what  # type: ignore[operator]
        }
        if self.again or not char:
            found.add(self.start)
        result = self.closure(found, text, at)
        if self._lasting:
            if len(self._steps) >= _MOST_STEPS:
                self._steps.clear()
            self._steps[key] = result
        return result


class Regex:
    """A compiled pattern.  Raises RegexError."""

    def __init__(self, pattern: str, *, fold: bool = False) -> None:
        reader = _Reader(pattern, fold)
        tree = reader.read()
        #: number of groups in the pattern
        self.groups = reader.groups
        forwards, backwards = _Machine(), _Machine()
        self._forwards = _Runner(forwards, forwards.build(tree, 0), again=False)
        self._backwards = _Runner(backwards, backwards.build(tree, 0, backwards=True), again=True)

    def search(self, text: str) -> Match | None:
        """The leftmost longest match."""
        start = self._start(text)
        if start is None:
            return None
        end = self._end(text, start)
        group = self._group(text, start, end) if self.groups else None
        return Match(start, end, length(text[start:end]), None if group is None else text[group[0] : group[1]])

    def _start(self, text: str) -> int | None:
        runner = self._backwards
        states = runner.begin(text, len(text))
        found = len(text) if 0 in states else None
        for at in range(len(text) - 1, -1, -1):
            states = runner.step(states, text[at], text, at)
            if 0 in states:
                found = at
        return found

    def _end(self, text: str, start: int) -> int:
        runner = self._forwards
        states = runner.begin(text, start)
        end = start
        for at in range(start, len(text)):
            states = runner.step(states, text[at], text, at + 1)
            if 0 in states:
                end = at + 1
            if not states:
                break
        return end

    def _group(self, text: str, start: int, end: int) -> tuple[int, int] | None:
        """Where the first group is in the match: the first way through that takes as much as it can, early on."""
        edges = self._forwards.machine.edges
        seen: set[tuple[int, int]] = set()
        todo: list[tuple[int, int, int, tuple[int, int] | None]] = [(self._forwards.start, start, -1, None)]
        while todo:
            state, at, opened, group = todo.pop()
            if state == 0 and at == end:
                return group
            if (state, at) in seen:
                continue
            seen.add((state, at))
            for kind, what, to in reversed(edges[state]):
                if kind == "set":
                    if at < end and text[at] in what:  # type: ignore[operator]
                        todo.append((to, at + 1, opened, group))
                elif kind == "assert":
                    if _holds(str(what), text, at):
                        todo.append((to, at, opened, group))
                elif kind == "open":
                    todo.append((to, at, at, group))
                elif kind == "close":
                    todo.append((to, at, opened, (opened, at)))
                else:
                    todo.append((to, at, opened, group))
        return None


_memo: dict[tuple[str, bool], Regex | RegexError] = {}


def compiled(pattern: str, *, fold: bool = False) -> Regex:
    """The pattern, remembered.  Raises RegexError."""
    found = _memo.get((pattern, fold))
    if found is None:
        try:
            found = Regex(pattern, fold=fold)
        except RegexError as error:
            found = error
        if len(_memo) >= MEMO:
            _memo.clear()
        _memo[pattern, fold] = found
    if isinstance(found, RegexError):
        raise found
    return found
