"""Jumps to contexts, extensions and labels that are not there."""

from __future__ import annotations

from collections.abc import Iterator

from pbx.checks.configuration import Configuration, nearest
from pbx.checks.dialplan_calls import Call, calls
from pbx.checks.dialplan_places import elsewhere, named_contexts, places
from pbx.dialplan.model import HINT, Context, Extension
from pbx.dialplan.patterns import BadPattern, dialled_key, key_of, match_key


def jumps(configuration: Configuration) -> None:
    """Each place that Goto, Gosub, Dial and their kin name, as far as no variable is in the way."""
    above = including(configuration.contexts)
    for call in calls(configuration):
        for offset, place in places(call):
            _Jump(call, offset, place, above).check()
        for offset, place in elsewhere(call):
            if "$" not in place:
                _Jump(call, offset, place, {}).check()
        for offset, name in named_contexts(call):
            if "$" not in name and name not in configuration.contexts:
                near = configuration.nearest_context(name)
                message = f"{call.application} names [{name}], which is not there"
                call.warn(call.at(offset), message, near or f"[{name}]", "no-such-context")


class _Jump:
    """One place that a step names."""

    def __init__(self, call: Call, offset: int, place: str, above: dict[str, set[str]]) -> None:
        self.call = call
        self.configuration = call.configuration
        self.extension = call.extension
        self.offset = offset
        self.place = place
        context = call.context
        parts = [part.strip() for part in place.split(",", 2)]
        self.label = parts[-1]
        self.exten = parts[-2] if len(parts) > 1 else ""
        self.context = (parts[0] if len(parts) > 2 else "") or context.name
        #: contexts that the call may be in: without a context of its own, a jump stays where the call came in
        self.roots = [self.context]
        if len(parts) < 3 or not parts[0]:
            self.roots += sorted(above.get(context.name, ()))

    def check(self) -> None:
        contexts = self.configuration.contexts
        if "$" in self.context or "|" in self.place:
            return  # computed; or divided as of old, which is named by itself
        if self.context not in contexts:
            near = self.configuration.nearest_context(self.context)
            advice = self.place.replace(self.context, near, 1) if near else f"[{self.context}]"
            self._say(f"leads to [{self.context}], which is not there", advice, "no-such-context")
            return
        if "$" in self.exten or self.label[:1] in ("+", "-"):
            return
        seen: set[str] = set()
        reached = [context for root in self.roots for context in below(contexts, root, seen)]
        if any(context.switches for context in reached):
            return
        if self.exten:
            self._extension(reached)
        elif "$" not in self.label:
            self._own_label(reached)

    def _extension(self, reached: list[Context]) -> None:
        found = [e for context in reached for e in matching(context, self.exten)]
        if not found:
            if any(context.extension("i") is not None for context in reached):
                return
            near = nearest(self.exten, [e.name for c in reached for e in c if not e.is_pattern and len(e.name) > 1])
            self._say(
                f"leads to {self.exten} in [{self.context}], which is not there",
                self._with(near, self.label) if near else f"exten => {self.exten},1,... in [{self.context}]",
                "no-such-extension",
            )
        elif "$" not in self.label:
            self._label(found, f"{self.exten} in [{self.context}]")

    def _own_label(self, reached: list[Context]) -> None:
        found = [e for context in reached for e in context if e.is_pattern or e.key == self.extension.key]
        self._label([self.extension, *found], f"'{self.extension.name}' in [{self.context}]")

    def _label(self, found: list[Extension], where: str) -> None:
        if self.label.isdigit():
            if not any(int(self.label) in extension.priorities for extension in found):
                self._say(f"leads to priority {self.label} of {where}, which is not there", "", "no-such-priority")
            return
        if any(self.label in extension.labels for extension in found):
            return
        near = nearest(self.label, [label for extension in found for label in extension.labels])
        advice = self._with(self.exten, near) if near else f"n({self.label})"
        self._say(f"leads to label '{self.label}' of {where}, which is not there", advice, "no-such-label")

    def _with(self, exten: str, label: str) -> str:
        head, comma, _ = self.place.rpartition(",")
        if not comma:
            return label
        context, comma, _ = head.rpartition(",")
        return f"{context}{comma}{exten},{label}"

    def _say(self, what: str, advice: str, code: str) -> None:
        self.call.warn(self.call.at(self.offset), f"{self.call.application} {what}", advice, code)


def including(contexts: dict[str, Context]) -> dict[str, set[str]]:
    """For each context those that include it, directly or by others."""
    above: dict[str, set[str]] = {}
    for name in contexts:
        for context in below(contexts, name):
            if context.name != name:
                above.setdefault(context.name, set()).add(name)
    return above


def below(contexts: dict[str, Context], name: str, seen: set[str] | None = None) -> Iterator[Context]:
    """A context and all that it includes, each once, whatever their times."""
    seen = set() if seen is None else seen
    context = contexts.get(name)
    if context is None or name in seen:
        return
    seen.add(name)
    yield context
    for include in context.includes:
        yield from below(contexts, include.context, seen)


def matching(context: Context, exten: str) -> list[Extension]:
    """Extensions that a jump to `exten` could find, for whatever caller."""
    dialled = dialled_key(exten)
    found = [
        e
        for key in context.index.matching(exten)
        for e in context.group(key)
        if any(number != HINT for number in e.priorities)
    ]
    if not found and exten.startswith("_"):
        try:
            own = key_of(exten)[0]
        except BadPattern:
            return []
        found = [e for e in context if e.key == own or match_key(e.key, dialled)]
    return found


CHECKERS = (jumps,)
