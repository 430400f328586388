"""Whether anything grows while calls come and go: `python -m benchmarks.growth [--calls 10000] [--every 1000]`.

Calls are played to the real driver, switch, dialplan and voice plane in one process and in virtual time (as
`benchmarks.setup` does), one each 0.7 s, so that 10,000 of them take two hours and numbers and timers of former calls
run out in between.  Printed for each thousand: live objects, those that only a collection found (calls that ended
leave no cycles), and memory.  It fails when objects grow by more than --allowed a call from the second row to the last,
and says of which types they are, or when as many are found in cycles.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
from collections import Counter

from benchmarks.load.generator import memory_kib
from benchmarks.setup import Bench
from pbx.channels import log

#: objects more or less that say nothing: what stands in queues and caches at the moment
NOISE = 500
#: seconds from one call to the next: a tenth goes by in each call
PAUSE = 0.1


def kinds() -> Counter[str]:
    """Live objects by type."""
    return Counter(f"{type(o).__module__}.{type(o).__qualname__}" for o in gc.get_objects())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--every", type=int, default=1000)
    parser.add_argument("--allowed", type=float, default=0.1, help="objects a call that may stay")
    wanted = parser.parse_args()
    log.set_sink(lambda record: None)
    bench = Bench()
    bench.run()
    rows: list[Counter[str]] = []
    print(f"{'calls':>8}{'virtual s':>11}{'objects':>10}{'in cycles':>11}{'MiB':>8}", flush=True)
    began, cycles = bench.now, 0
    gc.disable()
    for done in range(wanted.every, wanted.calls + 1, wanted.every):
        for _ in range(wanted.every):
            bench.call()
            bench.now += PAUSE
            bench.run()
        found = gc.collect()
        cycles += found if rows else 0
        rows.append(kinds())
        print(
            f"{done:8}{bench.now - began:11.0f}{rows[-1].total():10}{found:11}{memory_kib(os.getpid()) / 1024:8.1f}",
            flush=True,
        )
    for bound in bench.driver.sockets:
        bound.socket.close()
    if len(rows) < 3:
        return 0
    bound = NOISE + wanted.allowed * wanted.every * (len(rows) - 2)
    grown = rows[-1].total() - rows[1].total() > bound
    if grown:
        print("grown:", ", ".join(f"{n} {kind}" for kind, n in (rows[-1] - rows[1]).most_common(12)))
    if cycles > bound:
        print(f"{cycles} objects were in cycles")
    return int(grown or cycles > bound)


if __name__ == "__main__":
    sys.exit(main())
