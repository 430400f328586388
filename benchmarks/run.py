"""`make benchmark`: the switch under load beside an ideal C relay and a stock Asterisk, in one run; ratios first.

Every figure is the median of the repeats, all systems taking turns in each; CPU is user and system time of the whole
process tree.  Results go to benchmarks/results as JSON, Markdown and a plot.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import peers
from benchmarks.load.generator import memory_kib
from benchmarks.report import Row, Rows, keep_runs, kept_runs, report
from benchmarks.systems import (
    CALLERS,
    SINKS,
    TARGET,
    Direct,
    Relay,
    Rooms,
    Switch,
    System,
    asterisk_missing,
    realtime,
)
from benchmarks.works import FULL, SHORT, Any, Setup, Work

#: from so many calls on the generator is shown by itself, too
LARGE = 1600
#: from so much stolen time (percent of a core) on a run is made again, and how often at most
_STOLEN, _TRIES = 5.0, 3
#: peers of the two boxes whose memory is compared
_PEERS = 1_000, 21_000


def measure(system: System, work: Any, window: float) -> Row | None:
    """One run; None when the system could not carry it at all."""
    scenario = "direct" if isinstance(system, (Relay, Direct)) else work.scenario
    pid = system.start(work)
    try:
        command = [*realtime(20), sys.executable, "-m", "benchmarks.load.generator", "--scenario", scenario,
                   "--calls", str(work.calls), "--target", TARGET, "--bind", CALLERS, "--sink", SINKS,
                   "--pid", str(pid), "--window", str(window)]  # fmt: skip
        if isinstance(work, Setup):
            command += ["--rate", str(work.rate)]
        elif work.beside is not None and isinstance(system, Switch):
            command += ["--disturb", work.beside.command(system.bench)]
        if scenario == "direct" and pid:
            command += ["--through"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        if done.returncode:
            sys.stderr.write(f"{system.name}, {work.title}: {done.stdout or done.stderr[-400:]}\n")
            return None
        row: Row = json.loads(done.stdout)
        return row
    finally:
        system.stop()


def clean(system: System, work: Any, window: float) -> Row | None:
    """A run during which the host took little of the machine's time; the best of three where there was none."""
    best: Row | None = None
    for _ in range(_TRIES):
        row = measure(system, work, window)
        if row is None or row.get("steal_percent", 0) <= _STOLEN:
            return row
        if best is None or row["steal_percent"] < best["steal_percent"]:
            best = row
    return best


def wanted(system: System, work: Any) -> bool:
    """Whether this system is measured at this work."""
    if isinstance(work, Setup):
        return isinstance(system, Switch) and system.name != "Asterisk 22" and (system.name == "pbx" or work.asterisk)
    if isinstance(system, Rooms) or work.scenario == "conference":
        return isinstance(system, Rooms) and work.scenario == "conference"
    plain = work.scenario == "relay" and work.beside is None and not work.options
    if isinstance(system, Relay):
        return plain
    if isinstance(system, Direct):
        return plain and work.calls >= LARGE
    if system.name == "Asterisk 22":
        return work.asterisk and work.calls <= 100
    return work.asterisk or system.name == "pbx"


def peer_memory() -> float:
    """KiB of a registered peer with which nothing happens: what 20,000 more cost, in both processes."""
    found = []
    for count in _PEERS:
        with tempfile.TemporaryDirectory() as folder:
            box = peers.server(Path(folder) / "a", count, count, "keepalive=0")
            try:
                box.start()
                time.sleep(3)
                assert box.process is not None
                found.append(memory_kib(box.process.pid))
            finally:
                box.stop()
    return (found[1] - found[0]) / (_PEERS[1] - _PEERS[0])


def main() -> int:
    p = argparse.ArgumentParser(prog="benchmarks.run", description=__doc__)
    p.add_argument("--full", action="store_true", help="all sizes, stalls, memory; half an hour and more")
    p.add_argument("--only", default="", help="relay, relay:400, mediatick, stalls:kill, setup:300:27000, memory, ...")
    p.add_argument("--repeat", type=int, default=3)
    p.add_argument("--window", type=float, default=5, help="seconds measured in each run")
    p.add_argument("--name", default="latest", help="name of the result files")
    p.add_argument("--append", action="store_true", help="add to the runs that the result file holds")
    o = p.parse_args()
    works = [w for w in (FULL if o.full or o.only else SHORT) if not o.only or o.only in w.keys]
    systems: list[System] = [Switch("pbx", "pbx"), Rooms(), Relay(), Direct()]
    why = asterisk_missing()
    if why:
        print(f"without Asterisk: {why}", flush=True)
    else:
        systems += [Switch("Asterisk 22 -p", "asterisk"), Switch("Asterisk 22", "asterisk", priority=False)]
    rows: Rows = kept_runs(o.name) if o.append else {}
    for number, work in enumerate(works, 1):
        for turn in range(o.repeat):
            for system in [s for s in systems if wanted(s, work)]:
                print(f"[{number}/{len(works)}] {work.title}: {system.name}, run {turn + 1}", flush=True)
                row = clean(system, work, o.window)
                if row is not None:
                    rows.setdefault((work.title, system.name), []).append(row)
                    keep_runs(o.name, rows)
    if o.only == "memory" or (o.full and not o.only):
        rows["memory", "pbx"] = [{"kib": peer_memory()}]
    report(order(rows, works), list(dict.fromkeys(s.name for s in systems)), rows, single(rows), o.name)
    return 0


def order(rows: Rows, works: list[Any]) -> list[Any]:
    """Lines of the table: what was to be measured now or was measured before."""
    known = list(dict.fromkeys([*FULL, *SHORT]))
    return [w for w in known if w in works or (isinstance(w, (Work, Setup)) and (w.title, "pbx") in rows)]


def single(rows: Rows) -> list[list[str]]:
    """Figures that are no median of anything."""
    kept = rows.get(("memory", "pbx"))
    return [["KiB of a registered peer with which nothing happens", f"{kept[0]['kib']:.2f}"]] if kept else []


if __name__ == "__main__":
    sys.exit(main())
