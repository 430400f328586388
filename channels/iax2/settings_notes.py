"""Options of older versions, and which options hold secrets."""

from __future__ import annotations

_JITTER = (
    "the jitter buffer measures by itself what this set; jitterbuffer=, maxjitterbuffer= and jittertargetextra= remain"
)

OLD_OPTIONS = {
    "forcejitterbuffer": "jitterbuffer = yes is all that is needed, incoming voice is then always smoothed",
    "dropcount": _JITTER,
    "maxexcessbuffer": _JITTER,
    "minexcessbuffer": _JITTER,
    "jittershrinkrate": _JITTER,
    "mailboxdetail": "the numbers of new and old messages are always sent",
}

SECRET_OPTIONS = frozenset(("secret", "md5secret"))


def is_secret(name: str) -> bool:
    """Whether an option's value must not be shown."""
    return name.lower() in SECRET_OPTIONS
