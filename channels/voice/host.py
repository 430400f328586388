"""A plane in a reactor: its sockets, ticks and files.  Serves the plane in process and the voice process alike."""

from __future__ import annotations

import os
import socket as _socket
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from pbx.channels.voice.arena import SLOTS
from pbx.channels.voice.batch import Batch, but_first
from pbx.channels.voice.contents import Content
from pbx.channels.voice.counters import CounterTable
from pbx.channels.voice.files import DirectFiles, ThreadFiles, read_file
from pbx.channels.voice.headers import Headers
from pbx.channels.voice.lateness import Lateness
from pbx.channels.voice.layout import IP_PKTINFO, IPV6_RECVPKTINFO, SO_RXQ_OVFL, UDP_GRO
from pbx.channels.voice.mmsg import Kernel, PlainKernel, Ring, best_kernel, send
from pbx.channels.voice.outbox import Outbox
from pbx.channels.voice.plane import Plane
from pbx.channels.voice.reader import Beside, Readers
from pbx.channels.voice.routes import Routes
from pbx.channels.voice.segments import FEWEST, Refused, Segments
from pbx.channels.voice.sinks import Files
from pbx.channels.voice.slow import Worker
from pbx.channels.voice.timer import Ticker
from pbx.channels.voice.timertest import Exactness, TimerTest

#: ring fulls taken from one socket in one turn, and datagrams after which there is no further one
_RINGS, _MOST = 4, 4 * SLOTS
#: each so many drains of such a socket somebody looks how much the kernel dropped
_LOOK = 256
_FRAME_US = 20_000
_EXPIRE_S = 0.05
#: totals are published so long after something was counted
_PUBLISH_S = 0.5
_RECEIVE_BUFFER = 16 << 20
_SO_RCVBUFFORCE = 33
#: a smaller buffer is worth a word; the kernel's default holds 256 minis
_ENOUGH = 2 << 20
#: 20 ms frames made at once after a stall; a longer one is skipped, the clock goes on
_CATCH_UP = 3
#: frames of a stall that recordings catch up with
_MISSED = 50


class Host:
    """Drives one `Plane`.  told: hears each batch of events, encoded."""

    def __init__(
        self,
        reactor: Any,
        headers: Headers,
        counters: CounterTable,
        told: Callable[[bytes], None],
        *,
        clock: Callable[[], int] = time.monotonic_ns,
        kernel: Kernel | None = None,
    ) -> None:
        self._reactor = reactor
        self._told = told
        self._clock = clock
        threads = hasattr(reactor, "callFromThread")
        self._threads = ThreadFiles(self._from_thread) if threads else None
        self.files: Files = self._threads or DirectFiles()
        self._worker = Worker(self._from_thread) if threads else None
        self._kernel = kernel or best_kernel()
        self._said = False
        self.plane = Plane(headers, self, counters)
        if isinstance(self._kernel, PlainKernel):
            self.plane.core.events.note("no recvmmsg and sendmmsg here: voice costs a system call a frame")
        self._ring = Ring(self.plane.core.arena, self._kernel, self.plane.counters)
        self._fds: dict[int, int] = {}
        #: pipes of streams
        self._pipes: dict[int, int] = {}
        #: IPv4 sockets bound to one address
        self._plain: set[int] = set()
        #: those whose kernel takes many frames as one message
        self._segmenting: set[int] = set()
        #: those whose kernel puts datagrams together that come together
        self._runs: set[int] = set()
        self._segments = Segments(self.plane.legs, self._kernel, self.plane.counters)
        self._routes = Routes(clock)
        self._lateness = Lateness()
        self._looks = 0
        #: what the kernel dropped so far, by socket
        self._lost: dict[int, int] = {}
        self._readers = Readers(reactor, self._drain, clock)
        self._frames = Ticker(reactor, self._frame_tick)
        self._trunks = Ticker(reactor, self._trunk_tick)
        self._trunk_idle = 0
        self._readers.patient = self._trunks_only
        self._seen = (0, 0)
        self._readers.silent = self._signalling_only
        self._heard = (0, 0)
        self._expire_call: Any = None
        self._expire_trunks = 0
        self._timer_test: TimerTest | None = None
        self._table = counters
        #: what planes before this one counted; what the kernel dropped it counts for as long as the socket is open
        self._before = replace(counters.totals(), kernel_dropped=0)
        self._publish_call: Any = None

    # ---- what drives it -----------------------------------------------------------------------------------------

    def commands(self, batch: bytes) -> None:
        """Obey a batch from control."""
        self.plane.commands(batch, self._clock())
        self._done()

    def read_beside(self, link: Beside) -> None:
        """Control's commands come by this link."""
        self._readers.beside = link

    def _drain(self, number: int) -> int:
        plane, ring = self.plane, self._ring
        if self._publish_call is None:
            self._publish_call = self._reactor.callLater(_PUBLISH_S, self._publish)
        taken, now = 0, self._clock()
        # who reads at once was not asked to before something came
        plane.core.late = self._lateness.of(number, now) if self._readers.ticking else 0
        for _ in range(_RINGS):
            fd = self._fds.get(number, -1)
            if fd < 0:
                break
            # an answer from a wildcard socket has to leave from where the question came to; elsewhere, what the
            # kernel says beside datagrams is a count of those it dropped: a look now and then will do
            self._looks += 1
            plain = number in self._plain and self._looks % _LOOK
            count = ring.receive(fd, bool(plain), number in self._runs)
            if not ring.full or not count:
                self._lateness.emptied(number, now)
            if not count:
                break
            taken += count
            if not plain and ring.last_has_drops:
                dropped = ring.control(count - 1)[1]
                if dropped >= 0:
                    # the kernel counts for each socket, from its beginning on
                    plane.counters.kernel_dropped += dropped - self._lost.get(number, 0)
                    self._lost[number] = dropped
            if count <= plane.few:
                done = plane.few_datagrams(number, ring.heads(), self._clock(), None if plain else ring)
                plane.counters.datagrams += done
                if done < count:
                    self._rest(number, but_first(ring, done))
                elif plane.events:
                    self._done()
                elif done:
                    self._send(number, plane.boxes[number])
                break
            self._rest(number, ring)
            if not ring.full or taken >= _MOST:
                break
        plane.core.late = 0
        return taken

    def _rest(self, number: int, batch: Batch) -> None:
        self.plane.rest(number, batch, self._clock())
        self._done()

    def _frame_tick(self, count: int) -> None:
        if count > 1:
            # late: what waits in the sockets belongs to the time that passed
            self._readers.read_all()
        ticks = count if count <= _CATCH_UP else 1
        for i in range(ticks):
            self.plane.tick(self._clock(), 0 if i else min(count - ticks, _MISSED))
            self._done()
        if not self.plane.ticking:
            self._frames.stop()

    def _trunks_only(self) -> bool:
        """True when nearly all that came since the last time were trunk frames."""
        counters = self.plane.counters
        seen, self._seen = self._seen, (counters.datagrams, counters.trunk_frames)
        return 10 * (self._seen[1] - seen[1]) >= 9 * (self._seen[0] - seen[0])

    def _signalling_only(self) -> bool:
        """True when nearly all that came since the last time were full frames."""
        counters = self.plane.counters
        heard, self._heard = self._heard, (counters.datagrams, counters.signalling)
        return 10 * (self._heard[1] - heard[1]) >= 9 * (self._heard[0] - heard[0])

    def _trunk_tick(self, _: int) -> None:
        self._readers.read_all()
        self._trunk_idle = 0 if self.plane.trunks.queued else self._trunk_idle + 1
        self.plane.trunk_tick(self._clock())
        self._done()
        if self._trunk_idle > 100:
            self._trunks.stop()

    def _expire(self) -> None:
        self._expire_call = None
        self.plane.expire(self._clock())
        self._done()

    def _publish(self) -> None:
        self._publish_call = None
        self._table.publish(self.plane.counters, self._before)

    def _done(self) -> None:
        """After each step of the plane: send, tell, and see which ticks are needed."""
        plane = self.plane
        self.send_boxes()
        plane.sent()
        if plane.ticking and not self._frames.running:
            self._frames.start(_FRAME_US)
        if plane.trunks.queued and not self._trunks.running:
            self._trunk_idle = 0
            self._trunks.start(plane.trunks.frequency * 1000)
        if self._expire_call is None and (plane.holding or self._trunks.running):
            self._expire_call = self._reactor.callLater(_EXPIRE_S if plane.holding else 1.0, self._expire)
        events = plane.take_events()
        if events:
            self._told(events)

    def stop(self) -> None:
        """Leave the reactor; finish files."""
        self._readers.stop()
        self._frames.stop()
        self._trunks.stop()
        if self._timer_test is not None:
            self._timer_test.stop()
        for call in (self._expire_call, self._publish_call):
            if call is not None:
                call.cancel()
        self._expire_call = self._publish_call = None
        if self._threads is not None:
            self._threads.stop()
        if self._worker is not None:
            self._worker.stop()

    # ---- what the plane asks for (plane.Outside) -----------------------------------------------------------------

    def open_socket(self, socket: int, fd: int, family: int) -> bool:
        self._fds[socket] = fd
        size, everywhere = prepare(fd, family)
        self._plain.discard(socket)
        self._segmenting.discard(socket)
        self._runs.discard(socket)
        self._lost.pop(socket, None)
        if not everywhere and family == _socket.AF_INET:
            self._plain.add(socket)
        if family == _socket.AF_INET and not isinstance(self._kernel, PlainKernel):
            self._segmenting.add(socket)
            if _puts_together(fd):
                self._runs.add(socket)
        if size < _ENOUGH and not self._said:
            self._said = True
            self.plane.core.events.note(
                f"the kernel gives voice a receive buffer of {size // 1024} KiB only: many calls at once may lose "
                f"frames; set the sysctl net.core.rmem_max to {_RECEIVE_BUFFER}"
            )
        self._readers.add(socket, fd)
        return everywhere

    def open_stream(self, stream: int, fd: int) -> None:
        self.close_stream(stream)
        self._pipes[stream] = fd

    def close_stream(self, stream: int) -> None:
        self._pipes.pop(stream, None)

    def read_stream(self, stream: int, most: int) -> bytes | None:
        fd = self._pipes.get(stream, -1)
        if fd < 0:
            return None
        try:
            return os.read(fd, most)
        except BlockingIOError:
            return None
        except OSError:
            return b""

    def natural_source(self, address: bytes, local: bytes) -> bool:
        return self._routes.natural(address, local)

    def close_socket(self, socket: int) -> None:
        box = self.plane.boxes.get(socket)
        if box is not None and box.count and socket in self._fds:
            send(self._kernel, self._fds[socket], box, self.plane.counters)
        self._fds.pop(socket, None)
        self._lateness.forget(socket)
        self._readers.remove(socket)

    def send_boxes(self) -> None:
        for number, box in self.plane.boxes.items():
            if box.count:
                self._send(number, box)

    def _send(self, number: int, box: Outbox) -> None:
        fd = self._fds[number]
        if box.count >= FEWEST and number in self._segmenting and box.plain:
            try:
                if self._segments.send(fd, box):
                    return
            except Refused:
                self._segmenting.discard(number)
        send(self._kernel, fd, box, self.plane.counters)

    def read_file(self, path: str, done: Callable[[Content | None, str], None]) -> None:
        if self._threads is not None:
            self._threads.read(path, done)
        else:
            done(*read_file(path))

    def aside(self, work: Callable[[], Any], done: Callable[[Any, int], None]) -> None:
        def ended(result: Any) -> None:
            done(result, self._clock())

        if self._worker is not None:
            self._worker.put(work, ended)
        else:
            ended(work())

    def _from_thread(self, f: Callable[..., None], *args: Any) -> None:
        self._reactor.callFromThread(self._answered, f, *args)

    def _answered(self, f: Callable[..., None], *args: Any) -> None:
        f(*args)
        self._done()

    def trunk_frequency(self, milliseconds: int) -> None:
        if self._trunks.running:
            self._trunks.start(milliseconds * 1000)

    def media_tick(self, microseconds: int) -> None:
        self._readers.mediatick = max(1000, microseconds)

    def test_timer(self, rate: int) -> None:
        if self._timer_test is not None:
            self._timer_test.stop()
        self._timer_test = TimerTest(self._reactor, rate, self._timer_tested)

    def _timer_tested(self, found: Exactness) -> None:
        self._timer_test = None
        self.plane.core.events.timer_tested(found)
        self._done()


def _puts_together(fd: int) -> bool:
    """Ask the kernel for datagrams of one sender as one message; False where it has no such thing (before 5.0)."""
    sock = _socket.socket(fileno=os.dup(fd))
    try:
        sock.setsockopt(_socket.IPPROTO_UDP, UDP_GRO, 1)
    except OSError:
        return False
    finally:
        sock.close()
    return True


def prepare(fd: int, family: int) -> tuple[int, bool]:
    """Set a bound socket's options: large receive buffer, drop counter, local addresses where it is bound to none.

    Returns the receive buffer that the kernel gave, and whether the socket is bound to no address.
    """
    sock = _socket.socket(family, _socket.SOCK_DGRAM, fileno=os.dup(fd))
    try:
        for option in (_SO_RCVBUFFORCE, _socket.SO_RCVBUF):
            try:
                sock.setsockopt(_socket.SOL_SOCKET, option, _RECEIVE_BUFFER)
                break
            except OSError:
                continue
        wanted = [(_socket.SOL_SOCKET, SO_RXQ_OVFL)]
        everywhere = sock.getsockname()[0] in ("0.0.0.0", "::")
        if everywhere:
            if family == _socket.AF_INET6:
                wanted.append((_socket.IPPROTO_IPV6, IPV6_RECVPKTINFO))
            else:
                wanted.append((_socket.IPPROTO_IP, IP_PKTINFO))
        for level, option in wanted:
            try:
                sock.setsockopt(level, option, 1)
            except OSError:
                continue
        return sock.getsockopt(_socket.SOL_SOCKET, _socket.SO_RCVBUF), everywhere
    finally:
        sock.close()
