"""The pieces of a PBX as services that start, stop and reload, and the table of modules they stand behind."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from twisted.internet.utils import getProcessOutputAndValue

from pbx import indications
from pbx.admission import AdmittingInterpreter
from pbx.channels.channel import Channel
from pbx.channels.graph import Graph
from pbx.channels.log import Log
from pbx.conf import reader
from pbx.conf.diagnostics import Diagnostics
from pbx.conf.document import Document
from pbx.dialplan import registry
from pbx.dialplan.services import Services
from pbx.modules import BUILT_IN, CannotLoad, Module
from pbx.slices import in_slices
from pbx.sounds import Sounds

if TYPE_CHECKING:
    from pbx.daemon import Daemon

log = Log("pbx")


class NoExtensions:
    """The switch's dialplan until one is loaded: nothing exists."""

    def exists(self, context: str, exten: str, priority: int = 1, caller_number: str = "") -> bool:
        return False

    can_match = match_more = exists

    def has_context(self, context: str) -> bool:
        return False

    def ignore_pattern(self, context: str, exten: str) -> bool:
        return False

    def run(self, channel: Channel) -> None:
        channel.hangup()


class VoiceService:
    """The voice plane behind its port, and the graph of who hears whom."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self.port: Any = None

    def start(self) -> None:
        from pbx.channels.iax2.media import MediaHeaders
        from pbx.channels.voice.localport import LocalPort

        daemon = self._daemon
        self.port = LocalPort(daemon.reactor, headers=MediaHeaders())
        daemon.switch.graph = Graph(daemon.switch, self.port)

    def stop(self) -> None:
        if self.port is not None:
            self.port.stop()
            self.port = None


class DialplanService:
    """extensions.conf, what runs it, and everything that applications reach."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        conf = daemon.conf
        registry.load_all()
        self.sounds = Sounds(conf.sounds, prefix=conf.languageprefix, custom=conf.sounds_search_custom_dir)
        self.services = Services(
            daemon.switch,
            database=daemon.database,
            directories={name.upper(): path for name, path in conf.directories.items()},
            live_dangerously=conf.live_dangerously,
            entity_id=conf.entityid,
            find_sound=self.sounds.find,
            blocking=daemon.blocking,
            shell=self._shell,
            read_config=self.read_config,
        )
        self.interpreter = AdmittingInterpreter(self.services, daemon.admission)
        daemon.switch.extensions = self.interpreter

    async def start(self) -> None:
        await self.reload()

    def stop(self) -> None:
        """Calls that stand go on with the dialplan they have."""

    async def reload(self) -> None:
        """Load extensions.conf and indications.conf; the old dialplan answers until the new one is whole."""
        from pbx.dialplan.loader import loading

        daemon = self._daemon
        findings = Diagnostics()
        self.services.tones, self.services.tone_zone = indications.load(daemon.conf.etc("indications.conf"), findings)
        document = self._read("extensions.conf", findings)
        if document.exists and document.refused is None:
            dialplan = self.services.dialplan
            tables = await in_slices(daemon.reactor, loading(document, findings, dict(dialplan.globals)))
            dialplan.replace(tables)
        daemon.say(findings)

    def _read(self, name: str, findings: Diagnostics) -> Document:
        conf = self._daemon.conf
        return reader.read(
            conf.etc(name), root_dir=conf.astetcdir, diagnostics=findings, allow_exec=conf.execincludes, optional=True
        )

    def read_config(self, name: str) -> Document | None:
        """A configuration file by name, for AST_CONFIG."""
        document = self._read(name, Diagnostics())
        return document if document.exists else None

    async def _shell(self, command: str) -> int:
        """Run a shell command line; its exit status."""
        _, _, status = await getProcessOutputAndValue(
            "/bin/sh", ["-c", command], env=os.environ, reactor=self._daemon.reactor
        )
        return int(status)


class KeysService:
    """The RSA keys."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon

    def start(self) -> None: ...

    def reload(self) -> None: ...


class Iax2Service:
    """The IAX2 driver: goes down, comes back, reloads."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self.driver: Any = None

    async def start(self) -> None:
        try:
            from pbx.channels.iax2 import driver as module
        except ImportError as error:
            raise CannotLoad(str(error)) from None
        self.driver = module

    async def stop(self) -> None:
        self.driver = None

    async def reload(self) -> None: ...


class LocalService:
    """Local channels."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon

    def start(self) -> None:
        try:
            from pbx.channels.local.driver import LocalTechnology
        except ImportError as error:
            raise CannotLoad(str(error)) from None
        self._daemon.switch.register(LocalTechnology(self._daemon.switch))


def declare_modules(daemon: Daemon) -> None:
    """Fill the table of modules: services, what is built in, and the modules of applications and functions."""
    table = daemon.modules
    service: Callable[[str, str, Any], Module] = lambda name, text, what: table.add(  # noqa: E731
        Module(name, text, what.start, getattr(what, "stop", None), getattr(what, "reload", None))
    )
    service("chan_iax2", "Inter Asterisk eXchange (Ver 2)", daemon.iax2)
    service("pbx_config", "Text Extension Configuration", daemon.dialplan)
    service("res_crypto", "Cryptographic Digital Signatures", daemon.keys)
    service("chan_local", "Local channels", LocalService(daemon))
    for name, text in BUILT_IN.items():
        if table.get(name) is None:
            table.add(Module(name, text, running=True))
    entries: list[registry.Entry] = [*registry.APPLICATIONS, *registry.FUNCTIONS]
    for entry in entries:
        if entry.module and table.get(entry.module) is None:
            table.add(Module(entry.module, entry.synopsis.rstrip("."), running=True))
    for name in daemon.modules_conf.noload:
        _withdraw(daemon, name)


def _withdraw(daemon: Daemon, name: str) -> None:
    """noload: the applications and functions of that module do not exist."""
    module = daemon.modules.get(name)
    if module is None or module.service:
        return
    tables: list[registry.Table[Any]] = [registry.APPLICATIONS, registry.FUNCTIONS]
    for table in tables:
        for entry in list(table):
            if entry.module == name:
                table.remove(entry.name)
    module.running = False


def load_aliases(daemon: Daemon) -> None:
    """cli_aliases.conf."""
    from pbx.console import aliases

    findings = Diagnostics()
    daemon.console.registry.aliases = aliases.load(daemon.conf.etc("cli_aliases.conf"), findings)
    daemon.say(findings)


#: configuration files that something here reads
READ = {
    "asterisk.conf",
    "logger.conf",
    "modules.conf",
    "cli_aliases.conf",
    "extensions.conf",
    "indications.conf",
    "iax.conf",
}


def say_unread(daemon: Daemon) -> None:
    """Name, once, the files that hold something and that nothing here reads (yet)."""
    folder = daemon.conf.astetcdir
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(".conf") and name not in READ)
    except OSError:
        return
    included = _included(os.path.join(folder, name) for name in READ)
    places = []
    for name in names:
        path = os.path.join(folder, name)
        line = 0 if os.path.realpath(path) in included else first_setting(path)
        if line:
            places.append(f"{name}:{line}")
    if places:
        log.notice(f"Not used here (yet), so what they set has no effect: {', '.join(places)} in {folder}")


def _included(paths: Iterable[str]) -> set[str]:
    """Files that the ones that are read include."""
    found: set[str] = set()
    for path in paths:
        document = reader.read(path, diagnostics=Diagnostics(), optional=True)
        found.update(os.path.realpath(file) for file in document.files)
    return found


def first_setting(path: str) -> int:
    """The first line of a file that sets something, 0 if none does."""
    document = reader.read(path, diagnostics=Diagnostics(), optional=True)
    lines = [entry.line for section in document for entry in section]
    return min(lines, default=0)


def duration(seconds: float) -> str:
    """`1 hour, 2 minutes, 3 seconds` as Asterisk says an uptime."""
    left = int(seconds)
    parts = []
    for name, size in (
        ("year", 31536000),
        ("week", 604800),
        ("day", 86400),
        ("hour", 3600),
        ("minute", 60),
        ("second", 1),
    ):
        count, left = divmod(left, size)
        if count or (size == 1 and not parts):
            parts.append(f"{count} {name}{'' if count == 1 else 's'}")
    return ", ".join(parts)


def example_call(daemon: Daemon) -> str:
    """A `channel originate` that works with the dialplan that is loaded, "" if none suggests itself."""
    exists = daemon.switch.extensions.exists
    for context in ("phones", "default"):
        for number in ("600", "601"):
            if exists(context, number):
                return f"channel originate Local/{number}@{context} application Wait 3"
    return ""
