"""logger.conf: which lines go where, in which form."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field

from pbx.channels.log import Level
from pbx.conf import reader
from pbx.conf.diagnostics import Diagnostics, Place
from pbx.conf.document import Document, Entry
from pbx.conf.leftovers import other_sections
from pbx.conf.values import is_true

#: Asterisk's default: "Nov 22 00:47:06"
DATEFORMAT = "%b %e %T"

FORMATTERS = ("default", "plain", "json")

#: names of levels in logger.conf; those that pbx never writes are known all the same
_LEVELS: dict[str, Level | None] = {
    "debug": Level.DEBUG,
    "verbose": Level.VERBOSE,
    "dtmf": Level.DTMF,
    "notice": Level.NOTICE,
    "warning": Level.WARNING,
    "error": Level.ERROR,
    "security": Level.SECURITY,
    "trace": None,
    "fax": None,
}

_ITEM = re.compile(r"\s*([A-Za-z0-9_*-]+)\s*(?:\(\s*(\d+|\*)\s*\))?\s*$")


@dataclass(frozen=True, slots=True)
class LogChannel:
    """One line of [logfiles]: `name => [formatter]levels`.

    verbose: depth of verbose lines, None = as the root console's.
    """

    name: str
    levels: frozenset[Level]
    formatter: str = "default"
    verbose: int | None = None
    place: Place | None = None
    dynamic: bool = False

    @property
    def kind(self) -> str:
        """`File`, `Console` or `Syslog`, as `logger show channels` says."""
        if self.name == "console":
            return "Console"
        if self.name == "syslog" or self.name.startswith("syslog."):
            return "Syslog"
        return "File"


@dataclass(slots=True)
class LoggerConf:
    """logger.conf as read; the defaults are what Asterisk does without the file."""

    dateformat: str = DATEFORMAT
    use_callids: bool = True
    appendhostname: bool = False
    rotatestrategy: str = "sequential"
    exec_after_rotate: str = ""
    queue_limit: int = 1000
    queue_log: bool = True
    queue_log_name: str = "queue_log"
    channels: list[LogChannel] = field(default_factory=list)


def default_channels() -> list[LogChannel]:
    """What is logged when there is no logger.conf: notices, warnings and errors, to console and `messages`."""
    levels = frozenset((Level.NOTICE, Level.WARNING, Level.ERROR))
    return [LogChannel("console", levels), LogChannel("messages", levels | {Level.SECURITY})]


def load(path: str, diagnostics: Diagnostics, *, allow_exec: bool = False) -> LoggerConf:
    """Read logger.conf; a missing file gives the defaults."""
    document = reader.read(path, diagnostics=diagnostics, allow_exec=allow_exec, optional=True)
    if not document.exists or document.section("logfiles") is None:
        conf = LoggerConf(channels=default_channels())
    else:
        conf = LoggerConf()
    _read_general(conf, document, diagnostics)
    other_sections(document, ("general", "logfiles"), diagnostics)
    for section in document.sections_named("logfiles"):
        for entry in section:
            channel = parse_channel(entry.name, entry.value, diagnostics, entry)
            conf.channels.append(channel)
    return conf


_TEXTS = {
    "dateformat": "dateformat",
    "exec_after_rotate": "exec_after_rotate",
    "queue_log_name": "queue_log_name",
}
_FLAGS = {"use_callids": "use_callids", "appendhostname": "appendhostname", "queue_log": "queue_log"}
_WITHOUT_EFFECT = {
    "queue_log_to_file": "there is no realtime queue log that it could go to instead",
    "queue_log_realtime_use_gmt": "there is no realtime queue log",
    "custom_levels": "applications here write Asterisk's own levels only",
}


def _read_general(conf: LoggerConf, document: Document, diagnostics: Diagnostics) -> None:
    for entry in document.section("general") or ():
        name = entry.name.lower()
        if name in _TEXTS:
            setattr(conf, _TEXTS[name], entry.value)
        elif name in _FLAGS:
            setattr(conf, _FLAGS[name], is_true(entry.value))
        elif name == "rotatestrategy":
            if entry.value.lower() in ("none", "sequential", "rotate", "timestamp"):
                conf.rotatestrategy = entry.value.lower()
            else:
                diagnostics.error(
                    entry.value_place,
                    "no such strategy",
                    text=entry.text,
                    advice="none, sequential, rotate or timestamp",
                )
        elif name == "logger_queue_limit":
            if entry.value.isdecimal() and len(entry.value) < 19 and int(entry.value):
                conf.queue_limit = int(entry.value)
            else:
                diagnostics.error(entry.value_place, "a number of lines, at least 1", text=entry.text, advice="1000")
        elif name in _WITHOUT_EFFECT:
            diagnostics.notice(entry.place, f"{name} has no effect: {_WITHOUT_EFFECT[name]}", code="no-effect")
        else:
            diagnostics.warning(entry.place, f"no such option: {entry.name}", text=entry.text, code="unknown-option")


def parse_channel(name: str, text: str, diagnostics: Diagnostics, entry: Entry | None = None) -> LogChannel:
    """`[formatter]level,level(depth),*` as a channel; what cannot be read is a finding and left out."""
    place = entry.value_place if entry is not None else Place(name)
    formatter = "default"
    text = text.strip()
    if text.startswith("["):
        word, closed, text = text[1:].partition("]")
        formatter = word.strip().lower()
        if not closed or formatter not in FORMATTERS:
            diagnostics.error(place, f"no such formatter: [{word}]", advice="[default], [plain] or [json]")
            formatter = "default"
    levels: set[Level] = set()
    verbose: int | None = None
    for item in text.split(","):
        if not item.strip():
            continue
        match = _ITEM.match(item)
        word = match[1].lower() if match else item.strip()
        if match and word == "*":
            levels.update(Level)
        elif match and word in _LEVELS:
            level = _LEVELS[word]
            if level is None:
                continue  # a level that nothing here ever writes
            levels.add(level)
            if level is Level.VERBOSE and match[2] and match[2] != "*":
                verbose = int(match[2])
        else:
            diagnostics.warning(
                place,
                f"no such level: {item.strip()}",
                advice=", ".join(sorted(_LEVELS)) + " or *",
                code="unknown-level",
            )
    return LogChannel(name, frozenset(levels), formatter, verbose, place if entry is not None else None, entry is None)


def file_of(channel: LogChannel, directory: str, hostname: str = "") -> str:
    """Path of a file channel; hostname: appended if not empty (appendhostname)."""
    path = os.path.join(directory, channel.name)
    return f"{path}.{hostname}" if hostname else path
