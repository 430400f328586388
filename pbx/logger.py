"""Log lines: formed, filtered, and written by one thread from a bounded queue.

Whoever logs never waits and never sees an error: when the queue is full, or a
disk or pipe takes nothing, lines are dropped, counted, and that is said once.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import errno
import json
import os
import re
import socket
import stat
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pbx.channels import log as source
from pbx.channels.iax2.dialstring import hide_all
from pbx.channels.log import Level, Record
from pbx.loggerconf import LogChannel, LoggerConf, file_of

_FRACTION = re.compile(r"%([1-6])q")

_SYSLOG_LEVELS = {
    Level.DEBUG: 7,
    Level.VERBOSE: 6,
    Level.DTMF: 7,
    Level.NOTICE: 5,
    Level.WARNING: 4,
    Level.ERROR: 3,
    Level.SECURITY: 5,
}
_FACILITIES = {
    "kern": 0, "user": 1, "mail": 2, "daemon": 3, "auth": 4, "security": 4, "syslog": 5, "lpr": 6, "news": 7,
    "uucp": 8, "cron": 9, "authpriv": 10, "ftp": 11, **{f"local{n}": 16 + n for n in range(8)},
}  # fmt: skip


def moment(dateformat: str, seconds: float) -> str:
    """Local time by `dateformat`: strftime's, and `%1q` .. `%6q` for fractions of a second as Asterisk has them."""
    whole = int(seconds)
    micro = int((seconds - whole) * 1_000_000)
    text = _FRACTION.sub(lambda match: f"{micro:06d}"[: int(match[1])], dateformat)
    return time.strftime(text, time.localtime(whole))


def _call(record: Record, use_callids: bool) -> str:
    return f"[C-{record.call:08x}]" if use_callids and record.call is not None else ""


def _one_line(text: str) -> str:
    """A log line stays one line, whatever came in from outside."""
    return text.replace("\r", "\\r").replace("\n", "\\n") if "\n" in text or "\r" in text else text


@dataclass(frozen=True, slots=True)
class Style:
    """What the forms of a line need to know."""

    dateformat: str
    use_callids: bool
    pid: int


def format_default(record: Record, when: float, style: Style) -> str:
    """As Asterisk writes files: `[date] LEVEL[pid][C-call] file.c: text`."""
    return (
        f"[{moment(style.dateformat, when)}] {record.level.name}[{style.pid}]{_call(record, style.use_callids)} "
        f"{record.source}.c: {_one_line(record.text)}"
    )


def format_plain(record: Record, when: float, style: Style) -> str:
    """With line and function: `[date] LEVEL[pid][C-call]: file.c:line function: text`."""
    return (
        f"[{moment(style.dateformat, when)}] {record.level.name}[{style.pid}]{_call(record, style.use_callids)}: "
        f"{record.source}.c:{record.line} {record.function}: {_one_line(record.text)}"
    )


def format_console(record: Record, when: float, style: Style, timestamp: bool = False) -> str:
    """As the console shows it: verbose lines bare (indented by depth), others with line and function."""
    if record.level is Level.VERBOSE:
        indent = {0: "", 1: "", 2: "  == ", 3: "    -- ", 4: "       > "}.get(min(record.depth, 4), "")
        stamp = f"[{moment(style.dateformat, when)}] " if timestamp else ""
        return f"{stamp}{indent}{record.text}"
    return format_plain(record, when, style)


def format_json(record: Record, when: float, style: Style) -> str:
    """One JSON object a line, fields as Asterisk names them."""
    entry: dict[str, Any] = {
        "hostname": socket.gethostname(),
        "timestamp": moment(style.dateformat, when),
        "identifiers": {"lwp": style.pid},
        "logmsg": {
            "location": {"filename": f"{record.source}.c", "function": record.function, "line": record.line},
            "level": record.level.name,
            "message": record.text,
        },
    }
    if record.call is not None and style.use_callids:
        entry["identifiers"]["callid"] = f"C-{record.call:08x}"
    return json.dumps(entry, ensure_ascii=False)


_FORMATS: dict[str, Callable[[Record, float, Style], str]] = {
    "default": format_default,
    "plain": format_plain,
    "json": format_json,
}


class Output:
    """Where formatted lines end; `write` raises OSError when it takes nothing."""

    def write(self, line: bytes, level: Level) -> None:
        raise NotImplementedError

    def close(self) -> None: ...


class FileOutput(Output):
    """A file, appended to.  A pipe is written without waiting for its reader."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._descriptor = -1

    def _open(self) -> int:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
        folder = os.path.dirname(self.path)
        if folder and not os.path.isdir(folder):
            os.makedirs(folder, exist_ok=True)
        return os.open(self.path, flags, 0o640)

    def write(self, line: bytes, level: Level) -> None:
        if self._descriptor < 0:
            self._descriptor = self._open()
        try:
            done = os.write(self._descriptor, line)
        except BrokenPipeError:
            self.close()
            raise
        if done < len(line):
            # half a line stands there: the rest, or at least its end, must not run into the next
            raise OSError(errno.ENOSPC, "only a part of the line was taken")

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class SyslogOutput(Output):
    """The local syslog by its datagram socket, never waiting."""

    def __init__(self, facility: int, tag: str = "asterisk", path: str = "/dev/log") -> None:
        self._facility = facility
        self._tag = tag
        self._path = path
        self._socket: socket.socket | None = None

    def write(self, line: bytes, level: Level) -> None:
        if self._socket is None:
            link = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            link.setblocking(False)
            link.connect(self._path)
            self._socket = link
        header = f"<{self._facility * 8 + _SYSLOG_LEVELS[level]}>{self._tag}[{os.getpid()}]: ".encode()
        try:
            self._socket.send(header + line.rstrip(b"\n"))
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


@dataclass(slots=True)
class _Destination:
    channel: LogChannel
    output: Output
    format: Callable[[Record, float, Style], str]
    enabled: bool = True
    failing: bool = False
    dropped: int = 0


class Logger:
    """The one writer of log lines.  `wall`: seconds since the epoch; `complain`: says what cannot be logged.

    Consoles are not its business beyond handing them records: `consoles` are called with (record, when) on the
    thread that logs; the console server brings them to the reactor.
    """

    def __init__(
        self,
        directory: str,
        *,
        wall: Callable[[], float] = time.time,
        complain: Callable[[str], None] | None = None,
        hostname: str = "",
    ) -> None:
        self.directory = directory
        self.conf = LoggerConf()
        self.style = Style(self.conf.dateformat, True, os.getpid())
        self.consoles: list[Callable[[Record, float], None]] = []
        #: verbose levels of connected consoles (set by the console server)
        self.console_verbose: Callable[[], list[int]] = list
        self.root_verbose = 0
        self.root_debug = 0
        #: debug levels of single sources (`core set debug 3 chan_iax2`)
        self.debug_of: dict[str, int] = {}
        self.dropped = 0
        self._wall = wall
        self._hostname = hostname or socket.gethostname()
        self._complain = complain or (lambda text: print(text, file=sys.stderr))
        self._destinations: list[_Destination] = []
        self._queue: collections.deque[tuple[Record, float] | Callable[[], None]] = collections.deque()
        self._wakeup = threading.Condition()
        self._overflow = 0
        self._closing = False
        self._thread: threading.Thread | None = None

    # ---- set-up --------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the writer thread (after daemonizing: threads do not survive a fork)."""
        self.style = Style(self.conf.dateformat, self.conf.use_callids, os.getpid())
        self._thread = threading.Thread(target=self._run, name="log writer", daemon=True)
        self._thread.start()

    def configure(self, conf: LoggerConf) -> None:
        """Take a (new) logger.conf; dynamic channels stay."""
        dynamic = [d.channel for d in self._destinations if d.channel.dynamic]
        self.conf = conf
        self.style = Style(conf.dateformat, conf.use_callids, os.getpid())
        destinations = [
            self._destination(channel) for channel in [*conf.channels, *dynamic] if channel.kind != "Console"
        ]
        self.console_levels: frozenset[Level] = next(
            (channel.levels for channel in conf.channels if channel.kind == "Console"), frozenset()
        )
        old, self._destinations = self._destinations, destinations
        self._later(lambda: _close_all(old))
        self.tell_wanted()

    console_levels: frozenset[Level] = frozenset((Level.NOTICE, Level.WARNING, Level.ERROR))

    def _destination(self, channel: LogChannel) -> _Destination:
        output: Output
        if channel.kind == "Syslog":
            output = SyslogOutput(_FACILITIES.get(channel.name.partition(".")[2].lower(), 3))
        else:
            output = FileOutput(file_of(channel, self.directory, self._hostname if self.conf.appendhostname else ""))
        return _Destination(channel, output, _FORMATS[channel.formatter])

    def tell_wanted(self) -> None:
        """Let the sources know how much anybody listens to, so that the rest is not even made."""
        verbose = [self.root_verbose, *self.console_verbose()]
        verbose += [d.channel.verbose or 0 for d in self._destinations if Level.VERBOSE in d.channel.levels]
        source.verbose_wanted = max(verbose)
        source.debug_wanted = max([self.root_debug, *self.debug_of.values()])

    # ---- channels ------------------------------------------------------------------------------------

    @property
    def channels(self) -> list[tuple[LogChannel, bool, str]]:
        """(channel, enabled, path or name) of every destination, consoles first as configured."""
        rows: list[tuple[LogChannel, bool, str]] = []
        rows += [(c, True, c.name) for c in self.conf.channels if c.kind == "Console"]
        for destination in self._destinations:
            output = destination.output
            name = output.path if isinstance(output, FileOutput) else destination.channel.name
            rows.append((destination.channel, not destination.failing, name))
        return rows

    def add_channel(self, channel: LogChannel) -> None:
        """A channel of the moment (`logger add channel`)."""
        self._destinations = [*self._destinations, self._destination(channel)]
        self.tell_wanted()

    def remove_channel(self, name: str) -> bool:
        """Take a dynamic channel away; False if there is none of that name."""
        found = [d for d in self._destinations if d.channel.dynamic and d.channel.name == name]
        self._destinations = [d for d in self._destinations if d not in found]
        self._later(lambda: _close_all(found))
        self.tell_wanted()
        return bool(found)

    # ---- writing -------------------------------------------------------------------------------------

    def sink(self, record: Record) -> None:
        """Take a record from any thread; never waits.  Passwords of dial strings, shown by whatever a dialplan says,
        stay here.
        """
        when = self._wall()
        if "@" in record.text:
            record = dataclasses.replace(record, text=hide_all(record.text))
        for console in tuple(self.consoles):
            console(record, when)
        wanted = any(self._wants(d, record) for d in self._destinations)
        if wanted:
            with self._wakeup:
                if len(self._queue) >= self.conf.queue_limit:
                    self._overflow += 1
                    self.dropped += 1
                else:
                    self._queue.append((record, when))
                    self._wakeup.notify()

    def _wants(self, destination: _Destination, record: Record) -> bool:
        channel = destination.channel
        if record.level not in channel.levels:
            return False
        if record.level is Level.VERBOSE:
            return record.depth <= (self.root_verbose if channel.verbose is None else channel.verbose)
        return record.level is not Level.DEBUG or self.wants_debug(record)

    def wants_debug(self, record: Record) -> bool:
        """Whether the debug level, in general or of its source, reaches this line."""
        return record.depth <= max(self.root_debug, self.debug_of.get(record.source, 0))

    def _later(self, work: Callable[[], None]) -> None:
        """Do this on the writer thread, in order with the lines (at once when there is none)."""
        if self._thread is None:
            work()
            return
        with self._wakeup:
            self._queue.append(work)
            self._wakeup.notify()

    def _run(self) -> None:
        while True:
            with self._wakeup:
                while not self._queue and not self._closing:
                    self._wakeup.wait()
                if not self._queue:
                    return
                item = self._queue.popleft()
                overflow, self._overflow = self._overflow, 0
            if overflow:
                text = f"{overflow} log lines were dropped: they came faster than they could be written"
                self._write(Record(Level.WARNING, "logger", 0, "sink", text), self._wall())
            if callable(item):
                with contextlib.suppress(OSError):
                    item()
            else:
                self._write(*item)

    def _write(self, record: Record, when: float) -> None:
        for destination in self._destinations:
            if self._wants(destination, record):
                text = destination.format(record, when, self.style)
                self._put(destination, text, record.level)

    def _put(self, destination: _Destination, text: str, level: Level) -> None:
        try:
            if destination.failing and destination.dropped:
                note = Record(
                    Level.WARNING, "logger", 0, "put", f"{destination.dropped} log lines could not be written"
                )
                line = destination.format(note, self._wall(), self.style)
                destination.output.write(line.encode("utf-8", "surrogateescape") + b"\n", Level.WARNING)
            destination.output.write(text.encode("utf-8", "surrogateescape") + b"\n", level)
        except OSError as error:
            destination.dropped += 1
            self.dropped += 1
            if not destination.failing:
                destination.failing = True
                name = getattr(destination.output, "path", destination.channel.name)
                self._complain(
                    f"Cannot write log lines to {name} ({error.strerror}); they are dropped until it can be written"
                )
        else:
            destination.failing = False
            destination.dropped = 0

    # ---- files ---------------------------------------------------------------------------------------

    def reopen(self) -> None:
        """Close the files, so that the next line opens them anew (after logrotate moved them)."""
        destinations = self._destinations
        self._later(lambda: _close_all(destinations))

    def rotate(self) -> None:
        """Move the log files away by the rotation strategy and begin new ones."""
        paths = [d.output.path for d in self._destinations if isinstance(d.output, FileOutput)]
        destinations = self._destinations
        strategy, command = self.conf.rotatestrategy, self.conf.exec_after_rotate

        def work() -> None:
            _close_all(destinations)
            for path in dict.fromkeys(paths):
                moved = rotate_file(path, strategy, self._wall())
                if moved and command:
                    _run_after(command, path if strategy == "rotate" else moved)

        self._later(work)

    def flush(self, timeout: float = 5.0) -> bool:
        """Wait until what was logged so far is written; False if that took longer (seconds)."""
        done = threading.Event()
        self._later(done.set)
        return done.wait(timeout)

    def close(self) -> None:
        """Write what is left (at most for two seconds) and close the files."""
        with self._wakeup:
            self._closing = True
            self._wakeup.notify()
        if self._thread is not None:
            self._thread.join(2.0)
            self._thread = None
        _close_all(self._destinations)


def _close_all(destinations: list[_Destination]) -> None:
    for destination in destinations:
        destination.output.close()


def rotate_file(path: str, strategy: str, now: float) -> str:
    """Move one log file; returns where it went, "" when there was nothing to move."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode) or strategy == "none":
            return ""
    except FileNotFoundError:
        return ""
    if strategy == "timestamp":
        target = f"{path}.{int(now)}"
    else:
        taken = 0
        while os.path.exists(f"{path}.{taken}"):
            taken += 1
        if strategy == "rotate":
            for number in range(taken, 0, -1):
                os.replace(f"{path}.{number - 1}", f"{path}.{number}")
            taken = 0
        target = f"{path}.{taken}"
    os.replace(path, target)
    return target


def _run_after(command: str, filename: str) -> None:
    """exec_after_rotate, with ${filename} in the environment and in the text as Asterisk has it."""
    import subprocess

    text = command.replace("${filename}", filename)
    subprocess.run(["/bin/sh", "-c", text], env={**os.environ, "filename": filename}, check=False, timeout=60)
