"""Readers of [general]'s own values: addresses to listen on, type of service."""

from __future__ import annotations

from pbx.channels.iax2.options import BadValue
from pbx.channels.iax2.values import BindAddress, host_port, is_ip

_TOS = {
    "cs0": 0x00,
    "cs1": 0x20,
    "cs2": 0x40,
    "cs3": 0x60,
    "cs4": 0x80,
    "cs5": 0xA0,
    "cs6": 0xC0,
    "cs7": 0xE0,
    "ef": 0xB8,
    "lowdelay": 0x10,
    "throughput": 0x08,
    "reliability": 0x04,
    "mincost": 0x02,
    "none": 0x00,
    **{f"af{i}{j}": (8 * i + 2 * j) << 2 for i in range(1, 5) for j in range(1, 4)},
}


def bind_address(value: str, former: tuple[BindAddress, ...]) -> tuple[BindAddress, ...]:
    """One more address to listen on; port 0 stands for bindport."""
    host, port = host_port(value, 0)
    if not is_ip(host):
        raise BadValue("it is no numeric address", "0.0.0.0")
    return (*former, BindAddress(host, port))


def tos(value: str, former: int) -> int:
    """`ef`, `cs5`, `af41` ..., or the value of the whole byte, decimal or 0x."""
    named = _TOS.get(value.lower())
    if named is not None:
        return named
    try:
        found = int(value, 0)
    except ValueError:
        raise BadValue("there is no such type of service", "ef") from None
    if not 0 <= found <= 255:
        raise BadValue("a type of service is one byte", "ef")
    return found


def cos(value: str, former: int) -> int:
    """0 to 7."""
    if value not in tuple("01234567"):
        raise BadValue("it is no Ethernet priority", "a number from 0 to 7")
    return int(value)
