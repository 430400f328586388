"""Socket addresses as the kernel has them, and as people do.

The plane keeps an address as the bytes of its `sockaddr` (padded to
`SIZE`), so that a received address can be compared and sent to without ever
becoming an object.
"""

from __future__ import annotations

import ctypes
import socket
from functools import lru_cache


class SockaddrIn(ctypes.Structure):
    """struct sockaddr_in of Linux."""

    _fields_ = (
        ("family", ctypes.c_ushort),
        ("port", ctypes.c_uint8 * 2),
        ("address", ctypes.c_uint8 * 4),
        ("zero", ctypes.c_uint8 * 8),
    )


class SockaddrIn6(ctypes.Structure):
    """struct sockaddr_in6 of Linux."""

    _fields_ = (
        ("family", ctypes.c_ushort),
        ("port", ctypes.c_uint8 * 2),
        ("flow", ctypes.c_uint32),
        ("address", ctypes.c_uint8 * 16),
        ("scope", ctypes.c_uint32),
    )


#: bytes kept per address: the larger of the two, rounded up to 8
SIZE = 32
#: what recvmmsg may write and sendmmsg must read, by family
LENGTH: dict[int, int] = {socket.AF_INET: ctypes.sizeof(SockaddrIn), socket.AF_INET6: ctypes.sizeof(SockaddrIn6)}
NONE = bytes(SIZE)


@lru_cache(maxsize=65536)
def pack(host: str, port: int) -> bytes:
    """`SIZE` bytes: the sockaddr of a numeric address ("" gives NONE).  Raises ValueError or OSError for a name."""
    if not host:
        return NONE
    value: SockaddrIn | SockaddrIn6
    if ":" in host:
        bare, _, scope = host.partition("%")
        value = SockaddrIn6(family=socket.AF_INET6)
        value.address[:] = socket.inet_pton(socket.AF_INET6, bare)
        if scope:
            value.scope = int(scope) if scope.isdigit() else socket.if_nametoindex(scope)
    else:
        value = SockaddrIn(family=socket.AF_INET)
        value.address[:] = socket.inet_pton(socket.AF_INET, host)
    value.port[:] = port.to_bytes(2, "big")
    return bytes(value).ljust(SIZE, b"\0")


@lru_cache(maxsize=65536)
def unpack(raw: bytes) -> tuple[str, int]:
    """(host, port) of a sockaddr; ("", 0) for NONE."""
    family = int.from_bytes(raw[:2], "little") if _LITTLE else int.from_bytes(raw[:2], "big")
    if family == socket.AF_INET:
        return socket.inet_ntop(socket.AF_INET, raw[4:8]), int.from_bytes(raw[2:4], "big")
    if family == socket.AF_INET6:
        value = SockaddrIn6.from_buffer_copy(raw)
        host = socket.inet_ntop(socket.AF_INET6, bytes(value.address))
        return (f"{host}%{value.scope}" if value.scope else host), int.from_bytes(raw[2:4], "big")
    return "", 0


_LITTLE = ctypes.c_ushort(1).value == int.from_bytes(bytes(ctypes.c_ushort(1)), "little")
