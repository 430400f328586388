"""What codecs cost: microseconds a 20 ms frame at batches of 1, 10, 100 and 1000 rows, and GSM's ratio to libgsm.

python -m benchmarks.codecs [NAME...]
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np

from pbx.codecs import registry
from pbx.codecs.detect import DtmfDetector
from pbx.codecs.formats import ALAW, FORMATS, SLIN, ULAW, Format
from pbx.codecs.gsm import LibraryGsm, VectorGsm, load
from pbx.codecs.jitter import JitterBuffer
from pbx.codecs.plc import Concealer
from pbx.codecs.resample import Resampler
from pbx.codecs.tones import TonePlayer, parse_tones
from pbx.codecs.translation import Translator

SIZES = (1, 10, 100, 1000)


def per_row(call: Callable[[], object], rows: int, seconds: float = 0.15) -> float:
    """Best of five, in microseconds a row."""
    call()
    best = float("inf")
    for _ in range(5):
        begin, count = time.perf_counter(), 0
        while time.perf_counter() - begin < seconds / 5:
            call()
            count += 1
        best = min(best, (time.perf_counter() - begin) / max(count, 1))
    return best / rows * 1e6


def with_rows(thing: object, rows: int, *more: object) -> None:
    for row in range(rows):
        thing.add_row(row, *more)  # type: ignore[attr-defined]


def speech(rows: int, count: int = 160) -> np.ndarray:
    rng = np.random.default_rng(rows)
    return (rng.normal(size=(rows, count)) * 4000).clip(-32768, 32767).astype(np.int16)


def codec_cases(which: Format, rows: int) -> dict[str, Callable[[], object]]:
    every = np.arange(rows)
    sound = speech(rows, which.samples)
    codec = registry.codec(which)
    with_rows(codec, rows)
    frames = codec.encode(every, sound)
    return {
        f"{which} encode": lambda: codec.encode(every, sound),
        f"{which} decode": lambda: codec.decode(every, frames),
    }


def gsm_cases(rows: int) -> dict[str, Callable[[], object]]:
    cases: dict[str, Callable[[], object]] = {}
    every, sound = np.arange(rows), speech(rows)
    library = load()
    for name, codec in (("libgsm", LibraryGsm(library) if library else None), ("numpy", VectorGsm())):
        if codec is not None:
            with_rows(codec, rows)
            frames = codec.encode(every, sound)
            cases[f"gsm {name} encode"] = lambda c=codec: c.encode(every, sound)  # type: ignore[misc]
            cases[f"gsm {name} decode"] = lambda c=codec, f=frames: c.decode(every, f)  # type: ignore[misc]
    return cases


def other_cases(rows: int) -> dict[str, Callable[[], object]]:
    every, sound = np.arange(rows), speech(rows)
    cases: dict[str, Callable[[], object]] = {}
    octets = registry.codec(ULAW).encode(every, sound)
    across = Translator(ULAW, ALAW)
    to_slin = Translator(ULAW, SLIN)
    cases["ulaw -> alaw"] = lambda: across.translate(every, octets)
    cases["ulaw -> slin"] = lambda: to_slin.translate(every, octets)
    up, down = Resampler(8000, 16000), Resampler(16000, 8000)
    wide = speech(rows, 320)
    with_rows(up, rows)
    with_rows(down, rows)
    cases["8 -> 16 kHz"] = lambda: up.run(every, sound)
    cases["16 -> 8 kHz"] = lambda: down.run(every, wide)
    tones = TonePlayer()
    with_rows(tones, rows, parse_tones("350+440"))
    cases["dial tone"] = lambda: tones.read(every)
    digits = DtmfDetector()
    with_rows(digits, rows)
    cases["digit detector"] = lambda: digits.run(every, sound)
    concealer = Concealer()
    with_rows(concealer, rows)
    cases["concealment, good"] = lambda: concealer.good(every, sound)

    def gap() -> None:
        concealer.lost(every)
        concealer.good(every, sound)

    cases["concealment, gap"] = gap
    buffer = JitterBuffer()
    with_rows(buffer, rows)
    clock = [0]
    length = np.full(rows, 20)

    def jitter() -> None:
        clock[0] += 20
        now = np.full(rows, clock[0])
        buffer.put(every, now, now + clock[0] // 20 % 7, length, every)
        buffer.get(every, now)

    cases["jitter buffer, in and out"] = jitter
    return cases


def main(names: list[str]) -> None:
    table: dict[str, list[float]] = {}
    for rows in SIZES:
        cases = gsm_cases(rows) | other_cases(rows)
        for which in FORMATS:
            if which.name != "gsm" and registry.available(which):
                cases |= codec_cases(which, rows)
        for name, call in cases.items():
            if not names or any(word in name for word in names):
                table.setdefault(name, []).append(per_row(call, rows))
    print(f"{'us a 20 ms frame, rows:':<28}" + "".join(f"{rows:>10}" for rows in SIZES))
    for name, values in table.items():
        print(f"{name:<28}" + "".join(f"{value:>10.2f}" for value in values))
    for side in ("encode", "decode"):
        ours, theirs = table.get(f"gsm numpy {side}"), table.get(f"gsm libgsm {side}")
        if ours and theirs:
            ratios = "".join(f"{a / b:>10.1f}" for a, b in zip(ours, theirs, strict=True))
            print(f"{'gsm ' + side + ', numpy / libgsm':<28}{ratios}")


if __name__ == "__main__":
    main(sys.argv[1:])
