"""What a reload changed; letting the former dialplan go; calls meanwhile."""

from __future__ import annotations

import gc
import tempfile
import time
from collections.abc import Generator
from typing import Any

from pbx.conf.diagnostics import Diagnostics
from pbx.conf.reader import read_steps, read_text
from pbx.dialplan.changes import compare_steps, keep_variables, let_go_steps
from pbx.dialplan.dialplan import Dialplan
from pbx.dialplan.loader import load, loading
from pbx.dialplan.model import Extension, Tables

OLD = """
[general]
autofallthrough=yes
[globals]
A=1
B=2
[same]
exten => 1,1,NoOp(a)
[different]
exten => 1,1,NoOp(a)
exten => 2,1,NoOp(a)
exten => _NX,1,NoOp(a)
exten => 3/100,1,NoOp(a)
include => same
[away]
exten => 1,1,NoOp(a)
"""
NEW = """
[general]
autofallthrough=no
[globals]
A=2
C=3
[same]
exten => 1,1,NoOp(a)
[different]
exten => 1,1,NoOp(b)
exten => 4,1,NoOp(a)
exten => _NX,1,NoOp(a)
 same => n,Hangup()
exten => 3/200,1,NoOp(a)
exten => 3/300,1,NoOp(a)
switch => Loopback/1@same
[fresh]
exten => 1,1,NoOp(a)
exten => 2,1,NoOp(a)
"""


def tables(text: str) -> Tables:
    return load(read_text(text, diagnostics=Diagnostics()), Diagnostics())


def finished(work: Generator[None, None, Any]) -> Any:
    while True:
        try:
            next(work)
        except StopIteration as done:
            return done.value


def test_each_difference_is_told() -> None:
    changes = finished(compare_steps(tables(OLD), tables(NEW)))
    assert list(changes.lines()) == [
        "  [fresh] is new, with 2 extensions",
        "  [away] is gone, with 1 extension",
        "  [different] 3 extensions new (4, 3/200, 3/300), 2 extensions gone (3/100, 2), "
        "2 extensions changed (1, _NX), other includes, other switches",
        "  [general] autofallthrough=no",
        "  [globals] A, C, B",
    ]
    assert not list(finished(compare_steps(tables(OLD), tables(OLD))).lines())


def test_what_others_made_is_not_the_files() -> None:
    old = tables(OLD)
    old.contexts["away"].registrar = "IAX2"
    assert "away" not in finished(compare_steps(old, tables(NEW))).gone_contexts


def test_calls_set_variables_while_a_file_is_read() -> None:
    before, now = {"A": "1", "B": "2", "C": "3"}, {"A": "5", "C": "3", "D": "4"}
    loaded = dict(before)
    keep_variables(before, now, loaded)
    assert loaded == now


def test_calls_find_the_old_one_until_the_new_one_is_whole() -> None:
    count = 3000
    text = "[c]\n" + "".join(f"exten => _{i:04d}X,1,NoOp(%s)\n" for i in range(count))
    plan = Dialplan(tables(text % (("old",) * count)))
    former = Tables(plan.contexts, plan.globals, plan.settings)
    work = loading(read_text(text % (("new",) * count), diagnostics=Diagnostics()), Diagnostics())

    def answers() -> set[str]:
        found = [plan.find("c", f"{i:04d}5") for i in (0, 1500, 2999)]
        return {f.priority.data if f is not None and f.priority is not None else "none" for f in found}

    slices = 0
    while True:
        try:
            next(work)
        except StopIteration as done:
            new = done.value
            break
        slices += 1
        assert answers() == {"old"}
    assert slices > 100
    plan.replace(new)
    for _ in let_go_steps(former, new):
        assert answers() == {"new"}


def test_the_former_dialplan_is_freed_without_a_collection() -> None:
    def alive() -> int:
        return sum(isinstance(thing, Extension) for thing in gc.get_objects())

    gc.collect()
    gc.disable()
    try:
        new, before = tables(NEW), alive()
        old = tables(OLD)
        assert alive() == before + 6
        plan = Dialplan(old)
        plan.replace(new)
        finished(let_go_steps(old, new))
        assert alive() == before
        assert all(not context.index.matching("1") for context in old.contexts.values())
    finally:
        gc.enable()
    assert new.contexts["fresh"].extension("2") is not None


def test_no_slice_holds_the_loop_for_long() -> None:
    """CPU time: what else runs on the machine does not count.  One in a hundred may be longer (a table that grows)."""
    text = "[c]\n" + "".join(f"exten => _{i:04d}[1-5]X,1,NoOp({i})\n same => n(x),Hangup()\n" for i in range(10000))
    tables(text[:2000])  # the grammar is made once, at the start
    found = Diagnostics()
    document, longest = _timed(read_steps_of(text))
    new, loads = _timed(loading(document, found))
    changes, compares = _timed(compare_steps(Tables(), new))
    _, dropped = _timed(document.let_go())
    _, freed = _timed(let_go_steps(new, Tables()))
    assert changes.new_contexts == {"c": 10000}
    for times in (longest, loads, compares, dropped, freed):
        assert times[len(times) * 99 // 100] < 0.005


def read_steps_of(text: str) -> Generator[None, None, Any]:
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
        file.write(text)
        file.flush()
        return (yield from read_steps(file.name, diagnostics=Diagnostics()))


def _timed(work: Generator[None, None, Any]) -> tuple[Any, list[float]]:
    """(result, CPU seconds of each slice in order of length), without collections, as in the daemon."""
    gc.disable()
    times = []
    try:
        while True:
            began = time.thread_time()
            try:
                next(work)
            except StopIteration as done:
                return done.value, sorted([*times, time.thread_time() - began])
            times.append(time.thread_time() - began)
    finally:
        gc.enable()
