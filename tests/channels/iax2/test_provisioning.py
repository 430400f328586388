"""IAX2 devices: their settings (PROVISION) and their firmware (FWDOWNL), as a stock Asterisk 22 sends them."""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path

import pytest

from pbx import iaxfirmware, iaxprov
from pbx.channels.iax2.elements import Element, Elements
from pbx.channels.iax2.firmware import ALL_RATE, HOST_RATE, Library, parse
from pbx.channels.iax2.frames import Command, FrameType, FullFrame, parse_full
from pbx.channels.iax2.options import BadValue
from pbx.channels.iax2.provisioning import PAUSE, encode
from pbx.conf.diagnostics import Diagnostics
from tests.simulation.network import Box, Network

SERVER, DEVICE = ("127.0.25.1", 4569), ("127.0.25.3", 4570)

PROV = """
[default]
port=4569
server=127.0.25.1
codec=gsm
flags=register,heartbeat
tos=0xb8
[x]
user=alice
pass=p
altserver=127.0.25.9
flags=
[y]
port=7
user=bob
flags=secure
[*]
user=star
"""
#: what a stock Asterisk 22 sent for these templates: plain, and forced
STOCK = {
    "x": ("0605616c696365070170050211d90f047f001901100211d913047f0019090d04000000020b01b81204489ad275",
          "0605616c6963650701700a00050211d90f047f001901100211d913047f0019090c04000000000d04000000020b01b8120455492949"),
    "y": ("0603626f62050200070f047f001901100211d90c04000000020d04000000020b01b81204a3158b77", ""),
    "*": ("060473746172050211d90f047f001901100211d90c04000000050d04000000020b01b812042579fb5b",
          "06047374617207000a00050211d90f047f001901100211d91304000000000c04000000050d04000000020b01b81204251b4460"),
}  # fmt: skip


def image(name: str, version: int, data: bytes, *, magic: int = 0x69617879, size: int | None = None) -> bytes:
    head = struct.pack(">IH16sI", magic, version, name.encode(), len(data) if size is None else size)
    return head + hashlib.md5(data).digest() + data


IAXY = bytes(range(256)) * 8 + b"tail"


class World:
    """A server, and a device that says what it is told to."""

    def __init__(self, tmp_path: Path, general: str = "") -> None:
        self.net = Network(3)
        conf = f"[general]\n{general}\n[dev]\ntype=friend\nhost=dynamic\nrequirecalltoken=no\n[guest]\ntype=user\n"
        self.server = Box(self.net, SERVER, conf + "requirecalltoken=no\n")
        (tmp_path / "iaxprov.conf").write_text(PROV)
        core = self.server.endpoint.core
        core.provisioner.templates = iaxprov.load(str(tmp_path / "iaxprov.conf"), Diagnostics())
        core.firmware = Library([parse(image("iaxy", 23, IAXY)), parse(image("s101", 1, b"x" * 100))])
        self.net.log = []

    def say(
        self, command: Command, elements: Elements, number: int, seconds: float = 1.0, to: int = 0
    ) -> list[FullFrame]:
        """What comes back until `seconds` have passed."""
        assert self.net.log is not None
        before = len(self.net.log)
        frame = FullFrame(number, to, 5, 1 if to else 0, 1 if to else 0, FrameType.IAX, command, elements.encode())
        self.net.carry(DEVICE, SERVER, frame.encode())
        self.net.run(seconds)
        found = [parse_full(data) for _, origin, _, data in self.net.log[before:] if origin == SERVER]
        return [f for f in found if f.subclass != Command.ACK and not f.retry]

    def register(self, number: int, *more: tuple[int, bytes]) -> list[FullFrame]:
        elements = Elements().add_text(Element.USERNAME, "dev").add_uint(Element.REFRESH, 60)
        for kind, value in more:
            elements.add(kind, value)
        return self.say(Command.REGREQ, elements, number)

    def fetch(self, number: int, device: str, wanted: int | None) -> list[tuple[Command, bytes | None]]:
        elements = Elements().add_text(Element.DEVICETYPE, device)
        if wanted is not None:
            elements.add_uint(Element.FWBLOCKDESC, wanted)
        answers = self.say(Command.FWDOWNL, elements, number)
        return [(Command(f.subclass), Elements.parse(f.data).raw(Element.FWBLOCKDATA)) for f in answers]


@pytest.mark.parametrize("name", STOCK)
def test_a_template_is_what_a_stock_server_sends(tmp_path: Path, name: str) -> None:
    template = World(tmp_path).server.endpoint.core.provisioner.templates[name]
    plain, forced = STOCK[name]
    assert encode(template).hex() == plain
    if forced:
        assert encode(template, forced=True).hex() == forced


def test_provision_reaches_the_device_and_says_goodbye(tmp_path: Path) -> None:
    w = World(tmp_path)
    core = w.server.endpoint.core
    assert w.net.log is not None
    assert core.provisioner.provision(0, DEVICE, "", "Y", w.net.now, forced=False)
    w.server.pump()
    w.net.run(0.5)
    (sent,) = [parse_full(data) for _, origin, _, data in w.net.log if origin == SERVER]
    assert (sent.subclass, sent.destination, sent.oseqno) == (Command.PROVISION, 0, 0)
    assert Elements.parse(sent.data).raw(Element.PROVISIONING) == bytes.fromhex(STOCK["y"][0])
    ack = FullFrame(55, sent.source, sent.timestamp, 0, 1, FrameType.IAX, Command.ACK)
    w.net.carry(DEVICE, SERVER, ack.encode())
    w.net.run(16)
    assert parse_full(w.net.log[-1][3]).subclass == Command.HANGUP
    w.net.run(60)
    assert not core.by_own


def test_an_unknown_name_takes_the_template_for_all_or_none(tmp_path: Path) -> None:
    provisioner = World(tmp_path).server.endpoint.core.provisioner
    found = provisioner.find("nosuch")
    assert found is not None and found.user == "star"
    provisioner.templates = {}
    assert not provisioner.provision(0, DEVICE, "", "x", 0.0, forced=False)


def test_who_registers_with_old_settings_is_given_new_ones_now_and_then(tmp_path: Path) -> None:
    w = World(tmp_path)
    ident = (int(Element.SERVICEIDENT), b"x")

    def provisioned(number: int, version: int) -> list[str]:
        answers = w.register(number, ident, (int(Element.PROVVER), version.to_bytes(4, "big")))
        return [value.hex() for f in answers if (value := Elements.parse(f.data).raw(Element.PROVISIONING))]

    assert provisioned(101, 1) == [STOCK["x"][1]]
    assert provisioned(102, 1) == []
    w.net.run(PAUSE)
    assert provisioned(103, 0x55492949) == []
    assert provisioned(104, 2) == [STOCK["x"][1]]
    w.server.endpoint.core.provisioner.templates = {}
    w.net.run(PAUSE)
    assert provisioned(105, 2) == []


def test_firmware_is_off_unless_it_is_allowed(tmp_path: Path) -> None:
    w = World(tmp_path)
    assert w.fetch(201, "iaxy", 0xFF) == [(Command.UNSUPPORT, None)]
    (ack,) = w.register(202, (int(Element.DEVICETYPE), b"iaxy"))
    assert Element.FIRMWAREVER not in Elements.parse(ack.data)


def test_blocks_of_firmware(tmp_path: Path) -> None:
    w = World(tmp_path, "allowfwdownload=yes")
    assert w.fetch(201, "iaxy", 0xFF) == [(Command.FWDATA, IAXY[:255])]
    assert w.fetch(202, "iaxy", 8 << 8 | 0xFF) == [(Command.FWDATA, IAXY[8 * 255 :])]
    assert w.fetch(203, "iaxy", 16 << 8 | 0x80) == [(Command.FWDATA, b"tail")]
    assert w.fetch(204, "iaxy", 9 << 8 | 0xFF) == [(Command.FWDATA, b"")]
    assert w.fetch(205, "s101", 1 << 8 | 100) == [(Command.FWDATA, b"")]
    for number, (device, wanted) in enumerate([("nope", 0xFF), ("iaxy", 0), ("iaxy", None)], 206):
        assert w.fetch(number, device, wanted) == [(Command.REJECT, None)]
    (ack,) = w.register(301, (int(Element.DEVICETYPE), b"iaxy"))
    assert Elements.parse(ack.data).uint(Element.FIRMWAREVER) == 23
    (ack,) = w.register(302, (int(Element.DEVICETYPE), b"nope"))
    assert Element.FIRMWAREVER not in Elements.parse(ack.data)


def test_all_of_it_in_one_dialogue(tmp_path: Path) -> None:
    w = World(tmp_path, "allowfwdownload=yes")
    fetched, ours, at = b"", 0, 0
    while True:
        frame = FullFrame(70, ours, 5 + at, at, at, FrameType.IAX, Command.FWDOWNL)
        frame.data = (
            Elements().add_text(Element.DEVICETYPE, "iaxy").add_uint(Element.FWBLOCKDESC, at << 8 | 200).encode()
        )
        assert w.net.log is not None
        before = len(w.net.log)
        w.net.carry(DEVICE, SERVER, frame.encode())
        w.net.run(0.5)
        (answer,) = [parse_full(d) for _, o, _, d in w.net.log[before:] if o == SERVER and parse_full(d).subclass == 37]
        block = Elements.parse(answer.data).raw(Element.FWBLOCKDATA) or b""
        fetched += block
        ours, at = answer.source, at + 1
        if len(block) < 200:
            break
    assert fetched == IAXY
    w.net.run(100)
    assert not w.server.endpoint.core.by_own


def test_firmware_leaves_slowly() -> None:
    library = Library()
    waits = [library.wait("a", 256, 0.0) for _ in range(512)]
    assert waits == sorted(waits) and waits[0] == 0 and waits[256] == pytest.approx(256 * 256 / HOST_RATE)
    library = Library()
    waits = [library.wait(f"host{n}", 256, 0.0) for n in range(4096)]
    assert waits[-1] == pytest.approx(4095 * 256 / ALL_RATE)
    library = Library()
    for _ in range(6000):
        library.wait("a", 256, 0.0)
    assert 10 < library.wait("a", 256, 0.0) < 10.1  # refused, and not counted


def test_a_block_that_is_too_early_comes_later(tmp_path: Path) -> None:
    w = World(tmp_path, "allowfwdownload=yes")
    w.server.endpoint.core.firmware.wait(DEVICE[0], HOST_RATE * 2, w.net.now)
    assert w.fetch(201, "iaxy", 0xFF) == []
    w.net.run(1.5)
    assert w.net.log is not None
    assert Elements.parse(parse_full(w.net.log[-1][3]).data).raw(Element.FWBLOCKDATA) == IAXY[:255]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "too short"),
        (image("a", 1, b"x", magic=1), "no firmware"),
        (image("a", 1, b"x", size=2), "1 follow"),
        (image("a", 1, b"x")[:-1] + b"y", "checksum"),
    ],
)
def test_what_is_no_firmware(content: bytes, words: str) -> None:
    with pytest.raises(BadValue, match=words):
        parse(content)


def test_the_newest_of_a_folder_counts(tmp_path: Path) -> None:
    folder = tmp_path / "firmware" / "iax"
    folder.mkdir(parents=True)
    (folder / "a.bin").write_bytes(image("iaxy", 22, b"old"))
    (folder / "b.bin").write_bytes(image("iaxy", 23, b"new"))
    (folder / "c.bin").write_bytes(b"nonsense")
    found = {one.device: one.version for one in iaxfirmware.load(str(tmp_path))}
    assert found == {"iaxy": 23}
    assert not list(iaxfirmware.load(str(tmp_path / "none")))
