"""`make benchmark`: the switch under load beside an ideal C relay and a stock Asterisk, in one run; ratios first.

Every figure is the median of the repeats, all systems taking turns in each; CPU is user and system time of the whole
process tree.  Results go to benchmarks/results as JSON, Markdown and a plot.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks import plot
from benchmarks.systems import CALLERS, SINKS, TARGET, Direct, Relay, Switch, System, asterisk_missing, realtime

RESULTS = Path(__file__).parent / "results"
Row = dict[str, float]
#: from so many calls on the generator is shown by itself, too
LARGE = 1600
#: where these lose frames, it is the machine
FLOORS = ("C relay", "generator alone")


@dataclass(frozen=True)
class Work:
    """One line of the table."""

    scenario: str
    calls: int
    asterisk: bool = True

    @property
    def title(self) -> str:
        return f"{self.scenario}, {self.calls} calls"

    def values(self) -> dict[str, str]:
        return {
            "TRUNK": "yes" if self.scenario == "trunk" else "no",
            "CODEC": "ulaw",
            "SINK_CODEC": "gsm" if self.scenario == "transcode" else "ulaw",
        }


@dataclass(frozen=True)
class Setup:
    """Calls opened at a rate and hung up after half a second; no voice."""

    rate: int
    calls: int
    asterisk: bool = True
    scenario: str = "setup"

    @property
    def title(self) -> str:
        return f"set up and hang up, {self.rate} calls/s"

    def values(self) -> dict[str, str]:
        return {"TRUNK": "no", "CODEC": "ulaw", "SINK_CODEC": "ulaw"}


#: sizes of the short run, and what a full one adds; Asterisk is left out where it is known to collapse
SHORT = [Work("relay", 50), Work("relay", 200), Work("relay", 400), Work("trunk", 400), Work("echo", 400),
         Work("transcode", 200)]  # fmt: skip
FULL = [Work("relay", 1), Work("relay", 100), *SHORT, Work("relay", 800, False), Work("relay", 1600, False),
        Work("relay", 2000, False), Work("trunk", 2000, False), Work("trunk", 6000, False),
        Work("transcode", 600, False), Work("relay", 3200, False)]  # fmt: skip
#: calls set up and hung up, and how many a second; the short run has the first
SETUPS = [Setup(100, 600), Setup(300, 1800, False)]


def measure(system: System, work: Work | Setup, window: float) -> Row | None:
    """One run; None when the system could not carry it at all."""
    scenario = "direct" if isinstance(system, (Relay, Direct)) else work.scenario
    pid = system.start(work.values())
    try:
        command = [*realtime(20), sys.executable, "-m", "benchmarks.load.generator", "--scenario", scenario,
                   "--calls", str(work.calls), "--target", TARGET, "--bind", CALLERS, "--sink", SINKS,
                   "--pid", str(pid), "--window", str(window)]  # fmt: skip
        if isinstance(work, Setup):
            command += ["--rate", str(work.rate)]
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


def median(rows: list[Row], key: str) -> float:
    return statistics.median(row[key] for row in rows)


def spread(rows: list[Row], key: str, digits: int = 2) -> str:
    values = sorted(row[key] for row in rows)
    return f"{statistics.median(values):.{digits}f} [{values[0]:.{digits}f}..{values[-1]:.{digits}f}]"


def main() -> int:
    p = argparse.ArgumentParser(prog="benchmarks.run", description=__doc__)
    p.add_argument("--full", action="store_true", help="all sizes; a quarter of an hour and more")
    p.add_argument("--only", default="", help="a scenario, or scenario:calls")
    p.add_argument("--repeat", type=int, default=3)
    p.add_argument("--window", type=float, default=5, help="seconds measured in each run")
    p.add_argument("--name", default="latest", help="name of the result files")
    p.add_argument("--append", action="store_true", help="add to the runs that the result file holds")
    o = p.parse_args()
    everything: list[Work | Setup] = [*FULL, *SETUPS] if o.full else [*SHORT, SETUPS[0]]
    works = [w for w in everything if o.only in ("", w.scenario, f"{w.scenario}:{getattr(w, 'rate', w.calls)}")]
    systems: list[System] = [Switch("pbx", "pbx"), Relay(), Direct()]
    why = asterisk_missing()
    if why:
        print(f"without Asterisk: {why}", flush=True)
    else:
        systems += [Switch("Asterisk 22 -p", "asterisk"), Switch("Asterisk 22", "asterisk", priority=False)]
    rows = kept_runs(o.name) if o.append else {}
    for number, work in enumerate(works, 1):
        for turn in range(o.repeat):
            for system in [s for s in systems if wanted(s, work)]:
                print(f"[{number}/{len(works)}] {work.title}: {system.name}, run {turn + 1}", flush=True)
                row = measure(system, work, o.window)
                if row is not None:
                    rows.setdefault((work.title, system.name), []).append(row)
    report([w for w in [*FULL, *SETUPS] if (w.title, "pbx") in rows or w in works], [s.name for s in systems], rows,
           o.name)  # fmt: skip
    return 0


def wanted(system: System, work: Work | Setup) -> bool:
    """Whether this system is measured at this work."""
    if isinstance(system, Relay):
        return work.scenario == "relay"
    if isinstance(system, Direct):
        return work.scenario == "relay" and work.calls >= LARGE
    if system.name == "Asterisk 22":
        return isinstance(work, Work) and work.calls <= 100
    return work.asterisk or "Asterisk" not in system.name


def kept_runs(name: str) -> dict[tuple[str, str], list[Row]]:
    """The runs of an earlier part of this result."""
    path = RESULTS / f"{name}.json"
    runs = json.loads(path.read_text(encoding="utf-8"))["runs"] if path.exists() else {}
    return {(work, system): r for key, r in runs.items() for work, _, system in [key.partition(" | ")]}


def report(works: list[Work | Setup], names: list[str], rows: dict[tuple[str, str], list[Row]], name: str) -> None:
    """The table to the terminal, and files to benchmarks/results."""
    head = ["work", "CPU / C relay", "CPU / Asterisk", "us a frame", "% of a core", "p50 ms", "p99 ms", "loss %"]
    table = []
    for work in works:
        if isinstance(work, Setup):
            continue
        mine = rows.get((work.title, "pbx"))
        if not mine:
            table.append([work.title, *["failed"] * 7])
            continue
        if any(median(rows[key], "loss_percent") >= 0.1 for n in FLOORS if (key := (work.title, n)) in rows):
            table.append([work.title, "not measurable on this machine: the floor loses frames too", *["-"] * 6])
            continue
        others = [rows[key] for n in names if "Asterisk" in n and (key := (work.title, n)) in rows]
        stock = min((median(r, "us_per_frame") for r in others), default=0.0)
        floor = rows.get((work.title, "C relay"))
        us = median(mine, "us_per_frame")
        table.append([
            work.title,
            f"{us / median(floor, 'us_per_frame'):.2f}" if floor else "-",
            f"{us / stock:.3f}" if stock else "-",
            spread(mine, "us_per_frame"), spread(mine, "cpu_percent", 1), spread(mine, "latency_p50_ms"),
            spread(mine, "latency_p99_ms"), spread(mine, "loss_percent", 3),
        ])  # fmt: skip
    when = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    system = f"Linux {platform.release()}, Python {platform.python_version()}"
    machine = f"{platform.machine()}, {os.cpu_count()} cores, {system}"
    lines = [f"Measured {when} on {machine}. Median [lowest..highest].", "", "| " + " | ".join(head) + " |",
             "|" + "---|" * len(head), *("| " + " | ".join(line) + " |" for line in table)]  # fmt: skip
    lines += setups([w for w in works if isinstance(w, Setup)], names, rows)
    lines += ["", "Each system by itself:", ""]
    lines += ["| work | system | us a frame | % of a core | p99 ms | loss % | KiB a call |", "|" + "---|" * 7]
    voice = [w for w in works if isinstance(w, Work)]
    for work in voice:
        for n in names:
            their = rows.get((work.title, n))
            if their:
                lines.append(f"| {work.title} | {n} | {spread(their, 'us_per_frame')} | "
                             f"{spread(their, 'cpu_percent', 1)} | {spread(their, 'latency_p99_ms')} | "
                             f"{spread(their, 'loss_percent', 3)} | "
                             f"{spread(their, 'memory_kib_per_call', 0)} |")  # fmt: skip
    print("\n" + "\n".join(lines))
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    groups = [(w.title, [(n, median(rows[w.title, n], "us_per_frame")) for n in names if (w.title, n) in rows])
              for w in voice]  # fmt: skip
    (RESULTS / f"{name}.svg").write_text(plot.bars("microseconds of CPU per frame, user and system", groups))
    raw = {f"{work} | {system}": r for (work, system), r in rows.items()}
    (RESULTS / f"{name}.json").write_text(json.dumps({"when": when, "machine": machine, "runs": raw}, indent=1) + "\n")


def setups(works: list[Setup], names: list[str], rows: dict[tuple[str, str], list[Row]]) -> list[str]:
    """The table of calls set up."""
    if not works:
        return []
    lines = ["", "Calls set up and hung up (two legs each):", "",
             "| work | system | ms of CPU a call | failed | answered after, p50 ms | p99 ms |",
             "|" + "---|" * 6]  # fmt: skip
    for work in works:
        for n in names:
            their = rows.get((work.title, n))
            if their:
                failed = sum(r["failed"] for r in their)
                lines.append(f"| {work.title} | {n} | {spread(their, 'cpu_ms_per_call')} | {failed:.0f} of "
                             f"{sum(r['calls'] for r in their):.0f} | {spread(their, 'setup_p50_ms')} | "
                             f"{spread(their, 'setup_p99_ms')} |")  # fmt: skip
    return lines


if __name__ == "__main__":
    sys.exit(main())
