"""Who calls and who is connected: numbers, names and their presentation."""

from __future__ import annotations

import re
from dataclasses import dataclass

_CALLERID = re.compile(r'^\s*(?:"(?P<quoted>(?:\\.|[^"\\])*)"|(?P<plain>[^<]*?))\s*(?:<(?P<num>[^>]*)>)?\s*$')


#: bits of a presentation: allowed 0, restricted 0x20, unavailable 0x40; and who screened the number
RESTRICTION, SCREENING = 0x60, 0x03
RESTRICTED, UNAVAILABLE = 0x20, 0x43


def together(name: int | None, number: int | None) -> int:
    """One presentation for a name and a number (None: there is none), as Asterisk 22 joins them.

    Restricted outranks allowed, allowed outranks unavailable; screening is the number's.
    """
    kinds = {value & RESTRICTION for value in (name, number) if value is not None}
    for kind in (RESTRICTED, 0):
        if kind in kinds:
            return kind | ((number or 0) & SCREENING)
    return UNAVAILABLE


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
    #: presentation of the name alone; None: as `presentation`
    name_presentation: int | None = None
    #: a mark of the dialplan's own; goes over no link
    tag: str = ""

    def identify(self, other: Caller) -> None:
        """Take over who that is: name, number, how they are presented; nothing else."""
        self.name, self.number, self.tag = other.name, other.number, other.tag
        self.presentation, self.name_presentation = other.presentation, other.name_presentation
        self.type_of_number = other.type_of_number

    def repeat(self, other: Caller) -> None:
        """Take over all that is known of who that is; what it dialled is its own."""
        self.identify(other)
        self.ani, self.ani2, self.rdnis = other.ani, other.ani2, other.rdnis
        self.transit_network = other.transit_network

    @property
    def presented(self) -> int:
        """Presentation of name and number together, as CALLINGPRES carries it."""
        name = self.presentation if self.name_presentation is None else self.name_presentation
        return together(
            None if self.name is None else name,
            None if self.number is None else self.presentation,
        )

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
