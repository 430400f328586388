"""Which calls may begin: maxcalls, maxload, minmemfree, and a PBX that is about to end.  Counts them, too."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pbx.channels.causes import Cause
from pbx.channels.channel import Channel
from pbx.channels.log import Log
from pbx.dialplan.interpreter import Interpreter
from pbx.dialplan.services import Services

if TYPE_CHECKING:
    from pbx.daemon import Daemon

log = Log("pbx")

#: seconds for which a look at the machine's load and memory holds
LOOK_EVERY = 1.0


class Admission:
    """Says why no call may begin now."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._looked = -LOOK_EVERY
        self._tight = ""
        #: calls that run through the dialplan now, and how many have since the start
        self.active: set[Channel] = set()
        self.processed = 0

    def refusal(self) -> str:
        """Why a call is refused, "" if it may begin."""
        conf = self._daemon.conf
        if self._daemon.shutdown.refuses_calls:
            return "the PBX is about to end"
        if conf.maxcalls and len(self.active) >= conf.maxcalls:
            return f"maxcalls: {conf.maxcalls} calls stand already"
        if conf.maxload or conf.minmemfree:
            now = self._daemon.reactor.seconds()
            if now - self._looked >= LOOK_EVERY:
                self._looked = now
                self._tight = tight(conf.maxload, conf.minmemfree)
            return self._tight
        return ""

    def enter(self, channel: Channel) -> None:
        """A call begins its way through the dialplan."""
        if channel not in self.active:
            self.active.add(channel)
            self.processed += 1
            channel.on_end(self.active.discard)


def tight(maxload: float, minmemfree: int) -> str:
    """Why the machine has no room for a call (load average, free memory in MB; 0 = no limit); "" if it has."""
    if maxload:
        load = os.getloadavg()[0]
        if load > maxload:
            return f"maxload: the load average is {load:.2f}, more than {maxload:g}"
    if minmemfree:
        free = free_memory()
        if free < minmemfree:
            return f"minmemfree: {free} MB are free, less than {minmemfree}"
    return ""


def free_memory() -> int:
    """Memory that is free, in MB."""
    return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 1048576


class AdmittingInterpreter(Interpreter):
    """The interpreter behind its gate."""

    def __init__(self, services: Services, admission: Admission) -> None:
        super().__init__(services)
        self._admission = admission

    def run(self, channel: Channel) -> None:
        """Start the channel's task, or hang it up when no call may begin."""
        why = self._admission.refusal() if channel not in self._admission.active else ""
        if why:
            log.warning(f"Call of '{channel.name}' refused: {why}", call=channel.call_id)
            channel.hangup(Cause.SWITCH_CONGESTION)
            return
        self._admission.enter(channel)
        super().run(channel)
