"""The dialplan beside a stock Asterisk 22, in one run: loading, look-ups, priorities, Local calls.

    python -m benchmarks.dialplan_beside [--extensions 10 1000 10000] [--loops 40000] [--calls 40] [--json FILE]

Both get the same extensions.conf; all figures are CPU time of the whole process tree, measured around one call that
`channel originate` starts, the median of `--repeat` of them.  Asterisk is measured with its default matcher and with
extenpatternmatchnew=yes, and so is pbx, which has two orders of search but needs none for speed.  Systems take turns;
where a machine is shared, only figures of the same run compare.  `--full` adds 100,000 extensions: a stock box takes
minutes to load them, so there its load is taken from the start alone, not from a reload.  `--only` and `--append`
gather a result in parts; `--table FILE` prints one that was kept.

Look-ups: each one asks for a number that was not asked for before, as far as there are so many; so what they remember
does not count at 10,000 patterns and more.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.systems import asterisk_missing
from tests.interop.boxes import Box, PbxBox, StockBox

ADDRESS = "127.0.1.205"
_MODULES = """res_timing_timerfd res_clioriginate pbx_config bridge_simple bridge_builtin_features bridge_holding
codec_ulaw func_env func_global func_strings func_sprintf app_dial chan_iax2""".split()
#: what takes turns; `-new`: extenpatternmatchnew=yes
SYSTEMS = ("pbx", "pbx-new", "asterisk", "asterisk-new")
#: seconds that one piece of work may take
PATIENCE = 400.0
#: extensions from which a stock box is not asked to load them again
TOO_MANY = 50_000

GENERAL = """[general]
static=yes
writeprotect=no
extenpatternmatchnew=%(new)s
[loop]
exten => s,1,Set(i=0)
 same => n(again),Set(i=$[${i} + 1])
 same => n,GotoIf($[${i} < %(loops)d]?again)
 same => n,Set(FILE(@OUT@/done,,,al,u)=loop)
[walk]
exten => s,1,Set(__i=0)
 same => n,Goto(back,s,1)
[back]
exten => s,1,Set(i=$[${i} + 1])
 same => n,GotoIf($[${i} > %(walks)d]?done)
 same => n,Goto(big,${SPRINTF(%%05d,$[(${i} * 7919) %% %(count)d])}005,1)
 same => n(done),Set(FILE(@OUT@/done,,,al,u)=walk)
[flat]
exten => s,1,Set(i=0)
 same => n(again),Set(i=$[${i} + 1])
 same => n,GotoIf($[${i} > %(walks)d]?done)
 same => n,Set(x=${SPRINTF(%%05d,$[(${i} * 7919) %% %(count)d])}005)
 same => n,Goto(again)
 same => n(done),Set(FILE(@OUT@/done,,,al,u)=flat)
[calls]
exten => s,1,Set(i=0)
 same => n(again),Set(i=$[${i} + 1])
 same => n,Dial(Local/1@answer/n,5,g)
 same => n,GotoIf($[${i} < %(calls)d]?again)
 same => n,Set(FILE(@OUT@/done,,,al,u)=calls)
[answer]
exten => 1,1,Answer()
 same => n,Hangup()
[big]
"""


def steps(kind: str, count: int, options: argparse.Namespace) -> int:
    """Look-ups in one go."""
    if kind == "pbx" or count <= 1000:
        return int(options.loops) // 4
    # a stock default matcher takes milliseconds a look-up at these sizes
    return max(100, int(options.loops) // 200)


def files(count: int, options: argparse.Namespace, new: bool, kind: str = "pbx") -> Path:
    """A folder with the configuration."""
    folder = Path(tempfile.mkdtemp(prefix="dialplan-bench-"))
    walks = steps(kind, count, options)
    values = {"new": "yes" if new else "no", "loops": options.loops, "walks": walks, "calls": options.calls}
    text = GENERAL % {**values, "count": max(1, count)}
    text += "".join(f"exten => _{i:05d}XXN,1,Goto(back,s,1)\n" for i in range(count))
    (folder / "extensions.conf").write_text(text, encoding="utf-8")
    (folder / "iax.conf").write_text(f"[general]\nbindaddr={ADDRESS}\n", encoding="utf-8")
    return folder


def cpu(pid: int) -> float:
    """CPU seconds of a process and all below it."""
    ticks, left = 0, [pid]
    while left:
        one = left.pop()
        try:
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
            for task in os.listdir(f"/proc/{one}/task"):
                left += map(int, Path(f"/proc/{one}/task/{task}/children").read_text().split())
        except OSError:
            continue
    return ticks / os.sysconf("SC_CLK_TCK")


def spent(box: Box, context: str) -> tuple[float, float]:
    """(CPU seconds, seconds) of the call that runs `s` of a context."""
    assert box.process is not None
    done = box.home / "spool" / "done"
    done.unlink(missing_ok=True)
    before, began = cpu(box.process.pid), time.monotonic()
    box.originate(f"Local/s@{context}/n", "Wait", "600")
    while not done.exists():
        if time.monotonic() - began > PATIENCE:
            raise TimeoutError(f"{box.kind}: {context} does not end")
        time.sleep(0.02)
    used, took = cpu(box.process.pid) - before, time.monotonic() - began
    box.rx("channel request hangup all")
    box.wait_idle()
    return used, took


def reload(box: Box) -> float:
    """CPU seconds of a dialplan reload."""
    assert box.process is not None
    path = box.home / "etc" / "extensions.conf"
    path.write_text(path.read_text() + "\n[touched]\nexten => 1,1,NoOp()\n")
    before = cpu(box.process.pid)
    box.rx("dialplan reload", PATIENCE)
    box.wait_rx("dialplan show 1@touched", "NoOp", PATIENCE)
    return cpu(box.process.pid) - before


def measure(kind: str, count: int, options: argparse.Namespace, new: bool) -> dict[str, float | str]:
    """One system at one size."""
    folder = files(count, options, new, kind)
    box: Box = PbxBox("bench", folder, ADDRESS) if kind == "pbx" else StockBox("bench", folder, ADDRESS, 22)
    if isinstance(box, StockBox):
        box.wanted = _MODULES
    box.verbose = 0
    began = time.monotonic()
    box.start(PATIENCE)
    row: dict[str, float | str] = {"system": kind + (" new" if new else ""), "extensions": count}
    row["boot_s"] = time.monotonic() - began
    try:
        assert box.process is not None
        row["boot_cpu_s"] = cpu(box.process.pid)
        if count < TOO_MANY or kind == "pbx":
            row["reload_cpu_s"] = reload(box)
        row["priority_us"] = median(spent(box, "loop")[0] for _ in range(options.repeat)) / (2 * options.loops) * 1e6
        walked = median(spent(box, "walk")[0] - spent(box, "flat")[0] for _ in range(options.repeat))
        row["look_up_us"] = walked / steps(kind, count, options) * 1e6
        used, took = spent(box, "calls")
        row["call_us"], row["calls_s"] = used / options.calls * 1e6, options.calls / took
    finally:
        box.stop()
    return row


#: the columns of the table: heading, field, digits behind the point, factor
_COLUMNS = (
    ("start, s of CPU", "boot_cpu_s", 2, 1.0),
    ("reload, s of CPU", "reload_cpu_s", 2, 1.0),
    ("look-up, us", "look_up_us", 1, 1.0),
    ("priority, us", "priority_us", 1, 1.0),
    ("Local call, ms", "call_us", 2, 1e-3),
)


def table(kept: dict[str, Any]) -> Iterator[str]:
    """A kept result as Markdown."""
    yield f"Measured {kept['when']} on {kept['machine']}. CPU of all processes; medians of {kept['repeat']}."
    yield ""
    yield "| patterns | system | " + " | ".join(heading for heading, _, _, _ in _COLUMNS) + " |"
    yield "|---|---|" + "---|" * len(_COLUMNS)
    for row in kept["rows"]:
        cells = [
            "-" if field not in row else f"{max(0.0, row[field]) * factor:,.{digits}f}"
            for _, field, digits, factor in _COLUMNS
        ]
        yield f"| {row['extensions']:,} | {row['system']} | {' | '.join(cells)} |"


def keep(path: Path, rows: list[dict[str, float | str]], options: argparse.Namespace) -> None:
    """Write what was measured so far."""
    system = f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    kept: dict[str, Any] = {
        "when": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {system}",
        "repeat": options.repeat,
        "rows": rows,
    }
    path.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--extensions", type=int, nargs="+", default=[10, 1000, 10000])
    parser.add_argument("--loops", type=int, default=40000)
    parser.add_argument("--calls", type=int, default=40)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=SYSTEMS, default=list(SYSTEMS))
    parser.add_argument("--json", type=Path, help="write the figures there")
    parser.add_argument("--append", action="store_true", help="add to that file")
    parser.add_argument("--table", type=Path, help="print a file so written, measure nothing")
    parser.add_argument("--full", action="store_true", help="100,000 extensions too: ten minutes and more")
    options = parser.parse_args()
    if options.table is not None:
        print("\n".join(table(json.loads(options.table.read_text(encoding="utf-8")))))
        return 0
    if options.full:
        options.extensions.append(100_000)
    why = asterisk_missing()
    if why:
        print(f"without Asterisk: {why}", flush=True)
    rows: list[dict[str, float | str]] = []
    if options.append and options.json is not None and options.json.exists():
        rows = json.loads(options.json.read_text(encoding="utf-8"))["rows"]
    for count in options.extensions:
        for system in options.only:
            kind, _, new = system.partition("-")
            if why and kind != "pbx":
                continue
            row = measure(kind, count, options, bool(new))
            print("  ".join(f"{k} {v}" if isinstance(v, str) else f"{k} {v:.4g}" for k, v in row.items()), flush=True)
            rows.append(row)
            if options.json is not None:
                # after each row: a stock box takes minutes for some, and what was measured before must not be lost
                keep(options.json, rows, options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
