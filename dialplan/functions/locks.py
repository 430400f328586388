"""LOCK, TRYLOCK, UNLOCK: named locks between calls, given back when a call ends."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from twisted.internet.defer import Deferred

from pbx.channels.channel import Channel
from pbx.dialplan.registry import Suspend, function
from pbx.dialplan.scope import Scope
from pbx.dialplan.services import Services

_MODULE = "func_lock"
#: Seconds that LOCK waits at most.
PATIENCE = 3.0


@dataclass(slots=True)
class _Lock:
    holder: Channel | None = None
    waiting: deque[tuple[Channel, Deferred[bool]]] = field(default_factory=deque)


def held(services: Services) -> list[tuple[str, str, int]]:
    """The locks that somebody holds: (name, its channel, how many wait for it)."""
    locks: dict[str, _Lock] = services.shared.get("locks", {})
    return [
        (name, lock.holder.name, sum(not granted.called and not channel.dead for channel, granted in lock.waiting))
        for name, lock in locks.items()
        if lock.holder is not None
    ]


def _lock(scope: Scope, name: str) -> _Lock:
    locks: dict[str, _Lock] = scope.services.shared.setdefault("locks", {})
    return locks.setdefault(name, _Lock())


def _take(scope: Scope, name: str, lock: _Lock, channel: Channel) -> None:
    lock.holder = channel
    held: set[str] | None = scope.notes.get("locks")
    if held is None:
        held = scope.notes["locks"] = set()
        services = scope.services
        channel.on_end(lambda gone: _release_all(Scope(services, gone), held))
    held.add(name)


def _release_all(scope: Scope, names: set[str]) -> None:
    for name in names:
        _free(scope, name)


def _free(scope: Scope, name: str) -> None:
    """Give the lock to who waits for it longest."""
    lock = _lock(scope, name)
    if lock.holder is not scope.channel:
        return
    lock.holder = None
    while lock.waiting:
        channel, granted = lock.waiting.popleft()
        if not channel.dead and not granted.called:
            other = channel.attached.get("scope")
            if other is not None:
                _take(other, name, lock, channel)
                granted.callback(True)
                return


@function(
    "TRYLOCK", syntax="TRYLOCK(lockname)", synopsis="Takes a lock if it is free", needs_channel=True, module=_MODULE
)
def trylock(scope: Scope, args: str) -> str:
    lock, channel = _lock(scope, args), scope.channel
    assert channel is not None
    if lock.holder is None or lock.holder is channel:
        _take(scope, args, lock, channel)
        return "1"
    return "0"


@function("LOCK", syntax="LOCK(lockname)", synopsis="Takes a lock, waits for it", needs_channel=True, module=_MODULE)
def lock_(scope: Scope, args: str) -> str:
    lock, channel = _lock(scope, args), scope.channel
    assert channel is not None
    if lock.holder is None or lock.holder is channel:
        _take(scope, args, lock, channel)
        return "1"

    async def wait() -> str:
        granted: Deferred[bool] = Deferred()
        lock.waiting.append((channel, granted))
        return "1" if await channel.wait(granted, PATIENCE) else "0"

    raise Suspend(wait)


@function("UNLOCK", syntax="UNLOCK(lockname)", synopsis="Gives a lock back", needs_channel=True, module=_MODULE)
def unlock(scope: Scope, args: str) -> str:
    if args not in scope.notes.get("locks", ()):
        return "0"
    _free(scope, args)
    return "1"
