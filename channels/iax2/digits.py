"""Digits on their way to a far end: each lasts long enough to be heard there.

The wire tells a digit's length only by the time between its BEGIN and its END, and the far end may have to play
the tone.  So an END that comes too early (3 ms after the BEGIN, or made up for an old peer that sends END alone)
waits, and what comes behind it waits too, as in Asterisk (mindtmfduration).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall, IReactorTime

#: ms, where asterisk.conf says nothing
SHORTEST_MS = 80
#: less than this is not worth a timer, seconds
_NOTHING = 0.005
#: signals that wait at most; whoever types faster loses some
_MOST = 128


class Digits:
    """BEGIN and END of one leg's digits, in order.

    send(digit, begin) says one to the far end; shortest() is the least length in ms.
    """

    __slots__ = ("_clock", "_send", "_shortest", "_since", "_timer", "_waiting")

    def __init__(self, clock: IReactorTime, send: Callable[[str, bool], None], shortest: Callable[[], int]) -> None:
        self._clock = clock
        self._send = send
        self._shortest = shortest
        self._since: float | None = None
        self._waiting: deque[tuple[str, bool, int]] = deque()
        self._timer: IDelayedCall | None = None

    def begin(self, digit: str) -> None:
        self._put(digit, True, 0)

    def end(self, digit: str, milliseconds: int) -> None:
        """milliseconds: how long it was down (0: not known)."""
        self._put(digit, False, milliseconds)

    def stop(self) -> None:
        """Nobody hears them any more."""
        self._waiting.clear()
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()

    def _put(self, digit: str, begin: bool, milliseconds: int) -> None:
        if len(self._waiting) < _MOST:
            self._waiting.append((digit, begin, milliseconds))
        if self._timer is None:
            self._go_on()

    def _due(self) -> None:
        self._timer = None
        self._go_on()

    def _go_on(self) -> None:
        while self._waiting:
            digit, begin, milliseconds = self._waiting[0]
            now = float(self._clock.seconds())
            if not begin and self._since is not None:
                left = self._since + max(milliseconds, self._shortest()) / 1000.0 - now
                if left > _NOTHING:
                    self._timer = self._clock.callLater(left, self._due)
                    return
            self._waiting.popleft()
            self._since = now if begin else None
            self._send(digit, begin)
