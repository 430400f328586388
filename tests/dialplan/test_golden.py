"""What a stock Asterisk 22 does with pieces of extensions.conf, case by case, in this process's interpreter.

Two corpora: the shared one (`golden/open`), and the cases recorded for this project (`tests/dialplan/golden`).
"""

from __future__ import annotations

import json
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


def _play(folder: Path, work: Path) -> dict[str, Any]:
    """Run a corpus in a process of its own (it needs a reactor of its own, whose clock waits: `patience.py`)."""
    out = work / "result.json"
    subprocess.run(
        [sys.executable, "-m", "tests.dialplan.harness", "--json", str(out), str(folder)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=240,
        check=False,
    )
    found: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def shared_results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return _play(shared_dir("golden", "open"), tmp_path_factory.mktemp("shared"))


@pytest.fixture(scope="module")
def own_results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return _play(HERE / "golden", tmp_path_factory.mktemp("own"))


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
