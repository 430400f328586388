"""The dialplan as a service, and where sounds lie."""

from __future__ import annotations

import os
from importlib import resources
from typing import TYPE_CHECKING

from twisted.internet.defer import DeferredLock
from twisted.internet.utils import getProcessOutputAndValue

from pbx import indications, undone
from pbx.admission import AdmittingInterpreter
from pbx.channels.channel import Channel
from pbx.channels.log import Log
from pbx.codecs.formats import Format
from pbx.codecs.sounds import find_sound
from pbx.conf import reader
from pbx.conf.diagnostics import Diagnostics
from pbx.conf.document import Document
from pbx.dialplan import changes, registry
from pbx.dialplan.loader import loading
from pbx.dialplan.model import Tables
from pbx.dialplan.scope import Scope
from pbx.dialplan.services import Services
from pbx.dnsclient import DnsClient
from pbx.modules import bare
from pbx.musicprograms import CannotPlay, Once
from pbx.regcontext import RegisteredExtensions
from pbx.services.reading import read_steps
from pbx.slices import in_slices
from pbx.webclient import WebClient

if TYPE_CHECKING:
    from pbx.daemon import Daemon


log = Log("app_mp3")


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
            play_mp3=self._play_mp3,
            fetch=WebClient(daemon.reactor),
            look_up=DnsClient(daemon.reactor),
            read_config=self.read_config,
            reload=self._reload_module,
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
            tables = await in_slices(daemon.reactor, loading(document, findings, dict(variables), self._globals))
            former = Tables(dialplan.contexts, dialplan.globals, dialplan.settings)
            different = await in_slices(daemon.reactor, changes.compare_steps(former, tables))
            changes.keep_variables(variables, dialplan.globals, tables.globals)
            dialplan.replace(tables)
            self.registered.restore()
            await in_slices(daemon.reactor, dialplan.settle())
            await in_slices(daemon.reactor, changes.let_go_steps(former, tables))
            await in_slices(daemon.reactor, undone.look(tables, findings))
        await in_slices(daemon.reactor, document.let_go())
        daemon.say(findings)
        return different

    def _globals(self, variables: dict[str, str]) -> Scope:
        """Where `[globals]` of a file that is loaded reads and sets."""
        return Scope(self.services, variables=variables)

    def _read(self, name: str, findings: Diagnostics) -> Document:
        conf = self._daemon.conf
        return reader.read(
            conf.etc(name), root_dir=conf.astetcdir, diagnostics=findings, allow_exec=conf.execincludes, optional=True
        )

    def read_config(self, name: str) -> Document | None:
        """A configuration file by name, for AST_CONFIG."""
        document = self._read(name, Diagnostics())
        return document if document.exists else None

    async def _reload_module(self, name: str) -> bool:
        """For the application Reload."""
        modules = self._daemon.modules
        if not name:
            await self._daemon.reload()
            return True
        if bare(name) == "logger":
            self._daemon.reload_logger()
            return True
        module = modules.get(name) or modules.get(name.lower())
        return module is not None and await modules.reload(module.name)

    def _play_mp3(self, location: str) -> Once | None:
        """MP3Player."""
        daemon = self._daemon
        try:
            return Once(daemon.reactor, daemon.switch.graph, location)
        except (CannotPlay, OSError) as error:
            log.warning(f"'{location}' can't be played: {error}")
            return None

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


def sound_folders(daemon: Daemon) -> list[str]:
    """Where sounds lie: the data directory's first, the ones that came with pbx last."""
    conf = daemon.conf
    folders = conf.sounds
    if conf.sounds_search_custom_dir:
        folders = [*(os.path.join(folder, "custom") for folder in folders), *folders]
    shipped = str(resources.files("pbx.conf") / "samples" / "sounds")
    return [*folders, shipped]


def example_call(daemon: Daemon) -> str:
    """A `channel originate` that works with the dialplan that is loaded, "" if none suggests itself."""
    exists = daemon.switch.extensions.exists
    for context in ("phones", "default"):
        for number in ("600", "601"):
            if exists(context, number):
                return f"channel originate Local/{number}@{context} application Wait 3"
    return ""
