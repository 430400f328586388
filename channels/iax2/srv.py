"""SRV records (srvlookup=yes): `_iax._udp.NAME` says which host and port serve a name (RFC 2782)."""

from __future__ import annotations

import random as _random
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from twisted.internet.defer import Deferred
from twisted.names import client, dns

from pbx.channels.iax2.resolver import Lookup

RESOLV = "/etc/resolv.conf"
#: seconds of each try
TIMEOUTS = (2, 3)


class Service(NamedTuple):
    """One SRV record."""

    priority: int
    weight: int
    host: str
    port: int


#: name of the service -> its records; may fail
Query = Callable[[str], "Deferred[list[Service]]"]


def by_name_servers(reactor: Any, resolver: Any = None) -> Query:
    """Asks the name servers of resolv.conf (or that resolver of twisted.names)."""
    made: list[Any] = [resolver] if resolver is not None else []

    def query(name: str) -> Deferred[list[Service]]:
        if not made:
            made.append(client.Resolver(resolv=RESOLV, reactor=reactor))  # type: ignore[no-untyped-call]
        return made[0].lookupService(name, TIMEOUTS).addCallback(_records)  # type: ignore[no-any-return]

    return query


def _records(found: tuple[list[Any], list[Any], list[Any]]) -> list[Service]:
    return [
        Service(r.payload.priority, r.payload.weight, r.payload.target.name.decode("ascii", "replace"), r.payload.port)
        for r in found[0]
        if r.type == dns.SRV
    ]


def in_order(records: Iterable[Service], random: _random.Random) -> list[Service]:
    """Lowest priority first; within one, drawn by weight.  A target `.` means that there is no such service."""
    left = [record for record in records if record.host not in (".", "")]
    order: list[Service] = []
    while left:
        first = min(record.priority for record in left)
        group = [record for record in left if record.priority == first]
        chosen = random.choices(group, [record.weight or 0.01 for record in group])[0]
        left.remove(chosen)
        order.append(chosen)
    return order


def with_services(lookup: Lookup, query: Query, ports: dict[str, int], random: _random.Random) -> Lookup:
    """A Lookup that asks for SRV records first, and for the name itself where there are none.

    `ports` holds the port of names that have some.
    """

    async def look(name: str) -> list[str]:
        try:
            services = in_order(await query(f"_iax._udp.{name}"), random)
        except Exception:  # no such record, no answer, no name server: all the same
            services = []
        for service in services:
            found = await lookup(service.host.rstrip("."))
            if found:
                ports[name] = service.port
                return found
        ports.pop(name, None)
        return await lookup(name)

    return lambda name: Deferred.fromCoroutine(look(name))
