"""Log lines, as every floor from here up writes them: `log = Log("chan_iax2")`, then `log.notice(...)`.

The daemon sets the one `sink` that formats, filters and writes them
(`pbx.logger`); until then they go to the standard library's logging.  Writing
a line never waits and never raises.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum


class Level(IntEnum):
    """Asterisk's log levels (logger.conf)."""

    DEBUG = 10
    VERBOSE = 15
    DTMF = 18
    NOTICE = 25
    WARNING = 30
    ERROR = 40
    SECURITY = 45


@dataclass(frozen=True, slots=True)
class Record:
    """One line.  depth: its verbosity (VERBOSE) or debug level (DEBUG), 0 for the others; call: C- number or None."""

    level: Level
    source: str
    line: int
    function: str
    text: str
    depth: int = 0
    call: int | None = None


def _stdlib(record: Record) -> None:
    logging.getLogger(f"pbx.{record.source}").log(int(record.level), "%s", record.text)


#: where records go; replaced by the daemon
sink: Callable[[Record], None] = _stdlib

#: how much anybody wants to hear: above these, verbose and debug lines are not even made (kept by the daemon)
verbose_wanted = 0
debug_wanted = 0


def set_sink(new: Callable[[Record], None]) -> Callable[[Record], None]:
    """Send records elsewhere; returns the former sink."""
    global sink
    old, sink = sink, new
    return old


class Log:
    """Writes lines in the name of one source, called as Asterisk's module is (`chan_iax2`, `app_dial`, `pbx`)."""

    __slots__ = ("source",)

    def __init__(self, source: str) -> None:
        self.source = source

    def _write(self, level: Level, text: str, call: int | None, depth: int = 0) -> None:
        frame = sys._getframe(2)
        sink(Record(level, self.source, frame.f_lineno, frame.f_code.co_name, text, depth, call))

    def error(self, text: str, *, call: int | None = None) -> None:
        self._write(Level.ERROR, text, call)

    def warning(self, text: str, *, call: int | None = None) -> None:
        self._write(Level.WARNING, text, call)

    def notice(self, text: str, *, call: int | None = None) -> None:
        self._write(Level.NOTICE, text, call)

    def security(self, text: str, *, call: int | None = None) -> None:
        """A SECURITY line (`SecurityEvent="InvalidPassword",...`)."""
        self._write(Level.SECURITY, text, call)

    def dtmf(self, text: str, *, call: int | None = None) -> None:
        self._write(Level.DTMF, text, call)

    def verbose(self, depth: int, text: str, *, call: int | None = None) -> None:
        """Seen where `core set verbose` (or verbose(N) of logger.conf) is at least `depth`."""
        if depth <= verbose_wanted:
            self._write(Level.VERBOSE, text, call, depth)

    def debug(self, depth: int, text: str, *, call: int | None = None) -> None:
        """Seen where `core set debug` is at least `depth`."""
        if depth <= debug_wanted:
            self._write(Level.DEBUG, text, call, depth)
