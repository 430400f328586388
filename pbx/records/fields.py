"""Lines of the custom backends: a template of the dialplan ([mappings]) or a list of fields (a section of its own).

[cdr_master.csv]
fields = clid, "literal", start(int64^noquote), mine(uservar)
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pbx.conf.diagnostics import Diagnostics
from pbx.conf.document import Section

#: gives the value of a field: (name, qualifiers) -> text, number, or None for no such field
Source = Callable[[str, frozenset[str], str], "str | int | float | None"]

_FIELD = re.compile(r'\s*(?:"(?P<literal>[^"]*)"|(?P<name>[^,()"]+?)\s*(?:\((?P<tags>[^)]*)\))?)\s*(?:,|$)')
_ESCAPES = {"\\t": "\t", "\\n": "\n", "\\r": "\r", "\\\\": "\\"}


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a line: a name with qualifiers, or a literal."""

    name: str
    literal: str | None = None
    tags: frozenset[str] = frozenset()
    #: a strftime format, "" if none was given
    form: str = ""


def parse_fields(text: str) -> list[Field] | None:
    """A list of fields; None if it cannot be read."""
    found = []
    position = 0
    while position < len(text):
        match = _FIELD.match(text, position)
        if match is None or match.end() == position:
            return None
        if match["literal"] is not None:
            found.append(Field("", match["literal"]))
        else:
            tags = [tag.strip() for tag in (match["tags"] or "").split("^") if tag.strip()]
            form = next((tag for tag in tags if "%" in tag), "")
            low = frozenset(tag.lower() for tag in tags if "%" not in tag)
            found.append(Field(match["name"].strip().lower(), None, low, form))
        position = match.end()
    return found or None


@dataclass(slots=True)
class Layout:
    """How the fields of a line are joined."""

    fields: list[Field] = field(default_factory=list)
    json: bool = False
    separator: str = ","
    quote: str = '"'
    escape: str = '"'
    quoting: str = "all"

    def line(self, source: Source) -> str:
        """The line, with its end."""
        return (self._json(source) if self.json else self._separated(source)) + "\n"

    def values(self, source: Source) -> list[str | int | float]:
        """The plain values (for a database)."""
        found: list[str | int | float] = []
        for one in self.fields:
            value = one.literal if one.literal is not None else source(one.name, one.tags, one.form)
            found.append("" if value is None else value)
        return found

    def _separated(self, source: Source) -> str:
        texts = []
        for one in self.fields:
            value = one.literal if one.literal is not None else source(one.name, one.tags, one.form)
            text = "" if value is None else shown(value)
            texts.append(self._quoted(text) if self._quotes(one, value, text) else text)
        return self.separator.join(texts)

    def _quotes(self, one: Field, value: object, text: str) -> bool:
        if "quote" in one.tags:
            return True
        if self.separator in text:
            return True
        if "noquote" in one.tags or self.quoting in ("none", "minimal"):
            return False
        return self.quoting == "all" or not isinstance(value, (int, float))

    def _quoted(self, text: str) -> str:
        return self.quote + text.replace(self.quote, self.escape + self.quote) + self.quote

    def _json(self, source: Source) -> str:
        found: dict[str, str | int | float] = {}
        for one in self.fields:
            if one.literal is not None:
                name, colon, literal = one.literal.partition(":")
                if colon:
                    found[name.strip()] = literal.strip()
            else:
                value = source(one.name, one.tags, one.form)
                found[one.name] = "" if value is None else value
        return json.dumps(found, ensure_ascii=False, separators=(",", ":"))


def shown(value: str | int | float) -> str:
    """A value as text; floats with six digits."""
    return f"{value:.6f}" if isinstance(value, float) else str(value)


def layout_of(section: Section, findings: Diagnostics) -> Layout | None:
    """The layout that a section describes; None (and a finding) if it has no readable `fields`."""
    layout = Layout()
    for entry in section:
        name, value = entry.name.lower(), entry.value
        single = _ESCAPES.get(value, value)
        if name == "fields":
            parsed = parse_fields(value)
            if parsed is None:
                findings.error(entry.value_place, "no list of fields", text=entry.text)
                return None
            layout.fields = parsed
        elif name == "format" and value.lower() in ("dsv", "csv", "json"):
            layout.json = value.lower() == "json"
        elif name in ("separator_character", "quote_character", "quote_escape_character") and len(single) == 1:
            setattr(layout, {"s": "separator", "q": "quote"}[name[0]] if "escape" not in name else "escape", single)
        elif name == "quoting_method" and value.lower() in ("all", "non_numeric", "minimal", "none"):
            layout.quoting = value.lower()
        else:
            findings.warning(entry.place, f"cannot be used here: {entry.text}", text=entry.text)
    if not layout.fields:
        findings.error(section.place, f"[{section.name}] has no fields")
        return None
    return layout


def find(values: Mapping[str, str], name: str) -> str | None:
    """A value by name, any case."""
    low = name.lower()
    return next((value for key, value in values.items() if key.lower() == low), None)
