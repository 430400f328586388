"""Networks as option values."""

from __future__ import annotations

from pbx.channels.iax2.acl import Network, parse_network
from pbx.channels.iax2.options import BadValue


def network(value: str) -> Network:
    """A network, its mistakes as BadValue."""
    try:
        return parse_network(value)
    except ValueError:
        raise BadValue(f"'{value}' is no network", "192.168.0.0/255.255.0.0") from None


def more_networks(value: str, former: tuple[Network, ...]) -> tuple[Network, ...]:
    """One more network."""
    return (*former, network(value))
