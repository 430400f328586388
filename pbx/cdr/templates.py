"""Lines of cdr_custom.conf and rows of cdr_sqlite3_custom.conf, from templates or lists of fields."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from pbx.cdr.record import TIMES, Cdr, ama_name, stamp
from pbx.channels.channel import Channel
from pbx.dialplan.scope import Scope
from pbx.dialplan.services import Services

#: where the scope of a template finds its record
RECORD = "cdr.record"


def cdr_text(cdr: Cdr, name: str, options: str) -> str | None:
    """CDR(name,options): u as numbers, f durations with fractions."""
    low = name.lower()
    value = cdr.value(low)
    if value is None:
        return cdr.text(name)
    if "u" in options:
        return f"{value:.6f}" if low in TIMES else str(value)
    if "f" in options and low in ("duration", "billsec"):
        return f"{cdr.duration if low == 'duration' else cdr.billsec:.6f}"
    return cdr.text(name)


def field_value(cdr: Cdr) -> Callable[[str, frozenset[str], str], str | int | float | None]:
    """The source of fields of a list: `start(int64)`, `disposition(int64)`, `mine(uservar)`."""

    def value(name: str, tags: frozenset[str], form: str) -> str | int | float | None:
        if "uservar" in tags:
            return next((v for k, v in cdr.variables.items() if k.lower() == name), None)
        known = cdr.value(name)
        if known is None:
            return None
        if name in TIMES:
            if tags & {"int64", "int32", "uint32"}:
                return int(known)
            if tags & {"float", "double"}:
                return float(known)
            return stamp(float(known), form=form) if form else stamp(float(known))
        if tags & {"float", "double"} and name in ("duration", "billsec"):
            return cdr.duration if name == "duration" else cdr.billsec
        if name == "disposition" and not tags & {"int64", "int32", "uint32"}:
            return cdr.disposition.label
        if name == "amaflags" and not tags & {"int64", "int32", "uint32"}:
            return ama_name(int(known))
        return known

    return value


class Renderer:
    """Evaluates templates of the dialplan for records: `${CDR(x)}` reads the record, other things what they can."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def scope(self, attached: dict[str, Any]) -> Scope:
        """A scope of a channel that is none: it has no name and stands nowhere."""
        channel = Channel(self._services.switch, "", "")
        channel.attached.update(attached)
        scope = channel.attached["scope"] = Scope(self._services, channel)
        return scope

    def text(self, template: str, cdr: Cdr) -> str:
        """A template's text for a record."""
        return self.scope({RECORD: cdr}).substitute(template)


_VALUE = re.compile(r"\s*'((?:[^']|'')*)'\s*(?:,|$)")


def split_values(text: str) -> list[str] | None:
    """`'${CDR(a)}','b'` as its templates; None if it is no such list."""
    found, position = [], 0
    while position < len(text):
        match = _VALUE.match(text, position)
        if match is None:
            return None
        found.append(match[1])
        position = match.end()
    return found or None
