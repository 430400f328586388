"""The pieces of a PBX as services that start, stop and reload, and the table of modules they stand behind."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Generator
from importlib import resources
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, DeferredLock
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.internet.utils import getProcessOutputAndValue

from pbx import codecsconf, iaxfirmware, iaxprov, indications, undone
from pbx.admission import AdmittingInterpreter
from pbx.channels.channel import Channel
from pbx.channels.graph import Graph
from pbx.channels.iax2.acl import load_named
from pbx.channels.iax2.driver import Driver
from pbx.channels.iax2.keys import Keys
from pbx.channels.iax2.settings import Settings
from pbx.channels.iax2.settings_diff import compare_steps
from pbx.channels.iax2.settings_load import load_steps
from pbx.channels.iax2.sockets import CannotBind
from pbx.channels.iax2.values import BindAddress
from pbx.channels.local.driver import LocalTechnology
from pbx.channels.log import Log
from pbx.channels.voice.localport import LocalPort
from pbx.channels.voice.remoteport import RemotePort
from pbx.channels.voice.timertest import Exactness
from pbx.codecs.formats import Format
from pbx.codecs.sounds import find_sound
from pbx.conf import reader
from pbx.conf.diagnostics import Diagnostics
from pbx.conf.document import Document
from pbx.dialplan import changes, registry
from pbx.dialplan.loader import loading
from pbx.dialplan.model import Tables
from pbx.dialplan.services import Services
from pbx.dnsclient import DnsClient
from pbx.featuresconf import FeaturesService
from pbx.iaxswitch import IaxSwitch
from pbx.mailboxes import Mailboxes
from pbx.modules import BUILT_IN, CannotLoad, Module
from pbx.musiconhold import MusicService
from pbx.regcontext import RegisteredExtensions
from pbx.slices import in_slices
from pbx.upkeep import Upkeep
from pbx.webclient import WebClient

if TYPE_CHECKING:
    from pbx.daemon import Daemon

log = Log("pbx")

#: how long the start waits for the voice process, s
_VOICE_START_S = 15.0


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
    "features",
    *RECORDS,
    "chan_iax2",
    "pbx_spool",
)


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


#: seconds that a test of the timer may take, which is of one second
_TIMER_TEST_S = 5.0


class PlaneEvents:
    """What the voice plane says goes to the IAX2 driver while it runs; what is about sounds, always to the graph."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self.driver: Driver | None = None
        #: who waits for a test of the plane's timer
        self.timer_asked: list[Deferred[Exactness]] = []

    def datagram(
        self, socket: int, address: tuple[str, int], local: str, row: int, generation: int, stamp: int, data: bytes
    ) -> None:
        if self.driver is not None:
            self.driver.datagram(socket, address, local, row, generation, stamp, data)

    def voice_due(self, row: int, generation: int, ts64: int, format_bit: int, payload: bytes) -> None:
        if self.driver is not None:
            self.driver.voice_due(row, generation, ts64, format_bit, payload)

    def voice_unknown(self, row: int, generation: int) -> None:
        if self.driver is not None:
            self.driver.voice_unknown(row, generation)

    def voice_trunked(self, row: int, generation: int) -> None:
        if self.driver is not None:
            self.driver.voice_trunked(row, generation)

    def mark_due(self, row: int, generation: int, number: int) -> None:
        if self.driver is not None:
            self.driver.mark_due(row, generation, number)

    def finished(self, source: int, reason: str) -> None:
        self._daemon.switch.graph.finished(source, reason)

    def timer_tested(self, found: Exactness) -> None:
        asking, self.timer_asked = self.timer_asked, []
        for asked in asking:
            asked.callback(found)

    def detected(self, row: int, what: str) -> None:
        self._daemon.switch.graph.detected(row, what)


class VoiceService:
    """The voice plane behind its port, and the graph of who hears whom."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self.events = PlaneEvents(daemon)
        self.port: LocalPort | RemotePort
        self.concealment = codecsconf.Concealment()

    def start(self) -> None:
        """The plane runs in a process of its own unless `voiceprocess = no` (or the system can't)."""
        daemon = self._daemon
        remote = self._remote()
        self.port = LocalPort(daemon.reactor, self.events) if remote is None else remote
        self.reload()
        daemon.switch.graph = Graph(daemon.switch, self.port)

    async def ready(self) -> None:
        """Until the voice process hears us: a call before that would wait for its first sound."""
        if isinstance(self.port, RemotePort):
            with contextlib.suppress(DeferredTimeout):
                await self.port.ready.addTimeout(_VOICE_START_S, self._daemon.reactor)

    def _remote(self) -> RemotePort | None:
        daemon = self._daemon
        if not daemon.conf.voiceprocess:
            return None
        try:
            return RemotePort(daemon.reactor, self.events, restarted=self._restarted)
        except (OSError, AttributeError) as error:  # no memfd, no sequenced packets, no epoll
            log.notice(f"Voice runs in this process, beside everything else: {error}")
            return None

    def _restarted(self) -> None:
        """A plane that had died is told its sounds again."""
        self._daemon.switch.graph.replay()
        if self.events.driver is not None:
            self.events.driver.voice_restarted()

    def test_timer(self, rate: int) -> Deferred[Exactness]:
        """How exact the voice plane's ticks are; takes a second."""
        asked: Deferred[Exactness] = Deferred()
        self.events.timer_asked.append(asked)
        self.port.test_timer(rate)
        self.port.flush()
        return asked.addTimeout(_TIMER_TEST_S, self._daemon.reactor)

    def reload(self) -> None:
        """asterisk.conf was read (again), and codecs.conf is."""
        self.port.set_options(self._daemon.conf.mediatick)
        findings = Diagnostics()
        self.concealment = c = codecsconf.load(self._daemon.conf.etc("codecs.conf"), findings)
        self._daemon.say(findings)
        self.port.set_concealment(c.decoded, bool(c.generic), c.equal)

    def stop(self) -> None:
        if hasattr(self, "port"):  # not where the start failed before it
            self.port.shutdown()


class DialplanService:
    """extensions.conf, what runs it, and everything that applications reach."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        conf = daemon.conf
        registry.load_all()
        self.sounds = sound_folders(daemon)
        #: extensions.conf and all that it includes
        self.files: list[str] = []
        #: one load at a time
        self._loads = DeferredLock()
        self.services = Services(
            daemon.switch,
            database=daemon.database,
            directories={name.upper(): path for name, path in conf.directories.items()},
            live_dangerously=conf.live_dangerously,
            entity_id=conf.entityid,
            find_sound=self.find_sound,
            blocking=daemon.blocking,
            shell=self._shell,
            shell_output=self._shell_output,
            fetch=WebClient(daemon.reactor),
            look_up=DnsClient(daemon.reactor),
            read_config=self.read_config,
        )
        self.registered = RegisteredExtensions(daemon.bus, self.services.dialplan)
        self.interpreter = AdmittingInterpreter(self.services, daemon.admission)
        daemon.switch.extensions = self.interpreter

    def find_sound(self, name: str, language: str, wanted: tuple[Format, ...]) -> tuple[str, Format] | None:
        return find_sound(self.sounds, language, name, wanted, language_prefix=self._daemon.conf.languageprefix)

    async def start(self) -> None:
        await self.reload()

    def stop(self) -> None:
        """Calls that stand go on with the dialplan they have."""

    async def reload(self) -> None:
        await self.load()

    async def load(self) -> changes.Changes | None:
        """Load extensions.conf and indications.conf; the old dialplan answers until the new one is whole.

        What became different; None if the file is not there or cannot be used: the old dialplan stays then.
        """
        await self._loads.acquire()
        try:
            with self._daemon.collector.loading():
                return await self._load()
        finally:
            self._loads.release()

    async def _load(self) -> changes.Changes | None:
        daemon = self._daemon
        dialplan = self.services.dialplan
        findings = Diagnostics()
        different = None
        self.services.tones, self.services.tone_zone = indications.load(daemon.conf.etc("indications.conf"), findings)
        document = await in_slices(daemon.reactor, read_steps(daemon, "extensions.conf", findings))
        self.files = list(document.files)
        if document.exists and document.refused is None:
            variables = dict(dialplan.globals)
            tables = await in_slices(daemon.reactor, loading(document, findings, dict(variables)))
            former = Tables(dialplan.contexts, dialplan.globals, dialplan.settings)
            different = await in_slices(daemon.reactor, changes.compare_steps(former, tables))
            changes.keep_variables(variables, dialplan.globals, tables.globals)
            dialplan.replace(tables)
            self.registered.restore()
            await in_slices(daemon.reactor, changes.let_go_steps(former, tables))
            await in_slices(daemon.reactor, undone.look(tables, findings))
        await in_slices(daemon.reactor, document.let_go())
        daemon.say(findings)
        return different

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
        _, _, status = await getProcessOutputAndValue(  # type: ignore[no-untyped-call]
            "/bin/sh", ["-c", command], env=os.environ, reactor=self._daemon.reactor
        )
        return int(status)

    async def _shell_output(self, command: str) -> bytes:
        """What a shell command line prints (SHELL)."""
        output, _, _ = await getProcessOutputAndValue(  # type: ignore[no-untyped-call]
            "/bin/sh", ["-c", command], env=os.environ, reactor=self._daemon.reactor
        )
        return bytes(output)


class KeysService:
    """The RSA keys of logins."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self.keys = Keys()

    def start(self) -> None:
        """Read the key folder; what cannot be used is said."""
        for line in self.keys.load(self._daemon.conf.keys):
            log.warning(line)
        for name, passphrase in self._daemon.conf.passphrases.items():
            self.keys.unlock(name, passphrase)

    def reload(self) -> None:
        self.start()


class Iax2Service:
    """The IAX2 driver: goes down, comes back, reloads."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self.driver: Driver | None = None
        self.upkeep: Upkeep | None = None
        #: one reload at a time: it takes many turns of the loop
        self._reloading = DeferredLock()
        #: iax.conf and all that it includes
        self.files: list[str] = []
        #: what the last reload changed, a line each
        self.changes: list[str] = []

    async def start(self) -> None:
        """Read iax.conf, bind, register.  Raises CannotLoad."""
        daemon = self._daemon
        settings = await self._settings()
        if settings.refused:
            raise CannotLoad(f"{daemon.conf.etc('iax.conf')} can't be used as it stands; see the lines above")
        bind = daemon.options.bind
        if bind:
            settings.general.bindaddr = (bind_address(bind, settings.general.bindport),)
        driver = Driver(
            daemon.reactor,
            daemon.switch,
            daemon.voice.port,
            settings,
            keys=daemon.keys.keys,
            mailbox=Mailboxes(daemon.conf.directories["astspooldir"], daemon.reactor.seconds),
            store=daemon.database,
        )
        driver.shortest_digit = daemon.conf.mindtmfduration
        daemon.voice.events.driver = driver
        daemon.dialplan.registered.use(settings)
        daemon.dialplan.services.dialplan.switches["IAX2"] = IaxSwitch(driver)
        daemon.verdicts.authdebug = settings.general.authdebug
        try:
            await in_slices(daemon.reactor, driver.start_steps())
        except CannotBind as error:
            daemon.voice.events.driver = None
            raise CannotLoad(str(error)) from None
        self.driver = driver
        self.upkeep = Upkeep(daemon.reactor, driver)
        self._load_dnsmgr()
        self._load_devices()

    def _load_devices(self) -> None:
        """Templates and firmware of IAX2 devices."""
        if self.driver is not None:
            findings = Diagnostics()
            core, conf = self.driver.endpoint.core, self._daemon.conf
            core.provisioner.templates = iaxprov.load(conf.etc("iaxprov.conf"), findings)
            core.firmware = iaxfirmware.load(conf.directories["astdatadir"])
            self._daemon.say(findings)

    def _load_dnsmgr(self) -> None:
        findings = Diagnostics()
        if self.upkeep is not None:
            self.upkeep.load(self._daemon.conf.etc("dnsmgr.conf"), findings)
        self._daemon.say(findings)

    def in_use(self) -> int:
        """Calls that the driver carries."""
        return len(self.driver.channels()) if self.driver is not None else 0

    async def _settings(self) -> Settings:
        """iax.conf, loaded in slices; findings are said."""
        daemon = self._daemon
        conf = daemon.conf
        findings = Diagnostics()
        lists = load_named(self._read("acl.conf", findings), findings)
        document = await in_slices(daemon.reactor, read_steps(daemon, "iax.conf", findings))
        steps = load_steps(document, diagnostics=findings, named_lists=lists)
        settings = await in_slices(daemon.reactor, steps)
        self.files = list(document.files)
        daemon.say(findings)
        if not document.exists:
            log.warning(f"There is no {conf.etc('iax.conf')}: nobody can call, register or be called over IAX2")
        return settings

    def _read(self, name: str, findings: Diagnostics) -> Document:
        conf = self._daemon.conf
        return reader.read(
            conf.etc(name), root_dir=conf.astetcdir, diagnostics=findings, allow_exec=conf.execincludes, optional=True
        )

    async def stop(self) -> None:
        """End its calls, close its sockets."""
        if self.driver is not None:
            driver, self.driver = self.driver, None
            if self.upkeep is not None:
                self.upkeep.stop()
                self.upkeep = None
            await driver.stop()
            self._daemon.voice.events.driver = None

    async def reload(self) -> None:
        """Other settings for what comes; a file that cannot be read as a whole changes nothing.

        What changed is logged and kept in `changes`, a line each.
        """
        await self._reloading.acquire()
        try:
            await self._reload()
        finally:
            self._reloading.release()

    async def _reload(self) -> None:
        self.changes = []
        if self.driver is None:
            return
        settings = await self._settings()
        if settings.refused:
            self.changes = ["iax.conf was not reloaded: the running settings stay"]
            log.error(self.changes[0])
            return
        driver = self.driver
        if driver is not None:
            if self._daemon.options.bind:
                settings.general.bindaddr = driver.settings.general.bindaddr
            differences = await in_slices(self._daemon.reactor, compare_steps(driver.settings, settings))
            await in_slices(self._daemon.reactor, driver.reload_steps(settings))
            self._daemon.dialplan.registered.use(settings)
            self._daemon.verdicts.authdebug = settings.general.authdebug
            self._load_dnsmgr()
            self._load_devices()
            self.changes = list(differences.lines())
            for line in self.changes:
                log.verbose(2, f"iax.conf: {line}")


def read_steps(daemon: Daemon, name: str, findings: Diagnostics) -> Generator[None, None, Document]:
    """Read a configuration file in slices."""
    conf = daemon.conf
    return reader.read_steps(
        conf.etc(name), root_dir=conf.astetcdir, diagnostics=findings, allow_exec=conf.execincludes, optional=True
    )


def bind_address(text: str, port: int) -> BindAddress:
    """`--bind`: address, address:port or [v6]:port."""
    host, _, given = text.rpartition(":") if text.startswith("[") or text.count(":") == 1 else (text, "", "")
    return BindAddress(host.strip("[]"), int(given) if given.isdigit() else port)


class LocalService:
    """Local channels."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon

    def start(self) -> None:
        self._daemon.switch.register(LocalTechnology(self._daemon.switch))


def sound_folders(daemon: Daemon) -> list[str]:
    """Where sounds lie: the data directory's first, the ones that came with pbx last."""
    conf = daemon.conf
    folders = conf.sounds
    if conf.sounds_search_custom_dir:
        folders = [*(os.path.join(folder, "custom") for folder in folders), *folders]
    shipped = str(resources.files("pbx.conf") / "samples" / "sounds")
    return [*folders, shipped]


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
    "say.conf",
    "codecs.conf",
    "iax.conf",
    "acl.conf",
    "dnsmgr.conf",
    "iaxprov.conf",
    "cdr.conf",
    "cdr_custom.conf",
    "cdr_sqlite3_custom.conf",
    "cel.conf",
    "cel_custom.conf",
    "cel_sqlite3_custom.conf",
    "musiconhold.conf",
    "features.conf",
}


def say_unread(daemon: Daemon) -> None:
    """Name, once, the files that hold something and that nothing here reads (yet)."""
    folder = daemon.conf.astetcdir
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(".conf") and name not in READ)
    except OSError:
        return
    included = {os.path.realpath(file) for file in (*daemon.dialplan.files, *daemon.iax2.files)}
    places = []
    for name in names:
        path = os.path.join(folder, name)
        line = 0 if os.path.realpath(path) in included else first_setting(path)
        if line:
            places.append(f"{name}:{line}")
    if places:
        log.notice(f"Not used here (yet), so what they set has no effect: {', '.join(places)} in {folder}")


def first_setting(path: str) -> int:
    """The first line of a file that sets something, 0 if none does.  A quick look, not the whole dialect."""
    commented = False
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            for number, line in enumerate(file, 1):
                text = line.strip()
                if commented:
                    commented = "--;" not in text
                elif text.startswith(";--") and not text.startswith(";---"):
                    commented = "--;" not in text[3:]
                elif text and text[0] not in ";[" and "=" in text:
                    return number
    except OSError:
        return 0
    return 0


def duration(seconds: float) -> str:
    """`1 hour, 2 minutes, 3 seconds` as Asterisk says an uptime."""
    left = int(seconds)
    parts: list[str] = []
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
