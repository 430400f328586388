"""Call files: what they say, and the book kept in them."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx.callfile import CallFile, parse


def test_everything_that_a_call_file_may_say() -> None:
    call = parse(
        "f",
        '# comment\n  ; comment\nChannel: IAX2/peer/200@ctx\nCallerID: "Some One" <55>\nMaxRetries: 3\nRetryTime: 60\n'
        "WaitTime: 20; a comment #\nContext: ctx # a comment\nExtension: 9\nPriority: 2\nSet: A=b=c\\;d\nSetvar:B=\n"
        "Account: acc\nCodecs: ulaw, alaw\nEarly_Media: yes\nArchive: Yes\nAlwaysDelete: no\nEndRetry: 1 1 (5)\n"
        "StartRetry: 77 2 (9)\n",
    )
    assert (call.technology, call.destination, call.resource) == ("IAX2", "peer/200@ctx", "IAX2/peer/200@ctx")
    assert (call.caller_name, call.caller_number, call.account) == ("Some One", "55", "acc")
    assert (call.maxretries, call.retrytime, call.waittime) == (3, 60, 20)
    assert call.target == "9@ctx:2"
    assert call.variables == {"A": "b=c;d", "B": ""}
    assert call.codecs == ["ulaw", "alaw"]
    assert (call.archive, call.always_delete) == (True, False)
    assert call.early_media
    assert (call.attempts, call.callingpid) == (1, 77)
    assert call.complete


def test_defaults() -> None:
    call = parse("f", "Channel: Local/1@c\nApplication: Echo\n")
    assert (call.maxretries, call.retrytime, call.waittime, call.context, call.priority) == (0, 300, 45, "default", 1)
    assert (call.archive, call.always_delete, call.caller_number) == (False, True, None)
    assert call.complete
    assert call.target == "application Echo()"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("no colon", "Syntax error at line 2 of f"),
        ("Bogus: 1", "Unknown keyword 'Bogus' at line 2 of f"),
        ("Priority: label", "Invalid priority at line 2 of f"),
        ("MaxRetries: -1", "Invalid max retries at line 2 of f"),
        (" Channel: Local/1@c", "Unknown keyword ' Channel' at line 2 of f"),
        ("Channel : Local/1@c", "Unknown keyword 'Channel ' at line 2 of f"),
        (": Local/1@c", "Unknown keyword '' at line 2 of f"),
        ("RetryTime: 0", "Invalid retrytime at line 2 of f"),
        ("Set: novalue", 'Malformed "Set" argument.  Should be "Set: variable=value" at line 2 of f'),
        ("Channel: nosuch", "Channel should be in form Tech/Dest at line 2 of f"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(line: str, said: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(0):
        call = parse("f", f"Application: Echo\n{line}\n")
    assert said in caplog.text
    assert not call.complete


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    parse("f", text)


def test_the_book(tmp_path: Path) -> None:
    path = tmp_path / "call"
    path.write_text("Channel: Local/1@c")
    call = CallFile(str(path), retrytime=100)
    call.note("StartRetry", 5000, 1)
    assert path.read_text() == f"Channel: Local/1@c\nStartRetry: {os.getpid()} 1 (5000)\n"
    assert path.stat().st_mtime == 5100


def test_a_file_that_was_taken_away_is_not_made_anew(tmp_path: Path) -> None:
    call = CallFile(str(tmp_path / "call"))
    with pytest.raises(FileNotFoundError):
        call.note("StartRetry", 5000, 1)
    assert not (tmp_path / "call").exists()


def test_where_a_file_goes(tmp_path: Path) -> None:
    done = tmp_path / "done"

    def finished(name: str, *, ahead: bool, **options: bool) -> bool:
        path = tmp_path / name
        path.write_text("x\n")
        if ahead:
            os.utime(path, (time.time(), time.time() + 100))
        CallFile(str(path), **options).finish("Completed", str(done))  # type: ignore[arg-type]
        return path.exists()

    assert not finished("plain", ahead=True)
    assert finished("kept", ahead=True, always_delete=False)
    assert not finished("due", ahead=False, always_delete=False)
    assert not finished("archived", ahead=True, archive=True)
    assert re.fullmatch(r"x\nStatus: Completed\n", (done / "archived").read_text())
    assert [path.name for path in done.iterdir()] == ["archived"]
