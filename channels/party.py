"""Who calls and who is connected: numbers, names and their presentation."""

from __future__ import annotations

import re
from dataclasses import dataclass

_CALLERID = re.compile(r'^\s*(?:"(?P<quoted>(?:\\.|[^"\\])*)"|(?P<plain>[^<]*?))\s*(?:<(?P<num>[^>]*)>)?\s*$')


@dataclass(slots=True)
class Caller:
    """Caller identity as IAX2 NEW carries it and CALLERID() reads it; None = element absent."""

    number: str | None = None
    name: str | None = None
    ani: str | None = None
    rdnis: str | None = None
    dnid: str | None = None
    presentation: int = 0
    type_of_number: int = 0
    transit_network: int = 0
    ani2: int = 0

    @property
    def text(self) -> str:
        """`"Name" <number>`, as Asterisk joins them (CALLERID(all))."""
        if self.name:
            return f'"{self.name}" <{self.number or ""}>'
        return self.number or ""


def split_callerid(text: str) -> tuple[str, str]:
    """(name, number) of `"Name" <number>`, `Name <number>`, `<number>` or a lone number."""
    match = _CALLERID.match(text)
    if match is None:
        return text.strip(), ""
    name = match["quoted"] if match["quoted"] is not None else match["plain"]
    number = match["num"]
    if number is None:
        if match["quoted"] is None and re.fullmatch(r"[0-9*#+()\-. ]+", name or ""):
            return "", name.strip()
        return name.strip(), ""
    return name.strip(), number.strip()
