"""amd.conf: what AMD takes where its arguments say nothing; read at the start and by `module reload app_amd`."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING

from pbx.codecs.answering import Rhythm
from pbx.conf import reader
from pbx.conf.diagnostics import Diagnostics
from pbx.conf.document import Document
from pbx.conf.leftovers import other_options, other_sections
from pbx.dialplan.applications.hearing import AMD_CONF
from pbx.dialplan.functions.common import c_int

if TYPE_CHECKING:
    from pbx.daemon import Daemon

_NUMBERS = [field.name for field in fields(Rhythm)]
_FILE = "playback_file"


def parse(document: Document, diagnostics: Diagnostics) -> tuple[Rhythm, str]:
    """The limits, and the sound played meanwhile ("": none).  A wrong line is named, and its default stays."""
    rhythm, file = Rhythm(), ""
    other_sections(document, ("general",), diagnostics)
    other_options(document, "general", (*_NUMBERS, _FILE), diagnostics)
    for section in document.sections:
        if section.name != "general":
            continue
        for entry in section:
            if entry.name == _FILE:
                file = entry.value
            elif entry.name in _NUMBERS:
                number = c_int(entry.value)
                if number is None:
                    message = f"{entry.name} is a whole number of milliseconds, words or level"
                    diagnostics.warning(entry.place, message, text=entry.text, code="bad-value")
                else:
                    rhythm = replace(rhythm, **{entry.name: number})
    return rhythm, file


class AmdService:
    """Keeps what the file says where AMD looks for it."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon

    def start(self) -> None:
        self.reload()

    def reload(self) -> None:
        """A file that can't be used leaves what was known."""
        daemon, conf = self._daemon, self._daemon.conf
        findings = Diagnostics()
        document = reader.read(
            conf.etc("amd.conf"), root_dir=conf.astetcdir, diagnostics=findings, allow_exec=conf.execincludes,
            optional=True,
        )  # fmt: skip
        if document.refused is None:
            daemon.dialplan.services.shared[AMD_CONF] = parse(document, findings)
        daemon.say(findings)
