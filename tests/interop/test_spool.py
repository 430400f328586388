"""Call files: pbx does with them what a stock Asterisk 22 does, line by line of the book it keeps in them."""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass

import pytest

from tests.interop.boxes import HERE, Box, make_box
from tests.interop.conftest import need

FILES = {
    "retries": "Channel: Local/busy@c/n\nMaxRetries: 2\nRetryTime: 2\nWaitTime: 2\nArchive: yes\nContext: d\n"
    "Extension: s\nSet: V1=v one\n",
    "comments": "# comment\n; comment\nchannel:Local/slow@c/n\nApplication: Wait\nData: 1\nArchive: Yes\n",
    "caller": 'Channel: Local/ans@c/n\nContext: d\nExtension: s\nPriority: 1\nCallerID: "Some One" <5551>\n'
    "Setvar: V1=a=b ; a comment\nSet: V2=x\\;y\nAccount: acct\nArchive: yes\n",
    "target": "Channel: Local/ans@c/n\nArchive: yes\n",
    "channel": "Context: d\nExtension: s\nArchive: yes\n",
    "form": "Channel: nosuch\nApplication: NoOp\nArchive: yes\n",
    "unknown": "Channel: Local/ans@c/n\nApplication: Wait\nData: 1\nBogus: yes\nthis is no line\nArchive: yes\n",
    "kept": "Channel: Local/ans@c/n\nApplication: Wait\nData: 1\nAlwaysDelete: no\n",
    "gone": "Channel: Local/ans@c/n\nApplication: Wait\nData: 1\n",
    "label": "Channel: Local/ans@c/n\nContext: d\nExtension: lab\nPriority: two\nArchive: yes\n",
    "nowhere": "Channel: Local/nope@nowhere\nContext: d\nExtension: s\nArchive: yes\nMaxRetries: 1\nRetryTime: 1\n",
    "ringing": "Channel: Local/ring@c/n\nContext: d\nExtension: s\nArchive: yes\nWaitTime: 1\nSet: V1=q\n"
    "CallerID: 77\nAccount: ac\n",
    "hangup": "Channel: Local/nope@c/n\nContext: d\nExtension: s\nArchive: yes\nWaitTime: 5\n",
    "hangup17": "Channel: Local/hang17@c/n\nContext: d\nExtension: s\nArchive: yes\nWaitTime: 5\n",
    "hangup34": "Channel: Local/hang34@c/n\nContext: d\nExtension: s\nArchive: yes\nWaitTime: 5\n",
    "hangup19": "Channel: Local/hang19@c/n\nContext: d\nExtension: s\nArchive: yes\nWaitTime: 5\n",
    "rang17": "Channel: Local/rang17@c/n\nContext: d\nExtension: s\nArchive: yes\nWaitTime: 5\n",
    "future": "Channel: Local/ans@c/n\nApplication: Wait\nData: 1\nArchive: yes\n",
    "foreign": "Channel: Local/cong@c/n\nContext: d\nExtension: s\nPriority: 10\nArchive: yes\nMaxRetries:1\n"
    "RetryTime: 1\nStartRetry: 1 1 (1700000000)\n",
    "empty": "",
    # how it is written
    "upper": "CHANNEL: Local/ans@c/n\nAPPLICATION: Wait\nDATA: 1\nARCHIVE: YES\n",
    "tabs": "Channel:\tLocal/ans@c/n\nApplication:\tWait\nData:\t1\nArchive:\tyes\n",
    "spaces": "  Channel :   Local/ans@c/n\nApplication  : Wait\nArchive:yes\n",
    "colon": ":\n: x\nChannel: Local/ans@c/n\nApplication: Wait\nData: 1\nArchive: yes\n",
    "semi": "Channel: Local/ans@c/n ; x\nApplication: Wait; x\nData: 1 # x\nArchive: yes ;x\n",
    "nonl": "Channel: Local/ans@c/n\nApplication: Wait\nData: 1\nArchive: yes",
    ".dot": "Channel: Local/ans@c/n\nApplication: Wait\nData: 1\nArchive: yes\n",
    # what is wrong with it
    "badnum": "Channel: Local/ans@c/n\nMaxRetries: x\nRetryTime: -5\nWaitTime: abc\nApplication: Wait\nData: 1\n",
    "zero": "Channel: Local/busy@c/n\nMaxRetries: 1\nRetryTime: 0\nWaitTime: 0\nApplication: Wait\nData: 1\n",
    "badprio": "Channel: Local/ans@c/n\nContext: d\nExtension: s\nPriority: 0\nArchive: yes\n",
    "prio99": "Channel: Local/ans@c/n\nContext: d\nExtension: s\nPriority: 99\nArchive: yes\n",
    "noext": "Channel: Local/ans@c/n\nContext: d\nExtension: nosuch\nArchive: yes\n",
    "noctx": "Channel: Local/ans@c/n\nContext: nosuch\nExtension: s\nArchive: yes\n",
    "noapp": "Channel: Local/ans@c/n\nApplication: NoSuchApp\nArchive: yes\n",
    "notech": "Channel: Bogus/1\nContext: d\nExtension: s\nArchive: yes\nMaxRetries: 1\nRetryTime: 1\n",
    # what is said twice, or too much
    "both": "Channel: Local/ans@c/n\nApplication: Wait\nData: 1\nContext: d\nExtension: s\nArchive: yes\n",
    "twice": "Channel: Local/busy@c/n\nChannel: Local/ans@c/n\nApplication: Wait\nData: 1\nArchive: yes\n",
    "name": "Channel: Local/ans@c/n\nCallerID: Just Name\nContext: d\nExtension: s\nArchive: yes\n",
    "number": "Channel: Local/ans@c/n\nCallerID: <123>\nContext: d\nExtension: s\nArchive: yes\n",
    "early": "Channel: Local/prog@c/n\nEarly_media: yes\nApplication: Wait\nData: 1\nArchive: yes\n",
    # a book that others began
    "endings": "Channel: Local/busy@c/n\nMaxRetries: 2\nApplication: Wait\nArchive: yes\nEndRetry: 1 1 (5)\n"
    "EndRetry: 1 2 (6)\n",
    "ended": "Channel: Local/busy@c/n\nMaxRetries: 1\nApplication: Wait\nArchive: yes\nEndRetry: 1 1 (5)\n"
    "EndRetry: 1 2 (6)\n",
    "delayed": "Channel: Local/ans@c/n\nApplication: Wait\nArchive: yes\nDelayedRetry: 1 1 (5)\nAbortRetry: 1 1 (5)\n",
    "long": "Channel: Local/slow@c/n\nApplication: Wait\nData: 9\nArchive: yes\nRetryTime: 2\n",
}
#: seconds that the file `future` lies ahead
AHEAD = 4


@dataclass
class Kept:
    outgoing: dict[str, str]
    done: dict[str, str]
    log: list[str]
    future_began: float


def plain(text: str) -> str:
    """A file without process number and times."""
    return re.sub(r"(?m)^(\w+Retry): \d+ (\d+) \(\d+\)$", r"\1: PID \2 (TIME)", text)


def spool(box: Box) -> Kept:
    box.start()
    try:
        outgoing, done = box.home / "spool" / "outgoing", box.home / "spool" / "outgoing_done"
        began = time.time()
        for name, text in FILES.items():
            path = box.home / "spool" / "tmp" / name
            path.write_text(text)
            if name == "future":
                os.utime(path, (began + AHEAD, began + AHEAD))
            path.rename(outgoing / name)
        future_began = 0.0
        while time.time() < began + 12:
            if not future_began and (outgoing / "future").stat().st_mtime > began + 2 * AHEAD:
                future_began = time.time() - began
            time.sleep(0.1)
        lines = re.findall(r"pbx_spool\.c: (.*)|(GOT .*?)\s*$", box.log, re.MULTILINE)
        return Kept(
            {path.name: plain(path.read_text()) for path in outgoing.iterdir()},
            {path.name: plain(path.read_text()) for path in done.iterdir()},
            sorted(re.sub(r"/\S*/outgoing/|-[0-9a-f]{8}", "", one or two) for one, two in lines if '")' not in two),
            future_began,
        )
    finally:
        box.stop()


@pytest.fixture(scope="module")
def both() -> tuple[Kept, Kept]:
    """(stock, pbx)."""
    need("asterisk22")
    files = HERE / "etc" / "spool"
    stock = spool(make_box("asterisk22", "spoolstock", files, "127.0.52.12"))
    return stock, spool(make_box("pbx", "spoolpbx", files, "127.0.52.13"))


def test_what_stays(both: tuple[Kept, Kept]) -> None:
    stock, pbx = both
    assert pbx.outgoing == stock.outgoing
    assert set(pbx.outgoing) == {"kept", "zero"}


def test_the_archive(both: tuple[Kept, Kept]) -> None:
    """Every attempt is booked, and how it ended."""
    stock, pbx = both
    assert pbx.done == stock.done
    assert pbx.done["retries"].endswith("StartRetry: PID 3 (TIME)\nStatus: Expired\n")
    assert pbx.done["caller"].endswith("Status: Completed\n")


def test_calls_and_words(both: tuple[Kept, Kept]) -> None:
    """What was called with which caller, variables and account; `failed` with its REASON; the log's words."""
    stock, pbx = both
    assert pbx.log == stock.log
    assert 'GOT s "Some One" <5551> a=b x;y acct Local/ans@c;1' in pbx.log


def test_not_before_its_time(both: tuple[Kept, Kept]) -> None:
    for kept in both:
        assert AHEAD - 1.1 <= kept.future_began <= AHEAD + 2
