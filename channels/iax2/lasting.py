"""Registrations that outlive the process: where dynamic peers are, in the astdb as Asterisk writes it.

Family `IAX/Registry`, a key for each peer, its value `address:port:seconds` (an address of IPv6 in brackets).
"""

from __future__ import annotations

import ipaddress
from typing import Protocol

from pbx.channels.iax2 import address as addresses
from pbx.channels.iax2.address import Address

FAMILY = "IAX/Registry"
#: most seconds that a stored registration may claim
_LONGEST = 10_000_000


class Store(Protocol):
    """The astdb."""

    def get(self, family: str, key: str) -> str | None: ...

    def put(self, family: str, key: str, value: str) -> None: ...

    def delete(self, family: str, key: str) -> bool: ...


class NoStore:
    """Nothing is kept."""

    def get(self, family: str, key: str) -> str | None:
        return None

    def put(self, family: str, key: str, value: str) -> None: ...

    def delete(self, family: str, key: str) -> bool:
        return False


def encode(address: Address, refresh: int) -> str:
    """The stored text."""
    return f"{addresses.text(address)}:{refresh}"


def decode(text: str) -> tuple[Address, int] | None:
    """(address, seconds) of a stored text; None for what no registration of ours or of Asterisk's looks like."""
    where, _, seconds = text.strip().rpartition(":")
    host, _, port = where.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    if not (port.isascii() and port.isdigit() and seconds.isascii() and seconds.isdigit()):
        return None
    if not 0 < int(port[:6]) < 65536 or not 0 < int(seconds[:9]) <= _LONGEST:
        return None
    try:
        return (str(ipaddress.ip_address(host)), int(port)), int(seconds)
    except ValueError:
        return None


class Registrations:
    """Reads and writes the registrations of dynamic peers."""

    def __init__(self, store: Store | None) -> None:
        self._store: Store = NoStore() if store is None else store  # an empty one may be false

    def of(self, peer: str) -> tuple[Address, int] | None:
        """Where a peer last registered from, and for how long."""
        text = self._store.get(FAMILY, peer)
        return None if text is None else decode(text)

    def registered(self, peer: str, address: Address, refresh: int) -> None:
        """Note it; nothing is written when it stands there already."""
        text = encode(address, refresh)
        if self._store.get(FAMILY, peer) != text:
            self._store.put(FAMILY, peer, text)

    def unregistered(self, peer: str, why: str) -> None:
        """Forget it, but for a peer that is only gone from iax.conf: it may come back, as in Asterisk."""
        if why != "removed":
            self._store.delete(FAMILY, peer)
