"""A format that nobody here translates passes untouched between two legs that share it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest

from tests.interop.boxes import HERE, NET, make_box, running
from tests.interop.conftest import lack


@pytest.mark.parametrize("codec", ["g729", "ulaw"])
def test_frames_pass_untouched(codec: str) -> None:
    if shutil.which("cc") is None:
        lack("a C compiler (the load generator's voice)")
    target, callers, sinks = (f"{NET}.46.{i}" for i in (1, 2, 3))
    checkout = HERE.parent.parent
    box = make_box("pbx", "passing", checkout / "benchmarks" / "etc", target, SINK=sinks, SINK2=sinks, MORE="",
                   TRUNK="no", CODEC=codec, SINK_CODEC=codec)  # fmt: skip
    with running(box):
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.load.generator", "--scenario", "relay", "--calls", "4",
             "--target", target, "--bind", callers, "--sink", sinks, "--codec", codec, "--sink-codec", codec,
             "--settle", "1", "--window", "2"],
            cwd=checkout, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        found = json.loads(done.stdout)
        assert found["up"] == found["kept"] == 4
        # each frame carries a stamp of its own and is known by it
        assert found["sent"] > 500 and found["arrived"] >= 0.99 * found["sent"], found
