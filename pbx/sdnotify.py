"""systemd's notification socket: READY, RELOADING, STOPPING, WATCHDOG.

A few datagrams; nothing happens when systemd did not ask (no NOTIFY_SOCKET).
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Mapping


class Notifier:
    """Tells systemd how the service stands."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        environment = os.environ if environment is None else environment
        self._path = environment.get("NOTIFY_SOCKET", "")
        pid = environment.get("WATCHDOG_PID", "")
        usec = environment.get("WATCHDOG_USEC", "")
        mine = not pid or pid == str(os.getpid())
        #: seconds between two signs of life (half of what systemd allows), 0.0 = none wanted
        self.watchdog_every = int(usec) / 2_000_000 if usec.isdigit() and mine else 0.0

    def send(self, text: str) -> bool:
        """Send `KEY=value` lines; False when nobody listens."""
        if not self._path:
            return False
        address = "\0" + self._path[1:] if self._path.startswith("@") else self._path
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as link:
            link.sendto(text.encode(), address)
            return True
        return False

    def ready(self, status: str = "") -> None:
        self.send(f"READY=1\nSTATUS={status}\nMAINPID={os.getpid()}")

    def reloading(self) -> None:
        """To be followed by `ready`."""
        self.send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        self.send("STOPPING=1")

    def alive(self) -> None:
        self.send("WATCHDOG=1")
