"""Enciphered frames: round trips, and the calls that stock Asterisk enciphered."""

from __future__ import annotations

import os
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx.channels.iax2.crypto import Decryptor, Encryptor, call_key
from tests.interop.capture import read_pcap
from tests.shared import shared_dir


@given(key=st.binary(min_size=16, max_size=16), bodies=st.lists(st.binary(max_size=400), min_size=1, max_size=6),
       full=st.booleans())  # fmt: skip
def test_what_is_enciphered_is_deciphered(key: bytes, bodies: list[bytes], full: bool) -> None:
    sender, receiver = Encryptor(key, os.urandom), Decryptor(key)
    head = b"\x80\x01\x00\x02\x00\x00\x00\x00\x00\x00\x06\x04" if full else b"\x00\x07\x12\x34"
    enciphered = [sender.frame(head + body) for body in bodies]
    for out, body in zip(enciphered, bodies, strict=True):
        clear = 4 if full else 2
        assert out[:clear] == head[:clear]
        assert (len(out) - clear) % 16 == 0
        assert receiver.frame(out) == head + body


@given(st.binary(min_size=2, max_size=80))
def test_garbage_is_no_frame_or_some_bytes(data: bytes) -> None:
    plain = Decryptor(bytes(16)).frame(data)
    assert plain is None or plain[:2] == data[:2]


@pytest.mark.parametrize("name", ["encrypted-md5-norotate", "encrypted-gsm"])
def test_a_stock_call_is_read(name: str) -> None:
    """The first frame after AUTHREQ is AUTHREP, enciphered with the key it proves."""
    found = 0
    challenges: dict[int, str] = {}
    for packet in read_pcap(shared_dir("captures", f"{name}.pcap")):
        data = packet.data
        if len(data) < 12 or not data[0] & 0x80:
            continue
        source, destination = (x & 0x7FFF for x in struct.unpack_from("!HH", data))
        if data[10:12] == b"\x06\x08":
            at = 12
            while at + 2 <= len(data):
                if data[at] == 15:
                    challenges[destination] = data[at + 2 : at + 2 + data[at + 1]].decode()
                at += 2 + data[at + 1]
        elif source in challenges:
            key = call_key(challenges[source], "alicesecret")
            plain = Decryptor(key).frame(data)
            assert plain is not None and plain[10:11] in (b"\x06", b"\x04", b"\x02"), plain
            if plain[10:12] == b"\x06\x09":
                assert key.hex().encode() in plain
                found += 1
                del challenges[source]
    assert found
