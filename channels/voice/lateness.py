"""How long what is read now may have waited in its socket while this process stood still.

Voice is judged by the time at which it is read.  After a standstill all of it looks late, and would be stamped anew,
frame by frame, as if its sender were: so a plane that is late would get later.
"""

from __future__ import annotations

#: shorter than that is a tick, or jitter, and within what stamps may stray anyway; ns
_STANDSTILL = 50_000_000


class Lateness:
    """When each socket was last found empty, or emptied.  Times in ns."""

    def __init__(self) -> None:
        self._emptied: dict[int, int] = {}

    def emptied(self, socket: int, now: int) -> None:
        """Nothing that came before `now` waits there."""
        self._emptied[socket] = now

    def of(self, socket: int, now: int) -> int:
        """Milliseconds that a datagram which is read now may have waited, 0 if not worth a word."""
        waited = now - self._emptied.get(socket, now)
        return waited // 1_000_000 if waited > _STANDSTILL else 0

    def forget(self, socket: int) -> None:
        """It was closed."""
        self._emptied.pop(socket, None)
