"""The table in docs/dialplan.md: what of a stock Asterisk 22 is here.

python -m tests.dialplan.status        write it anew
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

from pbx.dialplan import registry

HERE = Path(__file__).parent
DOCUMENT = HERE.parents[1] / "docs" / "dialplan.md"
BEGIN, END = "<!-- the table begins -->\n", "<!-- the table ends -->\n"
STOCK: dict[str, Any] = yaml.safe_load((HERE / "recorded" / "stock.yaml").read_text(encoding="utf-8"))
WIDTH = 118


def reasons(kind: str) -> dict[str, tuple[str, str]]:
    """Name -> (later or left out, why) of what is not here."""
    return {name: (group["status"], group["why"]) for group in STOCK["not_here"] for name in group[kind]}


def table() -> str:
    """The lines between the marks."""
    registry.load_all()
    tables: dict[str, registry.Table[Any]] = {
        "applications": registry.APPLICATIONS,
        "functions": registry.FUNCTIONS,
    }
    lines: list[str] = []
    for kind, here in tables.items():
        names = [name for name in STOCK[kind] if name in here]
        lines += [f"\n## The {len(names)} {kind} of Asterisk 22 that are here\n", *_wrapped(names)]
        own = [name for name in here.names() if name not in STOCK[kind]]
        if own:
            lines += [f"\nBeside these, from other versions of Asterisk: {', '.join(own)}."]
    lines += ["\n## What is not here\n", "| | why | applications and functions |", "|---|---|---|"]
    for group in STOCK["not_here"]:
        absent = [name for kind, here in tables.items() for name in group[kind] if name not in here]
        if absent:
            lines.append(f"| {group['status']} | {group['why']} | {', '.join(absent)} |")
    return "\n".join(lines) + "\n"


def _wrapped(names: Iterable[str]) -> Iterator[str]:
    line = ""
    for name in names:
        if len(line) + len(name) + 2 > WIDTH:
            yield line.rstrip()
            line = ""
        line += f"{name}, "
    yield line.removesuffix(", ") + "."


def main() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    DOCUMENT.write_text(before + BEGIN + table() + END + after, encoding="utf-8")


if __name__ == "__main__":
    main()
