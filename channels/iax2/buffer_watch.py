"""`iax2 set debug jb`: each second, what the jitter buffer of each call does, as long as anything changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.task import LoopingCall

from pbx.channels.iax2.address import text as address_text
from pbx.channels.log import Log
from pbx.channels.voice.port import Buffering, BufferKind, LegCounters

if TYPE_CHECKING:
    from pbx.channels.iax2.driver import Driver

log = Log("chan_iax2")

SECONDS = 1.0


def line(name: str, buffer: Buffering, c: LegCounters) -> str:
    """One call in words; delay: what the buffer adds to the quickest packet."""
    kind = buffer.kind.name.lower()
    aim = f" (wanted {c.target} ms, jitter {c.buffer_jitter} ms)" if buffer.kind is BufferKind.ADAPTIVE else ""
    return (
        f"JB {name}: {kind}, delay {c.delay} ms{aim}; {c.received} received, {c.lost} lost, {c.late} late, "
        f"{c.dropped} dropped, {c.out_of_order} out of order"
    )


class BufferWatch:
    """Writes the lines to the log that all consoles see."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._call: LoopingCall | None = None
        self._said: dict[int, LegCounters] = {}

    def set(self, on: bool) -> None:
        """Begin or end; both may be said twice."""
        if self._call is not None:
            self._call.stop()
            self._call = None
            self._said.clear()
        if on:
            self._call = LoopingCall(self._look)
            self._call.clock = self._driver.reactor
            self._call.start(SECONDS, now=False)

    def _look(self) -> None:
        rows = set()
        for call, buffer in self._driver.legs.buffered():
            rows.add(call.row)
            counters = self._driver.leg_counters(call.row)
            if counters == self._said.get(call.row):
                continue
            self._said[call.row] = counters
            channel = self._driver.calls.channel(call)
            name = channel.name if channel is not None else address_text(call.address)
            log.verbose(0, line(name, buffer, counters))
        for row in self._said.keys() - rows:
            del self._said[row]
