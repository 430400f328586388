"""The daemon: what a running PBX consists of, put together in one place, and its life from start to end."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Coroutine
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import globalLogPublisher
from twisted.python.failure import Failure

import pbx
from pbx import asteriskconf, loggerconf, sdnotify, start
from pbx.admission import Admission
from pbx.astdb import Database
from pbx.asteriskconf import AsteriskConf
from pbx.blocking import Blocking
from pbx.cdr.service import CdrService
from pbx.cel.service import CelService
from pbx.channels import log as levels
from pbx.channels.events import Bus, ChannelCreated
from pbx.channels.log import Log
from pbx.channels.switch import Switch
from pbx.collector import Collector
from pbx.conf.diagnostics import Diagnostics, Severity
from pbx.console import commands
from pbx.console.durations import duration
from pbx.console.server import AlreadyRunning, ConsoleServer
from pbx.logger import Logger
from pbx.modules import CannotLoad, Modules, ModulesConf
from pbx.modules import load_conf as load_modules_conf
from pbx.options import Options
from pbx.sayconf import SayService
from pbx.services.dialplan import DialplanService, NoExtensions, example_call
from pbx.services.iax2 import Iax2Service, KeysService
from pbx.services.table import ORDER, RECORDS, declare_modules, load_aliases
from pbx.services.unread import say_unread
from pbx.services.voice import VoiceService
from pbx.shutdown import Shutdown
from pbx.spool import Spool
from pbx.verdicts import Verdicts

log = Log("asterisk")

#: the version of Asterisk whose console texts, files and answers are meant where a program asks for one
ASTERISK_VERSION = "22.10.1"


class Daemon:
    """One PBX.  Everything that runs hangs below this object; nothing below it knows it but the console's commands."""

    def __init__(self, conf: AsteriskConf, options: Options, reactor: Any) -> None:
        self.conf = conf
        self.options = options
        self.reactor = reactor
        self.version = pbx.__version__
        self.hostname = socket.gethostname() or "localhost"
        self.started = time.time()
        self.reloaded = self.started
        self._started_at = reactor.seconds()
        self._reloaded_at = self._started_at
        self.booted: Deferred[None] = Deferred()
        self.is_booted = False
        #: findings that were said already, by file: a reload says only what is new
        self._said: set[str] = set()

        self.logger = Logger(conf.directories["astlogdir"], wall=time.time, complain=self._complain)
        self.logger.root_verbose = conf.verbose
        self.logger.root_debug = conf.debug
        self.notifier = sdnotify.Notifier()
        self.bus = Bus()
        self.verdicts = Verdicts(self.bus, reactor, time.time)
        self.modules = Modules()
        self.modules_conf = ModulesConf()
        self.console = ConsoleServer(self, commands.registry(), reactor)
        self.shutdown = Shutdown(self)
        # made in `start`: nothing before it touches a file but the log
        self.blocking: Blocking
        self.database: Database
        self.switch: Switch
        self.admission: Admission
        self.collector: Collector
        self.dialplan: DialplanService
        self.say_rules: SayService
        self.voice: VoiceService
        self.keys: KeysService
        self.cdr: CdrService
        self.cel: CelService
        self.spool: Spool
        self.iax2: Iax2Service
        self._console_process: subprocess.Popen[bytes] | None = None

    # ---- start ---------------------------------------------------------------------------------------

    def prepare(self, findings: Diagnostics) -> None:
        """Logs and the control socket.  Raises AlreadyRunning or OSError."""
        conf = self.conf
        self.logger.configure(self._logger_conf(findings))
        self.console.listen(conf.socket, conf.ctl_permissions, conf.ctl_owner, conf.ctl_group)
        levels.set_sink(self.logger.sink)
        self.logger.start()
        globalLogPublisher.addObserver(self._twisted_event)  # type: ignore[arg-type]
        with open(conf.pidfile, "w", encoding="ascii") as pidfile:
            pidfile.write(f"{os.getpid()}\n")
        log.verbose(1, f"pbx {self.version} (pid {os.getpid()}) starts; configuration in {conf.astetcdir}")
        self.say(findings)

    def _logger_conf(self, findings: Diagnostics, file: str = "logger.conf") -> loggerconf.LoggerConf:
        return loggerconf.load(self.conf.etc(file), findings, allow_exec=self.conf.execincludes)

    async def start(self) -> None:
        """Everything else.  What cannot start is said; the rest goes on, as in Asterisk."""
        findings = Diagnostics()
        conf = self.conf
        self.modules_conf = load_modules_conf(conf.etc("modules.conf"), findings, allow_exec=conf.execincludes)
        self.say(findings)
        self.blocking = Blocking(self.reactor)
        self.database = Database(conf.database)
        if self.database.get("pbx", "UUID") is None:
            self.database.put("pbx", "UUID", str(uuid.uuid4()))
        self.switch = Switch(
            self.reactor,
            time.time,
            self.bus,
            NoExtensions(),
            systemname=conf.systemname,
            report=self.report,
        )
        self.bus.subscribe(ChannelCreated, self._created)
        self.admission = Admission(self)
        self.collector = Collector(self.reactor, lambda: len(self.admission.active))
        self.voice = VoiceService(self)
        self.keys = KeysService(self)
        self.dialplan = DialplanService(self)
        self.say_rules = SayService(self)
        self.iax2 = Iax2Service(self)
        self.cdr = CdrService(self)
        self.cel = CelService(self)
        self.spool = Spool(self)
        declare_modules(self)
        load_aliases(self)
        for name in ORDER:
            await self._start_service(name)
        say_unread(self)
        await self.voice.ready()
        self.is_booted = True
        self.booted.callback(None)
        log.verbose(1, "Asterisk Ready.")
        self.collector.start()

    def _created(self, event: ChannelCreated) -> None:
        """A new channel speaks defaultlanguage until somebody says otherwise."""
        event.channel.language = self.conf.defaultlanguage

    async def _start_service(self, name: str) -> None:
        try:
            if name == "voice plane":
                self.voice.start()
            elif name in RECORDS and not (self.cdr.configured(name) or self.cel.configured(name)):
                return
            elif name == "chan_local" or self.modules_conf.wants(name):  # Local is part of the core, no module
                await self.modules.start(name)
        except CannotLoad as error:
            log.error(f"{name} does not run: {error}")
        except Exception:
            self.report(failed(), f"start of {name}")

    def ready(self) -> None:
        """Tell systemd, and begin the signs of life that it asked for."""
        self.notifier.ready(f"pbx {self.version}")
        if self.notifier.watchdog_every:
            self._alive()

    def _alive(self) -> None:
        self.notifier.alive()
        self.reactor.callLater(self.notifier.watchdog_every, self._alive)

    # ---- saying --------------------------------------------------------------------------------------

    def say(self, findings: Diagnostics) -> None:
        """Log findings with file:line, each once as long as it stays the same."""
        write = {Severity.ERROR: log.error, Severity.WARNING: log.warning, Severity.NOTICE: log.notice}
        for finding in findings:
            advice = f"; write: {finding.advice}" if finding.advice and "\n" not in finding.advice else ""
            text = f"{finding.place.file_line}: {finding.message}{advice}"
            if text not in self._said:
                self._said.add(text)
                write[finding.severity](text)

    def report(self, failure: Failure, where: str) -> None:
        """An error that nobody caught: one ERROR line, the traceback at debug level 1."""
        frames = failure.getTracebackObject()  # type: ignore[no-untyped-call]
        place = ""
        while frames is not None:
            place = f"{os.path.basename(frames.tb_frame.f_code.co_filename)}:{frames.tb_lineno}"
            frames = frames.tb_next
        kind = getattr(failure.type, "__name__", failure.type)
        log.error(f"Internal error in {where} ({place}): {kind}: {failure.getErrorMessage()}")
        for line in failure.getTraceback().splitlines():
            log.debug(1, line)

    def _twisted_event(self, event: dict[str, Any]) -> None:
        """What Twisted itself reports: an unhandled error in a Deferred, for one."""
        failure = event.get("log_failure")
        if failure is not None:
            self.report(failure, str(event.get("log_namespace", "reactor")))

    def _complain(self, text: str) -> None:
        """The logger cannot write: say it where somebody may see it."""
        with contextlib.suppress(OSError, ValueError):
            print(f"pbx: {text}", file=sys.stderr)
        for session in tuple(self.console.sessions):
            self.reactor.callFromThread(session.write, text + "\n")

    def greeting(self) -> str:
        """What a console says first: where one is, and what to type next."""
        typed = [
            ("iax2 show peers", "the boxes and phones at the other end, and whether they answer"),
            ("core show channels", "the calls that stand now"),
            ("dialplan show", "what happens to a number that is dialled"),
            (example_call(self), "a call to try it with"),
            ("help", "all commands; the Tab key completes them"),
            ("core stop now", "ends the PBX (exit leaves a console opened by 'pbx -r')"),
        ]
        width = max(len(command) for command, _ in typed) + 2
        lines = [
            f"pbx {self.version} (pid {os.getpid()}), up for {duration(self.uptime)}; "
            f"configuration in {self.conf.astetcdir}",
            "",
            *(f"  {command:<{width}}{text}" for command, text in typed if command),
        ]
        return "\n".join([*lines, ""])

    def when_booted(self) -> Deferred[None]:
        """Fires once everything is up."""
        waiting: Deferred[None] = Deferred()
        self.booted.addBoth(lambda _: waiting.callback(None))
        return waiting

    @property
    def uptime(self) -> float:
        """Seconds since the start; a step of the wall clock does not move it."""
        return float(self.reactor.seconds() - self._started_at)

    @property
    def since_reload(self) -> float:
        return float(self.reactor.seconds() - self._reloaded_at)

    # ---- reload --------------------------------------------------------------------------------------

    async def reload(self) -> None:
        """Read every configuration file again; calls never notice."""
        self.notifier.reloading()
        log.verbose(1, "Reloading")
        self.reload_logger()
        load_aliases(self)
        self._reload_options()
        for module in self.modules:
            try:
                await self.modules.reload(module.name)
            except Exception:
                self.report(failed(), f"reload of {module.name}")
        self.reloaded = time.time()
        self._reloaded_at = self.reactor.seconds()
        self.collector.loaded()
        self.notifier.ready(f"pbx {self.version}")

    def reload_logger(self, file: str = "logger.conf") -> None:
        """Read logger.conf (or that file in its place) anew and open the log files again."""
        findings = Diagnostics()
        self.logger.configure(self._logger_conf(findings, file))
        self.say(findings)

    def _reload_options(self) -> None:
        """The options of asterisk.conf that may change while calls stand."""
        findings = Diagnostics()
        new = asteriskconf.load(self.options.config, etc=self.options.etc, run=self.options.run, diagnostics=findings)
        start.merge(new, self.options)
        self.say(findings)
        for name in ("maxcalls", "maxload", "minmemfree", "hideconnect", "live_dangerously", "mindtmfduration",
                     "transmit_silence", "defaultlanguage", "timestamp", "disable_remote_console_shell",
                     "mediatick"):  # fmt: skip
            setattr(self.conf, name, getattr(new, name))
        if self.iax2.driver is not None:
            self.iax2.driver.shortest_digit = self.conf.mindtmfduration
        self.voice.reload()

    # ---- consoles of `-c` ------------------------------------------------------------------------------

    def open_console(self) -> None:
        """The console of `pbx -c`: a process of its own at this terminal, so that nothing it does can hurt calls."""
        folder = os.path.dirname(os.path.dirname(os.path.abspath(pbx.__file__)))
        code = f"import sys; sys.path.insert(0, {folder!r}); from pbx.interactive import main; sys.exit(main())"
        flags = [
            flag
            for flag, wanted in (("-n", self.conf.nocolor), ("-q", self.conf.quiet), ("-m", self.options.mute))
            if wanted
        ]
        flags += ["-v"] * self.conf.verbose
        self._console_process = subprocess.Popen([sys.executable, "-P", "-c", code, *flags, "-rs", self.conf.socket])
        self.reactor.callLater(0.5, self._watch_console)

    def _watch_console(self) -> None:
        """When the console's process is gone, so is its terminal: then the PBX ends, else it is opened anew."""
        if self._console_process is None or self.shutdown.ending:
            return
        if self._console_process.poll() is None:
            self.reactor.callLater(0.5, self._watch_console)
        elif os.isatty(0):
            self.reactor.callLater(1.0, self.open_console)
        elif not sys.stdin.closed and self._console_process.returncode != 0:
            log.notice("The console's terminal is gone; ending")
            self.shutdown.now()

    # ---- end -----------------------------------------------------------------------------------------

    async def stop(self) -> None:
        """End calls cleanly and close everything; the reactor is stopped by `Shutdown`."""
        self.notifier.stopping()
        for channel in tuple(self.switch.channels()) if hasattr(self, "switch") else ():
            channel.softhangup(0)
        for name in ("pbx_spool", "chan_iax2", "pbx_config", "res_musiconhold", "res_crypto", "chan_local"):
            try:
                await self.modules.stop(name)
            except Exception:
                self.report(failed(), f"stop of {name}")
        if hasattr(self, "collector"):
            self.collector.stop()
        if hasattr(self, "cdr"):
            await self.cdr.stop()
            await self.cel.stop()
        if hasattr(self, "voice"):
            self.voice.stop()
        if hasattr(self, "database"):
            self.database.close()
        if hasattr(self, "blocking"):
            self.blocking.stop()

    def farewell(self, why: str) -> None:
        """The last words, to consoles and log; frees the run directory."""
        self.console.close(why)
        with contextlib.suppress(OSError):
            os.unlink(self.conf.pidfile)

    def close_log(self) -> None:
        """Write the last lines; nothing is logged after this."""
        globalLogPublisher.removeObserver(self._twisted_event)  # type: ignore[arg-type]
        self.logger.close()


def failed() -> Failure:
    """The exception being handled, as a Failure."""
    return Failure()  # type: ignore[no-untyped-call]


def run_coroutine(daemon: Daemon, work: Coroutine[Deferred[Any], Any, None], what: str) -> Deferred[None]:
    """Run it; an error is reported, never lost."""
    done = Deferred.fromCoroutine(work)

    def failed(failure: Failure) -> None:
        daemon.report(failure, what)

    done.addErrback(failed)
    return done


def serve(conf: AsteriskConf, options: Options, findings: Diagnostics, up: Callable[[], None] | None = None) -> int:
    """Run a PBX until it ends; returns the exit status.  `up` is called once it is up.  Raises start.CannotStart."""
    from twisted.internet import reactor as installed

    reactor: Any = installed
    # Twisted's own clock is the wall's: a step of it would move every timer
    reactor.seconds = time.monotonic
    daemon = Daemon(conf, options, reactor)
    try:
        daemon.prepare(findings)
    except AlreadyRunning as error:
        raise start.CannotStart(str(error)) from None
    except OSError as error:
        raise start.CannotStart(f"cannot use {error.filename or conf.socket}: {error.strerror}") from None

    def begin() -> None:
        set_signals(daemon)
        started = run_coroutine(daemon, daemon.start(), "start")
        started.addCallback(lambda _: _up(daemon, up))

    reactor.callWhenRunning(begin)
    reactor.run()
    daemon.close_log()
    if daemon.shutdown.restarting:
        os.environ[start.RESTARTED] = "1"
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
    return daemon.shutdown.status


def _up(daemon: Daemon, up: Callable[[], None] | None) -> None:
    if not daemon.is_booted:
        daemon.shutdown.status = 1
        daemon.shutdown.now()
        return
    daemon.ready()
    if up is not None:
        up()
    if daemon.conf.console:
        daemon.open_console()


def set_signals(daemon: Daemon) -> None:
    """HUP reloads, TERM and INT end, USR1 and XFSZ begin new log files."""

    def on(number: int, what: Callable[[], object]) -> None:
        signal.signal(number, lambda *_: daemon.reactor.callFromThread(what))

    on(signal.SIGHUP, lambda: run_coroutine(daemon, daemon.reload(), "reload"))
    on(signal.SIGTERM, daemon.shutdown.now)
    on(signal.SIGINT, daemon.shutdown.now)
    on(signal.SIGUSR1, daemon.logger.reopen)
    on(signal.SIGXFSZ, daemon.logger.rotate)
    # what the PBX is doing right now, on stderr: for one that seems to stand still
    faulthandler.register(signal.SIGUSR2)
