"""Whether the machine stood still: a process of its own that sleeps 10 ms at a time and says how late it woke.

Sound is judged sample by sample, and no box, stock or ours, keeps 20 ms frames even on a machine that takes the
processor away from all of them for a tenth of a second.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
from functools import cache

#: ms of an unwanted sleep from which on a box may lose its time (a stock sender makes a hole of it from 120)
LONG = 50

_WATCH = f"""
import os, sys, time
parent = os.getppid()
print(flush=True)
while os.getppid() == parent:
    began = time.perf_counter()
    time.sleep(0.01)
    late = (time.perf_counter() - began) * 1000 - 10
    if late >= {LONG}:
        print(f"{{time.time()}} {{late:.0f}}", flush=True)
"""


class Standstill:
    """Begins to watch at once; the process ends with this one."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _WATCH], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, bufsize=0
        )
        assert self._process.stdout is not None
        self._process.stdout.readline()  # it runs
        self.pid = self._process.pid
        self._seen: list[tuple[float, int]] = []
        self._rest = b""

    def since(self, moment: float) -> list[int]:
        """How long (ms) the machine stood still, each time after `moment` (time.time())."""
        out = self._process.stdout
        assert out is not None
        while select.select([out], [], [], 0)[0]:
            data = os.read(out.fileno(), 65536)
            if not data:
                break
            *lines, self._rest = (self._rest + data).split(b"\n")
            for line in lines:
                when, late = line.split()
                self._seen.append((float(when), int(late)))
        return [late for when, late in self._seen if when >= moment]


@cache
def watch() -> Standstill:
    """The one of this process."""
    return Standstill()
