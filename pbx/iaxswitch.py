"""`switch => IAX2/[user[:secret]@]peer/context`: numbers that a peer has, asked of it and dialled there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred

from pbx.channels.iax2 import dialstring
from pbx.channels.iax2.call_lookup import Status
from pbx.dialplan.dialplan import Pending

if TYPE_CHECKING:
    from pbx.channels.iax2.driver import Driver
    from pbx.dialplan.interpreter import Run
    from pbx.dialplan.registry import Result

#: extensions with a meaning of their own here: no peer is asked for them
OWN = frozenset({"h", "i", "t", "T", "e", "o", "a", "s", "failed", "fax"})


class IaxSwitch:
    """`pbx.dialplan.dialplan.SwitchProvider` over the driver's questions and their answers."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def _status(self, data: str, exten: str, priority: int) -> Status | Deferred[object]:
        if priority != 1 or not exten or exten in OWN:
            return Status.NONEXISTENT
        return self._driver.look_up(data, exten)

    def exists(self, data: str, context: str, exten: str, priority: int, caller: str) -> bool:
        """Raises Pending as long as the answer is awaited; no answer = no."""
        status = self._status(data, exten, priority)
        if isinstance(status, Deferred):
            raise Pending(status)
        return bool(status & Status.EXISTS)

    def can_match(self, data: str, context: str, exten: str, priority: int, caller: str) -> bool:
        """An answer that is not there yet counts as yes: more digits may come meanwhile."""
        status = self._status(data, exten, priority)
        return isinstance(status, Deferred) or bool(status & (Status.EXISTS | Status.CAN_EXIST))

    def match_more(self, data: str, context: str, exten: str, priority: int, caller: str) -> bool:
        """The same."""
        status = self._status(data, exten, priority)
        return isinstance(status, Deferred) or bool(status & Status.MATCH_MORE)

    async def execute(self, run: Run, data: str, context: str, exten: str, priority: int, caller: str) -> Result:
        """Dial it: `IAX2/[user[:secret]@]peer/exten@context`."""
        where, _, there = data.partition("/")
        destination = f"{where}/{exten}" + (f"@{there}" if there else "")
        run.log.verbose(3, f"Executing IAX2/{dialstring.hide(destination)} by a switch", call=run.channel.call_id)
        return await run.execute("Dial", f"IAX2/{destination}")
