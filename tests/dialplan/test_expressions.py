"""`$[...]`: Asterisk's answers, and what may never happen."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pbx.dialplan.expressions import Template, evaluate, is_true, syntax_error
from pbx.dialplan.octets import to_bytes
from tests.dialplan import effort
from tests.dialplan.recordings import recorded


class Functions:
    """The two functions that the recorded expressions read."""

    def function(self, name: str, args: str) -> str | None:
        if name == "LEN":
            return str(len(to_bytes(args)))
        return args.upper() if name == "TOUPPER" else None


def test_recorded_answers() -> None:
    wrong = [(e, value, got) for e, value in recorded("expressions") if (got := evaluate(e, Functions())) != value]
    assert not wrong


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1/3", "0.333333333333333333"),
        ("0*-5", "-0"),
        ("10000000000*10000000000", "1e+20"),
        ("0.00001*1", "1e-05"),
        ("a b", "a"),
        ("1 + ", "0"),
        ("+1", ""),
        ("1/0", "2147483647"),
        ('"日本" : "日"', "3"),
        ("POW(10,5000)", "inf"),
        ("SQRT(-1)", "-nan"),
    ],
)
def test_facts(text: str, value: str) -> None:
    assert evaluate(text) == value


@pytest.mark.parametrize(
    ("text", "truth"),
    [("", False), ("0", False), ("00", False), ("1", True), ("a", True), (" 0", False), ("-1", True), ("0x", False)],
)
def test_truth(text: str, truth: bool) -> None:
    assert is_true(text) is truth


def test_where_a_syntax_error_is() -> None:
    assert syntax_error("1 + 2") is None
    assert syntax_error("1 + * 2") == (4, "'* 2' is not expected here")
    assert syntax_error("(1") is not None


PIECES = st.sampled_from([*"01a.\"'$()?:|&=<>!+-*/%,~ \t[]{}\\`^#@;\udcff", "ä", "::", "=~", "LEN("])
ODD = st.lists(PIECES, max_size=60).map("".join)


def test_characters_of_private_use_stand_for_themselves() -> None:
    assert evaluate("\ue000") == "\ue000"
    assert evaluate("\ue000 = \ue000") == "1"
    assert evaluate('"a\uf000b"') == '"a\uf000b"'


@settings(max_examples=500, deadline=None)
@given(st.one_of(ODD, st.text(max_size=60)))
def test_any_text_has_a_value(text: str) -> None:
    assert isinstance(evaluate(text, Functions()), str)
    error = syntax_error(text)
    assert error is None or 0 <= error[0] <= len(text)


TOKENS = st.sampled_from(["0", "1", "25", "1.5", "-3", "abc", "a b", "", '"q"', "a$b", "ä", "(", "5 + 5", "1e3"])
FRAMES = st.sampled_from(
    [
        ("", " + 1"),
        ("", ""),
        ("1 + ", " * 2"),
        ('"', '" = "a b"'),
        ('"', '"'),
        ("", " = ", ""),
        ('"', '" =~ "', '"'),
        ("", "0 + ", ""),
        ("LEN(", ")"),
        ("(", " > ", ") & 1"),
        ("-", ""),
        ("x", "y"),
        ("", "(1)"),
        ("$", " + 1"),
    ]
)


@settings(max_examples=400, deadline=None)
@given(FRAMES, st.data())
def test_holes_change_nothing(literals: tuple[str, ...], data: st.DataObject) -> None:
    texts = [data.draw(TOKENS) for _ in literals[1:]]
    template = Template.make(literals)
    if template is None:
        return
    value = template.evaluate(texts, Functions())
    if value is not None:
        whole = literals[0] + "".join(t + literal for t, literal in zip(texts, literals[1:], strict=True))
        assert value == evaluate(whole, Functions())


def test_holes_are_used_where_they_can_be() -> None:
    template = Template.make(["", " + 1"])
    assert template is not None
    assert template.evaluate(["41"]) == "42"
    assert template.evaluate(["4 1"]) is None
    assert Template.make(["a", ""]) is None


#: sign -> how tightly it binds, what it makes of two whole numbers
_OPERATORS: dict[str, tuple[int, Callable[[int, int], int]]] = {
    "|": (1, lambda a, b: a or b),
    "&": (2, lambda a, b: a if a and b else 0),
    "=": (3, lambda a, b: int(a == b)),
    "!=": (3, lambda a, b: int(a != b)),
    "<": (3, lambda a, b: int(a < b)),
    ">=": (3, lambda a, b: int(a >= b)),
    "+": (4, lambda a, b: a + b),
    "-": (4, lambda a, b: a - b),
    "*": (5, lambda a, b: _product(a, b)),
}


def _product(a: int, b: int) -> int:
    assume(a * b or min(a, b) >= 0)  # there is a negative zero, see below
    return a * b


def test_nothing_times_less_than_nothing_is_a_negative_zero() -> None:
    """As a stock 22 has it."""
    assert [evaluate(text) for text in ("0*(0-1)", "(0-5)*0 + 0", "0*(0-1) = 0")] == ["-0", "0", "1"]


_Tree = int | tuple[str, "_Tree", "_Tree"]
_TREES: st.SearchStrategy[_Tree] = st.recursive(
    st.integers(0, 99), lambda side: st.tuples(st.sampled_from(sorted(_OPERATORS)), side, side), max_leaves=9
)


def _value(tree: _Tree) -> int:
    if isinstance(tree, int):
        return tree
    return _OPERATORS[tree[0]][1](_value(tree[1]), _value(tree[2]))


def _written(tree: _Tree, space: str, at_least: int = 0) -> str:
    """With no more parentheses than it takes: all signs group from the left."""
    if isinstance(tree, int):
        return str(tree)
    sign, left, right = tree
    level = _OPERATORS[sign][0]
    text = f"{_written(left, space, level)}{space}{sign}{space}{_written(right, space, level + 1)}"
    return f"({text})" if level < at_least else text


@settings(max_examples=300, deadline=None)
@given(_TREES, st.sampled_from(["", " ", "  "]))
def test_what_is_written_is_read_again(tree: _Tree, space: str) -> None:
    """A tree of operators, written down, has the value that the tree has."""
    assert evaluate(_written(tree, space)) == str(_value(tree)), _written(tree, space)


_SIDES = st.from_regex(r"[0-9]{1,20}|[0-9]{1,3}\.[0-9]{1,3}|[a-z]{0,3}|²|٣", fullmatch=True)


_SIGNS = st.sampled_from(["+", "-", "=", "==", "!=", "<", ">", "<=", ">="])


@given(_SIDES, _SIGNS, _SIDES, st.sampled_from([0, 1, 2]))
def test_the_short_way_of_whole_numbers_gives_the_same(left: str, sign: str, right: str, how: int) -> None:
    literals, texts = [
        (["", f" {sign} ", ""], [left, right]),
        (["", f"{sign}{right}"], [left]),
        ([f"{left}{sign}", " "], [right]),
    ][how]
    template = Template.make(literals)
    got = template.evaluate(texts) if template is not None else None
    whole = literals[0] + "".join(text + literal for text, literal in zip(texts, literals[1:], strict=True))
    assert got is None or got == evaluate(whole)


@pytest.mark.parametrize(
    "make",
    [
        lambda n: "+".join(["1"] * n),
        lambda n: "(" * n + "1" + ")" * n,
        lambda n: "(" * n,
        lambda n: "!" * n + "1",
        lambda n: "1?" * n + "2",
        lambda n: '"' * n,
        lambda n: "-" * n,
        lambda n: "a=" * n,
        lambda n: "1::" * n,
        lambda n: "LEN(" * n,
        lambda n: ",".join(["1"] * n),
        lambda n: "LEN(" + ",".join(["1"] * n) + ")",
    ],
)
def test_long_expressions_take_linear_time(make: Callable[[int], str]) -> None:
    evaluate(make(3), Functions())  # what is read once for all
    effort.linear(lambda n: evaluate(make(n), Functions()), 400)
