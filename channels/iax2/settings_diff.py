"""What a reload of iax.conf changes."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass, field

from pbx.channels.iax2.options import Options
from pbx.channels.iax2.registrations import Registration
from pbx.channels.iax2.settings import General, Peer, Settings, User

SECTIONS_A_STEP = 50


@dataclass(frozen=True, slots=True)
class SectionChanges:
    """Names added and removed, and of each changed section the options that differ (attribute names)."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)


@dataclass(frozen=True, slots=True)
class Changes:
    """The difference of two Settings; false when there is none."""

    general: tuple[str, ...]
    users: SectionChanges
    peers: SectionChanges
    registrations_added: tuple[Registration, ...]
    registrations_removed: tuple[Registration, ...]
    limits: bool

    def __bool__(self) -> bool:
        return bool(
            self.general
            or self.users
            or self.peers
            or self.registrations_added
            or self.registrations_removed
            or self.limits
        )

    def lines(self) -> Iterable[str]:
        """What changed, a line each, for the console. Values are not shown: they may be secrets."""
        if self.general:
            yield f"[general]: {spelled(General, self.general)} changed"
        for kind, cls, changes in (("user", User, self.users), ("peer", Peer, self.peers)):
            yield from (f"{kind} {name}: added" for name in changes.added)
            yield from (f"{kind} {name}: {spelled(cls, options)} changed" for name, options in changes.changed.items())
            yield from (f"{kind} {name}: removed" for name in changes.removed)
        yield from (f"registration {r.user}@{r.host}: added" for r in self.registrations_added)
        yield from (f"registration {r.user}@{r.host}: removed" for r in self.registrations_removed)
        if self.limits:
            yield "[callnumberlimits]: changed"


def spelled(kind: type[Options], names: Iterable[str]) -> str:
    """Options as one writes them in the file, with commas; of several spellings the first."""
    return ", ".join(next(iter(getattr(kind, name).readers), name) for name in names)


def compare(old: Settings, new: Settings) -> Changes:
    """What differs from `old` to `new`; inherited changes of [general] count for the sections they reach."""
    steps = compare_steps(old, new)
    while True:
        try:
            next(steps)
        except StopIteration as done:
            changes: Changes = done.value
            return changes


def compare_steps(old: Settings, new: Settings) -> Generator[None, None, Changes]:
    """As `compare`, in steps of well under a millisecond."""
    general = differing(old.general, new.general)
    inherited = frozenset(general)
    users = yield from _sections(old.users, new.users, inherited)
    peers = yield from _sections(old.peers, new.peers, inherited)
    before, after = set(old.registrations), set(new.registrations)
    return Changes(
        general,
        users,
        peers,
        tuple(r for r in new.registrations if r not in before),
        tuple(r for r in old.registrations if r not in after),
        old.limits != new.limits,
    )


def differing(old: Options, new: Options, candidates: frozenset[str] = frozenset()) -> tuple[str, ...]:
    """The options whose values differ; only those written in either, and `candidates`, can."""
    names = old.written.keys() | new.written.keys() | (candidates & old.inherited())
    return tuple(sorted(name for name in names if not old.same(new, name)))


def _sections(
    old: Mapping[str, Options], new: Mapping[str, Options], inherited: frozenset[str]
) -> Generator[None, None, SectionChanges]:
    changed: dict[str, tuple[str, ...]] = {}
    added: list[str] = []
    for number, (name, section) in enumerate(new.items()):
        if number % SECTIONS_A_STEP == 0:
            yield
        former = old.get(name)
        if former is None:
            added.append(name)
        elif options := differing(former, section, inherited):
            changed[name] = options
    yield
    return SectionChanges(tuple(added), tuple(name for name in old if name not in new), changed)
