"""Dialling out over IAX2: `Dial(IAX2/...)`, device states."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from pbx.channels.causes import Cause
from pbx.channels.channel import Channel, State
from pbx.channels.iax2 import dialstring, showing
from pbx.channels.iax2.call import CannotCall, Outgoing
from pbx.channels.iax2.leg import Iax2Leg
from pbx.channels.switch import Unavailable
from pbx.codecs.formats import FORMATS, Format
from pbx.codecs.translation import path

if TYPE_CHECKING:
    from pbx.channels.iax2.driver import Driver

#: where `Set(IAXVAR(x)=...)` keeps what a call out sends along (channel.attached)
IAXVARS = "iaxvars"
#: the variable of a channel out whose text goes along as OSP token; inherited from who dials (`Set(_IAX2OSPTOKEN=...)`)
OSP_TOKEN = "IAX2OSPTOKEN"
#: the parking lot of a channel's section (channel.attached)
PARKINGLOT = "parkinglot"


class Iax2Technology:
    """See `switch.Technology`."""

    name = "IAX2"

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def request(self, destination: str, formats: tuple[Format, ...], caller: Channel | None) -> Channel:
        """A call that has its number and name.  Raises Unavailable, cause 20 for a peer that can't be reached now."""
        try:
            there = dialstring.parse(destination)
        except ValueError as error:
            raise Unavailable(Cause.INVALID_NUMBER_FORMAT, str(error)) from None
        outgoing = Outgoing(
            peer=there.peer,
            port=there.port,
            user=there.user,
            secret=there.secret,
            key=there.key,
            exten=there.exten,
            context=there.context,
            options=there.options,
            formats=_speakable_bits(formats),
            autoanswer="a" in there.options,
        )
        driver = self._driver
        try:
            call = driver.endpoint.reserve_call(outgoing, driver.now())
        except CannotCall as error:
            raise Unavailable(error.cause, error.reason) from None
        finally:
            driver.pump()
        channel = driver.switch.create(call.channel_name, linkedid=caller.linkedid if caller is not None else None)
        channel.outgoing = True
        if caller is not None and IAXVARS in caller.attached:
            channel.attached[IAXVARS] = dict(caller.attached[IAXVARS])
        channel.formats = formats
        if call.peer is not None:
            channel.context = call.peer.context
            if call.peer.parkinglot:
                channel.attached[PARKINGLOT] = call.peer.parkinglot
        channel.leg = Iax2Leg(driver, call, channel)
        driver.calls.own(call, channel)
        return channel

    def call(self, channel: Channel, timeout: float | None) -> None:
        """Send the NEW.  Who calls is who the channel is connected with (as Dial and Originate set it)."""
        leg = channel.leg
        if channel.dead or not isinstance(leg, Iax2Leg) or leg.call.outgoing is None:
            return
        outgoing = leg.call.outgoing
        outgoing.caller = replace(channel.connected, dnid=channel.caller.dnid, presentation=channel.connected.presented)
        outgoing.language = channel.language
        outgoing.variables = dict(channel.attached.get(IAXVARS, {}))
        outgoing.osp_token = channel.variables.get(OSP_TOKEN, "")
        leg.call.place(self._driver.now())
        channel.set_state(State.RINGING)
        self._driver.pump()

    def peer_item(self, name: str, item: str) -> str | None:
        """An item of IAXPEER(); None for no such peer or item."""
        driver = self._driver
        record = driver.endpoint.peers.get(name)
        return None if record is None else showing.peer_item(record, item, driver.now())

    def device_state(self, destination: str) -> str:
        """UNAVAILABLE where it can't be called, else by its channels; INVALID for no peer of that name."""
        try:
            name = dialstring.parse(destination).peer
        except ValueError:
            return "INVALID"
        return self._driver.news.device_state(name)


@lru_cache(maxsize=1024)
def speakable(formats: tuple[Format, ...]) -> tuple[Format, ...]:
    """What a side with these formats can be given: those themselves, then what they can be translated to."""
    more = [f for f in FORMATS if f not in formats and any(path(have, f) is not None for have in formats)]
    return (*formats, *more)


@lru_cache(maxsize=1024)
def _speakable_bits(formats: tuple[Format, ...]) -> tuple[int, ...]:
    return tuple(f.bit for f in speakable(formats))
