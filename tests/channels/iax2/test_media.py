"""Media headers of IAX2 over batches, against a literal reading of each frame."""

from __future__ import annotations

import struct

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pbx.channels.iax2.media import MediaHeaders, format_of
from pbx.channels.voice.headers import Kind

HEADERS = MediaHeaders()


def _classify(*datagrams: bytes) -> list[tuple[int, int, int]]:
    word = np.array([int.from_bytes(d[:4].ljust(4, b"\0"), "big") for d in datagrams], ">u4")
    size = np.array([len(d) for d in datagrams], np.int64)
    return [tuple(int(v) for v in row) for row in zip(*HEADERS.classify(word, size), strict=True)]  # type: ignore[misc]


def test_kinds() -> None:
    full = bytes.fromhex("8001000000000005000006 1e".replace(" ", ""))
    found = _classify(
        full,
        full[:11],
        bytes.fromhex("0123abcd") + b"x" * 160,
        bytes.fromhex("0123abcd"),
        bytes.fromhex("0000010100000000"),
        bytes.fromhex("00000100000000"),
        bytes.fromhex("00008123ffff0000"),
        bytes.fromhex("00008123ff"),
        b"",
        b"GET / HTTP/1.0",
    )
    assert [k for k, _, _ in found] == [
        Kind.FULL,
        Kind.BAD,
        Kind.MINI,
        Kind.BAD,
        Kind.TRUNK,
        Kind.BAD,
        Kind.FULL,
        Kind.BAD,
        Kind.BAD,
        Kind.MINI,
    ]
    assert found[0][1] == 1
    assert found[2][1:] == (0x123, 0xABCD)


def _literal(frame: bytes) -> tuple[list[tuple[int, int, bytes]], bool]:
    """Entries of a trunk frame and whether it lied, one after the other (RFC 5456 8.1.3, and the stamped layout)."""
    entries = []
    stamped = frame[3] & 1
    at = 8
    while at < len(frame):
        head = frame[at : at + (6 if stamped else 4)]
        if len(head) < (6 if stamped else 4):
            return entries, True
        size, call, stamp = struct.unpack(">HHH", head) if stamped else (*struct.unpack(">HH", head)[::-1], -1)
        at += len(head)
        if at + size > len(frame):
            return entries, True
        if size:
            entries.append((call & 0x7FFF, stamp, frame[at : at + size]))
        at += size
    return entries, False


def _frame(stamped: bool, entries: list[tuple[int, int, bytes]], time: int = 0, tail: bytes = b"") -> bytes:
    out = bytes((0, 0, 1, int(stamped))) + struct.pack(">I", time)
    for call, stamp, data in entries:
        out += struct.pack(">HHH", len(data), call, stamp) if stamped else struct.pack(">HH", call, len(data))
        out += data
    return out + tail


_entry = st.tuples(
    st.integers(1, 0xFFFF), st.integers(0, 0xFFFF), st.sampled_from([b"g" * 33, b"u" * 160, b"", b"abc"])
)
_equal = st.lists(st.tuples(st.integers(1, 0x7FFF), st.integers(0, 0xFFFF), st.just(b"u" * 160)), max_size=7)
_trunk = st.one_of(
    st.builds(_frame, st.booleans(), st.one_of(_equal, st.lists(_entry, max_size=6)), st.integers(0, 2**32 - 1)),
    st.builds(_frame, st.booleans(), _equal, st.integers(0, 9), st.binary(max_size=12)),
    st.binary(max_size=60).map(lambda b: b"\0\0\1" + b.ljust(5, b"\1")),
)


@settings(deadline=None, max_examples=200)
@given(st.lists(_trunk, min_size=1, max_size=5))
def test_trunk_entries_are_what_a_literal_reading_gives(frames: list[bytes]) -> None:
    flat = np.frombuffer(b"".join(b"\xff" * 8 + f for f in frames) + b"\xff" * 16, np.uint8)
    offset, at = [], 0
    for frame in frames:
        offset.append(at + 8)
        at += 8 + len(frame)
    found = HEADERS.trunk_entries(flat, np.array(offset), np.array([len(f) for f in frames]))
    got = [
        (int(f), int(c), int(s), flat[o : o + n].tobytes())
        for f, c, s, o, n in zip(found.frame, found.call, found.stamp, found.offset, found.length, strict=True)
    ]
    want = [(i, *entry) for i, frame in enumerate(frames) for entry in _literal(frame)[0]]
    assert got == want
    assert found.bad == sum(_literal(frame)[1] for frame in frames)
    assert found.times.tolist() == [int.from_bytes(f[4:8], "big") for f in frames]


def test_trunk_rows_are_read_back() -> None:
    payload = np.arange(3 * 33, dtype=np.uint8).reshape(3, 33)
    for stamped in (True, False):
        rows = HEADERS.trunk_rows(np.array([5, 6, 7]), np.array([20, 40, 65535]), payload, stamped)
        frame = HEADERS.trunk_header(1234567, stamped) + rows.tobytes()
        entries, lied = _literal(frame)
        assert not lied
        assert entries == [
            (call, stamp if stamped else -1, payload[i].tobytes())
            for i, (call, stamp) in enumerate(((5, 20), (6, 40), (7, 65535)))
        ]
        assert int.from_bytes(frame[4:8], "big") == 1234567


def test_what_holds_voice_back() -> None:
    def full(kind: int, subclass: int, stamp: int) -> bytes:
        return struct.pack(">HHIBBBB", 0x8005, 6, stamp, 0, 0, kind, subclass)

    assert HEADERS.holds(full(2, 4, 100), 0, -1)
    assert HEADERS.holds(full(2, 8, 100), 4, 200)
    assert HEADERS.holds(full(2, 4, 300), 4, 200)
    assert not HEADERS.holds(full(2, 4, 200), 4, 200)
    assert not HEADERS.holds(full(2, 0x82, 100), 4, 200)
    assert HEADERS.holds(full(6, 26, 0), 4, 0)
    assert HEADERS.holds(full(6, 39, 0), 4, 0)
    assert not HEADERS.holds(full(6, 2, 0), 4, 0)
    # a new stamp just behind the 32-bit wrap
    assert HEADERS.holds(full(2, 4, 20), 4, 2**32 - 20)


def test_format_of_a_subclass() -> None:
    assert [format_of(s) for s in (4, 0x82, 0x8C, 0xA1)] == [4, 4, 1 << 12, 1 << 33]
