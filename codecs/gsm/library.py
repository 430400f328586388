"""GSM by the system's libgsm (Debian: libgsm1), called through ctypes, one handle for each row and direction."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import lru_cache

import numpy as np

from pbx.codecs.codec import Octets, Rows, Samples
from pbx.codecs.formats import GSM

_NAMES = ("libgsm.so.1", "libgsm.1.dylib")


@lru_cache(maxsize=1)
def load() -> ctypes.PyDLL | None:
    """The library with its signatures declared; None where it is not installed.

    PyDLL: the calls take some microseconds and nothing else could run meanwhile.
    """
    for name in _NAMES:
        try:
            library = ctypes.PyDLL(name)
        except OSError:
            continue
        library.gsm_create.argtypes = []
        library.gsm_create.restype = ctypes.c_void_p
        library.gsm_destroy.argtypes = [ctypes.c_void_p]
        library.gsm_destroy.restype = None
        library.gsm_encode.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p]
        library.gsm_encode.restype = None
        library.gsm_decode.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p]
        library.gsm_decode.restype = ctypes.c_int
        return library
    return None


class _Handles:
    """libgsm's states by row, made at first use (encoder and decoder of one handle would disturb each other)."""

    def __init__(self, library: ctypes.PyDLL) -> None:
        self._library = library
        self._handles: dict[int, int] = {}

    def of(self, rows: Rows, units: int) -> list[int]:
        """The states of these rows, each of them `units` times over."""
        known = self._handles
        wanted = rows.tolist()
        try:
            found = [known[row] for row in wanted]
        except KeyError:
            found = [known[row] if row in known else self._create(row) for row in wanted]
        return found if units == 1 else [handle for handle in found for _ in range(units)]

    def _create(self, row: int) -> int:
        handle: int = self._library.gsm_create()
        if not handle:
            raise MemoryError("gsm_create")
        self._handles[row] = handle
        return handle

    def drop(self, row: int) -> None:
        handle = self._handles.pop(row, None)
        if handle is not None:
            self._library.gsm_destroy(handle)

    def __del__(self) -> None:
        for row in list(self._handles):
            self.drop(row)


def _each(call: Callable[[int, int, int], object], states: list[int], *ends: tuple[int, int]) -> None:
    """The call for each state; ends: where the first frame is read, where it is written, and the bytes of one, each."""
    count = len(states)
    read, written = (range(first, first + count * size, size) for first, size in ends)
    for state, source, target in zip(states, read, written, strict=True):
        call(state, source, target)


class LibraryGsm:
    """GSM as a `Codec`."""

    format = GSM
    stateful = True
    slow = False

    def __init__(self, library: ctypes.PyDLL) -> None:
        self._encode, self._decode = library.gsm_encode, library.gsm_decode
        self._encoders, self._decoders = _Handles(library), _Handles(library)
        self._rows: set[int] = set()

    def add_row(self, row: int) -> None:
        self.remove_row(row)
        self._rows.add(row)

    def remove_row(self, row: int) -> None:
        self._rows.discard(row)
        self._encoders.drop(row)
        self._decoders.drop(row)

    def decode(self, rows: Rows, frames: Octets, out: Samples | None = None) -> Samples:
        count, units = self._shape(rows, frames.shape[1], 33)
        octets = np.ascontiguousarray(frames)
        samples = np.zeros((count, units * 160), np.int16)
        # not 0 for a frame without the 0xD: it stays silent
        _each(self._decode, self._decoders.of(rows, units), (octets.ctypes.data, 33), (samples.ctypes.data, 320))
        if out is None:
            return samples
        out[...] = samples
        return out

    def encode(self, rows: Rows, samples: Samples, out: Octets | None = None) -> Octets:
        count, units = self._shape(rows, samples.shape[1], 160)
        # libgsm writes into its input, so it gets a copy
        sound = np.array(samples, np.int16, order="C", copy=True)
        octets = np.empty((count, units * 33), np.uint8)
        _each(self._encode, self._encoders.of(rows, units), (sound.ctypes.data, 320), (octets.ctypes.data, 33))
        if out is None:
            return octets
        out[...] = octets
        return out

    def _shape(self, rows: Rows, length: int, unit: int) -> tuple[int, int]:
        if length % unit:
            raise ValueError(f"{length} is no multiple of {unit}")
        if not self._rows.issuperset(rows.tolist()):
            raise KeyError(sorted(set(rows.tolist()) - self._rows))
        return len(rows), length // unit
