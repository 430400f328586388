"""Call records as a service of the daemon: the engine, and the backends that write what has ended."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from twisted.internet.defer import Deferred, gatherResults

from pbx.cdr import csv
from pbx.cdr.engine import Engine
from pbx.cdr.functions import Functions
from pbx.cdr.record import Cdr
from pbx.cdr.settings import Settings
from pbx.cdr.settings import load as load_settings
from pbx.cdr.templates import Renderer, field_value, split_values
from pbx.channels.log import Log
from pbx.conf import reader
from pbx.conf.diagnostics import Diagnostics
from pbx.conf.document import Document, Section
from pbx.dialplan.events import RecordRequest
from pbx.records.fields import Layout, Source, layout_of, shown
from pbx.records.journal import Journal
from pbx.records.sqlite import Table
from pbx.records.writer import Files, Target, Writer

if TYPE_CHECKING:
    from pbx.daemon import Daemon

log = Log("cdr")

#: what makes a line of a record (or of an event of CEL)
Maker = Callable[[Any], str]


class Owner(Protocol):
    """Whose records a backend keeps."""

    def template(self, text: str) -> Maker:
        """What makes the text of a template."""

    def values(self, record: Any) -> Source:
        """The fields of a record."""


def read_document(daemon: Daemon, name: str, findings: Diagnostics) -> Document:
    """A configuration file of the daemon's folder."""
    conf = daemon.conf
    return reader.read(
        conf.etc(name), root_dir=conf.astetcdir, diagnostics=findings, allow_exec=conf.execincludes, optional=True
    )


def make_writer(daemon: Daemon, name: str, target: Target) -> Writer:
    """A writer with its journal in the spool folder."""
    path = os.path.join(daemon.conf.directories["astspooldir"], "records", f"{name}.journal")
    try:
        journal: Journal | None = Journal(path)
    except OSError as error:
        log.warning(f"{name}: no journal ({path}: {error.strerror}): what is not written at a crash is lost")
        journal = None
    return Writer(name, target, daemon.blocking, daemon.reactor, journal)


class Backend:
    """One way in which records are kept; a module that starts and stops.  `title` is for `cdr show status`."""

    module: str
    title: str
    file: str

    def __init__(self, daemon: Daemon, owner: Owner) -> None:
        self.daemon = daemon
        self.owner = owner
        self.running = False

    def configured(self) -> bool:
        """Whether its file asks for it."""
        return bool(list(read_document(self.daemon, self.file, Diagnostics())))

    def start(self) -> None:
        """Read the file, begin to write."""
        self.running = True
        self.reload()
        for writer in self.writers():
            writer.start()

    async def stop(self) -> None:
        """Write what is handed in, then take no more."""
        self.running = False
        await gatherResults([writer.drain() for writer in self.writers()])
        self.close()

    def writers(self) -> list[Writer]:
        raise NotImplementedError

    def close(self) -> None:
        """Forget the writers."""

    def reload(self) -> None:
        """Read the file anew."""

    def put(self, record: Any) -> None:
        """Keep a record."""
        raise NotImplementedError


class CsvBackend(Backend):
    """cdr-csv/Master.csv ([csv] of cdr.conf)."""

    module, title, file = "cdr_csv", "csv", "cdr.conf"

    def __init__(self, daemon: Daemon, service: CdrService) -> None:
        super().__init__(daemon, service)
        self.service = service
        self._writer: Writer | None = None

    def configured(self) -> bool:
        return self.service.settings.csv is not None

    def start(self) -> None:
        self._writer = make_writer(self.daemon, "cdr-csv", Files())
        super().start()

    def writers(self) -> list[Writer]:
        return [self._writer] if self._writer is not None else []

    def close(self) -> None:
        self._writer = None

    def reload(self) -> None:
        self.service.reload()

    def put(self, record: Any) -> None:
        cdr: Cdr = record
        conf = self.service.settings.csv
        if conf is None or self._writer is None:
            return
        folder = os.path.join(self.daemon.conf.directories["astlogdir"], "cdr-csv")
        text = csv.line(cdr, conf)
        self._writer.put(f"{folder}/{csv.MASTER}\0{text}")
        name = csv.account_file(cdr.party.accountcode) if conf.accountlogs else None
        if name is not None:
            self._writer.put(f"{folder}/{name}\0{text}")


class CustomBackend(Backend):
    """cdr-custom/* (cdr_custom.conf): templates of [mappings], lists of fields of the other sections."""

    module, title, file = "cdr_custom", "CDR File custom backend", "cdr_custom.conf"
    folder = "cdr-custom"

    def __init__(self, daemon: Daemon, owner: Owner) -> None:
        super().__init__(daemon, owner)
        self._writer: Writer | None = None
        self._makers: list[tuple[str, Maker]] = []

    def start(self) -> None:
        self._writer = make_writer(self.daemon, self.folder, Files())
        super().start()

    def writers(self) -> list[Writer]:
        return [self._writer] if self._writer is not None else []

    def close(self) -> None:
        self._writer = None

    def _path(self, name: str) -> str:
        return name if name.startswith("/") else f"{self.daemon.conf.directories['astlogdir']}/{self.folder}/{name}"

    def reload(self) -> None:
        findings = Diagnostics()
        makers: list[tuple[str, Maker]] = []
        for section in read_document(self.daemon, self.file, findings):
            if section.name.lower() == "mappings":
                makers += [(self._path(entry.name), self._template(entry.value)) for entry in section if entry.value]
            else:
                layout = layout_of(section, findings)
                if layout is not None:
                    makers.append((self._path(section.name), self._fields(layout)))
        self._makers = makers
        self.daemon.say(findings)

    def _template(self, template: str) -> Maker:
        make = self.owner.template(template)
        return lambda record: make(record) + "\n"

    def _fields(self, layout: Layout) -> Maker:
        return lambda record: layout.line(self.owner.values(record))

    def put(self, record: Any) -> None:
        if self._writer is not None:
            for path, make in self._makers:
                self._writer.put(f"{path}\0{make(record)}")


class SqliteBackend(Backend):
    """Tables of SQLite databases (cdr_sqlite3_custom.conf)."""

    module, title, file = "cdr_sqlite3_custom", "CDR sqlite3 custom backend", "cdr_sqlite3_custom.conf"

    def __init__(self, daemon: Daemon, owner: Owner) -> None:
        super().__init__(daemon, owner)
        self._writers: dict[str, Writer] = {}
        self._tables: dict[str, tuple[Table, Maker]] = {}

    def writers(self) -> list[Writer]:
        return list(self._writers.values())

    def close(self) -> None:
        self._writers = {}

    def reload(self) -> None:
        findings = Diagnostics()
        tables: dict[str, tuple[Table, Maker]] = {}
        for section in read_document(self.daemon, self.file, findings):
            found = read_table(section, findings, self.daemon.conf.directories["astlogdir"])
            if found is None:
                continue
            table, templates, layout = found
            tables[section.name] = (table, self._maker(templates, layout))
            known = self._writers.get(section.name)
            if known is None:
                writer = make_writer(self.daemon, f"{self.module}-{section.name.replace('/', '_')}", table)
                self._writers[section.name] = writer
                if self.running and self._tables:
                    writer.start()
            else:
                known.target = table
        self._tables = tables
        self.daemon.say(findings)

    def _maker(self, templates: list[str], layout: Layout | None) -> Maker:
        if layout is not None:
            return lambda record: json.dumps([shown(value) for value in layout.values(self.owner.values(record))])
        makers = [self.owner.template(template) for template in templates]
        return lambda record: json.dumps([make(record) for make in makers])

    def put(self, record: Any) -> None:
        for name, (_, make) in self._tables.items():
            self._writers[name].put(make(record))


def read_table(section: Section, findings: Diagnostics, folder: str) -> tuple[Table, list[str], Layout | None] | None:
    """A section of cdr_sqlite3_custom.conf or cel_sqlite3_custom.conf: the table, and templates or fields for it."""
    columns = tuple(part.strip() for part in (section.get("columns") or "").split(",") if part.strip())
    values = split_values(section.get("values") or "")
    layout = None
    if section.get("fields") is not None:
        plain = Section(section.name, section.place)
        plain.entries = [entry for entry in section if entry.name.lower() == "fields"]
        layout = layout_of(plain, findings)
    count = len(layout.fields) if layout is not None else len(values or ())
    timeout = section.get("busy_timeout") or "1000"
    if not section.get("table") or not columns or count != len(columns) or not timeout.isdigit():
        findings.error(
            section.place,
            f"[{section.name}] needs table, columns, as many values (each in ') or fields as columns, "
            f"and a busy_timeout in milliseconds; there are {len(columns)} columns and {count} values",
        )
        return None
    path = section.name if section.name.startswith("/") else os.path.join(folder, f"{section.name}.db")
    return Table(path, section.get("table") or "", columns, int(timeout)), values or [], layout


class CdrService:
    """The engine, its settings, and the batch."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self.settings = Settings()
        self._renderer = Renderer(daemon.dialplan.services)
        self.engine = Engine(daemon.bus, daemon.switch.wall, daemon.reactor, self.submit)
        self.backends: list[Backend] = [
            SqliteBackend(daemon, self),
            CustomBackend(daemon, self),
            CsvBackend(daemon, self),
        ]
        self.functions = Functions(self.engine)
        hooks = daemon.dialplan.services
        hooks.cdr_read = self.functions.read
        hooks.cdr_write = self.functions.write
        hooks.cdr_property = self.functions.set_property
        daemon.bus.subscribe(RecordRequest, self.functions.requested)
        #: records handed in since the last batch
        self.batched = 0
        self._timer: Any = None
        self.reload()

    def reload(self) -> None:
        """Read cdr.conf; calls that stand keep their records."""
        findings = Diagnostics()
        document = read_document(self._daemon, "cdr.conf", findings)
        if document.refused is None:
            self.settings = self.engine.settings = load_settings(document, findings)
        self._daemon.say(findings)
        if not self.settings.batch:
            self.post_batch()
        elif self._timer is None:
            self._timer = self._daemon.reactor.callLater(self.settings.time, self._time_is_up)
        for writer in self._writers():
            writer.held = self.settings.batch

    def template(self, text: str) -> Maker:
        """What makes the text of a template for a record."""
        return lambda cdr: self._renderer.text(text, cdr)

    def values(self, record: Cdr) -> Source:
        """The fields of a record."""
        return field_value(record)

    def configured(self, module: str) -> bool:
        """Whether a backend's file asks for it."""
        return self.settings.enable and any(b.module == module and b.configured() for b in self.backends)

    @property
    def active(self) -> list[Backend]:
        """Backends that write."""
        return [backend for backend in self.backends if backend.running]

    def _writers(self) -> list[Writer]:
        return [writer for backend in self.active for writer in backend.writers()]

    @property
    def until_batch(self) -> int:
        """Seconds until the next batch is written."""
        return max(0, int(self._timer.getTime() - self._daemon.reactor.seconds())) if self._timer is not None else 0

    def submit(self, cdrs: list[Cdr]) -> None:
        """Records that have ended, in order."""
        for writer in self._writers():
            writer.held = self.settings.batch
        for cdr in cdrs:
            for backend in self.active:
                try:
                    backend.put(cdr)
                except Exception as error:
                    log.error(f"{backend.title}: a record could not be made: {type(error).__name__}: {error}")
        if self.settings.batch:
            self.batched += len(cdrs)
            if self.batched >= max(1, self.settings.size):
                self.post_batch()

    def _time_is_up(self) -> None:
        self._timer = None
        self.post_batch()

    def post_batch(self) -> None:
        """Write what waits for its batch (`cdr submit`)."""
        self.batched = 0
        for writer in self._writers():
            writer.flush()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.settings.batch:
            self._timer = self._daemon.reactor.callLater(self.settings.time, self._time_is_up)

    async def stop(self) -> None:
        """End all records and write them; with safeshutdown=no nobody waits for the disk, the journal keeps them."""
        self.engine.finish()
        self.post_batch()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        waiting: list[Deferred[None]] = [writer.drain() for writer in self._writers()]
        if self.settings.safeshutdown:
            await gatherResults(waiting)
