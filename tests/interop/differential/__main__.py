"""Play generated cases on a stock Asterisk 22 and on pbx; print what differs.

    python -m tests.interop.differential [--groups expressions,flow] [--batches 3] [--seed 1]

Needs the stock peers (tests/interop/setup).  Each difference is printed with the piece of extensions.conf that shows it.
"""

# ruff: noqa: E501

from __future__ import annotations

import argparse
import sys
import time
from difflib import unified_diff
from itertools import zip_longest
from pathlib import Path
from random import Random

from tests.interop.differential import clockwork, conffiles, reaching, specials, wholes
from tests.interop.differential.cases import GROUPS as FIRST
from tests.interop.differential.pair import Case, Outcome, Pair

#: groups whose cases hang on the clock or take long are not played in CI
GROUPS = FIRST | {
    "times": (clockwork.times, 40),
    "clocks": (clockwork.clocks, 40),
    "digits": (clockwork.digits, 20),
    "specials": (specials.specials, 40),
    "reaching": (reaching.reaching, 40),
}
#: groups of whole files
WHOLES = {"wholes": (conffiles.conf_file, 200), "hints": (reaching.hints, 40)}


def play_wholes(pair: Pair, name: str, seed: int, count: int) -> tuple[int, int]:
    """Load generated files on both boxes, show what is listed differently; (files, those that differ)."""
    make, usual = WHOLES[name]
    cases = [make(Random(f"{name}-{seed}-{i}"), f"{name}-{seed}-{i}") for i in range(count or usual)]
    found = wholes.differences(pair, cases)
    for case, left, right in found:
        print(f"---- {case.name}\n{case.text}")
        for command, theirs, ours in zip(["dialplan reload", *case.ask], left, right, strict=True):
            lines = unified_diff(theirs.splitlines(), ours.splitlines(), command, "pbx", lineterm="", n=0)
            print("".join(f"    {line}\n" for line in lines), end="")
    print(f"{name} seed {seed}: {len(cases)} files, {len(found)} differ", flush=True)
    return len(cases), len(found)


def show(case: Case, stock: Outcome, own: Outcome) -> None:
    """A difference: for numbered lines only those that differ, else the whole case."""
    source = {}
    for line in case.conf.split("\n"):
        _, mark, text = line.partition("EMIT(")
        number = text.partition(" ")[0]
        if mark and number.isdigit():
            source[number] = text[len(number) + 1 :].removesuffix(")")
    theirs = dict(line.partition(" ")[::2] for line in stock.lines)
    ours = dict(line.partition(" ")[::2] for line in own.lines)
    if len(source) > 3 and theirs.keys() <= source.keys() | {"end"} and len(theirs) == len(stock.lines):
        for number, text in source.items():
            if theirs.get(number) != ours.get(number):
                print(
                    f"{case.name}:{number} {text}\n    asterisk {theirs.get(number)!r}\n    pbx      {ours.get(number)!r}"
                )
        return
    print(f"---- {case.name}")
    for number, (left, right) in enumerate(zip_longest(stock.lines[:99], own.lines[:99])):
        if left != right:
            before = stock.lines[max(0, number - 2) : number]
            print(f"    {number} lines the same {before}\n    asterisk {left!r}\n    pbx      {right!r}")
            break
    for command, left, right in zip(case.ask, stock.answers, own.answers, strict=True):
        lines = unified_diff(left.splitlines(), right.splitlines(), command, "pbx", lineterm="", n=1)
        print("".join(f"    {line}\n" for line in lines), end="")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--groups", default=",".join([*GROUPS, *WHOLES]))
    parser.add_argument("--batches", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cases", type=int, default=0, help="cases of a batch (default: what suits the group)")
    parser.add_argument("--keep", type=Path, help="write the cases that differ into this folder")
    options = parser.parse_args()
    total = different = 0
    with Pair() as pair:
        for name in options.groups.split(","):
            if name in WHOLES:
                for batch in range(options.batches):
                    played, bad = play_wholes(pair, name, options.seed + batch, options.cases)
                    total += played
                    different += bad
                continue
            make, count = GROUPS[name]
            for batch in range(options.batches):
                seed = options.seed + batch
                rng = Random(f"{name}-{seed}")
                cases = [make(rng, f"{name}-{seed}-{i}") for i in range(options.cases or count)]
                began = time.monotonic()
                found = pair.differences(cases)
                total += len(cases)
                different += len(found)
                for row in found:
                    show(*row)
                    if options.keep:
                        options.keep.mkdir(exist_ok=True)
                        (options.keep / row[0].name).write_text(row[0].conf, encoding="utf-8")
                print(f"{name} seed {seed}: {len(cases)} cases, {len(found)} differ ({time.monotonic() - began:.1f} s)",
                      flush=True)  # fmt: skip
                assert all(box.process is not None and box.process.poll() is None for box in pair.boxes), "a box ended"
    print(f"total: {total} cases, {different} differ")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
