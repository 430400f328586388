"""indications.conf: the tones of each country."""

from __future__ import annotations

from pbx.conf import reader
from pbx.conf.diagnostics import Diagnostics
from pbx.conf.leftovers import other_options

#: what a bare machine sounds like (North America), when there is no indications.conf
US = {
    "dial": "350+440",
    "busy": "480+620/500,0/500",
    "ring": "440+480/2000,0/4000",
    "congestion": "480+620/250,0/250",
    "callwaiting": "440/300,0/10000",
    "dialrecall": "!350+440/100,!0/100,!350+440/100,!0/100,!350+440/100,!0/100,350+440",
    "record": "1400/500,0/15000",
    "info": "!950/330,!1400/330,!1800/330,0",
    "stutter": "!350+440/100,!0/100,!350+440/100,!0/100,!350+440/100,!0/100,350+440",
}

_NOT_TONES = {"description", "ringcadence", "alias", "country"}


def load(path: str, diagnostics: Diagnostics) -> tuple[dict[str, dict[str, str]], str]:
    """(country -> tone -> tone list, the default country)."""
    document = reader.read(path, diagnostics=diagnostics, optional=True)
    tones: dict[str, dict[str, str]] = {}
    default = document.get("general", "country") or "us"
    other_options(document, "general", ("country",), diagnostics)
    for section in document:
        if section.name.lower() == "general":
            continue
        alias = section.get("alias")
        if alias:
            tones[section.name.lower()] = tones.get(alias.lower(), {})
            continue
        tones[section.name.lower()] = {
            entry.name.lower(): entry.value for entry in section if entry.name.lower() not in _NOT_TONES
        }
    tones.setdefault("us", US)
    return tones, default.lower()
