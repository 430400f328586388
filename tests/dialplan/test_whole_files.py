"""Whole extensions.conf files, with what they include: a stock Asterisk lists the same of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from pbx.conf.diagnostics import Diagnostics
from pbx.conf.reader import read, read_text
from pbx.dialplan import registry
from pbx.dialplan.dialplan import Dialplan
from pbx.dialplan.loader import load, loading
from pbx.dialplan.scope import Scope
from pbx.dialplan.show import show
from pbx.slices import in_slices
from tests.dialplan.recordings import dialplan, recorded
from tests.dialplan.test_interpreter import Plan

#: what is loaded when a file is refused, as the recordings were made
CLEAN = (
    "[general]\nstatic=no\nwriteprotect=no\nautofallthrough=yes\nclearglobalvars=no\nextenpatternmatchnew=no\n"
    "[clean]\nexten => s,1,NoOp()\n"
)
FILES = recorded("wholes")


@pytest.fixture(scope="module")
def services() -> Plan:
    registry.load_all()
    return Plan("[x]\n")


def globals_shown(plan: Dialplan) -> str:
    lines = "".join(f"   {name}={value}\n" for name, value in reversed(plan.globals.items()))
    return f"{lines}\n    -- {len(plan.globals)} variable(s)\n"


@pytest.mark.parametrize("number", range(len(FILES)))
def test_recorded_file(number: int, tmp_path: Path, services: Plan) -> None:
    case = FILES[number]
    etc = tmp_path / "etc"
    (etc / "inc").mkdir(parents=True)
    for name, text in case["files"].items():
        (etc / "inc" / name).parent.mkdir(exist_ok=True)
        (etc / "inc" / name).write_bytes(text.encode("utf-8", "surrogateescape"))
    path = etc / "extensions.conf"
    path.write_text(CLEAN, encoding="utf-8")
    found = Diagnostics()
    document = read(str(path), diagnostics=found)
    path.write_bytes(case["text"].encode("utf-8", "surrogateescape"))
    written = read(str(path), diagnostics=found)
    if written.refused is None:
        document = written
    plan = Dialplan(load(document, found, {}, lambda values: Scope(services.services, variables=values)))
    shown = "".join(f"{line}\n" for line in show(plan) if not line.startswith("-= "))
    assert shown.rstrip("\n") == case["show"].rstrip("\n")
    assert globals_shown(plan) == case["globals"]


@pytest.mark.parametrize("number", range(len(recorded("overlap"))))
def test_recorded_overlap(number: int) -> None:
    case = recorded("overlap")[number]
    head = f"[general]\nextenpatternmatchnew={'yes' if case['new'] else 'no'}\n"
    plan, caller = dialplan(head + case["text"]), case["caller"]
    got = {}
    for asked in case["status"]:
        status = 1 if plan.exists("c", asked, 1, caller) else 2 if plan.can_match("c", asked, 1, caller) else 4
        status |= 0x8000 if plan.match_more("c", asked, 1, caller) else 0
        got[asked] = status | (0x4000 if plan.ignore_pattern("c", asked) else 0)
    assert got == case["status"]


def test_functions_in_globals_are_written_and_waited_for(services: Plan) -> None:
    waited: Deferred[bytes] = Deferred()
    services.services.shell_output = lambda command: waited
    text = "[globals]\nA=1\nB=${MATH(1+${A},int)}\nGLOBAL(C)=3\nDB(f/k)=v\nD=${DB(f/k)}\nLEN(x)=1\n"
    text += "E=<${SHELL(x)}>\nF=${E}\n"
    found = Diagnostics()
    work = loading(
        read_text(text, diagnostics=found), found, {"A": "0"}, lambda values: Scope(services.services, variables=values)
    )
    clock = Clock()
    done = in_slices(clock, work)
    clock.pump([0.1] * 5)
    assert not done.called
    waited.callback(b"out")
    clock.pump([0.1] * 5)
    assert done.called
    tables = done.result
    assert {name: tables.globals[name] for name in "ABCDEF"} == {
        "A": "1", "B": "2", "C": "3", "D": "v", "E": "<out>", "F": "<out>",
    }  # fmt: skip
    assert "LEN(x)" not in tables.globals
