"""Addresses as the core sees them: (host as numeric text, port), for IPv4 and IPv6 alike.

No socket is needed: text and the sockaddr image inside an APPARENT_ADDR element
are all the protocol asks for.
"""

from __future__ import annotations

import ipaddress
import struct
from functools import lru_cache
from typing import TypeAlias

#: (numeric host, port); the key of everything that is bound to a far end
Address: TypeAlias = tuple[str, int]
IPAddress: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

_AF_INET = 2
_AF_INET6 = 10

#: the port that IAX2 has from IANA
IAX2_PORT = 4569


def text(address: Address) -> str:
    """`127.0.0.1:4569` or `[::1]:4569`."""
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def pack_apparent(address: Address) -> bytes:
    """The value of APPARENT_ADDR: a Linux sockaddr_in (16 bytes) or sockaddr_in6 (28) as it stands in memory."""
    host, port = address
    ip = parsed(host)
    if ip.version == 4:
        return struct.pack("<H", _AF_INET) + struct.pack(">H", port) + ip.packed + bytes(8)
    return struct.pack("<H", _AF_INET6) + struct.pack(">HI", port, 0) + ip.packed + bytes(4)


def unpack_apparent(data: bytes) -> Address | None:
    """The address in an APPARENT_ADDR value; None when it is of no family we know or too short."""
    if len(data) < 8:
        return None
    # The family is in the sender's byte order; either order is read.
    family = data[0] | data[1]
    (port,) = struct.unpack_from(">H", data, 2)
    if family == _AF_INET:
        return str(ipaddress.IPv4Address(data[4:8])), port
    if family == _AF_INET6 and len(data) >= 24:
        return str(ipaddress.IPv6Address(data[8:24])), port
    return None


@lru_cache(maxsize=4096)
def parsed(host: str) -> IPAddress:
    """The address without its scope.  Raises ValueError for anything else."""
    return ipaddress.ip_address(host.partition("%")[0])


@lru_cache(maxsize=4096)
def is_numeric(host: str) -> bool:
    """True for a literal IPv4 or IPv6 address."""
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True
