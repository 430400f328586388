"""A real pbx process for tests: in a folder of its own, on addresses of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
PROGRAM = [
    sys.executable,
    "-P",
    "-c",
    f"import sys; sys.path.insert(0, {str(CHECKOUT)!r}); from pbx.__main__ import main; sys.exit(main())",
]


class Pbx:
    """`pbx` in `home`: etc/ for its files, everything else below too."""

    def __init__(self, home: Path, **files: str) -> None:
        self.home = home
        self.etc = home / "etc"
        self.etc.mkdir(parents=True, exist_ok=True)
        self.process: subprocess.Popen[str] | None = None
        self.write("asterisk.conf", self.asterisk_conf())
        self.write(
            "logger.conf", "[general]\ndateformat=%F %T\n[logfiles]\nmessages => notice,warning,error,security\n"
        )
        for name, text in files.items():
            self.write(f"{name}.conf", text)

    def asterisk_conf(self, options: str = "") -> str:
        home = self.home
        return (
            f"[directories]\nastetcdir => {home}/etc\nastrundir => {home}/run\nastlogdir => {home}/log\n"
            f"astdbdir => {home}/db\nastvarlibdir => {home}/lib\nastkeydir => {home}/etc\nastspooldir => {home}/spool\n"
            f"[options]\n{options}\n"
        )

    def write(self, name: str, text: str) -> None:
        (self.etc / name).write_text(text)

    def command(self, *arguments: str) -> list[str]:
        return [*PROGRAM, "-C", str(self.etc / "asterisk.conf"), *arguments]

    def start(self, *arguments: str, env: dict[str, str] | None = None) -> None:
        """Start it in the foreground and wait until it is up."""
        self.process = subprocess.Popen(
            self.command("-f", *arguments),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            env={**os.environ, **(env or {})},
        )
        self.wait_up()

    def wait_up(self, seconds: float = 60) -> None:
        limit = time.monotonic() + seconds
        while time.monotonic() < limit:
            if self.process is not None and self.process.poll() is not None:
                raise AssertionError(f"ended at start: {self.process.communicate()[0]}\n{self.messages}")
            if (self.home / "run" / "asterisk.ctl").exists() and self.run("core waitfullybooted").returncode == 0:
                return
            time.sleep(0.05)
        raise AssertionError("did not come up")

    def run(self, text: str, seconds: float = 60) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command("-rx", text),
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    def rx(self, text: str) -> str:
        """What a console command prints."""
        return self.run(text).stdout

    def wait_rx(self, text: str, wanted: str, seconds: float = 10) -> str:
        limit = time.monotonic() + seconds
        while wanted not in (shown := self.rx(text)):
            if time.monotonic() > limit:
                raise AssertionError(f"{text!r} never showed {wanted!r}:\n{shown}\n{self.messages}")
            time.sleep(0.1)
        return shown

    @property
    def messages(self) -> str:
        file = self.home / "log" / "messages"
        return file.read_text() if file.exists() else ""

    def stop(self, how: int = signal.SIGTERM) -> int:
        """End it; its exit status."""
        process, self.process = self.process, None
        if process is None:
            return 0
        if process.poll() is None:
            process.send_signal(how)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise
        if process.stdout is not None:
            process.stdout.close()
        return process.returncode
