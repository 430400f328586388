"""Turns what the bus says about channels into events of CEL."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pbx.cel.settings import Settings
from pbx.channels.causes import Cause
from pbx.channels.channel import Channel, State
from pbx.channels.events import (
    AttendedTransferred,
    BlindTransferred,
    Bridged,
    Bus,
    ChannelCreated,
    ChannelEnded,
    ChannelLocation,
    ChannelStateChanged,
    DialBegin,
    DigitReceived,
    Forwarded,
    LocalOptimized,
    Moved,
    PickedUp,
    SoundBegun,
    SoundEnded,
    Unbridged,
)
from pbx.dialplan.events import CelUserEvent

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime


@dataclass(frozen=True, slots=True)
class Event:
    """One event.  kind: its name (the user's, of a user's event); enum: Asterisk's name; time: seconds of the epoch."""

    kind: str
    enum: str
    time: float
    userdeftype: str
    cidname: str
    cidnum: str
    cidani: str
    cidrdnis: str
    ciddnid: str
    exten: str
    context: str
    channame: str
    appname: str
    appdata: str
    amaflags: int
    accountcode: str
    peeraccount: str
    uniqueid: str
    linkedid: str
    userfield: str
    peer: str
    extra: str


class _Known:
    """What is remembered of a channel."""

    __slots__ = ("app", "begun", "bridge", "bridged", "data", "last", "moved", "origin", "place", "rest", "source")

    def __init__(self) -> None:
        self.begun = False
        self.app = self.data = ""
        #: application and data between two applications (an outgoing leg's AppDial)
        self.rest = ("", "")
        self.place = ("", "")
        #: from where it was called
        self.origin = ("", "")
        #: where it is about to go on: (extension, context)
        self.moved: tuple[str, str] | None = None
        self.bridged = False
        #: the one it is in now
        self.bridge = ""
        #: the name of the channel that hung up
        self.source = ""
        self.last: Event | None = None


class Engine:
    """See the module.  `tell` is given each event that the settings want."""

    def __init__(self, bus: Bus, wall: Callable[[], float], clock: IReactorTime, tell: Callable[[Event], None]) -> None:
        self.settings = Settings()
        self._wall = wall
        self._clock = clock
        self._tell = tell
        self._known: dict[Channel, _Known] = {}
        self._linked: dict[str, int] = {}
        self._bridges: dict[str, list[Channel]] = {}
        #: pairs that are leaving: what was told of the beginning
        self._optimizing: dict[Channel, Event] = {}
        bus.subscribe(ChannelCreated, self._created)
        bus.subscribe(ChannelStateChanged, self._state_changed)
        bus.subscribe(ChannelLocation, self._location)
        bus.subscribe(DialBegin, self._dial_begin)
        bus.subscribe(Bridged, self._bridged)
        bus.subscribe(Unbridged, self._unbridged)
        bus.subscribe(ChannelEnded, self._ended)
        bus.subscribe(CelUserEvent, self._user)
        bus.subscribe(Moved, lambda event: self._moves(event.channel, event.context, event.exten))
        bus.subscribe(BlindTransferred, self._blind)
        bus.subscribe(AttendedTransferred, self._attended)
        bus.subscribe(PickedUp, self._picked_up)
        bus.subscribe(Forwarded, self._forwarded)
        bus.subscribe(LocalOptimized, self._optimized)
        bus.subscribe(DigitReceived, self._digit)
        bus.subscribe(SoundBegun, self._sound)
        bus.subscribe(SoundEnded, lambda event: self._note(event.channel, "STREAM_END", None, "FILE_STREAM_END"))

    # ---- telling ---------------------------------------------------------------------------------------

    def _event(self, channel: Channel, known: _Known, enum: str, *, peer: str = "", extra: object = None) -> Event:
        caller = channel.caller
        exten, context = channel.exten, channel.context
        place = known.origin if known.origin[1] and not channel.has_task else known.place
        if channel.outgoing and place[1]:
            exten, context = ("" if known.bridged else place[0]), place[1]
        if known.moved is not None:
            exten, context = known.moved
        # what ran on a called leg meanwhile (a subroutine of Dial, a feature) is over
        idle = bool(known.rest[0]) and (not known.app or not channel.has_task)
        application = known.rest if idle else (known.app, known.data)
        event = Event(
            kind=enum,
            enum=enum,
            time=self._wall(),
            userdeftype="",
            cidname=caller.name or "",
            cidnum=caller.number or "",
            cidani=caller.ani or "",
            cidrdnis=caller.rdnis or "",
            ciddnid=caller.dnid or "",
            exten=exten,
            context=context,
            channame=channel.name,
            appname=application[0],
            appdata=application[1],
            amaflags=channel.amaflags,
            accountcode=channel.accountcode,
            peeraccount=channel.peeraccount,
            uniqueid=channel.uniqueid,
            linkedid=channel.linkedid,
            userfield="",
            peer=peer,
            extra="" if extra is None else json.dumps(extra, separators=(",", ":"), ensure_ascii=False),
        )
        known.last = event
        return event

    def _say(self, event: Event) -> None:
        if self.settings.wants(event.enum):
            self._tell(event)

    def _get(self, channel: Channel) -> _Known | None:
        """What is known of a channel; its start is told first of all."""
        known = self._known.get(channel)
        if known is not None and not known.begun:
            known.begun = True
            event = self._event(channel, known, "CHAN_START")
            local = channel.name.startswith("Local/")
            if channel.outgoing or local:
                # whoever makes it has not said yet where and for whom
                event = replace(event, cidnum="", cidname="", accountcode="", peeraccount="")
                if not local:
                    event = replace(event, exten="s", context="default")
            self._say(replace(event, time=channel.created, appname="", appdata=""))
        return known

    # ---- what happens ----------------------------------------------------------------------------------

    def _created(self, event: ChannelCreated) -> None:
        if not self.settings.enable:
            return
        channel = event.channel
        self._known[channel] = _Known()
        self._linked[channel.linkedid] = self._linked.get(channel.linkedid, 0) + 1
        # where it begins and who calls is set by whoever made it
        self._clock.callLater(0, self._get, channel)

    def _dial_begin(self, event: DialBegin) -> None:
        known = self._get(event.callee)
        if known is not None:
            callee = event.callee
            known.rest = ("AppDial2" if event.caller is None else "AppDial", "(Outgoing Line)")
            if event.caller is not None:
                known.origin = known.place = (event.caller.exten, callee.context or event.caller.context)

    def _state_changed(self, event: ChannelStateChanged) -> None:
        if event.channel.state is not State.UP:
            return
        known = self._get(event.channel)
        if known is not None:
            self._catch_up(event.channel, known)
            self._say(self._event(event.channel, known, "ANSWER"))

    def _catch_up(self, channel: Channel, known: _Known) -> None:
        """The application that a subroutine interrupted (options B and U of Dial) goes on."""
        if known.app and channel.has_task and channel.application and channel.application != known.app:
            self._at(channel)

    def _location(self, event: ChannelLocation) -> None:
        self._at(event.channel)

    def _at(self, channel: Channel) -> None:
        known = self._get(channel)
        if known is None or channel.application[:7].lower() == "appdial":
            return
        name = channel.application
        if name == "Hangup" and not known.source:
            known.source = "dialplan/builtin"
        if name == known.app:
            known.data, known.moved = channel.data, None
            known.place = (channel.exten, channel.context)
            return
        self._app_ends(known)
        known.moved = None
        known.app, known.data = name, channel.data
        if name.lower() in self.settings.apps:
            self._say(self._event(channel, known, "APP_START"))
        else:
            known.last = None
        known.place = (channel.exten, channel.context)

    def _app_ends(self, known: _Known) -> None:
        last = known.last
        if known.app and known.app.lower() in self.settings.apps and last is not None:
            place = known.moved or (known.place if known.place[1] else (last.exten, last.context))
            self._say(
                replace(
                    last,
                    kind="APP_END",
                    enum="APP_END",
                    time=self._wall(),
                    appname=known.app,
                    appdata=known.data,
                    exten=place[0],
                    context=place[1],
                    peer="",
                    extra="",
                )
            )
        known.app = known.data = ""

    def _user(self, event: CelUserEvent) -> None:
        known = self._get(event.channel)
        if known is not None:
            told = self._event(event.channel, known, "USER_DEFINED", extra={"extra": event.extra})
            self._say(replace(told, kind=event.name, userdeftype=event.name))

    # ---- what happens to calls ------------------------------------------------------------------------------

    def _note(self, channel: Channel, enum: str, extra: dict[str, object] | None = None, detail: str = "") -> None:
        """Tell an event of a channel that is known; detail: what stands where a user's event has its name."""
        if self.settings.wants(enum):
            known = self._get(channel)
            if known is not None:
                last = known.last
                self._say(replace(self._event(channel, known, enum, extra=extra), userdeftype=detail))
                known.last = last

    def _moves(self, channel: Channel, context: str, exten: str) -> None:
        known = self._get(channel)
        if known is not None and channel.has_task:
            known.moved = (exten, context)

    def _blind(self, event: BlindTransferred) -> None:
        extra: dict[str, object] = {"extension": event.exten, "context": event.context, "bridge_id": event.bridge}
        transferee = event.transferee
        extra |= {"transferee_channel_name": transferee.name, "transferee_channel_uniqueid": transferee.uniqueid}
        self._moves(transferee, event.context, event.exten)
        self._note(event.transferer, "BLINDTRANSFER", extra)

    def _attended(self, event: AttendedTransferred) -> None:
        one, transferee, target = event.transferer, event.transferee, event.target
        extra: dict[str, object] = {
            "bridge1_id": event.bridge,
            "channel2_name": one.name,
            "channel2_uniqueid": one.uniqueid,
            "bridge2_id": event.consulting,
            "transferee_channel_name": transferee.name,
            "transferee_channel_uniqueid": transferee.uniqueid,
            "transfer_target_channel_name": target.name if event.answered else "N/A",
            "transfer_target_channel_uniqueid": target.uniqueid if event.answered else "N/A",
        }
        if one in self._known:
            self._note(one, "ATTENDEDTRANSFER", extra)
        elif self.settings.enable:
            # it is its end that completes the transfer
            gone = _Known()
            if one.outgoing:
                gone.rest, gone.bridged, gone.origin = ("AppDial", "(Outgoing Line)"), True, ("", one.context)
            self._say(self._event(one, gone, "ATTENDEDTRANSFER", extra=extra))

    def _picked_up(self, event: PickedUp) -> None:
        taker = event.taker
        extra: dict[str, object] = {"pickup_channel": taker.name, "pickup_channel_uniqueid": taker.uniqueid}
        self._note(event.target, "PICKUP", extra)

    def _forwarded(self, event: Forwarded) -> None:
        self._note(event.channel, "FORWARD", {"forward": event.destination})

    def _optimized(self, event: LocalOptimized) -> None:
        one, two = event.one, event.two
        if event.begins:
            known = self._get(one)
            if known is not None:
                extra: dict[str, object] = {"local_two": two.name, "local_two_uniqueid": two.uniqueid}
                self._optimizing[one] = self._event(one, known, "LOCAL_OPTIMIZE_BEGIN", extra=extra)
                self._say(self._optimizing[one])
        elif one in self._optimizing:
            # by now the pair may have ended
            told = self._optimizing.pop(one)
            self._say(replace(told, kind="LOCAL_OPTIMIZE", enum="LOCAL_OPTIMIZE", time=self._wall()))

    def _digit(self, event: DigitReceived) -> None:
        self._note(event.channel, "DTMF", {"digit": event.digit, "duration_ms": event.milliseconds})

    def _sound(self, event: SoundBegun) -> None:
        told: dict[str, object] = {"sound": event.name, "format": event.format, "language": event.language}
        self._note(event.channel, "STREAM_BEGIN", told, "FILE_STREAM_BEGIN")

    # ---- bridges ---------------------------------------------------------------------------------------

    def _bridged(self, event: Bridged) -> None:
        members = self._bridges.setdefault(event.bridge, [])
        # the one that was called enters first
        for channel in reversed(event.channels):
            if channel in members:
                continue
            members.append(channel)
            known = self._get(channel)
            if known is not None:
                known.bridged = True
                known.bridge = event.bridge
                self._catch_up(channel, known)
                self._cross(channel, known, "BRIDGE_ENTER", event.bridge, members)

    def _cross(self, channel: Channel, known: _Known, enum: str, bridge: str, members: list[Channel]) -> None:
        entering = enum == "BRIDGE_ENTER" or channel.outgoing  # the caller leaves last
        peer = ",".join(other.name for other in members if other is not channel) if entering else ""
        extra = {"bridge_id": bridge, "bridge_technology": "simple_bridge"}
        self._say(self._event(channel, known, enum, peer=peer, extra=extra))

    def _unbridged(self, event: Unbridged) -> None:
        self._leaves(event.channel, event.bridge)

    def _leaves(self, channel: Channel, bridge: str) -> None:
        members = self._bridges.get(bridge)
        if members is None or channel not in members:
            return
        members.remove(channel)
        if not members:
            del self._bridges[bridge]
        known = self._get(channel)
        if known is None:
            return
        known.bridge = ""
        if self._source(channel):
            for other in members:
                partner = self._known.get(other)
                if partner is not None and not partner.source:
                    partner.source = channel.name
        elif members and self._source(members[0]) and not known.source:
            known.source = members[0].name
        self._cross(channel, known, "BRIDGE_EXIT", bridge, members)

    @staticmethod
    def _source(channel: Channel) -> bool:
        """Whether its far end hung up; the other half of a Local pair is none that could."""
        return channel.far_end_hung_up and not channel.name.startswith("Local/")

    # ---- the end ---------------------------------------------------------------------------------------

    def _ended(self, event: ChannelEnded) -> None:
        channel = event.channel
        known = self._get(channel)
        if known is None:
            return
        if known.bridge:
            self._leaves(channel, known.bridge)
        self._app_ends(known)
        source = channel.name if self._source(channel) else known.source
        status = channel.variables.get("DIALSTATUS", "")
        # who leaves a bridge without a cause leaves it normally
        cause = int(channel.hangup_cause) or (int(Cause.NORMAL_CLEARING) if known.bridged else 0)
        extra = {"hangupcause": cause, "hangupsource": source, "dialstatus": status}
        self._say(self._event(channel, known, "HANGUP", extra=extra))
        end = self._event(channel, known, "CHAN_END")
        self._say(end)
        del self._known[channel]
        left = self._linked.get(channel.linkedid, 0) - 1
        if left > 0:
            self._linked[channel.linkedid] = left
        else:
            self._linked.pop(channel.linkedid, None)
            self._say(replace(end, kind="LINKEDID_END", enum="LINKEDID_END"))
