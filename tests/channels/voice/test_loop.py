"""The voice process's loop: descriptors both ways, timed calls in order, calls from other threads."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable

import pytest

from pbx.channels.voice.loop import Loop


class _Watched:
    def __init__(self, sock: socket.socket, read: Callable[[], None], write: Callable[[], None]) -> None:
        self._socket = sock
        self.doRead, self.doWrite = read, write

    def fileno(self) -> int:
        return self._socket.fileno()


def _nothing() -> None:
    raise AssertionError("nobody asked for this")


def test_reads_and_writes_only_while_watched() -> None:
    loop, seen = Loop(), []
    one, two = socket.socketpair()
    with one, two:

        def read() -> None:
            seen.append(one.recv(100))
            loop.addWriter(watched)

        def write() -> None:
            seen.append(b"written")
            loop.removeReader(watched)
            loop.removeWriter(watched)
            two.send(b"nobody hears this")
            loop.callLater(0.01, loop.stop)

        watched = _Watched(one, read, write)
        loop.addReader(watched)
        loop.addReader(watched)
        two.send(b"one")
        loop.run()
        assert seen == [b"one", b"written"]
        loop.removeReader(watched)  # gone already: no harm


def test_timed_calls_come_in_order_and_cancelled_ones_do_not() -> None:
    loop, seen = Loop(), []
    loop.callLater(0.02, seen.append, "late")
    loop.callLater(0.03, loop.stop)
    gone = loop.callLater(0.01, _nothing)
    loop.callWhenRunning(lambda: seen.append("first"))
    gone.cancel()
    assert not gone.active()
    loop.run()
    assert seen == ["first", "late"]


def test_a_thread_wakes_the_loop() -> None:
    loop, where = Loop(), []

    def call() -> None:
        where.append(threading.current_thread())
        loop.stop()

    thread = threading.Thread(target=lambda: loop.callFromThread(call))
    loop.callWhenRunning(thread.start)
    loop.run()
    thread.join()
    assert where == [threading.current_thread()]


def test_an_error_leaves_the_loop() -> None:
    loop = Loop()
    loop.callLater(0, _nothing)
    with pytest.raises(AssertionError, match="nobody"):
        loop.run()
