"""The astdb: Asterisk's layout on disk, memory for reading."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from pbx.astdb import Database
from pbx.channels.log import Level, set_sink


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "astdb.sqlite3")


def test_what_is_put_is_there_after_a_restart(path: str) -> None:
    database = Database(path)
    database.put("family", "key", "value")
    database.put("family", "key", "other")
    database.put("family", "sub/key", "2")
    database.put("gone", "x", "1")
    assert database.delete("gone", "x") and not database.delete("gone", "x")
    database.close()
    again = Database(path)
    assert again.items() == [("/family/key", "other"), ("/family/sub/key", "2")]
    again.close()


def test_the_layout_is_asterisks(path: str) -> None:
    """Asterisk 22: CREATE TABLE astdb(key VARCHAR(256), value VARCHAR(256), PRIMARY KEY(key))."""
    database = Database(path)
    database.put("IAX/Registry", "dyn", "127.0.0.1:4569:60")
    assert database.flush()
    link = sqlite3.connect(path)
    assert link.execute("SELECT key, value FROM astdb").fetchall() == [("/IAX/Registry/dyn", "127.0.0.1:4569:60")]
    assert link.execute("PRAGMA table_info(astdb)").fetchall()[0][1:3] == ("key", "VARCHAR(256)")
    link.close()
    database.close()


def test_a_database_of_asterisk_is_read(path: str) -> None:
    link = sqlite3.connect(path)
    link.execute("CREATE TABLE astdb(key VARCHAR(256), value VARCHAR(256), PRIMARY KEY(key))")
    link.execute("INSERT INTO astdb VALUES ('/pbx/UUID', 'abc'), ('/odd/number', 5), ('/odd/bytes', x'ff')")
    link.commit()
    link.close()
    database = Database(path)
    assert database.get("pbx", "UUID") == "abc"
    assert database.get("odd", "number") == "5"
    assert database.get("odd", "bytes") == "\udcff"
    database.close()


def test_trees(path: str) -> None:
    database = Database(path)
    for key in ("a", "a/b", "a/c", "ab"):
        database.put("f", key, key)
    database.put("fx", "a", "not below f")
    assert [found for found, _ in database.tree("f", "a")] == ["/f/a", "/f/a/b", "/f/a/c"]
    assert [found for found, _ in database.tree("f")] == ["/f/a", "/f/a/b", "/f/a/c", "/f/ab"]
    assert database.delete_tree("f", "a") == 3
    assert [found for found, _ in database.tree()] == ["/f/ab", "/fx/a"]
    database.close()


def test_bytes_that_are_no_utf8_come_back(path: str) -> None:
    database = Database(path)
    database.put("f", "k\udce4", "v\udcff")
    database.close()
    again = Database(path)
    assert again.get("f", "k\udce4") == "v\udcff"
    again.close()


def test_a_query_shows_rows_and_what_it_changed_is_known(tmp_path: Path) -> None:
    database = Database(str(tmp_path / "astdb.sqlite3"))
    database.put("a", "b", "1")
    database.put("a", "c", "2")
    rows, changed = database.query("SELECT value FROM astdb WHERE key = '/a/b'")
    assert (rows, changed) == ([[("value", "1")]], {})
    _, changed = database.query("DELETE FROM astdb WHERE key = '/a/b'")
    database.put("a", "d", "3")
    database.adopt(changed)
    assert database.items() == [("/a/c", "2"), ("/a/d", "3")]
    with pytest.raises(sqlite3.Error):
        database.query("nonsense")
    database.close()


def test_what_a_full_disk_refused_is_written_later_and_said_once(tmp_path: Path) -> None:
    """A folder takes the file's place: nothing can be written; then it can."""
    lines: list[tuple[Level, str]] = []
    former = set_sink(lambda record: lines.append((record.level, record.text)))
    path = tmp_path / "astdb.sqlite3"
    try:
        path.mkdir()
        database = Database(str(path))
        for number in range(5):
            database.put("a", str(number), "x")
            assert database.flush()
        assert database.get("a", "3") == "x"
        assert [level for level, _ in lines] == [Level.ERROR]
        path.rmdir()
        database.put("a", "last", "y")
        database.close()
        assert [level for level, _ in lines] == [Level.ERROR, Level.NOTICE]
    finally:
        set_sink(former)
    again = Database(str(path))
    assert again.get("a", "0") == "x"
    assert again.get("a", "last") == "y"
    again.close()
