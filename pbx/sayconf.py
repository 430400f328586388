"""say.conf: read at the start and by `module reload app_playback`; what is in it is `pbx.dialplan.saying.rules`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pbx.conf import reader
from pbx.conf.diagnostics import Diagnostics
from pbx.conf.leftovers import other_options
from pbx.dialplan.saying import Rules, rules

if TYPE_CHECKING:
    from pbx.daemon import Daemon


class SayService:
    """Keeps the rules where Say* and Playback look for them."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon

    def start(self) -> None:
        self.reload()

    def reload(self) -> None:
        """A file that can't be used leaves the former rules."""
        daemon = self._daemon
        findings = Diagnostics()
        conf = daemon.conf
        document = reader.read(
            conf.etc("say.conf"), root_dir=conf.astetcdir, diagnostics=findings, allow_exec=conf.execincludes,
            optional=True,
        )  # fmt: skip
        if document.refused is None:
            other_options(document, "general", ("mode",), findings)
            self._shared["say.conf"] = rules.load(document, findings)
        daemon.say(findings)

    @property
    def rules(self) -> Rules:
        found: Rules | None = self._shared.get("say.conf")
        return found if found is not None else Rules()

    def set_new(self, new: bool) -> None:
        """Numbers and dates go by the file (new) or by what is built in (old)."""
        self.rules.new = new

    @property
    def _shared(self) -> dict[str, Any]:
        return self._daemon.dialplan.services.shared
