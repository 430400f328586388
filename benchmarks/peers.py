"""A large registrar: seconds to load 50,000 peers, memory, CPU while nothing happens; and many `register =>` lines.

`python -m benchmarks.peers [--peers 50000] [--registered 32000] [--register 32000] [--seconds 20]` prints rows for the
table.  Two boxes on loopback: one knows all peers, of which some are registered (their addresses lie in its astdb);
the other holds the register lines, which the first one answers.
"""

from __future__ import annotations

import argparse
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SERVER, CLIENT = "127.0.53.81", "127.0.53.82"
TICKS = os.sysconf("SC_CLK_TCK")


class Box:
    """A pbx process in a folder of its own."""

    def __init__(self, home: Path, iax: str) -> None:
        self.home = home
        (home / "etc").mkdir(parents=True)
        directories = (
            f"[directories]\nastetcdir => {home}/etc\nastrundir => {home}/run\nastlogdir => {home}/log\n"
            f"astdbdir => {home}/db\nastvarlibdir => {home}/lib\nastkeydir => {home}/etc\nastspooldir => {home}/spool\n"
        )
        (home / "etc" / "asterisk.conf").write_text(directories)
        (home / "etc" / "iax.conf").write_text(iax)
        (home / "etc" / "extensions.conf").write_text("[default]\nexten => s,1,Hangup()\n")
        (home / "etc" / "logger.conf").write_text("[logfiles]\nmessages => error\n")
        self._command = [sys.executable, "-m", "pbx", "-C", str(home / "etc" / "asterisk.conf")]
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> float:
        """Seconds until it is up."""
        begin = time.monotonic()
        self.process = subprocess.Popen([*self._command, "-f"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        while not (self.home / "run" / "asterisk.ctl").exists():
            time.sleep(0.02)
        self.rx("core waitfullybooted")
        return time.monotonic() - begin

    def rx(self, text: str) -> str:
        return subprocess.run([*self._command, "-rx", text], capture_output=True, text=True, check=False).stdout

    def _tree(self) -> list[int]:
        assert self.process is not None
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [self.process.pid, *map(int, children)]

    def cpu(self) -> float:
        """Seconds of CPU so far, voice process included."""
        used = 0
        for pid in self._tree():
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            used += int(fields[11]) + int(fields[12])
        return used / TICKS

    def memory(self) -> float:
        """Resident MB of the control process."""
        assert self.process is not None
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024

    def idle(self, seconds: float) -> float:
        """ms of CPU per second."""
        begin, used = time.monotonic(), self.cpu()
        time.sleep(seconds)
        return (self.cpu() - used) * 1000 / (time.monotonic() - begin)

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def peers_conf(count: int, general: str) -> str:
    parts = [f"[general]\nbindaddr={SERVER}\nminregexpire=3600\nmaxregexpire=3600\n{general}\n"]
    parts += [
        f"[peer{n}]\ntype=friend\nhost=dynamic\nsecret=secret{n}\ncontext=default\nrequirecalltoken=auto\n"
        for n in range(count)
    ]
    return "".join(parts)


def server(folder: Path, peers: int, registered: int, general: str) -> Box:
    box = Box(folder, peers_conf(peers, general))
    (folder / "db").mkdir()
    with sqlite3.connect(folder / "db" / "astdb.sqlite3") as link:
        link.execute("CREATE TABLE astdb(key VARCHAR(256), value VARCHAR(256), PRIMARY KEY(key))")
        rows = ((f"/IAX/Registry/peer{n}", f"{CLIENT}:{10000 + n % 50000}:3600") for n in range(registered))
        link.executemany("INSERT INTO astdb VALUES (?, ?)", rows)
    link.close()
    return box


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", type=int, default=50_000)
    parser.add_argument("--registered", type=int, default=32_000)
    parser.add_argument("--register", type=int, default=32_000)
    parser.add_argument("--seconds", type=float, default=20)
    wanted = parser.parse_args()
    print("| case | seconds to load | MB | ms of CPU per second idle |\n|---|---|---|---|")
    for name, general in (("no keepalive", "keepalive=0"), ("keepalive 25 s", "")):
        with tempfile.TemporaryDirectory() as folder:
            box = server(Path(folder) / "a", wanted.peers, wanted.registered, general)
            try:
                took = box.start()
                time.sleep(30)  # until the first keepalives are out
                idle = box.idle(wanted.seconds)
                case = f"{wanted.peers} peers, {wanted.registered} of them registered, {name}"
                print(f"| {case} | {took:.1f} | {box.memory():.0f} | {idle:.1f} |", flush=True)
            finally:
                box.stop()
    if not wanted.register:
        return
    with tempfile.TemporaryDirectory() as folder:
        count = wanted.register
        there = server(Path(folder) / "a", count, 0, "keepalive=0\nmaxcallnumbers=32000")
        lines = "".join(f"register => peer{n}:secret{n}@{SERVER}\n" for n in range(count))
        ours = Box(Path(folder) / "b", f"[general]\nbindaddr={CLIENT}\n{lines}")
        try:
            there.start()
            took = ours.start()
            begin = time.monotonic()
            standing = 0
            while standing < count and time.monotonic() - begin < 300:
                time.sleep(2)
                standing = ours.rx("iax2 show registry").count("Registered\n")
            case = f"{standing} of {count} register lines, all stand after {took + time.monotonic() - begin:.0f} s"
            print(f"| {case} | {took:.1f} | {ours.memory():.0f} | {ours.idle(wanted.seconds):.1f} |")
        finally:
            ours.stop()
            there.stop()


if __name__ == "__main__":
    main()
