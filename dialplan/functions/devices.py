"""DIALGROUP, BLACKLIST, ICONV, FEATURE, FEATUREMAP, LOG_GROUP, SAYFILES."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator

from pbx.dialplan import octets
from pbx.dialplan.arguments import fields, split, truth
from pbx.dialplan.featuremap import CODES, FILE_ONLY, OWN_CODES, OWN_SETTINGS, SETTINGS, codes, normal, setting
from pbx.dialplan.functions.common import c_int
from pbx.dialplan.playing import finder
from pbx.dialplan.registry import FunctionError, function
from pbx.dialplan.saying import Exists, digits_of, letters_of, money_of, number_of, ordinal_of, phonetic_of
from pbx.dialplan.scope import Scope


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
        text = codecs.decode(octets.to_bytes(parts[2]), parts[0] or "ascii")
        return octets.from_bytes(codecs.encode(text, parts[1] or "ascii").partition(b"\0")[0])
    except (LookupError, ValueError) as error:
        raise FunctionError(str(error)) from None


# ---- features -----------------------------------------------------------------------------------------------------


_OPTIONS = [name for name in SETTINGS if name not in FILE_ONLY]


@function(
    "FEATURE",
    syntax="FEATURE(option_name)",
    synopsis="A setting of features.conf for this channel",
    arguments={"option_name": f"inherit (settings of this channel go to those that it calls), {', '.join(_OPTIONS)}"},
    see_also=("FEATUREMAP",),
    needs_channel=True,
)
def feature(scope: Scope, args: str) -> str:
    name = args.lower()
    if name == "inherit":
        return "yes" if truth(scope.notes.get(OWN_SETTINGS, {}).get(name, "no")) else "no"
    if name not in _OPTIONS:
        raise FunctionError(f"unknown option '{args}'")
    return setting(scope, name)


@feature.writer
def _feature(scope: Scope, args: str, value: str) -> None:
    name = args.lower()
    if name not in _OPTIONS and name != "inherit":
        raise FunctionError(f"unknown option '{args}'")
    kept = normal(name, value)
    if kept is None:
        raise FunctionError(f"{args} is a number, not '{value}'")
    scope.notes.setdefault(OWN_SETTINGS, {})[name] = kept


@function(
    "FEATUREMAP",
    syntax="FEATUREMAP(feature_name)",
    synopsis="The digits of a feature for this channel",
    arguments={"feature_name": ", ".join(CODES)},
    see_also=("FEATURE",),
    needs_channel=True,
)
def featuremap(scope: Scope, args: str) -> str:
    found = codes(scope).get(args.lower())
    if found is None:
        raise FunctionError(f"unknown feature '{args}'")
    return found


@featuremap.writer
def _featuremap(scope: Scope, args: str, value: str) -> None:
    if args.lower() not in CODES:
        raise FunctionError(f"unknown feature '{args}'")
    scope.notes.setdefault(OWN_CODES, {})[args.lower()] = value


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
