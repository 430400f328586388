"""iax.conf as typed settings: [general], users, peers, registrations, call number limits.

`Settings` is read by `settings_load.load`; two of them are compared by `settings_diff.compare`. Each option is
declared once, with its default and its row of docs/iax.conf.md, in `settings_general` and `settings_sections`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pbx.channels.iax2.acl import AccessList, Network
from pbx.channels.iax2.address import parsed
from pbx.channels.iax2.registrations import Registration
from pbx.channels.iax2.settings_general import General
from pbx.channels.iax2.settings_sections import Peer, User
from pbx.channels.iax2.values import (
    AuthMethods,
    BindAddress,
    CallerID,
    CodecPriority,
    ConnectedLine,
    RequireCallToken,
    Transfer,
)
from pbx.conf.diagnostics import Diagnostics, Place

if TYPE_CHECKING:
    from pbx.channels.iax2.anonymous import AnonymousUsers

__all__ = [
    "AccessList",
    "AuthMethods",
    "BindAddress",
    "CallNumberLimit",
    "CallerID",
    "CodecPriority",
    "ConnectedLine",
    "General",
    "Peer",
    "Registration",
    "RequireCallToken",
    "Settings",
    "Transfer",
    "User",
]


@dataclass(frozen=True, slots=True)
class CallNumberLimit:
    """A line of [callnumberlimits]: how many call numbers each address of a network may hold."""

    network: Network
    limit: int
    place: Place = field(compare=False)


@dataclass(slots=True)
class Settings:
    """All of iax.conf. `users` and `peers` are in the file's order; a friend is in both. Names are case-sensitive."""

    general: General
    users: dict[str, User] = field(default_factory=dict)
    peers: dict[str, Peer] = field(default_factory=dict)
    registrations: list[Registration] = field(default_factory=list)
    limits: list[CallNumberLimit] = field(default_factory=list)
    diagnostics: Diagnostics = field(default_factory=Diagnostics)
    files: list[str] = field(default_factory=list)
    """Every file that was read."""
    refused: bool = False
    """Asterisk would not load this file; a running daemon should keep its former settings."""
    anonymous: AnonymousUsers | None = field(default=None, repr=False)
    """Index of `users` for callers without a name; made by `access.find_user`."""
    _by_host: dict[tuple[str, int], list[Peer]] | None = None

    def find_user(self, name: str) -> User | None:
        """The user section of that name (case-sensitive)."""
        return self.users.get(name)

    def find_peer(self, name: str) -> Peer | None:
        """The peer section of that name (case-sensitive)."""
        return self.peers.get(name)

    def peers_by_host(self, ip: str, port: int | None = None) -> list[Peer]:
        """Peers whose `host=` is this literal address (and port), in the file's order.

        Named and dynamic hosts have no address here: who resolves or registers them knows it.
        """
        if self._by_host is None:
            self._by_host = _index(self.peers.values())
        if port is not None:
            return list(self._by_host.get((ip, port), ()))
        return [peer for (host, _), peers in self._by_host.items() if host == ip for peer in peers]

    def call_number_limit(self, ip: str) -> int:
        """Call numbers an address may hold: by the narrowest network of [callnumberlimits], else maxcallnumbers."""
        if not self.limits:
            return self.general.maxcallnumbers
        address = parsed(ip)
        fitting = [limit for limit in self.limits if address in limit.network]
        if fitting:
            return max(fitting, key=lambda limit: limit.network.prefixlen).limit
        return self.general.maxcallnumbers


def _index(peers: Iterable[Peer]) -> dict[tuple[str, int], list[Peer]]:
    found: dict[tuple[str, int], list[Peer]] = {}
    for peer in peers:
        if peer.static_ip:
            found.setdefault((peer.static_ip, peer.port), []).append(peer)
    return found
