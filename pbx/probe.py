"""`iax2 probe`: every step that a call to a peer takes, one after the other, until one fails."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from pbx.channels.causes import Cause
from pbx.channels.channel import Channel
from pbx.channels.channel import State as ChannelState
from pbx.channels.events import Control, Indication, Verdict
from pbx.channels.iax2 import address as addresses
from pbx.channels.iax2.address import IAX2_PORT, Address
from pbx.channels.iax2.call import CannotCall, Outgoing, State
from pbx.channels.iax2.call_incoming import LOOKUP_NUMBER
from pbx.channels.iax2.frames import FullFrame
from pbx.channels.iax2.numbers import NoNumber
from pbx.channels.iax2.probe import ProbePoke
from pbx.channels.iax2.registration import Registration, Status
from pbx.channels.switch import Unavailable
from pbx.codecs.formats import BY_BIT, FORMATS

if TYPE_CHECKING:
    from pbx.channels.iax2.driver import Driver

#: seconds between two looks at how far something has come
_LOOK = 0.05
#: most seconds that a step may take
PATIENCE = 20.0
#: and the answer to a POKE, of which a second copy is sent meanwhile
POKE_PATIENCE = 4.0
#: milliseconds of silence that the test call sends
SILENCE = 2000


class Probe:
    """Runs the steps against one peer (a section of iax.conf, a host name or an address)."""

    def __init__(self, driver: Driver, peer: str, exten: str = "") -> None:
        self._driver = driver
        self._peer = peer
        self._exten = exten
        self._verdicts: list[Verdict] = []
        self._address: Address | None = None

    async def steps(self) -> AsyncIterator[tuple[str, bool, str]]:
        """(step, good, what came of it); ends with the first that is not good."""
        unsubscribe = self._driver.switch.bus.subscribe(Verdict, self._verdicts.append)
        steps: list[tuple[str, Callable[[], Any]]] = [
            ("address", self._find),
            ("POKE", self._poke),
            ("registration", self._register),
            ("login", self._login),
        ]
        if self._exten:
            steps.append(("test call", self._call))
        try:
            for name, step in steps:
                good, text = await step()
                yield name, good, text
                if not good:
                    return
        finally:
            unsubscribe()

    # ---- steps -------------------------------------------------------------------------------------------

    async def _find(self) -> tuple[bool, str]:
        """Where the peer is."""
        record = self._driver.endpoint.peers.get(self._peer)
        if record is not None:
            self._address = record.address
            if record.address is not None:
                return True, addresses.text(record.address)
            if record.section.dynamic:
                place = record.section.place_of("host").file_line
                return False, f"it has not registered (host=dynamic, {place}): see its register line and its log"
            return False, f"{record.section.host} can't be resolved ({record.section.place_of('host').file_line})"
        host, _, port = self._peer.partition(":") if self._peer.count(":") == 1 else (self._peer, "", "")
        if not addresses.is_numeric(host):
            found: Deferred[list[str]] = Deferred()
            self._driver.endpoint.core.names.ask(host, lambda them, now: found.callback(them))
            self._driver.pump()
            usable = self._driver.endpoint.core.usable(await found)
            if usable is None:
                return False, f"no section of iax.conf, and no name that can be resolved: {host}"
            host = usable
        self._address = (host.strip("[]"), int(port) if port.isdigit() else IAX2_PORT)
        return True, f"{addresses.text(self._address)} (no section of iax.conf)"

    async def _poke(self) -> tuple[bool, str]:
        """Does anybody speak IAX2 there?"""
        assert self._address is not None
        driver, answered = self._driver, Deferred[float | None]()
        record = driver.endpoint.peers.get(self._peer)
        source = record.section.sourceaddress.partition(":")[0] if record is not None else ""
        try:
            poke = ProbePoke(driver.endpoint.core, self._address, driver.now(), answered.callback, source)
        except NoNumber:
            return False, "no call number is free here"
        driver.pump()
        await self._until(lambda: answered.called, POKE_PATIENCE)
        if not answered.called:
            poke.forget(driver.now())
            answered.callback(None)
        seconds = await answered
        if seconds is None:
            return False, "no answer: does it run, and is its UDP port open both ways?"
        return True, f"answered after {seconds * 1000:.1f} ms"

    async def _register(self) -> tuple[bool, str]:
        """Our own registrations with that host, each made anew."""
        assert self._address is not None
        ours = [r for r in self._driver.endpoint.registrations.values() if self._is_there(r)]
        if not ours:
            return True, "not needed (no register line names this host)"
        said = []
        for one in ours:
            one.attempt(self._driver.now())
            self._driver.pump()
            await self._until(lambda one=one: one.status not in (Status.REQUEST_SENT, Status.AUTH_SENT))  # type: ignore[misc]
            if one.status is not Status.REGISTERED:
                return False, self._why(f"{one.name} is {one.status}")
            seen = f", seen there as {addresses.text(one.perceived)}" if one.perceived else ""
            said.append(f"{one.name} for {one.refresh} s{seen}")
        return True, "; ".join(said)

    def _is_there(self, one: Registration) -> bool:
        assert self._address is not None
        record = self._driver.endpoint.peers.get(self._peer)
        names = {self._address[0], record.section.host if record is not None else self._peer}
        return one.line.host in names or (one.address is not None and one.address[0] == self._address[0])

    async def _login(self) -> tuple[bool, str]:
        """Call token, user name, secret and format: a call that asks for nothing but look-ups."""
        driver = self._driver
        try:
            call = driver.endpoint.place_call(Outgoing(self._peer, exten=LOOKUP_NUMBER), driver.now())
        except CannotCall as error:
            driver.pump()
            return False, error.reason
        driver.pump()
        asked: list[str] = []

        def watch(direction: str, frame: FullFrame, address: Address, retry: str) -> None:
            if direction == "Rx" and address == call.address and frame.name == "AUTHREQ":
                asked.append(retry)

        taps = driver.endpoint.core.taps
        taps.append(watch)
        try:
            await self._until(lambda: call.state is State.UP or not call.alive)
        finally:
            taps.remove(watch)
        good = call.state is State.UP
        chosen = BY_BIT.get(call.format)
        call.hangup(Cause.NORMAL_CLEARING, driver.now())
        driver.pump()
        if not good:
            return False, self._why("nobody answered NEW")
        proven = "logged in" if asked else "let in without a login"
        return True, f"{proven}, format {chosen.name if chosen is not None else call.format}"

    async def _call(self) -> tuple[bool, str]:
        """A silent call with sound both ways."""
        driver = self._driver
        try:
            channel = driver.switch.request(f"IAX2/{self._peer}/{self._exten}", tuple(FORMATS), None)
        except Unavailable as error:
            return False, error.reason
        channel.claim(_Prober())
        try:
            driver.switch.call(channel)
            said: list[Control] = []

            def over() -> bool:
                while (event := channel.poll()) is not None:
                    if isinstance(event, Indication):
                        said.append(event.control)
                refused = Control.BUSY in said or Control.CONGESTION in said
                return refused or channel.dead or channel.state is ChannelState.UP

            await self._until(over)
            if channel.state is not ChannelState.UP or channel.dead:
                heard = ", ".join(control.name for control in said) or "nothing"
                return False, self._why(f"it was not answered (heard: {heard}; cause {channel.hangup_cause})")
            playing = driver.switch.graph.silence(channel, SILENCE)
            before = driver.received(channel)
            await self._wait(SILENCE / 1000)
            frames = driver.received(channel) - before
            playing.stop()
            if channel.dead:
                return False, self._why("it ended within two seconds")
        finally:
            channel.hangup()
        if not frames:
            return True, "answered; no sound came back (a silent extension sends none)"
        return True, f"answered; {frames} frames of sound came back"

    # ---- waiting -------------------------------------------------------------------------------------------

    def _why(self, otherwise: str) -> str:
        """The verdict that came meanwhile, in words."""
        where = addresses.text(self._address) if self._address is not None else ""
        for verdict in reversed(self._verdicts):
            if verdict.where == where:
                place = f" ({verdict.place})" if verdict.place else ""
                return f"expected {verdict.expected}, got {verdict.got}{place}; {verdict.advice}"
        return otherwise

    async def _wait(self, seconds: float) -> None:
        await deferLater(self._driver.reactor, seconds, lambda: None)

    async def _until(self, true: Callable[[], bool], patience: float = PATIENCE) -> None:
        limit = self._driver.now() + patience
        while not true() and self._driver.now() < limit:
            await self._wait(_LOOK)


class _Prober:
    """Owner of the test call."""

    def left(self, channel: Channel, to: object) -> None: ...
