"""A console at a pseudo terminal, with real keys."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import signal
import time
from pathlib import Path


class Terminal:
    """A console at a pseudo terminal."""

    def __init__(self, command: list[str], home: Path) -> None:
        self.pid, self.descriptor = pty.fork()
        if not self.pid:
            os.environ.update(HOME=str(home), TERM="xterm")
            os.execv(command[0], command)
        self.seen = ""

    def wait_for(self, text: str, seconds: float = 15) -> str:
        limit = time.monotonic() + seconds
        while text not in self.seen:
            assert time.monotonic() < limit, f"{text!r} did not come: {self.seen[-2000:]!r}"
            if select.select([self.descriptor], [], [], 0.2)[0]:
                try:
                    self.seen += os.read(self.descriptor, 65536).decode("utf-8", "replace")
                except OSError:
                    break
        assert text in self.seen, self.seen[-2000:]
        before, _, self.seen = self.seen.partition(text)
        return before

    def type(self, text: str) -> None:
        os.write(self.descriptor, text.encode())

    def close(self) -> int:
        limit = time.monotonic() + 10
        while time.monotonic() < limit:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                os.close(self.descriptor)
                return os.waitstatus_to_exitcode(status)
            with contextlib.suppress(OSError):
                if select.select([self.descriptor], [], [], 0.05)[0]:
                    os.read(self.descriptor, 65536)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        raise AssertionError("the console did not end")
