"""GSM 06.10 full rate: 160 samples of 8 kHz in 33 octets (the high nibble of the first is 0xD).

Two implementations that give the same bits: the system's libgsm, and one of our own that computes all rows at
once with numpy.  A codec object is of one kind, so a call keeps its implementation for life.
"""

from __future__ import annotations

from pbx.codecs.codec import Codec
from pbx.codecs.gsm.library import LibraryGsm, load
from pbx.codecs.gsm.vector import VectorGsm


def gsm_codec() -> Codec:
    """A codec by libgsm where it is installed, else by numpy."""
    library = load()
    return VectorGsm() if library is None else LibraryGsm(library)


def implementation() -> str:
    """ "libgsm" or "numpy": what `gsm_codec` uses here, for the log (numpy carries some hundred calls)."""
    return "numpy" if load() is None else "libgsm"


__all__ = ["LibraryGsm", "VectorGsm", "gsm_codec", "implementation", "load"]
