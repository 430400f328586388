"""Generators of texts: expressions, substitutions, string functions.  Each gives what stands in `EMIT(...)`."""

# ruff: noqa: E501

from __future__ import annotations

from collections.abc import Callable
from random import Random

Text = Callable[[Random], str]

NUMBERS = ["0", "1", "2", "7", "10", "00", "007", "1.5", "0.1", ".5", "1.", "3.14159", "-1", "-0", "12345678901234567890",
           "1e3", "0x10", "99999999999", "2147483648", "+5", "1.2.3"]  # fmt: skip
WORDS = ["a", "abc", "foo", "Foo", "b1", "x_y", "''", "'a'", "a.b", "a#b", "@", "\u00e4", "a;b", "\\a", "a^b", "yes"]
STRINGS = ['""', '"a"', '"a b"', '"1"', '"0"', '"00"', '"abc"', '" "', '"1.5"', '"-1"', '"+1"', '"a,b"', '"[x]"', '"a(b)c"',
           '"$5"', '"a:b"', '"a?b"', '"1 "']  # fmt: skip
HOLES = ["${A}", "${B}", "${C}", "${E}", "${Q}", "${N}", "${NEG}", "${U}", "${F}", "${S}", "${EXTEN}", "${LEN(${A})}"]
REGEXES = ['"a"', '"^a"', '"b$"', '"(.)"', '"(a|b)c*"', '"[0-9]+"', '"[^a]*"', '".*"', '"(.*)b"', '"a{2}"', '"x?"', '"\\\\."',
           '"([0-9]+)-([0-9]+)"', '"[[:alpha:]]+"', '"a+"', '"^$"', '"(x)?a"', "a.", "^a", '"("', '"["', '"*"', '"a\\|b"',
           '"^(a*)(ab)*"', '"[a-c]{1,2}"', '"\\w+"', '"(a)(b)"', '"()"', '"a**"', '"[]a]"', '"[a-]"', '"\\."']  # fmt: skip
SUBJECTS = [
    '"abc"',
    '"aab"',
    '"12-34"',
    '"a.b"',
    "abc",
    "12345",
    '"b"',
    '""',
    '"${A}"',
    "${N}",
    '"a|b"',
    '"(x)"',
    '"]-"',
]
BINARY = ["+", "-", "*", "/", "%", "=", "==", "!=", "<", ">", "<=", ">=", "|", "&", "||", "&&", "~~", "=~", ":"]
CALLS = ["LEN", "ABS", "ROUND", "FLOOR", "CEIL", "TRUNC", "SQRT", "RINT", "COS", "LOG", "EXP", "POW", "REMAINDER", "SIN",
         "MIN", "MAX", "TOUPPER", "EXP2", "LOG10", "ATAN2"]  # fmt: skip
JUNK = [*"+-*/%()|&=<>!?:~\"'$ ,.;[]{}@^\\", "::", "=~", "~~", "&&", "||", "a", "1", "0", '"x"', "  "]
#: variables that the texts read
SETUP = ["A=5", "B=abc", "C=x y", "N=42", "NEG=-3", "F=2.5", 'Q="q"', "S=a,b,c", "E=", "L=0123456789", "P=a:b",
         "NAME=B", "K=-2", "M=\u00e4\u00f6"]  # fmt: skip


def atom(rng: Random) -> str:
    kind = rng.random()
    if kind < 0.4:
        return rng.choice(NUMBERS)
    if kind < 0.55:
        return rng.choice(WORDS)
    if kind < 0.75:
        return rng.choice(STRINGS)
    return rng.choice(HOLES)


def inner(rng: Random, depth: int) -> str:
    """What stands between `$[` and `]`."""
    if depth <= 0:
        return atom(rng)
    kind = rng.random()
    blank = " " if rng.random() < 0.6 else ""
    if kind < 0.55:
        return f"{inner(rng, depth - 1)}{blank}{rng.choice(BINARY)}{blank}{inner(rng, depth - 1)}"
    if kind < 0.65:
        return f"({blank}{inner(rng, depth - 1)}{blank})"
    if kind < 0.72:
        return rng.choice("!-") + blank + inner(rng, depth - 1)
    if kind < 0.8:
        return f"{inner(rng, depth - 1)}{blank}?{blank}{inner(rng, depth - 1)}{blank}::{blank}{inner(rng, depth - 1)}"
    if kind < 0.88:
        # with the wrong number of arguments, or words for numbers, Asterisk gives what lies in memory
        name = rng.choice(CALLS)
        count = 2 if name in ("POW", "REMAINDER", "MIN", "MAX", "ATAN2") else 1
        return f"{name}({','.join(rng.choice([*NUMBERS[:10], '${A}', '${N}', '$[1+2]']) for _ in range(count))})"
    if kind < 0.95:
        return f"{rng.choice(SUBJECTS)}{blank}{rng.choice(('=~', ':'))}{blank}{rng.choice(REGEXES)}"
    return f"$[{inner(rng, depth - 1)}]"


def expression(rng: Random) -> str:
    """A well-formed expression, most of the time."""
    return f"$[{inner(rng, rng.choice((0, 1, 1, 2, 2, 3)))}]"


def junk(rng: Random) -> str:
    """An expression with mistakes."""
    text = inner(rng, rng.choice((1, 1, 2)))
    for _ in range(rng.choice((1, 1, 2, 3))):
        at = rng.randrange(len(text) + 1)
        if rng.random() < 0.5:
            text = text[:at] + rng.choice(JUNK) + text[at:]
        else:
            text = text[:at] + text[at + rng.randrange(1, 3) :]
    return f"$[{text}]"


def regex(rng: Random) -> str:
    """`:` and `=~` with a made pattern."""

    def piece(depth: int) -> str:
        one = rng.choice(
            ["a", "b", "c", "1", ".", "[ab]", "[^a]", "[a-c]", "[[:digit:]]", "\\\\.", "x", "-", " ", "^", "$"]
        )
        if depth and rng.random() < 0.35:
            one = f"({alternatives(depth - 1)})"
        return one + rng.choice(["", "", "", "*", "+", "?", "{2}", "{0,1}", "{1,}", "{,2}"])

    def alternatives(depth: int) -> str:
        return "|".join(
            "".join(piece(depth) for _ in range(rng.randrange(0, 4))) for _ in range(rng.choice((1, 1, 1, 2)))
        )

    subject = "".join(rng.choice("abc1.-x ") for _ in range(rng.randrange(0, 9)))
    return f'$["{subject}" {rng.choice((":", "=~"))} "{alternatives(2)}"]'


OFFSETS = [
    "0",
    "1",
    "2",
    "-1",
    "-2",
    "3",
    "9",
    "10",
    "20",
    "-20",
    "",
    "x",
    " 1",
    "1 ",
    "+1",
    "01",
    "0x1",
    "${A}",
    "${K}",
]


def variable(rng: Random, depth: int = 2) -> str:
    name = rng.choice(["A", "B", "C", "L", "S", "E", "NONE", "${NAME}", "M", "P", "EXTEN", "CONTEXT", "PRIORITY", "N",
                       " A", "A ", "_A", "L", "L", "L"])  # fmt: skip
    if depth and rng.random() < 0.3:
        name = function(rng, depth - 1)[2:-1]
    kind = rng.random()
    if kind < 0.35:
        return f"${{{name}}}"
    if kind < 0.65:
        return f"${{{name}:{rng.choice(OFFSETS)}}}"
    if kind < 0.95:
        return f"${{{name}:{rng.choice(OFFSETS)}:{rng.choice(OFFSETS)}}}"
    return f"${{{name}:{rng.choice(OFFSETS)}:{rng.choice(OFFSETS)}:{rng.choice(OFFSETS)}}}"


PIECES = ["${", "}", "$[", "]", "$", "{", "[", "\\", "\\$", "$$", "(", ")", "a", "1", " ", ",", '"', ":", "${A}", "$[1+1]", "A",
          "LEN(", "${LEN(a)}", "$A", "${}", "$[]", "$ {A}", "${A", "}}", "{{", "'", "|", "${L:2"]  # fmt: skip


def substitution(rng: Random) -> str:
    """Variables with offsets, nested, with text around them."""
    return rng.choice(["", "x", " ", "a b"]) + variable(rng) + rng.choice(["", "y", "}", "]", ":1"]) + (
        variable(rng) if rng.random() < 0.3 else "")  # fmt: skip


def brackets(rng: Random) -> str:
    """Marks and brackets in any order."""
    return "".join(rng.choice(PIECES) for _ in range(rng.randrange(1, 8)))


TEXTS = ["", "a", "abc", "a,b,c", "a-b-c", "12345", "a b", " a ", "abcabc", "A1b2", "a&b&c", "1,2,,3", ",,", '"a,b",c', "a\\,b", "${S}",
         "${L}", "${B}", "${C}", "${E}", "-5", "3.7", "\u00e4b", "a:b:c", "x=y", "()", "a(b)c", "0-9", "[a]", "%41", "a+b"]  # fmt: skip
DELIMITERS = ["-", ",", "&", ":", "\\,", " ", "", "\\n", "\\t", "\\x2c", "ab", "\\-"]
SETS = ["a-c", "0-9", "abc", "", "\\x41-\\x43", "0-9a-f", "-", "\\-", "z-a", "a-", "-a", "\\\\", "A-Z", " ", "\\n"]
FIELDS = ["1", "2", "1-2", "2-", "-2", "1&3", "0", "9", "a", "", "3-1", "-", "1-", "-1", "2&1"]
FORMATS = ["%d", "%5d", "%-5d|", "%05d", "%s", "%10s|", "%-10s|", "%.2s", "%f", "%.2f", "%x", "%X", "%o", "%c", "%%", "%e", "%g", "%i", "%u",
           "%+d", "% d", "%#x", "%3$s", "%ld", "%", "%d %s", "a%sb", "%5.1f", "%z", "%q"]  # fmt: skip
SIGNS = ["+", "-", "*", "/", "%", "<", ">", ">=", "<=", "=", "==", "<<", ">>", "AND", "OR", "XOR", "**", "^", "MOD"]
TIMES = ["0", "1", "1700000000", "1234567890", "-1", "a", ""]
SHAPES = ["%Y-%m-%d", "%H:%M:%S", "%s", "%a %b %e", "%j", "%q", "%3q", "%", "", "%A %B", "%I %p", "%y%m%d", "%u %w", "%V %G", "%F %T",
          "%D", "%R", "%n", "%t", "%%", "%C", "%k", "%l", "%x", "%X", "%c", "%U", "%W", "%h", "%r", "%Q", "%1q", "%6q", "%9q"]  # fmt: skip


def _args(rng: Random, *lists: list[str]) -> str:
    count = len(lists) if rng.random() < 0.8 else rng.randrange(len(lists) + 1)
    text = ",".join(rng.choice(options) for options in lists[:count])
    return text + ("," + rng.choice(TEXTS) if rng.random() < 0.06 else "")


def _math(rng: Random) -> str:
    kind = rng.choice(["", "", ",i", ",f", ",int", ",float", ",hex", ",octal", ",char", ",x", ",h"])
    return f"{rng.choice([*NUMBERS, 'a', ''])}{rng.choice(SIGNS)}{rng.choice([*NUMBERS, 'a', ''])}{kind}"


NAMES = ["S", "L", "B", "E", "NONE", "P", "C"]
FUNCTIONS: dict[str, Callable[[Random], str]] = {
    "LEN": lambda r: _args(r, TEXTS),
    "CUT": lambda r: _args(r, NAMES, DELIMITERS, FIELDS),
    "FIELDQTY": lambda r: _args(r, NAMES, DELIMITERS),
    "FIELDNUM": lambda r: _args(r, NAMES, DELIMITERS, TEXTS),
    "FILTER": lambda r: _args(r, SETS, TEXTS),
    "REPLACE": lambda r: _args(r, NAMES, SETS, SETS),
    "STRREPLACE": lambda r: _args(r, NAMES, TEXTS, TEXTS, FIELDS),
    "PASSTHRU": lambda r: _args(r, TEXTS),
    "TOUPPER": lambda r: _args(r, TEXTS),
    "TOLOWER": lambda r: _args(r, TEXTS),
    "QUOTE": lambda r: _args(r, TEXTS),
    "CSV_QUOTE": lambda r: _args(r, TEXTS),
    "KEYPADHASH": lambda r: _args(r, TEXTS),
    "TRIM": lambda r: _args(r, TEXTS),
    "LTRIM": lambda r: _args(r, TEXTS),
    "RTRIM": lambda r: _args(r, TEXTS),
    "REGEX": lambda r: f"{r.choice(REGEXES)}{r.choice([' ', '', '  '])}{r.choice(TEXTS)}",
    "IF": lambda r: f"{r.choice(TEXTS)}?{r.choice(TEXTS)}{r.choice([':', '', ':'])}{r.choice(TEXTS)}",
    "ISNULL": lambda r: _args(r, TEXTS),
    "EXISTS": lambda r: _args(r, TEXTS),
    "SET": lambda r: f"{r.choice(['T1', 'T2', 'A'])}{r.choice(['=', '=', ''])}{r.choice(TEXTS)}",
    "MATH": _math,
    "INC": lambda r: _args(r, ["A", "N", "NEG", "B", "NONE"]),
    "DEC": lambda r: _args(r, ["A", "N", "NEG", "B", "NONE"]),
    # (without arguments it ends Asterisk)
    "SPRINTF": lambda r: f"{r.choice(FORMATS)},{r.choice(NUMBERS + TEXTS)},{r.choice(TEXTS)}",
    "STRFTIME": lambda r: _args(r, TIMES, ["", "UTC", "Europe/Berlin", "No/Where"], SHAPES),
    "STRPTIME": lambda r: _args(r, ["2020-02-03 04:05:06", "x", "2020-02-30"], ["", "UTC"], ["%Y-%m-%d %H:%M:%S", "%s"]),
    "MD5": lambda r: _args(r, TEXTS),
    "SHA1": lambda r: _args(r, TEXTS),
    "BASE64_ENCODE": lambda r: _args(r, TEXTS),
    "BASE64_DECODE": lambda r: _args(r, ["YWJj", "YWI=", "YQ==", "YQ", "!", "", "Y W I ="]),
    "URIENCODE": lambda r: _args(r, TEXTS),
    "URIDECODE": lambda r: _args(r, ["%41", "a%20b", "%", "%4", "%zz", "+", "%00a", ""]),
    "ABS": lambda r: _args(r, NUMBERS + TEXTS),
    "MIN": lambda r: _args(r, NUMBERS, NUMBERS + TEXTS),
    "MAX": lambda r: _args(r, NUMBERS, NUMBERS + TEXTS),
    "LISTFILTER": lambda r: _args(r, NAMES, DELIMITERS, TEXTS),
    "SORT": lambda r: ",".join(f"{r.choice('abcd')}:{r.choice(NUMBERS)}" for _ in range(r.randrange(5))),
    "EVAL": lambda r: r.choice(["${A}", "$\\{A}", "1", "${NAME}", "abc", "", "$[1+1]"]),
    "BASENAME": lambda r: _args(r, ["/a/b.c", "a", "/", "a/", "", "//a//b"]),
    "DIRNAME": lambda r: _args(r, ["/a/b.c", "a", "/", "a/", "", "//a//b"]),
    "DIALPLAN_EXISTS": lambda r: _args(r, ["texts", "no", ""], ["s", "x", ""], ["1", "2", "a", ""]),
    "VALID_EXTEN": lambda r: _args(r, ["texts", "no", ""], ["s", "x", ""], ["1", "2", "a", ""]),
    "IFTIME": lambda r: f"{r.choice(['*,*,*,*', '0:00-23:59,*,*,*', '*,mon-sun,*,*', '*,*,32,*', 'x'])}?{r.choice(TEXTS)}:{r.choice(TEXTS)}",
    "AST_CONFIG": lambda r: _args(r, ["features.conf", "no.conf"], ["general", "no"], ["x", "transferdigittimeout"]),
    "CALLERID": lambda r: _args(r, ["num", "name", "all", "ani", "dnid", "x", "", "num-pres", "ton", "name-valid"]),
    "CHANNEL": lambda r: _args(r, ["state", "language", "x", "channeltype", "musicclass", "accountcode", "amaflags", "parkinglot"]),
    "TIMEOUT": lambda r: _args(r, ["digit", "response", "absolute", "x", ""]),
    "GLOBAL": lambda r: _args(r, ["G1", "A", "NONE"]),
    "HASHKEYS": lambda r: _args(r, ["H", "B"]),
    "SHIFT": lambda r: _args(r, NAMES, DELIMITERS),
    "POP": lambda r: _args(r, NAMES, DELIMITERS),
    "STRBETWEEN": lambda r: _args(r, NAMES, TEXTS, TEXTS),
    "TRYEVAL": lambda r: r.choice(TEXTS),
    "JSON_DECODE": lambda r: _args(r, ["J", "B"], ["a", "b.c", "d", "", "l.0"]),
    "DB": lambda r: _args(r, ["f/none", "f", "a/b/c", ""]),
    "STAT": lambda r: _args(r, ["e", "d", "f", "s", "x"], ["/tmp", "/nonexistent", "/"]),
    "CDR": lambda r: _args(r, ["src", "dst", "dcontext", "disposition", "x", "amaflags", "lastapp", "billsec", "accountcode", "userfield"],
                           ["", "u", "f", "uf"]),
    "GROUP": lambda r: _args(r, ["", "a"]),
    "GROUP_COUNT": lambda r: _args(r, ["", "a", "a@b", "@"]),
    "NOSUCH": lambda r: _args(r, TEXTS),
}  # fmt: skip


def function(rng: Random, depth: int = 0) -> str:
    """A dialplan function with plausible and implausible arguments."""
    name = rng.choice(sorted(FUNCTIONS))
    arguments = FUNCTIONS[name](rng)
    if depth and rng.random() < 0.3:
        arguments = arguments.replace("abc", function(rng, depth - 1), 1)
    return f"${{{name}({arguments})}}"


GROUPS: dict[str, Text] = {
    "expressions": expression,
    "junk": junk,
    "regex": regex,
    "substitution": substitution,
    "brackets": brackets,
    "functions": lambda rng: function(rng, 1),
}
