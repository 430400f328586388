"""The voice process: a plane, its host and a link to control, in a loop of their own; and the keeper that starts it.

`RemotePort` starts the keeper with: descriptor of its own socket, descriptor of the counter memory, rows,
"module:class" of the media headers.  The keeper imports all that voice needs and then waits; for each packet with a
link's descriptor it ends the voice process that it had and forks the next, which is there in some ms where a new
interpreter takes half a second of silence.  Both end when control does.
"""

from __future__ import annotations

import ctypes
import gc
import mmap
import os
import signal
import socket
import sys
import traceback
from collections import deque
from contextlib import suppress
from typing import Any, NoReturn

from pbx.channels.voice.counters import CounterTable, table_bytes
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
        self._host.read_beside(self._link)
        self._running = True

    def _received(self, packet: bytes, descriptors: list[int]) -> None:
        self._descriptors.extend(descriptors)
        self._host.commands(packet)

    def _told(self, batch: bytes) -> None:
        self._link.send(batch)

    def ready(self) -> None:
        """Tell control that voice is heard from now on."""
        self._link.send(READY + os.getpid().to_bytes(4, "big"))

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
        self._own_pipes: dict[int, int] = {}

    def open_socket(self, socket: int, fd: int, family: int) -> bool:
        own = self._given.popleft()
        self._own[socket] = own
        return super().open_socket(socket, own, family)

    def open_stream(self, stream: int, fd: int) -> None:
        own = self._given.popleft()
        super().open_stream(stream, own)
        self._own_pipes[stream] = own

    def close_stream(self, stream: int) -> None:
        super().close_stream(stream)
        own = self._own_pipes.pop(stream, None)
        if own is not None:
            os.close(own)

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


def run(link: socket.socket, counters: CounterTable, headers: str, control: int) -> None:
    """Be the voice process until control closes the link."""
    _go_before(control)
    loop = Loop()
    process = VoiceProcess(loop, link, counters, load_headers(headers))
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


class Keeper:
    """Starts voice processes, one after the other."""

    def __init__(self, sock: socket.socket, memory: int, rows: int, headers: str) -> None:
        self._socket = sock
        self._rows, self._headers = rows, headers
        self._memory = mmap.mmap(memory, table_bytes(rows))
        self._control = os.getppid()
        self._child = 0

    def serve(self) -> int:
        """Until control closes the socket; then how the last voice process ended (0: as it should)."""
        while True:
            _, links, _, _ = socket.recv_fds(self._socket, 64, 1)
            if not links:
                return self._wait()
            if self._child:
                # it may live and yet not listen
                with suppress(ProcessLookupError):
                    os.kill(self._child, signal.SIGKILL)
                self._wait()
            self._child = os.fork()
            if not self._child:
                self._be_voice(links[0])
            close_all(links)

    def _be_voice(self, link: int) -> NoReturn:
        try:
            self._socket.close()
            with suppress(AttributeError, OSError):
                # nobody else would end one that hangs when its keeper is gone (PR_SET_PDEATHSIG)
                ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)
            sock = socket.socket(fileno=link)
            sock.setblocking(False)
            run(sock, CounterTable(self._rows, self._memory), self._headers, self._control)
        except BaseException:
            _die(traceback.format_exc())
        sys.stderr.flush()
        os._exit(0)

    def _wait(self) -> int:
        if not self._child:
            return 0
        child, self._child = self._child, 0
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main(arguments: list[str]) -> int:
    """Keep voice processes; the exit status."""
    sock, memory, rows, headers = int(arguments[0]), int(arguments[1]), int(arguments[2]), arguments[3]
    # a terminal's interrupt and a service manager's signals are for control, which then ends this process
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    load_headers(headers)
    # what the keeper made is shared with those that it forks, as long as nobody touches it
    gc.collect()
    gc.freeze()
    return Keeper(socket.socket(fileno=sock), memory, rows, headers).serve()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
