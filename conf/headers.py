"""`[name](options)`: the line that begins a section, takes templates over, or adds to an earlier section."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pbx.conf.document import Section


@dataclass(frozen=True, slots=True)
class Header:
    """A section line taken apart.

    `options` is None where no `(` follows the `]` at once. `problem` says what is missing ("]" or ")"), else empty.
    `trailing` is what stands behind and is ignored.
    """

    name: str
    options: tuple[str, ...] | None
    trailing: str
    problem: str = ""


def parse_header(text: str) -> Header:
    """Take apart a line that begins with `[`."""
    end = text.find("]")
    if end < 0:
        return Header(text[1:].strip(), None, "", "]")
    name, rest = text[1:end], text[end + 1 :]
    if not rest.startswith("("):
        return Header(name, None, rest)
    close = rest.find(")")
    if close < 0:
        return Header(name, tuple(rest[1:].split(",")), "", ")")
    return Header(name, tuple(rest[1:close].split(",")), rest[close + 1 :])


class FilterError(ValueError):
    """A `(+filter)` that can't be used; the text says why."""


def choose(sections: Sequence[Section], condition: str) -> Section | None:
    """The first of these sections that a `(+filter)` means: `name=regex` joined by `&`.

    `TEMPLATES=include` takes templates too, `TEMPLATES=restrict` templates only. Raises FilterError.
    """
    templates: bool | None = False
    tests: list[tuple[str, re.Pattern[str]]] = []
    for part in condition.split("&") if condition else ():
        name, equals, pattern = part.partition("=")
        if not equals:
            raise FilterError(f"'{part}' is no name=pattern")
        if name == "TEMPLATES":
            if pattern not in ("include", "restrict"):
                raise FilterError(f"TEMPLATES is include or restrict, not '{pattern}'")
            templates = None if pattern == "include" else True
            continue
        try:
            tests.append((name, re.compile(pattern)))
        except (re.error, OverflowError, RecursionError) as error:
            raise FilterError(f"'{pattern}' is no regular expression: {error}") from error
    for section in sections:
        if templates is not None and section.is_template != templates:
            continue
        if all(any(e.name == name and test.search(e.value) for e in section.entries) for name, test in tests):
            return section
    return None
