"""Firmware for IAX2 devices: images, and the dialogues in which a device fetches one (RFC 5456 section 6.9.3).

Off unless allowfwdownload=yes.  What leaves is bounded in bytes per second, for each host and for all together, so that
nobody is flooded in somebody's name and voice keeps its room; a block that is not due yet waits.
"""

from __future__ import annotations

import hashlib
import struct
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from pbx.channels.iax2.dialog import Dialog
from pbx.channels.iax2.elements import Element, Elements
from pbx.channels.iax2.foreign import answer
from pbx.channels.iax2.frames import Command, FullFrame
from pbx.channels.iax2.options import BadValue
from pbx.channels.iax2.timers import Timer

if TYPE_CHECKING:
    from pbx.channels.iax2.core import Core

_HEADER = struct.Struct(">IH16sI16s")
MAGIC = 0x69617879
#: bytes per second
HOST_RATE = 64 * 1024
ALL_RATE = 512 * 1024
#: seconds a block may have to wait; beyond that the device is refused
LONGEST_WAIT = 10.0
#: seconds without a request after which a download is forgotten
_PATIENCE = 60.0
_SWEEP_FROM = 1024


@dataclass(frozen=True, slots=True)
class Image:
    """One device's firmware."""

    device: str
    version: int
    data: bytes


def parse(content: bytes) -> Image:
    """An image file: magic, version, device, length, MD5 (all big-endian), data.  Raises BadValue."""
    if len(content) < _HEADER.size:
        raise BadValue("it is too short to be firmware")
    magic, version, name, size, digest = _HEADER.unpack_from(content)
    data = content[_HEADER.size :]
    if magic != MAGIC:
        raise BadValue("it is no firmware of an IAX2 device")
    if size != len(data):
        raise BadValue(f"its header says {size} bytes, {len(data)} follow")
    if hashlib.md5(data, usedforsecurity=False).digest() != digest:
        raise BadValue("its checksum is wrong")
    return Image(name.rstrip(b"\0").decode("ascii", "replace"), version, data)


class Library:
    """The newest image of each device, and how fast they may leave."""

    def __init__(self, images: Iterable[Image] = ()) -> None:
        self._images: dict[str, Image] = {}
        self._free: dict[str, float] = {}
        self._all_free = 0.0
        for image in images:
            known = self._images.get(image.device)
            if known is None or known.version < image.version:
                self._images[image.device] = image

    def __iter__(self) -> Iterator[Image]:
        return iter(self._images.values())

    def of(self, device: str) -> Image | None:
        return self._images.get(device)

    def block(self, device: str, wanted: int | None) -> Elements | None:
        """FWDATA for a block description (24 bits: which block, 8 bits: bytes of each); None = there is no such."""
        image = self._images.get(device)
        size = (wanted or 0) & 0xFF
        if image is None or wanted is None or not size:
            return None
        start = (wanted >> 8) * size
        elements = Elements().add_uint(Element.FWBLOCKDESC, wanted)
        return elements.add(Element.FWBLOCKDATA, image.data[start : start + size])

    def wait(self, host: str, size: int, now: float) -> float:
        """Seconds until so many bytes for this host are due; they are counted."""
        if len(self._free) >= _SWEEP_FROM:
            self._free = {host: free for host, free in self._free.items() if free > now}
        due = max(now, self._free.get(host, 0.0), self._all_free)
        if due - now <= LONGEST_WAIT:
            self._free[host] = due + size / HOST_RATE
            self._all_free = max(now, self._all_free) + size / ALL_RATE
        return due - now


class Download(Dialog):
    """A device asks for one block after the other."""

    __slots__ = ("_due",)

    kind: ClassVar[str] = "firmware"

    def __init__(
        self, core: Core, socket: int, address: tuple[str, int], local: str, now: float, remote_number: int
    ) -> None:
        super().__init__(core, socket, address, local, now, remote_number=remote_number)
        #: blocks that wait for their time
        self._due: deque[tuple[float, Elements]] = deque()
        core.timers.set(self, Timer.FORGET, now + _PATIENCE)

    def on_command(self, frame: FullFrame, elements: Elements, now: float) -> None:
        if frame.subclass != Command.FWDOWNL:
            answer(self, frame, elements, now)
            return
        core = self.core
        core.timers.set(self, Timer.FORGET, now + _PATIENCE)
        device = elements.text(Element.DEVICETYPE) or ""
        block = core.firmware.block(device, elements.uint(Element.FWBLOCKDESC))
        wait = 0.0 if block is None else core.firmware.wait(self.address[0], len(block.encode()), now)
        if block is None or wait > LONGEST_WAIT:
            core.stats["firmware.refused"] += 1
            self.send(Command.REJECT, now, final=True)
            self.linger(now)
        elif wait:
            self._due.append((now + wait, block))
            core.timers.set(self, Timer.FIRMWARE, self._due[0][0])
        else:
            self._give(block, now)

    def _give(self, block: Elements, now: float) -> None:
        """FWDATA; a block that is not whole is the last."""
        self.core.stats["firmware.blocks"] += 1
        wanted = block.uint(Element.FWBLOCKDESC) or 0
        last = len(block.raw(Element.FWBLOCKDATA) or b"") < wanted & 0xFF
        self.send(Command.FWDATA, now, block, final=last)
        if last:
            self.linger(now)

    def on_timer(self, timer: Timer, now: float) -> None:
        if timer is not Timer.FIRMWARE:
            super().on_timer(timer, now)
            return
        while self._due and self._due[0][0] <= now and not self.gone:
            self._give(self._due.popleft()[1], now)
        if self._due and not self.gone:
            self.core.timers.set(self, Timer.FIRMWARE, self._due[0][0])
