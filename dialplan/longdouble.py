"""The numbers of `$[...]`: C's 80-bit long double as x86-64 has it, on any machine.

A number is an `int` where it is whole and fits 64 bits, else a `Fraction` rounded to a mantissa of 64 bits; infinity,
NaN and minus zero are `float`.  The four operations are exact and then rounded; the functions are computed with more
digits than are left after rounding.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from fractions import Fraction

Number = int | Fraction | float

MINUS_NAN = math.copysign(math.nan, -1.0)
MINUS_ZERO = -0.0
_WHOLE = 1 << 64
_MANTISSA = 64
_GREATEST = 16384
_SMALLEST = -16445
#: Digits that C prints (`%.18Lg`).
DIGITS = 18
_PRINTING = Context(prec=DIGITS, rounding=ROUND_HALF_EVEN, Emax=999999, Emin=-999999)
#: Digits that functions are computed with: beyond those of the largest argument that still has a meaning.
_PRECISION = 70


def rounded(value: int | Fraction) -> Number:
    """The nearest number (ties to even); too large is infinity, too small is 0."""
    if type(value) is int and -_WHOLE < value < _WHOLE:
        return value
    numerator, denominator = abs(value.numerator), value.denominator
    if not numerator:
        return 0
    exponent = numerator.bit_length() - denominator.bit_length()
    shift = _MANTISSA - exponent
    for _ in range(2):
        scaled = Fraction(numerator << shift, denominator) if shift >= 0 else Fraction(numerator, denominator << -shift)
        mantissa = round(scaled)
        if mantissa.bit_length() <= _MANTISSA or mantissa == _WHOLE:
            break
        shift -= 1
    if _MANTISSA - shift > _GREATEST:
        return -math.inf if value < 0 else math.inf
    if _MANTISSA - shift < _SMALLEST:
        return MINUS_ZERO if value < 0 else 0
    result = Fraction(mantissa, 1 << shift) if shift >= 0 else Fraction(mantissa << -shift)
    if value < 0:
        result = -result
    if result.denominator == 1 and -_WHOLE < result.numerator < _WHOLE:
        return result.numerator
    return result


def parse(digits: str) -> Number:
    """The number of `12` or `12.5`."""
    return rounded(Fraction(digits) if "." in digits else int(digits))


def text(value: Number) -> str:
    """As C's `%.18Lg` prints it."""
    if type(value) is int and -(10**DIGITS) < value < 10**DIGITS:
        return str(value)
    if isinstance(value, float):
        if math.isnan(value):
            return "-nan" if math.copysign(1.0, value) < 0 else "nan"
        if math.isinf(value):
            return "-inf" if value < 0 else "inf"
        return "-0" if math.copysign(1.0, value) < 0 else "0"
    number = _PRINTING.divide(Decimal(value.numerator), Decimal(value.denominator))
    sign, digits, _ = number.as_tuple()
    exponent = number.adjusted()
    figures = "".join(map(str, digits)).rstrip("0") or "0"
    minus = "-" if sign else ""
    if exponent < -4 or exponent >= DIGITS:
        fraction = f".{figures[1:]}" if len(figures) > 1 else ""
        return f"{minus}{figures[0]}{fraction}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"
    if exponent < 0:
        return f"{minus}0.{'0' * (-exponent - 1)}{figures}"
    whole = figures[: exponent + 1].ljust(exponent + 1, "0")
    rest = figures[exponent + 1 :]
    return f"{minus}{whole}.{rest}" if rest else f"{minus}{whole}"


def is_negative(value: Number) -> bool:
    """The sign bit."""
    return math.copysign(1.0, value) < 0 if isinstance(value, float) else value < 0


def _finite(value: Number) -> bool:
    return not isinstance(value, float) or value == 0


def _as_float(value: Number) -> float:
    try:
        return float(value)
    except OverflowError:
        return -math.inf if value < 0 else math.inf


def _size(value: int | Fraction) -> int | Fraction:
    return -value if value < 0 else value


def _exact(value: Number) -> int | Fraction:
    return 0 if isinstance(value, float) else value


def negate(a: Number) -> Number:
    """-a; 0 becomes minus zero."""
    if not a:
        return 0 if is_negative(a) else MINUS_ZERO
    return -a


def add(a: Number, b: Number) -> Number:
    """a + b."""
    if type(a) is int and type(b) is int:
        return rounded(a + b)
    if not _finite(a) or not _finite(b):
        total = _as_float(a) + _as_float(b)
        return MINUS_NAN if math.isnan(total) and not math.isnan(_as_float(a) * _as_float(b)) else total
    result = rounded(_exact(a) + _exact(b))
    return MINUS_ZERO if not result and is_negative(a) and is_negative(b) else result


def subtract(a: Number, b: Number) -> Number:
    """a - b."""
    if type(a) is int and type(b) is int:
        return rounded(a - b)
    return add(a, b if isinstance(b, float) and math.isnan(b) else negate(b))


def _signed_zero(a: Number, b: Number) -> Number:
    return MINUS_ZERO if is_negative(a) != is_negative(b) else 0


def multiply(a: Number, b: Number) -> Number:
    """a * b."""
    if type(a) is int and type(b) is int and a and b:
        return rounded(a * b)
    if not _finite(a) or not _finite(b):
        result = _as_float(a) * _as_float(b)
        nan_in = math.isnan(_as_float(a)) or math.isnan(_as_float(b))
        return MINUS_NAN if math.isnan(result) and not nan_in else result
    return rounded(_exact(a) * _exact(b)) or _signed_zero(a, b)


def divide(a: Number, b: Number) -> Number:
    """a / b; b is not 0."""
    if type(a) is int and type(b) is int and a and not a % b:
        return a // b
    if not _finite(a) or not _finite(b):
        if math.isnan(_as_float(a)) or math.isnan(_as_float(b)):
            return _as_float(a) if math.isnan(_as_float(a)) else _as_float(b)
        if not _finite(a):
            return (
                MINUS_NAN if not _finite(b) else math.copysign(math.inf, -1 if is_negative(a) != is_negative(b) else 1)
            )
        return _signed_zero(a, b)
    numerator, denominator = _exact(a), _exact(b)
    if type(numerator) is int and type(denominator) is int and not numerator % denominator:
        return numerator // denominator or _signed_zero(a, b)
    return rounded(Fraction(numerator) / denominator) or _signed_zero(a, b)


def modulo(a: Number, b: Number) -> Number:
    """C's fmod: the sign is that of a; b is not 0."""
    if not _finite(a) or not _finite(b):
        if _finite(a) and math.isinf(_as_float(b)):
            return a
        return MINUS_NAN
    rest = _size(_exact(a)) % _size(_exact(b))
    if not rest:
        return MINUS_ZERO if is_negative(a) else 0
    return rounded(-rest if is_negative(a) else rest)


# ---- functions -----------------------------------------------------------------------------------------------------


def _integral(convert: Callable[[int | Fraction], int]) -> Callable[[Number], Number]:
    def function(a: Number) -> Number:
        if isinstance(a, float):
            return a
        return rounded(convert(a)) or (MINUS_ZERO if a < 0 else 0)

    return function


floor = _integral(math.floor)
ceil = _integral(math.ceil)
trunc = _integral(math.trunc)
#: halves to even
rint = _integral(round)
#: halves away from zero
nearest = _integral(lambda a: math.floor(_size(a) + Fraction(1, 2)) * (-1 if a < 0 else 1))


def _decimal(value: int | Fraction) -> Decimal:
    return Decimal(value.numerator) / Decimal(value.denominator)


def _from_decimal(value: Decimal) -> Number:
    if value.is_nan():
        return MINUS_NAN
    if value.is_infinite() or value.adjusted() > 4940:
        return -math.inf if value.is_signed() else math.inf
    if value.adjusted() < -4970:
        return 0
    return rounded(Fraction(value))


def _wide(extra: int = 0) -> Context:
    return Context(prec=_PRECISION + extra, Emax=99999999, Emin=-99999999)


def square_root(a: Number) -> Number:
    """sqrt; minus NaN below 0."""
    if isinstance(a, float):
        return MINUS_NAN if a < 0 else a
    if a < 0:
        return MINUS_NAN
    with localcontext(_wide()):
        return _from_decimal(_decimal(a).sqrt())


def _exponential(log_base: Callable[[Decimal], Decimal]) -> Callable[[Number], Number]:
    def function(a: Number) -> Number:
        if isinstance(a, float):
            return a if math.isnan(a) else (1 if not a else (math.inf if a > 0 else 0))
        if a > 20000:
            return math.inf
        if a < -20000:
            return 0
        with localcontext(_wide()):
            return _from_decimal(log_base(_decimal(a)).exp())

    return function


exp = _exponential(lambda a: a)
exp2 = _exponential(lambda a: a * Decimal(2).ln())
exp10 = _exponential(lambda a: a * Decimal(10).ln())


def _logarithm(base: int) -> Callable[[Number], Number]:
    def function(a: Number) -> Number:
        if not a:
            return -math.inf
        if isinstance(a, float):
            return math.nan if a < 0 else a
        if a < 0:
            return math.nan
        with localcontext(_wide()):
            result = _decimal(a).ln()
            return _from_decimal(result / Decimal(base).ln() if base else result)

    return function


log = _logarithm(0)
log2 = _logarithm(2)
log10 = _logarithm(10)


def power(a: Number, b: Number) -> Number:
    """a to the b."""
    if not b or a == 1:
        return 1
    if isinstance(a, float) or isinstance(b, float):
        try:
            return math.pow(_as_float(a), _as_float(b))
        except (OverflowError, ValueError):
            return math.inf if not a else MINUS_NAN
    whole = b.denominator == 1
    if not a:
        return math.inf if b < 0 else 0
    if a < 0 and not whole:
        return MINUS_NAN
    if whole and abs(b.numerator) * (abs(a.numerator).bit_length() + a.denominator.bit_length()) < 100_000:
        return rounded(Fraction(a) ** int(b))
    with localcontext(_wide()):
        exponent = _decimal(_size(a)).ln() * _decimal(b)
        if abs(exponent) > 20000:
            size: Number = math.inf if exponent > 0 else 0
        else:
            size = _from_decimal(exponent.exp())
    return negate(size) if a < 0 and int(b) % 2 else size


def remainder(a: Number, b: Number) -> Number:
    """IEEE remainder: the quotient is rounded to the nearest whole number."""
    if not b or not _finite(a) or (isinstance(b, float) and math.isnan(b)):
        return MINUS_NAN
    if not _finite(b):
        return a
    exact_a, exact_b = Fraction(_exact(a)), Fraction(_exact(b))
    rest = exact_a - round(exact_a / exact_b) * exact_b
    return rounded(rest) or (MINUS_ZERO if is_negative(a) else 0)


_PI = Decimal(
    "3.14159265358979323846264338327950288419716939937510582097494459230781640628620899862803482534211706798214808651328"
)


def _sine(x: Decimal) -> Decimal:
    """Taylor series; |x| is at most pi."""
    term = total = x
    n = 1
    limit = Decimal(10) ** -(_PRECISION + 5)
    while abs(term) > limit:
        term = -term * x * x / ((n + 1) * (n + 2))
        total += term
        n += 2
    return total


def _trigonometric(function: Callable[[Decimal], Decimal]) -> Callable[[Number], Number]:
    def compute(a: Number) -> Number:
        if isinstance(a, float):
            # a sine of minus zero is minus zero
            return (_from_decimal(function(Decimal(0))) or a) if not a else MINUS_NAN
        with localcontext(_wide(30)):
            x = _decimal(a).remainder_near(2 * _PI) if _size(a) < 10**25 else Decimal(0)
            return _from_decimal(function(x))

    return compute


sine = _trigonometric(_sine)
cosine = _trigonometric(lambda x: _sine(_PI / 2 - abs(x)))
tangent = _trigonometric(lambda x: _sine(x) / _sine(_PI / 2 - abs(x)))


def _arctangent(x: Decimal) -> Decimal:
    halvings = 0
    while abs(x) > Decimal("0.05"):
        x = x / (1 + (1 + x * x).sqrt())
        halvings += 1
    term = total = x
    n = 1
    limit = Decimal(10) ** -(_PRECISION + 5)
    while abs(term) > limit:
        term = -term * x * x
        total += term / (n + 2)
        n += 2
    return total * (1 << halvings)


def arctangent(a: Number) -> Number:
    """atan."""
    with localcontext(_wide(10)):
        if isinstance(a, float):
            if math.isnan(a) or not a:
                return a
            return _from_decimal(_PI / 2 if a > 0 else -_PI / 2)
        return _from_decimal(_arctangent(_decimal(a)))


def arctangent2(a: Number, b: Number) -> Number:
    """atan2."""
    if not _finite(a) or not _finite(b):
        return math.atan2(_as_float(a), _as_float(b))
    with localcontext(_wide(10)):
        y, x = _decimal(_exact(a)), _decimal(_exact(b))
        if not y:
            if not is_negative(b):
                return a
            return _from_decimal(-_PI if is_negative(a) else _PI)
        if not x:
            return _from_decimal(_PI / 2 if y > 0 else -_PI / 2)
        angle = _arctangent(y / x)
        if x < 0:
            angle += _PI if y > 0 else -_PI
        return _from_decimal(angle)


def arcsine(a: Number) -> Number:
    """asin; NaN outside -1 to 1."""
    if (isinstance(a, float) and a) or _size(_exact(a)) > 1:
        return math.nan
    if isinstance(a, float):
        return a
    with localcontext(_wide(10)):
        x = _decimal(a)
        if abs(x) == 1:
            return _from_decimal(_PI / 2 * x)
        return _from_decimal(_arctangent(x / (1 - x * x).sqrt()))


def arccosine(a: Number) -> Number:
    """acos; NaN outside -1 to 1."""
    if (isinstance(a, float) and a) or _size(_exact(a)) > 1:
        return math.nan
    if isinstance(a, float):
        return a
    with localcontext(_wide(10)):
        x = _decimal(a)
        if abs(x) == 1:
            return 0 if x > 0 else _from_decimal(_PI)
        return _from_decimal(_PI / 2 - _arctangent(x / (1 - x * x).sqrt()))
