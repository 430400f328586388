"""What is measured: pbx, a stock Asterisk 22 (with and without -p), the ideal relay in C, a voice process by itself."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Protocol

from benchmarks.disturbances import COLLECT_ON_SIGNAL, WITHOUT_LIBGSM, many_extensions
from benchmarks.disturbances import SINKS as MORE_SINKS
from benchmarks.load.generator import tree
from benchmarks.load.sockets import compiled
from benchmarks.works import Setup, Work
from tests.interop.boxes import Box, PbxBox, StockBox

HERE = Path(__file__).parent
TARGET, CALLERS, SINKS = "127.0.1.201", "127.0.1.210", "127.0.1.211"
_MODULES = """res_timing_timerfd pbx_config bridge_simple bridge_builtin_features bridge_holding codec_ulaw codec_alaw
codec_a_mu codec_gsm func_callerid func_channel app_echo app_dial chan_iax2""".split()


class System(Protocol):
    """One thing under load."""

    name: str

    def start(self, work: Work | Setup) -> int:
        """Its pid, once it takes calls."""

    def stop(self) -> None: ...


class _Program:
    """A program of our own that says when it is ready."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def run(self, *command: str) -> int:
        self._process = subprocess.Popen(
            [*realtime(10), *command], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, cwd=HERE.parent,
            preexec_fn=lambda: ctypes.CDLL(None).prctl(1, signal.SIGTERM, 0, 0, 0),
        )  # fmt: skip
        assert self._process.stdout is not None
        if not self._process.stdout.readline():
            raise RuntimeError(f"{command[0]} ended")
        return self._process.pid

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(5)


class Relay(_Program):
    """The ideal relay; scenario `direct` is played through it."""

    name = "C relay"

    def start(self, work: Work | Setup) -> int:
        return self.run(str(compiled(HERE / "load" / "relay.c", shared=False)), TARGET, CALLERS, SINKS)


class Rooms(_Program):
    """A voice process with conferences, told so by a script in place of pbx's control (there is no ConfBridge yet)."""

    name = "pbx"

    def start(self, work: Work | Setup) -> int:
        assert isinstance(work, Work)
        size = [str(work.calls), str(work.room)]
        return self.run(sys.executable, "-m", "benchmarks.load.rooms", TARGET, CALLERS, *size)


class Direct:
    """Nothing between the generator's two ends: what it and the kernel can do by themselves."""

    name = "generator alone"

    def start(self, work: Work | Setup) -> int:
        return 0

    def stop(self) -> None:
        pass


class Bench(PbxBox):
    """pbx with more options, and what disturbances need."""

    options = ""
    collects = False

    def asterisk_conf(self) -> str:
        return f"{super().asterisk_conf()}{self.options}\n"

    def command(self, *arguments: str) -> list[str]:
        command = super().command(*arguments)
        if self.collects and "-f" in arguments:
            at = command.index("-c") + 1
            command[at] = f"{COLLECT_ON_SIGNAL}\n{command[at]}"
        return command

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def voice_pid(self) -> int:
        """The voice process: the youngest of the family."""
        return tree(self.pid)[-1]


class Switch:
    """pbx or Asterisk, in the foreground with the benchmark's configuration."""

    def __init__(self, name: str, kind: str, priority: bool = True) -> None:
        self.name = name
        self._kind = kind
        self._priority = priority
        self.box: Box | None = None

    def start(self, work: Work | Setup) -> int:
        values = {**work.values(), "SINK": SINKS, "SINK2": MORE_SINKS}
        box: Box
        if self._kind == "pbx":
            box = self._bench(work, values)
        else:
            box = StockBox("bench", HERE / "etc", TARGET, 22, **values)
            box.flags = ["-p"] if self._priority else []
            box.wanted = _MODULES
        box.verbose = 0
        self.box = box
        without = isinstance(work, Work) and work.beside is not None and work.beside.name == "gsm"
        former = os.environ.get("PYTHONPATH")
        try:
            if without:
                (box.home / "sitecustomize.py").write_text(WITHOUT_LIBGSM)
                os.environ["PYTHONPATH"] = str(box.home)
            box.start(120)
        finally:
            if without:
                os.environ.pop("PYTHONPATH")
                os.environ.update({} if former is None else {"PYTHONPATH": former})
        assert box.process is not None
        return box.process.pid

    def _bench(self, work: Work | Setup, values: dict[str, str]) -> Bench:
        box = Bench("bench", HERE / "etc", TARGET, **values)
        box.prefix = realtime(10) if self._priority else []
        if isinstance(work, Work):
            box.options = work.options
            if work.beside is not None:
                box.collects = True
                (box.home / "etc").mkdir()
                (box.home / "etc" / "many.conf").write_text(many_extensions())
        return box

    @property
    def bench(self) -> Bench:
        """The running pbx."""
        assert isinstance(self.box, Bench)
        return self.box

    def stop(self) -> None:
        if self.box is not None:
            self.box.stop()


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
