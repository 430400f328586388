"""Which format a call gets (the called side decides; RFC 5456 section 6.2.3, Asterisk's codecpriority)."""

from __future__ import annotations

from collections.abc import Iterable

from pbx.channels.iax2.values import CodecPriority
from pbx.codecs.formats import BY_NAME, Format

#: what is taken of formats that nobody prefers: the least loss first
_BEST: tuple[Format, ...] = tuple(
    BY_NAME[name]
    for name in (
        "ulaw alaw g719 siren14 siren7 g722 slin16 slin g726 g726aal2 adpcm gsm ilbc speex16 speex opus lpc10 g729 g723"
    ).split()
)


def first(order: Iterable[Format], mask: int) -> int:
    """The bit of the first format of `order` that is in `mask`, 0 if none is."""
    for f in order:
        if f.bit & mask:
            return f.bit
    return 0


def best(mask: int) -> int:
    """The bit of the least lossy audio format in `mask`, 0 if there is none."""
    return first(_BEST, mask)


def choose(
    priority: CodecPriority,
    own: tuple[Format, ...],
    wanted: int,
    capability: int,
    preferences: tuple[Format, ...],
) -> int:
    """The format bit for an incoming call, 0 = nothing in common.

    own: the section's list, best first; wanted: FORMAT; capability: CAPABILITY (0: FORMAT stands for it);
    preferences: CODEC_PREFS.
    """
    capability = capability or wanted
    mask = 0
    for f in own:
        mask |= f.bit
    common = mask & capability
    if priority is CodecPriority.REQONLY:
        return best(wanted & mask)
    if priority is CodecPriority.DISABLED:
        return best(wanted & mask) or best(common)
    orders = (own, preferences) if priority is CodecPriority.HOST else (preferences, own)
    return first(orders[0], common) or first(orders[1], common) or best(common)


def common(own: Iterable[Format], other: int) -> tuple[int, ...]:
    """The bits of `own`, in its order, that `other` has too."""
    return tuple([f.bit for f in own if f.bit & other])
