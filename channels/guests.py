"""Who joins two that are bridged already, on a task of its own, and what becomes of the talk when one leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred

from pbx.channels.events import Bridged, Unbridged

if TYPE_CHECKING:
    from pbx.channels.bridge import Bridge
    from pbx.channels.channel import Channel


class Guests:
    """The guests of one bridge: channels that stay what they are, with their own task waiting meanwhile."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge
        self._waiting: dict[Channel, Deferred[Bridge | None]] = {}

    def __contains__(self, channel: object) -> bool:
        return channel in self._waiting

    def admit(self, guest: Channel) -> Deferred[Bridge | None]:
        """Let a channel join.

        The result fires when it is out of this bridge: with the bridge that its own task has to run from then on,
        because who ran this one is gone, or with None: it is alone.
        """
        bridge = self._bridge
        done: Deferred[Bridge | None] = Deferred()
        self._waiting[guest] = done
        bridge.rejoin((*bridge.channels, guest))
        guest.bridge = bridge
        bridge.switch.bus.publish(Bridged(bridge.id, bridge.channels))
        return done

    def dismiss(self, guest: Channel) -> None:
        """A guest's own task goes elsewhere; nothing happens when it has left already."""
        if self._waiting.pop(guest, None) is not None:
            self._bridge.lose(guest)

    def forget(self, channel: Channel) -> None:
        """A channel is no longer in the bridge."""
        bridge = self._bridge
        self._waiting.pop(channel, None)
        if channel.bridge is bridge:
            channel.bridge = None
        channel.release(bridge)
        bridge.switch.bus.publish(Unbridged(bridge.id, channel))

    def take_over(self, leaver: Channel, *, talk_on: bool) -> None:
        """The bridge has ended with `leaver`: if two or more are left and may talk on, a guest runs their bridge."""
        waiting, self._waiting = self._waiting, {}
        if waiting:
            self._hand_on(waiting, leaver, talk_on)
        del self._bridge  # two that hold each other would wait for a collection

    def _hand_on(self, waiting: dict[Channel, Deferred[Bridge | None]], leaver: Channel, talk_on: bool) -> None:
        from pbx.channels.bridge import Bridge, BridgeOptions

        living = tuple(one for one in self._bridge.channels if one is not leaver and not one.dead)
        heirs = [guest for guest in waiting if guest in living and guest.interrupted is None]
        heir: Channel | None = None
        after: Bridge | None = None
        if talk_on and heirs and len(living) > 1:
            heir = heirs[0]
            after = Bridge(heir, living, BridgeOptions())
            after.guests.adopt({guest: done for guest, done in waiting.items() if guest is not heir})
            after.open()
        for guest, done in waiting.items():
            if guest is heir or after is None:
                done.callback(after if guest is heir else None)

    def adopt(self, waiting: dict[Channel, Deferred[Bridge | None]]) -> None:
        """Take guests over from a bridge that ended."""
        self._waiting.update(waiting)
