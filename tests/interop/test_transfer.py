"""Native transfer with stock ends and pbx in the middle, and with pbx as an end: the call, its voice, nothing."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.interop.boxes import HERE, NET, Box, make_box, running
from tests.interop.calls import give_sounds, nothing_left
from tests.interop.capture import Capture, capture
from tests.interop.conftest import need

ONE, MIDDLE, TWO = (f"{NET}.25.{n}" for n in (1, 2, 3))
ENDS = [
    ("asterisk22", "asterisk22"),
    ("asterisk16", "asterisk22"),
    ("pbx", "asterisk22"),
    ("asterisk22", "pbx"),
    ("asterisk16", "pbx"),
]
#: types of full frames
DTMF_END, TEXT, IAX = 1, 7, 6
TXREQ, TXREL, TXMEDIA = 22, 26, 38


def boxes_of(kinds: tuple[str, str], transfer: str, encryption: str = "no") -> tuple[Box, Box, Box]:
    etc = HERE / "etc" / "transfer"
    more = {"TRANSFER": transfer, "ENCRYPTION": encryption}
    one, two = (
        make_box(kind, name, etc / "end", bind, PEER=MIDDLE, **more)
        for kind, name, bind in zip(kinds, ("one", "two"), (ONE, TWO), strict=True)
    )
    give_sounds(one, two)
    return one, make_box("pbx", "middle", etc / "middle", MIDDLE, ONE=ONE, TWO=TWO, **more), two


def frames(recorded: Capture, source: str, target: str) -> list[tuple[int, int]]:
    """(type, subclass) of full frames in the clear."""
    found = []
    for packet in recorded.packets():
        if (packet.source[0], packet.destination[0]) == (source, target):
            data = packet.data
            if len(data) >= 12 and data[0] & 0x80:
                found.append((data[10], data[11]))
    return found


def voice(recorded: Capture, source: str, target: str) -> int:
    """Frames of voice that went this way."""
    return sum(len(stream.payloads) for stream in recorded.streams().get((source, target), []))


@pytest.mark.parametrize(
    ("kinds", "transfer"),
    [*((kinds, "yes") for kinds in ENDS), *((kinds, "mediaonly") for kinds in ENDS[1:4])],
    ids=str,
)
def test_the_middle_leaves(kinds: tuple[str, str], transfer: str, wire: Path) -> None:
    need(*kinds)
    one, middle, two = boxes_of(kinds, transfer)
    with running(one, middle, two):
        with capture(wire, ONE, MIDDLE, TWO) as recorded:
            one.rx("channel originate Local/9echo@default extension loud@default")
            # through the middle while it is not ready, then directly
            left = r"(?m)^0 active channels" if transfer == "yes" else r"(?m)^2 active channels"
            two.wait_rx("core show channels", r"(?m)^1 active channel")
            time.sleep(2)
            middle.wait_rx("core show channels", left, 10)
            if transfer == "yes":
                assert TWO in one.wait_rx("iax2 show channels", TWO)
                assert ONE in two.wait_rx("iax2 show channels", ONE)
            one.wait_idle(30)
        assert (IAX, TXREQ) in frames(recorded, MIDDLE, ONE) and (IAX, TXREQ) in frames(recorded, MIDDLE, TWO)
        said = (IAX, TXREL if transfer == "yes" else TXMEDIA)
        for end in (ONE, TWO):
            assert said in frames(recorded, MIDDLE, end)
        assert voice(recorded, ONE, TWO) > 100 and voice(recorded, TWO, ONE) > 100
        # what is no voice: with the call where that went, else still through the middle
        way = (ONE, TWO) if transfer == "yes" else (ONE, MIDDLE)
        assert (DTMF_END, ord("7")) in frames(recorded, *way)
        assert (TEXT, 0) in frames(recorded, *way)
        nothing_left(one, middle, two)


@pytest.mark.parametrize(("transfer", "encryption"), [("no", "no"), ("yes", "yes")])
def test_the_middle_stays(transfer: str, encryption: str, wire: Path) -> None:
    need("asterisk22", "asterisk16")
    one, middle, two = boxes_of(("asterisk22", "asterisk16"), transfer, encryption)
    with running(one, middle, two):
        with capture(wire, ONE, MIDDLE, TWO) as recorded:
            one.rx("channel originate Local/9echo@default extension loud@default")
            two.wait_rx("core show channels", r"(?m)^1 active channel")
            one.wait_idle(40)
        ways = {(packet.source[0], packet.destination[0]) for packet in recorded.packets()}
        assert (ONE, TWO) not in ways and (TWO, ONE) not in ways
        assert (MIDDLE, TWO) in ways
        nothing_left(one, middle, two)
