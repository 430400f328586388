"""POSIX extended regular expressions, as `$[a =~ b]`, REGEX() and their kin take them, in linear time.

The match is the leftmost one, and of those the longest.  It is found by automata whose states are made as they are
needed (one pass from the right for the beginning, one from the left for the end), so no pattern takes more than time
proportional to the text; only what stands in the first group is then looked for by a search that visits each pair of
state and place once.  Texts and patterns are bytes (widened), as in C.

Taken over from glibc: the escapes w W s S b B < > ` '.  Not taken over: back references, which no automaton has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from pbx.dialplan.octets import narrowed, widened

#: States that a pattern may have: repetition counts multiply them.
MOST_STATES = 4000
#: Deepest nesting of groups.
DEEPEST = 100
#: Repetition counts may go so high.
MOST_REPEATS = 255
#: Compiled patterns that are remembered, and automaton states that one pattern remembers.
MEMO = 512
_MOST_SETS = 2000

_CLASSES = {
    "alpha": str.isalpha,
    "digit": str.isdigit,
    "alnum": str.isalnum,
    "upper": str.isupper,
    "lower": str.islower,
    "space": lambda c: c in " \t\n\r\f\v",
    "blank": lambda c: c in " \t",
    "punct": lambda c: c.isprintable() and not c.isalnum() and c != " ",
    "print": str.isprintable,
    "graph": lambda c: c.isprintable() and c != " ",
    "cntrl": lambda c: ord(c) < 32 or ord(c) == 127,
    "xdigit": lambda c: c in "0123456789abcdefABCDEF",
}
_EVERY = frozenset(chr(code) for code in range(1, 256))
_ASCII = [chr(code) for code in range(1, 128)]
_WORD = frozenset(c for c in _ASCII if c.isalnum() or c == "_")
_SPACE = frozenset(" \t\n\r\f\v")
_ESCAPES = {"w": _WORD, "W": _EVERY - _WORD, "s": _SPACE, "S": _EVERY - _SPACE}
_ASSERTIONS = "^$bB<>`'"


class RegexError(ValueError):
    """A pattern that cannot be compiled; the text says why."""


class Match(NamedTuple):
    """Where a match is (bytes), and what the first group holds (None: there is none, or it took no part)."""

    start: int
    end: int
    group: str | None


# ---- the pattern as a tree -----------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Tree:
    """`kind`: set, assert, concat, either, repeat, group."""

    kind: str
    members: frozenset[str] = frozenset()
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
        while True:
            char = self._peek()
            if not char or char == "|" or (char == ")" and depth):
                break
            if char in "*+?" or (char == "{" and self._is_count()):
                if parts and not (len(parts) == 1 and parts[0].kind == "assert" and parts[0].assertion == "^"):
                    parts[-1] = self._repeated(parts[-1])
                    continue
                # glibc: a repetition with nothing before it
                if char == "{":
                    raise RegexError("Invalid preceding regular expression")
                self.at += 1
                if char != "*":
                    raise RegexError("Invalid preceding regular expression")
                continue
            parts.append(self._atom(depth))
        return parts[0] if len(parts) == 1 else _Tree("concat", parts=tuple(parts))

    def _is_count(self) -> bool:
        return self.text[self.at + 1 : self.at + 2].isdigit() or self.text[self.at + 1 : self.at + 2] == ","

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
        if not (low.isdigit() or (not low and comma)) or (high and not high.isdigit()):
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
            return self._set(self._bracket())
        if char == ".":
            return _Tree("set", members=_EVERY)
        if char in "^$":
            return _Tree("assert", assertion=char)
        if char == "\\":
            return self._escape()
        return self._set(frozenset(char))

    def _set(self, members: frozenset[str]) -> _Tree:
        if self.fold:
            members = frozenset(f for c in members for f in ((c.lower(), c.upper()) if c.isascii() else (c,)))
        return _Tree("set", members=members)

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
        return self._set(frozenset(char))

    def _bracket(self) -> frozenset[str]:
        negated = self._peek() == "^"
        self.at += negated
        members: set[str] = set()
        first = True
        while True:
            char = self._peek()
            if not char:
                raise RegexError("Unmatched [, [^, [:, [., or [=")
            if char == "]" and not first:
                self.at += 1
                break
            first = False
            if char == "[" and self.text[self.at + 1 : self.at + 2] in (":", ".", "="):
                found = self._bracket_class(members)
                if found is None:
                    continue
                char = found
            else:
                self.at += 1
            if self._peek() == "-" and self.text[self.at + 1 : self.at + 2] not in ("]", ""):
                self.at += 1
                last = self._range_end()
                if last < char:
                    raise RegexError("Invalid range end")
                members.update(chr(code) for code in range(ord(char), ord(last) + 1))
            else:
                members.add(char)
        if self.fold and negated:
            members |= {f for c in members if c.isascii() for f in (c.lower(), c.upper())}
        return _EVERY - members if negated else frozenset(members)

    def _bracket_class(self, members: set[str]) -> str | None:
        """`[:alpha:]` goes into `members`; `[.x.]` and `[=x=]` give their character."""
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
            members.update(filter(test, _ASCII))
            return None
        if len(name) != 1:
            raise RegexError("Invalid collation character")
        return name

    def _range_end(self) -> str:
        if self._peek() == "[" and self.text[self.at + 1 : self.at + 2] in (".", "="):
            found = self._bracket_class(set())
            assert found is not None
            return found
        char = self._peek()
        self.at += 1
        return char


# ---- automaton -----------------------------------------------------------------------------------------------------


class _Machine:
    """A nondeterministic automaton: state 0 accepts.  Edges are (kind, what, to), in order of preference."""

    def __init__(self) -> None:
        self.edges: list[list[tuple[str, object, int]]] = [[]]

    def state(self, *edges: tuple[str, object, int]) -> int:
        if len(self.edges) >= MOST_STATES:
            raise RegexError("Regular expression too big")
        self.edges.append(list(edges))
        return len(self.edges) - 1

    def build(self, tree: _Tree, to: int, backwards: bool = False) -> int:
        """The state from which `tree` leads to `to`."""
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
        if tree.high is None:
            loop = self.state()
            begin = self.build(inner, loop, backwards)
            self.edges[loop] = [("free", None, begin), ("free", None, to)]
            # x+ has to pass once; x* may not
            to = loop
        else:
            out = to
            for _ in range(tree.high - tree.low):
                to = self.state(("free", None, self.build(inner, to, backwards)), ("free", None, out))
        for _ in range(tree.low):
            to = self.build(inner, to, backwards)
        return to


def _holds(assertion: str, text: str, at: int) -> bool:
    if assertion in "^`":
        return at == 0
    if assertion in "$'":
        return at == len(text)
    before = at > 0 and text[at - 1] in _WORD
    after = at < len(text) and text[at] in _WORD
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
        self.plain = not any(kind == "assert" for edges in machine.edges for kind, _, _ in edges)
        self._steps: dict[tuple[frozenset[int], str], frozenset[int]] = {}

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

    def step(self, states: frozenset[int], char: str, text: str, at: int) -> frozenset[int]:
        """The states after `char`, where the place is then `at`."""
        if self.plain:
            known = self._steps.get((states, char))
            if known is not None:
                return known
        found = {
            to
            for state in states
            for kind, what, to in self.machine.edges[state]
            if kind == "set" and char in what  # type: ignore[operator]
        }
        if self.again:
            found.add(self.start)
        result = self.closure(found, text, at)
        if self.plain:
            if len(self._steps) >= _MOST_SETS:
                self._steps.clear()
            self._steps[states, char] = result
        return result


class Regex:
    """A compiled pattern.  Raises RegexError."""

    def __init__(self, pattern: str, *, fold: bool = False) -> None:
        reader = _Reader(widened(pattern), fold)
        tree = reader.read()
        #: number of groups in the pattern
        self.groups = reader.groups
        forwards, backwards = _Machine(), _Machine()
        self._forwards = _Runner(forwards, forwards.build(tree, 0), again=False)
        self._backwards = _Runner(backwards, backwards.build(tree, 0, backwards=True), again=True)

    def search(self, text: str) -> Match | None:
        """The leftmost longest match."""
        wide = widened(text)
        start = self._start(wide)
        if start is None:
            return None
        end = self._end(wide, start)
        group = self._group(wide, start, end) if self.groups else None
        return Match(start, end, None if group is None else narrowed(wide[group[0] : group[1]]))

    def _start(self, text: str) -> int | None:
        runner = self._backwards
        states = runner.closure({runner.start}, text, len(text))
        found = len(text) if 0 in states else None
        for at in range(len(text) - 1, -1, -1):
            states = runner.step(states, text[at], text, at)
            if 0 in states:
                found = at
        return found

    def _end(self, text: str, start: int) -> int:
        runner = self._forwards
        states = runner.closure({runner.start}, text, start)
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
