"""The dialplan as the floors ask it: does this extension exist, could it still, and what runs there?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from pbx.dialplan.model import Context, Extension, Priority, Settings, SwitchEntry, Tables


class Status(Enum):
    """How far a look-up came that found nothing (the interpreter's words differ by it)."""

    NO_CONTEXT = 1
    NO_EXTENSION = 2
    NO_PRIORITY = 3
    NO_LABEL = 4
    SUCCESS = 5


@dataclass(slots=True)
class Found:
    """A priority that a look-up found.

    `context` is where it stands (not the context asked, when it came by an include); the channel's CONTEXT stays the
    one asked.  With `switch` set, the extension is another one's: `SwitchProvider.execute` runs it, and `priority`
    and `extension` are None.
    """

    context: Context
    extension: Extension | None
    priority: Priority | None
    switch: SwitchEntry | None = None
    #: data of the switch after variables (eswitch)
    switch_data: str = ""


class SwitchProvider(Protocol):
    """What stands behind `switch => NAME/data` (IAX2; Loopback is built in).

    The questions answer at once; one that has to ask a peer first raises `Pending`, keeps the answer when it has
    come, and is asked again.
    """

    def exists(self, data: str, context: str, exten: str, priority: int, caller: str) -> bool: ...

    def can_match(self, data: str, context: str, exten: str, priority: int, caller: str) -> bool: ...

    def match_more(self, data: str, context: str, exten: str, priority: int, caller: str) -> bool: ...


class Pending(Exception):
    """A switch has to wait for a peer: wait for `until` (a Deferred), then ask again."""

    def __init__(self, until: object) -> None:
        super().__init__("answer of a switch is awaited")
        self.until = until


class Dialplan:
    """All contexts, what was loaded and what was added since; look-ups as Asterisk makes them.

    `wall()` gives seconds since the epoch (for timed includes).  `switches` by name in capitals.
    A look-up searches the context itself in the order of `patterns`, then its switches, then its includes, each
    context once.
    """

    def __init__(self, tables: Tables | None = None, *, wall: Callable[[], float] | None = None) -> None:
        tables = tables or Tables()
        self.contexts: dict[str, Context] = tables.contexts
        self.globals: dict[str, str] = tables.globals
        self.settings: Settings = tables.settings
        self.switches: dict[str, SwitchProvider] = {}
        self.wall = wall

    # `substitute` evaluates the data of an `eswitch` with the variables of the asking channel.

    def find(
        self,
        context: str,
        exten: str,
        priority: int | str = 1,
        caller: str = "",
        *,
        substitute: Callable[[str], str] | None = None,
    ) -> Found | None:
        """What runs at a priority (number) or label (text); None if there is nothing.  May raise Pending."""
        raise NotImplementedError

    def status(self, context: str, exten: str, priority: int | str = 1, caller: str = "") -> Status:
        """How far `find` comes."""
        raise NotImplementedError

    def find_label(self, context: str, exten: str, label: str, caller: str = "") -> int | None:
        """The number of a label."""
        raise NotImplementedError

    def exists(self, context: str, exten: str, priority: int = 1, caller_number: str = "") -> bool:
        """Whether something runs there."""
        raise NotImplementedError

    def can_match(self, context: str, exten: str, priority: int = 1, caller_number: str = "") -> bool:
        """Whether it exists, or could with more digits."""
        raise NotImplementedError

    def match_more(self, context: str, exten: str, priority: int = 1, caller_number: str = "") -> bool:
        """Whether more digits could make it another extension (so that one waits for them)."""
        raise NotImplementedError

    def has_context(self, context: str) -> bool:
        raise NotImplementedError

    def ignore_pattern(self, context: str, exten: str) -> bool:
        """Whether an `ignorepat` of the context matches."""
        raise NotImplementedError

    def hint(self, context: str, exten: str) -> str | None:
        """The text of the hint that holds for an extension (a pattern's too), variables not yet put in."""
        raise NotImplementedError

    def replace(self, tables: Tables) -> None:
        """Take over a new load in one step; contexts and extensions that others than the file added stay."""
        raise NotImplementedError
