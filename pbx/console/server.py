"""The daemon's end of the control socket: sessions that run commands and hear log lines."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import grp
import json
import os
import pwd
import socket
from collections import deque
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from twisted.internet import reactor as default_reactor
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IListeningPort
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

from pbx.channels.log import Level, Log, Record
from pbx.console import protocol, registry
from pbx.logger import format_console

if TYPE_CHECKING:
    from pbx.daemon import Daemon

log = Log("asterisk")

#: bytes of log lines that may wait for a slow console; more are dropped and counted
BACKLOG = 256 * 1024

LEVELS = frozenset((Level.NOTICE, Level.WARNING, Level.ERROR, Level.VERBOSE, Level.DEBUG, Level.DTMF, Level.SECURITY))


class AlreadyRunning(Exception):
    """Another PBX uses this run directory; the text says so and what to do."""


class Session(Protocol):
    """One connected console."""

    def __init__(self, server: ConsoleServer) -> None:
        self.server = server
        self.interactive = False
        self.foreground = False
        self.muted = True
        self.verbose = 0
        self.debug = 0
        #: levels switched by `logger set level`, over what logger.conf gives consoles
        self.levels: dict[Level, bool] = {}
        self.timestamp = False
        self.dropped = 0
        self.client_pid = 0
        self._frames = protocol.Frames()
        self._waiting: deque[str] = deque()
        self._running: Deferred[int] | None = None
        self._asked: Deferred[str] | None = None
        self._open = True

    # ---- frames --------------------------------------------------------------------------------------

    def send(self, kind: int, payload: str | bytes | dict[str, Any] | list[str] = b"") -> None:
        if self._open and self.transport is not None:
            self.transport.write(protocol.frame(kind, payload))

    def dataReceived(self, data: bytes) -> None:
        try:
            for kind, payload in self._frames.feed(data):
                self._take(kind, payload)
        except (protocol.NotOurs, ValueError) as error:
            self.send(protocol.BYE, f"Not a pbx console: {error}")
            if self.transport is not None:
                self.transport.loseConnection()

    def _take(self, kind: int, payload: bytes) -> None:
        if kind == protocol.HELLO:
            self._hello(json.loads(payload))
        elif kind == protocol.COMMAND:
            self._waiting.append(protocol.decode(payload))
            self._next()
        elif kind == protocol.ANSWER and self._asked is not None:
            asked, self._asked = self._asked, None
            asked.callback(protocol.decode(payload))
        elif kind == protocol.COMPLETE:
            context = registry.Context(self.server.daemon, self.write, self)
            words = self.server.registry.completions(context, protocol.decode(payload))
            self.send(protocol.CHOICES, words[:500])

    def _hello(self, hello: dict[str, Any]) -> None:
        self.interactive = hello.get("mode") == "console"
        self.foreground = bool(hello.get("foreground"))
        self.client_pid = int(hello.get("pid", 0))
        if not self.interactive:
            return
        self.muted = bool(hello.get("mute"))
        self.verbose = int(hello.get("verbose", 0)) or self.server.daemon.logger.root_verbose
        self.debug = int(hello.get("debug", 0))
        self.timestamp = self.server.daemon.conf.timestamp
        self.send(protocol.HELLO, self.server.greeting(self))
        self.server.opened(self)

    def ask(self, question: str) -> Deferred[str]:
        """Ask for something that must not be seen; the answer is empty when there is none."""
        self._asked = Deferred()
        self.send(protocol.ASK, question)
        return self._asked

    def write(self, text: str) -> None:
        """Print to this console."""
        if text:
            self.send(protocol.OUTPUT, text)

    def log_line(self, record: Record, when: float) -> None:
        """Show a log line if this console wants it; a console that does not read loses lines, nobody waits."""
        if not self.wants(record):
            return
        waiting = getattr(self.transport, "dataBuffer", b"")
        pending = len(waiting) + sum(map(len, getattr(self.transport, "_tempDataBuffer", ())))
        if pending > BACKLOG:
            self.dropped += 1
            return
        if self.dropped:
            text, self.dropped = f"({self.dropped} lines dropped: this console did not read them)\n", 0
            self.send(protocol.LINE, text)
        self.send(protocol.LINE, format_console(record, when, self.server.daemon.logger.style, self.timestamp) + "\n")

    def wants(self, record: Record) -> bool:
        """By mute, `logger set level`, logger.conf's console line and this console's own verbosity."""
        if self.muted or not self.interactive:
            return False
        switched = self.levels.get(record.level)
        if record.level is Level.VERBOSE:
            return switched is not False and record.depth <= self.verbose
        if record.level is Level.DEBUG:
            heard = record.depth <= self.debug or self.server.daemon.logger.wants_debug(record)
            return switched is not False and heard
        return switched if switched is not None else record.level in self.server.daemon.logger.console_levels

    # ---- commands ------------------------------------------------------------------------------------

    def _next(self) -> None:
        """Run the next command; one at a time, in order."""
        if self._running is not None or not self._waiting or not self._open:
            return
        line = self._waiting.popleft()
        context = registry.Context(self.server.daemon, self.write, self)
        running = Deferred.fromCoroutine(_run(self.server.registry, context, line))
        self._running = running

        def over(result: int | Failure) -> None:
            self._running = None
            if isinstance(result, Failure):
                self.server.daemon.report(result, f"console command {line!r}")
                self.write(f"The command ran into an error of its own: {result.getErrorMessage()} (see the log)\n")
                result = protocol.FAILED
            self.send(protocol.DONE, str(result))
            self._next()

        running.addBoth(over)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._open = False
        if self._running is not None:
            self._running.cancel()
        self.server.closed(self)

    def close(self, why: str = "") -> None:
        """Say why, and end the connection once that is sent."""
        self.send(protocol.BYE, why)
        if self.transport is not None:
            self.transport.loseConnection()


def _run(commands: registry.Registry, context: registry.Context, line: str) -> Coroutine[Deferred[Any], Any, int]:
    return registry.run(commands, context, line)


class ConsoleServer(Factory):
    """Listens at the control socket and keeps the sessions."""

    noisy = False

    def __init__(self, daemon: Daemon, commands: registry.Registry, reactor: Any = None) -> None:
        self.daemon = daemon
        self.registry = commands
        self.sessions: list[Session] = []
        self._reactor: Any = reactor if reactor is not None else default_reactor
        self._port: IListeningPort | None = None
        self._lock = -1

    def buildProtocol(self, addr: object) -> Session:
        return Session(self)

    def listen(self, path: str, mode: int, owner: str = "", group: str = "") -> None:
        """Take the run directory and open the socket.  Raises AlreadyRunning, or OSError with the path."""
        os.makedirs(os.path.dirname(path), exist_ok=True)
        self._take_lock(path)
        if answers(path):
            raise AlreadyRunning(f"A PBX is already running on {path}.  Use 'pbx -r' to connect to it.")
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        self._port = self._reactor.listenUNIX(path, self, mode=mode)
        self._own(path, owner, group)
        self.daemon.logger.consoles.append(self._log)
        self.daemon.logger.console_verbose = lambda: [s.verbose for s in self.sessions if not s.muted]

    def _take_lock(self, path: str) -> None:
        """One PBX a run directory: a lock that dies with its process, so that nothing stale can stand in the way."""
        self._lock = os.open(
            os.path.join(os.path.dirname(path), "pbx.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
        )
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            self._lock = -1
            if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                raise
            raise AlreadyRunning(f"A PBX is already running on {path}.  Use 'pbx -r' to connect to it.") from None

    def _own(self, path: str, owner: str, group: str) -> None:
        """astctlowner and astctlgroup; what may not be set is said and left."""
        uid = gid = -1
        try:
            uid = pwd.getpwnam(owner).pw_uid if owner else -1
        except KeyError:
            log.warning(f"Cannot give {path} to {owner}: there is no such user; write another astctlowner")
        try:
            gid = grp.getgrnam(group).gr_gid if group else -1
        except KeyError:
            log.warning(f"Cannot give {path} to the group {group}: there is none; write another astctlgroup")
        try:
            if uid >= 0 or gid >= 0:
                os.chown(path, uid, gid)
        except OSError as error:
            log.warning(f"Cannot give {path} to {owner or '-'}:{group or '-'}: {error}")

    def _log(self, record: Record, when: float) -> None:
        if not self.sessions:
            return
        threads = getattr(self._reactor, "callFromThread", None)
        from twisted.python.threadable import isInIOThread

        if threads is None or isInIOThread():  # type: ignore[no-untyped-call]
            for session in tuple(self.sessions):
                session.log_line(record, when)
        else:
            threads(self._log, record, when)

    # ---- sessions ------------------------------------------------------------------------------------

    def greeting(self, session: Session) -> dict[str, Any]:
        daemon = self.daemon
        return {
            "protocol": protocol.PROTOCOL,
            "version": daemon.version,
            "pid": os.getpid(),
            "host": daemon.hostname,
            "greeting": daemon.greeting(),
            "colour": not daemon.conf.nocolor,
            "shell": not daemon.conf.disable_remote_console_shell,
        }

    def opened(self, session: Session) -> None:
        """An interactive console said hello."""
        self.sessions.append(session)
        self.daemon.logger.tell_wanted()
        if not self.daemon.conf.hideconnect and not session.foreground:
            log.verbose(1, f"Remote UNIX connection (pid {session.client_pid})")

    def closed(self, session: Session) -> None:
        if session in self.sessions:
            self.sessions.remove(session)
            self.daemon.logger.tell_wanted()
            if not self.daemon.conf.hideconnect and not session.foreground:
                log.verbose(1, "Remote UNIX connection disconnected")

    def close(self, why: str = "") -> None:
        """End all sessions and free the run directory."""
        for session in tuple(self.sessions):
            session.close(why)
        if self._log in self.daemon.logger.consoles:
            self.daemon.logger.consoles.remove(self._log)
        if self._port is not None:
            self._port.stopListening()
            self._port = None
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


def answers(path: str) -> bool:
    """Whether a process listens at this UNIX socket."""
    link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        link.connect(path)
    except OSError:
        return False
    finally:
        link.close()
    return True
