"""The stock iaxmodem: a software modem that is an IAX2 telephone; spoken to by AT commands on its pty."""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import shutil
import signal
import subprocess
import time
import tty
from pathlib import Path


class Modem:
    """One iaxmodem registered as `name` with a server."""

    def __init__(self, name: str, server: str, secret: str, port: int, folder: Path, number: str) -> None:
        self.name = name
        self.device = folder / f"{name}.tty"
        self.log = folder / f"{name}.log"
        self._config = folder / f"{name}.config"
        self._config.write_text(
            f"device\t{self.device}\nowner\troot:root\nmode\t660\nport\t{port}\nrefresh\t60\nserver\t{server}\n"
            f"peername\t{name}\nsecret\t{secret}\ncidname\tModem\ncidnumber\t{number}\ncodec\tulaw\n"
        )
        self._process: subprocess.Popen[bytes] | None = None
        self._fd = -1

    @staticmethod
    def missing() -> str:
        return "" if shutil.which("iaxmodem", path="/usr/bin:/usr/sbin") else "iaxmodem: run tests/interop/setup"

    def start(self) -> None:
        program = shutil.which("iaxmodem", path="/usr/bin:/usr/sbin")
        assert program is not None
        with self.log.open("ab") as out:
            # it looks for its file below /etc/iaxmodem: climb out of there
            self._process = subprocess.Popen(
                [program, "../../" + str(self._config).lstrip("/")],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
                preexec_fn=lambda: ctypes.CDLL(None).prctl(1, signal.SIGTERM, 0, 0, 0),
            )
        limit = time.monotonic() + 10
        while not self.device.exists():
            assert self._process.poll() is None and time.monotonic() < limit, self.log.read_text(errors="replace")
            time.sleep(0.05)
        self._fd = os.open(self.device, os.O_RDWR | os.O_NOCTTY)
        tty.setraw(self._fd)

    def command(self, text: str) -> None:
        os.write(self._fd, text.encode() + b"\r")

    def expect(self, *words: str, seconds: float = 40) -> str:
        """The first of `words` that the modem says."""
        seen = ""
        limit = time.monotonic() + seconds
        while time.monotonic() < limit:
            if select.select([self._fd], [], [], 0.2)[0]:
                seen += os.read(self._fd, 4096).decode("ascii", "replace")
                for word in words:
                    if word in seen:
                        return word
        raise AssertionError(
            f"{self.name} said none of {words}: {seen!r}\n{self.log.read_text(errors='replace')[-2000:]}"
        )

    def stop(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
        if self._process is not None:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(5)
            if self._process.poll() is None:
                self._process.kill()
                self._process.wait()
