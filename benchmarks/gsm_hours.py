"""GSM 06.10 in numpy beside libgsm, bit by bit, over hours of sound: speech, noise, clipping, tones and silence.

    python -m benchmarks.gsm_hours [HOURS]          # 2 by default, about two minutes

Both encode the same sound and decode the same frames; the first bit that differs ends it with an error.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np

from pbx.codecs.gsm import LibraryGsm, VectorGsm, load
from tests.codecs.sounds import signals

_ROWS, _FRAMES = 240, 250
_SAMPLES = 160


def blocks(hours: float) -> Iterator[np.ndarray]:
    """(rows, samples) of five seconds each, every row with a mixture and a loudness of its own."""
    done, seed = 0.0, 0
    while done < hours:
        kinds = signals(_FRAMES * _SAMPLES, seed)
        dice = np.random.default_rng(seed)
        rows = []
        for row in range(_ROWS):
            one, two = (kinds[int(dice.integers(len(kinds)))].astype(np.float64) for _ in range(2))
            loud = dice.choice([0.01, 0.3, 1.0, 1.0, 4.0])
            rows.append(np.roll(one * loud + two * dice.choice([0.0, 0.0, 0.5]), 977 * row).clip(-32768, 32767))
        yield np.rint(np.stack(rows)).astype(np.int16)
        done += _ROWS * _FRAMES * 0.02 / 3600
        seed += 1


def main(hours: float) -> None:
    """Compare, and say how much was compared."""
    library = load()
    if library is None:
        sys.exit("there is no libgsm here to compare with")
    ours, theirs = VectorGsm(), LibraryGsm(library)
    every = np.arange(_ROWS)
    for row in range(_ROWS):
        ours.add_row(row)
        theirs.add_row(row)
    frames = 0
    for sound in blocks(hours):
        for at in range(0, sound.shape[1], _SAMPLES):
            part = sound[:, at : at + _SAMPLES]
            coded = theirs.encode(every, part)
            np.testing.assert_array_equal(ours.encode(every, part), coded)
            np.testing.assert_array_equal(ours.decode(every, coded), theirs.decode(every, coded))
            frames += _ROWS
    print(f"{frames} frames, {frames * 0.02 / 3600:.1f} hours: every bit of encoder and decoder is libgsm's")


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 2.0)
