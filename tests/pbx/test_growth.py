"""Calls that came and went leave nothing behind, neither in control nor in the voice plane."""

from __future__ import annotations

import subprocess
import sys

from tests.interop.boxes import HERE


def test_nothing_grows_while_calls_come_and_go() -> None:
    """Nor any cycle; a call that stayed would be some thirty objects.  `python -m benchmarks.growth` looks closer."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.growth", "--calls", "450", "--every", "150", "--allowed", "2"],
        cwd=HERE.parent.parent, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [line.split() for line in done.stdout.splitlines()[1:]]
    assert [int(row[0]) for row in rows] == [150, 300, 450]
