"""Who may come from where: permit and deny rules in the order they were written, and named lists of acl.conf."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from pbx.channels.iax2.address import IPAddress, parsed
from pbx.conf.diagnostics import Diagnostics, Place
from pbx.conf.document import Document, Entry, fold

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Rule:
    """One permitted or denied network, and the line it stands in.

    `mask` is set for the rare netmask with holes (255.0.255.0): `network` then only holds the address.
    """

    network: Network
    permit: bool
    place: Place = field(compare=False)
    mask: int | None = None

    def matches(self, address: IPAddress) -> bool:
        """Whether the rule speaks of this address; IPv4 rules never speak of IPv6 addresses, nor the other way."""
        if address.version != self.network.version:
            return False
        if self.mask is None:
            return address in self.network
        return int(address) & self.mask == int(self.network.network_address) & self.mask


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an address is let in, and the rule (None: no rule matched) and named list ("": none) that decided."""

    allowed: bool
    rule: Rule | None = None
    list_name: str = ""


_ALLOWED = Verdict(True)


@dataclass(frozen=True, slots=True)
class AccessList:
    """Rules in order: the last one that matches decides, and what no rule matches is allowed (as in Asterisk)."""

    rules: tuple[Rule, ...] = ()
    named: tuple[tuple[str, AccessList | None], ...] = ()
    """Lists of acl.conf (`acl=`): each of them must allow the address too; None = there is no such list, so nobody
    is let in."""

    def __bool__(self) -> bool:
        return bool(self.rules or self.named)

    def check(self, ip: str) -> Verdict:
        """Judge a numeric address (IPv4 inside of IPv6 counts as IPv4)."""
        if not self.rules and not self.named:
            return _ALLOWED
        address = parsed(ip)
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        return self._judge(address)

    def _judge(self, address: IPAddress) -> Verdict:
        verdict = _ALLOWED
        for rule in self.rules:
            if rule.matches(address):
                verdict = Verdict(rule.permit, rule)
        if not verdict.allowed:
            return verdict
        for name, rules in self.named:
            if rules is None:
                return Verdict(False, None, name)
            judged = rules._judge(address)
            if not judged.allowed:
                return Verdict(False, judged.rule, name)
        return verdict

    def adding(self, rule: Rule) -> AccessList:
        """This list with a rule behind its rules."""
        return AccessList((*self.rules, rule), self.named)

    def adding_named(self, name: str, rules: AccessList | None) -> AccessList:
        """This list with a named list behind its named lists."""
        return AccessList(self.rules, (*self.named, (name, rules)))


NamedLists: TypeAlias = Mapping[str, AccessList]


def parse_network(text: str) -> Network:
    """`10.0.0.0/255.0.0.0`, `10.0.0.0/8`, `10.1.2.3`, `2001:db8::/32`, `[::1]`; IPv4 inside of IPv6 is IPv4.

    Raises ValueError.
    """
    address, slash, mask = text.strip().partition("/")
    address = address.strip().removeprefix("[").removesuffix("]")
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        bits = int(mask) if slash else 128
        return ipaddress.IPv4Network(f"{found.ipv4_mapped}/{bits - 96}", strict=False)
    if not slash:
        return ipaddress.ip_network(found)
    return ipaddress.ip_network(f"{found}/{mask.strip()}", strict=False)


def parse_rule(text: str, permit: bool, place: Place) -> Rule:
    """One word of a permit or deny line; a `!` before it turns its sense. Raises ValueError."""
    text = text.strip()
    if text.startswith("!"):
        permit, text = not permit, text[1:]
    try:
        return Rule(parse_network(text), permit, place)
    except ValueError:
        address, slash, mask = text.partition("/")
        if not slash:
            raise
        holes = int(ipaddress.IPv4Address(mask.strip()))  # a netmask with holes is no network for ipaddress
        return Rule(ipaddress.IPv4Network(ipaddress.IPv4Address(address.strip())), permit, place, holes)


def add_line(current: AccessList, entry: Entry, diagnostics: Diagnostics) -> AccessList:
    """The list after a `permit =` or `deny =` line (several networks with commas); what can't be read is left out."""
    return _add_line(current, entry, diagnostics, "it is left out")[0]


def _add_line(current: AccessList, entry: Entry, diagnostics: Diagnostics, then: str) -> tuple[AccessList, bool]:
    """The list after the line, and whether all of the line could be read. `then`: what follows when not."""
    permit = fold(entry.name) == "permit"
    good = True
    for word in entry.value.split(","):
        try:
            current = current.adding(parse_rule(word, permit, entry.place))
        except ValueError:
            good = False
            message = f"'{word.strip()}' is no address or network; {then}"
            advice = f"{entry.name} = 192.168.1.0/255.255.255.0"
            diagnostics.error(entry.value_place, message, text=entry.text, advice=advice, code="bad-network")
    return current, good


def add_named_line(current: AccessList, entry: Entry, named: NamedLists | None, diagnostics: Diagnostics) -> AccessList:
    """The list after an `acl =` line (several names with commas)."""
    for word in entry.value.split(","):
        name = word.strip()
        if not name:
            continue
        rules = None if named is None else named.get(name)
        if rules is None:
            message = f"acl.conf has no list [{name}]; nobody is let in"
            advice = f"[{name}] in acl.conf, with its permit and deny lines"
            diagnostics.error(entry.value_place, message, text=entry.text, advice=advice, code="no-such-acl")
        current = current.adding_named(name, rules)
    return current


def load_named(document: Document, diagnostics: Diagnostics) -> dict[str, AccessList]:
    """The lists of acl.conf by their names.

    A list with a line that can't be read lets nobody in: without that line it might let in too many. (Asterisk gives
    up all of acl.conf then, to the same end.)
    """
    found: dict[str, AccessList] = {}
    for section in document:
        rules = AccessList()
        broken: Place | None = None
        for entry in section:
            if fold(entry.name) in ("permit", "deny"):
                then = f"until it is one, [{section.name}] lets nobody in"
                rules, good = _add_line(rules, entry, diagnostics, then)
                if not good and broken is None:
                    broken = entry.place
            else:
                message = f"there is no option '{entry.name}' in acl.conf; it is ignored"
                advice = "permit = or deny ="
                diagnostics.warning(entry.place, message, text=entry.text, advice=advice, code="unknown-option")
        found[section.name] = rules if broken is None else nobody(broken)
    return found


def nobody(place: Place) -> AccessList:
    """A list that lets no address in, on account of one line."""
    networks = (ipaddress.IPv4Network("0.0.0.0/0"), ipaddress.IPv6Network("::/0"))
    return AccessList(tuple(Rule(network, False, place) for network in networks))
