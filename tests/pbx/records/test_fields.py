"""Lists of fields of the custom backends."""

from __future__ import annotations

import pytest

from pbx.records.fields import Field, Layout, parse_fields

VALUES: dict[str, str | int | float] = {"clid": '"A" <1>', "duration": 3, "start": 1.5, "app": "a,b"}


def source(name: str, tags: frozenset[str], form: str) -> str | int | float | None:
    return VALUES.get(name)


def test_names_literals_and_qualifiers() -> None:
    text = 'Clid, "My: literal",start(int64^NoQuote) ,end(%FT%T%z^quote),mine(uservar)'
    assert parse_fields(text) == [
        Field("clid"),
        Field("", "My: literal"),
        Field("start", None, frozenset({"int64", "noquote"})),
        Field("end", None, frozenset({"quote"}), "%FT%T%z"),
        Field("mine", None, frozenset({"uservar"})),
    ]


@pytest.mark.parametrize("text", ["", "a(b", '"open', "a b)c", ",,"])
def test_what_is_no_list(text: str) -> None:
    assert parse_fields(text) is None


@pytest.mark.parametrize(
    ("layout", "expected"),
    [
        ({}, '"""A"" <1>","3","1.500000","a,b",""\n'),
        ({"quoting": "non_numeric"}, '"""A"" <1>",3,1.500000,"a,b",""\n'),
        ({"quoting": "none"}, '"A" <1>,3,1.500000,"a,b",\n'),
        ({"separator": "\t", "quoting": "none"}, '"A" <1>\t3\t1.500000\ta,b\t\n'),
        ({"escape": "\\"}, '"\\"A\\" <1>","3","1.500000","a,b",""\n'),
        ({"quote": "'", "escape": "'"}, "'\"A\" <1>','3','1.500000','a,b',''\n"),
        ({"json": True}, '{"clid":"\\"A\\" <1>","duration":3,"start":1.5,"app":"a,b","no":""}\n'),
    ],
)
def test_lines(layout: dict[str, object], expected: str) -> None:
    fields = parse_fields("clid,duration,start,app,no")
    assert fields is not None
    assert Layout(fields, **layout).line(source) == expected  # type: ignore[arg-type]
