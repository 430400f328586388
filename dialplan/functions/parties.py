"""CALLERID, CONNECTEDLINE, REDIRECTING: who calls, who is connected, who sent the call on."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from pbx.channels.events import Control
from pbx.channels.party import Caller, together
from pbx.dialplan.arguments import split
from pbx.dialplan.functions.common import c_int
from pbx.dialplan.octets import cut
from pbx.dialplan.registry import FunctionError, function
from pbx.dialplan.scope import Scope

#: presentation of a number or name: value -> word
PRESENTATIONS = {
    0: "allowed_not_screened",
    1: "allowed_passed_screen",
    2: "allowed_failed_screen",
    3: "allowed",
    32: "prohib_not_screened",
    33: "prohib_passed_screen",
    34: "prohib_failed_screen",
    35: "prohib",
    67: "unavailable",
}
#: allowed, and the number passed a screening: what a caller id has that Dial forces
PASSED_SCREEN = 1
PRESENTATION_NUMBERS = {word: number for number, word in PRESENTATIONS.items()}

#: reasons of a redirection: number -> word
REASONS = {
    0: "unknown",
    1: "cfb",
    2: "cfnr",
    3: "unavailable",
    4: "cfu",
    5: "time_of_day",
    6: "dnd",
    7: "deflection",
    8: "follow_me",
    9: "out_of_order",
    10: "away",
    11: "cf_dte",
}
_REASON_WORDS = {
    "no_answer": "no_answer",
    "unconditional": "cfu",
    "user_busy": "user_busy",
}
_SOURCES = ("unknown", "answer", "diversion", "transfer")
_PHONE = re.compile(r"[0-9*#+()\-. ]+")
_SHRINK = str.maketrans("", "", "()-. ")


#: Bytes of a name and of a number that are set together.
_ALL_LIMIT = 255


def shrink(number: str) -> str:
    """A telephone number without what is only there to be read."""
    return number.translate(_SHRINK) if _PHONE.fullmatch(number) else number


def split_party(text: str) -> tuple[str, str]:
    """(name, number) of `"Name" <number>` as CALLERID(all) takes it."""
    text = text.strip()
    name, bracket, rest = text.rpartition("<") if "<" in text else (text, "", "")
    if bracket:
        number = rest.partition(">")[0].strip()
        return _unquoted(name.strip()), shrink(number)
    if text and _PHONE.fullmatch(text):
        return "", shrink(text)
    return _unquoted(text), ""


def _unquoted(name: str) -> str:
    if len(name) >= 2 and name.startswith('"') and name.endswith('"'):
        name = re.sub(r"\\(.)", r"\1", name[1:-1])
    return name


@dataclass(slots=True)
class PartyId:
    """One identity.  None of number or name: not valid."""

    name: str | None = None
    number: str | None = None
    name_presentation: int = 0
    number_presentation: int = 0
    plan: int = 0
    tag: str = ""
    subaddress: str | None = None
    subaddress_type: int = 0
    subaddress_odd: int = 0

    @property
    def presentation(self) -> int:
        """Of name and number together: the more restrictive one's restriction, the number's screening."""
        return together(
            None if self.name is None else self.name_presentation,
            None if self.number is None else self.number_presentation,
        )

    @property
    def text(self) -> str:
        return f'"{self.name or ""}" <{self.number or ""}>'


def _presentation_word(number: int) -> str:
    return PRESENTATIONS.get(number, "unknown")


def _presentation_number(text: str) -> int:
    text = text.strip()
    number = PRESENTATION_NUMBERS.get(text)
    if number is None:
        number = c_int(text)
        if number is None or number not in PRESENTATIONS:
            raise FunctionError(f"unknown presentation '{text}'")
    return number


def read_id(party: PartyId, item: str) -> str | None:
    """An item of an identity (`all`, `name-valid`, `num-plan` ...); None if there is no such item."""
    reader = _READERS.get(item)
    return reader(party) if reader is not None else None


def write_id(party: PartyId, item: str, value: str) -> bool:
    """Set an item; False if there is no such item."""
    if item == "all":
        party.name, party.number = (cut(part, _ALL_LIMIT) for part in split_party(value))
    elif item == "name":
        party.name = value.strip()
    elif item in ("num", "number"):
        party.number = value.strip()
    elif item in ("name-valid", "num-valid"):
        attribute = "name" if item == "name-valid" else "number"
        valid = bool(c_int(value))
        setattr(party, attribute, (getattr(party, attribute) or "") if valid else None)
    elif item == "name-pres":
        party.name_presentation = _presentation_number(value)
    elif item == "num-pres":
        party.number_presentation = _presentation_number(value)
    elif item == "pres":
        party.name_presentation = party.number_presentation = _presentation_number(value)
    elif item in ("num-plan", "ton"):
        number = c_int(value)
        if number is None:
            raise FunctionError(f"'{value}' is no numbering plan")
        party.plan = number
    elif item == "tag":
        party.tag = value.strip()
    elif item in ("subaddr", "subaddr-valid", "subaddr-type", "subaddr-odd"):
        _write_subaddress(party, item, value)
    else:
        return item == "name-charset"
    return True


def _write_subaddress(party: PartyId, item: str, value: str) -> None:
    if item == "subaddr":
        party.subaddress = value.strip()
    elif item == "subaddr-valid":
        party.subaddress = (party.subaddress or "") if c_int(value) else None
    elif item == "subaddr-type":
        party.subaddress_type = 2 if c_int(value) else 0
    else:
        party.subaddress_odd = 1 if c_int(value) else 0


_READERS: dict[str, Callable[[PartyId], str]] = {
    "all": lambda p: p.text,
    "name": lambda p: p.name or "",
    "name-valid": lambda p: str(int(p.name is not None)),
    "name-charset": lambda p: "iso8859-1",
    "name-pres": lambda p: _presentation_word(p.name_presentation),
    "num": lambda p: p.number or "",
    "number": lambda p: p.number or "",
    "num-valid": lambda p: str(int(p.number is not None)),
    "num-plan": lambda p: str(p.plan),
    "ton": lambda p: str(p.plan),
    "num-pres": lambda p: _presentation_word(p.number_presentation),
    "pres": lambda p: PRESENTATIONS.get(p.presentation, "unknown"),
    "tag": lambda p: p.tag,
    "subaddr": lambda p: p.subaddress or "",
    "subaddr-valid": lambda p: str(int(p.subaddress is not None)),
    "subaddr-type": lambda p: str(p.subaddress_type),
    "subaddr-odd": lambda p: str(p.subaddress_odd),
}


@dataclass(slots=True)
class Parties:
    """What one channel knows of parties beyond the caller that the wire carries (`channel.caller`)."""

    caller: PartyId = field(default_factory=PartyId)
    connected: PartyId = field(default_factory=PartyId)
    ani: PartyId = field(default_factory=PartyId)
    dnid_plan: int = 0
    source: str = "unknown"
    redirecting: dict[str, PartyId] = field(
        default_factory=lambda: {
            kind: PartyId() for kind in ("from", "to", "orig", "priv-from", "priv-to", "priv-orig", "priv-caller")
        }
    )
    reason: str = "unknown"
    original_reason: str = "unknown"
    count: int = 0


def parties_of(scope: Scope) -> Parties:
    """The parties of a channel, brought in step with `channel.caller` and `channel.connected`."""
    found: Parties | None = scope.notes.get("parties")
    if found is None:
        found = scope.notes["parties"] = Parties()
    assert scope.channel is not None
    for party, wire in ((found.caller, scope.channel.caller), (found.connected, scope.channel.connected)):
        party.name, party.number = wire.name, wire.number
        party.number_presentation = wire.presentation
        party.name_presentation = wire.presentation if wire.name_presentation is None else wire.name_presentation
        party.plan = wire.type_of_number
        party.tag = wire.tag
    found.ani.number = scope.channel.caller.ani
    found.redirecting["from"].number = scope.channel.caller.rdnis
    return found


def _store(party: PartyId, wire: Caller) -> None:
    wire.name, wire.number = party.name, party.number
    wire.presentation = party.number_presentation
    wire.name_presentation = party.name_presentation
    wire.type_of_number = party.plan
    wire.tag = party.tag


def _part(item: str, prefix: str) -> str | None:
    """The item behind a prefix: `ani`, `ani-name` -> `num`, `name`; None without that prefix."""
    if item == prefix:
        return "num"
    return item[len(prefix) + 1 :] if item.startswith(prefix + "-") else None


@function(
    "CALLERID",
    syntax="CALLERID(datatype[,CID])",
    synopsis="Who calls",
    arguments={"datatype": "all, name, num, ani, dnid, rdnis, pres, name-pres, num-pres, ton, tag ..."},
    variables={},
    needs_channel=True,
    module="func_callerid",
)
def callerid(scope: Scope, args: str) -> str:
    assert scope.channel is not None
    parts = split(args, 2)
    if not parts:
        return ""
    item = parts[0].lower()
    if len(parts) == 2:
        return _of_text(item, parts[1])
    parties, caller = parties_of(scope), scope.channel.caller
    if item == "ani2":
        return str(caller.ani2)
    if item == "tns":
        return str(caller.transit_network) if caller.transit_network else ""
    if item == "rdnis":
        return parties.redirecting["from"].number or ""
    part = _part(item, "dnid")
    if part is not None:
        return {"num": caller.dnid or "", "num-plan": str(parties.dnid_plan)}.get(part, "")
    for prefix, party in (("ani", parties.ani), ("priv", parties.redirecting["priv-caller"])):
        part = _part(item, prefix)
        if part is not None:
            return read_id(party, part) or ""
    found = read_id(parties.caller, item)
    if found is None:
        raise FunctionError(f"unknown datatype '{parts[0]}'")
    return found


def _of_text(item: str, text: str) -> str:
    """CALLERID(item,text): the parts of a given text."""
    name, number = split_party(text)
    if item == "all":
        return f'"{name}" <{number}>'
    return {"name": name, "num": number, "number": number}.get(item, "")


@callerid.writer
def _callerid(scope: Scope, args: str, value: str) -> None:
    assert scope.channel is not None
    item = args.partition(",")[0].lower()
    parties, caller = parties_of(scope), scope.channel.caller
    if item == "ani2":
        caller.ani2 = c_int(value) or 0
    elif item == "tns":
        caller.transit_network = c_int(value) or 0
    elif item == "rdnis":
        caller.rdnis = value.strip()
    elif (part := _part(item, "dnid")) is not None:
        if part == "num-plan":
            parties.dnid_plan = c_int(value) or 0
        elif part == "num":
            caller.dnid = value.strip()
    elif (part := _part(item, "ani")) is not None:
        write_id(parties.ani, part, value)
        caller.ani = parties.ani.number
    elif (part := _part(item, "priv")) is not None:
        write_id(parties.redirecting["priv-caller"], part, value)
    elif write_id(parties.caller, item, value):
        if item == "all":
            parties.ani.name, caller.ani = parties.ani.name, caller.ani
        _store(parties.caller, caller)
    else:
        raise FunctionError(f"unknown datatype '{args}'")


@function(
    "CONNECTEDLINE",
    syntax="CONNECTEDLINE(datatype[,i])",
    synopsis="Who is connected; written: tells the far end (`,i`: does not)",
    needs_channel=True,
    module="func_callerid",
)
def connectedline(scope: Scope, args: str) -> str:
    item = args.partition(",")[0].lower()
    parties = parties_of(scope)
    if item == "source":
        return parties.source
    part = _part(item, "priv")
    return read_id(parties.redirecting["priv-to"] if part else parties.connected, part or item) or ""


@connectedline.writer
def _connectedline(scope: Scope, args: str, value: str) -> None:
    assert scope.channel is not None
    item, _, flags = args.partition(",")
    item = item.lower()
    parties = parties_of(scope)
    if item == "source":
        if value.strip() not in _SOURCES:
            raise FunctionError(f"unknown source '{value}'")
        parties.source = value.strip()
    elif (part := _part(item, "priv")) is not None:
        write_id(parties.redirecting["priv-to"], part, value)
    elif write_id(parties.connected, item, value):
        _store(parties.connected, scope.channel.connected)
    else:
        raise FunctionError(f"unknown datatype '{item}'")
    if "i" not in flags:
        scope.channel.indicate(Control.CONNECTED_LINE)


def _redirecting_party(parties: Parties, item: str) -> tuple[PartyId, str] | None:
    """The identity that an item of REDIRECTING means, and the item of it."""
    for kind in ("priv-from", "priv-to", "priv-orig", "from", "to", "orig"):
        if item.startswith(kind + "-"):
            return parties.redirecting[kind], item[len(kind) + 1 :]
    return None


@function(
    "REDIRECTING",
    syntax="REDIRECTING(datatype[,i])",
    synopsis="Who sent the call on, to whom and why",
    needs_channel=True,
    module="func_callerid",
)
def redirecting(scope: Scope, args: str) -> str:
    item = args.partition(",")[0].lower()
    parties = parties_of(scope)
    if item in ("reason", "orig-reason"):
        return parties.reason if item == "reason" else parties.original_reason
    if item == "count":
        return str(parties.count)
    if item == "pres":
        return PRESENTATIONS.get(parties.redirecting["from"].presentation, "unknown")
    found = _redirecting_party(parties, item)
    if found is None:
        raise FunctionError(f"unknown datatype '{item}'")
    return read_id(*found) or ""


@redirecting.writer
def _redirecting(scope: Scope, args: str, value: str) -> None:
    assert scope.channel is not None
    item = args.partition(",")[0].lower()
    parties = parties_of(scope)
    if item in ("reason", "orig-reason"):
        word = _reason(value.strip())
        if item == "reason":
            parties.reason = word
        else:
            parties.original_reason = word
    elif item == "count":
        number = c_int(value)
        if number is None:
            raise FunctionError(f"'{value}' is no count")
        parties.count = number
    elif item == "pres":
        write_id(parties.redirecting["from"], "pres", value)
    else:
        found = _redirecting_party(parties, item)
        if found is None or not write_id(*found, value):
            raise FunctionError(f"unknown datatype '{item}'")
        scope.channel.caller.rdnis = parties.redirecting["from"].number


def _reason(text: str) -> str:
    number = c_int(text) if text[:1].isdigit() else None
    if number is not None:
        if number not in REASONS:
            raise FunctionError(f"unknown reason '{text}'")
        return REASONS[number]
    return _REASON_WORDS.get(text, text)
