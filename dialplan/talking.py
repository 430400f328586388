"""Two channels that are connected by Dial or Bridge: features, limits of time, and what becomes of both afterwards."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from twisted.internet.defer import Deferred

from pbx.channels.bridge import BridgeOptions, BridgeResult, Reason, bridge_channels
from pbx.channels.causes import Cause
from pbx.channels.channel import Channel
from pbx.channels.events import TransferRequest
from pbx.channels.interrupts import Hangup, Interrupt, Redirect
from pbx.dialplan import features
from pbx.dialplan.featuremap import number
from pbx.dialplan.interpreter import Run
from pbx.dialplan.jumps import parse_place
from pbx.dialplan.limits import Announcer, Limit
from pbx.dialplan.registry import Outcome, Result
from pbx.dialplan.saying import digits_of
from pbx.dialplan.scope import scope_of
from pbx.dialplan.transfers import Transfer
from pbx.dialplan.walk import Walk


class Talk:
    """A caller, on whose task it runs, connected with a called party, by the letters that Dial and Bridge share."""

    def __init__(
        self,
        run: Run,
        peer: Channel,
        letters: Mapping[str, str | None],
        limit: Limit | None,
        *,
        let_go: Callable[[], None],
        ended: Callable[[], None] = lambda: None,
    ) -> None:
        """let_go: what becomes of the called party, if it lives, when the caller is done with it (option F aside);

        ended: called when they talk no longer, however that came (but for a redirected caller).
        """
        self.run = run
        self.caller = run.channel
        self.peer = peer
        self.letters = letters
        self._services = run.services
        self._let_go = let_go
        self._ended = ended
        self._limit = limit
        self._announcer = None if limit is None else Announcer(run.scope, limit, run.channel, peer)

    async def execute(self) -> Result:
        """Let them talk; what the caller's dialplan does then."""
        self.run.scope.set("BRIDGEPEER", self.peer.name)
        scope_of(self._services, self.peer).set("BRIDGEPEER", self.caller.name)
        try:
            result = await bridge_channels(self.caller, self.caller, self.peer, self._options())
        except Hangup:
            self._over()
            self._caller_gone()
            raise
        except Redirect:
            self._forget_peers()
            self._release()
            raise
        self._over()
        if result.reason is Reason.LIMIT:
            await self._time_is_up()
        return await self._after(result)

    def _over(self) -> None:
        self._forget_peers()
        self._ended()

    def _forget_peers(self) -> None:
        self.run.scope.set("BRIDGEPEER", "")
        scope_of(self._services, self.peer).set("BRIDGEPEER", "")

    def _options(self) -> BridgeOptions:
        letters = {**features.letters_of(self.run), **self.letters}
        hooks = {}
        for channel in (self.caller, self.peer):
            table = features.hooks(self.run, channel, letters, caller=channel is self.caller)
            if table:
                hooks[channel] = table
        return BridgeOptions(
            hooks=hooks,
            digit_timeouts={
                channel: number(scope_of(self._services, channel), "featuredigittimeout") / 1000 for channel in hooks
            },
            limit=None if self._limit is None else self._limit.seconds,
            ticks=() if self._announcer is None else self._announcer.ticks(),
        )

    async def _time_is_up(self) -> None:
        """A limit with sounds lets both go; one without ends the called party."""
        assert self._limit is not None and self._announcer is not None
        try:
            await self._announcer.over()
        except Interrupt:
            self._release()
            raise
        if self._limit.plain and self._free:
            self.peer.hangup(int(Cause.NORMAL_CLEARING))

    # ---- what becomes of them --------------------------------------------------------------------------------------

    async def _after(self, result: BridgeResult) -> Result:
        value = result.value
        if result.reason is Reason.TAKEN and result.channel is self.peer:
            self.caller.hangup_cause = int(Cause.NORMAL_CLEARING)
            return self._goes_on
        if isinstance(value, (Transfer, TransferRequest)):
            return self._transfer(result)
        if isinstance(value, features.ParkIt):
            return await self._park(result)
        if result.reason is Reason.FEATURE and result.channel is self.caller and "F" in self.letters:
            self._caller_gone()
            return Outcome.END
        self._release()
        if not self.caller.hangup_cause or result.reason is Reason.HANGUP:
            self.caller.hangup_cause = int(Cause.NORMAL_CLEARING)
        return self._goes_on

    @property
    def _goes_on(self) -> Result:
        return None if "g" in self.letters and not self.run.over else Outcome.END

    @property
    def _free(self) -> bool:
        return not self.peer.dead and self.peer.owner is None

    def _release(self) -> None:
        """The caller is done with the called party."""
        if self.peer.owner is None:
            self._let_go()

    def _caller_gone(self) -> None:
        """The caller hung up: the called party goes on (option F), or as the application wants it."""
        if not self._free:
            return
        if "F" not in self.letters:
            self._let_go()
            return
        where = (self.letters["F"] or "").replace("^", ",")
        place = parse_place(self.run, where) if where else None
        channel = self.caller
        context, exten, priority = place or (channel.context, channel.exten, channel.priority + 1)
        self._services.switch.redirect((self.peer, context, exten, priority))

    def _transfer(self, result: BridgeResult) -> Result:
        """Somebody sent the other one on, by digits or by the far end's own transfer."""
        value, sender, peer = result.value, result.channel, self.peer
        if isinstance(value, TransferRequest):
            context = value.context or (sender.context if sender is not None else "") or self.caller.context
            exten = value.exten
        else:
            assert isinstance(value, Transfer)
            context, exten = value.context, value.exten
        if sender is self.caller:
            peer.context, peer.exten, peer.priority = context, exten, 1
            scope_of(self._services, peer).set("BLINDTRANSFER", self.caller.name)
            self._services.switch.redirect((peer, context, exten, 1))
            self.caller.hangup_cause = int(Cause.NORMAL_CLEARING)
            return self._goes_on
        self.run.scope.set("BLINDTRANSFER", peer.name)
        self.caller.hangup_cause = int(Cause.NORMAL_CLEARING)
        peer.hangup(int(Cause.NORMAL_CLEARING))
        self.run.jump(context, exten, 1)
        return None

    async def _park(self, result: BridgeResult) -> Result:
        """Options k and K: the other one waits in the lot; who parked it hears where."""
        if result.channel is self.peer:
            # the place is said while the caller, whose task this is, waits there
            self.caller.switch.clock.callLater(0, self._say_place, self.peer, self.caller)
            return await self.run.execute("Park", "")
        run = Run(self._services, self.peer)
        self.peer.start(run, Walk(run).single("Park", ""))
        await self.caller.wait(self._say_place(self.caller, self.peer))
        return Outcome.END

    def _say_place(self, to: Channel, parked: Channel) -> Deferred[None]:
        place = scope_of(self._services, parked).get("PARKEDAT") or ""
        saying = features.Sequel(self._services, to, digits_of(place, lambda name: True))
        if to is not self.caller:
            saying.done.addCallback(lambda _: to.hangup(int(Cause.NORMAL_CLEARING)))
        return saying.done
