"""Verdicts: what is told of a failed call or registration, in one place.

Texts never hold a secret or a digest.  A place is the line of iax.conf that decided.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pbx.channels.causes import Cause
from pbx.channels.events import Verdict
from pbx.channels.iax2 import address as addresses
from pbx.channels.iax2.address import Address

if TYPE_CHECKING:
    from pbx.channels.iax2.options import Options

#: what the far end wrote into its CAUSE, and where to look
ADVICE: Mapping[int, str] = {
    Cause.NO_ROUTE_DESTINATION: "see which context the other end's section for us names, and whether it has the number",
    Cause.CALL_REJECTED: "see the other end's log",
    Cause.FACILITY_REJECTED: "see the other end's log: user name, secret or address does not fit its section for us",
    Cause.FACILITY_NOT_SUBSCRIBED: "see the other end's log: user name, secret, key or address does not fit its "
    "section for us",
    Cause.BEARERCAPABILITY_NOTAVAIL: "make the allow lines of both ends share a format",
    Cause.DESTINATION_OUT_OF_ORDER: "see whether the other end runs and UDP port 4569 is open both ways",
}


def place(section: Options | None, option: str) -> str:
    """file:line of what decided an option, "" without a section."""
    return section.place_of(option).file_line if section is not None else ""


def verdict(
    what: str,
    who: str,
    where: Address,
    *,
    expected: str = "",
    got: str = "",
    place: str = "",
    advice: str = "",
    cause: int = 0,
    security: str = "",
    side: str = "theirs",
    message: str = "",
) -> Verdict:
    """A Verdict on something that came from or went to `where`."""
    return Verdict(what, who, addresses.text(where), expected, got, place, advice, cause, security, side, message)
