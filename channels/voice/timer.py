"""Ticks of the reactor by timerfd: exact, without drift, and they say how many were missed.

`Ticker` uses the kernel's timer where there is one (os.timerfd_create of Python
3.13, else the C library's), and the reactor's own timed calls otherwise.
"""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Callable
from functools import cache
from typing import Any

from twisted.internet.interfaces import IReadDescriptor
from zope.interface import implementer

_CLOCK_MONOTONIC = 1
_NONBLOCK_CLOEXEC = os.O_NONBLOCK | os.O_CLOEXEC


class _Timespec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _Itimerspec(ctypes.Structure):
    _fields_ = (("interval", _Timespec), ("value", _Timespec))


@cache
def _library() -> ctypes.CDLL:
    """The C library; one object of it is a cycle, which nobody collects here."""
    return ctypes.CDLL(None, use_errno=True)


def open_timer() -> int:
    """A new timerfd.  Raises OSError or AttributeError where there is none."""
    if hasattr(os, "timerfd_create"):
        descriptor: int = os.timerfd_create(time.CLOCK_MONOTONIC, flags=os.TFD_NONBLOCK | os.TFD_CLOEXEC)  # type: ignore[attr-defined,unused-ignore]
        return descriptor
    fd: int = _library().timerfd_create(_CLOCK_MONOTONIC, _NONBLOCK_CLOEXEC)
    if fd < 0:
        raise OSError(ctypes.get_errno(), "timerfd_create")
    return fd


def set_timer(fd: int, microseconds: int) -> None:
    """Fire each `microseconds` from now on (0: never)."""
    if hasattr(os, "timerfd_settime_ns"):
        ns = microseconds * 1000
        os.timerfd_settime_ns(fd, initial=ns, interval=ns)  # type: ignore[attr-defined,unused-ignore]
        return
    span = _Timespec(microseconds // 1_000_000, microseconds % 1_000_000 * 1000)
    setting = _Itimerspec(span, span)
    if _library().timerfd_settime(fd, 0, ctypes.byref(setting), None) < 0:
        raise OSError(ctypes.get_errno(), "timerfd_settime")


@implementer(IReadDescriptor)
class _TimerFd:
    def __init__(self, fd: int, fired: Callable[[int], None]) -> None:
        self._fd = fd
        self._fired = fired

    def fileno(self) -> int:
        return self._fd

    def logPrefix(self) -> str:
        return "voice timer"

    def doRead(self) -> None:
        try:
            count = int.from_bytes(os.read(self._fd, 8), "little" if _LITTLE else "big")
        except BlockingIOError:
            return
        self._fired(count)

    def connectionLost(self, reason: object) -> None:
        """The reactor shuts down."""


class Ticker:
    """Calls `fired(n)` each period; n: periods that passed since the last call (1 when on time)."""

    def __init__(self, reactor: Any, fired: Callable[[int], None]) -> None:
        self._reactor = reactor
        self._fired = fired
        self.period = 0
        self._fd = -1
        self._descriptor: _TimerFd | None = None
        self._call: Any = None
        self._next = 0.0

    @property
    def running(self) -> bool:
        return self.period > 0

    @property
    def kernel(self) -> bool:
        """While it runs: by timerfd?"""
        return self._descriptor is not None

    def start(self, microseconds: int) -> None:
        """Begin, or change the period."""
        if self.period == microseconds:
            return
        if self._descriptor is None and self._call is None and hasattr(self._reactor, "addReader"):
            try:
                self._fd = open_timer()
            except (OSError, AttributeError):
                self._fd = -1
            else:
                self._descriptor = _TimerFd(self._fd, self._fired)
        self.period = microseconds
        if self._descriptor is not None:
            set_timer(self._fd, microseconds)
            self._reactor.addReader(self._descriptor)
            return
        if self._call is not None:
            self._call.cancel()
        self._next = self._reactor.seconds() + microseconds / 1e6
        self._call = self._reactor.callLater(microseconds / 1e6, self._timed)

    def _timed(self) -> None:
        now = self._reactor.seconds()
        step = self.period / 1e6
        late = max(0, int((now - self._next) / step + 1e-6))
        self._next += (late + 1) * step
        self._call = self._reactor.callLater(max(0.0, self._next - now), self._timed)
        self._fired(late + 1)

    def stop(self) -> None:
        self.period = 0
        if self._descriptor is not None:
            self._reactor.removeReader(self._descriptor)
            self._descriptor = None
            os.close(self._fd)
        if self._call is not None:
            if self._call.active():
                self._call.cancel()
            self._call = None


_LITTLE = bytes(ctypes.c_ushort(1))[0] == 1
