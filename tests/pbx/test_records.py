"""Call records of a running daemon: none is lost by kill -9 or a full disk, and calls go on meanwhile."""

from __future__ import annotations

import csv
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pbx.running import Pbx

EXTENSIONS = """[t]
exten => _X.,1,Answer()
 same => n,Wait(0.05)
"""
CDR = "[general]\nunanswered=yes\n[csv]\nloguniqueid=yes\n"


@pytest.fixture
def pbx(tmp_path: Path) -> Iterator[Pbx]:
    box = Pbx(tmp_path, extensions=EXTENSIONS, cdr=CDR, iax="[general]\nbindaddr=127.0.52.20\nbindport=14520\n")
    yield box
    box.stop()


def call(pbx: Pbx, first: int, count: int) -> None:
    for number in range(first, first + count):
        pbx.rx(f"channel originate Local/{number}@t/n application Wait 1")
    pbx.wait_rx("core show channels", "0 active channels")


def numbers(master: Path) -> list[str]:
    """The called numbers of the ;2 halves, in the order of the file."""
    with master.open(newline="") as file:
        return [row[2] for row in csv.reader(file) if row[5].endswith(";2")]


def test_kill_9_and_a_full_disk(pbx: Pbx) -> None:
    """The disk is full while calls are made, then the process is killed: the next run writes them all, once."""
    master = pbx.home / "log" / "cdr-csv" / "Master.csv"
    pbx.start()
    call(pbx, 100, 2)
    assert numbers(master) == ["100", "101"]
    kept = master.read_text()
    master.unlink()
    master.symlink_to("/dev/full")
    call(pbx, 200, 3)
    time.sleep(1.5)
    assert pbx.messages.count("cannot write records") == 1
    assert "records wait" in pbx.rx("cdr show status")
    pbx.stop(signal.SIGKILL)
    master.unlink()
    master.write_text(kept)
    pbx.start()
    call(pbx, 300, 1)
    assert numbers(master) == ["100", "101", "200", "201", "202", "300"]
    assert len(master.read_text().splitlines()) == 12
    assert "a former run left 6 records in the journal" in pbx.messages


def test_a_disk_that_has_room_again(pbx: Pbx) -> None:
    master = pbx.home / "log" / "cdr-csv" / "Master.csv"
    master.parent.mkdir(parents=True)
    master.symlink_to("/dev/full")
    pbx.start()
    call(pbx, 100, 2)
    master.unlink()
    limit = time.monotonic() + 10
    while not master.exists() and time.monotonic() < limit:
        time.sleep(0.1)
    assert numbers(master) == ["100", "101"]
    assert "records are written again; none was lost" in pbx.messages


def test_an_end_in_the_middle_of_calls_writes_their_records(pbx: Pbx) -> None:
    pbx.write("extensions.conf", "[t]\nexten => _X.,1,Answer()\n same => n,Wait(100)\n")
    pbx.start()
    pbx.rx("channel originate Local/777@t/n application Wait 100")
    pbx.wait_rx("core show channels", "2 active channels")
    assert "777@t" in pbx.rx("cdr show active").replace("Local/", "")
    assert pbx.stop() == 0
    assert numbers(pbx.home / "log" / "cdr-csv" / "Master.csv") == ["777"]


def test_batches_and_their_console(pbx: Pbx) -> None:
    pbx.write("cdr.conf", CDR.replace("[csv]", "batch=yes\nsize=5\ntime=100\n[csv]"))
    master = pbx.home / "log" / "cdr-csv" / "Master.csv"
    pbx.start()
    call(pbx, 100, 2)
    assert "Current batch size:         4 records" in pbx.rx("cdr show status")
    assert not master.exists()
    assert pbx.rx("cdr submit").startswith("Submitted CDRs")
    pbx.wait_rx("cdr show status", "Current batch size:         0 records")
    assert numbers(master) == ["100", "101"]
    call(pbx, 200, 3)
    time.sleep(0.3)
    assert len(master.read_text().splitlines()) >= 9
    pbx.stop()
    assert numbers(master) == ["100", "101", "200", "201", "202"]


def test_switched_off(pbx: Pbx) -> None:
    pbx.write("cdr.conf", "[general]\nenable=no\n[csv]\n")
    pbx.start()
    call(pbx, 100, 1)
    assert "Logging:                    Disabled" in pbx.rx("cdr show status")
    assert not (pbx.home / "log" / "cdr-csv").exists()
    pbx.write("cdr.conf", "[general]\nbogus=yes\n[csv]\nloguniqueid=yes\n")
    pbx.rx("module reload cdr")
    limit = time.monotonic() + 10
    while "cdr.conf:2: no such option: bogus" not in pbx.messages:  # a thread of its own writes them
        assert time.monotonic() < limit
        time.sleep(0.05)
    pbx.rx("module load cdr_csv")
    call(pbx, 101, 1)
    assert numbers(pbx.home / "log" / "cdr-csv" / "Master.csv") == ["101"]
