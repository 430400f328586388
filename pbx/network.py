"""Tells when the machine's addresses or routes change (subscribe_network_change_event): Linux, over netlink."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IReadDescriptor
from zope.interface import implementer

#: RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_IFADDR | RTMGRP_IPV6_ROUTE
_GROUPS = 0x1 | 0x10 | 0x40 | 0x100 | 0x400
#: seconds from the first change until it is told: interfaces come up in many steps
SETTLED = 1.0
#: least seconds between two tellings: some machines change their routes all the time
PAUSE = 10.0


def netlink() -> socket.socket | None:
    """A socket that becomes readable when something changes; None where there is no such thing."""
    family = getattr(socket, "AF_NETLINK", None)
    if family is None:
        return None
    with contextlib.suppress(OSError):
        made = socket.socket(family, socket.SOCK_RAW | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC, 0)
        made.bind((0, _GROUPS))
        return made
    return None


@implementer(IReadDescriptor)
class NetworkWatch:
    """Calls `changed` once things have settled."""

    def __init__(self, reactor: Any, watched: socket.socket, changed: Callable[[], None]) -> None:
        self._reactor = reactor
        self._socket = watched
        self._changed = changed
        self._settling: Any = None
        self._last = -PAUSE
        reactor.addReader(self)

    def fileno(self) -> int:
        return self._socket.fileno()

    def logPrefix(self) -> str:
        return "network"

    def doRead(self) -> None:
        with contextlib.suppress(OSError):  # too many at once (ENOBUFS): something changed all the same
            while self._socket.recv(65536):
                pass
        if self._settling is None or not self._settling.active():
            wait = max(SETTLED, self._last + PAUSE - self._reactor.seconds())
            self._settling = self._reactor.callLater(wait, self._tell)

    def _tell(self) -> None:
        self._last = self._reactor.seconds()
        self._changed()

    def connectionLost(self, reason: object) -> None:
        """The reactor shuts down."""

    def stop(self) -> None:
        self._reactor.removeReader(self)
        if self._settling is not None and self._settling.active():
            self._settling.cancel()
        self._socket.close()
