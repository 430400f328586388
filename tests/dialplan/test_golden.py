"""What a stock Asterisk 22 does with pieces of extensions.conf, case by case, in this process's interpreter.

Two corpora: the shared one (`golden/open`), and the cases recorded for this project (`tests/dialplan/golden`).
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.dialplan import harness
from tests.shared import shared_dir

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
EXCEPTIONS: dict[str, str] = yaml.safe_load((HERE / "golden_exceptions.yaml").read_text(encoding="utf-8"))


def _play(folder: Path, work: Path, only: str = "") -> dict[str, Any]:
    """Run a corpus in a process of its own (it needs a reactor of its own)."""
    out = work / "result.json"
    command = [sys.executable, "-m", "tests.dialplan.harness", "--json", str(out), "--grace", "8", str(folder)]
    subprocess.run(
        [*command, *(["-k", only] if only else [])],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=140,
        check=False,
    )
    found: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    return found


def _run(folder: Path, work: Path) -> dict[str, Any]:
    """The corpus all at once; what differs is played again with less beside it: many cases hang on tenths of a
    second, and a busy machine misses some."""
    found = _play(folder, work)
    for _ in range(2):
        wrong = [name for name, case in found["cases"].items() if case["complaint"] and name not in EXCEPTIONS]
        if not wrong:
            break
        again = _play(folder, work, f"^({'|'.join(re.escape(name) for name in wrong)})$")
        found["cases"].update(again["cases"])
        found["errors"] += again["errors"]
    return found


@pytest.fixture(scope="module")
def shared_results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return _run(shared_dir("golden", "open"), tmp_path_factory.mktemp("shared"))


@pytest.fixture(scope="module")
def own_results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return _run(HERE / "golden", tmp_path_factory.mktemp("own"))


def test_shared_corpus(shared_results: dict[str, Any]) -> None:
    """Every case passes but those that the file of exceptions names, and those do not."""
    complaints = {name: case["complaint"] for name, case in shared_results["cases"].items()}
    assert len(complaints) >= 300
    wrong = {name: text for name, text in complaints.items() if text and name not in EXCEPTIONS}
    assert not wrong, "\n".join(f"{name}: {text}" for name, text in wrong.items())
    healed = [name for name in EXCEPTIONS if not complaints.get(name, "missing")]
    assert not healed, f"take out of golden_exceptions.yaml: {healed}"


def test_shared_corpus_leaves_no_error(shared_results: dict[str, Any]) -> None:
    assert shared_results["errors"] == []


@pytest.mark.parametrize("case", harness.load([HERE / "golden"]), ids=lambda case: case.id)
def test_own_case(case: harness.Case, own_results: dict[str, Any]) -> None:
    assert own_results["cases"][case.id]["complaint"] == ""


def test_own_cases_leave_no_error(own_results: dict[str, Any]) -> None:
    assert own_results["errors"] == []
