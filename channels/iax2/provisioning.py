"""Provisioning of IAX2 devices: what a template is on the wire, and the PROVISION that carries it (RFC 5456 6.9.4)."""

from __future__ import annotations

import functools
import hashlib
import ipaddress
import operator
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from pbx.channels.iax2.address import IAX2_PORT, Address
from pbx.channels.iax2.dialog import Dialog
from pbx.channels.iax2.elements import Element, Elements
from pbx.channels.iax2.frames import Command, FullFrame
from pbx.channels.iax2.reliable import Sent
from pbx.channels.iax2.timers import Timer
from pbx.codecs.formats import BY_NAME

if TYPE_CHECKING:
    from pbx.channels.iax2.core import Core

#: bits of the flags by their words
FLAGS = {"register": 1, "secure": 2, "heartbeat": 4, "debug": 8, "disablecid": 16, "disablecw": 32, "disablecidcw": 64,
         "disable3way": 128}  # fmt: skip
#: the template of devices that have none of their own
ANY = "*"
#: elements within PROVISIONING
_PORT, _USER, _PASSWORD, _LANGUAGE, _TOS, _FLAGS, _FORMAT, _SERVER, _SERVERPORT, _VERSION, _ALTERNATE = (
    5, 6, 7, 10, 11, 12, 13, 15, 16, 18, 19,
)  # fmt: skip
_NONE = "<unspecified>"
_WORDS = "<4I"
#: seconds after its ACK until a device's dialogue is hung up, as stock servers do
_GOODBYE = 15.0
#: seconds in which a device is provisioned once only, however often it registers
PAUSE = 60.0
#: devices whose last PROVISION is remembered
_MOST_KEPT = 4096


@dataclass(slots=True)
class Template:
    """One section of iaxprov.conf.  What is not written comes from `base`."""

    name: str
    base: str = ""
    user: str = ""
    secret: str = field(default="", repr=False)
    language: str = ""
    port: int = 0
    server: str = ""
    serverport: int = IAX2_PORT
    alternate: str = ""
    flags: int = 0
    format: str = ""
    tos: int = 0

    def lines(self) -> Iterator[str]:
        """As `iax2 show provisioning` prints it."""
        yield f"== {self.name} =="
        yield f"Base Templ:   {self.base or '<none>'}"
        yield f"Username:     {self.user or _NONE}"
        yield f"Secret:       {self.secret or _NONE}"
        yield f"Language:     {self.language or _NONE}"
        yield f"Bind Port:    {self.port or _NONE}"
        yield f"Server:       {self.server or _NONE}"
        yield f"Server Port:  {self.serverport}"
        yield f"Alternate:    {self.alternate or _NONE}"
        yield f"Flags:        {','.join(word for word, bit in FLAGS.items() if self.flags & bit) or 'none'}"
        yield f"Format:       {self.format or _NONE}"
        yield f"TOS:          0x{self.tos:x}"


def encode(template: Template, *, forced: bool = False) -> bytes:
    """The value of PROVISIONING.  forced: what is empty is sent empty, too."""
    form = BY_NAME.get(template.format)
    parts = (
        (_USER, template.user.encode()),
        (_PASSWORD, template.secret.encode()),
        (_LANGUAGE, template.language.encode()),
        (_PORT, _number(template.port, 2)),
        (_SERVER, _host(template.server)),
        (_SERVERPORT, _number(template.serverport, 2)),
        (_ALTERNATE, _host(template.alternate)),
        (_FLAGS, _number(template.flags, 4)),
        (_FORMAT, _number(form.bit & 0xFFFFFFFF if form is not None else 0, 4)),
        (_TOS, _number(template.tos, 1)),
    )
    data = b"".join(bytes((kind, len(value))) + value for kind, value in parts if forced or value.strip(b"\0"))
    return data + bytes((_VERSION, 4)) + version_of(data).to_bytes(4, "big")


def _number(value: int, size: int) -> bytes:
    return value.to_bytes(size, "big")


def _host(text: str) -> bytes:
    """An address of IPv4; others can't be told."""
    address = ipaddress.ip_address(text or "0.0.0.0")
    return address.packed if address.version == 4 else bytes(4)


def version_of(data: bytes) -> int:
    """The version of a template: the four little-endian words of its MD5, XORed."""
    words: tuple[int, ...] = struct.unpack(_WORDS, hashlib.md5(data, usedforsecurity=False).digest())
    return functools.reduce(operator.xor, words, 0)


class Provisioner:
    """All templates, and who was provisioned when."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self.templates: Mapping[str, Template] = {}
        self._told: dict[str, float] = {}

    def find(self, name: str) -> Template | None:
        """A template by its name (in any case), else the one for all."""
        folded = name.lower()
        found = next((t for t in self.templates.values() if t.name.lower() == folded), None)
        return found or self.templates.get(ANY)

    def provision(self, socket: int, address: Address, local: str, name: str, now: float, *, forced: bool) -> bool:
        """PROVISION an address; False when there is no template.  Raises NoNumber."""
        template = self.find(name)
        if template is None:
            return False
        self._core.stats["provisioned"] += 1
        Provision(self._core, socket, address, local, now, encode(template, forced=forced))
        return True

    def registered(self, dialog: Dialog, elements: Elements, now: float) -> None:
        """A device that registered said which template it has: give it the right one, but not all the time."""
        ident, version = elements.text(Element.SERVICEIDENT), elements.uint(Element.PROVVER)
        template = self.find(ident) if ident and version is not None else None
        if template is None:
            return
        data = encode(template, forced=True)
        if int.from_bytes(data[-4:], "big") == version:
            return
        host = dialog.address[0]
        last = self._told.get(host)
        if last is not None and now - last < PAUSE:
            self._core.stats["provisioned.too soon"] += 1
            return
        if len(self._told) >= _MOST_KEPT:
            self._told.clear()
        self._told[host] = now
        self._core.stats["provisioned"] += 1
        Provision(self._core, dialog.socket, dialog.address, dialog.local, now, data)


class Provision(Dialog):
    """One PROVISION."""

    __slots__ = ()

    kind: ClassVar[str] = "provision"

    def __init__(self, core: Core, socket: int, address: Address, local: str, now: float, data: bytes) -> None:
        super().__init__(core, socket, address, local, now)
        self.send(Command.PROVISION, now, Elements().add(Element.PROVISIONING, data), key=Timer.FORGET)

    def on_command(self, frame: FullFrame, elements: Elements, now: float) -> None:
        if frame.subclass in (Command.HANGUP, Command.REJECT, Command.INVAL):
            self.ack(frame)
            self.forget(now)
        elif frame.subclass == Command.UNSUPPORT:
            self.core.note("NOTICE", f"{self.address[0]} can't be provisioned over IAX2")

    def on_acked(self, sent: Sent, now: float) -> None:
        if sent.key is Timer.FORGET:
            self.core.timers.set(self, Timer.FORGET, now + _GOODBYE)

    def on_timer(self, timer: Timer, now: float) -> None:
        if timer is Timer.FORGET and self.remote_number and not self.reliable.pending:
            self.send(Command.HANGUP, now, final=True)
            self.linger(now)
        else:
            super().on_timer(timer, now)

    def on_lost(self, sent: Sent, now: float) -> None:
        self.core.note("NOTICE", f"{self.address[0]} does not answer PROVISION")
        self.forget(now)
