"""Numbers of `$[...]` beside the machine's own long double, where that has 80 bits."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pbx.dialplan import longdouble
from pbx.dialplan.longdouble import Number

pytestmark = pytest.mark.skipif(np.finfo(np.longdouble).nmant != 63, reason="this machine's long double is no x86 one")

DIGITS = st.one_of(
    st.integers(0, 10**30).map(str),
    st.tuples(st.integers(0, 10**12), st.text("0123456789", min_size=1, max_size=20)).map(lambda t: f"{t[0]}.{t[1]}"),
)


def exactly(value: object) -> Fraction:
    """A machine number as a fraction."""
    return Fraction(*value.as_integer_ratio())  # type: ignore[attr-defined]


@given(DIGITS)
def test_reading(digits: str) -> None:
    assert longdouble.parse(digits) == exactly(np.longdouble(digits))


@settings(max_examples=300, deadline=None)
@given(
    DIGITS,
    DIGITS,
    st.booleans(),
    st.sampled_from(
        [
            (longdouble.add, operator.add),
            (longdouble.subtract, operator.sub),
            (longdouble.multiply, operator.mul),
            (longdouble.divide, operator.truediv),
            (longdouble.modulo, np.fmod),
        ]
    ),
)
def test_operations(
    a: str, b: str, minus: bool, pair: tuple[Callable[[Number, Number], Number], Callable[[object, object], object]]
) -> None:
    ours, machine = pair
    x, y = longdouble.parse(a), longdouble.parse(b)
    left, right = np.longdouble(a), np.longdouble(b)
    if minus:
        x, left = longdouble.negate(x), -left
    assume(y)
    got, want = ours(x, y), machine(left, right)
    assert Fraction(got) == exactly(want)
    assert longdouble.is_negative(got) == bool(np.signbit(want))  # type: ignore[call-overload]


@given(DIGITS, st.booleans())
def test_printing_keeps_eighteen_digits(digits: str, minus: bool) -> None:
    value = longdouble.parse(digits)
    if minus:
        value = longdouble.negate(value)
    printed = Decimal(longdouble.text(value))
    assert abs(Fraction(printed) - Fraction(value)) <= abs(Fraction(value)) / 10**17
    assert printed.is_signed() == minus


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Fraction(1, 3), "0.333333333333333333"),
        (Fraction(1, 10000), "0.0001"),
        (Fraction(1, 100000), "1e-05"),
        (10**17, "100000000000000000"),
        (10**18, "1e+18"),
        (123456789012345678901, "1.23456789012345679e+20"),
        (-0.0, "-0"),
        (math.inf, "inf"),
        (-math.inf, "-inf"),
        (math.nan, "nan"),
        (longdouble.MINUS_NAN, "-nan"),
        (Fraction(5, 2), "2.5"),
    ],
)
def test_printed_as_c_does(value: Number, text: str) -> None:
    assert longdouble.text(value if isinstance(value, float) else longdouble.rounded(value)) == text


@settings(max_examples=100, deadline=None)
@given(st.floats(-50, 50).map(lambda f: f"{f:.6f}"))
def test_functions(digits: str) -> None:
    machine = np.longdouble(digits)
    value = longdouble.parse(digits.lstrip("-"))
    if digits.startswith("-"):
        value = longdouble.negate(value)
    for ours, theirs in (
        (longdouble.sine, np.sin),
        (longdouble.cosine, np.cos),
        (longdouble.exp, np.exp),
        (longdouble.arctangent, np.arctan),
        (longdouble.floor, np.floor),
        (longdouble.ceil, np.ceil),
        (longdouble.rint, np.rint),
        (longdouble.trunc, np.trunc),
    ):
        want = exactly(theirs(machine))
        assert abs(Fraction(ours(value)) - want) <= abs(want) / 2**61


def test_too_large_and_too_small() -> None:
    huge = longdouble.power(10, 4900)
    assert longdouble.multiply(huge, huge) == math.inf
    assert longdouble.divide(1, huge)
    assert longdouble.divide(longdouble.divide(1, huge), huge) == 0
    assert longdouble.text(longdouble.subtract(math.inf, math.inf)) == "-nan"
