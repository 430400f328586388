"""extensions.conf read whole: Asterisk's answers to odd lines, and mistakes named with their place."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pbx.conf.diagnostics import Diagnostics, Severity
from pbx.conf.reader import read_text
from pbx.dialplan.dialplan import Dialplan
from pbx.dialplan.loader import load, loading
from pbx.dialplan.model import HINT
from pbx.dialplan.parser import Line, LineError, parse_line
from pbx.dialplan.show import show
from tests.dialplan.recordings import dialplan, recorded


def test_recorded_lines() -> None:
    for block in recorded("lines"):
        plan = dialplan(block["conf"])
        for context, lines in block["shown"].items():
            assert list(show(plan, context)) == lines


@pytest.mark.parametrize(
    ("kind", "value", "line"),
    [
        ("exten", "s,1,NoOp", Line("s", "1", None, None, "NoOp", "")),
        ("exten", "_[a,b]X,n(x),Set(a=(b))c", Line("_[a,b]X", "n", None, "x", "Set", "a=(b)")),
        ("exten", r"a\,b,n+2 ( z ) q,A", Line(r"a\,b", "n", "2 ", " z ", "A", "")),
        ("exten", "g,hint,SIP/${X}(y)", Line("g", "hint", None, None, "SIP/${X}(y)", "")),
        ("same", "n", Line(None, "n", None, None, "", "")),
        ("same", "n,Set(a=1", Line(None, "n", None, None, "Set", "a=1", True)),
        ("same", "n,  Set (1)", Line(None, "n", None, None, "Set ", "1")),
    ],
)
def test_lines(kind: str, value: str, line: Line) -> None:
    assert parse_line(kind, value) == line


@pytest.mark.parametrize(
    ("kind", "value", "column", "word"),
    [
        ("exten", "a[b,1,NoOp", 1, "]"),
        ("exten", "s,n(x,NoOp", 3, "label"),
        ("exten", "s", 1, "priority"),
        ("exten", ",1,NoOp", 0, "extension"),
    ],
)
def test_refused_lines_say_where(kind: str, value: str, column: int, word: str) -> None:
    with pytest.raises(LineError) as caught:
        parse_line(kind, value)
    assert caught.value.column == column
    assert word in caught.value.message


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(["exten", "same"]), st.one_of(st.text(), st.text(st.sampled_from([*"sn1_X.,+()[]\\${} "]))))
def test_any_line_is_read_or_refused(kind: str, value: str) -> None:
    try:
        assert isinstance(parse_line(kind, value), Line)
    except LineError as error:
        assert 0 <= error.column <= len(value)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300), st.booleans())
def test_any_file_loads(data: bytes, inside: bool) -> None:
    found = Diagnostics()
    text = b"[c]\nexten => " + data if inside else data
    load(read_text(text, "x.conf", diagnostics=found), found)


def findings(conf: str) -> dict[str, str]:
    """code -> place of what is found wrong."""
    found = Diagnostics()
    dialplan(conf, found)
    return {f.code: str(f.place) for f in found if f.severity >= Severity.WARNING}


@pytest.mark.parametrize(
    ("line", "code", "column"),
    [
        ("same => n,NoOp", "same-first", 9),
        ("exten => s,n,NoOp", "no-priority", 10),
        ("exten => s,foo,NoOp", "no-priority", 10),
        ("exten => s,1(a,NoOp", "syntax", 13),
        ("exten => _1[2,1,NoOp", "syntax", 12),
        ("exten => s,1,NoOp(a", "unclosed", 10),
        ("exten => _.,1,NoOp", "catch-all", 10),
        ("include => nowhere", "no-such-context", 12),
        ("include => c,25:00-26:00", "bad-time", 12),
        ("extn => s,1,NoOp", "unknown-directive", 1),
    ],
)
def test_mistakes_are_named(line: str, code: str, column: int) -> None:
    assert findings(f"[c]\n{line}\n").get(code) == f"extensions.conf:2:{column}"


def test_duplicates_keep_the_first() -> None:
    conf = "[c]\nexten => s,1(l),First\nexten => s,1,Second\nexten => s,n(l),Third\n"
    assert {"duplicate": "extensions.conf:3:10", "duplicate-label": "extensions.conf:4:10"}.items() <= findings(
        conf
    ).items()
    extension = dialplan(conf).contexts["c"].extension("s")
    assert extension is not None
    assert extension.priorities[1].application == "First"
    assert extension.labels == {"l": 1}


def test_settings_and_globals() -> None:
    plan = dialplan(
        "[general]\nautofallthrough=no\nstatic=yes\nclearglobalvars=yes\n[globals]\nA=1\nB=${A}${LATER}x\nLATER=9\n__I=2\nE=\n"
    )
    assert plan.globals == {"A": "1", "B": "1x", "LATER": "9", "I": "2", "E": ""}
    assert (plan.settings.autofallthrough, plan.settings.static, plan.settings.clearglobalvars) == (False, True, True)


def test_globals_live_over_a_reload_unless_cleared() -> None:
    found = Diagnostics()
    keep = read_text("[globals]\nA=1\n", "x.conf", diagnostics=found)
    assert load(keep, found, {"A": "2", "B": "3"}).globals == {"A": "1", "B": "3"}
    clear = read_text("[general]\nclearglobalvars=yes\n[globals]\nA=1\n", "x.conf", diagnostics=found)
    assert load(clear, found, {"A": "2", "B": "3"}).globals == {"A": "1"}


def test_hints_know_their_extension_unless_they_are_patterns() -> None:
    plan = dialplan("[c]\nexten => 100,hint,SIP/${EXTEN}\nexten => _2XX,hint,SIP/${EXTEN}\n")
    assert plan.hint("c", "100") == "SIP/100"
    assert plan.hint("c", "222") == "SIP/${EXTEN}"
    assert plan.hint("c", "300") is None
    extension = plan.contexts["c"].extension("100")
    assert extension is not None
    assert extension.hint is extension.priorities[HINT]


def test_loading_yields_often() -> None:
    found = Diagnostics()
    conf = "[c]\n" + "".join(f"exten => {n},1,NoOp(x{n})\n" for n in range(1000))
    work = loading(read_text(conf, "x.conf", diagnostics=found), found)
    assert sum(1 for _ in work) > 50


#: name as written -> what of DIALLED it takes, None where the line is refused; recorded of a stock Asterisk 22
BRACKETS: dict[str, list[str] | None] = {
    "_\\[1": [],
    "_[[]X": None,
    "_[\\[]X": ["[1", "[5", "\\5"],
    "_[[1]": None,
    "_1[": None,
    "_\\[": [],
    "_a\\[b]": [],
    "_[a\\]b]X": [],
    "_[a\\]b": None,
    "_[\\]]X": ["\\]1"],
    "a[b": None,
    "a\\[b": [],
    "_[]]": [],
    "_[]X": ["1"],
    "_[a-]X": ["a1"],
    "_[[a]]": [],
    "_\\\\[1": None,
    "_1\\[2-": [],
    "_[1[2]3": None,
    "_[\\\\]X": ["\\5"],
    "_[12]\\[3": [],
    "_[\\X]1": ["X1"],
    "_x\\[1": [],
}
DIALLED = ["[1", "[5", "\\5", "\\[1", "]1", "1[", "a1", "b1", "1[2", "1", "\\", "[", "b]5", "\\]1", "X1", "51", "1[3"]


@pytest.mark.parametrize(("name", "taken"), BRACKETS.items())
def test_brackets_behind_a_backslash(name: str, taken: list[str] | None) -> None:
    text = f"[c]\nexten => {name},1,NoOp()\n"
    plan = Dialplan(load(read_text(text, diagnostics=Diagnostics()), Diagnostics()))
    assert [e.name for e in plan.contexts["c"]] == ([] if taken is None else [name])
    assert [number for number in DIALLED if plan.exists("c", number)] == (taken or [])
