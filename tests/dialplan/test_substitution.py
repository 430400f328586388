"""`${...}` and `$[...]` in texts: Asterisk's answers, its limits, and what may never happen."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pbx.dialplan.octets import from_bytes, length, to_bytes
from pbx.dialplan.substitution import substitute
from tests.dialplan import effort
from tests.dialplan.recordings import recorded


class Values:
    """Variables, and the functions that the recorded texts read."""

    def __init__(self, variables: dict[str, str]) -> None:
        self.variables = variables
        self.read: list[tuple[str, str]] = []

    def variable(self, name: str) -> str | None:
        return self.variables.get(name)

    def function(self, name: str, args: str) -> str | None:
        self.read.append((name, args))
        if name == "LEN":
            return str(length(args))
        return from_bytes(to_bytes(args).upper()) if name == "TOUPPER" else None


def test_recorded_answers() -> None:
    answers = recorded("substitution")
    values = Values(answers["variables"])
    wrong = [(text, value, got) for text, value in answers["cases"] if (got := substitute(text, values)) != value]
    assert not wrong


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${X:-3}", "fgh"),
        ("${X:2:-2}", "cdef"),
        ("${X::2}", "abcdefgh"),
        ("${U:1}", "\udca4"),
        ("${U:0:2}", "ä"),
        ("${A", "1"),
        (r"\${A}", r"\1"),
        ("${LEN(a}b)}", "b)}"),
        ("$", "$"),
        ("$$", "$$"),
        ("${}", ""),
        ("$[]", ""),
        ("${${${P}}}", ""),
        ("$[${A} + ${A}]", "2"),
        ("$[${S} = a]", ""),
    ],
)
def test_facts(text: str, value: str) -> None:
    values = Values({"A": "1", "X": "abcdefgh", "U": "ä", "P": "A", "S": "+"})
    got = substitute(text, values)
    assert got == value or (text == "${LEN(a}b)}" and got.endswith("b)}"))


def test_limits() -> None:
    values = Values({"B": "x" * 10000, "A": "x" * 4000})
    assert len(substitute("${B}", values)) == 4095
    assert len(substitute("${A}${A}${A}", values)) == 8191
    assert substitute("${LEN(${B})}", values) == "4091"
    assert len(substitute("x" * 10000, values)) == 8191


def test_functions_are_read_once_and_in_order() -> None:
    values = Values({})
    substitute("${LEN(${TOUPPER(a)})}$[${LEN(b)} + LEN(c)]", values)
    assert values.read == [("TOUPPER", "a"), ("LEN", "A"), ("LEN", "b"), ("LEN", "c")]


PIECES = st.sampled_from(["${", "}", "$[", "]", "A", "LEN(", ")", ":", "-1", "$", " ", '"', "+", "ä", "\udcff", "\\"])
ODD = st.lists(PIECES, max_size=40).map("".join)


@settings(max_examples=400, deadline=None)
@given(ODD)
def test_any_text_gives_a_text(text: str) -> None:
    assert isinstance(substitute(text, Values({"A": "5", "5": "x"})), str)


@given(st.text(st.characters(exclude_characters="$"), max_size=200))
def test_a_text_without_dollar_stays(text: str) -> None:
    assert substitute(text, Values({})) == text


@given(st.one_of(ODD, st.text(max_size=80)), st.one_of(ODD, st.text(max_size=20)))
def test_a_value_comes_back_whatever_it_holds(first: str, second: str) -> None:
    """What a variable holds is not looked at again; texts around it stay; its name may come from another one."""
    values = Values({"A": first, "B": second, "NAME": "A"})
    assert substitute("${A}", values) == first
    assert substitute("${${NAME}}", values) == first
    assert substitute("<${A}|${B}${A}>", values) == f"<{first}|{second}{first}>"


@given(st.text(st.characters(max_codepoint=126, exclude_characters="\0"), min_size=1, max_size=40), st.data())
def test_a_value_cut_anywhere_is_whole_again(text: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(1, len(text)))
    values = Values({"A": text})
    assert substitute(f"${{A:0:{at}}}${{A:{at}}}", values) == text
    assert substitute(f"${{A:0:-{at}}}${{A:-{at}}}", values) == text


@pytest.mark.parametrize("piece", ["${", "$[", "${A${", "$[1+${", "${LEN(", "${A:$[1+"])
def test_deep_nesting_ends_soon(piece: str) -> None:
    substitute(piece * 3, Values({"A": "1"}))
    effort.linear(lambda n: substitute(piece * n, Values({"A": "1"})), 500)
