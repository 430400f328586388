"""Whole files: each case is an extensions.conf of its own (and files beside it); what loads is listed and compared."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from tests.interop.boxes import Box
from tests.interop.differential.asking import ask
from tests.interop.differential.pair import Pair

#: what every case starts from
CLEAN = "[general]\nclearglobalvars=yes\n[clean]\nexten => s,1,NoOp()\n"
#: a stock box keeps what [general] said once; so the defaults are written
DEFAULTS = (
    "[general]\nstatic=no\nwriteprotect=no\nautofallthrough=yes\nclearglobalvars=no\nextenpatternmatchnew=no\n"
    "[clean]\nexten => s,1,NoOp()\n"
)
#: contexts that a stock box makes by itself
_FOREIGN = re.compile(r"(?ms)^\[ (?:Included context|Context) '[^']*' created by 'res_parking[^']*' \]\n.*?(?:\n\n|\Z)")
_COUNTS = re.compile(r"(?m)^-= \d+ extensions? \(.*$")


@dataclass
class Whole:
    """`text` is the extensions.conf; `files` are put beside it (name -> text); `ask` are console commands."""

    name: str
    text: str
    files: dict[str, str] = field(default_factory=dict)
    ask: list[str] = field(default_factory=lambda: ["dialplan show", "dialplan show globals"])


def play(box: Box, cases: Sequence[Whole]) -> list[list[str]]:
    """The answers of a box, case by case."""
    etc = box.home / "etc"
    found = []
    for case in cases:
        conf = etc / "extensions.conf"
        # twice: a context that a file opened twice outlives one reload of a stock box, empty
        for text in (CLEAN, DEFAULTS):
            conf.write_text(text, encoding="utf-8")
            ask(box, "dialplan reload")
        folder = etc / "inc"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for name, text in case.files.items():
            path = folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(text.encode("utf-8", "surrogateescape"))
        conf.write_bytes(case.text.encode("utf-8", "surrogateescape"))
        answers = [_plain(ask(box, command), box) for command in ["dialplan reload", *case.ask]]
        # pbx says besides what a reload changed
        answers[0] = answers[0].partition("\n")[0]
        found.append(answers)
    return found


def _plain(text: str, box: Box) -> str:
    text = text.replace(box.seen(box.home), "@HOME@")
    return _COUNTS.sub("", _FOREIGN.sub("", text))


def differences(pair: Pair, cases: Sequence[Whole]) -> list[tuple[Whole, list[str], list[str]]]:
    """Those that the two boxes answer differently."""
    with ThreadPoolExecutor(2) as pool:
        stock, own = pool.map(lambda box: play(box, cases), pair.boxes)
    return [(case, s, o) for case, s, o in zip(cases, stock, own, strict=True) if s != o]
