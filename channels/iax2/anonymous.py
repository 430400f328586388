"""Who calls without a user name: the best section for an address, without walking all of them for each NEW.

The best is, of those whose contexts and access list let the call in: one without login before one with, within these
one with an access list before one without, then the first of the file.  Sections that permit single hosts only are
found by the host; equal access lists are judged once.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from pbx.channels.iax2.logins import wants_login

if TYPE_CHECKING:
    from pbx.channels.iax2.acl import AccessList
    from pbx.channels.iax2.settings import User


def single_hosts(access: AccessList) -> frozenset[str] | None:
    """The hosts of a list that denies all and permits single ones; None for any other, and where nobody is let in."""
    if access.named or not access.rules:
        return None
    first, *rest = access.rules
    if first.permit or first.mask is not None or first.network.prefixlen != 0 or first.network.version != 4:
        return None
    hosts = set()
    for rule in rest:
        if not rule.permit or rule.mask is not None or rule.network.prefixlen != rule.network.max_prefixlen:
            return None
        if rule.network.version != 4:
            return None  # the first rule says nothing of IPv6
        hosts.add(str(rule.network.network_address))
    return frozenset(hosts) or None


class _Rank:
    """Sections of one rank, in the file's order."""

    def __init__(self) -> None:
        self.open: list[tuple[int, User]] = []
        self.by_host: dict[str, list[tuple[int, User]]] = {}
        self.others: dict[AccessList, list[tuple[int, User]]] = {}


class AnonymousUsers:
    """Made once for some settings; `find` answers as a walk over all users would."""

    def __init__(self, users: Iterable[User] = ()) -> None:
        self._ranks = [_Rank() for _ in range(4)]
        for at, user in enumerate(users):
            self.add(at, user)

    def add(self, at: int, user: User) -> None:
        """The next section, `at` its place in the file."""
        rank = self._ranks[(2 if wants_login(user) else 0) + (0 if user.access else 1)]
        if not user.access:
            rank.open.append((at, user))
            return
        hosts = single_hosts(user.access)
        if hosts is None:
            rank.others.setdefault(user.access, []).append((at, user))
        else:
            for host in hosts:
                rank.by_host.setdefault(host, []).append((at, user))

    def find(self, host: str, may_call: Callable[[User], bool]) -> User | None:
        """The section for a caller at a numeric address; `may_call` judges the context."""
        plain = _plain(host)
        for rank in self._ranks:
            found = [first for first in self._firsts(rank, plain, host, may_call) if first is not None]
            if found:
                return min(found, key=lambda one: one[0])[1]
        return None

    @staticmethod
    def _firsts(
        rank: _Rank, plain: str, host: str, may_call: Callable[[User], bool]
    ) -> Iterable[tuple[int, User] | None]:
        yield _first(rank.open, may_call)
        if ":" in plain:
            # lists of IPv4 hosts say nothing of an IPv6 address, and what nobody speaks of is let in
            yield from (_first(those, may_call) for those in rank.by_host.values())
        else:
            yield _first(rank.by_host.get(plain, ()), may_call)
        for access, those in rank.others.items():
            first = _first(those, may_call)
            if first is not None and access.check(host).allowed:
                yield first


def _first(those: Iterable[tuple[int, User]], may_call: Callable[[User], bool]) -> tuple[int, User] | None:
    return next((one for one in those if may_call(one[1])), None)


def _plain(host: str) -> str:
    """As access lists see an address: IPv4 inside of IPv6 is IPv4."""
    address = ipaddress.ip_address(host.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(address)
