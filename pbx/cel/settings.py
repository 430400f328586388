"""cel.conf."""

from __future__ import annotations

from dataclasses import dataclass

from pbx.conf.diagnostics import Diagnostics
from pbx.conf.document import Document
from pbx.conf.values import is_true

#: names of events, in the order of `cel show status`
EVENTS = (
    "ALL CHAN_START CHAN_END HANGUP ANSWER APP_START APP_END BRIDGE_ENTER BRIDGE_EXIT PARK_START PARK_END "
    "BLINDTRANSFER ATTENDEDTRANSFER USER_DEFINED LINKEDID_END PICKUP FORWARD LOCAL_OPTIMIZE LOCAL_OPTIMIZE_BEGIN "
    "STREAM_BEGIN STREAM_END DTMF"
).split()

#: those that nothing here tells of
UNTOLD = frozenset("PARK_START PARK_END".split())


@dataclass(slots=True)
class Settings:
    """[general] of cel.conf.  apps: lower-case names; dateformat "": seconds.microseconds."""

    enable: bool = False
    events: frozenset[str] = frozenset()
    apps: frozenset[str] = frozenset()
    dateformat: str = ""

    def wants(self, event: str) -> bool:
        """Whether this event is told."""
        return self.enable and (event in self.events or "ALL" in self.events)


def load(document: Document, findings: Diagnostics) -> Settings:
    """The settings of a cel.conf; what cannot be told here, and unknown words, are findings."""
    settings = Settings()
    for section in document:
        if section.name.lower() in ("manager", "radius"):
            for entry in section:
                if entry.name.lower() in ("enabled", "radiuscfg") and entry.value.lower() != "no":
                    findings.warning(entry.place, f"events do not go to [{section.name}] here", text=entry.text)
            continue
        if section.name.lower() != "general":
            findings.warning(section.place, f"no such section: [{section.name}]", code="unknown-section")
            continue
        for entry in section:
            words = [word.strip() for word in entry.value.split(",") if word.strip()]
            match entry.name.lower():
                case "enable":
                    settings.enable = is_true(entry.value)
                case "dateformat":
                    settings.dateformat = entry.value
                case "apps":
                    settings.apps |= {word.lower() for word in words}
                case "events":
                    settings.events |= {word.upper() for word in words if word.upper() in EVENTS}
                    for word in words:
                        if word.upper() not in EVENTS:
                            findings.warning(entry.value_place, f"no such event: {word}", text=entry.text)
                        elif word.upper() in UNTOLD:
                            findings.notice(entry.value_place, f"{word} is not told here (yet)", text=entry.text)
                case _:
                    findings.warning(entry.place, f"no such option: {entry.name}", code="unknown-option")
    return settings
