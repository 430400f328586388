"""`${...}` and `$[...]` in the data of a priority, put in as Asterisk does.

What stands between the braces is found by counting braces in the text as written, so a text is taken apart once and
remembered; only values change from call to call.  The limits are those of Asterisk's buffers, in bytes.
"""

from __future__ import annotations

import re
from typing import NamedTuple, Protocol

from pbx.dialplan.expressions import Template, Whole, evaluate
from pbx.dialplan.octets import cut, length, narrowed, widened

#: Bytes of application data after substitution.
DATA_LIMIT = 8191
#: Bytes of what is put together inside one `${...}` or `$[...]`, and of what a variable or function gives.
VALUE_LIMIT = 4095
#: `${` and `$[` inside the outermost one, each in the one before; what is deeper gives nothing.
DEEPEST = 14
#: Texts taken apart that are remembered.
MEMO = 16384

_OFFSETS = re.compile(r"\s*([-+]?\d{1,30})(?::\s*([-+]?\d{1,30}))?")
_MARK = re.compile(r"\$[{\[]")
#: what counts brackets inside `${` and inside `$[`
_BRACES = re.compile(r"\$[{\[]|[{}]")
_SQUARES = re.compile(r"\$[{\[]|[\[\]]")


class Values(Protocol):
    """Where substitution gets its values."""

    def variable(self, name: str) -> str | None:
        """A variable of the channel, built-in or global; None if there is none."""

    def function(self, name: str, args: str) -> str | None:
        """What a function reads; None if it fails or does not exist (an empty text is put in)."""


class _Name(NamedTuple):
    """`NAME`, `NAME:offset:length`, `FUNC(args)` taken apart; `args` None: a variable."""

    name: str
    args: str | None
    offset: int
    length: int | None


def _int(text: str) -> int:
    """A C int read from digits: what does not fit wraps as it does there."""
    number = max(-(2**63), min(2**63 - 1, int(text)))
    return (number + 2**31) % 2**32 - 2**31


def _take_apart(text: str) -> _Name:
    offset, limit = 0, None
    function = "(" in text
    if ":" in text:
        depth = 0
        seen = False
        for at, char in enumerate(text):
            if char == "(":
                depth += 1
                seen = True
            elif char == ")":
                depth -= 1
            elif char == ":" and not depth:
                found = _OFFSETS.match(text, at + 1)
                if found:
                    offset = _int(found[1])
                    limit = None if found[2] is None else _int(found[2])
                text = text[:at]
                function = seen
                break
    if not function:
        return _Name(text, None, offset, limit)
    name, _, args = text.partition("(")
    end = args.rfind(")")
    return _Name(name, args if end < 0 else args[:end], offset, limit)


def substring(value: str, offset: int, limit: int | None) -> str:
    """`${value:offset:limit}`: bytes, negative numbers count from the end."""
    if not offset and (limit is None or limit >= length(value)):
        return value
    text = widened(value)
    size = len(text)
    if offset < 0:
        offset = max(0, size + offset)
    if offset >= size:
        return ""
    if limit is None:
        part = text[offset:]
    elif limit >= 0:
        part = text[offset : offset + limit]
    else:
        part = text[offset : max(offset, size + limit)]
    return narrowed(part) if text is not value else part


class _Variable:
    """`${...}`."""

    __slots__ = ("_inner", "_name")

    def __init__(self, inside: str, depth: int) -> None:
        self._inner = _Text(inside, depth + 1) if _MARK.search(inside) else None
        self._name = _take_apart(inside)

    @property
    def plain(self) -> str | None:
        """The name where it is nothing but a variable's."""
        name, args, offset, limit = self._name
        return name if self._inner is None and args is None and not offset and limit is None else None

    def quick(self, values: Values) -> str | None:
        """The value where no function is in the way; None where it takes more."""
        value = values.variable(self._name.name) or ""
        return value if len(value) <= VALUE_LIMIT // 4 else None

    def __call__(self, values: Values) -> str:
        if self._inner is None:
            name, args, offset, limit = self._name
        else:
            name, args, offset, limit = _take_apart(self._inner.put_in(values, VALUE_LIMIT))
        if args is None:
            value = values.variable(name)
        else:
            value = values.function(name, args)
            if value and "\0" in value:
                # where a text of C ends
                value = value[: value.index("\0")]
        if not value:
            return ""
        if len(value) > VALUE_LIMIT // 4:
            value = cut(value, VALUE_LIMIT)
        return substring(value, offset, limit) if offset or limit is not None else value


class _Expression:
    """`$[...]`."""

    __slots__ = ("_inner", "_names", "_template", "_text", "_whole")

    def __init__(self, inside: str, depth: int) -> None:
        self._text = inside
        self._whole: Whole | None = None
        #: plain variables in the holes of `_whole`
        self._names: tuple[str, ...] = ()
        self._inner: _Text | None = None
        self._template: Template | None = None
        if _MARK.search(self._text):
            self._inner = _Text(self._text, depth + 1)
            self._template = self._inner.template()
            names = [piece.plain for piece in self._inner.pieces if isinstance(piece, _Variable)]
            if self._template is not None and len(names) == len(self._inner.pieces) and all(names):
                self._names = tuple(name for name in names if name)
                self._whole = self._template.whole

    @property
    def plain(self) -> bool:
        """Nothing but variables and numbers, one operator between them."""
        return self._whole is not None

    def quick(self, values: Values) -> str | None:
        """The value where its variables hold whole numbers; None where it takes more."""
        if self._whole is None:
            return None
        names = self._names
        if len(names) == 1:
            return self._whole.evaluate(values.variable(names[0]) or "")
        return self._whole.evaluate(*[values.variable(name) or "" for name in names])

    def __call__(self, values: Values) -> str:
        result = self.quick(values)
        if result is not None:
            return result
        if self._inner is None:
            return evaluate(self._text, values)
        if self._template is None:
            return evaluate(self._inner.put_in(values, VALUE_LIMIT), values)
        texts = [piece(values) for piece in self._inner.pieces]
        size = len(self._text)
        for text in texts:
            size += len(text)
        if size <= VALUE_LIMIT // 4:
            result = self._template.evaluate(texts, values)
        if result is None:
            result = evaluate(cut(self._inner.join(texts), VALUE_LIMIT), values)
        return result


#: One piece of a text: called with the values, it gives what is put in.
_Piece = _Variable | _Expression


class _Text:
    """A text taken apart: literal[0], piece[0], literal[1], piece[1] ... literal[n]."""

    __slots__ = ("_plain", "literals", "pieces")

    def __init__(self, text: str, depth: int = 0) -> None:
        self.literals: list[str] = []
        self.pieces: list[_Piece] = []
        self._take_apart(text, depth)
        self._plain = all(piece.plain for piece in self.pieces)

    def _take_apart(self, text: str, depth: int) -> None:
        at = 0
        if depth > DEEPEST:
            text = ""
        while True:
            mark = _MARK.search(text, at)
            if mark is None:
                self.literals.append(text[at:])
                return
            self.literals.append(text[at : mark.start()])
            variable = mark[0] == "${"
            end, closed = _closing(text, mark.end(), variable)
            inside = text[mark.end() : end - 1 if closed else end]
            self.pieces.append((_Variable if variable else _Expression)(inside, depth))
            at = end

    def quick(self, values: Values, limit: int) -> str | None:
        """The text with the values where nothing can fail, wait or be cut; None: it takes `put_in`."""
        if not self._plain:
            return None
        whole = self.literals[0]
        for at, piece in enumerate(self.pieces, 1):
            text = piece.quick(values)
            if text is None:
                return None
            whole += text + self.literals[at]
        return whole if len(whole) <= limit // 4 else None

    def put_in(self, values: Values, limit: int) -> str:
        """The text with the values, cut to `limit` bytes."""
        pieces = self.pieces
        if len(pieces) == 1:
            first, last = self.literals
            text = first + pieces[0](values) + last
        else:
            text = self.join([piece(values) for piece in pieces])
        return text if len(text) <= limit // 4 else cut(text, limit)

    def join(self, texts: list[str]) -> str:
        """The literals with `texts` between them."""
        out = [self.literals[0]]
        for text, literal in zip(texts, self.literals[1:], strict=True):
            out.append(text)
            out.append(literal)
        return "".join(out)

    def template(self) -> Template | None:
        """The text as an expression with holes; None where that cannot be."""
        return Template.make(self.literals)


def _closing(text: str, at: int, variable: bool) -> tuple[int, bool]:
    """(end of a `${` or `$[` whose inside begins at `at`, whether it was closed)."""
    pattern, own, opener, closer = (_BRACES, "${", "{", "}") if variable else (_SQUARES, "$[", "[", "]")
    depth = 1
    while True:
        found = pattern.search(text, at)
        if found is None:
            return len(text), False
        at = found.end()
        mark = found[0]
        if mark in (own, opener):
            depth += 1
        elif mark == closer:
            depth -= 1
            if not depth:
                return at, True


_memo: dict[str, _Text] = {}


def _taken_apart(text: str) -> _Text:
    found = _memo.get(text)
    if found is None:
        found = _Text(text)
        if len(_memo) >= MEMO:
            _memo.clear()
        _memo[text] = found
    return found


def quick(text: str, values: Values, limit: int = DATA_LIMIT) -> str | None:
    """What `substitute` gives, where `text` has but variables and sums of whole numbers; else None."""
    return _taken_apart(text).quick(values, limit)


def substitute(text: str, values: Values, limit: int = DATA_LIMIT) -> str:
    """`text` with every `${...}` and `$[...]` replaced, at most `limit` bytes.

    Never raises for what stands in the text; what `values` raises (Suspend) passes through.
    """
    if "$" not in text:
        return text if len(text) <= limit // 4 else cut(text, limit)
    return _taken_apart(text).put_in(values, limit)


def value(name: str, values: Values) -> str:
    """What `${name}` gives, of any length: for functions that are told a variable by its name."""
    if any(mark in name for mark in "${}"):
        return substitute("${" + name + "}", values)
    bare, args, offset, limit = _take_apart(name)
    found = (values.variable(bare) if args is None else values.function(bare, args)) or ""
    found = found.partition("\0")[0]
    return substring(found, offset, limit) if offset or limit is not None else found
