"""The astdb: Asterisk's key-value store, in Asterisk's own SQLite layout (`astdb(key PRIMARY KEY, value)`).

Reads come from memory; writes go to one writer thread that commits in batches,
so that no call waits for a disk.
"""

from __future__ import annotations

import bisect
import contextlib
import os
import queue
import sqlite3
import threading
from collections.abc import Iterator
from typing import TypeAlias

from pbx.channels.log import Log

log = Log("db")

#: seconds between two commits while there is something to write
COMMIT_EVERY = 1.0
#: seconds until what could not be written is tried again
RETRY_EVERY = 30.0
_TABLE = "CREATE TABLE IF NOT EXISTS astdb(key VARCHAR(256), value VARCHAR(256), PRIMARY KEY(key))"

#: (column, value) of each row
Rows: TypeAlias = list[list[tuple[str, str]]]
#: path -> its value now, None = gone
Changed: TypeAlias = dict[str, str | None]


class Database:
    """Families of keys, each key `/family/key`.  Serves the dialplan (`pbx.dialplan.services.Database`)."""

    def __init__(self, path: str) -> None:
        """Open (and make) the database; where that is not possible it is said once, and all stays in memory."""
        self.path = path
        self._values: dict[str, str] = {}
        #: an error that was told and lasts; no more of the kind is logged
        self._failed = False
        #: changes that could not be written yet
        self._unwritten: dict[str, str | None] = {}
        try:
            self._values = self._open()
        except (sqlite3.Error, OSError) as error:
            self._failed = True
            log.error(f"Cannot open {path}: {error}; what changes is kept in memory only")
        self._paths = sorted(self._values)
        self._work: queue.SimpleQueue[tuple[str, str | None] | threading.Event | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write, name="astdb", daemon=True)
        self._thread.start()

    def _open(self) -> dict[str, str]:
        """What is stored.  A file that may only be read will do."""
        os.makedirs(os.path.dirname(self.path) or ".", exist_ok=True)
        link = sqlite3.connect(self.path)
        with contextlib.closing(link):
            link.text_factory = lambda data: data.decode("utf-8", "surrogateescape")
            with contextlib.suppress(sqlite3.OperationalError):  # writing says why, the first time
                link.execute(_TABLE)
                link.commit()
            return {_text(key): _text(value) for key, value in link.execute("SELECT * FROM astdb")}

    # ---- reading -------------------------------------------------------------------------------------

    @staticmethod
    def _path(family: str, key: str = "") -> str:
        return f"/{family}/{key}" if key else f"/{family}"

    def get(self, family: str, key: str) -> str | None:
        return self._values.get(self._path(family, key))

    def tree(self, family: str = "", key: str = "") -> list[tuple[str, str]]:
        """(path, value) of all below family[/key] and of that path itself, in order of their paths."""
        if not family:
            return [(path, self._values[path]) for path in self._paths]
        prefix = self._path(family, key)
        own = [(prefix, self._values[prefix])] if prefix in self._values else []
        start = bisect.bisect_left(self._paths, prefix + "/")
        return own + [(path, self._values[path]) for path in self._from(start, prefix + "/")]

    def _from(self, start: int, prefix: str) -> Iterator[str]:
        for index in range(start, len(self._paths)):
            path = self._paths[index]
            if not path.startswith(prefix):
                return
            yield path

    def items(self) -> list[tuple[str, str]]:
        """Everything, in order."""
        return self.tree()

    # ---- writing -------------------------------------------------------------------------------------

    def put(self, family: str, key: str, value: str) -> None:
        path = self._path(family, key)
        if path not in self._values:
            bisect.insort(self._paths, path)
        self._values[path] = value
        self._work.put((path, value))

    def delete(self, family: str, key: str) -> bool:
        """False if there was nothing."""
        return self._remove(self._path(family, key))

    def _remove(self, path: str) -> bool:
        if self._values.pop(path, None) is None:
            return False
        del self._paths[bisect.bisect_left(self._paths, path)]
        self._work.put((path, None))
        return True

    def delete_tree(self, family: str, key: str = "") -> int:
        """Delete all below family[/key]; how many there were."""
        gone = [path for path, _ in self.tree(family, key)]
        for path in gone:
            self._remove(path)
        return len(gone)

    # ---- the writer ----------------------------------------------------------------------------------

    def _write(self) -> None:
        while True:
            try:
                item = self._work.get(timeout=RETRY_EVERY if self._unwritten else None)
            except queue.Empty:
                self._commit({})
                continue
            if item is None:
                self._commit({})
                return
            changes: dict[str, str | None] = {}
            waiting: list[threading.Event] = []
            ending = False
            while True:
                if item is None:
                    ending = True
                elif isinstance(item, threading.Event):
                    waiting.append(item)
                else:
                    changes[item[0]] = item[1]
                if ending or waiting or len(changes) > 10000:
                    break
                try:
                    item = self._work.get(timeout=COMMIT_EVERY if not changes else 0.05)
                except queue.Empty:
                    break
            self._commit(changes)
            for event in waiting:
                event.set()
            if ending:
                return

    def _commit(self, changes: dict[str, str | None]) -> None:
        """Write these and what could not be written before."""
        changes = {**self._unwritten, **changes}
        if not changes:
            return
        try:
            link = sqlite3.connect(self.path, timeout=10)
            with contextlib.closing(link), link:
                link.execute(_TABLE)
                for path, value in changes.items():
                    if value is None:
                        link.execute("DELETE FROM astdb WHERE key = ?", (path,))
                    else:
                        link.execute(
                            "INSERT OR REPLACE INTO astdb(key, value) VALUES (?, ?)", (_bound(path), _bound(value))
                        )
        except (sqlite3.Error, OSError) as error:
            self._unwritten = changes
            if not self._failed:
                self._failed = True
                log.error(f"Cannot write {self.path}: {error}; what changes is kept in memory only")
        else:
            self._unwritten = {}
            if self._failed:
                self._failed = False
                log.notice(f"{self.path} can be written again; nothing was lost")

    def query(self, statement: str) -> tuple[Rows, Changed]:
        """Run an SQL statement on the file: rows of (column, value), and what it changed, for `adopt`.

        Sleeps in the kernel: for a thread.  Raises sqlite3.Error.
        """
        self.flush()
        link = sqlite3.connect(self.path, timeout=10)
        with contextlib.closing(link), link:
            link.text_factory = lambda data: data.decode("utf-8", "surrogateescape")
            before = dict(link.execute("SELECT * FROM astdb"))
            cursor = link.execute(statement)
            names = [column[0] for column in cursor.description or ()]
            rows = [[(name, _text(value)) for name, value in zip(names, row, strict=True)] for row in cursor]
            after = dict(link.execute("SELECT * FROM astdb")) if link.total_changes else before
        changed: Changed = {_text(key): _text(value) for key, value in after.items() if before.get(key) != value}
        changed.update({_text(key): None for key in before if key not in after})
        return rows, changed

    def adopt(self, changed: Changed) -> None:
        """Know what somebody else wrote into the file."""
        for path, value in changed.items():
            if value is None:
                self._values.pop(path, None)
            else:
                self._values[path] = value
        if changed:
            self._paths = sorted(self._values)

    def flush(self, timeout: float = 5.0) -> bool:
        """Wait until everything so far is on the disk (seconds); False if that took longer."""
        done = threading.Event()
        self._work.put(done)
        return done.wait(timeout)

    def close(self) -> None:
        """Write what is left and stop the writer."""
        self._work.put(None)
        self._thread.join(5.0)


def _text(value: object) -> str:
    """A value as text: other programs may have stored bytes or numbers."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    return "" if value is None else str(value)


def _bound(text: str) -> str | bytes:
    """Text with bytes that are no UTF-8 can only be stored as a blob."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogateescape")
    return text
