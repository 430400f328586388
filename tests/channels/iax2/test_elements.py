"""Information elements: every kind, wrong sizes, repetitions, and garbage."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx.channels.iax2 import elements
from pbx.channels.iax2.elements import Element, Elements, Kind
from pbx.channels.iax2.frames import FrameError


@given(st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=255)), max_size=8))
def test_round_trip_keeps_order_and_the_unknown(items: list[tuple[int, bytes]]) -> None:
    data = Elements(items).encode()
    assert Elements.parse(data).items == items


@given(st.binary(max_size=120))
def test_garbage_is_elements_or_a_typed_error(data: bytes) -> None:
    try:
        found = Elements.parse(data)
    except FrameError as error:
        assert error.reason
        return
    assert found.encode() == data
    for number in Element:
        found.text(number), found.uint(number), found.raw(number)
    found.address()
    found.variables()
    found.formats(Element.FORMAT2, Element.FORMAT)


@given(
    st.sampled_from([n for n, k in elements.KINDS.items() if k in (Kind.U8, Kind.U16, Kind.U32)]), st.integers(0, 255)
)
def test_numbers_have_their_own_size(number: int, value: int) -> None:
    written = Elements().add_uint(number, value)
    assert Elements.parse(written.encode()).uint(number) == value
    assert Elements([(number, b"\0" * 9)]).uint(number) is None


def test_of_a_repeated_element_the_last_counts() -> None:
    assert Elements([(1, b"4040"), (1, b"622")]).text(Element.CALLED_NUMBER) == "622"


def test_text_ends_at_a_nul() -> None:
    assert Elements([(6, b"open1\0xx")]).text(Element.USERNAME) == "open1"


def test_the_wide_format_wins_wherever_it_stands() -> None:
    wide = bytes(8) + b"\2"
    assert Elements([(56, wide), (9, b"\0\0\0\4")]).formats(Element.FORMAT2, Element.FORMAT) == 2
    assert Elements([(9, b"\0\0\0\4"), (56, b"\1" + wide[1:])]).formats(Element.FORMAT2, Element.FORMAT) == 4


@pytest.mark.parametrize("address", [("127.0.0.1", 4569), ("::1", 4570), ("2001:db8::7", 1)])
def test_apparent_address(address: tuple[str, int]) -> None:
    packed = Elements().add_address(address)
    assert len(packed.items[0][1]) == (28 if ":" in address[0] else 16)
    assert packed.address() == address


@given(st.text(alphabet=st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), max_size=700))
def test_long_variables_are_joined_again(value: str) -> None:
    # a part may end within a UTF-8 sequence, so the bytes are what has to be whole
    sent = Elements().add_variables({"x": value})
    assert all(len(v) <= 255 for _, v in sent)
    joined = b"".join(v.partition(b"=")[2] for v in sent.all(Element.VARIABLE))
    assert joined == value.encode()


def test_datetime_is_two_seconds_fine() -> None:
    assert elements.unpack_datetime(elements.pack_datetime(2026, 11, 22, 3, 4, 59)) == (2026, 11, 22, 3, 4, 58)
