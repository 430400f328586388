"""DEVICE_STATE, EXTENSION_STATE, HINT, PRESENCE_STATE."""

from __future__ import annotations

import base64

from pbx.channels.events import DeviceState
from pbx.dialplan import octets
from pbx.dialplan.arguments import fields
from pbx.dialplan.registry import FunctionError, function
from pbx.dialplan.scope import Scope
from pbx.dialplan.states import (
    CUSTOM,
    CUSTOM_FAMILY,
    CUSTOM_PRESENCE,
    DEVICE_STATES,
    PRESENCE_FAMILY,
    Presence,
    device_state,
    extension_state,
    presence,
)


@function("DEVICE_STATE", syntax="DEVICE_STATE(device)", synopsis="The state of a device", module="func_devstate")
def device_state_(scope: Scope, args: str) -> str:
    return device_state(scope, args)


@device_state_.writer
def _device_state_write(scope: Scope, args: str, value: str) -> None:
    """A `Custom:` device is set, to any state but UNKNOWN; it is kept as it was written."""
    name = args[len(CUSTOM) :]
    state = value.upper()
    if not args.lower().startswith(CUSTOM) or not name:
        raise FunctionError("only devices that are called Custom:name can be set")
    if state not in DEVICE_STATES or state == "UNKNOWN":
        raise FunctionError(f"'{value}' is no state; write one of {', '.join(DEVICE_STATES[1:])}")
    scope.services.database.put(CUSTOM_FAMILY, name, value)
    scope.services.switch.bus.publish(DeviceState(args, state))


def _exten_at(place: str) -> tuple[str, str]:
    """(extension, context) of `extension[@context]`; without a context it is `default`."""
    exten, _, context = place.partition("@")
    if not exten:
        raise FunctionError("needs an extension")
    return exten, context or "default"


@function(
    "EXTENSION_STATE",
    syntax="EXTENSION_STATE(extension[@context])",
    synopsis="The state of a hint's devices",
    module="func_extstate",
)
def extension_state_(scope: Scope, args: str) -> str:
    return extension_state(scope, *_exten_at(args))


@function(
    "HINT",
    syntax="HINT(extension[@context][,options])",
    synopsis="The devices of a hint, or its name",
    arguments={"options": "n: the name, which stands in brackets behind the devices"},
    module="func_dialplan",
)
def hint(scope: Scope, args: str) -> str:
    place, options = fields(args, 2)
    exten, context = _exten_at(place)
    dialplan = scope.services.dialplan
    found = dialplan.hint(context, exten)
    if found is None:
        raise FunctionError(f"there is no hint for {exten}@{context}", 1)
    return dialplan.hint_name(context, exten) if "n" in options else found


@function(
    "PRESENCE_STATE",
    syntax="PRESENCE_STATE(provider[&provider2[&...]],field[,options])",
    synopsis="Presence: value, subtype or message of a provider (CustomPresence:name)",
    arguments={
        "provider": "CustomPresence:name; of several the most telling one counts",
        "field": "value, subtype or message",
        "options": "e: subtype and message are base64",
    },
    module="func_presencestate",
)
def presence_state(scope: Scope, args: str) -> str:
    providers, item, options = fields(args, 3)
    item = item.lower()
    if item not in ("value", "subtype", "message"):
        raise FunctionError(f"unknown field '{item}'; write value, subtype or message")
    found = presence(scope, providers)
    if found is None:
        raise FunctionError(f"nobody knows the presence of '{providers}'")
    text = str(getattr(found, item))
    if "e" in options and item != "value":
        return base64.b64encode(octets.to_bytes(text)).decode("ascii")
    return text


@presence_state.writer
def _presence_state_write(scope: Scope, args: str, value: str) -> None:
    name = args[len(CUSTOM_PRESENCE) :]
    if not args.lower().startswith(CUSTOM_PRESENCE) or not name:
        raise FunctionError("only providers that are called CustomPresence:name can be set")
    if Presence.parse(value) is None:
        raise FunctionError(f"'{value}' is no state[,subtype[,message[,e]]]")
    scope.services.database.put(PRESENCE_FAMILY, name, value)
