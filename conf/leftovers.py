"""What a file holds beyond what its reader knows: said, never passed over."""

from __future__ import annotations

from collections.abc import Collection

from pbx.conf.diagnostics import Diagnostics
from pbx.conf.document import Document


def other_sections(document: Document, known: Collection[str], diagnostics: Diagnostics) -> None:
    """A notice for each section that sets something and is not `known` (lower case)."""
    for section in document.sections:
        if section.name.lower() not in known and not section.is_template and len(section.entries):
            message = f"[{section.name}] has no effect: this file has {', '.join(f'[{name}]' for name in known)}"
            diagnostics.notice(section.place, message, code="no-effect")


def other_options(document: Document, section: str, known: Collection[str], diagnostics: Diagnostics) -> None:
    """A warning for each option of a section that is not `known` (lower case)."""
    for entry in document.section(section) or ():
        if entry.name.lower() not in known:
            diagnostics.warning(entry.place, f"no such option: {entry.name}", text=entry.text, code="unknown-option")
