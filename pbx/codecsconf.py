"""codecs.conf: whether gaps in the voice are filled ([plc])."""

from __future__ import annotations

from dataclasses import dataclass

from pbx.conf import reader
from pbx.conf.diagnostics import Diagnostics
from pbx.conf.leftovers import other_options, other_sections
from pbx.conf.values import is_true


@dataclass(frozen=True, slots=True)
class Concealment:
    """[plc].  generic: the sound of a buffered leg that is translated; None: not written, which means no.

    equal: also where it is not translated.
    """

    generic: bool | None = None
    equal: bool = False

    @property
    def decoded(self) -> bool:
        """Gaps in sound that is decoded for a mix or a recording are filled unless the file says no."""
        return self.generic is not False


def load(path: str, diagnostics: Diagnostics) -> Concealment:
    """Read the file; without it only what is mixed or recorded is filled."""
    document = reader.read(path, diagnostics=diagnostics, optional=True)
    other_sections(document, ("plc",), diagnostics)
    other_options(document, "plc", ("genericplc", "genericplc_on_equal_codecs"), diagnostics)
    generic: bool | None = None
    equal = False
    for entry in document.section("plc") or ():
        if entry.name.lower() == "genericplc":
            generic = is_true(entry.value)
        elif entry.name.lower() == "genericplc_on_equal_codecs":
            equal = is_true(entry.value)
    return Concealment(generic, equal and bool(generic))
