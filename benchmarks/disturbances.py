"""What control does while 400 calls are relayed: voice must not notice."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.systems import Bench

CHECKOUT = Path(__file__).parent.parent
#: extensions of the dialplan that is loaded, shown and reloaded; in two contexts
EXTENSIONS = 100_000
#: for a second generator: who calls, and who is called
CALLERS, SINKS = "127.0.1.220", "127.0.1.221"
_TITLES = {
    "reload": f"reloads a dialplan of {EXTENSIONS:,} extensions",
    "collect": "collects garbage in full, five times",
    "list": f"prints a list of {EXTENSIONS // 2:,} lines",
    "setup": "sets up 300 calls a second",
    "gsm": "carries one more call, in the numpy gsm codec",
    "kill": "loses its voice process (kill -9)",
}


@dataclass(frozen=True)
class Disturbance:
    """name: a key of the table above."""

    name: str

    @property
    def title(self) -> str:
        return _TITLES[self.name]

    def command(self, box: Bench) -> str:
        """What the shell runs during the second window."""
        if self.name == "setup":
            return self._generator("setup", "--rate", "300", "--calls", "2400", "--prefix", "3")
        if self.name == "gsm":
            return self._generator("transcode", "--calls", "1", "--prefix", "5", "--window", "4")
        if self.name == "collect":
            return f"for i in 1 2 3 4 5; do kill -USR2 {box.pid}; sleep 1; done"
        if self.name == "kill":
            return f"sleep 1; kill -9 {box.voice_pid()}; sleep 3"
        console = "dialplan reload" if self.name == "reload" else "dialplan show half"
        once = shlex.join([*_ordinary(), *box.command("-rx", console)]) + " >/dev/null"
        # the answer to a reload comes when it has begun or ended: either way the window is long enough for it
        return f"{once}; sleep 4" if self.name == "reload" else f"{once}; sleep 1; {once}"

    @staticmethod
    def _generator(scenario: str, *options: str) -> str:
        command = [*_ordinary(), sys.executable, "-m", "benchmarks.load.generator", "--scenario", scenario,
                   "--bind", CALLERS, "--sink", SINKS, *options]  # fmt: skip
        return f"cd {shlex.quote(str(CHECKOUT))} && {shlex.join(command)}"


def _ordinary() -> list[str]:
    """At an ordinary priority: the generator that starts it has a real-time one, above that of pbx."""
    from benchmarks.systems import realtime

    return ["chrt", "-o", "0"] if realtime(10) else []


def many_extensions() -> str:
    """The dialplan of 100,000 extensions."""
    lines = []
    for context in ("half", "rest"):
        lines.append(f"[{context}]")
        lines += [f"exten => 8{n:06d},1,Set(x={n})" for n in range(EXTENSIONS // 2)]
    return "\n".join(lines) + "\n"


#: Python that runs in pbx before its own: SIGUSR2 collects garbage in full, what was frozen included
COLLECT_ON_SIGNAL = """
import gc, signal
def collect(*_):
    gc.unfreeze(); gc.collect(); gc.freeze()
signal.signal(signal.SIGUSR2, collect)
"""

#: a sitecustomize.py with which no process finds libgsm
WITHOUT_LIBGSM = """
import ctypes
class PyDLL(ctypes.PyDLL):
    def __init__(self, name, *more, **others):
        if name and "gsm" in str(name):
            raise OSError("libgsm is out of the way")
        super().__init__(name, *more, **others)
ctypes.PyDLL = PyDLL
"""
