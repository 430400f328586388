"""Channel events as a service of the daemon."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from twisted.internet.defer import gatherResults

from pbx.cdr.service import Backend, CustomBackend, SqliteBackend, read_document
from pbx.cdr.templates import Renderer
from pbx.cel.engine import Engine, Event
from pbx.cel.settings import Settings
from pbx.cel.settings import load as load_settings
from pbx.cel.templates import field_value, prepare, render
from pbx.channels.log import Log
from pbx.conf.diagnostics import Diagnostics
from pbx.records.fields import Source

if TYPE_CHECKING:
    from pbx.daemon import Daemon

log = Log("cel")


class CelCustom(CustomBackend):
    """cel-custom/* (cel_custom.conf)."""

    module, title, file, folder = "cel_custom", "CEL Custom CSV Logging", "cel_custom.conf", "cel-custom"


class CelSqlite(SqliteBackend):
    """Tables of SQLite databases (cel_sqlite3_custom.conf)."""

    module, title, file = "cel_sqlite3_custom", "CEL sqlite3 custom backend", "cel_sqlite3_custom.conf"


class CelService:
    """The engine, its settings and backends."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._renderer = Renderer(daemon.dialplan.services)
        self.engine = Engine(daemon.bus, daemon.switch.wall, daemon.reactor, self.tell)
        self.backends: list[Backend] = [CelCustom(daemon, self), CelSqlite(daemon, self)]
        self.reload()

    @property
    def settings(self) -> Settings:
        return self.engine.settings

    def reload(self) -> None:
        """Read cel.conf."""
        findings = Diagnostics()
        document = read_document(self._daemon, "cel.conf", findings)
        if document.refused is None:
            self.engine.settings = load_settings(document, findings)
        self._daemon.say(findings)

    def template(self, text: str) -> Callable[[Event], str]:
        """What makes the text of a template for an event."""
        prepared = prepare(text)
        return lambda event: render(self._renderer, prepared, event, self.settings.dateformat)

    def values(self, event: Event) -> Source:
        """The fields of an event."""
        return field_value(event, self.settings.dateformat)

    def configured(self, module: str) -> bool:
        """Whether a backend's file asks for it."""
        return self.settings.enable and any(b.module == module and b.configured() for b in self.backends)

    @property
    def active(self) -> list[Backend]:
        """Backends that write."""
        return [backend for backend in self.backends if backend.running]

    def tell(self, event: Event) -> None:
        """An event, in order."""
        for backend in self.active:
            try:
                backend.put(event)
            except Exception as error:
                log.error(f"{backend.title}: an event could not be written: {type(error).__name__}: {error}")

    async def stop(self) -> None:
        """Write what is there."""
        await gatherResults([writer.drain() for backend in self.active for writer in backend.writers()])
