"""The voice process: a plane, its host and a link to control, in a reactor of their own.

Started by `RemotePort` with: descriptor of the link, descriptor of the counter
memory, rows, "module:class" of the media headers.  Ends when control does.
"""

from __future__ import annotations

import gc
import mmap
import os
import signal
import socket
import sys
from collections import deque
from typing import Any, NoReturn

from twisted.internet.epollreactor import EPollReactor
from twisted.logger import globalLogPublisher

from pbx.channels.voice.counters import COLUMNS, CounterTable
from pbx.channels.voice.headers import Headers, load_headers
from pbx.channels.voice.host import Host
from pbx.channels.voice.link import READY, Link, close_all


class VoiceProcess:
    """Joins link and host."""

    def __init__(self, reactor: Any, sock: socket.socket, counters: CounterTable, headers: Headers) -> None:
        self._reactor = reactor
        self._descriptors: deque[int] = deque()
        self._host = _ProcessHost(reactor, headers, counters, self._told, self._descriptors)
        self._link = Link(reactor, sock, self._received, self.stop)
        self._running = True

    def _received(self, packet: bytes, descriptors: list[int]) -> None:
        self._descriptors.extend(descriptors)
        self._host.commands(packet)

    def _told(self, batch: bytes) -> None:
        self._link.send(batch)

    def ready(self) -> None:
        """Tell control that voice is heard from now on."""
        self._link.send(READY)

    def stop(self) -> None:
        """Control is gone."""
        if self._running:
            self._running = False
            self._host.stop()
            close_all(list(self._descriptors))
            self._reactor.stop()


class _ProcessHost(Host):
    """A host whose sockets come as descriptors beside the commands, and are its own to close."""

    def __init__(self, reactor: Any, headers: Headers, counters: CounterTable, told: Any, given: deque[int]) -> None:
        super().__init__(reactor, headers, counters, told)
        self._given = given
        self._own: dict[int, int] = {}

    def open_socket(self, socket: int, fd: int, family: int) -> bool:
        own = self._given.popleft()
        self._own[socket] = own
        return super().open_socket(socket, own, family)

    def close_socket(self, socket: int) -> None:
        super().close_socket(socket)
        own = self._own.pop(socket, None)
        if own is not None:
            os.close(own)


def _fatal(event: dict[str, Any]) -> None:
    """An error that nobody expected: the reactor would go on without the socket it came from, so a new process is
    the better end."""
    failure = event.get("log_failure")
    if failure is not None:
        _die(failure.getTraceback())


def _die(text: str) -> NoReturn:
    sys.stderr.write(text)
    sys.stderr.flush()
    os._exit(70)


def main(arguments: list[str]) -> None:
    """Run until control closes the link."""
    link, memory, rows, headers = int(arguments[0]), int(arguments[1]), int(arguments[2]), arguments[3]
    # a terminal's interrupt and a service manager's signals are for control, which then ends this process
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    sock = socket.socket(fileno=link)
    sock.setblocking(False)
    counters = CounterTable(rows, mmap.mmap(memory, rows * COLUMNS * 8))
    globalLogPublisher.addObserver(_fatal)  # type: ignore[arg-type]
    reactor: Any = EPollReactor()  # type: ignore[no-untyped-call]
    process = VoiceProcess(reactor, sock, counters, load_headers(headers))
    # nothing in here makes cycles while calls run: a collection would only stop the voice
    gc.collect()
    gc.freeze()
    gc.disable()
    reactor.callWhenRunning(process.ready)
    reactor.run(installSignalHandlers=False)
    process.stop()


if __name__ == "__main__":
    main(sys.argv[1:])
