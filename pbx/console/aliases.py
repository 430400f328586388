"""cli_aliases.conf: short names for commands, in templates as Asterisk's sample has them."""

from __future__ import annotations

from pbx.conf import reader
from pbx.conf.diagnostics import Diagnostics
from pbx.conf.leftovers import other_options

#: without the file: what people type from habit
DEFAULT = {
    "hangup request": "channel request hangup",
    "originate": "channel originate",
    "stop now": "core stop now",
    "stop gracefully": "core stop gracefully",
    "show channels": "core show channels",
    "init keys": "keys init",
}


#: words of 2006 that people still type; an alias of the file goes before
OLD = {
    "iax2 debug": "iax2 set debug on",
    "iax2 no debug": "iax2 set debug off",
    "iax2 jb debug": "iax2 set debug jb on",
    "iax2 no jb debug": "iax2 set debug jb off",
    "iax2 trunk debug": "iax2 set debug trunk on",
    "iax2 no trunk debug": "iax2 set debug trunk off",
    "iax2 test losspect": "iax2 test losspct",
    "iax2 set jitter": "iax2 test jitter",
    "iax2 set losspct": "iax2 test losspct",
}


def load(path: str, diagnostics: Diagnostics) -> dict[str, str]:
    """alias -> command, of all templates that [general] names."""
    document = reader.read(path, diagnostics=diagnostics, optional=True)
    if not document.exists:
        return {**OLD, **DEFAULT}
    aliases = {"init keys": DEFAULT["init keys"]}
    general = document.section("general")
    other_options(document, "general", ("template",), diagnostics)
    for wanted in general.all("template") if general is not None else ():
        found = [section for section in document.sections if section.name.lower() == wanted.value.lower()]
        if not found:
            diagnostics.warning(wanted.value_place, f"no template [{wanted.value}] in this file", text=wanted.text)
        for section in found:
            for entry in section:
                aliases.setdefault(" ".join(entry.name.lower().split()), entry.value)  # the first of a name wins
    return {**OLD, **aliases}
