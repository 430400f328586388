"""`$[...]`: Asterisk's expressions, compiled once.

A value is a number (see `longdouble`), a text (`str`), or `Numeric`: a text that reads as a number and is one where a
number is wanted, but is given back as it was written.  Every part is evaluated, whatever `|`, `&` or `?` choose.

Asterisk's parser does not fail as a whole: a mistake behind a complete expression leaves the value of what stood
before it (`a b` is `a`), one at the very beginning gives an empty text, any other `0`.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Protocol

from lark import Lark, Token, Transformer, UnexpectedInput
from lark.visitors import v_args

from pbx.conf.diagnostics import printable
from pbx.dialplan import longdouble, regex
from pbx.dialplan.longdouble import Number
from pbx.dialplan.octets import to_bytes

#: Compiled expressions that are remembered.
MEMO = 4096
#: What a division by zero gives.
INT_MAX = 2147483647

_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?\Z")
_MADE_NUMBER = re.compile(r"[0-9.]+\Z")
_LEADING_INT = re.compile(r"\s*([-+]?[0-9]+)")
#: Values that can stand in a hole as one token: a number without sign, or a word.
_TOKEN = re.compile(r"[^\x00-\x20!\"$%&()*+,/:<=>?\[\]`{|}~\x7f-]+\Z")
#: Characters that stand for holes while a template is compiled.
_HOLE = 0xE000
_MOST_HOLES = 0x1800
_HOLES = re.compile("([\ue000-\uf7ff])")
#: ... and what they are in a text that brings such characters itself: themselves
_THEMSELVES = tuple(chr(_HOLE + i) for i in range(_MOST_HOLES))


class Functions(Protocol):
    """Where `$[NAME(args)]` gets a dialplan function's value."""

    def function(self, name: str, args: str) -> str | None:
        """What a function reads; None if it fails or does not exist."""


class Numeric(str):
    """A text that reads as a number."""

    __slots__ = ()


Value = Number | str


class _Environment:
    """What a compiled expression runs with: the texts for its holes, and the functions."""

    __slots__ = ("functions", "texts")

    def __init__(self, texts: Sequence[str], functions: Functions | None) -> None:
        self.texts = texts
        self.functions = functions


_Code = list[Callable[[list[Value], _Environment], None]]


def _made(text: str) -> Value:
    """A text that an operator made."""
    return Numeric(text) if _MADE_NUMBER.match(text) else text


def _number(value: Value) -> Number:
    """A value where a number is wanted; a text that is none counts 0."""
    if type(value) is Numeric:
        return _parsed(value)
    return 0 if isinstance(value, str) else value


def _parsed(text: str) -> Number:
    if text.isdigit() and len(text) < 19:
        return int(text)
    found = re.match(r"-?[0-9]*(?:\.[0-9]*)?", text)
    digits = found[0] if found else ""
    if not any(c.isdigit() for c in digits):
        return 0
    return longdouble.negate(longdouble.parse("0" + digits[1:])) if digits[0] == "-" else longdouble.parse("0" + digits)


def _text(value: Value) -> str:
    return value if isinstance(value, str) else longdouble.text(value)


def _tested(value: Value) -> Value:
    """A value that `|` or `&` look at: what reads as a number becomes one by that."""
    return _parsed(value) if type(value) is Numeric else value


def _unquoted(text: str) -> str:
    """Without its double quotes, for regular expressions and `~~`."""
    return text[1:-1] if len(text) >= 2 and text[0] == '"' and text[-1] == '"' else text


# ---- operators -----------------------------------------------------------------------------------------------------


def _either(a: Value, b: Value) -> Value:
    return _tested(a) or b


def _both(a: Value, b: Value) -> Value:
    a = _tested(a)
    return a if a and _tested(b) else 0


def _comparison(holds: Callable[[Any, Any], bool]) -> Callable[[Value, Value], Value]:
    def compare(a: Value, b: Value) -> Value:
        if type(a) is str or type(b) is str:
            # texts compare by their bytes, quotes and all
            left, right = _text(a), _text(b)
            if left.isascii() and right.isascii():
                return int(holds(left, right))
            return int(holds(to_bytes(left), to_bytes(right)))
        return int(holds(_number(a), _number(b)))

    return compare


def _is_text(value: Value) -> bool:
    return type(value) is str


def _add(a: Value, b: Value) -> Value:
    if _is_text(b):
        return _number(a)
    return _number(b) if _is_text(a) else longdouble.add(_number(a), _number(b))


def _subtract(a: Value, b: Value) -> Value:
    return _number(a) if _is_text(b) else longdouble.subtract(_number(a), _number(b))


def _multiply(a: Value, b: Value) -> Value:
    return 0 if _is_text(a) or _is_text(b) else longdouble.multiply(_number(a), _number(b))


def _divide(a: Value, b: Value) -> Value:
    if _is_text(a):
        return 0
    divisor = _number(b)
    return longdouble.divide(_number(a), divisor) if divisor else INT_MAX


def _modulo(a: Value, b: Value) -> Value:
    if _is_text(a):
        return 0
    divisor = _number(b)
    # what is left over a division by zero is that zero, with its sign
    return longdouble.modulo(_number(a), divisor) if divisor else divisor


def _negate(a: Value) -> Value:
    return 0 if _is_text(a) else longdouble.negate(_number(a))


def _complement(a: Value) -> Value:
    if isinstance(a, str):
        found = _LEADING_INT.match(a)
        return int(not (found and int(found[1])))
    return int(not a)


def _matched(a: Value, b: Value, anchored: bool) -> Value:
    try:
        pattern = regex.compiled(_unquoted(_text(b)))
    except regex.RegexError:
        return ""
    found = pattern.search(_unquoted(_text(a)))
    if found is None or (anchored and found.start):
        return "" if pattern.groups else 0
    if found.group is not None:
        return _made(found.group)
    return found.length


def _concatenate(a: Value, b: Value) -> Value:
    return _made(_unquoted(_text(a)) + _unquoted(_text(b)))


def _choose(a: Value, b: Value, c: Value) -> Value:
    if type(a) is str:
        return c if a in ("", '""', "0") else b
    return b if _number(a) else c


# ---- functions -----------------------------------------------------------------------------------------------------

_FUNCTIONS: dict[str, tuple[int, Callable[..., Number]]] = {
    "COS": (1, longdouble.cosine),
    "SIN": (1, longdouble.sine),
    "TAN": (1, longdouble.tangent),
    "ACOS": (1, longdouble.arccosine),
    "ASIN": (1, longdouble.arcsine),
    "ATAN": (1, longdouble.arctangent),
    "ATAN2": (2, longdouble.arctangent2),
    "POW": (2, longdouble.power),
    "SQRT": (1, longdouble.square_root),
    "FLOOR": (1, longdouble.floor),
    "CEIL": (1, longdouble.ceil),
    "ROUND": (1, longdouble.nearest),
    "RINT": (1, longdouble.rint),
    "TRUNC": (1, longdouble.trunc),
    "EXP": (1, longdouble.exp),
    "EXP2": (1, longdouble.exp2),
    "EXP10": (1, longdouble.exp10),
    "LOG": (1, longdouble.log),
    "LOG2": (1, longdouble.log2),
    "LOG10": (1, longdouble.log10),
    "REMAINDER": (2, longdouble.remainder),
}


#: dialplan functions that give texts of any length only: by name they cannot be called, and count as 0
_ENDLESS = frozenset(
    ("FILE", "FILE_COUNT_LINE", "FILE_FORMAT", "PASSTHRU", "POP", "REPLACE", "SHIFT", "STRBETWEEN", "STRREPLACE")
)
_FUNCTION_NUMBER = re.compile(r"[-0-9. \t]*\Z")
_LEADING_NUMBER = re.compile(r"[ \t]*(-?)([0-9]+\.?[0-9]*|\.[0-9]+)")


def _call(name: str, values: list[Value], functions: Functions | None) -> Value:
    own = _FUNCTIONS.get(name)
    if own is not None:
        count, function = own
        return function(*map(_number, values)) if len(values) == count else 0
    if functions is None or name in _ENDLESS:
        return 0
    result = functions.function(name, ",".join(map(_text, values)))
    if result is None:
        return 0
    if not _FUNCTION_NUMBER.match(result):
        return result
    # what has but digits, dots, dashes and blanks in it (or nothing) is read as a number, as far as it goes
    found = _LEADING_NUMBER.match(result)
    if found is None:
        return 0
    number = longdouble.parse("0" + found[2])
    return longdouble.negate(number) if found[1] else number


# ---- compiling -----------------------------------------------------------------------------------------------------

# Code is a flat list of steps on a stack of values, so that no nesting can be too deep.


def _binary(function: Callable[[Value, Value], Value]) -> Callable[..., _Code]:
    def step(stack: list[Value], env: _Environment) -> None:
        right = stack.pop()
        stack[-1] = function(stack[-1], right)

    def build(self: object, left: _Code, right: _Code) -> _Code:
        left.extend(right)
        left.append(step)
        return left

    return build


def _unary(function: Callable[[Value], Value]) -> Callable[..., _Code]:
    def step(stack: list[Value], env: _Environment) -> None:
        stack[-1] = function(stack[-1])

    def build(self: object, code: _Code) -> _Code:
        code.append(step)
        return code

    return build


def _choosing(stack: list[Value], env: _Environment) -> None:
    no, yes = stack.pop(), stack.pop()
    stack[-1] = _choose(stack[-1], yes, no)


def _constant(value: Value) -> _Code:
    return [lambda stack, env: stack.append(value)]


def _word_hole(hole: int) -> _Code:
    def step(stack: list[Value], env: _Environment) -> None:
        value = env.texts[hole]
        stack.append(Numeric(value) if _NUMBER.match(value) else value)

    return [step]


def _string_holes(text: str) -> _Code:
    parts = _HOLES.split(text)
    literals = parts[::2]
    holes = [ord(hole) - _HOLE for hole in parts[1::2]]

    def step(stack: list[Value], env: _Environment) -> None:
        out = [literals[0]]
        for hole, literal in zip(holes, literals[1:], strict=True):
            out.append(env.texts[hole])
            out.append(literal)
        stack.append("".join(out))

    return [step]


@v_args(inline=True)
class _Compiler(Transformer[Token, _Code]):
    """Makes code while the parser runs; no tree is made."""

    def start(self, code: _Code) -> _Code:
        return code

    def word(self, token: Token) -> _Code:
        text = str(token)
        if _HOLES.match(text):
            return _word_hole(ord(text[0]) - _HOLE)
        return _constant(Numeric(text) if _NUMBER.match(text) else text)

    def string(self, token: Token) -> _Code:
        text = str(token)
        return _string_holes(text) if _HOLES.search(text) else _constant(text)

    def choose(self, condition: _Code, yes: _Code, no: _Code) -> _Code:
        return [*condition, *yes, *no, _choosing]

    either = _binary(_either)
    both = _binary(_both)
    equal = _binary(_comparison(operator.eq))
    unequal = _binary(_comparison(operator.ne))
    greater = _binary(_comparison(operator.gt))
    less = _binary(_comparison(operator.lt))
    at_least = _binary(_comparison(operator.ge))
    at_most = _binary(_comparison(operator.le))
    add = _binary(_add)
    subtract = _binary(_subtract)
    multiply = _binary(_multiply)
    divide = _binary(_divide)
    modulo = _binary(_modulo)
    match = _binary(lambda a, b: _matched(a, b, True))
    search = _binary(lambda a, b: _matched(a, b, False))
    concatenate = _binary(_concatenate)
    negate = _unary(_negate)
    complement = _unary(_complement)

    def call(self, name: Token, arguments: list[_Code] | None = None) -> _Code:
        function, codes = str(name), arguments or []
        count = len(codes)

        def step(stack: list[Value], env: _Environment) -> None:
            values = stack[len(stack) - count :]
            del stack[len(stack) - count :]
            stack.append(_call(function, values, env.functions))

        return [*(step for code in codes for step in code), step]

    def arguments(self, code: _Code) -> list[_Code]:
        return [code]

    def more_arguments(self, codes: list[_Code], code: _Code) -> list[_Code]:
        codes.append(code)
        return codes

    def empty_argument(self, codes: list[_Code]) -> list[_Code]:
        codes.append(_constant(""))
        return codes


@cache
def _grammar() -> Lark:
    return Lark(
        files("pbx.dialplan").joinpath("expression.lark").read_text(encoding="utf-8"),
        parser="lalr",
        lexer="basic",
        transformer=_Compiler(),
    )


def _compile(text: str) -> tuple[_Code, UnexpectedInput | None]:
    """The code of an expression, and the syntax error that it answers for, if there is one."""
    try:
        code: Any = _grammar().parse(text)
        return code, None
    except UnexpectedInput as error:
        wrong = error
    # a mistake behind a whole expression leaves that one's value
    parser = _grammar().parse_interactive(text)
    taken = -1
    try:
        for _ in parser.iter_parse():
            taken += 1
    except UnexpectedInput:
        pass
    else:
        taken += 1
    if taken <= 0:
        return _constant(""), wrong
    try:
        rest: Any = parser.feed_eof()  # type: ignore[no-untyped-call]
        return rest, wrong
    except UnexpectedInput:
        return _constant("0"), wrong


def _run(code: _Code, texts: Sequence[str], functions: Functions | None) -> str:
    stack: list[Value] = []
    env = _Environment(texts, functions)
    for step in code:
        step(stack, env)
    return _text(stack[0])


_memo: dict[str, tuple[_Code, UnexpectedInput | None]] = {}


def _compiled(text: str) -> tuple[_Code, UnexpectedInput | None]:
    found = _memo.get(text)
    if found is None:
        found = _compile(text)
        if len(_memo) >= MEMO:
            _memo.clear()
        _memo[text] = found
    return found


def evaluate(text: str, functions: Functions | None = None) -> str:
    """The value of an expression (what stands between `$[` and `]`, variables already put in).

    `functions` reads dialplan functions (`$[LEN(abc)]`).  Never raises for what the text holds.
    """
    return _run(_compiled(text)[0], _THEMSELVES if _HOLES.search(text) else (), functions)


def syntax_error(text: str) -> tuple[int, str] | None:
    """(column from 0, what is wrong) of an expression, None if nothing is."""
    error = _compiled(text)[1]
    if error is None:
        return None
    at = error.pos_in_stream if error.pos_in_stream is not None and error.pos_in_stream >= 0 else len(text)
    rest = printable(text[at : at + 12])
    return at, f"{rest!r} is not expected here" if rest else "the expression ends too early"


#: What two whole numbers give where nothing can be too long.
_WHOLE: dict[str, Callable[[int, int], int]] = {
    "+": operator.add,
    "-": operator.sub,
    "=": operator.eq,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}
#: Digits up to which sums are printed as they are.
_SHORT = 17
_SIMPLE = re.compile(r"\s*([\ue000-\uf7ff]|[0-9]+)\s*([-+]|[=<>!]?=|[<>])\s*([\ue000-\uf7ff]|[0-9]+)\s*\Z")


class Whole:
    """`hole op number`, `number op hole` or `hole op hole`, when both turn out to be whole numbers."""

    __slots__ = ("_left", "_operator", "_right", "holes")

    def __init__(self, left: int | None, sign: str, right: int | None) -> None:
        #: the numbers that stand there; None: a hole, of which there are one or two
        self._left = left
        self._right = right
        self._operator = _WHOLE[sign]
        self.holes = (left is None) + (right is None)

    @classmethod
    def make(cls, text: str) -> Whole | None:
        """None if it is no such expression."""
        found = _SIMPLE.match(text)
        if found is None:
            return None
        left, right = (side if side.isdecimal() else None for side in (found[1], found[3]))
        if len(left or "") > _SHORT or len(right or "") > _SHORT or (left is not None and right is not None):
            return None
        return cls(None if left is None else int(left), found[2], None if right is None else int(right))

    def evaluate(self, one: str, two: str = "0") -> str | None:
        """With the texts of its holes; None where it takes more than that."""
        if not (one.isdecimal() and one.isascii() and len(one) <= _SHORT):
            return None
        left, right = self._left, self._right
        if left is None:
            left = int(one)
            if right is None:
                if not (two.isdecimal() and two.isascii() and len(two) <= _SHORT):
                    return None
                right = int(two)
        else:
            right = int(one)
        result = self._operator(left, right)
        # a truth prints as 1 or 0, as a number does
        return str(result) if type(result) is int else "1" if result else "0"


class Template:
    """An expression with holes for values, compiled once for all values that are plain tokens."""

    __slots__ = ("_bare", "_code", "_quoted", "whole")

    def __init__(self, code: _Code, bare: tuple[int, ...], quoted: tuple[int, ...], whole: Whole | None) -> None:
        self._code = code
        #: a short way that it may take
        self.whole = whole
        #: holes that stand alone, and those inside double quotes
        self._bare = bare
        self._quoted = quoted

    @classmethod
    def make(cls, literals: Sequence[str]) -> Template | None:
        """literals[0] hole literals[1] hole ...; None where the holes decide how the text is to be read."""
        holes = len(literals) - 1
        if not 0 < holes < _MOST_HOLES or any(_HOLES.search(literal) for literal in literals):
            return None
        text = literals[0] + "".join(chr(_HOLE + i) + literal for i, literal in enumerate(literals[1:]))
        bare: list[int] = []
        quoted: list[int] = []
        for token in _grammar().lex(text):
            found = _HOLES.findall(token)
            if token.type == "STRING":
                quoted.extend(ord(hole) - _HOLE for hole in found)
            elif found and len(token) > 1:
                return None
            else:
                bare.extend(ord(hole) - _HOLE for hole in found)
        code, error = _compile(text)
        if error is not None:
            return None
        return cls(code, tuple(bare), tuple(quoted), Whole.make(text))

    def evaluate(self, texts: Sequence[str], functions: Functions | None = None) -> str | None:
        """The value with these texts; None if they are no plain tokens (then the text has to be read as a whole)."""
        if self.whole is not None:
            result = self.whole.evaluate(*texts)
            if result is not None:
                return result
        for hole in self._bare:
            if not texts[hole].isalnum() and not _TOKEN.match(texts[hole]):
                return None
        for hole in self._quoted:
            if '"' in texts[hole]:
                return None
        return _run(self._code, texts, functions)


#: what conditions give
_TRUTHS = ("0", "1")


def is_true(text: str) -> bool:
    """What GotoIf, ExecIf, While and IF take for true: not empty, and no number that is 0."""
    if not text:
        return False
    if text in _TRUTHS:
        return text == "1"
    found = _LEADING_INT.match(text)
    return int(found[1]) != 0 if found else True
