"""Which extension a number finds, and why: `dialplan explain NUMBER@CONTEXT`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from pbx.dialplan.dialplan import MOST_CONTEXTS, Dialplan
from pbx.dialplan.model import Context, Extension
from pbx.dialplan.patterns import ANY, EARLY, Mode, class_of, matches

#: Others told of those that would take more digits.
MOST_LONGER = 8
_PRIORITY = 1


@dataclass(slots=True)
class Candidate:
    """An extension that matches, in the order of search; `why_not` says why it is passed over ("": it is not)."""

    context: Context
    extension: Extension
    why_not: str = ""

    @property
    def where(self) -> str:
        """`file:line` of its first priority."""
        first = next((p for p in self.extension.in_order() if p.number == _PRIORITY), self.extension.in_order()[0])
        return first.place.file_line if first.line else first.registrar


@dataclass(slots=True)
class Explanation:
    """Everything that a look-up came by."""

    candidates: list[Candidate] = field(default_factory=list)
    #: contexts gone through, in order
    contexts: list[str] = field(default_factory=list)
    #: what was left out and why; switches that are asked
    notes: list[str] = field(default_factory=list)
    #: those that would match with more digits
    longer: list[tuple[Context, Extension]] = field(default_factory=list)

    @property
    def winner(self) -> Candidate | None:
        return next((c for c in self.candidates if not c.why_not), None)


def explain(dialplan: Dialplan, number: str, context: str, caller: str = "") -> Explanation:
    """Go through the contexts as a look-up does, but to the end."""
    found = Explanation()
    _walk(dialplan, number, context, caller, found)
    return found


def _walk(dialplan: Dialplan, number: str, name: str, caller: str, found: Explanation) -> None:
    context = dialplan.contexts.get(name)
    if context is None:
        found.notes.append(f"there is no context [{name}]")
        return
    if name in found.contexts or len(found.contexts) >= MOST_CONTEXTS:
        found.notes.append(f"[{name}] is included again, and asked only once")
        return
    found.contexts.append(name)
    newer = context.newer is not None
    if newer:
        found.notes.append(f"extenpatternmatchnew is on: in [{name}] only the first that matches counts")
    for extension in context.matching(number, caller) if newer else context.candidates(number):
        why_not = ""
        if newer and any(c.context is context for c in found.candidates):
            why_not = "another one stands before it in the tree of extenpatternmatchnew"
        elif extension.caller is not None and not newer and not _called_by(extension.caller, caller):
            why_not = f"only for callers {extension.caller or 'without a number'}"
        elif _PRIORITY not in extension.priorities:
            why_not = f"it has no priority {_PRIORITY}"
        found.candidates.append(Candidate(context, extension, why_not))
    seen = {id(c.extension) for c in found.candidates}
    for key, _ in context.index.close(number, Mode.MATCHMORE):
        found.longer += [(context, e) for e in context.group(key) if id(e) not in seen]
    found.notes += [f"switch {s.name}/{s.data} of [{name}] is asked behind its extensions" for s in context.switches]
    for include in context.includes:
        if include.timing is not None and not include.timing.holds(dialplan.wall()):
            found.notes.append(f"[{include.context}] is not asked now: its times ({include.text}) don't hold")
        else:
            _walk(dialplan, number, include.context, caller, found)


def _called_by(pattern: str, number: str) -> bool:
    return matches(pattern, number) if number else not pattern


def lines(found: Explanation, number: str, context: str) -> Iterator[str]:
    """For a console."""
    winner = found.winner
    if winner is None:
        yield f"{number}@{context} matches nothing"
    else:
        priority = winner.extension.priorities[_PRIORITY]
        place = "" if winner.context.name == context else f" of [{winner.context.name}]"
        yield f"{number}@{context} runs '{shown(winner.extension)}'{place} ({winner.where}):"
        yield f"    {priority.application}({priority.data})"
    others = [c for c in found.candidates if c is not winner]
    if others:
        yield "Others that match, in the order in which they are asked:"
        for candidate in found.candidates:
            yield _row(candidate, winner)
    if found.longer:
        names = [f"'{shown(e)}' of [{c.name}]" for c, e in found.longer[:MOST_LONGER]]
        more = len(found.longer) - MOST_LONGER
        yield f"With more digits: {', '.join(names)}{f' and {more} more' if more > 0 else ''}"
    if len(found.contexts) > 1:
        yield f"Contexts asked: {', '.join(found.contexts)}"
    for note in found.notes:
        yield f"Note: {note}"


def shown(extension: Extension) -> str:
    """Its name, with the callers it is for."""
    return extension.name if extension.caller is None else f"{extension.name}/{extension.caller}"


def _row(candidate: Candidate, winner: Candidate | None) -> str:
    name = f"'{shown(candidate.extension)}' of [{candidate.context.name}] ({candidate.where})"
    if candidate is winner:
        return f"  * {name}"
    if candidate.why_not:
        return f"  - {name}: passed over, {candidate.why_not}"
    assert winner is not None
    return f"  - {name}: {_why_later(winner, candidate)}"


def _why_later(first: Candidate, later: Candidate) -> str:
    """Why `first` is asked before `later`."""
    if first.context is not later.context:
        return "included, so asked later"
    one, two = first.extension, later.extension
    if one.key == two.key:
        return "the same number for all callers; one for certain callers comes first"
    if not one.is_pattern:
        return f"a name ('{one.name}') comes before every pattern"
    a, b = one.key[1:], two.key[1:]
    at = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    return f"at character {at + 1} it takes {_takes(b, at)}, '{one.name}' {_takes(a, at)}"


def _takes(key: str, at: int) -> str:
    """What a position of a key stands for."""
    if at >= len(key):
        return "nothing more"
    position = key[at]
    if position == ANY:
        return "anything ('.')"
    if position == EARLY:
        return "anything or nothing ('!')"
    found = class_of(position)
    if found is None:
        return f"only {position}"
    return f"{len(found.members)} ({''.join(sorted(found.members))})"
