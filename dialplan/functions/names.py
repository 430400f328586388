"""ENUMLOOKUP, ENUMQUERY, ENUMRESULT, TXTCIDNAME, SRVQUERY, SRVRESULT: what the domain name system knows."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from pbx.dialplan.arguments import fields, split
from pbx.dialplan.functions.common import c_int
from pbx.dialplan.names import DnsRecord
from pbx.dialplan.regex import RegexError, compiled
from pbx.dialplan.registry import FunctionError, Suspend, function
from pbx.dialplan.scope import Scope

_MODULE = "func_enum"
ARPA = "e164.arpa"
#: what Asterisk 22 looks for when no technology is named
USUAL = "pjsip"
_BACK = re.compile(r"\\([0-9])")


@dataclass(frozen=True, slots=True)
class Found:
    """One usable NAPTR record: its technology and what it makes of the number."""

    technology: str
    uri: str

    def shown(self, wanted: str, *, whole: bool = False) -> str:
        """The URI, without its scheme unless every technology was wanted."""
        _, colon, rest = self.uri.partition(":")
        return rest if colon and wanted.lower() != "all" and not whole else self.uri


async def _asked(scope: Scope, name: str, kind: str) -> list[DnsRecord]:
    asking = scope.services.look_up(name, kind)
    return await (asking if scope.channel is None else scope.channel.wait(asking)) or []


def _reversed(number: str) -> str:
    return "".join(f"{digit}." for digit in reversed(number) if digit.isdigit())


def _domain(number: str, zone: str, options: str) -> str:
    """Where the records of a number are: reversed, direct (d), or split at a star (ISN)."""
    plain = number.removeprefix("+")
    if "*" in plain:
        left, _, middle = plain.partition("*")
        return f"{_reversed(left)}{middle}.{zone}"
    return f"{plain}.{zone}" if "d" in options else _reversed(plain) + zone


def _service(service: str) -> str:
    """The technology of a NAPTR service: `E2U+sip`, `E2U+voice:tel`, `sip+E2U`; "" for anything else."""
    for mark in ("e2u+", "E2U+"):
        if mark in service:
            return service.partition(mark)[2].rpartition(":")[2]
    for mark in ("+e2u", "+E2U"):
        if mark in service:
            return service.partition(mark)[0].partition(":")[0]
    return ""


def _applied(rule: str, number: str) -> str | None:
    """What a substitution `!pattern!new!` makes of a number; None if it is none, or does not fit.

    The whole match and its first group can be put in.  Patterns come from strangers: they take linear time.
    """
    if len(rule) < 7:
        return None
    mark, flags = rule[0], ""
    if rule[-1] == "i" and mark != "i":
        rule, flags = rule[:-1], "i"
    pattern, _, new = rule[1:-1].partition(mark)
    if rule[-1] != mark or not new or mark in new:
        return None
    try:
        match = compiled(pattern, fold=bool(flags)).search(number)
    except RegexError:
        return None
    if match is None:
        return None
    parts = {"0": number[match.start : match.end], "1": match.group or ""}
    if any(digit not in parts for digit in _BACK.findall(new)):
        return None
    return _BACK.sub(lambda found: parts[found[1]], new)


def _usable(records: Iterable[DnsRecord], number: str, technology: str) -> list[Found]:
    """The records of that technology ("ALL": of every one) in order."""
    found = []
    ranked = sorted(records, key=lambda record: (record.order, record.preference))
    for record in ranked:
        if record.flags[:1].lower() != "u":
            continue
        uri = _applied(record.regexp, number)
        kind = _service(record.service)
        if uri is not None and (technology.lower() == "all" or kind.lower() == technology.lower()):
            found.append(Found(kind, uri))
    return found


async def _enum(scope: Scope, number: str, technology: str, zone: str, options: str) -> list[Found]:
    if "i" in options and scope.run is not None:
        scope.run.warn("infrastructure ENUM (option i) is not there; the number itself is asked for")
    records = await _asked(scope, _domain(number, zone, options), "NAPTR")
    return _usable(records, number.removeprefix("n").partition("*")[0], technology)


@function(
    "ENUMLOOKUP",
    syntax="ENUMLOOKUP(number[,method-type[,options[,record[,zone-suffix]]]])",
    synopsis="Where a number is reached by the records of its domain",
    arguments={
        "number": "with a leading + if it is a whole one",
        "method-type": "sip, iax2, tel ... or ALL (with the scheme); pjsip if not said",
        "options": "c how many, u the whole URI, d ask for the name as it is, s ISN",
    },
    module=_MODULE,
)
def enumlookup(scope: Scope, args: str) -> str:
    parts = split(args, 5)
    if not parts:
        raise FunctionError("needs a number")
    number, technology, options, record, zone = [*parts, *[""] * 5][:5]
    technology = technology or USUAL
    position = c_int(record) or 1

    async def ask() -> str:
        where = zone if len(parts) > 4 else ARPA
        found = await _enum(scope, number.replace("-", ""), technology, where, options) if where else []
        if "c" in options:
            return str(len(found))
        return found[position - 1].shown(technology, whole="u" in options) if 0 < position <= len(found) else ""

    raise Suspend(ask)


@function(
    "ENUMQUERY",
    syntax="ENUMQUERY(number[,method-type[,zone-suffix]])",
    synopsis="Asks for a number's records; ENUMRESULT gives them by the id that this gives",
    needs_channel=True,
    module=_MODULE,
)
def enumquery(scope: Scope, args: str) -> str:
    parts = split(args, 3)
    if not parts:
        raise FunctionError("requires at least a number as an argument")
    number, technology, zone = [*parts, *[""] * 3][:3]

    async def ask() -> str:
        wanted = technology if len(parts) > 1 else USUAL
        found = await _enum(scope, number, wanted, zone if len(parts) > 2 else "e164.zone", "")
        shared = scope.services.shared
        serial = shared["enum"] = shared.get("enum", -1) + 1
        scope.notes.setdefault("enum", {})[str(serial)] = found
        return str(serial)

    raise Suspend(ask)


@function(
    "ENUMRESULT",
    syntax="ENUMRESULT(id,resultnum)",
    synopsis="One result of ENUMQUERY, or getnum: how many there are",
    needs_channel=True,
    module=_MODULE,
)
def enumresult(scope: Scope, args: str) -> str:
    serial, which = fields(args, 2)
    found: list[Found] | None = scope.notes.get("enum", {}).get(serial)
    if found is None:
        raise FunctionError("there are no results of that id")
    if which.lower() == "getnum":
        return str(len(found))
    number = c_int(which)
    if number is None or not 0 < number <= len(found):
        raise FunctionError(f"there is no result '{which}'")
    return found[number - 1].shown(found[number - 1].technology)


@function(
    "TXTCIDNAME",
    syntax="TXTCIDNAME(number[,zone-suffix])",
    synopsis="The name of a caller by the TXT record of the number's domain",
    module=_MODULE,
)
def txtcidname(scope: Scope, args: str) -> str:
    parts = split(args, 2)
    if not parts:
        raise FunctionError("requires at least one argument, the number")
    zone = parts[1] if len(parts) > 1 else ARPA

    async def ask() -> str:
        records = await _asked(scope, _reversed(parts[0].removeprefix("+")) + zone, "TXT")
        return records[0].text if records else ""

    raise Suspend(ask)


# ---- SRV -----------------------------------------------------------------------------------------------------------

_FIELDS = ("host", "port", "priority", "weight")


async def _services(scope: Scope, name: str) -> list[DnsRecord]:
    records = sorted(await _asked(scope, name, "SRV"), key=lambda record: (record.order, -record.preference))
    scope.notes.setdefault("srv", {})[name] = records
    return records


@function(
    "SRVQUERY",
    syntax="SRVQUERY(service)",
    synopsis="Asks for SRV records (_sip._udp.example.org); SRVRESULT gives them by the id that this gives",
    needs_channel=True,
    module="func_srv",
)
def srvquery(scope: Scope, args: str) -> str:
    if not args:
        raise FunctionError("requires a service as an argument")

    async def ask() -> str:
        return args if await _services(scope, args) else ""

    raise Suspend(ask)


@function(
    "SRVRESULT",
    syntax="SRVRESULT(id,resultnum[,field])",
    synopsis="host, port, priority or weight of one SRV record, or getnum: how many there are",
    needs_channel=True,
    module="func_srv",
)
def srvresult(scope: Scope, args: str) -> str:
    name, which, field = fields(args, 3)
    if not name or not which:
        raise FunctionError("requires two arguments (id and resultnum)")
    known: list[DnsRecord] | None = scope.notes.get("srv", {}).get(name)
    if known is not None:
        return _srv_field(known, which, field)

    async def ask() -> str:
        try:
            return _srv_field(await _services(scope, name), which, field)
        except FunctionError as error:
            if scope.run is not None:
                scope.run.warn(f"SRVRESULT: {error}")
            return ""

    raise Suspend(ask)


def _srv_field(records: list[DnsRecord], which: str, field: str) -> str:
    if which.lower() == "getnum":
        return str(len(records))
    number = c_int(which)
    if field.lower() not in _FIELDS or number is None:
        raise FunctionError(f"needs a number, and one of {', '.join(_FIELDS)}")
    if not 0 < number <= len(records):
        raise FunctionError(f"there is no result '{which}'")
    record = records[number - 1]
    values = (record.text, record.port, record.order, record.preference)
    return str(values[_FIELDS.index(field.lower())])
