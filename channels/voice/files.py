"""Files of the voice plane: read and written where nobody waits for them."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any

from pbx.channels.voice.contents import Content, Contents
from pbx.codecs.files import BadSound, SoundWriter

#: writes that may wait for a slow disk; more are dropped and counted
_BACKLOG = 4096


class DirectFiles:
    """Does it at once (tests), and is what the writer thread does."""

    def __init__(self) -> None:
        self._open: dict[int, SoundWriter] = {}
        self._failed: dict[int, str] = {}

    def open(self, number: int, path: str, append: bool) -> None:
        try:
            self._open[number] = SoundWriter(path, append=append)
        except (OSError, BadSound) as error:
            self._failed[number] = _reason(error)

    def write(self, number: int, data: bytes) -> None:
        writer = self._open.get(number)
        if writer is None:
            return
        try:
            writer.write(data)
        except OSError as error:
            self._failed[number] = _reason(error)

    def close(self, number: int, done: Callable[[str], None]) -> None:
        done(self.finish(number))

    def finish(self, number: int) -> str:
        """Close a file; "" or why it is not what it should be."""
        writer = self._open.pop(number, None)
        reason = self._failed.pop(number, "")
        try:
            if writer is not None:
                writer.close()
        except OSError as error:
            reason = reason or _reason(error)
        return reason


class ThreadFiles:
    """The same on one writer thread, through a bounded queue.  `later(f, *args)` runs f in the plane's own thread."""

    def __init__(self, later: Callable[..., None]) -> None:
        self._later = later
        self._jobs: queue.Queue[tuple[Any, ...] | None] = queue.Queue()
        self._files = DirectFiles()
        self._contents = Contents()
        self._thread: threading.Thread | None = None
        self.dropped = 0

    def _job(self, *job: Any) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="voice-files", daemon=True)
            self._thread.start()
        self._jobs.put(job)

    def open(self, number: int, path: str, append: bool) -> None:
        self._job(self._files.open, number, path, append)

    def write(self, number: int, data: bytes) -> None:
        if self._jobs.qsize() >= _BACKLOG:
            self.dropped += 1
            return
        self._job(self._files.write, number, data)

    def close(self, number: int, done: Callable[[str], None]) -> None:
        self._job(self._finish, number, done)

    def _finish(self, number: int, done: Callable[[str], None]) -> None:
        self._later(done, self._files.finish(number))

    def read(self, path: str, done: Callable[[Content | None, str], None]) -> None:
        """Read a whole sound file; `done(content, "")` or `done(None, reason)`."""
        self._job(self._read, path, done)

    def _read(self, path: str, done: Callable[[Content | None, str], None]) -> None:
        self._later(done, *self._contents.read(path))

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            job[0](*job[1:])

    def stop(self) -> None:
        """Write what waits, and end the thread."""
        if self._thread is not None:
            self._jobs.put(None)
            self._thread.join(timeout=5)
            self._thread = None


def read_file(path: str) -> tuple[Content | None, str]:
    """A sound file for one who does not keep it: (content, "") or (None, reason)."""
    return Contents().read(path)


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
