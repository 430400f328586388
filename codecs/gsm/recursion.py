"""The three filters of GSM 06.10 that feed back in time, so that numpy must go through them sample by sample.

Each has two forms with the same integers: over all rows at once, and in plain Python for one row, which is quicker
while rows are few (a numpy call costs as much as some ten Python operations).
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from pbx.codecs.gsm.arithmetic import HIGH, LOW, ROUNDING, SEGMENT, SHIFT, Words, clip

FEW_LATTICES: Final = 6  # up to so many rows the plain form is quicker
FEW_LINES: Final = 16

Longs = npt.NDArray[np.int64]


def offset_compensation(value: Longs, steps: Longs) -> None:
    """A high-pass of first order (5.2.2): `steps` (160, rows), differences of samples << 15, become its output.

    value: (rows,), the last output before.
    """
    if len(value) <= FEW_LINES:
        for column, last in enumerate(value.tolist()):
            line = steps[:, column].tolist()
            for i, step in enumerate(line):
                line[i] = last = step + (last * 32735 + 16384 >> 15)
            steps[:, column] = line
        return
    factor, rounding, shift = (np.array(n, np.int64) for n in (32735, 16384, 15))
    product = np.empty_like(value)
    for step in steps:
        np.multiply(value, factor, out=product)
        np.add(product, rounding, out=product)
        np.right_shift(product, shift, out=product)
        np.add(step, product, out=step)
        value = step


def deemphasis(value: Words, sound: Words) -> Words:
    """A low-pass of first order with saturation (5.3.5) over `sound` (160, rows), in place; returns the last output."""
    if len(value) <= FEW_LINES:
        for column, last in enumerate(value.tolist()):
            line = sound[:, column].tolist()
            for i, sample in enumerate(line):
                last = sample + (last * 28180 + 16384 >> 15)
                line[i] = last = 32767 if last > 32767 else -32768 if last < -32768 else last
            sound[:, column] = line
        return np.array(sound[-1])
    factor, product = np.array(28180, np.int32), np.empty_like(value)
    for line in sound:
        np.multiply(value, factor, out=product)
        np.add(product, ROUNDING, out=product)
        np.right_shift(product, SHIFT, out=product)
        np.add(line, product, out=line)
        value = clip(line, LOW, HIGH, line)
    return np.array(value)


def synthesis(lattice: Words, filters: Words, residual: Words) -> Words:
    """The short-term lattice (5.3.4): `residual` (160, rows) to sound.

    lattice: (8, rows), its memory, brought forward in place.  filters: (4 segments, 8, rows).
    """
    if residual.shape[1] > FEW_LATTICES:
        return _wave_synthesis(lattice, filters, residual)
    sound = np.empty_like(residual)
    for column in range(residual.shape[1]):
        sound[:, column], lattice[:, column] = _plain_synthesis(
            lattice[:, column].tolist(), filters[:, ::-1, column].tolist(), residual[:, column].tolist()
        )
    return sound


def _plain_synthesis(memory: list[int], filters: list[list[int]], residual: list[int]) -> tuple[list[int], list[int]]:
    """One row; each filter from its last coefficient to its first."""
    memory = [*memory, 0]
    sound = []
    for segment, sample in zip(SEGMENT.tolist(), residual, strict=True):
        place = 7
        for coefficient in filters[segment]:
            before = memory[place]
            sample -= coefficient * before + 16384 >> 15
            sample = 32767 if sample > 32767 else -32768 if sample < -32768 else sample
            before += coefficient * sample + 16384 >> 15
            memory[place + 1] = 32767 if before > 32767 else -32768 if before < -32768 else before
            place -= 1
        memory[0] = sample
        sound.append(sample)
    return sound, memory[:8]


# Stage s (0 to 7) of sample k needs stage s - 1 of the same sample and stage s + 1 of the one before, so all (s, k)
# with 2 k + s = t can be computed together: a wave of four stages.
_WAVES: Final = 2 * 159 + 8
_STAGE: Final = (np.arange(_WAVES) % 2)[:, None] + np.arange(0, 8, 2)
_SAMPLE: Final = np.clip((np.arange(_WAVES)[:, None] - _STAGE) // 2, 0, 159)


def _wave_synthesis(lattice: Words, filters: Words, residual: Words) -> Words:
    count = residual.shape[1]
    # stage s uses coefficient 8 - s and the memory of place 7 - s; turned round, both run with s
    coefficients = filters[SEGMENT[_SAMPLE], 7 - _STAGE]
    memory = np.zeros((10, count), np.int32)
    memory[1:9] = lattice[::-1]
    through = np.zeros((9, count), np.int32)
    sound = np.empty((160, count), np.int32)
    scratch = np.empty((4, count), np.int32)
    for wave in range(_WAVES):
        odd = wave & 1
        first = max(0, (wave - odd >> 1) - 159)  # stages of samples beyond the last are left out,
        last = min(4, (wave - odd >> 1) + 1)  # and those of samples before the first
        if not odd and wave < 320:
            through[0] = residual[wave >> 1]
        if first >= last:
            continue
        start, stop = 2 * first + odd, 2 * last + odd - 1
        c, p = coefficients[wave, first:last], scratch[first:last]
        m, t = memory[start + 1 : stop + 1 : 2], through[start + 1 : stop + 1 : 2]
        np.multiply(c, m, out=p)
        np.add(p, ROUNDING, out=p)
        np.right_shift(p, SHIFT, out=p)
        np.subtract(through[start:stop:2], p, out=t)
        clip(t, LOW, HIGH, t)
        np.multiply(c, t, out=p)
        np.add(p, ROUNDING, out=p)
        np.right_shift(p, SHIFT, out=p)
        np.add(p, m, out=p)
        clip(p, LOW, HIGH, memory[start:stop:2])
        if odd and last == 4:
            sound[(wave - 7) >> 1] = memory[8] = through[8]
    lattice[:] = memory[8:0:-1]
    return sound
