"""A call file: what it asks for, and the book that is kept in it."""

from __future__ import annotations

import contextlib
import os
import re
import time
from dataclasses import dataclass, field

from pbx.channels.log import Log
from pbx.channels.party import split_callerid
from pbx.conf.values import is_true

log = Log("pbx_spool")

#: how the log names a number that is none, where that is not its keyword
_NAMES = {"maxretries": "max retries"}


@dataclass(slots=True)
class CallFile:
    """The contents of a call file; the defaults are Asterisk's.  Times in seconds."""

    path: str
    technology: str = ""
    destination: str = ""
    application: str = ""
    data: str = ""
    context: str = "default"
    exten: str = ""
    priority: int = 1
    maxretries: int = 0
    retrytime: int = 300
    waittime: int = 45
    caller_name: str | None = None
    caller_number: str | None = None
    account: str = ""
    codecs: list[str] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)
    #: sound before the answer (Progress) is as good as one
    early_media: bool = False
    archive: bool = False
    always_delete: bool = True
    #: attempts that have ended
    attempts: int = 0
    #: process that began an attempt and did not end it, 0 = none
    callingpid: int = 0

    @property
    def resource(self) -> str:
        return f"{self.technology}/{self.destination}"

    @property
    def complete(self) -> bool:
        """It says whom to call, and what the called one gets."""
        return bool(self.technology and self.destination and (self.application or self.exten))

    @property
    def target(self) -> str:
        """What the called one gets, in words."""
        if self.application:
            return f"application {self.application}({self.data})"
        return f"{self.exten}@{self.context}:{self.priority}"

    # ---- the book; on a thread ---------------------------------------------------------------------------

    def note(self, what: str, when: int, retry: int) -> None:
        """Append `what: pid retry (when)`; the file is due again `retrytime` after `when`.  Raises OSError."""
        handle = os.open(self.path, os.O_WRONLY | os.O_APPEND)  # a file that was taken away stays away
        try:
            os.write(handle, f"\n{what}: {os.getpid()} {retry} ({when})\n".encode())
        finally:
            os.close(handle)
        os.utime(self.path, (when, when + self.retrytime))

    def finish(self, status: str, done: str) -> None:
        """The call file has served: to the folder `done` with its status, or away.  Raises OSError."""
        if not self.always_delete and os.stat(self.path).st_mtime > time.time():
            return
        if not self.archive:
            os.unlink(self.path)
            return
        target = os.path.join(done, os.path.basename(self.path))
        try:
            os.makedirs(done, exist_ok=True)
            os.replace(self.path, target)
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(self.path)
            raise
        with open(target, "a", encoding="utf-8") as file:
            file.write(f"Status: {status}\n")


def parse(path: str, text: str, *, quiet: bool = False) -> CallFile:
    """Read a call file; what cannot be used is said with its line, unless `quiet`."""
    call = CallFile(path)
    for number, raw in enumerate(text.splitlines(), 1):
        line = _without_comment(raw).rstrip()
        if not line:
            continue
        name, colon, value = line.partition(":")
        if not colon:
            if not quiet:
                log.notice(f"Syntax error at line {number} of {path}")
            continue
        # a keyword stands at the beginning of its line, and the colon right behind it
        problem = _set(call, name.lower(), value.strip(), name)
        if problem and not quiet:
            log.warning(f"{problem} at line {number} of {path}")
    return call


def _without_comment(line: str) -> str:
    """`;` begins a comment, `\\;` is a semicolon; so does `#` at the start or after a blank."""
    return re.sub(r"(^|(?<=\s))#.*$|(?<!\\);.*$", "", line).replace("\\;", ";")


def _number(call: CallFile, name: str, value: str, least: int) -> str:
    match = re.match(r"\s*(-?\d+)", value)
    if match is None or int(match[1]) < least:
        return f"Invalid {_NAMES.get(name, name)}"
    setattr(call, name, int(match[1]))
    return ""


def _set(call: CallFile, name: str, value: str, written: str) -> str:
    """Take one line over; what is wrong with it, "" if nothing."""
    match name:
        case "channel":
            technology, slash, destination = value.partition("/")
            if not slash or not technology or not destination:
                return "Channel should be in form Tech/Dest"
            call.technology, call.destination = technology, destination
        case "callerid":
            caller, number = split_callerid(value)
            call.caller_name, call.caller_number = caller or None, number or None
        case "application" | "data" | "context" | "account":
            setattr(call, name, value)
        case "extension":
            call.exten = value
        case "priority":
            return _number(call, name, value, 1)
        case "maxretries":
            return _number(call, name, value, 0)
        case "retrytime" | "waittime":
            return _number(call, name, value, 1)
        case "codecs":
            call.codecs = [codec.strip() for codec in value.split(",") if codec.strip()]
        case "set" | "setvar":
            variable, equals, content = value.partition("=")
            if not equals:
                return f'Malformed "{written}" argument.  Should be "{written}: variable=value"'
            call.variables[variable.strip()] = content
        case "early_media":
            call.early_media = is_true(value)
        case "archive":
            call.archive = is_true(value)
        case "alwaysdelete":
            call.always_delete = is_true(value)
        case "startretry":
            match = re.match(r"\s*(\d+)", value)
            call.callingpid = int(match[1]) if match else 0
        case "endretry" | "abortretry":
            call.callingpid = 0
            call.attempts += 1
        case "delayedretry":
            pass
        case _:
            return f"Unknown keyword '{written}'"
    return ""
