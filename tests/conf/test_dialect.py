"""The reader against what a stock Asterisk 22.10 made of the same text (recorded through AMI GetConfig)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pbx.conf.diagnostics import Diagnostics
from pbx.conf.reader import read

CASES: list[dict[str, Any]] = json.loads(Path(__file__).with_name("dialect.json").read_text())


@pytest.mark.parametrize("case", CASES, ids=range(len(CASES)))
def test_reads_as_asterisk_does(case: dict[str, Any], tmp_path: Path) -> None:
    for name, text in {"t.conf": case["data"], **case["files"]}.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode("utf-8", "surrogateescape"))
    document = read("t.conf", root_dir=str(tmp_path), diagnostics=Diagnostics())
    if case["sections"] is None:
        assert document.refused is not None
        return
    assert document.refused is None
    # AMI leaves carriage returns inside of values out.
    ours = [[s.name, [f"{e.name}={e.value}".replace("\r", "") for e in s]] for s in document]
    assert ours == case["sections"]


def test_the_recording_holds_both_kinds() -> None:
    assert sum(case["sections"] is None for case in CASES) > 20
    assert sum(case["sections"] is not None for case in CASES) > 100
