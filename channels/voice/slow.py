"""Translations that take milliseconds (a codec in numpy, where no library does it): made where nobody waits for them.

Voice of other calls would wait behind each such frame.  So what is to be translated gathers while a thread of its own
is busy with what came before, and all of it is the thread's next job.
"""

from __future__ import annotations

import itertools
import queue
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from pbx.channels.voice.legs import Ints

#: payloads that may wait; more are dropped
_MOST = 4096
#: seconds after which a thread that computes lets another go on: voice must not wait for Python's usual 5 ms
_SWITCH = 0.0002

Payload = npt.NDArray[np.uint8]
Aside = Callable[[Callable[[], Any], Callable[[Any, int], None]], None]


class Translates(Protocol):
    """A translator, as it is used here."""

    def add_row(self, row: int) -> None: ...

    def remove_row(self, row: int) -> None: ...

    def translate(self, rows: Any, data: Any) -> Any: ...


@dataclass(slots=True)
class Copies:
    """Voice to be copied: its row, whom it goes to, its stream in the translator, and its time."""

    row: Ints
    sink: Ints
    stream: Ints
    ts: Ints

    def only(self, some: npt.NDArray[np.bool_]) -> Copies:
        return Copies(self.row[some], self.sink[some], self.stream[some], self.ts[some])


@dataclass(slots=True)
class _Job:
    """payload: before or behind the translator, None: 20 ms did not come.  age: which edges of each row it is for."""

    translator: Any
    copies: Copies
    payload: Payload | None
    age: Ints


class Slow:
    """Translates aside.  `aside(work, done)` does `work()` where nobody waits, then `done(result, ms)` in the plane.

    deliver: takes copies, their payloads and ms; age: a column that counts up when the edges of a row change, so that
    what was meant for earlier ones goes nowhere.
    """

    def __init__(self, aside: Aside, deliver: Callable[[Copies, Payload, int], None], age: Ints) -> None:
        self._aside = aside
        self._deliver = deliver
        self._age = age
        self._waiting: list[_Job] = []
        self._count = 0
        self._changes: list[tuple[Callable[[int], None], int]] = []
        self._busy = False

    def put(self, translator: Translates, copies: Copies, payload: Payload | None) -> bool:
        """Payloads of one size, by row of `copies` (None: what to say instead of 20 ms that did not come).

        False: too many wait, these are dropped.
        """
        if self._count + len(copies.row) > _MOST:
            return False
        self._waiting.append(_Job(translator, copies, payload, self._age[copies.row]))
        self._count += len(copies.row)
        if not self._busy:
            self._start()
        return True

    def change(self, what: Callable[[int], None], stream: int) -> None:
        """`add_row` or `remove_row` of a translator, not while the thread is at it."""
        if self._busy:
            self._changes.append((what, stream))
        else:
            what(stream)

    def _start(self) -> None:
        jobs = [job for one in self._waiting for job in self._valid(one)]
        self._waiting, self._count = [], 0
        changes, self._changes = self._changes, []
        if not jobs and not changes:
            return
        self._busy = True

        def work() -> list[_Job]:
            for what, stream in changes:
                what(stream)
            return [_translated(job) for job in _gathered(jobs)]

        self._aside(work, self._done)

    def _valid(self, job: _Job) -> Iterator[_Job]:
        """Without what is for edges that are gone."""
        same = self._age[job.copies.row] == job.age
        if same.all():
            yield job
        elif same.any():
            payload = None if job.payload is None else job.payload[same]
            yield _Job(job.translator, job.copies.only(same), payload, job.age[same])

    def _done(self, results: list[_Job], now: int) -> None:
        self._busy = False
        for result in results:
            for job in self._valid(result):
                assert job.payload is not None
                self._deliver(job.copies, job.payload, now)
        if self._waiting or self._changes:
            self._start()


def _translated(job: _Job) -> _Job:
    stream, payload = job.copies.stream, job.payload
    made = job.translator.conceal(stream) if payload is None else job.translator.translate(stream, payload)
    return _Job(job.translator, job.copies, made, job.age)


def _kind(job: _Job) -> tuple[int, int]:
    return id(job.translator), -1 if job.payload is None else job.payload.shape[1]


def _gathered(jobs: list[_Job]) -> list[_Job]:
    """Neighbours of one translator and one size as one, as long as no stream is in it twice."""
    found: list[_Job] = []
    for _, group in itertools.groupby(jobs, _kind):
        part: list[_Job] = []
        seen: set[int] = set()
        for job in group:
            streams = job.copies.stream.tolist()
            if not seen.isdisjoint(streams):
                found.append(_one(part))
                part, seen = [], set()
            part.append(job)
            seen.update(streams)
        found.append(_one(part))
    return found


def _one(jobs: list[_Job]) -> _Job:
    if len(jobs) == 1:
        return jobs[0]
    columns = (np.concatenate([getattr(j.copies, name) for j in jobs]) for name in ("row", "sink", "stream", "ts"))
    payloads = [j.payload for j in jobs if j.payload is not None]
    payload = np.concatenate(payloads) if payloads else None
    return _Job(jobs[0].translator, Copies(*columns), payload, np.concatenate([j.age for j in jobs]))


def _raise(error: Exception) -> None:
    """Where it is noticed."""
    raise error


class Worker:
    """A thread that is there from the first job on.  `later(f, *args)` runs f in the plane's own thread."""

    def __init__(self, later: Callable[..., None]) -> None:
        self._later = later
        self._jobs: queue.SimpleQueue[tuple[Callable[[], Any], Callable[[Any], None]] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def put(self, work: Callable[[], Any], done: Callable[[Any], None]) -> None:
        if self._thread is None:
            sys.setswitchinterval(min(sys.getswitchinterval(), _SWITCH))
            self._thread = threading.Thread(target=self._run, name="voice-slow", daemon=True)
            self._thread.start()
        self._jobs.put((work, done))

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            work, done = job
            try:
                result = work()
            except Exception as error:
                self._later(_raise, error)
            else:
                self._later(done, result)

    def stop(self) -> None:
        """What was begun is done, then the thread ends."""
        if self._thread is not None:
            self._jobs.put(None)
            self._thread.join(timeout=1)
            self._thread = None
