"""Who may come from where: permit and deny rules in the order they were written, and named lists of acl.conf."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from pbx.conf.diagnostics import Place

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
IPAddress: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Rule:
    """One permitted or denied network, and the line it stands in."""

    network: Network
    permit: bool
    place: Place


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an address is let in, and the rule (None: no rule matched) and list that decided."""

    allowed: bool
    rule: Rule | None = None
    list_name: str = ""


@dataclass(frozen=True, slots=True)
class AccessList:
    """Rules in order: the last one that matches decides, and what no rule matches is allowed (as in Asterisk)."""

    rules: tuple[Rule, ...] = ()
    named: tuple[tuple[str, AccessList | None], ...] = ()
    """Lists of acl.conf (`acl=`): each of them must allow the address too; None = there is no such list."""

    def __bool__(self) -> bool:
        return bool(self.rules or self.named)

    def check(self, ip: str) -> Verdict:
        """Judge a numeric address."""
        raise NotImplementedError


def parse_network(text: str) -> Network:
    """`10.0.0.0/255.0.0.0`, `10.0.0.0/8`, `10.1.2.3`, `2001:db8::/32`, `[::1]`. Raises ValueError."""
    raise NotImplementedError


NamedLists: TypeAlias = Mapping[str, AccessList]
