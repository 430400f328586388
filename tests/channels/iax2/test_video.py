"""Video crosses a PBX unread: full VIDEO frames and META frames, from one leg of a bridge to the other."""

from __future__ import annotations

from pathlib import Path

import pytest

from pbx.channels.iax2.call import Call
from pbx.channels.iax2.call_model import Outgoing
from pbx.channels.iax2.events import CallOpaque
from pbx.channels.iax2.frames import FrameType, FullFrame, VideoFrame, parse
from tests.channels.iax2.boxes import Boxes
from tests.channels.iax2.test_driver_bridge import Chain
from tests.simulation.network import Box, Network

A, B = ("127.0.25.41", 4569), ("127.0.25.42", 4569)
H263, H264 = 0x93, 0x95
MARK = 0x40
HOSTS = {"a": "127.0.25.61", "m": "127.0.25.62", "c": "127.0.25.63"}


class World:
    """A call between two boxes; each keeps the video that it is told of."""

    def __init__(self, secure: str = "") -> None:
        self.net = Network(5)
        self.net.log = []
        conf = f"[general]\nallow=all\n[far]\ntype=friend\nhost={{}}\nsecret=x\nusername=far\n{secure}\n"
        self.a = Box(self.net, A, conf.format(B[0]))
        self.b = Box(self.net, B, conf.format(A[0]))
        self.there = self.a.endpoint.place_call(Outgoing(peer="far", exten="600"), self.net.now)
        self.a.pump()
        self.net.run(1)
        (self.here,) = self.b.incoming
        self.net.log.clear()

    def seen(self, box: Box) -> list[tuple[int, bytes]]:
        return [(e.subclass, e.data) for e in box.of(CallOpaque) if e.frame_type == FrameType.VIDEO]

    def show(self, call: Call, code: int, data: bytes, after: float = 0.0) -> None:
        call.opaque(FrameType.VIDEO, code, data, self.net.now)
        self.a.pump()
        self.net.run(after)

    def wire(self) -> list[object]:
        """What video left A."""
        assert self.net.log is not None
        found = [parse(data) for _, origin, _, data in self.net.log if origin == A]
        return [
            f for f in found if isinstance(f, VideoFrame) or (isinstance(f, FullFrame) and f.type == FrameType.VIDEO)
        ]


def test_the_first_is_full_the_rest_are_meta_and_a_picture_has_one_time() -> None:
    w = World()
    parts = [(H263, b"one"), (H263 | MARK, b"two"), (H263, b"three"), (H263 | MARK, b"four")]
    for code, data in parts:
        w.show(w.there, code, data, 0.011)
    w.net.run(1)
    assert w.seen(w.b) == parts
    wire = w.wire()
    assert [type(f) for f in wire] == [FullFrame, VideoFrame, VideoFrame, VideoFrame]
    assert [f.mark for f in wire if isinstance(f, VideoFrame)] == [True, False, True]
    stamps = [f.timestamp & 0x7FFF for f in wire if isinstance(f, FullFrame | VideoFrame)]
    assert stamps[0] == stamps[1] < stamps[2] == stamps[3]


def test_another_format_and_the_end_of_15_bits_need_a_full_frame() -> None:
    w = World()
    w.show(w.there, H263 | MARK, b"a", 1)
    w.show(w.there, H264 | MARK, b"b", 1)
    w.show(w.there, H264 | MARK, b"c", 40)
    w.show(w.there, H264 | MARK, b"d", 1)
    assert [type(f) for f in w.wire()] == [FullFrame, FullFrame, VideoFrame, FullFrame]
    assert [data for _, data in w.seen(w.b)] == [b"a", b"b", b"c", b"d"]


def test_meta_before_any_full_frame_is_asked_for() -> None:
    w = World()
    w.net.carry(A, B, VideoFrame(w.there.own_number, 5, b"x").encode())
    w.net.run(0.5)
    assert w.seen(w.b) == []
    assert w.net.log is not None
    answers = [parse(data) for _, origin, _, data in w.net.log if origin == B]
    assert [f.name for f in answers if isinstance(f, FullFrame)] == ["VNAK"]
    w.net.carry(A, B, VideoFrame(1234, 5, b"x").encode())
    w.net.run(0.5)
    assert w.b.endpoint.stats["dropped.voice of no call"] == 1


def test_no_video_of_an_encrypted_call_goes_in_the_clear() -> None:
    w = World("encryption=yes\nauth=md5")
    assert w.here.encrypted
    for data in (b"secret one", b"secret two"):
        w.show(w.there, H263 | MARK, data, 0.1)
    assert w.seen(w.b) == [(H263 | MARK, b"secret one"), (H263 | MARK, b"secret two")]
    assert w.net.log is not None
    assert not [data for *_, data in w.net.log if b"secret" in data]
    w.net.carry(A, B, VideoFrame(w.there.own_number, 5, b"forged").encode())
    w.net.run(0.5)
    assert len(w.seen(w.b)) == 2
    assert w.b.endpoint.stats["dropped.video in the clear"] == 1


@pytest.mark.parametrize("kind", [FrameType.IMAGE, FrameType.HTML])
def test_images_and_html_cross_a_bridge_too(tmp_path: Path, kind: FrameType) -> None:
    with Boxes() as boxes:
        chain = Chain(boxes, hosts=HOSTS)
        channel, _, _ = chain.call()
        assert channel.leg is not None
        channel.leg.send_opaque(int(kind), 1, b"picture or page\0")
        boxes.run(lambda: [e for e in chain.log if getattr(e, "data", b"") == b"picture or page\0"])
        channel.hangup()
        chain.settled()


def test_video_crosses_a_bridge(tmp_path: Path) -> None:
    with Boxes() as boxes:
        chain = Chain(boxes, hosts=HOSTS)
        channel, _, _ = chain.call()
        assert channel.leg is not None
        for n in range(20):
            channel.leg.send_opaque(int(FrameType.VIDEO), H263 | (MARK if n % 2 else 0), b"%d" % n)
            boxes.turn(0.005)
        pictures = [f"{n}".encode() for n in range(20)]

        def told() -> list[bytes]:
            return [e.data for e in chain.log if getattr(e, "frame_type", 0) == FrameType.VIDEO]

        boxes.run(lambda: len(told()) == 20)
        assert told() == pictures
        channel.hangup()
        chain.settled()
