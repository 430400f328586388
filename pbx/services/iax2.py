"""IAX2 as a service, and the RSA keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.defer import DeferredLock

from pbx import iaxfirmware, iaxprov
from pbx.channels.iax2.acl import load_named
from pbx.channels.iax2.driver import Driver
from pbx.channels.iax2.keys import Keys
from pbx.channels.iax2.settings import Settings
from pbx.channels.iax2.settings_diff import compare_steps
from pbx.channels.iax2.settings_load import load_steps
from pbx.channels.iax2.sockets import CannotBind
from pbx.channels.iax2.values import BindAddress
from pbx.channels.log import Log
from pbx.conf import reader
from pbx.conf.diagnostics import Diagnostics
from pbx.conf.document import Document
from pbx.iaxswitch import IaxSwitch
from pbx.mailboxes import Mailboxes
from pbx.modules import CannotLoad
from pbx.services.reading import read_steps
from pbx.slices import in_slices
from pbx.upkeep import Upkeep

if TYPE_CHECKING:
    from pbx.daemon import Daemon

log = Log("pbx")


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


def bind_address(text: str, port: int) -> BindAddress:
    """`--bind`: address, address:port or [v6]:port."""
    host, _, given = text.rpartition(":") if text.startswith("[") or text.count(":") == 1 else (text, "", "")
    return BindAddress(host.strip("[]"), int(given) if given.isdigit() else port)
