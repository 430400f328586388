"""Calls that sleep in the kernel (file reads, fsync, getaddrinfo, children) on a few threads; nothing that computes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

_T = TypeVar("_T")

#: enough for a few slow disks and name servers at once; more would only queue in the kernel
THREADS = 6


class Blocking:
    """`blocking(f)` runs `f` on a thread and gives a Deferred of what it returns."""

    def __init__(self, reactor: Any, threads: int = THREADS) -> None:
        self._reactor = reactor
        self._pool = ThreadPool(0, threads, name="pbx blocking")
        self._pool.start()

    def __call__(self, work: Callable[[], _T]) -> Deferred[_T]:
        return deferToThreadPool(self._reactor, self._pool, work)

    def stop(self) -> None:
        self._pool.stop()
