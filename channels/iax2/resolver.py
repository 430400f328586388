"""Host names to addresses, without blocking."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IHostResolution, IResolutionReceiver
from twisted.python.failure import Failure
from zope.interface import implementer

#: name -> every numeric address in order of preference; an empty list or a failure: not known now
Lookup = Callable[[str], "Deferred[list[str]]"]


@implementer(IResolutionReceiver)
class _Receiver:
    def __init__(self, done: Deferred[list[str]]) -> None:
        self._done = done
        self._found: list[str] = []

    def resolutionBegan(self, resolutionInProgress: IHostResolution) -> None: ...

    def addressResolved(self, address: IAddress) -> None:
        self._found.append(str(address.host))  # type: ignore[attr-defined]

    def resolutionComplete(self) -> None:
        self._done.callback(list(dict.fromkeys(self._found)))


def system_lookup(reactor: Any) -> Lookup:
    """The reactor's own resolver: getaddrinfo in its thread pool, so hosts files and all."""

    def lookup(name: str) -> Deferred[list[str]]:
        done: Deferred[list[str]] = Deferred()
        reactor.nameResolver.resolveHostName(_Receiver(done), name, transportSemantics="UDP")
        return done

    return lookup


class Resolver:
    """One question per name at a time; `answer(name, addresses)` is called for each, with none when it failed."""

    def __init__(self, lookup: Lookup, answer: Callable[[str, list[str]], None]) -> None:
        self._lookup = lookup
        self._answer: Callable[[str, list[str]], None] | None = answer
        self._asked: set[str] = set()

    def ask(self, name: str) -> None:
        """`answer` will be called for this name."""
        if name in self._asked or self._answer is None:
            return
        self._asked.add(name)
        try:
            looking = self._lookup(name)
        except Exception:  # a name that can't even be asked for (idna and such)
            self._done([], name)
            return
        looking.addCallbacks(self._done, self._failed, callbackArgs=(name,), errbackArgs=(name,))

    def _failed(self, failure: Failure, name: str) -> None:
        self._done([], name)

    def _done(self, found: list[str], name: str) -> None:
        self._asked.discard(name)
        if self._answer is not None:
            self._answer(name, found)

    def stop(self) -> None:
        """Answers that still come are dropped."""
        self._answer = None
