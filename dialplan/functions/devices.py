"""DIALGROUP, BLACKLIST, ICONV, FEATURE, FEATUREMAP, PRESENCE_STATE, LOG_GROUP, SAYFILES."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator

from pbx.dialplan import octets
from pbx.dialplan.arguments import fields, split
from pbx.dialplan.functions.common import c_int
from pbx.dialplan.playing import finder
from pbx.dialplan.registry import FunctionError, function
from pbx.dialplan.saying import Exists, digits_of, letters_of, money_of, number_of, ordinal_of, phonetic_of
from pbx.dialplan.scope import Scope

#: FEATURE's settings as features.conf has them by default
FEATURES = {
    "inherit": "no",
    "featuredigittimeout": "1000",
    "transferdigittimeout": "3",
    "atxfernoanswertimeout": "15",
    "atxferdropcall": "no",
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
}
_MAPPED = ("blindxfer", "disconnect", "atxfer", "parkcall", "automon", "automixmon")
_PRESENCE = ("not_set", "unavailable", "available", "away", "xa", "chat", "dnd")


@function(
    "DIALGROUP", syntax="DIALGROUP(group[,op])", synopsis="A list of destinations to dial", module="func_dialgroup"
)
def dialgroup(scope: Scope, args: str) -> str:
    groups: dict[str, list[str]] = scope.services.shared.setdefault("dialgroups", {})
    return "&".join(groups.get(args, ()))


@dialgroup.writer
def _dialgroup(scope: Scope, args: str, value: str) -> None:
    name, operation = fields(args, 2)
    group: list[str] = scope.services.shared.setdefault("dialgroups", {}).setdefault(name, [])
    if operation.lower() == "add":
        if value not in group:
            group.insert(0, value)
    elif operation.lower() == "del":
        if value in group:
            group.remove(value)
    elif operation:
        raise FunctionError(f"unknown operation '{operation}'")
    else:
        group[:] = reversed([item for item in value.split("&") if item])


@function(
    "BLACKLIST", syntax="BLACKLIST()", synopsis="1 if the caller is on the blacklist", needs_channel=True,
    module="func_blacklist",
)  # fmt: skip
def blacklist(scope: Scope, args: str) -> str:
    assert scope.channel is not None
    caller = scope.channel.caller
    listed = any(
        who and scope.services.database.get("blacklist", who) is not None for who in (caller.number, caller.name)
    )
    return "1" if listed else "0"


@function(
    "ICONV", syntax="ICONV(in-charset,out-charset,string)", synopsis="A text in another charset", module="func_iconv"
)
def iconv(scope: Scope, args: str) -> str:
    parts = split(args, 3)
    if len(parts) < 3:
        raise FunctionError("needs two charsets and a text")
    try:
        text = codecs.decode(octets.to_bytes(parts[2]), parts[0])
        return octets.from_bytes(codecs.encode(text, parts[1]))
    except (LookupError, ValueError) as error:
        raise FunctionError(str(error)) from None


# ---- features -----------------------------------------------------------------------------------------------------


@function(
    "FEATURE",
    syntax="FEATURE(option_name)",
    synopsis="A setting of features.conf for this channel",
    needs_channel=True,
    module="func_channel",
)
def feature(scope: Scope, args: str) -> str:
    name = args.lower()
    if name not in FEATURES:
        raise FunctionError(f"unknown option '{args}'")
    found = scope.notes.get("features", {}).get(name)
    return str(found if found is not None else scope.services.features.get(name, FEATURES[name]))


@feature.writer
def _feature(scope: Scope, args: str, value: str) -> None:
    if args.lower() not in FEATURES:
        raise FunctionError(f"unknown option '{args}'")
    scope.notes.setdefault("features", {})[args.lower()] = value


@function(
    "FEATUREMAP",
    syntax="FEATUREMAP(feature_name)",
    synopsis="The digits of a feature for this channel",
    needs_channel=True,
    module="func_channel",
)
def featuremap(scope: Scope, args: str) -> str:
    name = args.lower()
    if name not in _MAPPED:
        raise FunctionError(f"unknown feature '{args}'")
    found = scope.notes.get("featuremap", {}).get(name)
    return str(found if found is not None else scope.services.features.get(name, ""))


@featuremap.writer
def _featuremap(scope: Scope, args: str, value: str) -> None:
    if args.lower() not in _MAPPED:
        raise FunctionError(f"unknown feature '{args}'")
    scope.notes.setdefault("featuremap", {})[args.lower()] = value


# ---- presence -------------------------------------------------------------------------------------------------------


@function(
    "PRESENCE_STATE",
    syntax="PRESENCE_STATE(provider,field[,options])",
    synopsis="Presence: value, subtype or message of a provider (CustomPresence:name)",
    module="func_presencestate",
)
def presence_state(scope: Scope, args: str) -> str:
    provider, item, _ = fields(args, 3)
    kind, _, name = provider.partition(":")
    if kind.lower() != "custompresence" or item not in ("value", "subtype", "message"):
        raise FunctionError(f"unknown provider or field '{args}'")
    stored = [*(scope.services.database.get("CustomPresence", name) or "not_set").split(",", 2), "", ""]
    return stored[("value", "subtype", "message").index(item)]


@presence_state.writer
def _presence_state(scope: Scope, args: str, value: str) -> None:
    kind, _, name = args.partition(":")
    if kind.lower() != "custompresence" or value.partition(",")[0] not in _PRESENCE:
        raise FunctionError("only CustomPresence: can be set, to a known state")
    scope.services.database.put("CustomPresence", name, value)


@function(
    "LOG_GROUP", syntax="LOG_GROUP([group])", synopsis="Written: the group for which log lines can be filtered",
    needs_channel=True, module="func_logger",
)  # fmt: skip
def log_group(scope: Scope, args: str) -> str:
    return ""


@log_group.writer
def _log_group(scope: Scope, args: str, value: str) -> None:
    scope.notes["log_group"] = value


_SPEECH: dict[str, Callable[[str, Exists], Iterator[str]]] = {
    "alpha": letters_of,
    "digits": digits_of,
    "money": lambda text, exists: money_of(text),
    "number": lambda text, exists: number_of(c_int(text) or 0),
    "ordinal": lambda text, exists: ordinal_of(c_int(text) or 0),
    "phonetic": phonetic_of,
}


@function(
    "SAYFILES", syntax="SAYFILES(value[,type])", synopsis="The sounds that Say* would play", module="func_sayfiles"
)
def sayfiles(scope: Scope, args: str) -> str:
    text, kind = fields(args, 2)
    spell = _SPEECH.get((kind or "alpha").lower())
    if not text or spell is None:
        raise FunctionError(f"unknown type '{kind}'")
    return "&".join(spell(text, finder(scope)))
