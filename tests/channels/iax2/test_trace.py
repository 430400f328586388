"""Frame dumps: every frame of a stock console's log comes out in the same words."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from pbx.channels.iax2 import trace
from pbx.channels.iax2.address import pack_apparent
from pbx.channels.iax2.elements import KINDS, Element, Elements, Kind, pack_datetime
from pbx.channels.iax2.frames import Command, FrameType, FullFrame
from pbx.codecs.formats import BY_NAME, encode_prefs
from tests.shared import shared_dir

HEAD = re.compile(
    r"(Rx|Tx)-Frame Retry\[(...)\] -- OSeqno: (\d+) ISeqno: (\d+) Type: (\S+) +Subclass: (\S+) *\n"
    r" +Timestamp: (\d+)ms  SCall: (\d+)  DCall: (\d+) (\S+):(\d+)"
)
TYPES = {name: kind for kind, name in trace._TYPES.items()}
COMMANDS = {trace._COMMANDS.get(c, c.name): c for c in Command}
CONTROLS = {name: number for number, name in trace._CONTROLS.items()} | {"(255?)": 255}
NAMES = {trace._name(number): number for number in Element}


def size_of(text: str) -> bytes:
    return b"" if text == "Present" else bytes(int(text.split()[0]))


SPECIAL: dict[int, Callable[[str], bytes]] = {
    Element.CHALLENGE: lambda text: bytes.fromhex(text.replace("\\x", "")),
    Element.CALLTOKEN: size_of,
    Element.FORMAT2: lambda text: bytes(1) + BY_NAME[text].bit.to_bytes(8, "big"),
    Element.CAPABILITY2: lambda text: bytes(8) + b"\x0e",
    Element.APPARENT_ADDR: lambda text: pack_apparent((text.split()[1].split(":")[0], int(text.rpartition(":")[2]))),
    Element.CODEC_PREFS: lambda text: encode_prefs(BY_NAME[n] for n in text.strip("()").split("|")).encode(),
    Element.DATETIME: lambda text: pack_datetime(*map(int, re.findall(r"\d+", text))).to_bytes(4, "big"),  # type: ignore[arg-type]
}


def element(name: str, text: str) -> tuple[int, bytes]:
    number = NAMES[name]
    if number in SPECIAL:
        return number, SPECIAL[number](text)
    if KINDS[number] is Kind.TEXT:
        return number, text.encode()
    size = {Kind.U8: 1, Kind.U16: 2, Kind.U32: 4}[KINDS[number]]
    return number, int(text).to_bytes(size, "big")


def blocks() -> list[str]:
    path = shared_dir("reference", "cli", "iax2-debug-log.txt")
    lines = [re.sub(r"^\[.*?chan_iax2\.c: ?", "", line) for line in path.read_text().splitlines()]
    # what the console says between frames is no frame
    lines = [line for line in lines if line.startswith((" ", "Rx", "Tx"))]
    return [b for b in re.split(r"(?m)^(?=[RT]x-Frame)", "\n".join(lines)) if HEAD.match(b)]


def test_every_frame_of_the_log() -> None:
    found = blocks()
    assert len(found) > 40
    for block in found:
        head = HEAD.match(block)
        assert head is not None
        kind = TYPES[head[5]]
        code = COMMANDS[head[6]] if kind is FrameType.IAX else CONTROLS[head[6]]
        pairs = re.findall(r"(?m)^   (.{15}) : (.*)$", block[head.end() :])
        frame = FullFrame(
            int(head[8]), int(head[9]), int(head[7]), int(head[3]), int(head[4]), kind, code,
            Elements([element(name.strip(), text) for name, text in pairs]).encode(),
        )  # fmt: skip
        ours = trace.dump(head[1], frame, (head[10], int(head[11])), head[2])
        # digests are the one thing that is not printed
        theirs = re.sub(r"(?m)^(   MD5 RESULT +: ).*$", r"\1(hidden)", block)
        assert [x.rstrip() for x in ours.rstrip().splitlines()] == [x.rstrip() for x in theirs.rstrip().splitlines()]


def test_no_secret_is_printed() -> None:
    secrets = Elements().add_text(Element.PASSWORD, "sesame").add_text(Element.RSA_RESULT, "sesame")
    secrets.add_text(Element.MD5_RESULT, "sesame").add(Element.CHALLENGE, b"sesamesesamesesa")
    frame = FullFrame(1, 2, 3, 0, 0, FrameType.IAX, Command.RTKEY, secrets.encode())
    assert "sesame" not in trace.dump("Tx", frame, ("127.0.0.1", 4569), "000")
    assert "\\x73" not in trace.dump("Tx", frame, ("127.0.0.1", 4569), "000")


def test_what_cannot_be_read_is_shown_as_far_as_it_can() -> None:
    frame = FullFrame(1, 2, 3, 0, 0, FrameType.IAX, 0x7E, b"\xf0\x02ab")
    assert "Unknown IE 240" in trace.dump("Rx", frame, ("::1", 4569), " No")
    assert "[::1]:4569" in trace.dump("Rx", frame, ("::1", 4569), " No")
    frame.data = b"\x06\x20ab"
    assert "longer than the frame" in trace.dump("Rx", frame, ("::1", 4569), " No")
    for kind in range(40):
        assert trace.dump("Rx", replace(frame, type=kind), ("::1", 4569), " No")
