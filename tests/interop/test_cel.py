"""Channel events of pbx are those of a stock Asterisk 22 for the same files and calls."""

from __future__ import annotations

import csv
import json
import re
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest

from tests.interop.boxes import HERE, MODULES, Box, StockBox, make_box
from tests.interop.conftest import need
from tests.interop.test_cdr import bare

RECORDS = [
    "res_cdrel_custom",
    "app_celgenuserevent",
    "cel_custom",
    "cel_sqlite3_custom",
    "func_cdr",
    "app_directed_pickup",
    "app_controlplayback",
]
CALLS = ("user", "talk", "cong", "noans", "two", "acc", "sounds")
#: calls in which somebody takes the place of somebody else (all at once)
MOVING = ("blind", "attend", "rings", "takes")


class Told:
    """What a box wrote, by file.  `quiet`: how many lines stood there before the moving calls."""

    def __init__(self, box: Box, quiet: int) -> None:
        folder = box.home / "log" / "cel-custom"
        events = rows(folder / "Master.csv")
        self.master, self.moving = events[:quiet], events[quiet:]
        self.listed = rows(folder / "adv.csv")[:quiet]
        self.objects = [json.loads(line) for line in (folder / "adv.json").read_text().splitlines()[:quiet]]
        self.table = sqlite3.connect(box.home / "log" / "master.db").execute("SELECT * FROM cel").fetchall()[:quiet]
        self.status = box.rx("cel show status")


def rows(path: Path) -> list[list[str]]:
    with path.open(newline="") as file:
        return list(csv.reader(file))


def told(box: Box) -> Told:
    if isinstance(box, StockBox):
        box.wanted = [*MODULES, *RECORDS]
    box.add_sound("tone", bytes(range(160)) * 10)
    box.start()
    try:
        (box.home / "log" / "cel-custom").mkdir(exist_ok=True)
        for call in CALLS:
            box.rx(f"channel originate Local/{call}@v/n application Wait 4")
            time.sleep(0.5)
            box.wait_idle()
        time.sleep(1)
        quiet = len(rows(box.home / "log" / "cel-custom" / "Master.csv"))
        commands = [box.command("-rx", f"channel originate Local/{call}@v/n application Wait 7") for call in MOVING]
        running = [subprocess.Popen(one, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL) for one in commands]
        for process in running:
            process.wait(30)
        box.wait_idle(30)
        time.sleep(1)
        return Told(box, quiet)
    finally:
        box.stop()


@pytest.fixture(scope="module")
def both() -> tuple[Told, Told]:
    """(stock, pbx)."""
    need("asterisk22")
    files = HERE / "etc" / "cel"
    stock = told(make_box("asterisk22", "celstock", files, "127.0.52.8"))
    return stock, told(make_box("pbx", "celpbx", files, "127.0.52.9"))


def plain(text: str) -> str:
    """A value without the names and times of one call."""
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "BRIDGE", bare(text))
    text = re.sub(r"(/[^/\s]+)+/sounds/", "SOUNDS/", text)
    text = re.sub(r"cel(pbx|stock)-\d+\.\d+", "ID", text)
    return re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d|\d{10}(\.\d+)?", "TIME", text)


def essence(events: list[list[str]], peer: int) -> list[list[str]]:
    """What must be the same.  Which of two that end together was the last, and left a bridge last, is chance."""
    found = []
    for row in events:
        texts = [plain(text) for text in row]
        if texts[0] == "LINKEDID_END":
            texts = texts[:1]
        elif texts[0] == "BRIDGE_EXIT":
            texts[peer] = ""
        found.append(texts)
    return sorted(found)


def test_templates(both: tuple[Told, Told]) -> None:
    stock, pbx = both
    assert len(stock.master) > 100
    assert [row[0] for row in stock.master].count("STREAM_BEGIN") == 5
    assert essence(pbx.master, 16) == essence(stock.master, 16)


def test_lists_of_fields(both: tuple[Told, Told]) -> None:
    stock, pbx = both
    assert essence(pbx.listed, 20) == essence(stock.listed, 20)


def test_objects(both: tuple[Told, Told]) -> None:
    def known(told: Told) -> list[str]:
        return sorted(f"{set(one)} {one['eventtype']} {one['amaflags']} {one['My']}" for one in told.objects)

    stock, pbx = both
    assert [line.split("}")[1] for line in known(pbx)] == [line.split("}")[1] for line in known(stock)]
    assert all(isinstance(one["eventtime"], float) for one in pbx.objects + stock.objects)


def test_table(both: tuple[Told, Told]) -> None:
    def known(told: Told) -> list[tuple[str, ...]]:
        return sorted((str(row[1]), plain(str(row[4]))) for row in told.table if row[1] != "LINKEDID_END")

    stock, pbx = both
    assert known(pbx) == known(stock)


def test_each_call_begins_with_its_start_and_ends_with_its_linkedid(both: tuple[Told, Told]) -> None:
    for told in both:
        calls: dict[str, list[str]] = {}
        for row in told.master:
            calls.setdefault(row[15], []).append(row[0])
        assert all(events[0] == "CHAN_START" and events[-1] == "LINKEDID_END" for events in calls.values())
        assert all(events.count("LINKEDID_END") == 1 for events in calls.values())


def test_status(both: tuple[Told, Told]) -> None:
    stock, pbx = both
    assert sorted(pbx.status.split("\n")) == sorted(stock.status.split("\n"))


def test_who_takes_whose_place(both: tuple[Told, Told]) -> None:
    """Transfers and pickups as they are told, and the digits that asked for them.  Whether a stock box still knows
    the target of an attended transfer is chance."""

    def known(told: Told) -> list[tuple[str, ...]]:
        kinds = ("BLINDTRANSFER", "ATTENDEDTRANSFER", "PICKUP", "DTMF")
        return sorted(
            (row[0], *map(plain, row[7:12]), re.sub(r'"duration_ms":\d+|,"transfer_target.*', "", plain(row[19])))
            for row in told.moving
            if row[0] in kinds
        )

    stock, pbx = both
    assert known(pbx) == known(stock)
    assert {row[0] for row in known(pbx)} == {"BLINDTRANSFER", "ATTENDEDTRANSFER", "PICKUP", "DTMF"}


def test_who_sits_in_which_bridge(both: tuple[Told, Told]) -> None:
    """While an attended transfer goes on: who enters which bridge, one after the other; of a pair that comes at
    the same time the order is chance."""

    def seats(told: Told) -> list[list[str]]:
        linked = {row[15] for row in told.moving if "Local/attend@v" in row[9]}
        found: list[list[str]] = []
        names: dict[str, int] = {}
        for row in told.moving:
            if row[0] == "BRIDGE_ENTER" and row[15] in linked:
                bridge = json.loads(row[19])["bridge_id"]
                names.setdefault(bridge, len(names))
                found.append([str(names[bridge]), bare(row[9])])
        return [sorted(found[at : at + 2]) for at in range(0, len(found), 2)]

    stock, pbx = both
    assert seats(pbx) == seats(stock)
    assert len(seats(pbx)) == 3
