"""G.722 and G.726 by the system's libspandsp (Debian: libspandsp2), through ctypes, one handle a row and direction."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from pbx.codecs.codec import Octets, Rows, Samples
from pbx.codecs.formats import G722, G726, G726AAL2, Format

_NAMES = ("libspandsp.so.2", "libspandsp.so.3", "libspandsp.2.dylib")
_FUNCTIONS = {
    "g722_encode_init": 3,
    "g722_decode_init": 3,
    "g726_init": 4,
}


@lru_cache(maxsize=1)
def load() -> ctypes.PyDLL | None:
    """The library with its signatures declared; None where it is not installed."""
    for name in _NAMES:
        try:
            library = ctypes.PyDLL(name)
            for function, arguments in _FUNCTIONS.items():
                declared = getattr(library, function)
                declared.argtypes = [ctypes.c_void_p] + [ctypes.c_int] * (arguments - 1)
                declared.restype = ctypes.c_void_p
            for function in ("g722_encode_free", "g722_decode_free", "g726_free"):
                getattr(library, function).argtypes = [ctypes.c_void_p]
            for function in ("g722_encode", "g722_decode", "g726_encode", "g726_decode"):
                declared = getattr(library, function)
                declared.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int]
                declared.restype = ctypes.c_int
        except (OSError, AttributeError):
            continue
        return library
    return None


@dataclass(frozen=True, slots=True)
class _Kind:
    """How the library makes, runs and frees one direction's state."""

    init: str
    arguments: tuple[int, ...]
    run: str
    free: str


def _g722(rate: int) -> tuple[_Kind, _Kind]:
    """At 8000 Hz the library leaves the upper half-band out."""
    arguments = (64000, 1 if rate == 8000 else 0)
    return (
        _Kind("g722_encode_init", arguments, "g722_encode", "g722_encode_free"),
        _Kind("g722_decode_init", arguments, "g722_decode", "g722_decode_free"),
    )


def _g726(packing: int) -> tuple[_Kind, _Kind]:
    arguments = (32000, 0, packing)
    return (
        _Kind("g726_init", arguments, "g726_encode", "g726_free"),
        _Kind("g726_init", arguments, "g726_decode", "g726_free"),
    )


_LEFT, _RIGHT = 1, 2  # which nibble of an octet holds the first sample: the high one, the low one


class _Handles:
    """States of one direction by row, made at first use."""

    def __init__(self, library: ctypes.PyDLL, kind: _Kind) -> None:
        self._init: Callable[..., int] = getattr(library, kind.init)
        self._arguments = kind.arguments
        self._free: Callable[[int], object] = getattr(library, kind.free)
        self.run: Callable[[int, int, int, int], int] = getattr(library, kind.run)
        self._handles: dict[int, int] = {}

    def __getitem__(self, row: int) -> int:
        handle = self._handles.get(row)
        if handle is None:
            handle = self._init(None, *self._arguments)
            if not handle:
                raise MemoryError("libspandsp")
            self._handles[row] = handle
        return handle

    def drop(self, row: int) -> None:
        handle = self._handles.pop(row, None)
        if handle is not None:
            self._free(handle)

    def __del__(self) -> None:
        for row in list(self._handles):
            self.drop(row)


class SpandspCodec:
    """G.722 (linear side at 16000 or 8000 Hz), g726 or g726aal2 as a `Codec`.  LookupError: no library."""

    stateful = True
    slow = False

    def __init__(self, which: Format, rate: int = 0) -> None:
        library = load()
        if library is None:
            raise LookupError(f"{which} needs libspandsp (apt-get install libspandsp2)")
        self.format = which
        self.rate = rate or which.rate
        if which is G722:
            encoder, decoder = _g722(self.rate)
        else:
            encoder, decoder = _g726(_LEFT if which is G726AAL2 else _RIGHT)
        self._samples_per_octet = 1 if which is G722 and self.rate == 8000 else 2
        self._encoders, self._decoders = _Handles(library, encoder), _Handles(library, decoder)
        self._rows: set[int] = set()

    def add_row(self, row: int) -> None:
        self.remove_row(row)
        self._rows.add(row)

    def remove_row(self, row: int) -> None:
        self._rows.discard(row)
        self._encoders.drop(row)
        self._decoders.drop(row)

    def decode(self, rows: Rows, frames: Octets, out: Samples | None = None) -> Samples:
        self._check(rows)
        octets = np.ascontiguousarray(frames)
        samples = np.zeros((len(rows), octets.shape[1] * self._samples_per_octet), np.int16)
        for i, row in enumerate(rows.tolist()):
            self._decoders.run(self._decoders[row], samples[i].ctypes.data, octets[i].ctypes.data, octets.shape[1])
        if out is None:
            return samples
        out[...] = samples
        return out

    def encode(self, rows: Rows, samples: Samples, out: Octets | None = None) -> Octets:
        self._check(rows)
        if samples.shape[1] % self._samples_per_octet:
            raise ValueError(f"{self.format} takes samples in pairs")
        sound = np.ascontiguousarray(samples)
        octets = np.zeros((len(rows), sound.shape[1] // self._samples_per_octet), np.uint8)
        for i, row in enumerate(rows.tolist()):
            self._encoders.run(self._encoders[row], octets[i].ctypes.data, sound[i].ctypes.data, sound.shape[1])
        if out is None:
            return octets
        out[...] = octets
        return out

    def _check(self, rows: Rows) -> None:
        if not self._rows.issuperset(rows.tolist()):
            raise KeyError(sorted(set(rows.tolist()) - self._rows))


FORMATS = (G722, G726, G726AAL2)
