"""Calls that the PBX makes by itself: `channel originate`, later call files and AMI."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred

from pbx.channels.causes import Cause
from pbx.channels.channel import Channel, State
from pbx.channels.events import Control, Ended, Indication
from pbx.channels.log import Log
from pbx.channels.switch import Switch
from pbx.codecs.formats import SLIN

log = Log("pbx")

#: seconds that the called side has to answer
TIMEOUT = 30.0

#: indications that mean the call came to nothing, and the cause they stand for
_FAILURES = {Control.BUSY: Cause.USER_BUSY, Control.CONGESTION: Cause.SWITCH_CONGESTION}


class Originated:
    """Owns the outgoing channel until it answers, then hands it to `then`.

    `done` fires with "" when it was answered, else with why it was not.
    """

    def __init__(self, channel: Channel, then: Callable[[Channel], None], timeout: float) -> None:
        self.channel = channel
        self.done: Deferred[str] = Deferred()
        self._then = then
        self._timer: Any = channel.switch.clock.callLater(timeout, self._no_answer)
        channel.claim(self)
        channel.watch(self._look)

    def left(self, channel: Channel, to: object) -> None:
        """Owner: somebody else took the channel."""
        self._over("the channel was taken over")

    def _look(self) -> None:
        channel = self.channel
        while not self.done.called and (event := channel.poll()) is not None:
            if isinstance(event, Ended):
                self._over(f"it ended (cause {event.cause})")
            elif isinstance(event, Indication) and event.control is Control.ANSWER:
                self._answered()
            elif isinstance(event, Indication) and event.control in _FAILURES:
                cause = _FAILURES[event.control]
                self._over(f"cause {int(cause)}")
                channel.hangup(cause)

    def _answered(self) -> None:
        channel = self.channel
        channel.set_state(State.UP)
        self._over("")
        channel.release(self)
        self._then(channel)

    def _no_answer(self) -> None:
        self._timer = None
        self._over("nobody answered in time")
        self.channel.hangup(Cause.NO_ANSWER)

    def _over(self, why: str) -> None:
        if self.done.called:
            return
        self.channel.watch(None)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if why:
            log.verbose(3, f"Call to {self.channel.name} came to nothing: {why}")
        self.done.callback(why)


def originate(switch: Switch, resource: str, then: Callable[[Channel], None], timeout: float = TIMEOUT) -> Originated:
    """Call `Technology/destination` and hand the answered channel to `then`.  Raises switch.Unavailable."""
    channel = switch.request(resource, (SLIN,), None)
    originated = Originated(channel, then, timeout)
    switch.call(channel, timeout)
    return originated
