"""What a reload of iax.conf changes."""

from __future__ import annotations

from dataclasses import dataclass, field

from pbx.channels.iax2.settings import Registration, Settings


@dataclass(frozen=True, slots=True)
class SectionChanges:
    """Names added and removed, and of each changed section the options that differ (names as in the file)."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)


@dataclass(frozen=True, slots=True)
class Changes:
    """The difference of two Settings."""

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


def compare(old: Settings, new: Settings) -> Changes:
    """What differs from `old` to `new`; inherited changes of [general] count for the sections they reach."""
    raise NotImplementedError
