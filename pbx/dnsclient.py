"""NAPTR, SRV and TXT records for the dialplan, by Twisted's resolver."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.names import client, dns, error

from pbx.dialplan.names import DnsRecord

#: Seconds until each further try; the last is the end.
TIMEOUTS = (1, 3, 5)


class DnsClient:
    """`look_up` of the dialplan's services: asks what resolv.conf names, or the servers given."""

    def __init__(self, reactor: Any, servers: Sequence[tuple[str, int]] = ()) -> None:
        self._reactor = reactor
        self._servers = servers
        self._resolver: Any = None

    def __call__(self, name: str, kind: str) -> Deferred[list[DnsRecord]]:
        """The records of that type (NAPTR, SRV, TXT); [] if there are none or nobody answers."""
        if self._resolver is None:
            self._resolver = client.Resolver(  # type: ignore[no-untyped-call]
                resolv=None if self._servers else "/etc/resolv.conf",
                servers=list(self._servers),
                timeout=TIMEOUTS,
                reactor=self._reactor,
            )
        try:
            query = dns.Query(name.encode("idna") if not name.isascii() else name.encode(), getattr(dns, kind), dns.IN)
        except UnicodeError:
            done: Deferred[list[DnsRecord]] = Deferred()
            done.callback([])
            return done
        asking = self._resolver.query(query, TIMEOUTS)

        def records(result: Any) -> list[DnsRecord]:
            return [found for header in result[0] if (found := _record(header.payload)) is not None]

        def none(failure: Any) -> list[DnsRecord]:
            failure.trap(error.DomainError, error.DNSQueryTimeoutError, error.ResolverError, dns.DNSQueryTimeoutError)
            return []

        answer: Deferred[list[DnsRecord]] = asking.addCallbacks(records, none)
        return answer


def _text(value: Any) -> str:
    return bytes(value).decode("utf-8", "surrogateescape")


def _record(payload: Any) -> DnsRecord | None:
    match payload:
        case dns.Record_NAPTR():
            return DnsRecord(
                order=payload.order,
                preference=payload.preference,
                flags=_text(payload.flags.string),
                service=_text(payload.service.string),
                regexp=_text(payload.regexp.string),
                replacement=_text(payload.replacement.name),
            )
        case dns.Record_SRV():
            return DnsRecord(
                order=payload.priority, preference=payload.weight, port=payload.port, text=_text(payload.target.name)
            )
        case dns.Record_TXT():
            return DnsRecord(text="".join(map(_text, payload.data)))
    return None
