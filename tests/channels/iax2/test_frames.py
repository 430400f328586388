"""Frames: the shared captures, round trips, and garbage."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx.channels.iax2 import frames
from pbx.channels.iax2.elements import Element, Elements
from pbx.channels.iax2.frames import FrameError, FrameType, FullFrame, MiniFrame, TrunkEntry, TrunkFrame, VideoFrame
from tests.channels.iax2 import pcap
from tests.shared import shared_dir


@pytest.fixture(scope="module")
def packets() -> list[tuple[str, pcap.Packet]]:
    folder = shared_dir("captures")
    return [(p.name, packet) for p in sorted(folder.glob("*.pcap")) for packet in pcap.read(p)]


def test_every_captured_frame_reencodes_to_the_same_bytes(packets: list[tuple[str, pcap.Packet]]) -> None:
    refused = []
    for name, packet in packets:
        try:
            frame = frames.parse(packet.data)
        except FrameError:
            refused.append(name)
            continue
        assert frame.encode() == packet.data, name
    assert len(packets) - len(refused) > 10_000
    # a port scanner's probes for other protocols are no frames
    assert set(refused) <= {"nmap-version.pcap"}


def test_every_captured_clear_element_list_reencodes_to_the_same_bytes(packets: list[tuple[str, pcap.Packet]]) -> None:
    lists = 0
    for name, packet in packets:
        if name.startswith(("encrypted", "nmap")):
            continue
        frame = frames.parse(packet.data)
        if isinstance(frame, FullFrame) and frame.type == FrameType.IAX:
            lists += 1
            assert Elements.parse(frame.data).encode() == frame.data, name
    assert lists > 1_000


@pytest.mark.parametrize("name", ["call-md5", "trunk-ts-1", "dtmf", "video", "register-md5"])
def test_what_is_read_agrees_with_the_independent_decoder(name: str) -> None:
    folder = shared_dir("captures")
    path = folder / f"{name}.pcap"
    out = subprocess.run(
        [sys.executable, str(folder / "decode.py"), str(path), "--json"], capture_output=True, text=True, check=True
    ).stdout
    told = [json.loads(line) for line in out.splitlines()]
    ours = [frames.parse(p.data) for p in pcap.read(path)]
    assert told
    assert len(told) == len(ours)
    for theirs, mine in zip(told, ours, strict=True):
        if isinstance(mine, FullFrame):
            keys = ("scall", "dcall", "ts", "oseq", "iseq", "retransmission")
            seen = (mine.source, mine.destination, mine.timestamp, mine.oseqno, mine.iseqno, int(mine.retry))
            assert tuple(theirs[k] for k in keys) == seen
        if isinstance(mine, FullFrame) and mine.type == FrameType.IAX:
            assert theirs["sub"] == mine.name
            assert [n for n, _ in theirs["ies"]] == [Element(n).name for n, _ in Elements.parse(mine.data)]


@pytest.mark.parametrize(
    ("byte", "value"), [(0x04, 4), (0x82, 4), (0x8C, 1 << 12), (0xA1, 1 << 33), (0xFF, 255), (0x7F, 127)]
)
def test_subclass_spellings(byte: int, value: int) -> None:
    assert frames.expand_subclass(byte) == value


@given(st.integers(0, 62).map(lambda n: 1 << n))
def test_formats_survive_compression(bit: int) -> None:
    assert frames.expand_subclass(frames.compress_subclass(bit)) == bit


u15, u16, u32, u8 = st.integers(1, 0x7FFF), st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF), st.integers(0, 255)
full = st.builds(
    FullFrame,
    st.integers(0, 0x7FFF),
    st.integers(0, 0x7FFF),
    u32,
    u8,
    u8,
    u8,
    u8,
    st.binary(max_size=40),
    st.booleans(),
)
mini = st.builds(MiniFrame, u15, u16, st.binary(max_size=40))
video = st.builds(VideoFrame, u15, st.integers(0, 0x7FFF), st.binary(max_size=40), st.booleans())
stamped = st.builds(
    TrunkFrame, u32, st.lists(st.builds(TrunkEntry, u16, st.binary(max_size=40), u16), max_size=5), st.just(1)
)
plain = st.builds(TrunkFrame, u32, st.lists(st.builds(TrunkEntry, u16, st.binary(max_size=40)), max_size=5), st.just(0))


@given(st.one_of(full, mini, video, stamped, plain))
def test_round_trip(frame: frames.Frame) -> None:
    assert frames.parse(frame.encode()) == frame


@given(st.binary(max_size=80))
def test_garbage_is_a_frame_or_a_typed_error(data: bytes) -> None:
    try:
        frame = frames.parse(data)
    except FrameError as error:
        assert error.reason
        return
    assert frame.encode() == data
    if isinstance(frame, FullFrame):
        assert frame.name


@pytest.mark.parametrize("length", range(12))
def test_a_cut_full_frame_has_a_reason(length: int) -> None:
    with pytest.raises(FrameError):
        frames.parse(bytes.fromhex("8005000000000000000006 1e".replace(" ", ""))[:length])
