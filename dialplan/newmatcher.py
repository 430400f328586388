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
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from pbx.dialplan.octets import widened

if TYPE_CHECKING:
    from pbx.dialplan.model import Extension

_DIGITS = {"X": "0123456789", "Z": "123456789", "N": "23456789"}
_WEIGHTS = {"X": 10 << 8 | 48, "Z": 9 << 8 | 49, "N": 8 << 8 | 50, ".": 0x18000, "!": 0x28000}


class _Step:
    """One character or set, and what may follow it."""

    __slots__ = ("extension", "following", "members", "pattern", "text", "weight")

    def __init__(self, text: str, pattern: bool, weight: int) -> None:
        #: the character, X, Z, N, the members of a set, `.`, `!`, `/`
        self.text = text
        self.pattern = pattern
        self.weight = weight
        self.members = _DIGITS.get(text, text) if pattern else text
        self.following: list[_Step] = []
        #: the name that ends here
        self.extension: Extension | None = None

    def open(self, text: str, pattern: bool, weight: int, running: bool) -> _Step:
        """The step of that text behind this one, made if there is none; in its place by weight."""
        steps = self.following
        found = next((s for s in steps if s.text == text and s.pattern == pattern), None)
        if found is not None:
            if running:
                return found
            steps.remove(found)
        else:
            found = _Step(text, pattern, weight)
        at = 0
        while at < len(steps) and (steps[at].weight < weight or (running and steps[at].weight == weight)):
            at += 1
        steps.insert(at, found)
        return found


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

    __slots__ = ("_root", "running")

    def __init__(self, extensions: Iterable[Extension] = ()) -> None:
        self._root = _Step("", False, 0)
        #: what is added from here on comes last among equals
        self.running = False
        for extension in extensions:
            self.add(extension)

    def add(self, extension: Extension) -> None:
        """Put in an extension (once; caller-ID match and all)."""
        step = self._path(extension, make=True)
        assert step is not None
        step.extension = extension

    def remove(self, extension: Extension) -> None:
        """Take one out; its steps stay."""
        step = self._path(extension, make=False)
        if step is not None and step.extension is extension:
            step.extension = None

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
            found = next((s for s in step.following if s.text == part and s.pattern == pattern), None)
            if found is None:
                return None
            step = found
        return step

    def matching(self, exten: str, caller: str) -> Iterator[Extension]:
        """The names that match, in the order in which the search comes to them."""
        self.running = True
        text = widened(exten)
        text = text[:1] + text[1:].replace("-", "")
        return _search(self._root.following, text, widened(caller))


def _search(steps: list[_Step], text: str, caller: str) -> Iterator[Extension]:
    for step in steps:
        following = step.following
        if step.pattern and step.text in (".", "!"):
            if step.extension is not None and (text or step.text == "!") and "/" not in text:
                yield step.extension
            yield from _search(following, "/", caller)
        elif step.pattern and step.text == "/":
            if caller:
                yield from _search(following, caller, caller)
        elif text and text[0] in step.members:
            if len(text) == 1 and step.extension is not None:
                yield step.extension
            if following and (len(text) > 1 or following[0].text == "!"):
                yield from _search(following, text[1:], caller)
            elif following and following[0].text == "/":
                yield from _search(following, "/", caller)
