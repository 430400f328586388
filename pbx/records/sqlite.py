"""Rows for SQLite databases (cdr_sqlite3_custom.conf, cel_sqlite3_custom.conf)."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass


@dataclass(slots=True)
class Table:
    """A table of a database; written on a thread.  Each line is a JSON list of the row's values."""

    path: str
    table: str
    columns: tuple[str, ...]
    #: milliseconds to wait for others who have the database locked
    busy_timeout: int = 1000

    def missing(self, lines: list[str]) -> set[int]:
        """After a crash: those of which the table has no row (or fewer than there are lines of it)."""
        absent: set[int] = set()
        seen: dict[str, int] = {}
        try:
            database = sqlite3.connect(self.path, timeout=self.busy_timeout / 1000)
        except sqlite3.Error:
            return set(range(len(lines)))
        try:
            same = " AND ".join(f"{_name(column)} IS ?" for column in self.columns)
            for index, line in enumerate(lines):
                seen[line] = seen.get(line, 0) + 1
                query = f"SELECT COUNT(*) FROM {_name(self.table)} WHERE {same}"
                if database.execute(query, json.loads(line)).fetchone()[0] < seen[line]:
                    absent.add(index)
        except sqlite3.Error:
            return set(range(len(lines)))
        finally:
            database.close()
        return absent

    def write(self, lines: list[str]) -> None:
        """Insert all or none; the table is made when it is not there."""
        database = sqlite3.connect(self.path, timeout=self.busy_timeout / 1000, isolation_level=None)
        try:
            names = ",".join(_name(column) for column in self.columns)
            table = _name(self.table)
            database.execute("BEGIN IMMEDIATE")
            try:
                database.execute(f"CREATE TABLE IF NOT EXISTS {table} (AcctId INTEGER PRIMARY KEY, {names})")
                marks = ",".join("?" * len(self.columns))
                statement = f"INSERT INTO {table} ({names}) VALUES ({marks})"
                for line in lines:
                    database.execute(statement, json.loads(line))
            except BaseException:
                database.execute("ROLLBACK")
                raise
            database.execute("COMMIT")
        finally:
            database.close()


def _name(text: str) -> str:
    """An identifier, quoted only when it has to be."""
    return text if text.isidentifier() and text.isascii() else '"' + text.replace('"', '""') + '"'
