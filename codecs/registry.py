"""Which formats can be decoded and encoded here, and by what."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from pbx.codecs import spandsp
from pbx.codecs.adpcm import Adpcm
from pbx.codecs.codec import Codec
from pbx.codecs.formats import ADPCM, ALAW, G722, GSM, SLIN, SLIN16, ULAW, Format
from pbx.codecs.g711 import G711
from pbx.codecs.gsm import gsm_codec
from pbx.codecs.slin import Slin

_FACTORIES: Final[Mapping[str, Callable[[], Codec]]] = MappingProxyType(
    {
        ULAW.name: lambda: G711(ULAW),
        ALAW.name: lambda: G711(ALAW),
        SLIN.name: lambda: Slin(SLIN),
        SLIN16.name: lambda: Slin(SLIN16),
        GSM.name: gsm_codec,
        ADPCM.name: Adpcm,
    }
)


def codec(which: Format, rate: int = 0) -> Codec:
    """A new codec of that format, without rows.  LookupError: there is none here, the text says what is missing.

    rate: of the linear side, where a format offers a choice (g722: 16000 or 8000); 0: the format's own.
    """
    if which in spandsp.FORMATS:
        return spandsp.SpandspCodec(which, rate)
    factory = _FACTORIES.get(which.name)
    if factory is None:
        raise LookupError(f"no codec for {which} here")
    return factory()


def linear_rate(which: Format, wanted: int) -> int:
    """The rate at which `codec(which, wanted)` works."""
    return wanted if which is G722 and wanted in (8000, 16000) else which.rate


def available(which: Format) -> bool:
    """Whether `codec` would find one."""
    try:
        codec(which)
    except LookupError:
        return False
    return True
