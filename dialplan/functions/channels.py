"""What is known of channels: CHANNEL, CHANNELS, TIMEOUT, HANGUPCAUSE, IMPORT, MASTER_CHANNEL, GROUP ..."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred

from pbx.channels.channel import Channel
from pbx.channels.local.driver import LocalLeg
from pbx.dialplan.arguments import fields
from pbx.dialplan.functions.common import c_float, c_int
from pbx.dialplan.regex import RegexError, compiled
from pbx.dialplan.registry import FunctionError, function, write_only
from pbx.dialplan.scope import Scope, scope_of

if TYPE_CHECKING:
    from pbx.dialplan.services import Services

_AMA = {"default": 3, "omit": 1, "billing": 2, "documentation": 3}
_MODULE = "func_channel"


def _formats(channel: Channel) -> str:
    return f"({'|'.join(f.name for f in channel.formats)})" if channel.formats else "(nothing)"


def _group_numbers(text: str) -> str:
    """`1-3,5` as Asterisk shows groups 0..63: `1, 2, 3, 5`."""
    found: set[int] = set()
    for part in text.split(","):
        low, dash, high = part.strip().partition("-")
        first = c_int(low)
        last = c_int(high) if dash else first
        if first is None or last is None or not 0 <= first <= last <= 63:
            continue
        found.update(range(first, last + 1))
    return ", ".join(str(n) for n in sorted(found))


def _names(text: str) -> str:
    return ", ".join(sorted({n.strip() for n in text.split(",") if n.strip()}))


#: items that are only read
_READ: dict[str, Callable[[Scope, Channel], str]] = {
    "state": lambda s, c: c.state.label,
    "name": lambda s, c: c.name,
    "uniqueid": lambda s, c: c.uniqueid,
    "linkedid": lambda s, c: c.linkedid,
    "channeltype": lambda s, c: c.leg.technology if c.leg is not None else c.name.partition("/")[0],
    "checkhangup": lambda s, c: str(int(c.dead or c.ending)),
    "context": lambda s, c: c.context,
    "exten": lambda s, c: c.exten,
    "callid": lambda s, c: f"[C-{c.call_id or 0:08x}]",
    "audioreadformat": lambda s, c: c.format.name if c.format else "slin",
    "audiowriteformat": lambda s, c: c.format.name if c.format else "slin",
    "audionativeformat": lambda s, c: _formats(c) if c.formats else "(slin)",
    "videonativeformat": lambda s, c: "(nothing)",
    "language": lambda s, c: c.language,
    "musicclass": lambda s, c: c.musicclass,
    "accountcode": lambda s, c: c.accountcode,
    "peeraccount": lambda s, c: c.peeraccount,
    "amaflags": lambda s, c: str(c.amaflags),
    "transfercapability": lambda s, c: "SPEECH",
    "onhold": lambda s, c: str(int(c.on_hold)),
    "max_forwards": lambda s, c: s.notes.get("channel.max_forwards", "20"),
    "peer": lambda s, c: s.get("BRIDGEPEER") or "",
}
#: items that are kept as they are set
_KEPT = {"userfield", "parkinglot", "hangupsource", "dtmf_features", "caller_url", "rxgain", "txgain"}
_KEPT |= {"secure_bridge_signaling", "secure_bridge_media", "after_bridge_goto"}
_SHAPED = {
    "callgroup": _group_numbers,
    "pickupgroup": _group_numbers,
    "namedcallgroup": _names,
    "namedpickupgroup": _names,
}


@function(
    "CHANNEL",
    syntax="CHANNEL(item)",
    synopsis="What is known of this channel, and settings of it",
    arguments={
        "item": "name, state, language, musicclass, accountcode, amaflags, tonezone, callgroup, pickupgroup, "
        "uniqueid, linkedid, channeltype, audioreadformat, hangup_handler_push, and items of the technology"
    },
    needs_channel=True,
    module=_MODULE,
)
def channel_(scope: Scope, args: str) -> str:
    channel = scope.channel
    assert channel is not None
    item = args.lower()
    reader = _READ.get(item)
    if reader is not None:
        return reader(scope, channel)
    kept = scope.notes.get(f"channel.{item}")
    if kept is not None:
        return str(kept)
    if item in _KEPT or item in _SHAPED or item == "tonezone":
        return str(channel.attached.get(item, ""))  # the parkinglot of iax.conf
    found = channel.leg.detail(args) if channel.leg is not None else None
    if found is None:
        raise FunctionError(f"unknown or unavailable item '{args}'")
    return found


#: what is whose on the other half of a Local pair
_CROSSED = {"accountcode": "peeraccount", "peeraccount": "accountcode"}


@channel_.writer
def _channel_write(scope: Scope, args: str, value: str) -> None:
    """What is written on one half of a Local pair is written on the other half as well, as in Asterisk."""
    channel = scope.channel
    assert channel is not None
    item = args.lower()
    _set_item(scope, channel, item, value)
    other = channel.leg.other if isinstance(channel.leg, LocalLeg) else None
    if other is not None and not other.dead and not item.startswith("hangup_handler_"):
        _set_item(scope_of(scope.services, other), other, _CROSSED.get(item, item), value)


def _set_item(scope: Scope, channel: Channel, args: str, value: str) -> None:
    if args == "language":
        channel.language = value
    elif args == "musicclass":
        channel.musicclass = value
    elif args == "accountcode":
        channel.accountcode = value
    elif args == "peeraccount":
        channel.peeraccount = value
    elif args == "amaflags":
        number = c_int(value) if value[:1].isdigit() else _AMA.get(value.lower(), 0)
        channel.amaflags = number or 0
    elif args == "tonezone":
        if value not in scope.services.tones:
            raise FunctionError(f"there is no tone zone '{value}'")
        scope.notes["channel.tonezone"] = value
    elif args in _SHAPED:
        scope.notes[f"channel.{args}"] = _SHAPED[args](value.replace("&", ","))
    elif args in ("hangup_handler_push", "hangup_handler_pop", "hangup_handler_wipe"):
        _hangup_handler(scope, channel, args.rpartition("_")[2], value)
    elif args in _KEPT or args == "max_forwards":
        scope.notes[f"channel.{args}"] = value
    else:
        raise FunctionError(f"unknown or read-only item '{args}'")


def _hangup_handler(scope: Scope, channel: Channel, what: str, place: str) -> None:
    """CHANNEL(hangup_handler_push|pop|wipe)=[[[context,]exten,]priority[(args)]]."""
    handlers = scope.hangup_handlers
    if what == "wipe":
        handlers.clear()
    elif what == "pop" and handlers:
        handlers.pop()
    if place:
        label, paren, rest = place.partition("(")
        parts = label.split(",", 2)
        known = [channel.context, channel.exten][: 3 - len(parts)]
        if not scope.notes.get("hangup_handlers"):
            scope.notes["hangup_handlers"] = True
            services = scope.services
            channel.on_end(lambda gone: _handlers_without_task(services, gone))
        handlers.append(",".join([*known, *parts]) + paren + rest)


def _handlers_without_task(services: Services, channel: Channel) -> None:
    """A called leg that never ran the dialplan by itself ended: its handlers run all the same."""
    if not channel.has_task:
        from pbx.dialplan.interpreter import Run
        from pbx.dialplan.walk import Walk

        Deferred.fromCoroutine(Walk(Run(services, channel)).handlers())


@function("CHANNELS", syntax="CHANNELS([regular_expression])", synopsis="Names of all channels", module=_MODULE)
def channels(scope: Scope, args: str) -> str:
    try:
        pattern = compiled(args, fold=True) if args else None
    except RegexError as error:
        raise FunctionError(str(error)) from None
    names = [c.name for c in scope.services.switch.channels()]
    return " ".join(n for n in names if pattern is None or pattern.search(n))


@function(
    "CHANNEL_EXISTS", syntax="CHANNEL_EXISTS(name_or_uid)", synopsis="1 if there is such a channel", module=_MODULE
)
def channel_exists(scope: Scope, args: str) -> str:
    if not args:
        raise FunctionError("needs a channel")
    return "1" if scope.services.switch.channel(args) is not None else "0"


def _other(scope: Scope, name: str) -> Scope:
    channel = scope.services.switch.channel(name)
    if channel is None:
        raise FunctionError(f"there is no channel '{name}'")
    return scope_of(scope.services, channel)


@function("IMPORT", syntax="IMPORT(channel,variable)", synopsis="A variable of another channel", module="func_dialplan")
def import_(scope: Scope, args: str) -> str:
    name, variable = fields(args, 2)
    if not name or not variable:
        return ""
    return _other(scope, name).lookup(variable) or ""


@write_only("EXPORT", syntax="EXPORT(channel,var)", synopsis="Sets a variable of another channel", module="func_export")
def export(scope: Scope, args: str, value: str) -> None:
    name, variable = fields(args, 2)
    if not name or not variable:
        raise FunctionError("needs a channel and a variable")
    _other(scope, name).set(variable, value)


@function(
    "MASTER_CHANNEL",
    syntax="MASTER_CHANNEL()",
    synopsis="Variables of the channel that began this call (its linked id)",
    needs_channel=True,
    module=_MODULE,
)
def master_channel(scope: Scope, args: str) -> str:
    return (_master(scope).lookup(args) or "") if args else ""


def _master(scope: Scope) -> Scope:
    assert scope.channel is not None
    channel = scope.services.switch.channel(scope.channel.linkedid)
    return scope if channel is None else scope_of(scope.services, channel)


@master_channel.writer
def _master_write(scope: Scope, args: str, value: str) -> None:
    _master(scope).set(args, value)


# ---- timeouts ---------------------------------------------------------------------------------------------


@function(
    "TIMEOUT",
    syntax="TIMEOUT(timeouttype)",
    synopsis="absolute: seconds left to the call; digit, response: seconds that digits are waited for",
    needs_channel=True,
    module="func_timeout",
)
def timeout(scope: Scope, args: str) -> str:
    assert scope.channel is not None
    match args[:1].lower():
        case "a":
            left = scope.channel.deadline
            # some of it has always passed, as on Asterisk
            return "0" if left is None else f"{max(0, int(left * 1000 - 0.001)) / 1000:.3f}"
        case "r":
            return f"{scope.response_timeout:.3f}"
        case "d":
            return f"{scope.digit_timeout:.3f}"
    raise FunctionError(f"unknown timeout '{args}'")


def _timeout_seconds(text: str) -> float:
    """A whole number, and a fraction behind it: `.5` is nothing, `1e1` one second."""
    whole = re.match(r"\s*[-+]?\d+", text)
    return 0.0 if whole is None else max(0.0, int(whole[0]) + (c_float(text[whole.end() :]) or 0.0))


@timeout.writer
def _timeout(scope: Scope, args: str, value: str) -> None:
    assert scope.channel is not None
    seconds = _timeout_seconds(value)
    match args[:1].lower():
        case "a":
            scope.channel.set_deadline(seconds or None)
        case "r":
            scope.response_timeout = seconds
        case "d":
            scope.digit_timeout = seconds
        case _:
            raise FunctionError(f"unknown timeout '{args}'")


# ---- why others hung up -----------------------------------------------------------------------------------


@function(
    "HANGUPCAUSE",
    syntax="HANGUPCAUSE(channel,type)",
    synopsis="Why an outgoing channel of the last Dial ended",
    arguments={"type": "tech: as its technology words it; ast: as a Q.850 number"},
    needs_channel=True,
    module="func_hangupcause",
)
def hangupcause(scope: Scope, args: str) -> str:
    name, kind = fields(args, 2)
    causes: dict[str, tuple[str, int]] = scope.notes.get("causes", {})
    if name not in causes or kind not in ("tech", "ast"):
        raise FunctionError(f"nothing is known of '{args}'")
    return causes[name][0] if kind == "tech" else str(causes[name][1])


@function(
    "HANGUPCAUSE_KEYS",
    syntax="HANGUPCAUSE_KEYS()",
    synopsis="The channels that HANGUPCAUSE knows",
    needs_channel=True,
    module="func_hangupcause",
)
def hangupcause_keys(scope: Scope, args: str) -> str:
    return ",".join(scope.notes.get("causes", {}))


# ---- groups -----------------------------------------------------------------------------------------------

_GROUPS = "func_groupcount"


def _groups(scope: Scope) -> list[tuple[str, str]]:
    """(category, group) of a channel, oldest first."""
    found: list[tuple[str, str]] = scope.notes.setdefault("groups", [])
    return found


def _all_groups(scope: Scope) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for channel in scope.services.switch.channels():
        other = channel.attached.get("scope")
        if other is not None:
            found.extend(other.notes.get("groups", ()))
    return found


def _split_group(text: str) -> tuple[str, str]:
    """(group, category) of `group[@category]`."""
    group, _, category = text.partition("@")
    return group, category


def join_group(scope: Scope, text: str) -> None:
    """Put a channel into `group[@category]`, out of the one it had in that category."""
    group, category = _split_group(text)
    groups = _groups(scope)
    groups[:] = [(c, g) for c, g in groups if c != category]
    if group:
        groups.append((category, group))


@function("GROUP", syntax="GROUP([category])", synopsis="The group of this channel", needs_channel=True, module=_GROUPS)
def group_(scope: Scope, args: str) -> str:
    for category, group in _groups(scope):
        if not args or category == args:
            return group
    return ""


@group_.writer
def _group_write(scope: Scope, args: str, value: str) -> None:
    join_group(scope, f"{value}@{args}" if args and "@" not in value else value)


@function(
    "GROUP_LIST", syntax="GROUP_LIST()", synopsis="All groups of this channel", needs_channel=True, module=_GROUPS
)
def group_list(scope: Scope, args: str) -> str:
    return " ".join(f"{group}@{category}" if category else group for category, group in _groups(scope))


@function(
    "GROUP_COUNT",
    syntax="GROUP_COUNT([groupname][@category])",
    synopsis="How many channels are in a group",
    needs_channel=True,
    module=_GROUPS,
)
def group_count(scope: Scope, args: str) -> str:
    group, category = _split_group(args)
    if not group:
        own = [g for c, g in _groups(scope) if c == category] or ([] if category else [g for _, g in _groups(scope)])
        if not own:
            return "0"
        group = own[0]
    return str(sum(1 for c, g in _all_groups(scope) if g == group and (not category or c == category)))


@function(
    "GROUP_MATCH_COUNT",
    syntax="GROUP_MATCH_COUNT(groupmatch[@category])",
    synopsis="How many channels are in the groups that match",
    module=_GROUPS,
)
def group_match_count(scope: Scope, args: str) -> str:
    group, category = _split_group(args)
    if not args:
        raise FunctionError("needs a pattern of groups")
    try:
        pattern, kind = compiled(group), compiled(category)
    except RegexError as error:
        raise FunctionError(str(error)) from None
    return str(sum(1 for c, g in _all_groups(scope) if pattern.search(g) and (not category or kind.search(c))))
