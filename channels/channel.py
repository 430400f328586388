"""A channel: the identity of one call leg, its owner, and what its task may wait for.

A channel's identity (name, uniqueid, variables) and its leg never change
places: there is no masquerade.  A channel has exactly one owner at a time: its
own task (the interpreter), a Dial, a bridge.  Owners hand it over by
`claim`; the former owner sees `left`, not a hangup.

Applications are coroutines on the reactor, and every await of theirs goes
through `Channel.wait`; that is where an `Interrupt` is raised.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from pbx.channels.causes import Cause
from pbx.channels.ends import Leg, Owner, State
from pbx.channels.events import (
    ChannelEnded,
    ChannelEvent,
    ChannelStateChanged,
    Control,
    DigitBegin,
    DigitEnd,
    DigitReceived,
    Ended,
)
from pbx.channels.hooks import Hook, HookedLeg, passes
from pbx.channels.interrupts import Expired, Hangup, Interrupt, Redirect, Taken
from pbx.channels.party import Caller

if TYPE_CHECKING:
    from pbx.channels.switch import Switch
    from pbx.codecs.formats import Format

__all__ = ["INBOX", "Channel", "Leg", "Owner", "State", "first_event"]

_T = TypeVar("_T")

#: Events that a channel keeps while nobody reads them; further ones push the oldest out (digits typed ahead).
INBOX = 128


class Channel:
    """One call leg.  Made by `Switch.create`; ended once, by `hangup` or `end`."""

    __slots__ = (
        "_deadline",
        "_finalizers",
        "_gate",
        "_inbox",
        "_pausing",
        "_pending",
        "_reader",
        "_task",
        "_task_owner",
        "accountcode",
        "amaflags",
        "answered",
        "application",
        "attached",
        "bridge",
        "call_id",
        "caller",
        "connected",
        "context",
        "created",
        "data",
        "dead",
        "ending",
        "exten",
        "far_end_hung_up",
        "format",
        "formats",
        "hangup_cause",
        "hooks",
        "language",
        "leg",
        "linkedid",
        "musicclass",
        "name",
        "on_hold",
        "outgoing",
        "owner",
        "peeraccount",
        "priority",
        "state",
        "switch",
        "uniqueid",
        "variables",
    )

    def __init__(
        self,
        switch: Switch,
        name: str,
        uniqueid: str,
        *,
        linkedid: str | None = None,
        state: State = State.DOWN,
        created: float = 0.0,
    ) -> None:
        self.switch = switch
        self.name = name
        self.uniqueid = uniqueid
        self.linkedid = linkedid or uniqueid
        self.leg: Leg | None = None
        self.state = state
        #: wall clock seconds of creation and of answer (0.0 = not yet)
        self.created = created
        self.answered = 0.0
        self.caller = Caller()
        self.connected = Caller()
        self.variables: dict[str, str] = {}
        self.context = ""
        self.exten = ""
        self.priority = 1
        self.application = ""
        self.data = ""
        self.language = "en"
        self.accountcode = ""
        self.peeraccount = ""
        self.amaflags = 3
        self.musicclass = ""
        #: the far end was put on hold
        self.on_hold = False
        self.call_id: int | None = None
        #: formats of the far end, best first; `format` is the one now spoken
        self.formats: tuple[Format, ...] = ()
        self.format: Format | None = None
        #: True while this channel was made by somebody who dials (AppDial), not by a caller
        self.outgoing = False
        self.hangup_cause = 0
        #: the leg is gone; nothing can be said to or heard from the far end
        self.dead = False
        #: the far end hung up (as opposed to this side)
        self.far_end_hung_up = False
        #: hanging up: its Hangup was acknowledged (hangup handlers, `h`), so that waits return at once
        self.ending = False
        self.bridge: Any = None
        #: free places where floors above keep what belongs to this channel (dialplan state, CDR, ...)
        self.attached: dict[str, Any] = {}
        #: what looks at signals from and to the far end (hooks.py)
        self.hooks: tuple[Hook, ...] = ()
        self._inbox: deque[ChannelEvent] = deque(maxlen=INBOX)
        self._reader: Callable[[], None] | None = None
        #: who holds it now; set by `claim` and `release` alone
        self.owner: Owner | None = None
        self._pending: Interrupt | None = None
        self._gate: Deferred[None] | None = None
        #: the gate is that of a `pause`
        self._pausing = False
        self._task: Deferred[None] | None = None
        self._task_owner: Owner | None = None
        self._deadline: Any = None
        #: called once each, last added first, when the channel ends
        self._finalizers: list[Callable[[Channel], None]] = []

    def __repr__(self) -> str:
        return f"<Channel {self.name} {self.state.label}>"

    # ---- state -------------------------------------------------------------------------------------

    def set_state(self, state: State) -> None:
        """Change the state and tell the bus."""
        if state is self.state or self.dead:
            return
        self.state = state
        if state is State.UP and not self.answered:
            self.answered = self.switch.wall()
        self.switch.bus.publish(ChannelStateChanged(self))

    def answer(self) -> None:
        """Answer an incoming call; nothing happens when it is up already."""
        if self.dead or self.state is State.UP:
            return
        line = self.line
        if line is not None:
            line.answer()
        self.set_state(State.UP)

    def indicate(self, control: Control, data: bytes = b"") -> None:
        """Pass an indication to the far end and keep the state in step with it."""
        if self.dead:
            return
        if control in (Control.HOLD, Control.UNHOLD):
            self.on_hold = control is Control.HOLD
        line = self.line
        if line is not None:
            line.indicate(control, data)

    def music(self, on: bool, data: bytes = b"", interpret: str = "") -> None:
        """Play music to the far end (of the class that a HOLD's data names), or end it: for legs that pass no HOLD."""
        if on:
            self.switch.music.start(self, data.rstrip(b"\0").decode("utf-8", "surrogateescape"), interpret)
        else:
            self.switch.music.stop(self)

    @property
    def line(self) -> Leg | None:
        """What the far end is told by: the leg, behind the hooks if there are any."""
        leg = self.leg
        return HookedLeg(self, leg) if self.hooks and leg is not None else leg

    # ---- what the far end does -----------------------------------------------------------------------

    def deliver(self, event: ChannelEvent) -> None:
        """An event from the far end; called by the technology, or by the switch for finished sounds."""
        if self.dead or (self.hooks and not passes(self, event, sent=False)):
            return
        self._inbox.append(event)
        if isinstance(event, DigitEnd) and self.switch.bus.wanted(DigitReceived):
            self.switch.bus.publish(DigitReceived(self, event.digit, event.milliseconds))
        self._wake_reader()

    def end(self, cause: int = Cause.NORMAL_CLEARING) -> None:
        """The far end is gone: the channel is dead from here on.  Called by the technology, once."""
        self.far_end_hung_up = not self.dead
        self._die(cause, tell_leg=False)

    def hangup(self, cause: int | None = None) -> None:
        """End this channel from our side; without a cause, the one set by HANGUPCAUSE or 16."""
        if cause is None:
            cause = self.hangup_cause or Cause.NORMAL_CLEARING
        self._die(cause, tell_leg=True)

    def softhangup(self, cause: int = 0) -> None:
        """Ask for the end from outside (console, limit of time): the task sees Hangup first.

        The far end is told when the task has run its hangup handlers and calls `hangup`; a channel without a task
        of its own ends at once, and its owner reads Ended.
        """
        if self.dead:
            return
        if self._runs_itself:
            if cause:
                self.hangup_cause = int(cause)
            self.interrupt(Hangup(int(cause)))
        else:
            self.hangup(cause or None)

    def set_deadline(self, seconds: float | None) -> None:
        """End the call in that many seconds (TIMEOUT(absolute)): its task sees Expired; None takes it back."""
        if self._deadline is not None:
            if self._deadline.active():
                self._deadline.cancel()
            self._deadline = None
        if seconds is not None and not self.dead:
            self._deadline = self.switch.clock.callLater(max(0.0, seconds), self._expire)

    @property
    def deadline(self) -> float | None:
        """Seconds left until the absolute limit."""
        if self._deadline is None:
            return None
        return float(self._deadline.getTime() - self.switch.clock.seconds())

    def _expire(self) -> None:
        self._deadline = None
        if self._runs_itself:
            self.interrupt(Expired())
        else:
            self.hangup()

    def _die(self, cause: int, tell_leg: bool) -> None:
        if self.dead:
            return
        self.dead = True
        if cause or not self.hangup_cause:
            self.hangup_cause = int(cause)
        self.set_deadline(None)
        # first of all, so that a sound that the finalizers stop doesn't let the task go on
        self.interrupt(Hangup(self.hangup_cause), wake=False)
        if tell_leg and self.leg is not None:
            self.leg.hangup(self.hangup_cause)
        finalizers, self._finalizers = self._finalizers, []
        for finalizer in reversed(finalizers):
            finalizer(self)
        self._inbox.append(Ended(self.hangup_cause))
        reader, self._reader = self._reader, None  # there is nothing more to read than this
        if self._task is None:
            self._gone()
        if reader is not None:
            reader()
        self.wake()

    def _gone(self) -> None:
        """Dead and without a task: nobody will do anything for this channel any more."""
        self.switch.forget(self)
        self.switch.bus.publish(ChannelEnded(self, self.hangup_cause))
        self.attached.clear()

    def on_end(self, finalizer: Callable[[Channel], None]) -> None:
        """Call `finalizer(channel)` when the channel ends, whoever ends it; at once if it is dead."""
        if self.dead:
            finalizer(self)
        else:
            self._finalizers.append(finalizer)

    def not_on_end(self, finalizer: Callable[[Channel], None]) -> None:
        """Take a finalizer back."""
        if finalizer in self._finalizers:
            self._finalizers.remove(finalizer)

    # ---- owners ----------------------------------------------------------------------------------------

    def claim(self, owner: Owner) -> None:
        """Take the channel.  Its former owner sees `left`; a task of its own sees Taken and ends.

        Claim *all* channels of an operation first, then interrupt or start tasks.
        """
        former = self.owner
        if former is owner:
            return
        self.owner = owner
        if self._task is not None and owner is not self._task_owner:
            self.interrupt(Taken(owner))
        if former is not None:
            former.left(self, owner)

    def release(self, owner: Owner) -> None:
        """Give the channel up; nobody owns it until the next claim."""
        if self.owner is owner:
            self.owner = None

    # ---- the channel's own task ---------------------------------------------------------------------

    def start(self, owner: Owner, task: Coroutine[Deferred[Any], Any, None]) -> Deferred[None]:
        """Run `task` as this channel's own; `owner` (the interpreter) claims it.

        A former task that was taken and still winds up is waited for.  Errors are the task's to catch: one that
        gets here is reported and ends the channel.  Raises RuntimeError when the channel has a task that nobody
        took away.
        """
        done: Deferred[None] = Deferred()
        if self._task is None:
            self.claim(owner)
            self._run(owner, task, done)
        elif self.owner is self._task_owner and owner is self._task_owner:
            task.close()
            raise RuntimeError(f"{self.name} has a task already")
        else:
            former = self._task
            self.claim(owner)
            if self._task is None:
                self._run(owner, task, done)
            else:
                former.addCallback(lambda _: self._run(owner, task, done))
        return done

    def _run(self, owner: Owner, task: Coroutine[Deferred[Any], Any, None], done: Deferred[None]) -> None:
        self._task = done
        self._task_owner = owner
        self._pending = Hangup(self.hangup_cause) if self.dead else None

        def finished(result: object) -> None:
            self._task = None
            self._task_owner = None
            self._pending = None
            taken = self.owner is not owner
            self.release(owner)
            failure = result if isinstance(result, Failure) and not isinstance(result.value, Taken) else None
            if failure is not None:
                self.switch.report(failure, f"task of {self.name}")
            if self.dead:
                self._gone()
            elif failure is not None and not taken:
                self.hangup()
            done.callback(None)

        Deferred.fromCoroutine(task).addBoth(finished)

    @property
    def has_task(self) -> bool:
        return self._task is not None

    @property
    def _runs_itself(self) -> bool:
        """Its own task is its owner (it was not taken away from it)."""
        return self._task is not None and self.owner is self._task_owner

    def interrupt(self, interrupt: Interrupt, *, wake: bool = True) -> None:
        """Break into the task: its present wait, or its next, raises this.

        Of several that come before the task sees one, the first Taken or Hangup stays; a Redirect gives way to
        everything that comes after it.  wake=False: the present wait goes on (to set several channels first).
        """
        if self._task is None:
            return
        if self._pending is None or isinstance(self._pending, Redirect):
            self._pending = interrupt
        if wake:
            self.wake()

    def wake(self) -> None:
        """Let the task see its interrupt, if it has one."""
        if self._pending is not None and self._gate is not None:
            gate, self._gate = self._gate, None
            gate.callback(None)

    def acknowledge(self) -> None:
        """The interpreter took the interrupt: waits work again; after a Hangup they return at once, also for `h`."""
        if isinstance(self._pending, Hangup) and not isinstance(self._pending, Expired):
            self.ending = True
        self._pending = None

    @property
    def interrupted(self) -> Interrupt | None:
        """The interrupt that the next wait will raise, if any."""
        return self._pending

    async def wait(self, what: Deferred[_T] | None, timeout: float | None = None) -> _T | None:
        """Wait for `what` (None: only for the timeout, in seconds); None when the time ran out first.

        Raises (a copy of) the pending Interrupt, at once or when it comes; `what` is then cancelled.  On a channel
        that is dead or `ending` (hangup handlers, `h`) it returns None at once unless `what` has a result already.
        """
        if self._pending is not None:
            if what is not None:
                _drop(what)
            raise self._pending.again()
        if self._gate is not None:
            raise RuntimeError(f"two waits on {self.name}")
        result: list[Any] = []
        gate: Deferred[None] = Deferred()

        def wake() -> None:
            if self._gate is gate:
                self._gate = None
                gate.callback(None)

        def arrived(value: Any) -> None:
            result.append(value)
            wake()

        if what is not None:
            what.addBoth(arrived)
        if not result and not (self.dead or self.ending):
            self._gate = gate
            timer = None if timeout is None else self.switch.clock.callLater(max(0.0, timeout), wake)
            try:
                await gate
            finally:
                if timer is not None and timer.active():
                    timer.cancel()
                if self._gate is gate:
                    self._gate = None
        if not result and what is not None:
            _drop(what)
            result.clear()
        if self._pending is not None:
            raise self._pending.again()
        return _outcome(result.pop()) if result else None

    async def pause(self, timeout: float | None = None) -> None:
        """Wait until somebody calls `ring`, at most that many seconds; Interrupts and a dead channel as in `wait`."""
        if self._pending is not None:
            raise self._pending.again()
        if self._gate is not None:
            raise RuntimeError(f"two waits on {self.name}")
        if self.dead or self.ending:
            return
        gate: Deferred[None] = Deferred()
        self._gate = gate
        self._pausing = True
        timer = None if timeout is None else self.switch.clock.callLater(max(0.0, timeout), self.ring)
        try:
            await gate
        finally:
            self._pausing = False
            if timer is not None and timer.active():
                timer.cancel()
            if self._gate is gate:
                self._gate = None
        if self._pending is not None:
            raise self._pending.again()

    def ring(self) -> None:
        """End the task's `pause`; what else it waits for goes on."""
        gate = self._gate
        if gate is not None and self._pausing:
            self._gate = None
            gate.callback(None)

    async def sleep(self, seconds: float) -> None:
        """Wait; Interrupts break in.  Digits pressed until then are heard by nobody, as in Asterisk."""
        await self.wait(None, seconds)
        self.forget_digits()

    # ---- the inbox -----------------------------------------------------------------------------------

    def flush(self, kind: type[ChannelEvent] | tuple[type[ChannelEvent], ...] = ChannelEvent) -> None:
        """Drop what waits in the inbox (say on entry of an application whether typed-ahead digits count)."""
        kept = [e for e in self._inbox if not isinstance(e, kind)]
        self._inbox.clear()
        self._inbox.extend(kept)

    def forget_digits(self) -> None:
        """Drop the digits that were pressed so far: nobody listened."""
        self.flush((DigitBegin, DigitEnd))

    def poll(self) -> ChannelEvent | None:
        """The next event that is already there."""
        return self._inbox.popleft() if self._inbox else None

    def push_back(self, event: ChannelEvent) -> None:
        """Put an event back at the head of the inbox."""
        if len(self._inbox) < INBOX:
            self._inbox.appendleft(event)

    @property
    def has_events(self) -> bool:
        return bool(self._inbox)

    def watch(self, reader: Callable[[], None] | None) -> None:
        """Call `reader` each time an event arrives (and now, if some wait); None ends it.  One reader at a time."""
        self._reader = reader
        if reader is not None and self._inbox:
            reader()

    def _wake_reader(self) -> None:
        if self._reader is not None:
            self._reader()

    async def next_event(self, timeout: float | None = None) -> ChannelEvent | None:
        """The next event of this channel; None when the time ran out.  Interrupts break in."""
        found = await first_event(self, (self,), timeout)
        return found[1] if found else None


def _outcome(value: Any) -> Any:
    """The result, or its exception raised; a cancelled wait is None.

    The Failure must not stay in a frame that its own traceback holds: that would be a cycle.
    """
    if not isinstance(value, Failure):
        return value
    error = value.value
    del value
    if error is None or isinstance(error, CancelledError):
        return None
    try:
        raise error
    finally:
        del error


def _drop(what: Deferred[Any]) -> None:
    def quiet(failure: Failure) -> Failure | None:
        return None if isinstance(failure.value, CancelledError) else failure

    what.addErrback(quiet)
    what.cancel()


async def first_event(
    task: Channel, channels: tuple[Channel, ...] | list[Channel], timeout: float | None = None
) -> tuple[Channel, ChannelEvent] | None:
    """The first event of any of `channels`, waited for on `task`'s task; None when `timeout` s ran out.

    This is how a Dial or a bridge reads several inboxes at once.
    """
    if task.interrupted is None:
        for channel in channels:
            event = channel.poll()
            if event is not None:
                return channel, event
    for channel in channels:
        channel.watch(task.ring)
    try:
        await task.pause(timeout)
    finally:
        for channel in channels:
            channel.watch(None)
    for channel in channels:
        event = channel.poll()
        if event is not None:
            return channel, event
    return None
