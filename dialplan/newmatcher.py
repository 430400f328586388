"""Asterisk's other matcher of extensions, `extenpatternmatchnew=yes`: another order of the same patterns.

Learnt from a stock Asterisk 22 (`dialplan debug CONTEXT` and what calls do):

* All names, patterns or not, stand in one tree, a character or a set at each step.  At each step a search tries those
  that hold the character in the order of their weight: a plain character 1, X 2608, Z 2353, N 2098, another set
  `members * 256 + lowest`, `.` and `!` far behind; the first name found is the only one.  Gaps of its priorities are
  not filled from other names.
* Of equal weights the one that stands in the line furthest down comes first; what is added to a running box, last.
  So a pattern may come before a number written in full.  X and [0-9] are two steps though they hold the same.
* A name that ends comes before those that go on, and so before `!` at its end.
* Of what is dialled only the dashes behind the first character are passed over.
* A caller-ID match is a tail `/number` of a pattern and read as the pattern is (`/5X`; `/_5X` holds for no caller).  It
  is not asked where the same pattern stands without one; an empty one never holds; where one holds, what is dialled may
  go on behind the pattern (`_X/55` takes 123 from caller 55).  Behind a number it is the other way round: an empty one
  always holds, any other never.
* Whether more digits could come (CANMATCH, MATCHMORE) does not depend on priorities.  `.` says yes, `!` ends the
  question (yes, and nothing to wait for).  Where the digits end at a step that others follow they could go on, and its
  neighbours behind it are not looked at, so that a `!` there goes unseen; with CANMATCH a step that nothing follows
  does as well.  Where a caller-ID match is the first to follow it is all that is asked, and a caller whose number is
  but the beginning of it counts as one that could match.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from pbx.dialplan.octets import widened
from pbx.dialplan.patterns import Mode

if TYPE_CHECKING:
    from pbx.dialplan.model import Extension

_DIGITS = {"X": "0123456789", "Z": "123456789", "N": "23456789"}
_WEIGHTS = {"X": 10 << 8 | 48, "Z": 9 << 8 | 49, "N": 8 << 8 | 50, ".": 0x18000, "!": 0x28000}


#: look-ups that are remembered
MEMO = 4096
#: how many may follow a step before they are found by their characters
FEW = 3


class _Step:
    """One character or set, and what may follow it."""

    __slots__ = ("always", "extension", "following", "members", "pattern", "rest", "table", "text", "weight")

    def __init__(self, text: str, pattern: bool, weight: int) -> None:
        #: the character, X, Z, N, the members of a set, `.`, `!`, `/`
        self.text = text
        self.pattern = pattern
        self.weight = weight
        self.members = _DIGITS.get(text, text) if pattern else text
        #: whether it is looked at whatever comes
        self.always = pattern and text in _ALWAYS
        #: in the order of search; None for none
        self.following: list[_Step] | None = None
        #: character -> those of `following` to look at when it comes next; made at the first search that gets here
        self.table: Mapping[str, tuple[_Step, ...]] | None = None
        #: those to look at before every other character, and at the end
        self.rest: tuple[_Step, ...] = ()
        #: the name that ends here
        self.extension: Extension | None = None

    def find(self, text: str, pattern: bool) -> _Step | None:
        """The step of that text behind this one."""
        for step in self.following or ():
            if step.text == text and step.pattern == pattern:
                return step
        return None

    def open(self, text: str, pattern: bool, weight: int, running: bool) -> _Step:
        """The step of that text behind this one, made if there is none; in its place by weight."""
        found = self.find(text, pattern)
        if found is not None and running:
            return found
        steps = self.following
        if steps is None:
            steps = self.following = []
        if found is None:
            found = _Step(text, pattern, weight)
        elif len(steps) == 1:
            return found
        else:
            steps.remove(found)
        at = 0
        while at < len(steps) and (steps[at].weight < weight or (running and steps[at].weight == weight)):
            at += 1
        steps.insert(at, found)
        self.table = None
        return found

    def after(self, char: str) -> tuple[_Step, ...]:
        """What is to be looked at when this character ("" at the end) comes behind this step, in the order of search.

        Among them may be some that do not hold it; none that holds it is missing.
        """
        table = self.table
        if table is None:
            table = self._tabulate()
        return table.get(char, self.rest)

    def _tabulate(self) -> Mapping[str, tuple[_Step, ...]]:
        steps = self.following or ()
        if len(steps) <= FEW:
            self.rest = tuple(steps)
            self.table = _NO_TABLE
            return self.table
        by_char: dict[str, list[_Step]] = {}
        rest: list[_Step] = []
        for step in steps:
            if step.always:
                rest.append(step)
                for known in by_char.values():
                    known.append(step)
                continue
            for char in step.members:
                if char in by_char:
                    by_char[char].append(step)
                else:
                    by_char[char] = [*rest, step]
        self.rest = tuple(rest)
        self.table = {char: tuple(known) for char, known in by_char.items()}
        return self.table


_NO_TABLE: Mapping[str, tuple[_Step, ...]] = {}
#: steps of patterns that hold more than one character, or none
_ALWAYS = frozenset(".!/")


def _steps(text: str, pattern: bool) -> Iterator[tuple[str, int]]:
    """(text, weight) of each step of a name."""
    at = 0
    while at < len(text):
        char = text[at]
        at += 1
        if not pattern:
            yield char, 1
        elif char.upper() in _DIGITS:
            yield char.upper(), _WEIGHTS[char.upper()]
        elif char in ".!":
            yield char, _WEIGHTS[char]
        elif char == "[":
            members, at = _set(text, at)
            if members:
                yield "".join(sorted(members)), len(members) << 8 | ord(min(members))
        else:
            yield char, 1


def _set(text: str, at: int) -> tuple[set[str], int]:
    """The members of a set whose inside begins at `at`, and where it ends; a `]` may end a range of it."""
    members: set[str] = set()
    while at < len(text) and text[at] != "]":
        if at + 2 < len(text) and text[at + 1] == "-":
            members.update(map(chr, range(ord(text[at]), ord(text[at + 2]) + 1)))
            at += 3
        else:
            members.add(text[at])
            at += 1
    return members, at + 1


def _bare(name: str) -> str:
    """A name without the dashes that are only there to be read."""
    if "[" not in name:
        return name.replace("-", "")
    out = []
    inside = False
    for char in name:
        inside = char == "[" or (inside and char != "]")
        if char != "-" or inside:
            out.append(char)
    return "".join(out)


class NewIndex:
    """The tree of one context."""

    __slots__ = ("_firsts", "_root", "running")

    def __init__(self, extensions: Iterable[Extension] = ()) -> None:
        self._root = _Step("", False, 0)
        #: what `first` gave
        self._firsts: dict[tuple[str, str], Extension | None] = {}
        #: what is added from here on comes last among equals
        self.running = False
        for extension in extensions:
            self.add(extension)

    def add(self, extension: Extension) -> None:
        """Put in an extension (once; caller-ID match and all)."""
        step = self._path(extension, make=True)
        assert step is not None
        step.extension = extension
        self._firsts.clear()

    def remove(self, extension: Extension) -> None:
        """Take one out; its steps stay."""
        step = self._path(extension, make=False)
        if step is not None and step.extension is extension:
            step.extension = None
            self._firsts.clear()

    def _path(self, extension: Extension, *, make: bool) -> _Step | None:
        text = widened(_bare(extension.name))
        if extension.caller is not None:
            text += "/" + widened(extension.caller)
        pattern = text.startswith("_")
        step = self._root
        for part, weight in _steps(text[pattern:], pattern):
            if make:
                step = step.open(part, pattern, weight, self.running)
                continue
            found = step.find(part, pattern)
            if found is None:
                return None
            step = found
        return step

    def first(self, exten: str, caller: str) -> Extension | None:
        """The only one that counts where a priority is asked for by its number."""
        asked = exten, caller
        firsts = self._firsts
        try:
            return firsts[asked]
        except KeyError:
            found = next(self.matching(exten, caller), None)
            if len(firsts) >= MEMO:
                firsts.clear()
            firsts[asked] = found
            return found

    def matching(self, exten: str, caller: str) -> Iterator[Extension]:
        """The names that match, in the order in which the search comes to them."""
        self.running = True
        text = widened(exten)
        text = text[:1] + text[1:].replace("-", "")
        return _search(self._root, text, widened(caller))

    def close(self, exten: str, caller: str, mode: Mode) -> tuple[Extension | None, bool]:
        """CANMATCH and MATCHMORE: (a name that could match, whether that is the last word of this context)."""
        self.running = True
        text = widened(exten)
        return _could(self._root, text[:1] + text[1:].replace("-", ""), widened(caller), mode)

    def lines(self) -> Iterator[str]:
        """The tree as `dialplan debug` shows it: `character:pattern?:-:weight:EXTEN:name`, what may follow indented."""
        left = [(step, "") for step in reversed(self._root.following or ())]
        while left:
            step, indent = left.pop()
            text = f"[{step.text}]" if len(step.text) > 1 else step.text
            end = "" if step.extension is None else f"EXTEN:{step.extension.name}"
            yield f"{indent}{text}:{'Y' if step.pattern else 'N'}:-:{step.weight}:{end}"
            left += [(below, f"{indent}+       ") for below in reversed(step.following or ())]

    def let_go(self, step: int) -> Generator[None, None, None]:
        """Free the tree, `step` of its steps at a time: for one that nobody asks any more."""
        self._firsts.clear()
        left = [self._root]
        done = 0
        while left:
            one = left.pop()
            left += one.following or ()
            one.following = one.table = None
            one.rest = ()
            done += 1
            if done % step == 0:
                yield


def _search(root: _Step, text: str, caller: str) -> Iterator[Extension]:
    """Down the tree, what stands first first; without recursion, as what is dialled may be long."""
    #: what is looked at later, the next one last: a step, a text, how much of it has been read
    left: list[tuple[_Step, str, int]] = []
    at = 0
    steps = root.after(text[:1])
    while True:
        if steps:
            step = steps[0]
            if len(steps) > 1:
                left += [(s, text, at) for s in steps[:0:-1]]
        elif left:
            step, text, at = left.pop()
        else:
            return
        steps = ()
        if step.always:
            if step.text == "/":
                if not caller:
                    continue
                text = caller
            else:
                extension = step.extension
                if extension is not None and (at < len(text) or step.text == "!") and text.find("/", at) < 0:
                    yield extension
                text = "/"
            at = 0
        elif at < len(text) and text[at] in step.members:
            at += 1
            if at == len(text):
                if step.extension is not None:
                    yield step.extension
                last = step.following[0].text if step.following else ""
                if last == "/":
                    text, at = "/", 0
                elif last != "!":
                    continue
        else:
            continue
        if step.following:
            table = step.table
            if table:
                steps = table.get(text[at : at + 1], step.rest)
            else:
                steps = step.rest if table is not None else step.after(text[at : at + 1])


class _Level:
    """Steps still to be looked at for one place of a text."""

    __slots__ = ("at", "final", "steps", "text")

    def __init__(self, steps: tuple[_Step, ...], text: str, at: int, final: bool) -> None:
        self.steps = iter(steps)
        self.text = text
        self.at = at
        #: what could match here leaves the level above nothing to look at
        self.final = final


def _could(root: _Step, text: str, caller: str, mode: Mode) -> tuple[Extension | None, bool]:
    """See `NewIndex.close`; without recursion, as what is dialled may be long."""
    possible: Extension | None = None
    could = False
    levels = [_Level(root.after(text[:1]), text, 0, False)]
    while levels:
        level = levels[-1]
        step = next(level.steps, None)
        if step is None:
            _leave(levels, could)
            continue
        text, at = level.text, level.at
        if step.always:
            if step.text == "/":
                if caller and step.following:
                    levels.append(_Level(step.after(caller[:1]), caller, 0, True))
                continue
            if step.extension is not None and text.find("/", at) < 0:
                if step.text == "!" and mode is Mode.MATCHMORE:
                    return None, True
                return step.extension, True
            if step.following and step.following[0].text == "/":
                levels.append(_Level(step.after("/"), "/", 0, True))
        elif at < len(text) and text[at] in step.members:
            at += 1
            first = step.following[0].text if step.following else ""
            if step.following and (at < len(text) or first == "!"):
                levels.append(_Level(step.after(text[at : at + 1]), text, at, False))
            elif first == "/":
                levels.append(_Level(step.after("/"), "/", 0, True))
            elif at == len(text) and (step.following or mode is Mode.CANMATCH):
                could = True
                possible = _end_of(step)
                _leave(levels, could)
    return possible, possible is not None


def _leave(levels: list[_Level], could: bool) -> None:
    """Done with the innermost level, and with those above that what could match there ends too."""
    while levels.pop().final and could and levels:
        pass


def _end_of(step: _Step) -> Extension | None:
    """The name at the end of the first way from here."""
    while step.extension is None and step.following:
        step = step.following[0]
    return step.extension
