"""States of devices, of presence, and of the hints that put them together, as a stock Asterisk 22 tells them.

A hint is `device[&device...][,provider[&provider...]]`: what stands behind its last comma is presence.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass

from pbx.channels.switch import Unavailable
from pbx.dialplan import octets
from pbx.dialplan.arguments import fields
from pbx.dialplan.model import HINT, Priority
from pbx.dialplan.scope import Scope
from pbx.dialplan.substitution import substitute

#: all states of devices
DEVICE_STATES = (
    "UNKNOWN", "NOT_INUSE", "INUSE", "BUSY", "INVALID", "UNAVAILABLE", "RINGING", "RINGINUSE", "ONHOLD",
)  # fmt: skip
#: all states of presence; of several the last one of these counts
PRESENCES = ("not_set", "available", "unavailable", "chat", "away", "xa", "dnd")
#: what the names of devices and providers begin with that are kept in the database, and the family there
CUSTOM, CUSTOM_FAMILY = "custom:", "CustomDevstate"
CUSTOM_PRESENCE, PRESENCE_FAMILY = "custompresence:", "CustomPresence"
#: where parked calls wait
PARKED_CONTEXT = "parkedcalls"
#: Hints that patterns get at most for extensions that were asked for; nothing but a reload takes one away.
MOST_MADE = 10_000
#: which of several devices' states counts: the last one of these
_RISING = ("INVALID", "UNKNOWN", "UNAVAILABLE", "NOT_INUSE", "ONHOLD", "RINGING", "INUSE", "BUSY", "RINGINUSE")


@dataclass(slots=True)
class Presence:
    """One state of presence with its texts."""

    value: str
    subtype: str = ""
    message: str = ""

    @classmethod
    def parse(cls, text: str) -> Presence | None:
        """`value[,subtype[,message[,e]]]`, `e`: the texts are base64.  None if it is no such thing."""
        value, subtype, message, options = fields(text, 4)
        if value.lower() not in PRESENCES or options.strip("e"):
            return None
        if "e" in options:
            subtype, message = _decoded(subtype), _decoded(message)
        return cls(value.lower(), subtype, message)


def _decoded(text: str) -> str:
    try:
        return octets.from_bytes(base64.b64decode(octets.to_bytes(text)))
    except binascii.Error:
        return ""


# ---- devices ------------------------------------------------------------------------------------------------


def device_state(scope: Scope, device: str) -> str:
    """The state of one device, as its technology tells it; `Custom:` devices are kept in the database."""
    kind, colon, name = device.partition(":")
    if device.lower().startswith(CUSTOM):
        kept = (scope.services.database.get(CUSTOM_FAMILY, name) or "").upper()
        return kept if kept in DEVICE_STATES else "UNKNOWN"
    if colon and kind.lower() == "park":
        return _parking_state(scope, name)
    technology, slash, name = device.partition("/")
    found = scope.services.switch.technology(technology) if slash else None
    if found is None:
        return "INVALID"
    try:
        return found.device_state(name)
    except Unavailable:
        return "UNAVAILABLE"


def _parking_state(scope: Scope, place: str) -> str:
    """`Park:exten@context`: whether a call waits there."""
    from pbx.dialplan.applications.park import lot_of

    exten, _, context = place.partition("@")
    if not context:
        return "INVALID"
    if context == PARKED_CONTEXT and exten.isdigit() and int(exten) in lot_of(scope.services):
        return "INUSE"
    return "INVALID" if scope.services.dialplan.exists(context, exten) else "NOT_INUSE"


def together(states: Iterable[str]) -> str:
    """One device state for several: the most telling one; one that rings beside one in use is both."""
    known = set(states)
    if "RINGING" in known and known & {"INUSE", "ONHOLD", "BUSY"}:
        return "RINGINUSE"
    return max(known, key=lambda state: _RISING.index(state) if state in _RISING else 0, default="INVALID")


# ---- presence -----------------------------------------------------------------------------------------------


def presence(scope: Scope, providers: str) -> Presence | None:
    """Presence by `CustomPresence:name[&...]`: the most telling one, of equals the first; None if none is known."""
    found = [state for state in (_presence(scope, name) for name in providers.split("&")) if state is not None]
    return max(found, key=lambda state: PRESENCES.index(state.value), default=None)


def _presence(scope: Scope, provider: str) -> Presence | None:
    if not provider.lower().startswith(CUSTOM_PRESENCE):
        return None
    kept = scope.services.database.get(PRESENCE_FAMILY, provider[len(CUSTOM_PRESENCE) :])
    return Presence(PRESENCES[0]) if kept is None else Presence.parse(kept)


# ---- hints --------------------------------------------------------------------------------------------------


def parts(hint: str) -> tuple[str, str]:
    """(devices, providers of presence) of a hint's text."""
    if "," not in hint:
        return hint, ""
    devices, _, providers = hint.rpartition(",")
    return devices, providers


def hint_state(scope: Scope, hint: str) -> str:
    """The state that the devices of a hint's text make together: a device nobody knows of counts as not in use."""
    devices, _ = parts(hint)
    state = together(device_state(scope, device) for device in devices.split("&"))
    return {"UNKNOWN": "NOT_INUSE", "INVALID": "UNAVAILABLE"}.get(state, state)


def hint_presence(scope: Scope, hint: str) -> str:
    """The presence that a hint's text names: `not_set` if it names none, empty if nobody knows of it."""
    _, providers = parts(hint)
    if not providers:
        return PRESENCES[0]
    found = presence(scope, providers)
    return "" if found is None else found.value


def extension_state(scope: Scope, exten: str, context: str) -> str:
    """The state of a hint's devices together, UNKNOWN without a hint.

    Who is asked for the first time by a pattern gets a hint of its own from it, as in Asterisk: it stays, with the
    variables of that moment, until a reload.
    """
    dialplan = scope.services.dialplan
    found = dialplan.find(context, exten, HINT)
    if found is None or found.extension is None or found.priority is None:
        return "UNKNOWN"
    if not found.extension.name.startswith("_"):
        return hint_state(scope, found.priority.application)
    pattern = found.priority
    own = substitute(pattern.application, _Asked(scope, exten, found.context.name))
    if dialplan.made_hints < MOST_MADE:
        dialplan.made_hints += 1
        hint = Priority(
            HINT, own, pattern.data, pattern.label, pattern.file, pattern.line, pattern.column, pattern.registrar
        )
        found.context.add(exten, hint, found.extension.caller)
    return hint_state(scope, own)


class _Asked:
    """What a pattern's hint knows: the extension that is asked, and global variables."""

    def __init__(self, scope: Scope, exten: str, context: str) -> None:
        self.scope = scope
        self.own = {"EXTEN": exten, "CONTEXT": context}

    def variable(self, name: str) -> str | None:
        return self.own.get(name) or self.scope.globals.get(name)

    def function(self, name: str, args: str) -> str | None:
        return self.scope.function(name, args)
