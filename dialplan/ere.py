"""POSIX extended regular expressions, as glibc compiles them, by Python's `re`.

Used by REGEX() and the like.  What matters and differs: bracket expressions
with classes, repetition of a repetition, an unmatched `)` that stands for
itself, a `*` with nothing before it that is an error.
"""

from __future__ import annotations

import functools
import re

_CLASSES = {
    "alpha": "a-zA-Z",
    "digit": "0-9",
    "alnum": "a-zA-Z0-9",
    "upper": "A-Z",
    "lower": "a-z",
    "space": " \\t\\n\\r\\f\\v",
    "blank": " \\t",
    "punct": "!-/:-@\\[-`{-~",
    "xdigit": "0-9A-Fa-f",
    "cntrl": "\\x00-\\x1f\\x7f",
    "print": "\\x20-\\x7e\\x80-\\U0010ffff",
    "graph": "\\x21-\\x7e\\x80-\\U0010ffff",
}
_INTERVAL = re.compile(r"\{(\d*)(,?)(\d*)\}")
#: glibc's own escapes, and what they are in Python
_ESCAPES = {"w": r"\w", "W": r"\W", "s": r"\s", "S": r"\S", "b": r"\b", "B": r"\B", "`": r"\A", "'": r"\Z"}


class BadPattern(ValueError):
    """The expression is none."""


@functools.lru_cache(maxsize=512)
def compile_ere(pattern: str, ignore_case: bool = False) -> re.Pattern[str]:
    """The pattern, to be used with `search`.  Raises BadPattern."""
    flags = re.DOTALL | (re.IGNORECASE if ignore_case else 0)
    try:
        return re.compile(_Translator(pattern).translate(), flags)
    except re.error as error:
        raise BadPattern(str(error)) from error
    except (RecursionError, OverflowError) as error:
        raise BadPattern("expression too complicated") from error


class _Translator:
    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.position = 0
        self.out: list[str] = []
        #: where in `out` each open group began
        self.open: list[int] = []

    def translate(self) -> str:
        pattern, out = self.pattern, self.out
        #: index in `out` of what a repetition would repeat, None: there is nothing
        last: int | None = None
        while self.position < len(pattern):
            char = pattern[self.position]
            self.position += 1
            if char == "(":
                self.open.append(len(out))
                out.append("(")
                last = None
            elif char == ")" and self.open:
                last = self.open.pop()
                out.append(")")
            elif char == "|":
                out.append("|")
                last = None
            elif char in "*+?" or (char == "{" and self._interval_here()):
                last = self._repeat(char, last)
            elif char == "^":
                out.append(r"\A")
                last = None
            elif char == "$":
                out.append(r"\Z")
                last = None
            else:
                last = len(out)
                out.append(self._atom(char))
        if self.open:
            raise BadPattern("a ( is not closed")
        return "".join(out)

    def _interval_here(self) -> bool:
        match = _INTERVAL.match(self.pattern, self.position - 1)
        return match is not None and bool(match[1] or match[2])

    def _repeat(self, char: str, last: int | None) -> int:
        if last is None:
            raise BadPattern(f"nothing stands before {char}")
        if char == "{":
            match = _INTERVAL.match(self.pattern, self.position - 1)
            assert match is not None
            self.position = match.end()
            low = int(match[1] or 0)
            high = match[3] if match[2] else str(low)
            if low > 255 or (high and (int(high) > 32767 or int(high) < low)):
                raise BadPattern("bad interval")
            repetition = f"{{{low},{high}}}"
        else:
            repetition = char
        body = "".join(self.out[last:])
        del self.out[last:]
        self.out.append(f"(?:{body}){repetition}" if len(body) > 1 and not _whole(body) else body + repetition)
        # what is repeated once may be repeated again: it needs its own group then
        self.out[-1] = f"(?:{self.out[-1]})"
        return last

    def _atom(self, char: str) -> str:
        if char == "[":
            return self._bracket()
        if char == "\\":
            if self.position == len(self.pattern):
                raise BadPattern("a backslash ends the expression")
            char = self.pattern[self.position]
            self.position += 1
            if char in _ESCAPES:
                return _ESCAPES[char]
            if char in "<>":
                return r"\b(?=\w)" if char == "<" else r"\b(?<=\w)"
            if char.isdigit() and char != "0":
                return f"(?:\\{char})"
            return re.escape(char)
        return "." if char == "." else re.escape(char)

    def _bracket(self) -> str:
        pattern, start = self.pattern, self.position
        negated = pattern[start : start + 1] == "^"
        position = start + negated
        parts: list[str] = []
        first = True
        while True:
            if position >= len(pattern):
                raise BadPattern("a [ is not closed")
            char = pattern[position]
            if char == "]" and not first:
                break
            first = False
            if char == "[" and pattern[position + 1 : position + 2] in (":", ".", "="):
                position, text = self._class(position)
                parts.append(text)
                continue
            position += 1
            following = pattern[position + 1 : position + 2]
            if pattern[position : position + 1] == "-" and following not in ("]", ""):
                if following < char:
                    raise BadPattern("bad range")
                parts.append(f"{_literal(char)}-{_literal(following)}")
                position += 2
            else:
                parts.append(_literal(char))
        self.position = position + 1
        return f"[{'^' if negated else ''}{''.join(parts)}]"

    def _class(self, position: int) -> tuple[int, str]:
        kind = self.pattern[position + 1]
        end = self.pattern.find(f"{kind}]", position + 2)
        if end < 0:
            raise BadPattern("a class is not closed")
        name = self.pattern[position + 2 : end]
        if kind == ":":
            if name not in _CLASSES:
                raise BadPattern(f"no class [:{name}:]")
            return end + 2, _CLASSES[name]
        if len(name) != 1:
            raise BadPattern("only single characters collate here")
        return end + 2, _literal(name)


def _whole(body: str) -> bool:
    """Whether a translated piece is one unit for a repetition already."""
    return bool(re.fullmatch(r"\\.|\(\?:[^()]*\)|\[[^\]]*\]", body))


def _literal(char: str) -> str:
    return "\\" + char if char in "\\]^-[" or not char.isalnum() and char.isascii() else char
