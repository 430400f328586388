"""Calls that begin here: Originate, `channel originate`, call files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred

from pbx.channels.channel import Channel
from pbx.channels.events import Control, DialBegin, DialEnd, Ended, Indication
from pbx.channels.log import Log
from pbx.channels.switch import Unavailable
from pbx.codecs.formats import SLIN, Format
from pbx.dialplan.dialing import alone, dial_status
from pbx.dialplan.interpreter import Interpreter, Run
from pbx.dialplan.scope import scope_of

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall

    from pbx.dialplan.services import Services

_log = Log("pbx")


class OriginateResult(Enum):
    """How a call that began here went (ORIGINATE_STATUS)."""

    SUCCESS = "SUCCESS"
    FAILED = "FAILED"
    BUSY = "BUSY"
    CONGESTION = "CONGESTION"
    HANGUP = "HANGUP"
    RINGING = "RINGING"  # nobody answered in time


@dataclass(slots=True)
class Origination:
    """What to call, and what the called channel does once it has answered: an application, or a place."""

    resource: str
    timeout: float = 30.0
    application: str = ""
    data: str = ""
    context: str = ""
    exten: str = ""
    priority: int = 1
    caller_number: str | None = None
    caller_name: str | None = None
    account: str = ""
    formats: tuple[Format, ...] = (SLIN,)
    #: sound before the answer (PROGRESS) is as good as one
    early_media: bool = False
    variables: Mapping[str, str] = field(default_factory=dict)
    #: a channel on whose behalf it is done: marked variables are inherited
    parent: Channel | None = None
    #: called with the channel, once it is made and before it calls
    made: Callable[[Channel], None] | None = None
    #: run as a subroutine on the new channel before it calls: `context,exten,priority(args)`
    prepare: str = ""


#: what the bus hears of an outcome; of the others the cause decides
_STATUS = {
    OriginateResult.SUCCESS: "ANSWER",
    OriginateResult.BUSY: "BUSY",
    OriginateResult.CONGESTION: "CONGESTION",
    OriginateResult.RINGING: "NOANSWER",
}


class _Attempt:
    """One call under way: owns the channel until it answers."""

    def __init__(self, services: Services, wish: Origination, channel: Channel) -> None:
        self.services = services
        self.wish = wish
        self.channel = channel
        self._told = False
        self._up = False
        self.done: Deferred[OriginateResult] = Deferred(lambda _: self._give_up())
        self._timer: IDelayedCall | None = None
        self._helper: Run | None = None

    def begin(self) -> None:
        """Run what is to be run before, then call."""
        if not self.wish.prepare:
            self._call()
            return
        self._helper = Run(self.services, self.channel)
        done = self.channel.start(self._helper, alone(self._helper, self.wish.prepare, []))
        done.addCallback(lambda _: self._prepared())

    def _prepared(self) -> None:
        self._helper = None
        if self.done.called:
            return
        if self.channel.dead:
            self._finish(OriginateResult.FAILED)
        else:
            self.channel.claim(self)
            self._call()

    def _call(self) -> None:
        wish, switch, channel = self.wish, self.services.switch, self.channel
        if wish.caller_number is not None or wish.caller_name is not None:
            for party in (channel.caller, channel.connected):
                party.number, party.name = wish.caller_number, wish.caller_name
        scope = scope_of(self.services, channel)
        for name, value in wish.variables.items():
            scope.set(name, value)
        if wish.timeout > 0:
            self._timer = switch.clock.callLater(wish.timeout, self._late)
        self.channel.watch(self.read)
        switch.bus.publish(DialBegin(None, self.channel, wish.resource))
        switch.call(self.channel, wish.timeout or None)

    def left(self, channel: Channel, to: object) -> None:
        """Its own task took it (it answered), or somebody else did."""
        if not self._up and to is not self._helper:
            self._finish(OriginateResult.SUCCESS, hangup=False)

    def read(self) -> None:
        """Channel.watch: an event waits."""
        while not self.done.called:
            event = self.channel.poll()
            if event is None:
                return
            if isinstance(event, Ended):
                self._finish(OriginateResult.FAILED)
            elif isinstance(event, Indication):
                early = event.control is Control.PROGRESS and self.wish.early_media
                if event.control is Control.ANSWER or early:
                    self._answered()
                elif event.control is Control.BUSY:
                    self._finish(OriginateResult.BUSY)
                elif event.control is Control.CONGESTION:
                    self._finish(OriginateResult.CONGESTION)
                elif event.control is Control.INCOMPLETE:
                    self._finish(OriginateResult.FAILED)

    def _answered(self) -> None:
        channel, wish = self.channel, self.wish
        self._stop()
        self._up = True
        self._tell(OriginateResult.SUCCESS)
        interpreter = Interpreter.of(self.services)
        if wish.application:
            interpreter.execute(channel, wish.application, wish.data)
        else:
            channel.context, channel.exten, channel.priority = wish.context, wish.exten, wish.priority
            interpreter.run(channel)
        self._report(OriginateResult.SUCCESS)

    def _late(self) -> None:
        self._timer = None
        self._finish(OriginateResult.RINGING)

    def _give_up(self) -> None:
        self._finish(OriginateResult.FAILED)

    def _stop(self) -> None:
        if self._timer is not None:
            if self._timer.active():
                self._timer.cancel()
            self._timer = None
        self.channel.watch(None)

    def _finish(self, result: OriginateResult, *, hangup: bool = True) -> None:
        if self.done.called:
            return
        self._stop()
        self.channel.release(self)
        if hangup:
            self.channel.hangup(self.channel.hangup_cause)
        self._report(result)

    def _tell(self, result: OriginateResult) -> None:
        """Tell the bus, once, how calling went."""
        if not self._told:
            self._told = True
            status = _STATUS.get(result) or dial_status(self.channel.hangup_cause)
            self.services.switch.bus.publish(DialEnd(None, self.channel, status))

    def _report(self, result: OriginateResult) -> None:
        self._tell(result)
        if not self.done.called:
            self.done.callback(result)


def originate(services: Services, wish: Origination) -> Deferred[OriginateResult]:
    """Call, and let the called channel do what is wished when it answers.  Cancelling the result gives up."""
    switch = services.switch
    try:
        # nobody calls: it is a call of its own, whoever asked for it
        channel = switch.request(wish.resource, wish.formats, None)
    except Unavailable as error:
        _log.notice(f"Unable to call {wish.resource}: {error.reason} (cause {error.cause})")
        failed: Deferred[OriginateResult] = Deferred()
        failed.callback(OriginateResult.FAILED)
        return failed
    channel.outgoing = True
    channel.application, channel.data = "AppDial2", "(Outgoing Line)"
    if wish.account:
        channel.accountcode = wish.account
    if wish.made is not None:
        wish.made(channel)
    attempt = _Attempt(services, wish, channel)
    channel.claim(attempt)
    attempt.begin()
    return attempt.done
