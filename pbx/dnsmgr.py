"""dnsmgr.conf: names of iax.conf are looked up again from time to time."""

from __future__ import annotations

from dataclasses import dataclass

from pbx.conf import reader
from pbx.conf.diagnostics import Diagnostics
from pbx.conf.document import Document
from pbx.conf.values import is_true

DEFAULT_INTERVAL = 300


@dataclass(frozen=True, slots=True)
class DnsManager:
    """[general] of dnsmgr.conf; interval in seconds."""

    enabled: bool = False
    interval: int = DEFAULT_INTERVAL


def load(path: str, diagnostics: Diagnostics) -> DnsManager:
    """Read the file; without it nothing is refreshed."""
    return of(reader.read(path, diagnostics=diagnostics, optional=True), diagnostics)


def of(document: Document, diagnostics: Diagnostics) -> DnsManager:
    """As `load`, of a file that was read."""
    section = document.section("general")
    enabled, interval = False, DEFAULT_INTERVAL
    for entry in section or ():
        match entry.name.lower():
            case "enable":
                enabled = is_true(entry.value)
            case "refreshinterval":
                if entry.value.isdecimal() and int(entry.value[:9]) > 0:
                    interval = int(entry.value[:9])
                else:
                    message = f"refreshinterval is no number of seconds; {interval} is used"
                    diagnostics.error(entry.value_place, message, text=entry.text, advice="refreshinterval = 300")
            case _:
                diagnostics.warning(
                    entry.place, f"no such option: {entry.name}", text=entry.text, code="unknown-option"
                )
    return DnsManager(enabled, interval)
