"""Functions on texts: LEN, FILTER, REPLACE, REGEX, QUOTE ..."""

from __future__ import annotations

from pbx.channels.log import Log
from pbx.dialplan import octets
from pbx.dialplan.arguments import fields, split
from pbx.dialplan.functions.common import c_int, encoded, encoded_char, value_of
from pbx.dialplan.regex import RegexError, compiled
from pbx.dialplan.registry import FunctionError, function
from pbx.dialplan.scope import Scope

_log = Log("func_strings")
_BLANKS = " \t\n\r\v\f"
_KEYPAD = dict(zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "22233344455566677778889999", strict=True)) | {
    d: d for d in "0123456789"
}
_UPPER = str.maketrans("abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_LOWER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")


@function("LEN", syntax="LEN(string)", synopsis="The length of a text, in bytes", module="func_strings")
def length(scope: Scope, args: str) -> str:
    return str(octets.length(args))


@function("TOUPPER", syntax="TOUPPER(string)", synopsis="A text in capitals (a-z only)", module="func_strings")
def toupper(scope: Scope, args: str) -> str:
    return args.translate(_UPPER)


@function("TOLOWER", syntax="TOLOWER(string)", synopsis="A text in small letters (A-Z only)", module="func_strings")
def tolower(scope: Scope, args: str) -> str:
    return args.translate(_LOWER)


@function("TRIM", syntax="TRIM(string)", synopsis="A text without blanks at its ends", module="func_strings")
def trim(scope: Scope, args: str) -> str:
    return args.strip(_BLANKS)


@function("LTRIM", syntax="LTRIM(string)", synopsis="A text without blanks at its beginning", module="func_strings")
def ltrim(scope: Scope, args: str) -> str:
    return args.lstrip(_BLANKS)


@function("RTRIM", syntax="RTRIM(string)", synopsis="A text without blanks at its end", module="func_strings")
def rtrim(scope: Scope, args: str) -> str:
    # of blanks alone the first is left
    return args.rstrip(_BLANKS) or args[:1]


@function("PASSTHRU", syntax="PASSTHRU([string])", synopsis="Gives back its argument", module="func_strings")
def passthru(scope: Scope, args: str) -> str:
    return args


@function(
    "QUOTE", syntax="QUOTE(string)", synopsis="A text in quotes, quotes in it escaped by \\", module="func_strings"
)
def quote(scope: Scope, args: str) -> str:
    return '"' + args.replace("\\", "\\\\").replace('"', '\\"') + '"'


@function(
    "CSV_QUOTE", syntax="CSV_QUOTE(string)", synopsis="A text in quotes, quotes in it doubled", module="func_strings"
)
def csv_quote(scope: Scope, args: str) -> str:
    return '"' + args.replace('"', '""') + '"'


@function(
    "KEYPADHASH", syntax="KEYPADHASH(string)", synopsis="The digits under which letters lie", module="func_strings"
)
def keypadhash(scope: Scope, args: str) -> str:
    return "".join(_KEYPAD.get(c, "") for c in args.translate(_UPPER))


@function("EVAL", syntax="EVAL(text)", synopsis="A text with the variables in its value put in", module="func_strings")
def evaluate(scope: Scope, args: str) -> str:
    return scope.substitute_nested(args)


def _allowed(text: str) -> set[str]:
    """The characters of a FILTER list with its ranges; a range that runs backwards wraps around."""
    wide, position = octets.widened(text), 0
    found: set[str] = set()
    while position < len(wide):
        low, position = encoded_char(wide, position)
        if not low:
            raise FunctionError("what stands behind \\x is no hexadecimal number")
        if position < len(wide) and wide[position] == "-":
            high, behind = encoded_char(wide, position + 1)
            position = behind
            if not high:
                found.add(low)
                continue
            code = ord(low)
            while code != ord(high):
                found.add(chr(code))
                code = (code + 1) % 256
            found.add(high)
        else:
            found.add(low)
    return found


@function(
    "FILTER",
    syntax="FILTER(allowed-chars,string)",
    synopsis="The characters of a text that are allowed (ranges as in a-z, \\xNN)",
    module="func_strings",
)
def filter_(scope: Scope, args: str) -> str:
    parts = split(args, 2, raw=True)
    if len(parts) < 2:
        raise FunctionError("needs allowed characters and a text")
    allowed = _allowed(parts[0])
    return octets.narrowed("".join(c for c in octets.widened(parts[1]) if c in allowed))


@function(
    "REPLACE",
    syntax="REPLACE(varname,find-chars[,replace-char])",
    synopsis="A variable's value with each of some characters replaced by another one, or taken out",
    module="func_strings",
)
def replace(scope: Scope, args: str) -> str:
    name, find, new = fields(args, 3)
    if not name or not find:
        raise FunctionError("needs a variable and the characters to find")
    characters = set(octets.widened(encoded(find)))
    if not characters:
        raise FunctionError("a backslash alone finds nothing; write two to find one")
    replacement, _ = encoded_char(octets.widened(new))
    value = octets.widened(value_of(scope, name))
    return octets.narrowed("".join(replacement if c in characters else c for c in value))


@function(
    "STRREPLACE",
    syntax="STRREPLACE(varname,find-string[,replace-string[,max-replacements]])",
    synopsis="A variable's value with a text in it replaced by another",
    module="func_strings",
)
def strreplace(scope: Scope, args: str) -> str:
    name, find, new, most = fields(args, 4)
    if not name or not find:
        raise FunctionError("needs a variable and the text to find")
    limit = c_int(most) or 0
    return value_of(scope, name).replace(find, new, limit if limit > 0 else -1)


@function(
    "STRBETWEEN",
    syntax="STRBETWEEN(varname,insert-string)",
    synopsis="A variable's value with a text between each two characters",
    module="func_strings",
)
def strbetween(scope: Scope, args: str) -> str:
    parts = split(args, 3)
    if len(parts) != 2 or not parts[0]:
        raise FunctionError("needs a variable and the text to put in")
    return octets.narrowed(octets.widened(encoded(parts[1])).join(octets.widened(value_of(scope, parts[0]))))


@function(
    "REGEX",
    syntax='REGEX("regular expression" string)',
    synopsis="1 if a text matches a POSIX extended regular expression, else 0",
    module="func_strings",
)
def regex(scope: Scope, args: str) -> str:
    found = _quoted(args)
    if found is None:
        raise FunctionError("needs a regular expression in quotes, then the text")
    pattern, text = found
    if text[:1] in (" ", "\t"):
        text = text[1:]
    try:
        return "1" if compiled(pattern).search(text) else "0"
    except RegexError as error:
        raise FunctionError(f"malformed regular expression: {error}") from None


def _quoted(args: str) -> tuple[str, str] | None:
    """(what stands between the first two quotes, backslashes taken out, the rest); None without quotes."""
    if '"' not in args:
        return None
    position, word = args.index('"') + 1, []
    while position < len(args) and args[position] != '"':
        if args[position] == "\\":
            position += 1
        word.append(args[position : position + 1])
        position += 1
    return ("".join(word), args[position + 1 :]) if position < len(args) else None


@function(
    "SPRINTF",
    syntax="SPRINTF(format,arg1[,arg2[,...][,argN]])",
    synopsis="Texts and numbers formed as by C's printf",
    module="func_sprintf",
)
def sprintf(scope: Scope, args: str) -> str:
    parts = split(args, 101)
    if not parts:
        raise FunctionError("needs a format")
    return octets.narrowed(_Printf(octets.widened(parts[0]), [octets.widened(part) for part in parts[1:]]).form())


class _Printf:
    """C's printf over bytes, as far as SPRINTF takes it: `%[flags][width][.precision][length]conversion`."""

    def __init__(self, form: str, arguments: list[str]) -> None:
        self.text = form
        self.arguments = arguments
        self.used = 0

    def form(self) -> str:
        out: list[str] = []
        position, text = 0, self.text
        while position < len(text):
            char = text[position]
            position += 1
            if char != "%":
                out.append(char)
                continue
            start = position
            while position < len(text) and text[position] in "#0- +'I123456789.hlqjztL":
                position += 1
            if position >= len(text):
                raise FunctionError(f"format '{text}' ends within a conversion")
            out.append(self._convert(text[start:position], text[position]))
            position += 1
        return "".join(out)

    def _next(self) -> str | None:
        if self.used >= len(self.arguments):
            return None
        self.used += 1
        return self.arguments[self.used - 1]

    def _convert(self, spec: str, kind: str) -> str:
        if kind == "%":
            return "%"
        shape = "%" + spec.rstrip("hlqjztL").replace("'", "").replace("I", "")
        argument = self._next()
        if kind == "s":
            return shape % () if kind == "" else (shape + "s") % ("(null)" if argument is None else argument)
        if argument is None:
            raise FunctionError("too few arguments for the format")
        if kind in "diouxXc":
            number = c_int(argument)
            if number is None:
                raise FunctionError(f"'{argument}' is no number")
            return self._whole(shape, spec, kind, number)
        if kind in "eEfFgGaA":
            return self._fraction(shape, kind, argument)
        raise FunctionError(f"format type '{kind}' is not supported")

    @staticmethod
    def _whole(shape: str, spec: str, kind: str, number: int) -> str:
        if "hh" in spec:
            number = (number + 128) % 256 - 128
        elif "h" in spec:
            number = (number + 32768) % 65536 - 32768
        if kind == "c":
            # the byte 0 ends the text
            return ((shape + "c") % chr(number & 0xFF)).partition("\0")[0]
        if any(mark in spec for mark in "lqjztL"):
            # an int where a long is expected: the upper half is empty
            number &= 0xFFFFFFFF
        elif kind in "ouxX":
            number &= 0xFF if "hh" in spec else 0xFFFF if "h" in spec else 0xFFFFFFFF
        if kind == "o" and "#" in shape:
            return "0" + (shape.replace("#", "") + "o") % number
        return (shape + ("d" if kind in "diu" else kind)) % number

    @staticmethod
    def _fraction(shape: str, kind: str, argument: str) -> str:
        from pbx.dialplan.functions.common import c_float

        number = c_float(argument)
        if number is None:
            raise FunctionError(f"'{argument}' is no number")
        if kind in "aA":
            mantissa, _, exponent = number.hex().partition("p")
            mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
            text = f"{mantissa}p{exponent}"
            return text.upper() if kind == "A" else text
        return (shape + kind) % number
