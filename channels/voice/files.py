"""Files of the voice plane: read and written where nobody waits for them."""

from __future__ import annotations

import os
import queue
import struct
import threading
from collections.abc import Callable
from typing import Any, BinaryIO

#: writes that may wait for a slow disk; more are dropped and counted
_BACKLOG = 4096
_RIFF = struct.Struct("<4sI4s4sIHHIIHH4sI")


def riff_head(rate: int, size: int) -> bytes:
    """Head of a mono 16-bit wav file with `size` bytes of sound."""
    return _RIFF.pack(b"RIFF", 36 + size, b"WAVE", b"fmt ", 16, 1, 1, rate, rate * 2, 2, 16, b"data", size)


class DirectFiles:
    """Does it at once (tests), and is what the writer thread does."""

    def __init__(self) -> None:
        self._open: dict[int, tuple[BinaryIO, int]] = {}
        self._failed: dict[int, str] = {}

    def open(self, number: int, path: str, append: bool, wav_rate: int) -> None:
        try:
            existing = append and os.path.exists(path)
            file: BinaryIO = open(path, "r+b" if existing else "w+b")  # noqa: SIM115 (closed by `close`)
            if existing:
                file.seek(0, os.SEEK_END)
            if wav_rate and file.tell() < _RIFF.size:
                file.write(riff_head(wav_rate, 0))
            self._open[number] = file, wav_rate
        except OSError as error:
            self._failed[number] = error.strerror or str(error)

    def write(self, number: int, data: bytes) -> None:
        entry = self._open.get(number)
        if entry is None:
            return
        try:
            entry[0].write(data)
        except OSError as error:
            self._failed[number] = error.strerror or str(error)

    def close(self, number: int, done: Callable[[str], None]) -> None:
        done(self.finish(number))

    def finish(self, number: int) -> str:
        """Close a file; "" or why it is not what it should be."""
        entry = self._open.pop(number, None)
        reason = self._failed.pop(number, "")
        if entry is not None:
            file, rate = entry
            try:
                if rate:
                    size = file.seek(0, os.SEEK_END) - _RIFF.size
                    file.seek(0)
                    file.write(riff_head(rate, size))
                file.close()
            except OSError as error:
                reason = reason or error.strerror or str(error)
        return reason


class ThreadFiles:
    """The same on one writer thread, through a bounded queue.  `later(f, *args)` runs f in the plane's own thread."""

    def __init__(self, later: Callable[..., None]) -> None:
        self._later = later
        self._jobs: queue.Queue[tuple[Any, ...] | None] = queue.Queue()
        self._files = DirectFiles()
        self._thread: threading.Thread | None = None
        self.dropped = 0

    def _job(self, *job: Any) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="voice-files", daemon=True)
            self._thread.start()
        self._jobs.put(job)

    def open(self, number: int, path: str, append: bool, wav_rate: int) -> None:
        self._job(self._files.open, number, path, append, wav_rate)

    def write(self, number: int, data: bytes) -> None:
        if self._jobs.qsize() >= _BACKLOG:
            self.dropped += 1
            return
        self._job(self._files.write, number, data)

    def close(self, number: int, done: Callable[[str], None]) -> None:
        self._job(self._finish, number, done)

    def _finish(self, number: int, done: Callable[[str], None]) -> None:
        self._later(done, self._files.finish(number))

    def read(self, path: str, done: Callable[[bytes | None, str], None]) -> None:
        """Read a whole file; `done(content, "")` or `done(None, reason)`."""
        self._job(self._read, path, done)

    def _read(self, path: str, done: Callable[[bytes | None, str], None]) -> None:
        self._later(done, *read_file(path))

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            job[0](*job[1:])

    def stop(self) -> None:
        """Write what waits, and end the thread."""
        if self._thread is not None:
            self._jobs.put(None)
            self._thread.join(timeout=5)
            self._thread = None


def read_file(path: str) -> tuple[bytes | None, str]:
    """(content, "") or (None, reason)."""
    try:
        with open(path, "rb") as file:
            return file.read(), ""
    except OSError as error:
        return None, error.strerror or str(error)
