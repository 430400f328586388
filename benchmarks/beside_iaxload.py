"""Our generator beside another one: `python -m benchmarks.beside_iaxload FOLDER [--sizes 50,200,400]`.

FOLDER holds `iaxload` (built) and its measure.py, an independent load generator that brings a configuration of its
own, which pbx gets as it is.  Per size: each generator alone, then pbx under each; the two must agree.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.report import Row, table
from benchmarks.run import measure
from benchmarks.systems import CALLERS, SINKS, TARGET, Direct, Switch, System, realtime
from benchmarks.works import Work

CHECKOUT = Path(__file__).parent.parent


def other_alone(folder: Path, calls: int) -> Row:
    """The other generator's own two ends."""
    command = [*realtime(20), str(folder / "iaxload"), "--scenario", "direct", "--calls", str(calls), "--rate", "200",
               "--bind", CALLERS, "--sink", SINKS, "--target", f"{TARGET}:4569", "--window", "4"]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    return alike(json.loads(done.stdout))


def other_relay(folder: Path, calls: int) -> Row:
    """pbx with the other's configuration, under the other's load."""
    with tempfile.TemporaryDirectory() as scratch:
        program, out = Path(scratch) / "pbx", Path(scratch) / "out"
        program.write_text(f'#!/bin/sh\nPYTHONPATH="{CHECKOUT}" exec "{sys.executable}" -m pbx "$@"\n')
        program.chmod(0o755)
        command = [sys.executable, str(folder / "measure.py"), "--pbx", str(program), "--name", "perf-pbx",
                   "--scenario", "relay", "--n", str(calls), "--repeat", "1", "--retry-dirty", "0", "--rate", "200",
                   "--window", "4", "--target", "127.0.1.1", "--out", str(out)]  # fmt: skip
        command += ["--rt"] if realtime(10) else []
        subprocess.run(command, check=True, capture_output=True, timeout=200)
        return alike(json.loads(out.read_text().splitlines()[-1]))


def alike(theirs: Row) -> Row:
    """The other's figures by our names."""
    return {
        "us_per_frame": theirs["pbx_us_per_frame"],
        "latency_p50_ms": theirs["lat_p50_us"] / 1000,
        "latency_p99_ms": theirs["lat_p99_us"] / 1000,
        "loss_percent": theirs["loss_pct"],
        "own_cpu_percent": 100 * theirs["self_cpu_per_s"],
        "steal_percent": 100 * theirs["machine_steal_per_s"],
    }


def main() -> None:
    p = argparse.ArgumentParser(prog="benchmarks.beside_iaxload", description=__doc__)
    p.add_argument("folder", type=Path)
    p.add_argument("--sizes", default="50,200,400")
    p.add_argument("--alone", action="store_true", help="the generators only")
    o = p.parse_args()
    lines = []
    for calls in map(int, o.sizes.split(",")):
        work = Work("relay", calls)
        runs: list[tuple[str, str, Row | None]] = [
            ("alone", "ours", measure(Direct(), work, 4)),
            ("alone", "iaxload", other_alone(o.folder, calls)),
        ]
        if not o.alone:
            system: System = Switch("pbx", "pbx")
            runs += [("pbx", "ours", measure(system, work, 4)), ("pbx", "iaxload", other_relay(o.folder, calls))]
        for what, whose, row in runs:
            keys = ("us_per_frame", "latency_p50_ms", "latency_p99_ms", "loss_percent", "own_cpu_percent",
                    "steal_percent")  # fmt: skip
            lines.append([f"{calls} calls, {what}", whose, *(f"{row[k]:.2f}" if row else "failed" for k in keys)])
    head = ["", "generator", "us a frame", "p50 ms", "p99 ms", "loss %", "generator's CPU %", "stolen %"]
    print("\n".join(table(head, lines)))


if __name__ == "__main__":
    main()
