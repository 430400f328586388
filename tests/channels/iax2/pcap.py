"""A pcap of UDP datagrams, read without any library: just enough for the shared captures."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_MAGIC = {b"\xd4\xc3\xb2\xa1": "<", b"\xa1\xb2\xc3\xd4": ">"}
_LINKTYPE_ETHERNET = 1
_UDP = 17


class Packet(NamedTuple):
    """One datagram; time in seconds since the epoch."""

    time: float
    source: tuple[bytes, int]
    destination: tuple[bytes, int]
    data: bytes


def read(path: Path) -> Iterator[Packet]:
    """All UDP datagrams of the file, in order."""
    blob = path.read_bytes()
    order = _MAGIC[blob[:4]]
    (link,) = struct.unpack_from(order + "I", blob, 20)
    at = 24
    while at < len(blob):
        seconds, micros, length, _ = struct.unpack_from(order + "IIII", blob, at)
        packet = blob[at + 16 : at + 16 + length]
        at += 16 + length
        if link == _LINKTYPE_ETHERNET:
            packet = packet[14:]
        found = _udp(packet)
        if found is not None:
            yield Packet(seconds + micros / 1e6, *found)


def _udp(packet: bytes) -> tuple[tuple[bytes, int], tuple[bytes, int], bytes] | None:
    if packet[0] >> 4 == 4:
        header, protocol, here, there = (packet[0] & 15) * 4, packet[9], packet[12:16], packet[16:20]
    else:
        header, protocol, here, there = 40, packet[6], packet[8:24], packet[24:40]
    if protocol != _UDP:
        return None
    sport, dport, length, _ = struct.unpack_from(">HHHH", packet, header)
    return (here, sport), (there, dport), packet[header + 8 : header + length]
