"""The voice process: a plane, its host and a link to control, in a loop of their own.

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
import traceback
from collections import deque
from typing import Any, NoReturn

from pbx.channels.voice.counters import COLUMNS, CounterTable
from pbx.channels.voice.headers import Headers, load_headers
from pbx.channels.voice.host import Host
from pbx.channels.voice.link import READY, Link, close_all
from pbx.channels.voice.loop import Loop

#: how much nicer control is than voice
_NICER = 10


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


def _go_before(control: int) -> None:
    """Where control runs at a real-time priority, or may set its own, voice goes before it: it is soon done again."""
    try:
        policy, level = os.sched_getscheduler(control), os.sched_getparam(control).sched_priority
        if policy in (os.SCHED_FIFO, os.SCHED_RR):
            os.sched_setscheduler(0, policy, os.sched_param(level + 1))
        else:
            os.setpriority(os.PRIO_PROCESS, 0, max(-20, os.getpriority(os.PRIO_PROCESS, control) - _NICER))
    except (AttributeError, OSError):
        pass  # it may not, or has no such thing


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
    _go_before(os.getppid())
    loop = Loop()
    process = VoiceProcess(loop, sock, counters, load_headers(headers))
    # nothing in here makes cycles while calls run: a collection would only stop the voice
    gc.collect()
    gc.freeze()
    gc.disable()
    loop.callWhenRunning(process.ready)
    try:
        loop.run()
    except Exception:
        # an error that nobody expected: going on without what it came from is worse than a new process
        _die(traceback.format_exc())
    process.stop()


if __name__ == "__main__":
    main(sys.argv[1:])
