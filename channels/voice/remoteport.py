"""The voice plane in a process of its own: a `VoicePort` that starts it, and starts it again when it dies.

The process that is started here keeps the one that does the work (`process.Keeper`): a new one is there at once.
"""

from __future__ import annotations

import mmap
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred

import pbx
from pbx.channels.log import Log
from pbx.channels.voice.autoflush import AutoFlush
from pbx.channels.voice.counters import CounterTable, table_bytes
from pbx.channels.voice.headers import IAX2
from pbx.channels.voice.link import LONGEST_GREETING, READY, Link, close_all, pair
from pbx.channels.voice.port import VoiceEvents

_log = Log("voice")

#: a process that dies sooner than this after its start is not started again at once, s
_QUICK_DEATH = 2.0
_PAUSE = 1.0
_LAST_WORDS_S = 2.0


class RemotePort(AutoFlush):
    """A voice plane of its own.  Implements `VoicePort`; used just as `LocalPort`.

    headers: "module:class" of the media headers, made in the voice process.  restarted: called after the plane died,
    was started anew, and was told its sockets, legs and edges again: sounds and recordings are to be said again now.
    Needs a reactor with addReader.  The voice process ends when this one does.
    """

    def __init__(
        self,
        reactor: Any,
        events: VoiceEvents | None = None,
        *,
        headers: str = IAX2,
        capacity: int = 32768,
        restarted: Callable[[], None] | None = None,
    ) -> None:
        super().__init__(reactor, events)
        self.restarted = restarted
        self.restarts = 0
        #: fires when the voice process hears us for the first time
        self.ready: Deferred[None] = Deferred()
        self._headers = headers
        self._capacity = capacity
        self._memory_fd = os.memfd_create("voice-counters")
        size = table_bytes(capacity)
        os.ftruncate(self._memory_fd, size)
        self._memory = mmap.mmap(self._memory_fd, size)
        self.counters = CounterTable(capacity, self._memory)
        self._keeper: subprocess.Popen[bytes] | None = None
        self._to_keeper: socket.socket
        self._pid = 0
        self._link: Link
        self._started = 0.0
        self._restart_call: Any = None
        self._start()

    @property
    def pid(self) -> int:
        """The voice process; 0 before it speaks."""
        return self._pid

    def _start(self) -> None:
        """Have a voice process started; by a new keeper where there is none, or it does not listen."""
        ours, theirs = pair()
        if self._keeper is None or not self._ask(theirs):
            self._reap()
            self._keep()
            self._ask(theirs)
        theirs.close()
        self._pid = 0
        self._started = self._reactor.seconds()
        self._link = Link(self._reactor, ours, self._received, self._died)

    def _ask(self, link: socket.socket) -> bool:
        try:
            socket.send_fds(self._to_keeper, [b"start"], [link.fileno()])
        except OSError:
            return False
        return True

    def _keep(self) -> None:
        """Start the keeper."""
        self._to_keeper, theirs = pair()
        root = os.path.dirname(os.path.dirname(os.path.abspath(pbx.__file__)))
        path = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
        command = [sys.executable, "-m", "pbx.channels.voice.process"]
        command += [str(theirs.fileno()), str(self._memory_fd), str(self._capacity), self._headers]
        theirs.setblocking(True)
        self._keeper = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            pass_fds=(theirs.fileno(), self._memory_fd),
            # no threads for linear algebra: there is none here, and a process with threads had better not fork
            env={"OPENBLAS_NUM_THREADS": "1", **os.environ, "PYTHONPATH": path},
        )
        theirs.close()

    # ---- commands and events ----------------------------------------------------------------------------------

    def add_socket(self, socket: int, fd: int, family: int) -> None:
        super().add_socket(socket, fd, family)
        self._hand_over([fd])

    def open_stream(self, stream: int, fd: int, name: str, always: bool) -> None:
        super().open_stream(stream, fd, name, always)
        self._hand_over([fd])

    def _hand_over(self, descriptors: list[int]) -> None:
        """The batch that names these descriptors leaves now, with them."""
        self._link.send(self.take(), descriptors)

    def _leave(self) -> None:
        self._link.send(self.take())

    def _received(self, packet: bytes, descriptors: list[int]) -> None:
        close_all(descriptors)
        if len(packet) > LONGEST_GREETING:
            self._told(packet)
            return
        self._pid = int.from_bytes(packet[len(READY) :], "big")
        if not self.ready.called:
            self.ready.callback(None)

    # ---- death ------------------------------------------------------------------------------------------------

    def _died(self) -> None:
        if self._stopped:
            return
        lived = self._reactor.seconds() - self._started
        _log.error(f"The voice process {self._pid or ''} died and is started anew".replace("  ", " "))
        pause = 0.0 if lived >= _QUICK_DEATH else _PAUSE
        self._restart_call = self._reactor.callLater(pause, self._restart)

    def _restart(self) -> None:
        self._restart_call = None
        self.restarts += 1
        self._start()
        self.replay()
        # sockets and streams come first in a replay, after settings: their descriptors go with its first packet
        pipes = [fd for fd, _, _ in self.streams.values()]
        self._hand_over([*(fd for fd, _ in self.sockets.values()), *pipes])
        if self.restarted is not None:
            self.restarted()

    def _reap(self) -> None:
        """End the keeper, and with it the voice process."""
        if self._keeper is None:
            return
        self._to_keeper.close()
        try:
            self._keeper.wait(_LAST_WORDS_S)
        except subprocess.TimeoutExpired:
            self._keeper.kill()
            self._keeper.wait()

    def shutdown(self) -> None:
        """End the voice process; files are finished first."""
        if self._stopped:
            return
        self.flush()
        self._stopped = True
        self._cancel()
        if self._restart_call is not None:
            self._restart_call.cancel()
            self._restart_call = None
        self._link.close()
        self._reap()
        os.close(self._memory_fd)
