"""Which formats can be decoded and encoded here, and by what."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from pbx.codecs.codec import Codec
from pbx.codecs.formats import ALAW, GSM, SLIN, SLIN16, ULAW, Format
from pbx.codecs.g711 import G711
from pbx.codecs.gsm import gsm_codec
from pbx.codecs.slin import Slin

_FACTORIES: Final[Mapping[str, Callable[[], Codec | None]]] = MappingProxyType(
    {
        ULAW.name: lambda: G711(ULAW),
        ALAW.name: lambda: G711(ALAW),
        SLIN.name: lambda: Slin(SLIN),
        SLIN16.name: lambda: Slin(SLIN16),
        GSM.name: gsm_codec,
    }
)


def codec(which: Format) -> Codec:
    """A new codec of that format, without rows.  LookupError: there is none here."""
    factory = _FACTORIES.get(which.name)
    made = factory() if factory else None
    if made is None:
        raise LookupError(f"no codec for {which} here")
    return made


def available(which: Format) -> bool:
    """Whether `codec` would find one."""
    try:
        codec(which)
    except LookupError:
        return False
    return True
