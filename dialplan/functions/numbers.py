"""Functions on numbers: MATH, INC, MIN, RAND ..."""

from __future__ import annotations

import math
import re

from pbx.dialplan import octets
from pbx.dialplan.arguments import fields, split
from pbx.dialplan.functions.common import c_float, c_int, double_to_int, to_int32
from pbx.dialplan.registry import FunctionError, function
from pbx.dialplan.scope import Scope

_MATH = "func_math"
_WHOLE = re.compile(r"\s*[+-]?\d+")
_RAND_MAX = 2**31 - 1
#: operators in the order in which they are looked for; the first one found divides the expression
_OPERATORS = ("*", "/", "%", "^", "AND", "XOR", "OR", ">", "<", "=", "+", "-")


def _operator(text: str) -> tuple[str, str, str]:
    """(left side, operator, right side); a minus at the beginning is a sign."""
    for operator in _OPERATORS:
        at = text.find(operator, int(text.startswith("-")))
        if at < 0:
            continue
        left, rest = text[:at], text[at + len(operator) :]
        if operator in "<>" and rest[:1] in (operator, "="):
            return left, operator + rest[0], rest[1:]
        if operator == "=":
            if not rest.startswith("="):
                break
            return left, "==", rest[1:]
        return left, operator, rest
    raise FunctionError(f"'{text}' is no number, operator, number")


def _power(a: float, b: float) -> float:
    try:
        result = a**b
        # what has no result is a NaN with a sign, as the processor makes it
        return -math.nan if isinstance(result, complex) else float(result)
    except OverflowError:
        return math.inf
    except ZeroDivisionError:
        return math.inf


def _calculate(a: float, operator: str, b: float) -> float | str:
    ia, ib = double_to_int(a), double_to_int(b)
    match operator:
        case "+":
            return a + b
        case "-":
            return a - b
        case "*":
            return a * b
        case "/":
            # Asterisk takes any divisor that is not above 0 for a division by zero
            return a / b if b > 0 else 0.0
        case "%":
            return float(int(math.fmod(ia, ib))) if ib else 0.0
        case "^":
            return _power(a, b)
        case "AND":
            return float(ia & ib)
        case "OR":
            return float(ia | ib)
        case "XOR":
            return float(ia ^ ib)
        case "<<":
            return float(to_int32(ia << (ib & 31)))
        case ">>":
            return float(ia >> (ib & 31))
    truth = {">": a > b, "<": a < b, ">=": a >= b, "<=": a <= b, "==": a == b}[operator]
    return "TRUE" if truth else "FALSE"


@function(
    "MATH",
    syntax="MATH(expression[,type])",
    synopsis="One operation on two numbers",
    arguments={"type": "f or float (default), i or int, h or hex, c or char"},
    module=_MATH,
)
def calculate(scope: Scope, args: str) -> str:
    expression, *kinds = split(args, 2) or [""]
    kind = kinds[0].lower() if kinds else "f"
    if kind not in ("f", "float", "i", "int", "h", "hex", "c", "char"):
        raise FunctionError(f"unknown type '{kind}'")
    left, operator, right = _operator(expression)
    a, b = c_float(left), c_float(right)
    if a is None or b is None:
        raise FunctionError(f"'{left if a is None else right}' is no number")
    result = _calculate(a, operator, b)
    if isinstance(result, str):
        return result
    if kind.startswith("f"):
        return "-nan" if math.isnan(result) and math.copysign(1, result) < 0 else f"{result:.6f}"
    if kind.startswith("h"):
        return f"{(int(result) if abs(result) < 2**63 else 0) & 0xFFFFFFFF:x}"
    whole = double_to_int(result)
    if kind.startswith("i"):
        return str(whole)
    return octets.narrowed(chr(whole & 0xFF)) if whole & 0xFF else ""


def _change(scope: Scope, args: str, step: int) -> str:
    name = args
    if not name:
        raise FunctionError("needs a variable")
    value = scope.get(name)
    if not value or name.endswith(")"):
        raise FunctionError(f"variable '{name}' is not set")
    if not re.fullmatch(r"\s*[+-]?\d+", value):
        raise FunctionError(f"'{value}' is no whole number")
    text = str(to_int32((c_int(value) or 0) + step))
    scope.set(name, text)
    return text


@function(
    "INC",
    syntax="INC(variable)",
    synopsis="Adds 1 to a variable and gives its value",
    needs_channel=True,
    module=_MATH,
)
def inc(scope: Scope, args: str) -> str:
    return _change(scope, args, 1)


@function(
    "DEC",
    syntax="DEC(variable)",
    synopsis="Takes 1 from a variable and gives its value",
    needs_channel=True,
    module=_MATH,
)
def dec(scope: Scope, args: str) -> str:
    return _change(scope, args, -1)


def _shown(number: float) -> str:
    return str(int(number)) if number == double_to_int(number) else f"{number:.6f}"


def _pair(args: str) -> tuple[float, float]:
    numbers = [c_float(part) for part in split(args, 2) if part]
    known = [n for n in numbers if n is not None]
    if not known or len(known) < len(numbers):
        raise FunctionError(f"'{args}' are no numbers")
    return known[0], known[-1]


@function("MIN", syntax="MIN([num1][,num2])", synopsis="The smaller of two numbers", module=_MATH)
def minimum(scope: Scope, args: str) -> str:
    return _shown(min(_pair(args)))


@function("MAX", syntax="MAX([num1][,num2])", synopsis="The greater of two numbers", module=_MATH)
def maximum(scope: Scope, args: str) -> str:
    return _shown(max(_pair(args)))


@function("ABS", syntax="ABS([num])", synopsis="A number without its sign", module=_MATH)
def absolute(scope: Scope, args: str) -> str:
    number = c_float(args)
    if number is None:
        raise FunctionError(f"'{args}' is no number")
    return _shown(abs(number))


@function("DIGIT_SUM", syntax="DIGIT_SUM([num])", synopsis="The sum of the digits in a text", module=_MATH)
def digit_sum(scope: Scope, args: str) -> str:
    if not args:
        raise FunctionError("needs a number")
    return str(sum(int(c) for c in args if c in "0123456789"))


@function("RAND", syntax="RAND([min][,max])", synopsis="A random whole number from min to max", module="func_rand")
def rand(scope: Scope, args: str) -> str:
    low_text, high_text = fields(args, 2)
    low, high = c_int(low_text), c_int(high_text)
    low = 0 if low is None else low
    high = _RAND_MAX if high is None else high
    if high < low:
        low, high = high, low
    return str(scope.services.random.randint(low, high))
