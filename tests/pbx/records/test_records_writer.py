"""Records come to the disk in order, once, whatever the disk and the process do meanwhile."""

from __future__ import annotations

import json
import sqlite3
import struct
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from pbx.records.journal import SLOT, Journal
from pbx.records.sqlite import Table
from pbx.records.writer import RETRY, Files, Writer


class Threads:
    """`blocking` whose work is done when the test says so."""

    def __init__(self) -> None:
        self.waiting: list[tuple[Callable[[], Any], Deferred[Any]]] = []

    def __call__(self, work: Callable[[], Any]) -> Deferred[Any]:
        done: Deferred[Any] = Deferred()
        self.waiting.append((work, done))
        return done

    def run(self) -> int:
        """Do all that waits, and what follows from it; how much there was."""
        count = 0
        while self.waiting:
            count += 1
            work, done = self.waiting.pop(0)
            try:
                result = work()
            except Exception:
                done.errback()
            else:
                done.callback(result)
        return count


@pytest.fixture
def threads() -> Threads:
    return Threads()


def test_in_order_and_never_in_the_callers_way(tmp_path: Path, threads: Threads) -> None:
    writer = Writer("cdr", Files(), threads, Clock())
    path = tmp_path / "folder" / "Master.csv"
    for number in range(2000):
        writer.put(f"{path}\0{number}\n")
    assert not path.exists()
    assert len(writer) == 2000
    assert threads.run() <= 6
    assert path.read_text() == "".join(f"{n}\n" for n in range(2000))
    assert len(writer) == 0


def test_a_full_disk_loses_nothing_and_is_said_once(
    tmp_path: Path, threads: Threads, caplog: pytest.LogCaptureFixture
) -> None:
    clock, path = Clock(), tmp_path / "Master.csv"
    path.symlink_to("/dev/full")
    writer = Writer("cdr-csv", Files(), threads, clock, Journal(str(tmp_path / "journal")))
    for number in range(3):
        writer.put(f"{path}\0{number}\n")
        threads.run()
    for pause in RETRY:
        clock.advance(pause)
        threads.run()
    assert writer.failing
    assert len(writer) == 3
    assert [r.levelname for r in caplog.records if "No space left" in r.message] == ["ERROR"]
    path.unlink()
    clock.advance(RETRY[-1])
    threads.run()
    assert path.read_text() == "0\n1\n2\n"
    assert not writer.failing


def test_half_a_record_is_taken_back(tmp_path: Path, threads: Threads) -> None:
    """A target that fails in the middle has written nothing for good."""
    import resource
    import signal

    path = tmp_path / "Master.csv"
    path.write_text("before\n")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    former = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(OSError):
            Files().write([f"{path}\0{'x' * 5000}\n"])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, former)
    assert path.read_text() == "before\n"


def test_a_batch_waits_for_its_flush(tmp_path: Path, threads: Threads) -> None:
    writer = Writer("cdr", Files(), threads, Clock())
    writer.held = True
    writer.put(f"{tmp_path / 'a'}\0x\n")
    assert threads.run() == 0
    writer.flush()
    threads.run()
    assert (tmp_path / "a").read_text() == "x\n"


def test_what_a_killed_run_left_is_written_once(tmp_path: Path, threads: Threads) -> None:
    """Two records were handed in; the first had come to the disk when the process died."""
    path, book = tmp_path / "Master.csv", str(tmp_path / "journal")
    first = Writer("cdr", Files(), threads, Clock(), Journal(book))
    for number in (1, 2, 3):
        first.put(f"{path}\0row {number}\n")
    path.write_text("row 0\nrow 1\n")  # what the thread had done

    second = Writer("cdr", Files(), threads, Clock(), Journal(book))
    threads.waiting.clear()
    second.start()
    second.put(f"{path}\0row 4\n")
    threads.run()
    assert path.read_text() == "".join(f"row {n}\n" for n in range(5))
    assert list(Journal(book).left()) == []


def test_an_end_while_the_disk_is_full_leaves_the_rest_to_the_journal(tmp_path: Path, threads: Threads) -> None:
    path, book = tmp_path / "Master.csv", str(tmp_path / "journal")
    path.symlink_to("/dev/full")
    writer = Writer("cdr", Files(), threads, Clock(), Journal(book))
    writer.put(f"{path}\0row\n")
    done: list[None] = []
    writer.drain().addCallback(done.append)
    threads.run()
    assert done == [None]
    assert [text for _, text in Journal(book).left()] == [f"{path}\0row\n"]


def test_a_disk_that_never_answers_does_not_hold_up_the_end(tmp_path: Path, threads: Threads) -> None:
    clock, done = Clock(), []
    writer = Writer("cdr", Files(), threads, clock, Journal(str(tmp_path / "journal")))
    writer.put(f"{tmp_path / 'a'}\0row\n")
    writer.drain().addCallback(done.append)
    clock.advance(9)
    assert done == []
    clock.advance(2)
    assert done == [None]
    assert len(list(Journal(str(tmp_path / "journal")).left())) == 1


def test_rows_of_a_table(tmp_path: Path) -> None:
    table = Table(str(tmp_path / "master.db"), "cdr", ("calldate", "odd name", "test"))
    rows = [["1", "it's", 'a "b"'], ["2", "", "ü"]]
    table.write([json.dumps(row) for row in rows])
    table.write([json.dumps(["3", "x", "y"])])
    found = sqlite3.connect(tmp_path / "master.db").execute("SELECT * FROM cdr ORDER BY AcctId").fetchall()
    assert found == [(1, *rows[0]), (2, *rows[1]), (3, "3", "x", "y")]
    assert table.missing([json.dumps(rows[0]), json.dumps(["9", "", ""]), json.dumps(rows[0])]) == {1, 2}


def test_a_locked_table_is_waited_for_and_then_an_error(tmp_path: Path) -> None:
    table = Table(str(tmp_path / "master.db"), "cdr", ("a",), busy_timeout=50)
    table.write(['["1"]'])
    other = sqlite3.connect(tmp_path / "master.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(sqlite3.OperationalError):
        table.write(['["2"]'])
    release = threading.Timer(0.05, lambda: None)
    release.start()
    other.execute("COMMIT")
    table.write(['["2"]'])
    assert other.execute("SELECT COUNT(*) FROM cdr").fetchone() == (2,)
    release.join()


# ---- the journal -----------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(entries=st.lists(st.tuples(st.text(max_size=3 * SLOT), st.booleans()), max_size=20))
def test_a_journal_gives_back_what_was_not_done(entries: list[tuple[str, bool]], tmp_path_factory: Any) -> None:
    path = str(tmp_path_factory.mktemp("journal") / "j")
    journal = Journal(path, slots=64)
    kept = []
    for text, done in entries:
        text = text.encode("utf-8", "surrogatepass").decode("utf-8", "ignore")
        key = journal.add(text)
        if key is not None and done:
            journal.done(key)
        elif key is not None:
            kept.append(text)
    assert [text for _, text in Journal(path, slots=64).left()] == kept


def test_a_full_journal_refuses_and_goes_on(tmp_path: Path) -> None:
    journal = Journal(str(tmp_path / "j"), slots=4)
    keys = [journal.add("x") for _ in range(6)]
    assert keys == [0, 1, 2, 3, None, None]
    journal.done(1)
    assert journal.add("y") == 4
    assert journal.add("z" * SLOT * 4) is None


def _garbage(heads: list[tuple[int, int, int]]) -> bytes:
    """Slots with any heads."""
    return b"".join(struct.pack("<BQI", *head).ljust(SLOT, b"x") for head in heads)


@settings(max_examples=200, deadline=None)
@given(
    garbage=st.builds(
        _garbage,
        st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2**64 - 1), st.integers(0, 2**32 - 1)), max_size=4),
    )
)
def test_a_journal_of_garbage_is_read_without_harm(garbage: bytes, tmp_path_factory: Any) -> None:
    path = tmp_path_factory.mktemp("journal") / "j"
    path.write_bytes(garbage)
    journal = Journal(str(path), slots=4)
    list(journal.left())
    key = journal.add("new")
    assert key is None or "new" in [text for _, text in Journal(str(path), slots=4).left()]
