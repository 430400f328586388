"""Call files of a running daemon: written in place, waiting, unreadable.  (What they say, and the book kept in them, is
compared with a stock Asterisk in tests/interop.)"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.pbx.running import Pbx

EXTENSIONS = """[t]
exten => _X.,1,Answer()
 same => n,Log(NOTICE,CALLED ${EXTEN})
 same => n,Wait(0.05)
"""


@pytest.fixture
def pbx(tmp_path: Path) -> Iterator[Pbx]:
    box = Pbx(tmp_path, extensions=EXTENSIONS, iax="[general]\nbindaddr=127.0.33.21\nbindport=14534\n")
    (tmp_path / "spool" / "outgoing").mkdir(parents=True)
    box.start()
    yield box
    box.stop()


def until(true: Callable[[], object], seconds: float = 15) -> None:
    limit = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < limit
        time.sleep(0.05)


def called(pbx: Pbx, number: int) -> int:
    return sum(line.endswith(f"CALLED {number}") for line in pbx.messages.splitlines())


def test_files_that_are_not_simply_moved_there(pbx: Pbx) -> None:
    outgoing, done = pbx.home / "spool" / "outgoing", pbx.home / "spool" / "outgoing_done"
    rest = "Application: Wait\nData: 1\nArchive: yes\n"
    # waits for a time far ahead, and is touched while it waits
    waits = outgoing / "waits"
    waits.write_text(f"Channel: Local/111@t/n\n{rest}")
    os.utime(waits, (time.time() + 1000,) * 2)
    # cannot be read
    (outgoing / "nowhere").symlink_to(pbx.home / "nothing")
    # is written in place, line by line
    slow = outgoing / "slow"
    with slow.open("w") as file:
        file.write("Channel: Local/222@t/n\n")
        file.flush()
        until(lambda: "Unable to open" in pbx.messages)
        file.write(rest)
    until(lambda: (done / "slow").exists())
    assert (done / "slow").read_text().endswith("Status: Completed\n")
    assert (called(pbx, 111), called(pbx, 222)) == (0, 1)
    os.utime(waits)
    until(lambda: (done / "waits").exists())
    assert (called(pbx, 111), called(pbx, 222)) == (1, 1)
    assert not waits.exists()
    assert "Invalid file contents" not in pbx.messages
    assert pbx.messages.count("Unable to open") == 1


def test_a_file_that_never_becomes_whole_is_taken_away(pbx: Pbx) -> None:
    half = pbx.home / "spool" / "outgoing" / "half"
    half.write_text("Channel: Local/333@t/n\nMaxRetries: many\n")
    until(lambda: not half.exists())
    assert pbx.messages.count("Invalid max retries at line 2 of") == 1
    assert "Invalid file contents" in pbx.messages


def test_a_long_call_is_noted_each_retrytime(pbx: Pbx) -> None:
    done = pbx.home / "spool" / "outgoing_done" / "long"
    pbx.write("extensions.conf", EXTENSIONS.replace("0.05", "3.5"))
    pbx.rx("dialplan reload")
    file = pbx.home / "spool" / "long"
    file.write_text("Channel: Local/444@t/n\nApplication: Wait\nData: 9\nRetryTime: 1\nArchive: yes\n")
    file.rename(pbx.home / "spool" / "outgoing" / "long")
    until(done.exists)
    until(lambda: "Status" in done.read_text())
    assert "StartRetry" in done.read_text()
    assert 2 <= done.read_text().count("DelayedRetry") <= 4
    assert "DelayedRetry: " + str(pbx.process.pid if pbx.process else "") + " 0 (" in done.read_text()
