"""The voice process's loop: descriptors, timed calls and calls from threads; as much of a reactor as voice needs.

A reactor's wake-up costs several times what relaying a frame does, and voice wakes up hundreds of times a second.
An error that nobody expected leaves `run`.
"""

from __future__ import annotations

import heapq
import os
import select
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol


class Descriptor(Protocol):
    """What is watched (twisted's IReadDescriptor, IReadWriteDescriptor)."""

    def fileno(self) -> int: ...
    def doRead(self) -> Any: ...


class Timed:
    """A call to come."""

    __slots__ = ("_call", "at")

    def __init__(self, at: float, call: Callable[[], object]) -> None:
        self.at = at
        self._call: Callable[[], object] | None = call

    def cancel(self) -> None:
        self._call = None

    def active(self) -> bool:
        return self._call is not None

    def fire(self) -> None:
        call, self._call = self._call, None
        if call is not None:
            call()

    def __lt__(self, other: Timed) -> bool:
        return self.at < other.at


class Loop:
    """A loop over epoll with the names that twisted's reactors have; level-triggered.  Raises OSError without epoll."""

    def __init__(self) -> None:
        self._poll = select.epoll()
        self._reading: dict[int, Descriptor] = {}
        self._writing: dict[int, Any] = {}
        self._timed: list[Timed] = []
        #: filled by any thread
        self._calls: deque[Callable[[], object]] = deque()
        self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._running = False
        self.addReader(_Bell(self._bell, self._rung))

    seconds = staticmethod(time.monotonic)

    # ---- descriptors ------------------------------------------------------------------------------------------

    def addReader(self, reader: Descriptor) -> None:
        self._watch(self._reading, reader)

    def addWriter(self, writer: Any) -> None:
        self._watch(self._writing, writer)

    def removeReader(self, reader: Any) -> None:
        self._ignore(self._reading, reader)

    def removeWriter(self, writer: Any) -> None:
        self._ignore(self._writing, writer)

    def _watch(self, watched: dict[int, Any], one: Any) -> None:
        fd = one.fileno()
        known = fd in self._reading or fd in self._writing
        watched[fd] = one
        (self._poll.modify if known else self._poll.register)(fd, self._wanted(fd))

    def _ignore(self, watched: dict[int, Any], one: Any) -> None:
        fd = one.fileno()
        if watched.get(fd) is not one:
            return
        del watched[fd]
        wanted = self._wanted(fd)
        if wanted:
            self._poll.modify(fd, wanted)
        else:
            self._poll.unregister(fd)

    def _wanted(self, fd: int) -> int:
        return (select.EPOLLIN if fd in self._reading else 0) | (select.EPOLLOUT if fd in self._writing else 0)

    # ---- calls ------------------------------------------------------------------------------------------------

    def callLater(self, delay: float, call: Callable[..., object], *args: Any) -> Timed:
        timed = Timed(self.seconds() + delay, (lambda: call(*args)) if args else call)
        heapq.heappush(self._timed, timed)
        return timed

    def callFromThread(self, call: Callable[..., object], *args: Any) -> None:
        self._calls.append(lambda: call(*args))
        os.eventfd_write(self._bell, 1)

    def callWhenRunning(self, call: Callable[[], object]) -> None:
        self.callLater(0, call)

    def _rung(self) -> None:
        os.eventfd_read(self._bell)
        for _ in range(len(self._calls)):
            self._calls.popleft()()

    # ---- the loop ---------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Until `stop`."""
        self._running = True
        poll, timed, reading, writing = self._poll.poll, self._timed, self._reading, self._writing
        readable = select.EPOLLIN | select.EPOLLHUP | select.EPOLLERR
        writable = select.EPOLLOUT | select.EPOLLHUP | select.EPOLLERR
        while self._running:
            while timed and not timed[0].active():
                heapq.heappop(timed)
            for fd, event in poll(max(0.0, timed[0].at - self.seconds()) if timed else -1):
                if event & readable:
                    reader = reading.get(fd)
                    if reader is not None:
                        reader.doRead()
                if event & writable:
                    writer = writing.get(fd)
                    if writer is not None:
                        writer.doWrite()
            self._due()

    def _due(self) -> None:
        timed = self._timed
        if not timed:
            return
        now = self.seconds()
        while timed and timed[0].at <= now:
            heapq.heappop(timed).fire()

    def stop(self) -> None:
        self._running = False


class _Bell:
    """Wakes the loop for calls from threads."""

    def __init__(self, fd: int, rung: Callable[[], None]) -> None:
        self._fd = fd
        self.doRead = rung

    def fileno(self) -> int:
        return self._fd
