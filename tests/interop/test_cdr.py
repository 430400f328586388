"""Call records of pbx are those of a stock Asterisk 22 for the same files and calls."""

from __future__ import annotations

import csv
import json
import re
import sqlite3
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.interop.boxes import HERE, MODULES, Box, StockBox, make_box
from tests.interop.conftest import need

#: what a stock box loads besides
RECORDS = (
    "res_cdrel_custom cdr_csv app_forkcdr app_cdr func_cdr cdr_custom cdr_sqlite3_custom app_channelredirect"
).split()

#: extensions of context t and of u (no `h` there)
CALLS = [
    f"{exten}@t"
    for exten in (
        "plain ans late busy noans rnoans cong rej hang3 hang16 hang17 hang19 hang20 hang34 hang0 noext two "
        "twoc twobusy busyans g nope local opt fork fork0 forkr forkv forkd reset resetv resete nocdr nocdrd "
        "seq afterans uf forkreset afterreset resume timeout exec tryfor U b B gosub goto F cxl prop limit "
        "read congapp busyapp busyans2 slowh ring bad fall"
    ).split()
] + [f"{exten}@u" for exten in "plain noans busy hang17 hang21 hang ans busyapp fall".split()]
#: who takes whose place, and what is asked of records; behind a blank: what the other half does (else it waits)
CALLS += ["bxa@t extension 1701@typ", "axc@t application Wait 8"] + [
    f"{exten}@t"
    for exten in (
        "red redr bxc tra fo- fo-a fo-e fo-r fo-v fo-ae fo-aerv fu- fu-e fu-v fdial dis3 dis4 hfork hacc gsd "
        "retry orig origx acv1 acv2"
    ).split()
]

#: fields of Master.csv
(ACCOUNT, SRC, DST, CONTEXT, CLID, CHANNEL, DSTCHANNEL, APP, DATA, START, ANSWER, END, DURATION, BILLSEC, DISPOSITION,
 AMA, UNIQUEID, USERFIELD, PEERACCOUNT, LINKEDID, SEQUENCE) = range(21)  # fmt: skip


#: a row of Master.csv, as (dcontext, dst) and its fields CHANNEL and DATA
Place = tuple[str, str]
#: Which of two threads of a stock box is first, the one that leaves the bridge (and ends the row) or the one that sends
#: it elsewhere, is chance: the first row of who is transferred says where it is sent, 1 time in 15 where it had been
CHANCE: dict[tuple[str, str], dict[Place, Place]] = {
    ("Local/bxc@t;2", "IAX2/self/ty-#1-701,20,t"): {("t", "bxc"): ("t", "701")},
    ("Local/tra@t;2", "IAX2/self/trana-tra,8,t"): {("t", "tra"): ("in", "702")},
}


@dataclass
class Kept:
    """What a box wrote."""

    master: list[list[str]]
    accounts: dict[str, int]
    custom: list[list[str]]
    listed: list[list[str]]
    objects: list[str]
    table: list[tuple[object, ...]]
    status: str


def bare(name: str) -> str:
    """A channel's name without what differs from call to call."""
    return re.sub(r"-[0-9a-f]{8}(;\d)", r"\1", re.sub(r"(IAX2/self)-\d+", r"\1", name))


def make_calls(box: Box) -> Kept:
    """Start the box, make all calls, some at a time, and read what it wrote."""
    if isinstance(box, StockBox):
        box.wanted = [*MODULES, *RECORDS]
    box.start()
    try:
        log = box.home / "log"
        for folder in ("cdr-csv", "cdr-custom"):
            (log / folder).mkdir(exist_ok=True)
        # the first call waits for the voice process, which takes its time on a busy machine: its seconds don't count
        box.rx("channel originate Local/warm@u/n application Wait 30")
        box.wait_log(r"Executing \[ans-warm@in", 30)
        box.wait_idle(30)
        running: list[subprocess.Popen[bytes]] = []
        for call in CALLS:
            there, _, here = call.partition(" ")
            command = box.command("-rx", f"channel originate Local/{there}/n {here or 'application Wait 6'}")
            running.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL))
            time.sleep(0.3)
            if len(running) > 6:
                running.pop(0).wait(20)
        for process in running:
            process.wait(20)
        box.wait_idle(30)
        time.sleep(1)
        status = box.rx("cdr show status")
        accounts = {
            path.name: len(path.read_text().splitlines())
            for path in (log / "cdr-csv").glob("*.csv")
            if path.name != "Master.csv"
        }
        return Kept(
            rows(log / "cdr-csv" / "Master.csv"),
            accounts,
            rows(log / "cdr-custom" / "Custom.csv"),
            rows(log / "cdr-custom" / "fields.csv"),
            (log / "cdr-custom" / "fields.json").read_text().replace("ans-warm", "warm").splitlines(),
            sqlite3.connect(log / "master.db").execute("SELECT * FROM cdr").fetchall(),
            status,
        )
    finally:
        box.stop()


def settle(kept: Kept) -> None:
    """What is chance becomes what comes most often; all files hold the same records in the same order."""
    for at, row in enumerate(kept.master, -len(kept.master)):
        usual = CHANCE.get((bare(row[CHANNEL]), row[DATA]), {}).get((row[CONTEXT], row[DST]))
        if usual is None:
            continue
        assert kept.custom[at][2] == kept.listed[at][3] == row[DST]
        kept.objects[at] = kept.objects[at].replace(f'"dst":"{row[DST]}"', f'"dst":"{usual[1]}"')
        kept.table[at] = (*kept.table[at][:3], usual[0], *kept.table[at][4:])
        row[CONTEXT], row[DST] = usual
        kept.custom[at][2] = kept.listed[at][3] = usual[1]


def rows(path: Path) -> list[list[str]]:
    with path.open(newline="") as file:
        return [row for row in csv.reader(file) if not any("warm" in text for text in row)]


@pytest.fixture(scope="module")
def both() -> tuple[Kept, Kept]:
    """(stock, pbx)."""
    need("asterisk22")
    files = HERE / "etc" / "cdr"
    stock = make_calls(make_box("asterisk22", "cdrstock", files, "127.0.52.4"))
    settle(stock)
    return stock, make_calls(make_box("pbx", "cdrpbx", files, "127.0.52.5"))


def essence(row: list[str]) -> tuple[object, ...]:
    """All of a row that must be the same, its seconds last."""
    same = [bare(text) for text in row[:START]] + [bool(row[ANSWER])] + row[DISPOSITION : AMA + 1]
    return (*same, row[USERFIELD], row[PEERACCOUNT], int(row[DURATION]), int(row[BILLSEC]))


def alike(one: tuple[object, ...], other: tuple[object, ...]) -> bool:
    """The same but for a second."""
    seconds = zip(one[-2:], other[-2:], strict=True)
    return one[:-2] == other[:-2] and all(abs(int(str(a)) - int(str(b))) <= 1 for a, b in seconds)


def unmatched(ours: list[tuple[object, ...]], theirs: list[tuple[object, ...]]) -> str:
    """Rows that only one side has, as text."""
    left = sorted(theirs, key=str)
    extra = []
    for row in sorted(ours, key=str):
        match = next((other for other in left if alike(row, other)), None)
        if match is None:
            extra.append(row)
        else:
            left.remove(match)
    return "\n".join([f"stock only: {row}" for row in left] + [f"pbx only:   {row}" for row in extra])


def test_master(both: tuple[Kept, Kept]) -> None:
    stock, pbx = both
    assert len(stock.master) > 150
    assert unmatched([essence(row) for row in pbx.master], [essence(row) for row in stock.master]) == ""


def test_every_row_has_the_fields_of_a_stock_row(both: tuple[Kept, Kept]) -> None:
    stock, pbx = both
    assert {len(row) for row in pbx.master} == {len(row) for row in stock.master} == {21}
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", row[START]) for row in pbx.master)
    assert all(row[UNIQUEID].startswith("cdrpbx-") and row[LINKEDID].startswith("cdrpbx-") for row in pbx.master)
    assert len({row[SEQUENCE] for row in pbx.master}) == len(pbx.master)


def test_linkedids_group_the_same_rows(both: tuple[Kept, Kept]) -> None:
    def groups(kept: Kept) -> list[list[str]]:
        found: dict[str, list[str]] = {}
        for row in kept.master:
            found.setdefault(row[LINKEDID], []).append(f"{bare(row[CHANNEL])} {row[DST]}")
        return sorted(sorted(names) for names in found.values())

    stock, pbx = both
    assert groups(pbx) == groups(stock)


def test_files_of_accounts(both: tuple[Kept, Kept]) -> None:
    stock, pbx = both
    assert pbx.accounts == stock.accounts
    assert set(pbx.accounts) == {"acc1.csv", "cacc.csv", "inacc.csv", "myacc.csv", "pacc.csv"}


def _shape(text: str) -> str:
    """A value with its digits blotted out."""
    return re.sub(r"\d", "9", re.sub(r"\d{10}\.\d{6}", "TIME", text))


def test_templates(both: tuple[Kept, Kept]) -> None:
    """Everything in a template: times as numbers, fractions, variables, what belongs to no record."""

    def lines(kept: Kept) -> list[tuple[str, ...]]:
        found = []
        for row in kept.custom:
            plain = [*row[:3], *row[12:18], *map(bare, row[18:20]), *row[21:]]
            plain[9:9] = [_shape(text) for text in (*row[3:8], *row[10:12])]
            found.append(tuple(plain))
        return sorted(found)

    stock, pbx = both
    ours, theirs = lines(pbx), lines(stock)
    assert [line for line in ours if line not in theirs] == []
    assert [line for line in theirs if line not in ours] == []


def test_lists_of_fields(both: tuple[Kept, Kept]) -> None:
    def lines(kept: Kept) -> list[tuple[str, ...]]:
        return sorted((*row[:4], _shape(row[4]), *row[8:14]) for row in kept.listed)

    stock, pbx = both
    assert lines(pbx) == lines(stock)


def test_objects(both: tuple[Kept, Kept]) -> None:
    """Lines of JSON; a stock box writes invalid ones where a text holds both quotes and backslashes."""

    def plain(kept: Kept) -> list[str]:
        found = [re.sub(r'"duration":\d+', '"duration":9', line) for line in kept.objects]
        return sorted(line for line in found if '"mine":"m"' not in line)

    stock, pbx = both
    assert plain(pbx) == plain(stock)
    assert all(isinstance(json.loads(line)["duration"], int) for line in pbx.objects)
    named = next(json.loads(line) for line in pbx.objects if "123" in line)
    assert named["clid"] == '"A \\"\\"B" <123>'


def test_table(both: tuple[Kept, Kept]) -> None:
    """SQLite: an id, then the columns of the file; times and durations left out."""

    def plain(kept: Kept) -> list[tuple[str, ...]]:
        return sorted(
            (*map(str, row[2:4]), bare(str(row[4])), bare(str(row[5])), *map(str, row[6:8]), *map(str, row[10:13]))
            for row in kept.table
        )

    stock, pbx = both
    assert plain(pbx) == plain(stock)


def test_status(both: tuple[Kept, Kept]) -> None:
    stock, pbx = both
    assert [line.rstrip() for line in pbx.status.splitlines()] == [line.rstrip() for line in stock.status.splitlines()]
