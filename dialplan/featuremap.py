"""features.conf as the dialplan knows it: settings, digits of features, applications that digits run."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pbx.conf.values import is_true
from pbx.dialplan.scope import Scope, scope_of

if TYPE_CHECKING:
    from pbx.channels.channel import Channel
    from pbx.dialplan.services import Services

#: [general]: what FEATURE() reads and writes, and how it is by default
SETTINGS = {
    "featuredigittimeout": "1000",
    "transferdigittimeout": "3",
    "atxfernoanswertimeout": "15",
    "atxferdropcall": "0",
    "atxferloopdelay": "10",
    "atxfercallbackretries": "2",
    "xfersound": "beep",
    "xferfailsound": "beeperr",
    "atxferabort": "*1",
    "atxfercomplete": "*2",
    "atxferthreeway": "*3",
    "atxferswap": "*4",
    "pickupexten": "*8",
    "pickupsound": "",
    "pickupfailsound": "",
    "courtesytone": "",
    "recordingfailsound": "",
    "transferdialattempts": "3",
    "transferretrysound": "pbx-invalid",
    "transferinvalidsound": "privacy-incorrect",
    "transferannouncesound": "pbx-transfer",
}
#: [featuremap]: what FEATUREMAP() reads and writes
CODES = {"blindxfer": "#", "disconnect": "*", "atxfer": "", "parkcall": "", "automixmon": ""}
#: settings that are numbers
NUMBERS = frozenset(
    {
        "featuredigittimeout",
        "transferdigittimeout",
        "atxfernoanswertimeout",
        "atxferloopdelay",
        "atxfercallbackretries",
        "transferdialattempts",
    }
)
#: settings that are on or off: as numbers, of which Asterisk makes -1 without a sign when they are on
SWITCHES = frozenset({"atxferdropcall"})
ON, OFF = str(2**32 - 1), "0"
#: settings that the file alone has: FEATURE() does not know them
FILE_ONLY = frozenset({"transferannouncesound"})
_UNSIGNED = re.compile(r"\s*([+-]?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9]\d*)", re.ASCII)
#: notes of a scope: what this channel has of its own
OWN_SETTINGS, OWN_CODES = "features", "featuremap"


@dataclass(frozen=True, slots=True)
class Dynamic:
    """A line of [applicationmap]: digits that run an application in a call."""

    name: str
    digits: str
    #: it runs on the other one, not on who pressed the digits
    on_peer: bool
    application: str
    data: str = ""
    #: music for who waits meanwhile, "" = none
    music: str = ""


def normal(name: str, value: str) -> str | None:
    """A setting as it is kept and read again; None: it is a number, and `value` is none of 32 bits.

    Numbers are C's: a leading 0 means octal, 0x hexadecimal; one below 0 becomes a very large one.
    """
    if name in SWITCHES:
        return ON if is_true(value) else OFF
    if name not in NUMBERS:
        return value
    match = _UNSIGNED.fullmatch(value)
    if match is None:
        return None
    sign, digits = match.groups()
    size = int(digits, 16 if digits[:2].lower() == "0x" else 8 if digits[0] == "0" else 10)
    return str((-size if sign == "-" else size) % 2**32) if size < 2**32 else None


def setting(scope: Scope, name: str) -> str:
    """A setting of features.conf as it counts for this channel."""
    own = scope.notes.get(OWN_SETTINGS, {}).get(name)
    return str(own if own is not None else scope.services.features.get(name, SETTINGS[name]))


def number(scope: Scope, name: str) -> float:
    """A setting that is a time or a count."""
    try:
        return max(0.0, float(setting(scope, name)))
    except ValueError:
        return float(SETTINGS[name])


def codes(scope: Scope) -> dict[str, str]:
    """Digits of the built-in features for this channel."""
    return {
        **{name: scope.services.features.get(name, default) for name, default in CODES.items()},
        **scope.notes.get(OWN_CODES, {}),
    }


def dynamic(services: Services, channel: Channel) -> dict[str, Dynamic]:
    """digits -> what they run, for a channel whose DYNAMIC_FEATURES names features and groups (`a#b`)."""
    names = scope_of(services, channel).get("DYNAMIC_FEATURES")
    found: dict[str, Dynamic] = {}
    for name in names.split("#") if names else ():
        group = services.feature_groups.get(name)
        for member, digits in ({name: ""} if group is None else group).items():
            item = services.dynamic_features.get(member)
            if item is not None and (digits or item.digits):
                found[digits or item.digits] = item
    return found


def inherit(parent: Scope, child: Scope) -> None:
    """FEATURE(inherit)=yes: a called channel gets what its caller has of its own, and so do those that it calls."""
    own = parent.notes.get(OWN_SETTINGS, {})
    if str(own.get("inherit", "")).lower() in ("yes", "true", "y", "t", "1", "on"):
        child.notes[OWN_SETTINGS] = dict(own)
        child.notes[OWN_CODES] = dict(parent.notes.get(OWN_CODES, {}))
