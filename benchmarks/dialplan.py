"""How fast the dialplan language is: loading, look-ups, priorities.

    python benchmarks/dialplan.py [--extensions 1000 10000 100000] [--json FILE]

One process, CPU time.  Patterns have seven characters and stand in one context, as in the shared Asterisk figures
(`17 us a priority; a look-up among 100,000 patterns 2,600 us; loading 100,000 in 104 s`).
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from pbx.conf.diagnostics import Diagnostics
from pbx.conf.reader import read_text
from pbx.dialplan.dialplan import Dialplan
from pbx.dialplan.loader import loading
from pbx.dialplan.substitution import substitute


def patterns(count: int, seed: int = 7) -> list[str]:
    """Different patterns of seven positions, as a box full of number ranges has them."""
    rng = random.Random(seed)
    found: dict[str, None] = {}
    while len(found) < count:
        digits = [rng.choice("0123456789") for _ in range(6)]
        for _ in range(rng.choice((0, 0, 1, 2))):
            digits[rng.randrange(3, 6)] = rng.choice(("X", "N", "Z", "[2-5]"))
        found["_" + "".join(digits) + "X"] = None
    return list(found)


def cpu(work: Callable[[], object]) -> tuple[float, object]:
    """CPU seconds of a piece of work, and what it gave."""
    began = time.process_time()
    result = work()
    return time.process_time() - began, result


def memory() -> float:
    """MiB in use at most so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def load(count: int) -> dict[str, float]:
    """Load `count` extensions of one priority; the longest slice is what a call could wait for."""
    names = patterns(count)
    text = "[general]\n[bench]\n" + "".join(f"exten => {name},1,NoOp({name[1:]})\n" for name in names)
    found = Diagnostics()
    before = memory()
    read, document = cpu(lambda: read_text(text, "bench.conf", diagnostics=found))
    longest = 0.0
    # as the daemon does around a load
    gc.disable()
    began = time.process_time()
    work = loading(document, found)  # type: ignore[arg-type]
    while True:
        slice_began = time.perf_counter()
        try:
            next(work)
        except StopIteration as done:
            plan = Dialplan(done.value)
            break
        longest = max(longest, time.perf_counter() - slice_began)
    loaded = time.process_time() - began
    gc.freeze()
    gc.enable()
    row = {"extensions": count, "read_s": read, "load_s": loaded, "longest_slice_ms": longest * 1e3}
    row["memory_mib"] = memory() - before
    row.update(look_up(plan, names))
    return row


def look_up(plan: Dialplan, names: list[str], rounds: int = 20000) -> dict[str, float]:
    """us a look-up: numbers never asked before, and the same number again (as each next priority does)."""
    rng = random.Random(11)
    digits = {"X": "0123456789", "N": "23456789", "Z": "123456789"}
    numbers = []
    for _ in range(rounds):
        name = rng.choice(names)[1:].replace("[2-5]", "N")
        numbers.append("".join(rng.choice(digits.get(c, c)) for c in name))
    index = plan.contexts["bench"].index
    for _ in range(1000):
        index.matching(rng.choice(numbers))
    fresh = [n + "" for n in dict.fromkeys(numbers)]
    rest = cpu(lambda: [plan.find("bench", n) for n in fresh])[0] / len(fresh)
    same = cpu(lambda: [plan.find("bench", numbers[0]) for _ in range(rounds)])[0] / rounds
    close = cpu(lambda: [plan.match_more("bench", n[:4]) for n in fresh])[0] / len(fresh)
    return {"look_up_us": rest * 1e6, "again_us": same * 1e6, "match_more_us": close * 1e6}


class _Values:
    """Variables of one call."""

    def __init__(self) -> None:
        self.values = {"N": "0", "LIMIT": "1000000", "NAME": "abc"}

    def variable(self, name: str) -> str | None:
        return self.values.get(name)

    def function(self, name: str, args: str) -> str | None:
        return str(len(args)) if name == "LEN" else None


def texts(rounds: int = 20000) -> dict[str, float]:
    """us to put in the data of a priority; the counter changes each time."""
    values = _Values()
    found = {}
    for name, text in {
        "plain": "a text without anything",
        "variable": "N=${N} of ${LIMIT}",
        "substring": "${NAME:1:1}",
        "counter": "N=$[${N} + 1]",
        "condition": "$[${N} < ${LIMIT}]?again",
        "quoted": '$["${NAME}" = "abc"]?yes:no',
        "function": "${LEN(${NAME})}",
        "regex": '$["${NAME}${N}" =~ "^[a-z]+([0-9]+)$"]',
    }.items():

        def work(text: str = text) -> None:
            for n in range(rounds):
                values.values["N"] = str(n)
                substitute(text, values)

        found[name + "_us"] = cpu(work)[0] / rounds * 1e6
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--extensions", type=int, nargs="+", default=[10, 1000, 10000, 100000])
    parser.add_argument("--json", help="write the figures there")
    options = parser.parse_args()
    rows = [load(count) for count in options.extensions]
    for row in rows:
        print("  ".join(f"{key} {value:.4g}" for key, value in row.items()))
    put_in = texts()
    print("  ".join(f"{key} {value:.3g}" for key, value in put_in.items()))
    if options.json:
        Path(options.json).write_text(json.dumps({"loads": rows, "texts": put_in}, indent=1), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
