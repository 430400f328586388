"""What each flag of the command line does to a running box or its console; those that limit calls: test_control."""

from __future__ import annotations

import os
import re
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pbx.running import PROGRAM, Pbx
from tests.pbx.test_daemon import DIALPLAN, Terminal

ORIGINATE = "channel originate Local/601@phones application Wait 50"
EXECUTED = DIALPLAN + "#exec echo 'exten => 888,1,NoOp(executed)'\n"


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Pbx]:
    """A PBX that is not started, without IAX2."""
    made = Pbx(tmp_path, extensions=EXECUTED, modules="[modules]\nautoload=yes\nnoload => chan_iax2.so\n")
    yield made
    made.stop()


def test_flags_of_the_daemon(box: Pbx, tmp_path: Path) -> None:
    """-X allows #exec, -g dumps core, -p is real-time, -d and -v are heard by log files, -T by consoles."""
    box.write("logger.conf", "[general]\ndateformat=%F %T\n[logfiles]\nfull => verbose,debug,warning\n")
    box.start("-XgpTdvvv", "-BWtI")
    assert "'888'" in box.rx("dialplan show 888@phones")
    assert "Dump core on crash:          Yes" in box.rx("core show settings")
    assert box.process is not None
    limits = Path(f"/proc/{box.process.pid}/limits").read_text()
    if resource.getrlimit(resource.RLIMIT_CORE)[1] == resource.RLIM_INFINITY or os.getuid() == 0:
        assert re.search(r"^Max core file size +unlimited ", limits, re.M)
    if os.getuid() == 0:
        assert os.sched_getscheduler(box.process.pid) == os.SCHED_RR
    assert box.rx("core set debug 1") == "Core debug is still 1.\n"
    terminal = Terminal(box.command("-r"), tmp_path)
    terminal.wait_for("*CLI> ")
    box.rx(ORIGINATE)
    assert re.search(r"\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\]     -- $", terminal.wait_for("Executing [601@phones:1]"))
    terminal.type("exit\n")
    assert terminal.close() == 0
    box.stop()
    assert "Executing [601@phones:1]" in (box.home / "log" / "full").read_text()


def test_without_those_flags(box: Pbx, tmp_path: Path) -> None:
    """And the console's own: -m shows no log line, -q no greeting, -s goes to another socket."""
    box.start()
    assert "888" not in box.rx("dialplan show phones")
    assert re.search(r"extensions\.conf:\d+: .*#exec", box.messages)
    assert box.process is not None and os.sched_getscheduler(box.process.pid) == os.SCHED_OTHER
    terminal = Terminal(box.command("-rvvvmq"), tmp_path)
    assert "core stop now" not in terminal.wait_for("*CLI> ")
    box.rx(ORIGINATE)
    box.wait_rx("core show channels count", "2 active channels")
    terminal.type("core show uptime\n")
    assert "Executing" not in terminal.wait_for("Last reload:")
    terminal.type("exit\n")
    assert terminal.close() == 0
    for socket, status in ((box.home / "run" / "asterisk.ctl", 0), (tmp_path / "none.ctl", None)):
        done = subprocess.run(
            [*PROGRAM, "-s", str(socket), "-rx", "core show uptime"], capture_output=True, text=True, check=False
        )
        assert done.returncode == status if status is not None else done.returncode != 0
        assert (f"does {socket} exist" in done.stderr) is (status is None)


def test_F_goes_to_the_background_whatever_else_is_said(box: Pbx) -> None:
    done = subprocess.run(box.command("-fFvvv"), capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout) == (0, "")
    pid = int((box.home / "run" / "asterisk.pid").read_text())
    assert os.getsid(pid) != os.getsid(0)
    assert box.run("core stop now").returncode == 0
