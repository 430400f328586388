"""Tables and the plot of a run: to the terminal and to benchmarks/results."""

from __future__ import annotations

import datetime
import json
import os
import platform
import statistics
import sys
from pathlib import Path

from benchmarks import plot
from benchmarks.works import Any as AnyWork
from benchmarks.works import Setup, Work

RESULTS = Path(__file__).parent / "results"
Row = dict[str, float]
Rows = dict[tuple[str, str], list[Row]]
#: where these lose frames, it may be the machine
FLOORS = ("C relay", "generator alone")
#: loss from which a size counts as not carried, percent
LOSS = 0.1


def median(rows: list[Row], key: str) -> float:
    return statistics.median(row[key] for row in rows)


def spread(rows: list[Row], key: str, digits: int = 2) -> str:
    """Median, and the lowest and the highest where they differ."""
    values = sorted(value for row in rows if (value := row.get(key)) is not None)
    if not values:
        return "-"
    middle, low, high = (f"{v:.{digits}f}" for v in (statistics.median(values), values[0], values[-1]))
    return middle if low == high else f"{middle} [{low}..{high}]"


def kept_runs(name: str) -> Rows:
    """The runs of an earlier part of this result."""
    path = RESULTS / f"{name}.json"
    runs = json.loads(path.read_text(encoding="utf-8"))["runs"] if path.exists() else {}
    return {(work, system): r for key, r in runs.items() for work, _, system in [key.partition(" | ")]}


def keep_runs(name: str, rows: Rows) -> tuple[str, str]:
    """Write the runs so far, for `--append` after one that was broken off; when, and on what machine."""
    when = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    # a build without profile-guided optimisation is a quarter slower; none says of itself how it was made
    whose = "the distribution's" if sys.base_prefix == "/usr" else "another build"
    system = f"Linux {platform.release()}, Python {platform.python_version()} ({whose})"
    machine = f"{platform.machine()}, {os.cpu_count()} cores, {system}"
    raw = {f"{work} | {system}": r for (work, system), r in rows.items()}
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps({"when": when, "machine": machine, "runs": raw}, indent=1) + "\n")
    return when, machine


def table(head: list[str], lines: list[list[str]]) -> list[str]:
    """A table in Markdown; nothing without lines."""
    if not lines:
        return []
    return ["", "| " + " | ".join(head) + " |", "|" + "---|" * len(head), *("| " + " | ".join(x) + " |" for x in lines)]


def report(works: list[AnyWork], names: list[str], rows: Rows, single: list[list[str]], name: str) -> None:
    """works: in the order of the table.  single: (what, figure) of what is measured once."""
    when, machine = keep_runs(name, rows)
    voice = [w for w in works if isinstance(w, Work)]
    steady = [w for w in voice if w.beside is None]
    lines = [f"Measured {when} on {machine}. Median [lowest..highest]."]
    lines += ratios(steady, names, rows)
    lines += disturbed([w for w in voice if w.beside is not None], rows)
    lines += setups([w for w in works if isinstance(w, Setup)], names, rows)
    lines += table(["measured once", "figure"], single)
    lines += ["", "Each system by itself:", *alone(steady, names, rows)]
    print("\n" + "\n".join(lines))
    (RESULTS / f"{name}.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    groups = [(w.title, [(n, median(rows[w.title, n], "us_per_frame")) for n in names if (w.title, n) in rows])
              for w in steady if (w.title, "pbx") in rows]  # fmt: skip
    (RESULTS / f"{name}.svg").write_text(plot.bars("microseconds of CPU per frame, user and system", groups))


def ratios(works: list[Work], names: list[str], rows: Rows) -> list[str]:
    """pbx beside the ideal relay and the cheaper Asterisk of each line."""
    lines = []
    for work in works:
        mine = rows.get((work.title, "pbx"))
        if not mine:
            lines.append([work.title, *["failed"] * 7])
            continue
        others = [rows[key] for n in names if "Asterisk" in n and (key := (work.title, n)) in rows]
        stock = min((median(r, "us_per_frame") for r in others), default=0.0)
        floor = rows.get((work.title, "C relay"))
        us = median(mine, "us_per_frame")
        lines.append([
            work.title + beyond(work, mine, rows),
            f"{us / median(floor, 'us_per_frame'):.2f}" if floor else "-",
            f"{us / stock:.3f}" if stock else "-",
            spread(mine, "us_per_frame"), spread(mine, "cpu_percent", 1), spread(mine, "latency_p50_ms"),
            spread(mine, "latency_p99_ms"), spread(mine, "loss_percent", 3),
        ])  # fmt: skip
    head = ["work", "CPU / C relay", "CPU / Asterisk", "us a frame", "% of a core", "p50 ms", "p99 ms", "loss %"]
    return table(head, lines)


def beyond(work: Work, mine: list[Row], rows: Rows) -> str:
    """A remark where pbx loses frames and so does what it is measured against."""
    if median(mine, "loss_percent") < LOSS:
        return ""
    weak = [n for n in FLOORS if (key := (work.title, n)) in rows and median(rows[key], "loss_percent") >= LOSS]
    return f" (not measurable on this machine: {' and '.join(weak)} loses, too)" if weak else ""


def disturbed(works: list[Work], rows: Rows) -> list[str]:
    """Two windows of the same calls: nothing else going on, and something."""
    lines = []
    for work in works:
        mine = rows.get((work.title, "pbx"))
        if not mine:
            lines.append([work.title, *["failed"] * 6])
            continue
        rise = statistics.median(r["disturbed_latency_p99_ms"] - r["latency_p99_ms"] for r in mine)
        lines.append([
            work.title, spread(mine, "latency_p99_ms"), spread(mine, "disturbed_latency_p99_ms"), f"{rise:+.2f}",
            spread(mine, "loss_percent", 3), spread(mine, "disturbed_loss_percent", 3),
            spread(mine, "disturbed_longest_gap_ms", 0),
        ])  # fmt: skip
    head = ["400 relayed calls while pbx ...", "p99 ms before", "meanwhile", "change", "loss % before", "meanwhile",
            "longest gap of a leg, ms"]  # fmt: skip
    return table(head, lines)


def setups(works: list[Setup], names: list[str], rows: Rows) -> list[str]:
    """Calls set up and hung up."""
    lines = []
    for work in works:
        for n in names:
            their = rows.get((work.title, n))
            if their:
                failed = sum(r["failed"] for r in their)
                lines.append([
                    work.title, n, spread(their, "cpu_ms_per_call"),
                    f"{failed:.0f} of {sum(r['calls'] for r in their):.0f}", spread(their, "rate", 0),
                    spread(their, "setup_p50_ms"), spread(their, "setup_p99_ms"),
                ])  # fmt: skip
    head = ["calls of two legs", "system", "ms of CPU a call", "failed", "calls/s", "answered after, p50 ms", "p99 ms"]
    return table(head, lines)


def alone(works: list[Work], names: list[str], rows: Rows) -> list[str]:
    """Every system by itself."""
    lines = [
        [work.title, n, spread(their, "us_per_frame"), spread(their, "cpu_percent", 1), spread(their, "latency_p99_ms"),
         spread(their, "loss_percent", 3), spread(their, "memory_kib_per_call", 0), spread(their, "steal_percent", 1)]
        for work in works for n in names if (their := rows.get((work.title, n)))
    ]  # fmt: skip
    head = ["work", "system", "us a frame", "% of a core", "p99 ms", "loss %", "KiB a call", "stolen by the host, %"]
    return table(head, lines)
