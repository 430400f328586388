"""What the dialplan is handed from above: the database, folders, sounds, options.

One `Services` object is made by the daemon (tests make their own); applications
and functions reach everything outside the channel through it.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from twisted.internet.defer import Deferred, fail, succeed

from pbx.dialplan.dialplan import Dialplan
from pbx.dialplan.names import DnsRecord
from pbx.dialplan.web import WebAnswer, WebError, WebRequest

if TYPE_CHECKING:
    from pbx.channels.channel import Channel
    from pbx.channels.switch import Switch
    from pbx.codecs.formats import Format
    from pbx.conf.document import Document
    from pbx.dialplan.featuremap import Dynamic


class Player(Protocol):
    """A program that plays through a stream of the voice plane."""

    stream: int
    #: fires when it is through
    done: Deferred[None]

    def stop(self) -> None: ...


class Database(Protocol):
    """The astdb as the dialplan needs it; keys are `family/key`, both without a leading slash."""

    def get(self, family: str, key: str) -> str | None: ...

    def put(self, family: str, key: str, value: str) -> None: ...

    def delete(self, family: str, key: str) -> bool:
        """False if there was nothing."""

    def delete_tree(self, family: str, key: str = "") -> int:
        """Delete all below family[/key]; how many there were."""

    def tree(self, family: str = "", key: str = "") -> Iterable[tuple[str, str]]:
        """(path as `/family/key`, value) of all below, in order of their paths."""


class MemoryDatabase:
    """A Database that forgets: for tests, and until the daemon brings the real one."""

    def __init__(self) -> None:
        self._values: dict[str, str] = {}

    @staticmethod
    def _path(family: str, key: str) -> str:
        return f"/{family}/{key}" if key else f"/{family}"

    def get(self, family: str, key: str) -> str | None:
        return self._values.get(self._path(family, key))

    def put(self, family: str, key: str, value: str) -> None:
        self._values[self._path(family, key)] = value

    def delete(self, family: str, key: str) -> bool:
        return self._values.pop(self._path(family, key), None) is not None

    def delete_tree(self, family: str, key: str = "") -> int:
        gone = [path for path, _ in self.tree(family, key)]
        for path in gone:
            del self._values[path]
        return len(gone)

    def tree(self, family: str = "", key: str = "") -> Iterable[tuple[str, str]]:
        prefix = self._path(family, key) if family else ""
        return [(p, v) for p, v in sorted(self._values.items()) if p == prefix or p.startswith(prefix + "/")]


async def _no_output(command: str) -> bytes:
    return b""


#: (name, language, formats that may be played) -> (path, its format), None when there is no such sound
SoundFinder = Callable[[str, str, "tuple[Format, ...]"], "tuple[str, Format] | None"]


def _at_once(work: Callable[[], Any]) -> Deferred[Any]:
    """`blocking` without threads (tests): run it here."""
    done: Deferred[Any] = Deferred()
    try:
        done.callback(work())
    except Exception as failure:
        done.errback(failure)
    return done


async def _no_shell(command: str) -> int:
    return 127


async def _no_reload(module: str) -> bool:
    return False


def _no_web(request: WebRequest) -> Deferred[WebAnswer]:
    return fail(WebError("there is no way to the web here"))


def _no_dns(name: str, kind: str) -> Deferred[list[DnsRecord]]:
    return succeed([])


@dataclass(slots=True)
class Services:
    """See the module.  Everything has a default that works in a test but `switch`."""

    switch: Switch
    dialplan: Dialplan = field(default_factory=Dialplan)
    database: Database = field(default_factory=MemoryDatabase)
    #: ASTETCDIR, ASTDATADIR ... -> path (`${ASTETCDIR}`)
    directories: Mapping[str, str] = field(default_factory=dict)
    #: asterisk.conf live_dangerously: dangerous functions may be used from outside the dialplan
    live_dangerously: bool = False
    #: EUI of this system as `${ENTITYID}` shows it
    entity_id: str = ""
    find_sound: SoundFinder = lambda name, language, formats: None
    #: country -> tone name -> tone list (indications.conf); `tone_zone` is the default country
    tones: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    tone_zone: str = "us"
    #: runs what sleeps in the kernel (a thread pool in the daemon)
    blocking: Callable[[Callable[[], Any]], Deferred[Any]] = _at_once
    #: runs a shell command line: its exit status, 127 when it can't be run
    shell: Callable[[str], Awaitable[int]] = _no_shell
    #: plays an MP3 file or address by a program (MP3Player); None: it can't, which has been said
    play_mp3: Callable[[str], Player | None] = lambda location: None
    #: what a shell command line prints (SHELL)
    shell_output: Callable[[str], Awaitable[bytes]] = _no_output
    #: asks the web (CURL)
    fetch: Callable[[WebRequest], Deferred[WebAnswer]] = _no_web
    #: asks the DNS (ENUMLOOKUP, SRVQUERY ...): the records of a name and a type, [] if there are none
    look_up: Callable[[str, str], Deferred[list[DnsRecord]]] = _no_dns
    #: reads a configuration file by name for AST_CONFIG; None when it can't be read
    read_config: Callable[[str], Document | None] = lambda name: None
    #: reads the configuration of a module anew ("": of all); False: there is none of that name that could
    reload: Callable[[str], Awaitable[bool]] = _no_reload
    #: what features.conf says: settings and digits of built-in features by name; what is not there: see `featuremap`
    features: Mapping[str, str] = field(default_factory=dict)
    #: its [applicationmap], and its groups: group -> feature -> digits ("": the feature's own)
    dynamic_features: Mapping[str, Dynamic] = field(default_factory=dict)
    feature_groups: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    #: priorities that one call may run without ever waiting; 0 = no limit
    loop_limit: int = 1_000_000
    random: random.Random = field(default_factory=random.Random)
    #: a CDR of a channel, where there is one: name -> value (floor above)
    cdr_read: Callable[[Channel, str], str | None] | None = None
    cdr_write: Callable[[Channel, str, str], None] | None = None
    #: CDR_PROP(name)=value
    cdr_property: Callable[[Channel, str, str], None] | None = None
    #: free place for state that one theme of applications or functions shares over channels (groups, locks ...)
    shared: dict[str, Any] = field(default_factory=dict)
