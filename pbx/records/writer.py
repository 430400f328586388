"""Writes records in their order, on a thread, again and again until the disk has them.

Nothing here ever waits in the reactor.  A journal in shared memory of the run folder keeps what has not been
written yet, so that neither kill -9 nor a full disk loses a record that was handed in.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections import deque
from collections.abc import Callable, Hashable
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from pbx.channels.log import Log
from pbx.records.journal import Journal

log = Log("cdr")

#: records that one turn of the thread writes
BATCH = 500
#: seconds until the next attempt, growing
RETRY = (1.0, 2.0, 5.0, 10.0, 30.0)
#: seconds that the end of the PBX waits for a disk
PATIENCE = 10.0
#: what a disk or a database may answer
TROUBLE = (OSError, sqlite3.Error)


class Target(Protocol):
    """Where records of one kind go: `write` runs on a thread and raises one of TROUBLE if it can't write them all.

    What it could not write must leave no trace: the same batch is handed in again.
    """

    def write(self, lines: list[str]) -> None: ...

    def missing(self, lines: list[str]) -> set[int]:
        """After a crash: the indices of those of `lines` that are not there (also on a thread)."""


class Files:
    """Lines for text files: each `path\\0line`."""

    def write(self, lines: list[str]) -> None:
        """Append all, file by file; a file that cannot take its share gets none of it."""
        for path, text in _by_path(lines).items():
            _append(path, text)

    def missing(self, lines: list[str]) -> set[int]:
        """Those that do not stand at the end of their files."""
        ends: dict[str, list[str]] = {}
        absent = set()
        for index, line in enumerate(lines):
            path, _, text = line.partition("\0")
            if path not in ends:
                ends[path] = _tail(path)
            if text in ends[path]:
                ends[path].remove(text)
            else:
                absent.add(index)
        return absent


#: bytes of a file's end in which records are looked for after a crash: the journal holds no more
TAIL = 2 * 1024 * 1024


def _tail(path: str) -> list[str]:
    try:
        with open(path, "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL))
            return file.read().decode("utf-8", "surrogateescape").splitlines(keepends=True)
    except OSError:
        return []


def _by_path(lines: list[str]) -> dict[str, bytes]:
    gathered: dict[str, list[str]] = {}
    for line in lines:
        path, _, text = line.partition("\0")
        gathered.setdefault(path, []).append(text)
    return {path: "".join(texts).encode("utf-8", "surrogateescape") for path, texts in gathered.items()}


def _append(path: str, data: bytes) -> None:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        size = os.fstat(handle).st_size
        try:
            done = 0
            while done < len(data):
                done += os.write(handle, data[done:])
        except OSError:
            # half a record is worse than none: it comes again as a whole
            with contextlib.suppress(OSError):
                os.ftruncate(handle, size)
            raise
    finally:
        os.close(handle)


class Writer:
    """One queue to one Target, in order.  `name` is for messages (`cdr-csv`); key: what a journal knows it by."""

    def __init__(
        self,
        name: str,
        target: Target,
        blocking: Callable[[Callable[[], Any]], Deferred[Any]],
        clock: IReactorTime,
        journal: Journal | None = None,
    ) -> None:
        self.name = name
        self.target = target
        #: records wait for `flush` (a batch)
        self.held = False
        self._recovering = False
        self._blocking = blocking
        self._clock = clock
        self._journal = journal
        self._queue: deque[tuple[Hashable, str]] = deque()
        self._busy = False
        self._failures = 0
        self._retry: Any = None
        self._waiting: list[Deferred[None]] = []
        self._stopped = False

    def __len__(self) -> int:
        """How many records are not on the disk yet."""
        return len(self._queue)

    @property
    def failing(self) -> bool:
        """The last attempt failed; another one comes."""
        return bool(self._failures)

    def start(self) -> None:
        """Write what a former run left behind."""
        left = list(self._journal.left()) if self._journal is not None else []
        if not left:
            self._next()
            return
        log.notice(f"{self.name}: a former run left {len(left)} records in the journal; they are written now")
        self._recovering = True
        lines, target = [line for _, line in left], self.target
        self._blocking(lambda: target.missing(lines)).addBoth(self._recovered, left)

    def _recovered(self, missing: object, left: list[tuple[int, str]]) -> None:
        """`missing`: indices of those lines that had not been written before the former run ended."""
        self._recovering = False
        wanted = missing if isinstance(missing, set) else set(range(len(left)))
        for index in reversed(range(len(left))):
            if index in wanted:
                self._queue.appendleft(left[index])
            elif self._journal is not None:
                self._journal.done(left[index][0])
        self.flush()

    def put(self, line: str) -> None:
        """Hand a record in."""
        key = self._journal.add(line) if self._journal is not None else None
        self._queue.append((key, line))
        if not self.held:
            self._next()

    def flush(self) -> None:
        """Write what was held back."""
        self._next()

    def _next(self) -> None:
        if self._busy or self._recovering or self._retry is not None:
            return
        if not self._queue:
            self._settle()
            return
        batch = [self._queue[index] for index in range(min(BATCH, len(self._queue)))]
        lines = [line for _, line in batch]
        target = self.target
        self._busy = True
        self._blocking(lambda: target.write(lines)).addCallbacks(
            lambda _: self._written(batch), self._failed, errbackArgs=(batch,)
        )

    def _written(self, batch: list[tuple[Hashable, str]]) -> None:
        self._busy = False
        for key, _ in batch:
            self._queue.popleft()
            if self._journal is not None and key is not None:
                self._journal.done(key)
        if self._failures:
            self._failures = 0
            log.notice(f"{self.name}: records are written again; none was lost")
        self._next()

    def _failed(self, failure: Failure, batch: list[tuple[Hashable, str]]) -> None:
        self._busy = False
        if not isinstance(failure.value, TROUBLE):
            log.error(f"{self.name}: {len(batch)} records cannot be written: {failure.getErrorMessage()}")
            self._written(batch)
            return
        if not self._failures:
            log.error(f"{self.name}: cannot write records: {failure.getErrorMessage()}; they are kept and tried again")
        delay = RETRY[min(self._failures, len(RETRY) - 1)]
        self._failures += 1
        if self._stopped:
            self._settle()
            return
        self._retry = self._clock.callLater(delay, self._again)

    def _again(self) -> None:
        self._retry = None
        self._next()

    def drain(self) -> Deferred[None]:
        """Fires when all is written, or when the disk does not take it now."""
        done: Deferred[None] = Deferred()
        self._waiting.append(done)
        # a disk that answers nothing at all must not keep the PBX from ending
        done.addTimeout(PATIENCE, self._clock, onTimeoutCancel=lambda *_: self._give_up(done))
        self._stopped = True
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        self._next()
        return done

    def _give_up(self, done: Deferred[None]) -> None:
        if done in self._waiting:
            self._waiting.remove(done)
        log.warning(f"{self.name}: {len(self._queue)} records could not be written in {PATIENCE:.0f} s; {self._kept}")

    @property
    def _kept(self) -> str:
        return "they are in the journal for the next start" if self._journal is not None else "they are lost"

    def _settle(self) -> None:
        waiting, self._waiting = self._waiting, []
        for done in waiting:
            done.callback(None)
        if waiting and self._queue:
            log.warning(f"{self.name}: {len(self._queue)} records could not be written; {self._kept}")
