"""What the core has to tell of peers and of itself: to the bus (device states), to the astdb, to the log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pbx.channels.channel import State
from pbx.channels.events import ChannelEnded, ChannelStateChanged, DeviceState, PeerChanged
from pbx.channels.iax2 import events
from pbx.channels.iax2.address import text as address_text
from pbx.channels.iax2.lasting import Registrations
from pbx.channels.iax2.leg import Iax2Leg
from pbx.channels.log import Log

if TYPE_CHECKING:
    from collections.abc import Callable

    from pbx.channels.iax2.driver import Driver

log = Log("chan_iax2")


class News:
    """Publishes what the core tells.  lasting: where registrations outlive a restart."""

    def __init__(self, driver: Driver, lasting: Registrations) -> None:
        self._driver = driver
        self._bus = driver.switch.bus
        self._lasting = lasting
        self.handlers: dict[type[events.Event], Callable[[Any], None]] = {
            events.PeerStatus: self._peer_status,
            events.PeerRegistered: self._peer_registered,
            events.PeerUnregistered: self._peer_unregistered,
            events.RegistrationState: self._registration,
            events.Failed: self._failed,
            events.Trace: self._trace,
            events.Note: self._note,
        }

    def subscribe(self) -> list[Callable[[], None]]:
        """Hear of channels, whose states are their peers' states; returns what ends it."""
        return [
            self._bus.subscribe(ChannelStateChanged, self._device_changed),
            self._bus.subscribe(ChannelEnded, self._device_changed),
        ]

    def _peer_status(self, event: events.PeerStatus) -> None:
        status = {"OK": "Reachable", "LAGGED": "Lagged"}.get(event.status, "Unreachable")
        self._bus.publish(PeerChanged(f"IAX2/{event.peer}", status, lag=event.lag))
        self._publish_state(event.peer)

    def _peer_registered(self, event: events.PeerRegistered) -> None:
        self._lasting.registered(event.peer, event.address, event.refresh)
        if event.new:
            where = address_text(event.address)
            log.verbose(3, f"Registered IAX2 '{event.peer}' at {where}")
            self._bus.publish(PeerChanged(f"IAX2/{event.peer}", "Registered", where))
            self._publish_state(event.peer)

    def _peer_unregistered(self, event: events.PeerUnregistered) -> None:
        self._lasting.unregistered(event.peer, event.why)
        self._bus.publish(PeerChanged(f"IAX2/{event.peer}", "Unregistered", cause=event.why))
        self._publish_state(event.peer)

    def _registration(self, event: events.RegistrationState) -> None:
        log.debug(1, f"Registration {event.registration}: {event.state}")

    def _failed(self, event: events.Failed) -> None:
        self._bus.publish(event.verdict)

    def _trace(self, event: events.Trace) -> None:
        log.verbose(0, event.text)

    def _note(self, event: events.Note) -> None:
        match event.level:
            case "DEBUG":
                log.debug(1, event.text)
            case "VERBOSE":
                log.verbose(3, event.text)
            case "WARNING":
                log.warning(event.text)
            case "ERROR":
                log.error(event.text)
            case _:
                log.notice(event.text)

    def device_state(self, peer: str) -> str:
        """INVALID, UNAVAILABLE, RINGING, INUSE, or UNKNOWN for a peer without a call: as Asterisk says it."""
        record = self._driver.endpoint.peers.get(peer)
        if record is None:
            return "INVALID"
        if not record.reachable:
            return "UNAVAILABLE"
        # asked at each change of a channel's state: with hundreds of calls of one peer nobody may look at all of them
        some_in = self._driver.calls.some_in
        if some_in(peer, State.UP, State.RING):
            return "INUSE"
        if some_in(peer, State.RINGING, State.DIALING):
            return "RINGING"
        return "UNKNOWN"

    def _publish_state(self, peer: str) -> None:
        if self._bus.wanted(DeviceState):
            self._bus.publish(DeviceState(f"IAX2/{peer}", self.device_state(peer)))

    def _device_changed(self, event: ChannelStateChanged | ChannelEnded) -> None:
        leg = event.channel.leg
        if isinstance(leg, Iax2Leg) and self._bus.wanted(DeviceState):
            name = leg.call.peer_name or leg.call.user_name
            if name and self._driver.endpoint.peers.get(name) is not None:
                self._publish_state(name)
