"""What a reload changed, and how the former dialplan is let go: both in small slices."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field

from pbx.dialplan.model import Context, Extension, Tables

#: Extensions compared, or let go, between two yields.
SLICE = 100
#: Names told of one kind of change in one context.
MOST_NAMES = 8


@dataclass(slots=True)
class ContextChange:
    """What became different in a context that is still there; extensions by their names as written."""

    name: str
    added: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    #: "includes", "switches", "ignore patterns"
    others: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.added or self.gone or self.changed or self.others)

    def words(self) -> str:
        """In words."""
        parts = [
            f"{_counted(len(names))} {what} ({_named(names)})"
            for what, names in (("new", self.added), ("gone", self.gone), ("changed", self.changed))
            if names
        ]
        parts += [f"other {what}" for what in self.others]
        return ", ".join(parts)


@dataclass(slots=True)
class Changes:
    """The difference between two dialplans."""

    new_contexts: dict[str, int] = field(default_factory=dict)
    gone_contexts: dict[str, int] = field(default_factory=dict)
    contexts: list[ContextChange] = field(default_factory=list)
    settings: list[str] = field(default_factory=list)
    variables: list[str] = field(default_factory=list)

    def lines(self) -> Iterator[str]:
        """For a console."""
        for name, count in self.new_contexts.items():
            yield f"  [{name}] is new, with {_counted(count)}"
        for name, count in self.gone_contexts.items():
            yield f"  [{name}] is gone, with {_counted(count)}"
        for change in self.contexts:
            yield f"  [{change.name}] {change.words()}"
        if self.settings:
            yield f"  [general] {', '.join(self.settings)}"
        if self.variables:
            yield f"  [globals] {_named(self.variables)}"


def _counted(count: int) -> str:
    return f"{count} extension{'' if count == 1 else 's'}"


def _named(names: list[str]) -> str:
    more = len(names) - MOST_NAMES
    return ", ".join(names[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def compare_steps(old: Tables, new: Tables) -> Generator[None, None, Changes]:
    """What `new` has different from `old`, as far as the file made it."""
    found = Changes()
    former = {n: c for n, c in old.contexts.items() if c.registrar == "pbx_config"}
    found.new_contexts = {n: len(c) for n, c in new.contexts.items() if n not in former}
    found.gone_contexts = {n: len(c) for n, c in former.items() if n not in new.contexts}
    for name, context in new.contexts.items():
        before = former.get(name)
        if before is not None:
            change = yield from _context_steps(before, context)
            if change:
                found.contexts.append(change)
    for setting in type(new.settings).__slots__:
        value = getattr(new.settings, setting)
        if value != getattr(old.settings, setting):
            found.settings.append(f"{setting}={'yes' if value is True else 'no' if value is False else value}")
    found.variables = [n for n, v in new.globals.items() if old.globals.get(n) != v]
    found.variables += [n for n in old.globals if n not in new.globals]
    return found


def _context_steps(old: Context, new: Context) -> Generator[None, None, ContextChange]:
    change = ContextChange(new.name)
    for count, key in enumerate(list(new.group_keys())):
        before = {e.caller: e for e in old.group(key)}
        for extension in new.group(key):
            other = before.pop(extension.caller, None)
            if other is None:
                change.added.append(_name(extension))
            elif not _alike(other, extension):
                change.changed.append(_name(extension))
        if before:
            change.gone += map(_name, before.values())
        if not count % SLICE:
            yield
    for count, key in enumerate(list(old.group_keys())):
        if key not in new.group_keys():
            change.gone += map(_name, old.group(key))
        if not count % SLICE:
            yield
    if [i.text for i in old.includes] != [i.text for i in new.includes]:
        change.others.append("includes")
    if [(s.name, s.data, s.evaluate) for s in old.switches] != [(s.name, s.data, s.evaluate) for s in new.switches]:
        change.others.append("switches")
    if [p.pattern for p in old.ignore_patterns] != [p.pattern for p in new.ignore_patterns]:
        change.others.append("ignore patterns")
    return change


def _name(extension: Extension) -> str:
    return extension.name if extension.caller is None else f"{extension.name}/{extension.caller}"


def _alike(one: Extension, two: Extension) -> bool:
    if one.name != two.name or one.labels != two.labels or one.priorities.keys() != two.priorities.keys():
        return False
    for number, priority in one.priorities.items():
        other = two.priorities[number]
        if priority.application != other.application or priority.data != other.data:
            return False
    return True


def keep_variables(before: dict[str, str], now: dict[str, str], loaded: dict[str, str]) -> None:
    """What calls did to global variables (`before` -> `now`) while a file was read counts in `loaded` too."""
    for name, value in now.items():
        if before.get(name) != value:
            loaded[name] = value
    for name, value in before.items():
        if name not in now and loaded.get(name) == value:
            del loaded[name]


def let_go_steps(tables: Tables, kept: Tables) -> Generator[None, None, None]:
    """Free what a former load made, a little at a time: all at once takes 100 ms for 100,000 extensions.

    Contexts that `kept` goes on with are left alone; nobody may look anything up in the others any more.
    """
    for name, context in tables.contexts.items():
        if kept.contexts.get(name) is not context:
            yield from context.let_go(SLICE)
