"""regcontext: extensions that are there as long as a peer is registered (iax.conf: regcontext, regexten)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pbx.channels.events import Bus, PeerChanged
from pbx.channels.log import Log
from pbx.dialplan.model import Priority, Taken
from pbx.dialplan.patterns import BadPattern

if TYPE_CHECKING:
    from pbx.channels.iax2.settings import Settings
    from pbx.dialplan.dialplan import Dialplan

log = Log("chan_iax2")

REGISTRAR = "IAX2"


def contexts_of(regcontext: str) -> list[str]:
    """The contexts of `regcontext=a&b`."""
    return [name.strip() for name in regcontext.split("&") if name.strip()]


class RegisteredExtensions:
    """Adds and removes `exten => REGEXTEN,1,Noop(PEER)`, as Asterisk does."""

    def __init__(self, bus: Bus, dialplan: Dialplan) -> None:
        self._dialplan = dialplan
        self._settings: Settings | None = None
        #: what was added: peer -> (context, extension)
        self._added: dict[str, list[tuple[str, str]]] = {}
        bus.subscribe(PeerChanged, self._changed)

    def use(self, settings: Settings) -> None:
        """Other settings: contexts are made or taken away; what is registered is put where it belongs now."""
        former = contexts_of(self._settings.general.regcontext) if self._settings is not None else []
        self._settings = settings
        wanted = contexts_of(settings.general.regcontext)
        for peer, places in self._added.items():
            meant = set(self._places(peer))
            for place in [place for place in places if place not in meant]:
                self._take_out(*place)
                places.remove(place)
        for name in former:
            context = self._dialplan.contexts.get(name)
            if name not in wanted and context is not None and context.registrar == REGISTRAR:
                del self._dialplan.contexts[name]
        for name in wanted:
            self._dialplan.context(name, REGISTRAR)
        for peer in self._added:
            self._add(peer)

    def restore(self) -> None:
        """The dialplan was loaded anew: put back what it no longer holds."""
        if self._settings is not None:
            self.use(self._settings)

    def _changed(self, event: PeerChanged) -> None:
        technology, _, peer = event.peer.partition("/")
        if technology != REGISTRAR:
            return
        if event.status == "Registered":
            self._add(peer)
        elif event.status == "Unregistered":
            self._remove(peer)

    def _places(self, peer: str) -> Iterator[tuple[str, str]]:
        """(context, extension) of a peer's regexten; its own name when it has none."""
        settings = self._settings
        contexts = contexts_of(settings.general.regcontext) if settings is not None else []
        if settings is None or not contexts:
            return
        section = settings.find_peer(peer)
        written = section.regexten if section is not None else ""
        for one in (written or peer).split("&"):
            exten, at, context = one.strip().partition("@")
            if at and context not in contexts:
                log.warning(f"regexten of '{peer}': regcontext does not name the context '{context}'")
            elif exten:
                yield context or contexts[0], exten

    def _add(self, peer: str) -> None:
        added = self._added.setdefault(peer, [])
        for context, exten in self._places(peer):
            there = self._dialplan.context(context, REGISTRAR)
            try:
                there.add(exten, Priority(1, "Noop", peer, registrar=REGISTRAR))
            except Taken as taken:
                if taken.extension.priorities[1].registrar != REGISTRAR:
                    continue  # the file's own extension stays
            except BadPattern as error:
                log.warning(f"regexten of '{peer}': {error}")
                continue
            if (context, exten) not in added:
                added.append((context, exten))

    def _remove(self, peer: str) -> None:
        for place in self._added.pop(peer, ()):
            self._take_out(*place)

    def _take_out(self, name: str, exten: str) -> None:
        context = self._dialplan.contexts.get(name)
        extension = context.extension(exten) if context is not None else None
        if context is None or extension is None:
            return
        first = extension.priorities.get(1)
        if first is not None and first.registrar == REGISTRAR:
            context.remove(exten, 1)
