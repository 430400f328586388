"""Trunk frames that come: answered in kind where the user's section says so; clear ones of encrypted calls."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from pbx.channels.channel import Channel
from pbx.channels.iax2.leg import Iax2Leg
from pbx.channels.interrupts import Hangup
from pbx.channels.log import Level, Record, set_sink
from pbx.codecs.formats import ULAW
from tests.channels.iax2.boxes import Box, Boxes, Owner
from tests.channels.iax2.test_driver import tone
from tests.channels.iax2.test_driver_bridge import Chain, say

HOSTS = {"a": "127.0.24.21", "m": "127.0.24.22", "c": "127.0.24.23"}
PORT = 14570
CALLER = (
    f"[general]\nbindport={PORT}\nbindaddr=127.0.24.31\n[m]\ntype=peer\nhost=127.0.24.32\nport={PORT}\nusername=a\n"
)
CALLEE = f"[general]\nbindport={PORT}\nbindaddr=127.0.24.32\n[a]\ntype=user\ncontext=in\n"


def _entry(call: int, stamp: int, payload: bytes) -> bytes:
    return struct.pack(">HHH", len(payload), call, stamp & 0xFFFF) + payload


def _trunk_frame(*entries: bytes, time: int = 20) -> bytes:
    return struct.pack(">HBBI", 0, 1, 1, time) + b"".join(entries)


async def _answer(channel: Channel) -> None:
    channel.answer()
    channel.switch.graph.loop(channel)
    try:
        await channel.sleep(30)
    except Hangup:
        channel.acknowledge()
    channel.hangup()


@pytest.mark.parametrize("here", ["yes", "no"])
@pytest.mark.parametrize("there", ["yes", "no"])
def test_who_trunks_is_trunked_back_by_the_users_section(tmp_path: Path, there: str, here: str) -> None:
    """Stock Asterisk asks the peer at the caller's address only; here is none."""
    (tmp_path / "said.ulaw").write_bytes(tone(0.5, 1))
    with Boxes() as boxes:
        one = boxes.box(CALLER + f"trunk={there}\n")
        two: Box = boxes.box(CALLEE + f"trunk={here}\n")
        two.scripts["201@in"] = _answer
        channel = one.switch.request("IAX2/m/201", (ULAW,), None)
        channel.claim(Owner())
        one.switch.call(channel)
        boxes.run(lambda: bool(two.channels()) and channel.leg is not None and bool(channel.leg.row), 10)
        ends = say(one, channel, tmp_path / "said.ulaw")
        boxes.run(lambda: ends)
        leg = two.channels()[0].leg
        assert isinstance(leg, Iax2Leg)
        assert leg.call.trunk is (there == here == "yes")
        # and it is so on the wire: what comes back is one call's voice in trunk frames
        row = leg.call.row
        assert bool(two.port.plane.trunks._of[row]) is (there == here == "yes")
        channel.hangup()
        boxes.turn(0.2)


@pytest.mark.parametrize("taken", [True, False])
def test_clear_voice_of_an_encrypted_call(taken: bool) -> None:
    """Taken (a stock peer can't do otherwise) or refused; said once, and secure_media tells."""
    records: list[Record] = []
    former = set_sink(records.append)
    try:
        with Boxes() as boxes:
            chain = Chain(boxes, hosts=HOSTS, more=f"encryption=yes\ncleartrunk={'yes' if taken else 'no'}")
            channel, _, _ = chain.call()
            theirs = channel.leg
            ours = next(one.leg for one in chain.m.channels() if one.name.startswith("IAX2/a"))
            assert isinstance(theirs, Iax2Leg)
            assert isinstance(ours, Iax2Leg)
            assert ours.detail("secure_media") == "1"
            row = ours.call.row
            chain.a.driver.legs._port.set_formats(theirs.call.row, 4, 4)
            chain.m.port.set_formats(row, 4, 4)
            chain.m.port.flush()
            frame = _trunk_frame(_entry(theirs.call.own_number, 900, bytes(160)))
            for _ in range(3):
                chain.a.driver.sockets[0].socket.sendto(frame, (HOSTS["m"], PORT))
                boxes.turn(0.05)
            counters = chain.m.port.plane.counters
            assert chain.m.port.counters.legs(row).received == (3 if taken else 0)
            assert (counters.clear_refused, counters.unknown_minis) == (0 if taken else 3, 0)
            assert ours.detail("secure_media") == ""
            assert ours.detail("secure_signaling") == "1"
            said = [r.text for r in records if r.level is Level.WARNING and "comes in the clear" in r.text]
            assert len(said) == 1
            assert ("taken" if taken else "refused") in said[0]
            channel.hangup()
            chain.settled()
    finally:
        set_sink(former)
