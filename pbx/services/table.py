"""The table of modules: which services there are, and the order in which they start."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pbx.amdconf import AmdService
from pbx.channels.local.driver import LocalTechnology
from pbx.conf.diagnostics import Diagnostics
from pbx.dialplan import registry
from pbx.featuresconf import FeaturesService
from pbx.modules import BUILT_IN, Module
from pbx.musiconhold import MusicService

if TYPE_CHECKING:
    from pbx.daemon import Daemon

#: modules that keep records; each runs only where its file asks for it
RECORDS = {
    "cdr_csv": "Comma Separated Values CDR Backend",
    "cdr_custom": "Customizable Comma Separated Values CDR Backend",
    "cdr_sqlite3_custom": "SQLite3 Custom CDR Module",
    "cel_custom": "Customizable Comma Separated Values CEL Backend",
    "cel_sqlite3_custom": "SQLite3 Custom CEL Module",
}


#: in which order the daemon starts them
ORDER = (
    "voice plane",
    "chan_local",
    "res_crypto",
    "pbx_config",
    "res_musiconhold",
    "app_playback",
    "app_amd",
    "features",
    *RECORDS,
    "chan_iax2",
    "pbx_spool",
)


class LocalService:
    """Local channels."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon

    def start(self) -> None:
        self._daemon.switch.register(LocalTechnology(self._daemon.switch))


def _none() -> int:
    return 0


def declare_modules(daemon: Daemon) -> None:
    """Fill the table of modules: services, what is built in, and the modules of applications and functions."""
    table = daemon.modules
    for name, text, service in (
        ("chan_iax2", "Inter Asterisk eXchange (Ver 2)", daemon.iax2),
        ("pbx_config", "Text Extension Configuration", daemon.dialplan),
        ("res_crypto", "Cryptographic Digital Signatures", daemon.keys),
        ("chan_local", "Local channels", LocalService(daemon)),
        ("app_playback", "Sound File Playback Application", daemon.say_rules),
        ("app_amd", "Answering Machine Detection Application", AmdService(daemon)),
        ("res_musiconhold", "Music On Hold Resource", MusicService(daemon)),
        ("features", "Call Features", FeaturesService(daemon)),
        ("pbx_spool", "Outgoing Spool Support", daemon.spool),
    ):
        stop, reload = getattr(service, "stop", None), getattr(service, "reload", None)
        table.add(Module(name, text, service.start, stop, reload, getattr(service, "in_use", _none)))
    for backend in (*daemon.cdr.backends, *daemon.cel.backends):
        table.add(Module(backend.module, RECORDS[backend.module], backend.start, backend.stop, backend.reload))
    table.add(Module("cdr", "CDR Engine", reload=daemon.cdr.reload, running=True))
    table.add(Module("cel", "CEL Engine", reload=daemon.cel.reload, running=True))
    for name, text in BUILT_IN.items():
        if table.get(name) is None:
            table.add(Module(name, text, running=True))
    entries: list[registry.Entry] = [*registry.APPLICATIONS, *registry.FUNCTIONS]
    for entry in entries:
        if entry.module and table.get(entry.module) is None:
            table.add(Module(entry.module, entry.synopsis.rstrip("."), running=True))
    for name in daemon.modules_conf.noload:
        _withdraw(daemon, name)
    findings = Diagnostics()
    table.say_missing(daemon.modules_conf, findings)
    daemon.say(findings)


def _withdraw(daemon: Daemon, name: str) -> None:
    """noload: the applications and functions of that module do not exist."""
    module = daemon.modules.get(name)
    if module is None or module.service:
        return
    tables: list[registry.Table[Any]] = [registry.APPLICATIONS, registry.FUNCTIONS]
    for table in tables:
        for entry in list(table):
            if entry.module == name:
                table.withdraw(entry)
    module.running = False


def load_aliases(daemon: Daemon) -> None:
    """cli_aliases.conf."""
    from pbx.console import aliases

    findings = Diagnostics()
    daemon.console.registry.aliases = aliases.load(daemon.conf.etc("cli_aliases.conf"), findings)
    daemon.say(findings)
