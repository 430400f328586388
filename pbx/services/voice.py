"""The voice plane as a service: in a process of its own or in this one."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as DeferredTimeout

from pbx import codecsconf
from pbx.channels.graph import Graph
from pbx.channels.iax2.driver import Driver
from pbx.channels.log import Log
from pbx.channels.voice.localport import LocalPort
from pbx.channels.voice.remoteport import RemotePort
from pbx.channels.voice.timertest import Exactness
from pbx.conf.diagnostics import Diagnostics

if TYPE_CHECKING:
    from pbx.daemon import Daemon

log = Log("pbx")


#: how long the start waits for the voice process, s
_VOICE_START_S = 15.0


#: seconds that a test of the timer may take, which is of one second
_TIMER_TEST_S = 5.0


class PlaneEvents:
    """What the voice plane says goes to the IAX2 driver while it runs; what is about sounds, always to the graph."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self.driver: Driver | None = None
        #: who waits for a test of the plane's timer
        self.timer_asked: list[Deferred[Exactness]] = []

    def datagram(
        self,
        socket: int,
        address: tuple[str, int],
        local: str,
        row: int,
        generation: int,
        stamp: int,
        data: bytes,
        held: int,
    ) -> None:
        if self.driver is not None:
            self.driver.datagram(socket, address, local, row, generation, stamp, data, held)

    def voice_due(self, row: int, generation: int, ts64: int, format_bit: int, payload: bytes) -> None:
        if self.driver is not None:
            self.driver.voice_due(row, generation, ts64, format_bit, payload)

    def voice_unknown(self, row: int, generation: int) -> None:
        if self.driver is not None:
            self.driver.voice_unknown(row, generation)

    def voice_trunked(self, row: int, generation: int) -> None:
        if self.driver is not None:
            self.driver.voice_trunked(row, generation)

    def mark_due(self, row: int, generation: int, number: int) -> None:
        if self.driver is not None:
            self.driver.mark_due(row, generation, number)

    def finished(self, source: int, reason: str) -> None:
        self._daemon.switch.graph.finished(source, reason)

    def timer_tested(self, found: Exactness) -> None:
        asking, self.timer_asked = self.timer_asked, []
        for asked in asking:
            asked.callback(found)

    def detected(self, row: int, what: str) -> None:
        self._daemon.switch.graph.detected(row, what)

    def heard(self, number: int, what: str) -> None:
        self._daemon.switch.graph.heard(number, what)


class VoiceService:
    """The voice plane behind its port, and the graph of who hears whom."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self.events = PlaneEvents(daemon)
        self.port: LocalPort | RemotePort
        self.concealment = codecsconf.Concealment()

    def start(self) -> None:
        """The plane runs in a process of its own unless `voiceprocess = no` (or the system can't)."""
        daemon = self._daemon
        remote = self._remote()
        self.port = LocalPort(daemon.reactor, self.events) if remote is None else remote
        self.reload()
        daemon.switch.graph = Graph(daemon.switch, self.port)

    async def ready(self) -> None:
        """Until the voice process hears us: a call before that would wait for its first sound."""
        if isinstance(self.port, RemotePort):
            with contextlib.suppress(DeferredTimeout):
                await self.port.ready.addTimeout(_VOICE_START_S, self._daemon.reactor)

    def _remote(self) -> RemotePort | None:
        daemon = self._daemon
        if not daemon.conf.voiceprocess:
            return None
        try:
            return RemotePort(daemon.reactor, self.events, restarted=self._restarted)
        except (OSError, AttributeError) as error:  # no memfd, no sequenced packets, no epoll
            log.notice(f"Voice runs in this process, beside everything else: {error}")
            return None

    def _restarted(self) -> None:
        """A plane that had died is told its sounds again."""
        self._daemon.switch.graph.replay()
        if self.events.driver is not None:
            self.events.driver.voice_restarted()

    def test_timer(self, rate: int) -> Deferred[Exactness]:
        """How exact the voice plane's ticks are; takes a second."""
        asked: Deferred[Exactness] = Deferred()
        self.events.timer_asked.append(asked)
        self.port.test_timer(rate)
        self.port.flush()
        return asked.addTimeout(_TIMER_TEST_S, self._daemon.reactor)

    def reload(self) -> None:
        """asterisk.conf was read (again), and codecs.conf is."""
        self.port.set_options(self._daemon.conf.mediatick)
        findings = Diagnostics()
        self.concealment = c = codecsconf.load(self._daemon.conf.etc("codecs.conf"), findings)
        self._daemon.say(findings)
        self.port.set_concealment(c.decoded, bool(c.generic), c.equal)

    def stop(self) -> None:
        if hasattr(self, "port"):  # not where the start failed before it
            self.port.shutdown()
