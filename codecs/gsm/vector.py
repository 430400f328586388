"""GSM 06.10 with numpy over all rows of a batch: the same bits as libgsm, for machines that have none."""

from __future__ import annotations

import numpy as np

from pbx.codecs.codec import Octets, Rows, RowState, Samples
from pbx.codecs.formats import GSM
from pbx.codecs.gsm import bits, decoder, encoder


class VectorGsm:
    """GSM as a `Codec`."""

    format = GSM
    stateful = True
    slow = True

    def __init__(self) -> None:
        self._decoder = RowState(decoder.FIELDS)
        self._encoder = RowState(encoder.FIELDS)

    def add_row(self, row: int) -> None:
        self._decoder.add(row)
        self._encoder.add(row)

    def remove_row(self, row: int) -> None:
        self._decoder.remove(row)
        self._encoder.remove(row)

    def decode(self, rows: Rows, frames: Octets, out: Samples | None = None) -> Samples:
        units = _units(frames.shape[1], 33)
        self._decoder.check(rows)
        samples = np.zeros((len(rows), units * 160), np.int16) if out is None else out
        for unit in range(units):
            parameters = bits.unpack(frames[:, 33 * unit : 33 * unit + 33])
            good = np.flatnonzero(parameters[0] == bits.MAGIC)
            target = samples[:, 160 * unit : 160 * unit + 160]
            if len(good) < len(rows):  # without the 0xD it is no frame: silence, and the state stays
                target[...] = 0
            state = self._decoder.take(rows[good])
            target[good] = decoder.decode(state, parameters[1:, good]).T
            self._decoder.put(rows[good], state)
        return samples

    def encode(self, rows: Rows, samples: Samples, out: Octets | None = None) -> Octets:
        units = _units(samples.shape[1], 160)
        frames = np.empty((len(rows), units * 33), np.uint8) if out is None else out
        state = self._encoder.take(rows)
        for unit in range(units):
            parameters = np.empty((bits.COUNT, len(rows)), np.int32)
            parameters[0] = bits.MAGIC
            parameters[1:] = encoder.encode(state, samples[:, 160 * unit : 160 * unit + 160].T)
            frames[:, 33 * unit : 33 * unit + 33] = bits.pack(parameters)
        self._encoder.put(rows, state)
        return frames


def _units(length: int, unit: int) -> int:
    if length % unit:
        raise ValueError(f"{length} is no multiple of {unit}")
    return length // unit
