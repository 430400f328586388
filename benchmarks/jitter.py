"""Jitter buffers on simulated networks: what is played, what is late, how long it waits; tables and plots.

    python -m benchmarks.jitter            # prints the table and writes docs/jitter/*.svg

All in virtual time, from fixed seeds: every run gives the same figures.  A frame of 20 ms leaves each 20 ms; a trace
says when it arrives (None: never).  Each trace goes through Asterisk's adaptive buffer with its default settings and
through two fixed ones: a plain one of 60 ms, which never moves, and JITTERBUFFER(fixed)'s 200 ms, which follows a
jump of the sender's clock.  tests/codecs/test_jitter_traces.py holds the bounds.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.plot import lines
from pbx.codecs.jitter import JitterBuffer
from pbx.codecs.jitter_fixed import FixedBuffer
from pbx.codecs.jitter_queue import Answer, Buffer, Statistics

FRAME = 20
DAY = 86_400_000
#: sender's stamps are not ours, and both are large: links stay up for months
ORIGIN = 90 * DAY
PLOTS = Path(__file__).resolve().parents[1] / "docs" / "jitter"


@dataclass(frozen=True, slots=True)
class Frame:
    """sent: on the sender's clock, ms; leaves, arrives: on ours (arrives None: lost)."""

    sent: int
    leaves: int
    arrives: int | None


Trace = Callable[[], Iterator[Frame]]


def steady_clock(delays: Iterator[int | None]) -> Iterator[Frame]:
    """Frames each 20 ms with these delays."""
    for n, delay in enumerate(delays):
        at = n * FRAME
        yield Frame(at, at, None if delay is None else at + delay)


def uniform() -> Iterator[Frame]:
    """Delays anywhere between 20 and 80 ms, 1 % lost."""
    dice = random.Random(1)
    return steady_clock(None if dice.random() < 0.01 else dice.randrange(20, 81) for _ in range(3000))


def spikes() -> Iterator[Frame]:
    """A quiet line (20 to 24 ms) that stands still for 240 ms each 4 s, then delivers all at once."""
    dice = random.Random(2)

    def delays() -> Iterator[int]:
        for n in range(3000):
            into = n % 200 - 180
            yield dice.randrange(20, 25) + (max(0, 240 - FRAME * into) if into >= 0 else 0)

    return steady_clock(delays())


def route_change() -> Iterator[Frame]:
    """30 ms, then by another way 150, then 50; each with 10 ms of jitter."""
    dice = random.Random(3)
    return steady_clock((30, 150, 50)[n // 1000] + dice.randrange(0, 11) for n in range(3000))


def reordering() -> Iterator[Frame]:
    """Every seventh frame takes 45 ms longer, so that two overtake it."""
    dice = random.Random(4)
    return steady_clock(30 + dice.randrange(0, 3) + (45 if n % 7 == 3 else 0) for n in range(3000))


def wrap() -> Iterator[Frame]:
    """140 s with 40 ms of jitter: the 16 bits of a mini's time wrap twice."""
    dice = random.Random(5)
    return steady_clock(30 + dice.randrange(0, 41) for _ in range(7000))


def skew(ppm: int, days: float = 2, pause: int = 3_600_000, talk: int = 5000) -> Trace:
    """A sender whose clock is `ppm` millionths quick, for days: it says 5 s at each full hour.

    So the drift of an hour (360 ms at 100 ppm) comes at once, which is harder than voice that never ends.
    """

    def frames() -> Iterator[Frame]:
        dice = random.Random(6)
        for begin in range(0, round(days * DAY), pause):
            for leaves in range(begin, begin + talk, FRAME):
                sent = round(leaves * (1 + ppm / 1e6))
                yield Frame(sent, leaves, leaves + 30 + dice.randrange(0, 21))

    return frames


TRACES: dict[str, Trace] = {
    "uniform": uniform,
    "spikes": spikes,
    "route change": route_change,
    "reordering": reordering,
    "wrap": wrap,
    "skew +100 ppm": skew(100),
    "skew -100 ppm": skew(-100),
}
BUFFERS: dict[str, Callable[[], Buffer]] = {
    "adaptive": JitterBuffer,
    "plain, 60 ms": lambda: FixedBuffer(60, -1),
    "JITTERBUFFER(fixed)": FixedBuffer,
}


@dataclass(slots=True)
class Outcome:
    """What became of a trace.  delay: (ms of our clock, ms from leaving to being played) of each frame played."""

    sent: int = 0
    arrived: int = 0
    played: list[int] = field(default_factory=list)
    concealed: int = 0
    delay: list[tuple[int, int]] = field(default_factory=list)
    statistics: Statistics | None = None

    @property
    def missed(self) -> float:
        """Share of the frames that arrived and were not played."""
        return 1 - len(self.played) / self.arrived

    def mean_delay(self, start: float = 0.0, end: float = 1.0) -> float:
        """Over a part of the frames that were played."""
        part = self.delay[round(start * len(self.delay)) : round(end * len(self.delay))]
        return sum(delay for _, delay in part) / len(part)

    @property
    def longest(self) -> int:
        return max(delay for _, delay in self.delay)


class _Run:
    """One trace on its way through a buffer: a row of it, with a clock of its own."""

    def __init__(self, trace: Trace) -> None:
        self.frames = list(trace())
        self.coming = sorted((frame.arrives, n) for n, frame in enumerate(self.frames) if frame.arrives is not None)
        self.at = self.idle = 0
        self.now = self.coming[0][0] // FRAME * FRAME
        self.result = Outcome(sent=len(self.frames), arrived=len(self.coming))

    @property
    def over(self) -> bool:
        return self.at == len(self.coming) and self.idle > _REST

    def next(self) -> tuple[int, int] | None:
        """(arrival, frame) of one that has come by now."""
        if self.at < len(self.coming) and self.coming[self.at][0] <= self.now:
            self.at, self.idle = self.at + 1, 0
            return self.coming[self.at - 1]
        return None

    def said(self, answer: Answer, n: int) -> bool:
        """Write down what came out; True when there may be more."""
        if answer is Answer.FRAME:
            self.result.played.append(n)
            self.result.delay.append((self.now, self.now - self.frames[n].leaves))
        elif answer in (Answer.INTERPOLATE, Answer.GROW):
            self.result.concealed += 1
        return answer is not Answer.NOTHING

    def go_on(self) -> None:
        """20 ms later; where nothing happens for two seconds, when the next frame comes."""
        self.now, self.idle = self.now + FRAME, self.idle + 1
        if self.idle > _REST and self.at < len(self.coming):
            self.now = max(self.now, self.coming[self.at][0] // FRAME * FRAME)


_REST = 100


def play(traces: dict[str, Trace], make: Callable[[], Buffer]) -> dict[str, Outcome]:
    """Run traces through one buffer, each as a row of its own; it is asked each 20 ms."""
    buffer = make()
    runs = [_Run(trace) for trace in traces.values()]
    for row in range(len(runs)):
        buffer.add_row(row)
    while not all(run.over for run in runs):
        while came := [(row, found) for row, run in enumerate(runs) if (found := run.next()) is not None]:
            rows, arrivals, numbers = (np.array([pick(c) for c in came]) for pick in (_row, _arrival, _number))
            sent = np.array([runs[row].frames[n].sent for row, (_, n) in came])
            buffer.put(rows, sent + ORIGIN, arrivals + 3 * ORIGIN, np.full(len(came), FRAME), numbers)
        asked = np.array([row for row, run in enumerate(runs) if not run.over], np.intp)
        while len(asked):
            answer, handle = buffer.get(asked, np.array([runs[row].now + 3 * ORIGIN for row in asked.tolist()]))
            said = zip(asked.tolist(), answer.tolist(), handle.tolist(), strict=True)
            asked = np.array([row for row, what, n in said if runs[row].said(Answer(what), n)], np.intp)
        for run in runs:
            run.go_on()
    for row, run in enumerate(runs):
        run.result.statistics = buffer.statistics(row)
    return {name: run.result for name, run in zip(traces, runs, strict=True)}


def _row(came: tuple[int, tuple[int, int]]) -> int:
    return came[0]


def _arrival(came: tuple[int, tuple[int, int]]) -> int:
    return came[1][0]


def _number(came: tuple[int, tuple[int, int]]) -> int:
    return came[1][1]


def main() -> None:
    """Print the table; write a plot for each trace."""
    PLOTS.mkdir(parents=True, exist_ok=True)
    outcomes = {buffer: play(TRACES, make) for buffer, make in BUFFERS.items()}
    print("| trace | buffer | not played | filled | mean delay, ms | longest, ms |")
    print("|---|---|---|---|---|---|")
    for name, trace in TRACES.items():
        for buffer, found in ((buffer, outcome[name]) for buffer, outcome in outcomes.items()):
            missed = f"{found.missed:.1%}"
            waits = f"{found.mean_delay():.0f} | {found.longest}"
            print(f"| {name} | {buffer} | {missed} | {found.concealed} | {waits} |")
        network = [(f.leaves, f.arrives - f.leaves) for f in trace() if f.arrives is not None]
        # a plain buffer that waits for hours would leave nothing of the others to be seen
        shown = {buffer: outcome[name] for buffer, outcome in outcomes.items() if outcome[name].longest < 5000}
        curves = [(buffer, found.delay) for buffer, found in shown.items()]
        curves.append(("the network alone", network))
        days = name.startswith("skew")
        points = [(label, [(x / (DAY if days else 1000), float(y)) for x, y in curve]) for label, curve in curves]
        plot = lines(f"{name}: from leaving to being played, ms", "days" if days else "seconds", points)
        (PLOTS / f"{file_name(name)}.svg").write_text(plot, encoding="utf-8")


def file_name(trace: str) -> str:
    """`skew +100 ppm` -> `skew-plus-100-ppm`."""
    return trace.replace("+", "plus ").replace(" -", " minus ").replace(" ", "-")


if __name__ == "__main__":
    main()
