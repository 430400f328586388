"""Which address the kernel lets a datagram leave from when nobody says: where that is the right one, nobody has to."""

from __future__ import annotations

import socket
from collections.abc import Callable

from pbx.channels.voice import address as addresses

#: routes are looked at again after this long, s
_FRESH = 10.0
_MOST = 4096


class Routes:
    """A cache of the kernel's choices.  clock: monotonic ns."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._known: dict[bytes, tuple[int, str]] = {}

    def natural(self, address: bytes, local: bytes) -> bool:
        """True when datagrams to `address` leave from `local` anyway (both sockaddrs)."""
        wanted = addresses.unpack(local)[0]
        if not wanted:
            return True
        now = self._clock()
        until, chosen = self._known.get(address, (0, ""))
        if now >= until:
            if len(self._known) >= _MOST:
                self._known.clear()
            chosen = _source(address)
            self._known[address] = now + int(_FRESH * 1e9), chosen
        return chosen == wanted


def _source(address: bytes) -> str:
    """The source address of that destination, "" where there is no way to it."""
    host, port = addresses.unpack(address)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as one:
            one.connect((host, port or 9))  # a UDP connect sends nothing
            return str(one.getsockname()[0])
    except OSError:
        return ""
