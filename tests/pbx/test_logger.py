"""Log lines: Asterisk's forms, logger.conf, one writer that drops rather than waits."""

from __future__ import annotations

import json
import os
import re
import socket
import threading
import time
from pathlib import Path

import pytest

from pbx import loggerconf
from pbx.channels.log import Level, Record
from pbx.conf.diagnostics import Diagnostics
from pbx.logger import Logger, SyslogOutput, format_default, format_json, format_plain, moment, rotate_file
from pbx.loggerconf import LogChannel, LoggerConf

WHEN = 1_700_000_000.123456
NOTICE = Record(Level.NOTICE, "chan_iax2", 12, "refuse", "Host 1.2.3.4 failed", call=1)


def logger(tmp_path: Path, *channels: LogChannel, **conf: object) -> Logger:
    made = Logger(str(tmp_path), wall=lambda: WHEN, complain=lambda text: complaints.append(text))
    complaints.clear()
    made.configure(LoggerConf(channels=list(channels), **conf))  # type: ignore[arg-type]
    made.start()
    return made


complaints: list[str] = []


def channel(name: str, *levels: Level, **more: object) -> LogChannel:
    return LogChannel(name, frozenset(levels), **more)  # type: ignore[arg-type]


def test_dates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC-2")
    time.tzset()
    try:
        assert moment("%F %T.%3q", WHEN) == "2023-11-15 00:13:20.123"
        assert moment("%b %e %T", WHEN) == "Nov 15 00:13:20"
        assert moment("%1q|%6q|%%", WHEN) == "1|123456|%"
    finally:
        monkeypatch.undo()
        time.tzset()


def test_forms(tmp_path: Path) -> None:
    style = logger(tmp_path).style
    pid = os.getpid()
    assert re.fullmatch(
        rf"\[\w{{3}} .\d \d\d:\d\d:\d\d\] NOTICE\[{pid}\]\[C-00000001\] chan_iax2\.c: Host 1\.2\.3\.4 failed",
        format_default(NOTICE, WHEN, style),
    )
    assert format_plain(NOTICE, WHEN, style).endswith(
        f"NOTICE[{pid}][C-00000001]: chan_iax2.c:12 refuse: Host 1.2.3.4 failed"
    )
    entry = json.loads(format_json(NOTICE, WHEN, style))
    assert entry["identifiers"] == {"lwp": pid, "callid": "C-00000001"}
    assert entry["logmsg"] == {
        "location": {"filename": "chan_iax2.c", "function": "refuse", "line": 12},
        "level": "NOTICE",
        "message": "Host 1.2.3.4 failed",
    }


def test_a_line_from_outside_stays_one_line(tmp_path: Path) -> None:
    record = Record(Level.NOTICE, "x", 1, "f", "a\nNOTICE[1] forged\r")
    assert "\n" not in format_default(record, WHEN, logger(tmp_path).style)


def test_passwords_of_dial_strings_are_in_no_log(tmp_path: Path) -> None:
    log = logger(tmp_path, channel("messages", Level.NOTICE))
    shown: list[str] = []
    log.consoles.append(lambda record, when: shown.append(record.text))
    log.sink(Record(Level.NOTICE, "x", 1, "f", "Called IAX2/user:s3cret@voip2/201"))
    assert log.flush()
    assert shown == ["Called IAX2/user@voip2/201"]
    assert "Called IAX2/user@voip2/201" in (tmp_path / "messages").read_text()
    log.close()


def test_levels_and_depths(tmp_path: Path) -> None:
    log = logger(
        tmp_path,
        channel("messages", Level.NOTICE, Level.ERROR),
        channel("full", Level.VERBOSE, Level.DEBUG, verbose=3),
        channel("root", Level.VERBOSE),
    )
    log.root_verbose = 1
    for level, depth in (
        (Level.NOTICE, 0),
        (Level.VERBOSE, 1),
        (Level.VERBOSE, 3),
        (Level.VERBOSE, 4),
        (Level.DEBUG, 1),
    ):
        log.sink(Record(level, "x", 1, "f", f"{level.name}{depth}", depth))
    log.debug_of["x"] = 1
    log.sink(Record(Level.DEBUG, "x", 1, "f", "of x", 1))
    assert log.flush()
    read = {
        name: [line.rpartition(": ")[2] for line in (tmp_path / name).read_text().splitlines()]
        for name in ("messages", "full", "root")
    }
    assert read == {"messages": ["NOTICE0"], "full": ["VERBOSE1", "VERBOSE3", "of x"], "root": ["VERBOSE1"]}
    log.close()


def test_a_flood_drops_lines_and_says_how_many(tmp_path: Path) -> None:
    """The writer stands still (its first output waits); nobody who logs does."""
    log = logger(tmp_path, channel("messages", Level.NOTICE, Level.WARNING), queue_limit=10)
    gate = threading.Event()
    log._later(lambda: gate.wait(5))  # type: ignore[arg-type, return-value]
    time.sleep(0.05)
    for number in range(25):
        log.sink(Record(Level.NOTICE, "x", 1, "f", str(number)))
    assert log.dropped == 15
    gate.set()
    assert log.flush()
    lines = (tmp_path / "messages").read_text().splitlines()
    assert [line.rpartition(" ")[2] for line in lines if "dropped" not in line] == [str(n) for n in range(10)]
    assert [line for line in lines if "15 log lines were dropped" in line]
    log.close()


def test_a_stopped_pipe_drops_lines_and_is_said_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    log = logger(tmp_path, channel("pipe", Level.NOTICE), channel("messages", Level.NOTICE))
    for number in range(3):
        log.sink(Record(Level.NOTICE, "x", 1, "f", str(number)))
    assert log.flush()
    assert len(complaints) == 1 and "pipe" in complaints[0]
    assert len((tmp_path / "messages").read_text().splitlines()) == 3
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    log.sink(Record(Level.NOTICE, "x", 1, "f", "again"))
    assert log.flush()
    assert re.search(r"3 log lines could not be written\n.*again\n$", os.read(reader, 4096).decode(), re.S)
    os.close(reader)
    log.close()


def test_a_full_disk_drops_lines(tmp_path: Path) -> None:
    log = logger(tmp_path, channel("/dev/full", Level.NOTICE))
    log.sink(NOTICE)
    log.sink(NOTICE)
    assert log.flush()
    assert log.dropped == 2 and len(complaints) == 1
    log.close()


def test_syslog(tmp_path: Path) -> None:
    """Facility and severity as syslog counts them; no listener is no harm."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as daemon:
        daemon.bind(str(tmp_path / "log"))
        daemon.settimeout(5)
        output = SyslogOutput(16, path=str(tmp_path / "log"))
        output.write(b"a line\n", Level.WARNING)
        assert daemon.recv(1000) == f"<{16 * 8 + 4}>asterisk[{os.getpid()}]: a line".encode()
        output.close()
    with pytest.raises(OSError):
        SyslogOutput(16, path=str(tmp_path / "nobody")).write(b"x\n", Level.ERROR)


def test_reopen_follows_a_moved_file(tmp_path: Path) -> None:
    log = logger(tmp_path, channel("messages", Level.NOTICE))
    log.sink(NOTICE)
    assert log.flush()
    (tmp_path / "messages").rename(tmp_path / "messages.1")
    log.reopen()
    log.sink(NOTICE)
    assert log.flush()
    assert len((tmp_path / "messages").read_text().splitlines()) == 1
    log.close()


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        ("none", {"m": "3", "m.0": "1", "m.1": "2"}),
        ("sequential", {"m.0": "1", "m.1": "2", "m.2": "3"}),
        ("rotate", {"m.0": "3", "m.1": "1", "m.2": "2"}),
        ("timestamp", {"m.0": "1", "m.1": "2", "m.1700000000": "3"}),
    ],
)
def test_rotation(tmp_path: Path, strategy: str, expected: dict[str, str]) -> None:
    for name, text in (("m.0", "1"), ("m.1", "2"), ("m", "3")):
        (tmp_path / name).write_text(text)
    rotate_file(str(tmp_path / "m"), strategy, WHEN)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == expected


def test_rotation_runs_what_is_to_follow(tmp_path: Path) -> None:
    log = logger(tmp_path, channel("m", Level.NOTICE), exec_after_rotate="cp ${filename} ${filename}.copy")
    log.sink(NOTICE)
    log.rotate()
    assert log.flush()
    assert (tmp_path / "m.0.copy").read_text() == (tmp_path / "m.0").read_text() != ""
    log.close()


def conf(tmp_path: Path, text: str) -> tuple[LoggerConf, list[str]]:
    (tmp_path / "logger.conf").write_text(text)
    findings = Diagnostics()
    read = loggerconf.load(str(tmp_path / "logger.conf"), findings)
    return read, [f"{found.place.line} {found.message}" for found in findings]


def test_logger_conf(tmp_path: Path) -> None:
    read, said = conf(
        tmp_path,
        "[general]\ndateformat=%F %T.%3q\nuse_callids=no\nappendhostname=yes\nrotatestrategy=rotate\n"
        "logger_queue_limit=50\n[logfiles]\nconsole => notice,warning\nfull => [json]verbose(3),debug,fax,*\n"
        "syslog.local0 => error\nodd => loud\n",
    )
    assert (read.dateformat, read.use_callids, read.appendhostname) == ("%F %T.%3q", False, True)
    assert (read.rotatestrategy, read.queue_limit) == ("rotate", 50)
    console, full, syslog, odd = read.channels
    assert (console.kind, console.levels) == ("Console", {Level.NOTICE, Level.WARNING})
    assert (full.kind, full.formatter, full.verbose, full.levels) == ("File", "json", 3, set(Level))
    assert (syslog.kind, syslog.levels) == ("Syslog", {Level.ERROR})
    assert not odd.levels and said == ["11 no such level: loud"]


def test_without_a_file_there_are_defaults(tmp_path: Path) -> None:
    read = loggerconf.load(str(tmp_path / "logger.conf"), Diagnostics())
    assert [channel.name for channel in read.channels] == ["console", "messages"]


def test_hostname_is_appended(tmp_path: Path) -> None:
    assert loggerconf.file_of(channel("m"), "/l", "host") == "/l/m.host"
    assert loggerconf.file_of(channel("/a/m"), "/l") == "/a/m"
