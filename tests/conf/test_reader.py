"""Places, findings, limits and speed of the .conf reader; what the dialect means is in test_dialect.py."""

from __future__ import annotations

import gc
import os
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pbx.conf.diagnostics import Diagnostics, Place, Severity
from pbx.conf.document import Document
from pbx.conf.reader import read, read_steps, read_text
from tests.interop.conftest import lack


def load(text: str | bytes, **options: bool) -> tuple[Document, Diagnostics]:
    found = Diagnostics()
    return read_text(text, "a.conf", diagnostics=found, **options), found


def findings(text: str | bytes) -> list[tuple[str, str]]:
    return [(str(found.place), found.code) for found in load(text)[1]]


def test_entries_know_where_they_stand() -> None:
    document, _ = load("\n  [a]\n\tx  =>  one ; c\ny=a\\;b\n")
    section = document.sections[0]
    assert section.place == Place("a.conf", 2, 3)
    x, y = section.entries
    assert (x.place, x.value_place, x.operator) == (Place("a.conf", 3, 2), Place("a.conf", 3, 9), "=>")
    assert (y.value, y.value_place) == ("a;b", Place("a.conf", 4, 3))
    assert x.text == "x => one"


def test_inherited_entries_keep_the_place_of_the_template(tmp_path: Path) -> None:
    (tmp_path / "t.inc").write_text("[t](!)\nx=1\n")
    (tmp_path / "m.conf").write_text('#include "t.inc"\n[a](t)\ny=2\n')
    document = read("m.conf", root_dir=str(tmp_path), diagnostics=Diagnostics())
    section = document.section("A")
    assert section is not None
    assert section.parents == ("t",)
    assert [str(e.place) for e in section] == [f"{tmp_path}/t.inc:2:1", f"{tmp_path}/m.conf:3:1"]
    assert document.files == [f"{tmp_path}/m.conf", f"{tmp_path}/t.inc"]


def test_lookups() -> None:
    document, _ = load("[t](!)\nx=0\n[A]\nX=1\nx=2\n[a]\nx=3\n")
    assert document.get("a", "x") == "1"
    assert document.get("a", "q", "default") == "default"
    assert document.get("t", "x") is None
    assert [e.value for e in document.sections_named("a")[0].all("x")] == ["1", "2"]
    assert len(document.sections_named("a")) == 2


def test_joining_leaves_the_template_as_it_was() -> None:
    document, _ = load("[t](!)\nx=1\n[a](t)\nx+=2\n[b](t)\n")
    assert (document.get("a", "x"), document.get("b", "x")) == ("12", "1")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x=1\n", [("a.conf:1:1", "no-section")]),
        ("[a\n", [("a.conf:1:1", "unclosed-section")]),
        ("[a](b\n", [("a.conf:1:1", "unclosed-section")]),
        ("[a]\n  nothing\n", [("a.conf:2:3", "no-equals")]),
        ("[a]\n=1\n", [("a.conf:2:1", "no-name")]),
        ("[a](t)\n", [("a.conf:1:1", "no-such-template")]),
        ("[a](+)\n", [("a.conf:1:1", "no-such-section")]),
        ("[a]\n[a](+x=[)\n", [("a.conf:2:1", "bad-filter")]),
        ("[a]\n[b] (a)\n", [("a.conf:2:1", "ignored-options")]),
        ("[a] b\n", [("a.conf:1:1", "trailing-text")]),
        ("[]\n", [("a.conf:1:1", "no-section-name")]),
        ("[a]\n[b]()\n", [("a.conf:2:1", "empty-template")]),
        ("[a]\n#include nowhere\n", [("a.conf:2:1", "no-such-file")]),
        ("[a]\n#include\n", [("a.conf:2:1", "no-argument")]),
        ("[a]\n#exec ls\n", [("a.conf:2:1", "exec-not-allowed")]),
        ("[a]\n#inlude x\n", [("a.conf:2:1", "no-such-directive")]),
        ("[a]\n# why\n", [("a.conf:2:1", "hash-comment")]),
        ("[a]\n\\\n", [("a.conf:2:1", "bad-escape")]),
        ("[a]\nx=1 ;-- open\ny=2\n", [("a.conf:2:1", "open-comment")]),
        ("[a]\nx=1 --; stray\ny=2\n", [("a.conf:2:1", "stray-comment-end")]),
        ("[a]\nx=" + "y" * 8189 + "\n", [("a.conf:2:1", "line-too-long")]),
    ],
)
def test_each_mistake_is_found_where_it_stands(text: str, expected: list[tuple[str, str]]) -> None:
    assert findings(text) == expected


def test_all_mistakes_are_found_in_one_go() -> None:
    assert [code for _, code in findings("x=1\n[a\n[b](no)\nnothing\n#include no\n[c]\nx=1")] == [
        "no-section",
        "unclosed-section",
        "no-such-template",
        "no-equals",
        "no-such-file",
    ]


def test_a_finding_says_what_to_write() -> None:
    document, found = load("[a](!)\n[b] (a)\n[c](A )\n")
    assert [d.advice for d in found] == ["[b](a)", "[c](a)"]
    assert document.refused is not None
    assert document.refused.severity is Severity.ERROR
    assert str(next(iter(found))).splitlines() == [
        "a.conf:2:1: warning: a blank stands before the '(', so that what follows is ignored",
        "    [b] (a)",
        "    write: [b](a)",
    ]


def test_secrets_are_not_repeated() -> None:
    _, found = load("[a]\nsecret hunter2\n=x\n register me:hunter3@host\n")
    assert len(found) == 3
    assert "hunter" not in "\n".join(map(str, found))


@pytest.mark.parametrize("size", [8190, 8191])
def test_the_longest_line(size: int) -> None:
    document, _ = load("[a]\nx=" + "y" * (size - 2) + "\nz=1")
    assert (document.get("a", "x") is not None) == (size == 8190)
    assert document.get("a", "z") == "1"


def test_any_bytes_come_back() -> None:
    raw = bytes(b for b in range(33, 256) if b != ord(";"))
    document, _ = load(b"\xef\xbb\xbf[a]\r\nx = " + raw + b"\r\n")
    value = document.get("a", "x")
    assert value is not None
    assert value.encode("utf-8", "surrogateescape") == raw


def test_included_files_that_are_none(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "m.conf").write_text("[a]\n#tryinclude pipe\n#tryinclude .\nx=1\n#include pipe\n")
    found = Diagnostics()
    document = read("m.conf", root_dir=str(tmp_path), diagnostics=found)
    assert document.get("a", "x") == "1"
    assert [d.code for d in found] == ["unreadable", "unreadable", "unreadable", "no-such-file"]


def test_exec(tmp_path: Path) -> None:
    (tmp_path / "m.conf").write_text("[a]\n#exec \"printf 'x=1\\nnonsense\\n' && echo y=2 >&2\"\nz=3\n")
    found = Diagnostics()
    document = read("m.conf", root_dir=str(tmp_path), diagnostics=found, allow_exec=True)
    assert [e.text for e in document.sections[0]] == ["x = 1", "y = 2", "z = 3"]
    assert [str(d.place) for d in found] == [f"{tmp_path}/m.conf:2:#exec:2:1"]


def test_a_missing_file(tmp_path: Path) -> None:
    found = Diagnostics()
    document = read("none.conf", root_dir=str(tmp_path), diagnostics=found, optional=True)
    assert not document.exists
    assert not len(found)
    assert not read("none.conf", root_dir=str(tmp_path), diagnostics=found).exists
    assert [str(d.place) for d in found] == [f"{tmp_path}/none.conf"]


def test_files_that_include_each_other_end(tmp_path: Path) -> None:
    (tmp_path / "m.conf").write_text("[a]\n#include m.conf\n")
    found = Diagnostics()
    document = read("m.conf", root_dir=str(tmp_path), diagnostics=found)
    assert len(document.files) == 11
    assert "deep-include" in [d.code for d in found]


def test_templates_that_double_end() -> None:
    text = "[t0](!)\nx=1\n" + "".join(f"[t{n + 1}](t{n},t{n},t{n},t{n})\n" for n in range(40))
    started = time.process_time()
    _, found = load(text)
    assert "too-many" in [d.code for d in found]
    assert time.process_time() - started < 5


def test_joins_stay_linear() -> None:
    started = time.process_time()
    document, found = load("[a]\n" + "".join(f"y{n}=1\nx+=z\n" for n in range(50_000)) + "x+=" + "q" * 8000 + "\n" * 9)
    assert time.process_time() - started < 5
    assert len(document.get("a", "x") or "") == 58_000
    assert not len(found)


def test_a_hundred_thousand_lines() -> None:
    text = "".join(
        f"[c{i}]\n" + "".join(f"exten => {i}{j},1,Dial(IAX2/p{j}/${{EXTEN}}) ; c\n" for j in range(9))
        for i in range(10_000)
    )
    started = time.process_time()
    document, found = load(text)
    assert time.process_time() - started < 2
    assert (len(document.sections), len(found)) == (10_000, 0)


def test_a_flood_of_mistakes_is_cut() -> None:
    _, found = load("[a]\n" + "nothing\n" * 5000)
    assert len(found) == 1000
    assert list(found)[-1].message.endswith("(more like this are not shown)")


PIECES = st.sampled_from(
    "[a] [b](!) [a](+) (b) [ ] = += => x y=1 ; ;-- --; \\ { } {a,b} & ( #include:m.conf #tryinclude:* #exec:ls".split()
)
BLANKS = st.sampled_from(["\n", "\n", " ", "\0", "\r", "\ufeff", "\udcff"])


@settings(max_examples=300, deadline=2000, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.binary(max_size=400), st.lists(PIECES | BLANKS, max_size=60).map("".join)))
def test_any_bytes_give_a_document(tmp_path: Path, data: bytes | str) -> None:
    raw = data.encode("utf-8", "surrogateescape") if isinstance(data, str) else data
    raw = raw.replace(b"clude:", b"clude ").replace(b"exec:", b"exec ")
    (tmp_path / "m.conf").write_bytes(raw)
    found = Diagnostics()
    document = read("m.conf", root_dir=str(tmp_path), diagnostics=found)
    for section in document.sections:
        for entry in section:
            assert entry.name
            assert 1 <= entry.line <= raw.count(b"\n") + 1
    if document.refused is not None:
        assert document.refused in list(found)
    for diagnostic in found:
        assert str(diagnostic).isprintable() or "\n" in str(diagnostic)


def sample_files() -> list[Path]:
    home = Path(os.environ.get("PBX_PEERS") or Path.home() / ".cache" / "pbx-peers")
    return sorted(home.glob("asterisk*/usr/share/asterisk/conf/samples/*")) + sorted(
        home.glob("asterisk*/etc/asterisk/*.conf")
    )


@pytest.mark.interop
def test_asterisks_own_samples_load() -> None:
    files = sample_files()
    if not files:
        lack("the sample files of a stock Asterisk: run tests/interop/setup")
    seen = 0
    # of other kinds, but for the last: a line of that sample is broken in two
    others = ("ast_debug_tools", "dbsep", "muted", "cel_sqlite3_custom")
    for path in files:
        if ".conf" not in path.name or path.name.startswith(others):
            continue
        found = Diagnostics()
        document = read(str(path), diagnostics=found)
        errors = [str(d) for d in found.errors if d.code != "no-such-file"]
        assert not errors, errors
        assert document.refused is None or document.refused.code == "no-such-file"
        seen += bool(document.sections)
    assert seen > 50


def test_reading_goes_in_small_steps(tmp_path: Path) -> None:
    for name in ("m.conf", "x.inc"):
        (tmp_path / name).write_text("[c]\n" + "exten => 1,1,NoOp(${EXTEN}) ; c\n" * 20_000 + '#tryinclude "x.inc2"\n')
    (tmp_path / "m.conf").open("a").write("#include x.inc\n")
    steps = read_steps("m.conf", root_dir=str(tmp_path), diagnostics=Diagnostics())
    times: list[float] = []
    gc.disable()  # its pauses are not the reader's
    try:
        while True:
            started = time.process_time()
            try:
                next(steps)
            except StopIteration as done:
                document = done.value
                break
            times.append(time.process_time() - started)
    finally:
        gc.enable()
    assert sum(len(section.entries) for section in document.sections) == 40_000
    assert len(times) > 500
    assert sorted(times)[len(times) * 99 // 100] < 0.005
