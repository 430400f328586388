"""Texts as bytes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pbx.dialplan.octets import cut, from_bytes, length, narrowed, to_bytes, widened

TEXTS = st.binary(max_size=30).map(from_bytes)


@given(st.binary(max_size=30))
def test_bytes_come_back(data: bytes) -> None:
    assert to_bytes(from_bytes(data)) == data


@given(TEXTS, st.integers(0, 40))
def test_counted_and_cut_by_bytes(text: str, limit: int) -> None:
    assert length(text) == len(to_bytes(text))
    assert to_bytes(cut(text, limit)) == to_bytes(text)[:limit]
    assert [ord(c) for c in widened(text)] == list(to_bytes(text))
    assert narrowed(widened(text)) == text


def test_half_a_pair_is_no_error() -> None:
    assert to_bytes("a\ud800") == b"a?"
