"""Writes UDP datagrams as a capture file that Wireshark reads (raw IP; headers made up from the addresses)."""

from __future__ import annotations

import ipaddress
import os
import struct
from typing import BinaryIO

_LINKTYPE_RAW = 101
_UDP = 17


def _checksum(data: bytes) -> int:
    total: int = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def packet(source: tuple[str, int], target: tuple[str, int], data: bytes) -> bytes:
    """An IP packet with that datagram in it (no UDP checksum)."""
    here, there = (ipaddress.ip_address(host.partition("%")[0]) for host in (source[0], target[0]))
    udp = struct.pack(">HHHH", source[1], target[1], 8 + len(data), 0) + data
    if here.version == 6 or there.version == 6:
        packed = [a.packed if a.version == 6 else bytes(10) + b"\xff\xff" + a.packed for a in (here, there)]
        return struct.pack(">IHBB", 6 << 28, len(udp), _UDP, 64) + packed[0] + packed[1] + udp
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0, 64, _UDP, 0) + here.packed + there.packed
    return head[:10] + struct.pack(">H", _checksum(head)) + head[12:] + udp


class Capture:
    """A file being written.  Raises OSError when it can't be made; a disk that fills up later only ends it."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.failed = ""
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        self._file: BinaryIO = os.fdopen(descriptor, "wb", buffering=0)
        self._file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, _LINKTYPE_RAW))

    def write(self, when: float, source: tuple[str, int], target: tuple[str, int], data: bytes) -> None:
        """One datagram at wall clock seconds `when`."""
        if self.failed:
            return
        whole = packet(source, target, data)
        microseconds = int(when * 1_000_000)
        seconds, rest = divmod(microseconds, 1_000_000)
        try:
            self._file.write(struct.pack("<IIII", seconds, rest, len(whole), len(whole)) + whole)
        except OSError as error:
            self.failed = error.strerror or str(error)

    def close(self) -> None:
        self._file.close()
