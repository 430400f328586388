"""What passed on the wire: tcpdump on loopback, and the voice of each direction put together again."""

from __future__ import annotations

import contextlib
import shutil
import struct
import subprocess
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

META_TRUNK = 1


@dataclass
class Packet:
    source: tuple[str, int]
    destination: tuple[str, int]
    data: bytes


@dataclass
class Stream:
    """Voice of one call in one direction: payloads in order, the format bits seen, and the stamps written.

    Stamps are extended from 16 bits; trunk entries without stamps have none.
    """

    formats: list[int] = field(default_factory=list)
    payloads: list[bytes] = field(default_factory=list)
    stamps: list[int] = field(default_factory=list)
    trunked: int = 0

    def stamped(self, low: int) -> None:
        """Note the 16-bit stamp of the next payload."""
        last = self.stamps[-1] if self.stamps else low
        self.stamps.append(last + ((low - last + 0x8000) & 0xFFFF) - 0x8000)

    @property
    def sound(self) -> bytes:
        return b"".join(self.payloads)


def read_pcap(path: Path) -> list[Packet]:
    """UDP datagrams of a pcap file with Ethernet or raw-IP link type, IPv4 and IPv6."""
    data = path.read_bytes()
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    link = struct.unpack_from(order + "I", data, 20)[0]
    packets, at = [], 24
    while at + 16 <= len(data):
        length = struct.unpack_from(order + "I", data, at + 8)[0]
        frame = data[at + 16 : at + 16 + length]
        at += 16 + length
        frame = frame[14:] if link == 1 else frame
        if not frame:
            continue
        if frame[0] >> 4 == 4:
            head = (frame[0] & 15) * 4
            if frame[9] != 17:
                continue
            ends = [".".join(map(str, frame[i : i + 4])) for i in (12, 16)]
        else:
            head = 40
            if frame[6] != 17:
                continue
            ends = [":".join(frame[i + k : i + k + 2].hex() for k in range(0, 16, 2)) for i in (8, 24)]
        sport, dport = struct.unpack_from("!HH", frame, head)
        packets.append(Packet((ends[0], sport), (ends[1], dport), frame[head + 8 :]))
    return packets


def streams(packets: list[Packet]) -> dict[tuple[str, str], list[Stream]]:
    """{(from, to): voice streams in order of their start}; unciphered calls only."""
    found: dict[tuple[str, str], dict[int, Stream]] = defaultdict(dict)
    seen: set[tuple[object, ...]] = set()
    for packet in packets:
        data = packet.data
        if len(data) < 4:
            continue
        way = (packet.source[0], packet.destination[0])
        first = struct.unpack_from("!H", data)[0]
        if first & 0x8000:
            if len(data) < 12 or data[10] != 2:
                if len(data) >= 12 and data[10] == 6 and data[11] == 1:
                    found[way].pop(first & 0x7FFF, None)
                continue
            stamp, sequence = struct.unpack_from("!I", data, 4)[0], data[8]
            if (way, first, sequence, stamp) in seen:
                continue
            seen.add((way, first, sequence, stamp))
            stream = found[way].setdefault(first & 0x7FFF, Stream())
            subclass = data[11]
            stream.formats.append(1 << (subclass & 0x3F) if subclass & 0x80 else subclass)
            stream.payloads.append(data[12:])
            stream.stamps.append(stamp)
        elif first:
            stream = found[way].setdefault(first, Stream())
            stream.payloads.append(data[4:])
            stream.stamped(struct.unpack_from("!H", data, 2)[0])
        elif data[2] == META_TRUNK:
            at = 8
            while at + 4 <= len(data):
                stamp = -1
                if data[3]:
                    length, call, stamp = struct.unpack_from("!HHH", data, at)
                    at += 6
                else:
                    call, length = struct.unpack_from("!HH", data, at)
                    at += 4
                stream = found[way].setdefault(call & 0x7FFF, Stream())
                if stamp >= 0:
                    stream.stamped(stamp)
                stream.payloads.append(data[at : at + length])
                stream.trunked += 1
                at += length
    return {way: list(calls.values()) for way, calls in found.items()}


class Capture:
    """tcpdump while the block runs."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def packets(self) -> list[Packet]:
        return read_pcap(self.path)

    def streams(self) -> dict[tuple[str, str], list[Stream]]:
        return streams(self.packets())

    def tshark(self, *arguments: str) -> str:
        """tshark's reading of the capture."""
        return subprocess.run(
            ["tshark", "-r", str(self.path), *arguments], capture_output=True, text=True, timeout=60, check=True
        ).stdout


@contextlib.contextmanager
def capture(path: Path, *addresses: str) -> Iterator[Capture]:
    """Record what goes from or to any of `addresses` on loopback (UDP)."""
    hosts = " or ".join(f"host {a}" for a in addresses)
    process = subprocess.Popen(
        ["tcpdump", "-i", "lo", "--immediate-mode", "-U", "-B", "16384", "-w", str(path), f"udp and ({hosts})"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "listening on" in line:
            break
    try:
        yield Capture(path)
    finally:
        time.sleep(0.3)
        process.terminate()
        process.wait(5)


def missing() -> str:
    """Which program lacks; "" if none."""
    lacking = [p for p in ("tcpdump", "tshark") if shutil.which(p, path="/usr/sbin:/usr/bin:/sbin:/bin") is None]
    return f"not installed: {', '.join(lacking)} (run tests/interop/setup)" if lacking else ""
