"""Two boxes with one dialplan: a stock Asterisk 22 and pbx.  Both stay up; each batch of cases is a reload."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tests.interop.boxes import Box, PbxBox, StockBox
from tests.shared import shared_dir

GENERAL = "[general]\nstatic=yes\nwriteprotect=no\n\n"
#: seconds that calls of a batch may take
PATIENCE = 25.0
#: lines of a case that are compared
MOST_LINES = 90


@dataclass
class Case:
    """A piece of extensions.conf that writes lines by `EMIT(text)`.  `enter`: places `exten@context`."""

    name: str
    conf: str
    enter: list[str] = field(default_factory=list)
    globals: str = ""
    #: the order of lines does not matter (several channels write them)
    unordered: bool = False
    #: console commands whose output is compared too
    ask: list[str] = field(default_factory=list)
    #: seconds that the originating half stays
    hold: int = 4
    #: where the originating half goes when it is answered, `exten@context`, in place of waiting
    answered: str = ""


@dataclass
class Outcome:
    """What one box did with a case."""

    lines: list[str]
    answers: list[str]


def emit(text: str, out: str, name: str) -> str:
    return re.sub(r"\bEMIT\(", lambda m: f"Set(FILE({out}/{name},,,al,u)=", text)


class Pair:
    """The two boxes.  `address`: the first three numbers of loopback addresses to bind."""

    def __init__(self, address: str = "127.0.28", extra: dict[str, str] | None = None) -> None:
        folder = Path(tempfile.mkdtemp(prefix="differential-"))
        for path in (shared_dir() / "golden" / "etc").glob("*.conf"):
            if path.name != "asterisk.conf":
                shutil.copy(path, folder / path.name)
        for name, text in (extra or {}).items():
            (folder / name).write_text(text, encoding="utf-8")
        (folder / "extensions.conf").write_text(GENERAL, encoding="utf-8")
        self.folder = folder
        number = 10 + os.getpid() % 200
        iax = "[general]\nbindaddr=%s\n"
        (folder / "iax.conf").write_text(iax % f"{address}.{number}", encoding="utf-8")
        self.stock = StockBox("stock", folder, f"{address}.{number}", 22)
        self.pbx = PbxBox("pbx", folder, f"{address}.{number + 1}")
        self.boxes: tuple[Box, Box] = (self.stock, self.pbx)
        for box in self.boxes:
            box.verbose = 0

    def __enter__(self) -> Pair:
        try:
            for box in self.boxes:
                box.start()
                (box.home / "out").mkdir(exist_ok=True)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for box in self.boxes:
            box.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def play(self, cases: Sequence[Case], general: str = GENERAL) -> list[tuple[Case, Outcome, Outcome]]:
        """All cases on both boxes."""
        with ThreadPoolExecutor(2) as pool:
            stock, own = pool.map(lambda box: self._play(box, cases, general), self.boxes)
        return [(case, stock[case.name], own[case.name]) for case in cases]

    def differences(self, cases: Sequence[Case], general: str = GENERAL) -> list[tuple[Case, Outcome, Outcome]]:
        """Those whose outcome differs; they are played twice more, so that what hangs on chance drops out."""
        left = list(cases)
        found: list[tuple[Case, Outcome, Outcome]] = []
        for _ in range(2):
            found = [row for row in self.play(left, general) if not same(*row)]
            left = [case for case, _, _ in found]
            if not left:
                break
        return found

    def _play(self, box: Box, cases: Sequence[Case], general: str) -> dict[str, Outcome]:
        out = box.home / "out"
        for path in out.iterdir():
            path.unlink()
        seen = box.seen(out)
        text = general
        variables = "".join(emit(case.globals, seen, case.name) for case in cases)
        if variables:
            text += "[globals]\n" + variables
        for case in cases:
            text += "\n" + emit(case.conf, seen, case.name)
        text = text.replace("@OUT@", seen)
        (box.home / "etc" / "extensions.conf").write_bytes(text.encode("utf-8", "surrogateescape"))
        box.rx("dialplan reload")
        answers = {case.name: [box.rx(command).replace(seen, "@OUT@") for command in case.ask] for case in cases}
        self._enter(box, cases)
        return {case.name: Outcome(_lines(out / case.name), answers[case.name]) for case in cases}

    def _enter(self, box: Box, cases: Sequence[Case]) -> None:
        entered = 0
        for case in cases:
            for number, place in enumerate(case.enter):
                name = f"{case.name}-{number}.call"
                then = f"Application: Wait\nData: {case.hold}\n"
                if case.answered:
                    exten, _, context = case.answered.rpartition("@")
                    then = f"Context: {context}\nExtension: {exten}\nPriority: 1\n"
                call = f"Channel: Local/{place}/n\n{then}WaitTime: 15\n"
                path = box.home / "spool" / "tmp" / name
                path.write_text(call, encoding="utf-8")
                os.rename(path, box.home / "spool" / "outgoing" / name)
                entered += 1
        if not entered:
            return
        limit = time.monotonic() + PATIENCE
        while time.monotonic() < limit:
            time.sleep(0.25)
            if not any((box.home / "spool" / "outgoing").iterdir()) and not box.channels():
                return
        box.rx("channel request hangup all")
        time.sleep(0.5)


def _lines(path: Path) -> list[str]:
    try:
        return path.read_bytes().decode("utf-8", "surrogateescape").split("\n")[:-1]
    except FileNotFoundError:
        return []


def same(case: Case, stock: Outcome, own: Outcome) -> bool:
    if case.unordered:
        return sorted(stock.lines) == sorted(own.lines) and stock.answers == own.answers
    # one that goes round for ever is seen as far as it has come
    if len(stock.lines) > MOST_LINES and len(own.lines) > MOST_LINES:
        return stock.lines[:MOST_LINES] == own.lines[:MOST_LINES]
    return stock == own
