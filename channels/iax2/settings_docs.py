"""docs/iax.conf.md, made from the declarations of the options: `python -m pbx.channels.iax2.settings_docs > FILE`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from enum import Enum
from typing import Any

from pbx.channels.iax2.options import Effect, Option, Options
from pbx.channels.iax2.registrations import FORM
from pbx.channels.iax2.settings_general import General
from pbx.channels.iax2.settings_notes import OLD_OPTIONS
from pbx.channels.iax2.settings_sections import Peer, User

_HEAD = f"""\
# iax.conf

The file is the one that Asterisk reads: what works there works here unchanged. `pbx check` names every line that does
not do what was meant. Each option below is declared once in `channels/iax2/settings_general.py` and
`settings_sections.py`; this page is made from there (`python -m pbx.channels.iax2.settings_docs`), and a test keeps
it so.

**Sections.** `[general]` holds what counts for all, and the defaults of sections ("as [general]"). Every other
section says `type=user` (calls come from it), `type=peer` (it is called, and registers) or `type=friend` (both, made of
the same lines). Names are case-sensitive. The same name twice makes one section of both. `[callnumberlimits]` holds
lines `network = number`: how many call numbers each address of that network may hold; the narrowest network counts.

**Registering with others.** In `[general]`: `{FORM}`, or
`register => user:[rsakey]@host`. An address of IPv6 stands in brackets (Asterisk can't). What follows a `?` behind
the host means nothing (Asterisk passes over it, and only behind a port).

**Access.** `permit` and `deny` are read in their order: the last rule that matches decides, and an address that none
matches is let in. IPv4 rules say nothing of IPv6 addresses. `acl` names lists of acl.conf; each of them must let the
address in too, and one that is not there lets nobody in. A `!` before a network turns the rule.

**Login methods.** Without `auth` a section with `inkeys` demands rsa, one with a secret md5, one with both takes
either; one with neither lets anyone in. A name that no section has is asked for what sections here are asked for
(always the same for that name, each manner as often as sections have it), and then refused: nobody learns which names
there are. Stock Asterisk asks it for whatever the last peer that registered was asked for, and so gives them away.

**Devices.** Templates of iaxprov.conf leave by `iax2 provision`, by the application IAX2Provision, and to a peer that
registers and says that it has another version of its template (once a minute at most). Where Asterisk differs: there
`+word` and `-word` in `flags` mean nothing, and `serverport` is not inherited. Firmware is looked for in `firmware/iax`
of the data directory.

**Video** is passed on unread. In an encrypted call it leaves as full frames, enciphered, and META frames are not
believed (Asterisk sends them in the clear).

**Registrations that stay.** Own address, address as the registrar sees it, and when that changed: `iax2 show registry
details`, `iax2 show peer NAME details`. However many lines name one host, 128 of them talk to it at a time. When the
network changes (`subscribe_network_change_event`), those are made anew that stand badly, or whose way to the registrar
begins at another address of ours.

In the column *effect*: "now"; "later": it is read and checked, and said once in the log that it does nothing yet;
"none": accepted, it has no meaning here.
"""

_TITLES: tuple[tuple[type[Options], str], ...] = (
    (General, "[general]"),
    (User, "type=user and type=friend: calls from there"),
    (Peer, "type=peer and type=friend: calls to there, and its registration"),
)
_EFFECTS = {Effect.NOW: "now", Effect.LATER: "later", Effect.NEVER: "none"}


def markdown() -> str:
    """The whole page."""
    parts = [_HEAD]
    for kind, title in _TITLES:
        parts.append(f"## {title}\n\n" + "\n".join(table(kind)) + "\n")
    old = "\n".join(f"| `{name}` | {why} |" for name, why in OLD_OPTIONS.items())
    parts.append(f"## Options of older versions\n\n| name | now |\n|---|---|\n{old}\n")
    return "\n".join(parts)


def table(kind: type[Options]) -> Iterator[str]:
    """The rows of one kind of section."""
    yield "| name | values | default | what it does | differs from Asterisk | effect |"
    yield "|---|---|---|---|---|---|"
    for option in sorted(kind.options(), key=lambda option: next(iter(option.readers))):
        names = ", ".join(f"`{name}`" for name in option.readers)
        cells = (names, option.values, default_of(option), option.help, option.differs, _EFFECTS[option.effect])
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def default_of(option: Option[Any]) -> str:
    """The default as one would write it."""
    if option.default_text is not None:
        return option.default_text
    return "as [general]" if option.inherits else _plain(option.default)


def _plain(value: object) -> str:
    if value is None or value == "" or value == ():
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Enum):
        return str(value.name).lower()
    if isinstance(value, (int, str)):
        return str(value)
    return ""


def main(arguments: Iterable[str] = ()) -> None:
    """Print the page."""
    sys.stdout.write(markdown())


if __name__ == "__main__":
    main()
