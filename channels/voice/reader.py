"""When sockets are read: at once while little comes, on a tick when much does.

Below 1,000 datagrams a second each socket is an ordinary reader of the reactor.
Above, the sockets leave the reactor and a timer drains them all: a wake-up costs
more than relaying a frame.  The tick aims at 160 datagrams a drain, between 1.5 ms
and `mediatick`; it is set anew six times a second, and below 500 a second reading at
once comes back.  Every drain is bounded.  Where signalling is all that comes, a tick
is in use from 300 datagrams a second on, which aims at 32 a drain, between 10 and 20 ms;
what control has to say is read with it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.interfaces import IReadDescriptor
from zope.interface import implementer

from pbx.channels.voice.timer import Ticker

_TICK_ABOVE = 1000
_REACT_BELOW = 500
_AIM = 160
#: a drain takes half a millisecond and 2 us a frame: at 100,000 frames a second a shorter tick leaves hardly any time
#: to spare, and what is late once stays late for long
_SHORTEST_US = 1500
#: the tick where nearly all voice comes in trunk frames, whose voice gathered for longer than that already
_PATIENT_US = 10_000
_PATIENT_AIM = 256
#: signalling alone is read on a tick from here on, and below that at once again: a process that wakes up for each
#: frame of it spends most of its time on waking
_CALM_ABOVE, _CALM_BELOW = 300, 150
_CALM_US, _CALM_LONGEST_US, _CALM_AIM = 10_000, 20_000, 32
_STEP_US = 500
_USUAL_US = 2500
_WINDOW_NS = 250_000_000
_TICKING_NS = 160_000_000


class Beside(Protocol):
    """The way to control (`link.Link`)."""

    def fileno(self) -> int: ...
    def doRead(self) -> None: ...
    def read_all(self) -> None: ...


@implementer(IReadDescriptor)
class _Socket:
    def __init__(self, fd: int, read: Callable[[], None]) -> None:
        self._fd = fd
        self._read = read

    def fileno(self) -> int:
        return self._fd

    def logPrefix(self) -> str:
        return "voice"

    def doRead(self) -> None:
        self._read()

    def connectionLost(self, reason: object) -> None:
        """The reactor shuts down."""


class Readers:
    """All sockets of a plane.  `drain(socket)` takes what waits, within bounds, and says how many it took."""

    def __init__(self, reactor: Any, drain: Callable[[int], int], clock: Callable[[], int] = time.monotonic_ns) -> None:
        self._reactor = reactor
        self._drain = drain
        self._clock = clock
        self._sockets: dict[int, _Socket] = {}
        self._ticker = Ticker(reactor, self._tick)
        self.mediatick = _USUAL_US
        #: true when what came since the last question can wait a little
        self.patient: Callable[[], bool] = lambda: False
        #: true when there was no voice in what came since the last question
        self.silent: Callable[[], bool] = lambda: False
        #: what control says comes by it; it leaves the reactor, too, while signalling alone is read on a tick
        self.beside: Beside | None = None
        self._joined = False
        self._calm = False
        self._taken = 0
        self._since = clock()
        #: when all sockets were read last for another reason than the tick
        self._read = 0

    def add(self, socket: int, fd: int) -> None:
        reader = _Socket(fd, lambda: self._readable(socket))
        self._sockets[socket] = reader
        if not self.ticking:
            self._reactor.addReader(reader)

    def remove(self, socket: int) -> None:
        reader = self._sockets.pop(socket, None)
        if reader is not None:
            self._reactor.removeReader(reader)
        if not self._sockets:
            self._stop_ticking()

    @property
    def ticking(self) -> bool:
        return self._ticker.running

    @property
    def period(self) -> int:
        """Microseconds between drains, 0 while reading at once."""
        return self._ticker.period

    def stop(self) -> None:
        for socket in tuple(self._sockets):
            self.remove(socket)
        self._stop_ticking()

    def read_all(self) -> None:
        """Take what waits in all sockets, whenever they would be read; a tick that is near need not do it again."""
        self._read = self._clock()
        self._read_all()

    def _read_all(self) -> None:
        for socket in tuple(self._sockets):
            self._taken += self._drain(socket)

    # ---- at once ----------------------------------------------------------------------------------------------

    def _readable(self, socket: int) -> None:
        self._taken += self._drain(socket)
        now = self._clock()
        span = now - self._since
        if span < _WINDOW_NS:
            return
        rate = self._taken * 1_000_000_000 // span
        self._taken, self._since = 0, now
        self._calm = self.silent()
        if rate >= (_CALM_ABOVE if self._calm else _TICK_ABOVE) and span < 4 * _WINDOW_NS:
            for reader in self._sockets.values():
                self._reactor.removeReader(reader)
            self._tick_for(rate)

    # ---- on a tick --------------------------------------------------------------------------------------------

    @property
    def _gathering(self) -> bool:
        """Signalling alone comes, and nobody asked for a short tick."""
        return self._calm and self.mediatick >= _USUAL_US

    def _tick_for(self, rate: int) -> None:
        self._ticker.start(self._period(rate))
        self._join(self._gathering)

    def _stop_ticking(self) -> None:
        self._ticker.stop()
        self._join(False)

    def _join(self, joined: bool) -> None:
        """Read what control says on the tick, or at once."""
        beside = self.beside
        if beside is not None and joined != self._joined and beside.fileno() >= 0:
            self._joined = joined
            (self._reactor.removeReader if joined else self._reactor.addReader)(beside)

    def _period(self, rate: int) -> int:
        longest, shortest, aim = self.mediatick, _SHORTEST_US, _AIM
        if self._gathering:
            longest, shortest, aim = _CALM_LONGEST_US, _CALM_US, _CALM_AIM
        elif longest >= _USUAL_US and self.patient():
            longest, aim = max(longest, _PATIENT_US), _PATIENT_AIM
        wanted = aim * 1_000_000 // max(1, rate) // _STEP_US * _STEP_US
        return min(longest, max(shortest, wanted))

    def _tick(self, _: int) -> None:
        if self._joined and self.beside is not None:
            self.beside.read_all()
            if not self.ticking:
                return  # the last socket was closed
        now = self._clock()
        if now - self._read >= 500 * self._ticker.period:
            self._read_all()
        span = now - self._since
        if span < _TICKING_NS:
            return
        rate = self._taken * 1_000_000_000 // span
        self._taken, self._since = 0, now
        self._calm = self.silent()
        if rate >= (_CALM_BELOW if self._calm else _REACT_BELOW):
            self._tick_for(rate)
            return
        self._stop_ticking()
        for socket, reader in self._sockets.items():
            self._reactor.addReader(reader)
            self._drain(socket)
