"""`iax2 set debug trunk on`: each second a line for every trunk, with its calls and what they said and heard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.task import LoopingCall

from pbx.channels.iax2.address import Address
from pbx.channels.iax2.address import text as address_text
from pbx.channels.log import Log

if TYPE_CHECKING:
    from pbx.channels.iax2.driver import Driver

log = Log("chan_iax2")

#: seconds between two lines of a trunk
SECONDS = 1.0


class TrunkWatch:
    """Writes the lines to the log that all consoles see."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._loop: LoopingCall | None = None
        #: frames sent and received by calls (row) when they were last looked at
        self._before: dict[int, tuple[int, int]] = {}

    def set(self, on: bool) -> None:
        """Begin or end; both may be said twice."""
        if self._loop is not None:
            self._loop.stop()
            self._loop = None
            self._before.clear()
        if on:
            self._loop = LoopingCall(self._look)
            self._loop.clock = self._driver.reactor
            self._loop.start(SECONDS)

    def _look(self) -> None:
        trunks: dict[Address, list[int]] = {}
        now: dict[int, tuple[int, int]] = {}
        for call in self._driver.endpoint.calls():
            if not call.trunk or call.encrypted or not call.row:
                continue
            counters = self._driver.leg_counters(call.row)
            now[call.row] = counters.sent, counters.received
            sent, received = self._before.get(call.row, now[call.row])
            sums = trunks.setdefault(call.address, [0, 0, 0])
            sums[0] += 1
            # a row may be another call's by now
            sums[1] += max(0, counters.sent - sent)
            sums[2] += max(0, counters.received - received)
        self._before = now
        for address, (calls, sent, received) in trunks.items():
            log.verbose(0, line(address, calls, sent, received))


def line(address: Address, calls: int, sent: int, received: int) -> str:
    """One trunk's line."""
    chunks = f"{calls} call{'' if calls == 1 else 's'}"
    return f"Trunk peer ({address_text(address)}): {chunks}, {sent} frames sent and {received} received in a second"
