"""What is measured: pbx, a stock Asterisk 22 (with and without -p), and the ideal relay in C."""

from __future__ import annotations

import ctypes
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Protocol

from benchmarks.load.sockets import compiled
from tests.interop.boxes import Box, PbxBox, StockBox

HERE = Path(__file__).parent
TARGET, CALLERS, SINKS = "127.0.1.201", "127.0.1.210", "127.0.1.211"
_MODULES = """res_timing_timerfd pbx_config bridge_simple bridge_builtin_features bridge_holding codec_ulaw codec_alaw
codec_a_mu codec_gsm func_callerid func_channel app_echo app_dial chan_iax2""".split()


class System(Protocol):
    """One thing under load."""

    name: str

    def start(self, values: dict[str, str]) -> int:
        """Its pid, once it takes calls."""

    def stop(self) -> None: ...


class Relay:
    """The ideal relay; scenario `direct` is played through it."""

    name = "C relay"

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, values: dict[str, str]) -> int:
        program = compiled(HERE / "load" / "relay.c", shared=False)
        self._process = subprocess.Popen(
            [*realtime(10), str(program), TARGET, CALLERS, SINKS], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL,
            preexec_fn=lambda: ctypes.CDLL(None).prctl(1, signal.SIGTERM, 0, 0, 0),
        )  # fmt: skip
        assert self._process.stdout is not None
        self._process.stdout.readline()
        return self._process.pid

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(5)


class Direct:
    """Nothing between the generator's two ends: what it and the kernel can do by themselves."""

    name = "generator alone"

    def start(self, values: dict[str, str]) -> int:
        return 0

    def stop(self) -> None:
        pass


class Switch:
    """pbx or Asterisk, in the foreground with the benchmark's configuration."""

    def __init__(self, name: str, kind: str, priority: bool = True) -> None:
        self.name = name
        self._kind = kind
        self._priority = priority
        self._box: Box | None = None

    def start(self, values: dict[str, str]) -> int:
        box: Box
        if self._kind == "pbx":
            box = PbxBox("bench", HERE / "etc", TARGET, SINK=SINKS, **values)
            box.prefix = realtime(10) if self._priority else []
        else:
            box = StockBox("bench", HERE / "etc", TARGET, 22, SINK=SINKS, **values)
            box.flags = ["-p"] if self._priority else []
            box.wanted = _MODULES
        box.verbose = 0
        self._box = box
        box.start()
        assert box.process is not None
        return box.process.pid

    def stop(self) -> None:
        if self._box is not None:
            self._box.stop()


def realtime(priority: int) -> list[str]:
    """The command that runs another under SCHED_RR, where that is allowed."""
    if (
        shutil.which("chrt")
        and subprocess.run(["chrt", "-r", str(priority), "true"], capture_output=True).returncode == 0
    ):
        return ["chrt", "-r", str(priority)]
    return []


def asterisk_missing() -> str:
    return StockBox.missing(22)
