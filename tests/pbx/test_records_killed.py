"""Call records and channel events of a daemon that is killed in the midst of calls, or whose disk or database fails.

What had been handed over when the process died is written by the next one, once; calls never wait for a disk.
"""

from __future__ import annotations

import csv
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pbx.running import Pbx

EXTENSIONS = """[t]
exten => _X.,1,Answer()
 same => n,Wait(0.0${EXTEN:-1})
 same => n,Log(WARNING,OVER ${EXTEN})
"""
CDR = "[general]\nunanswered=yes\n[csv]\nloguniqueid=yes\n"
TABLE = """[master]
table => cdr
columns => dst,channel
values => '${CDR(dst)}','${CDR(channel)}'
busy_timeout => 100
"""
CEL = "[general]\nenable=yes\nevents=CHAN_START,CHAN_END\n"
CEL_CUSTOM = "[mappings]\nMaster.csv => ${eventtype},${CHANNEL(channame)}\n"


@pytest.fixture
def pbx(tmp_path: Path) -> Iterator[Pbx]:
    box = Pbx(
        tmp_path,
        extensions=EXTENSIONS,
        cdr=CDR,
        cel=CEL,
        cel_custom=CEL_CUSTOM,
        cdr_sqlite3_custom=TABLE,
        iax="[general]\nbindaddr=127.0.33.20\nbindport=14533\n",
    )
    yield box
    box.stop()


def ended(pbx: Pbx) -> list[str]:
    """Numbers whose dialplan came to its end, as the log has them."""
    return [line.rpartition("OVER ")[2] for line in pbx.messages.splitlines() if "OVER " in line]


def written(pbx: Pbx) -> list[str]:
    """Numbers of the ;2 halves in Master.csv."""
    master = pbx.home / "log" / "cdr-csv" / "Master.csv"
    if not master.exists():
        return []
    with master.open(newline="") as file:
        rows = list(csv.reader(file))
    assert {len(row) for row in rows} <= {17}  # no line is half a line
    return [row[2] for row in rows if row[5].endswith(";2")]


def rows(pbx: Pbx) -> list[str]:
    with sqlite3.connect(pbx.home / "log" / "master.db") as database:
        return [dst for dst, name in database.execute("SELECT dst, channel FROM cdr") if name.endswith(";2")]


def call_files(pbx: Pbx, first: int, count: int) -> None:
    """That many calls at once."""
    folder, aside = pbx.home / "spool" / "outgoing", pbx.home / "spool" / "tmp"
    for path in (folder, aside):
        path.mkdir(parents=True, exist_ok=True)
    for number in range(first, first + count):
        file = aside / str(number)
        file.write_text(f"Channel: Local/{number}@t/n\nApplication: Wait\nData: 1\n")
        file.rename(folder / str(number))


def until(pbx: Pbx, count: int, seconds: float = 20) -> None:
    """Wait until so many calls have come to their end."""
    limit = time.monotonic() + seconds
    while len(ended(pbx)) < count:
        assert time.monotonic() < limit, pbx.messages
        time.sleep(0.02)


def test_killed_in_the_midst_of_calls_that_end(pbx: Pbx) -> None:
    """SIGKILL while a hundred calls end: whatever ended before is in the file, the table and the events, once."""
    pbx.start()
    call_files(pbx, 1000, 100)
    until(pbx, 40)
    pbx.stop(signal.SIGKILL)
    sure = ended(pbx)  # their channels ended in the same turn of the loop in which the line was handed to the log
    (pbx.home / "spool" / "outgoing").rename(pbx.home / "spool" / "was")
    pbx.start()
    assert pbx.stop() == 0
    found = written(pbx)
    assert len(found) == len(set(found))
    # one that was in the midst of ending when the axe fell has no record yet
    assert len(set(sure) - set(found)) <= 1
    assert sorted(rows(pbx)) == sorted(found)
    events = (pbx.home / "log" / "cel-custom" / "Master.csv").read_text().splitlines()
    ends = [line for line in events if line.startswith("CHAN_END") and line.endswith(";2")]
    assert len(ends) == len(set(ends))
    assert len(ends) >= len(found) - 1


def test_a_full_disk_under_calls(pbx: Pbx) -> None:
    """Files cannot grow, every call goes on as ever, one line is in the log; there is room again: nothing is lost."""
    for name in ("cdr-csv", "cel-custom"):
        folder = pbx.home / "log" / name
        folder.mkdir(parents=True)
        (folder / "Master.csv").symlink_to("/dev/full")
    (pbx.home / "log" / "master.db").symlink_to("/dev/full")
    pbx.start()
    call_files(pbx, 1000, 40)
    until(pbx, 40)
    pbx.wait_rx("core show channels", "0 active channels")
    text = pbx.messages
    for name in ("cdr-csv", "cel-custom", "cdr_sqlite3_custom"):
        assert sum(f"{name}" in line and "cannot write records" in line for line in text.splitlines()) == 1, text
    for path in ("cdr-csv/Master.csv", "cel-custom/Master.csv", "master.db"):
        (pbx.home / "log" / path).unlink()
    assert pbx.stop() == 0  # the end tries once more
    found = [f"{number}" for number in range(1000, 1040)]
    assert sorted(written(pbx)) == found
    assert sorted(rows(pbx)) == found
    events = (pbx.home / "log" / "cel-custom" / "Master.csv").read_text().splitlines()
    assert sum(line.startswith("CHAN_END") and line.endswith(";2") for line in events) == 40


def test_a_locked_database_holds_up_nobody(pbx: Pbx) -> None:
    """Somebody holds the database: calls end as ever, the CSV file has them; unlocked, the table gets all, in order."""
    path = pbx.home / "log" / "master.db"
    path.parent.mkdir(parents=True)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    pbx.start()
    call_files(pbx, 1000, 20)
    until(pbx, 20)
    pbx.wait_rx("core show channels", "0 active channels")
    assert sorted(written(pbx)) == [f"{number}" for number in range(1000, 1020)]
    assert "cannot write: 40 records wait" in pbx.wait_rx("cdr show status", "records wait")
    other.execute("ROLLBACK")
    other.close()
    limit = time.monotonic() + 20
    while "records are written again; none was lost" not in pbx.messages:
        assert time.monotonic() < limit, pbx.messages
        time.sleep(0.1)
    assert rows(pbx) == written(pbx)
    assert pbx.messages.count("cannot write records") == 1


def test_a_file_that_may_not_grow(pbx: Pbx) -> None:
    """A quota (RLIMIT_FSIZE) is reached in the middle of a line: no half line stays, later lines come whole."""
    pbx.start()
    process = pbx.process
    assert process is not None
    call_files(pbx, 1000, 10)
    until(pbx, 10)
    pbx.wait_rx("core show channels", "0 active channels")
    limit = time.monotonic() + 10
    while len(written(pbx)) < 10:
        assert time.monotonic() < limit
        time.sleep(0.05)
    size = (pbx.home / "log" / "cdr-csv" / "Master.csv").stat().st_size
    subprocess.run(["prlimit", f"--pid={process.pid}", f"--fsize={size + 100}:"], check=True)
    call_files(pbx, 2000, 10)
    pbx.wait_rx("cdr show status", "20 records wait")  # the log cannot grow either
    assert len(written(pbx)) == 10
    subprocess.run(["prlimit", f"--pid={process.pid}", "--fsize=unlimited:"], check=True)
    pbx.wait_rx("core show channels", "0 active channels")
    assert pbx.stop() == 0
    assert sorted(written(pbx)) == [str(n) for n in (*range(1000, 1010), *range(2000, 2010))]
