"""The end of a channel that is an IAX2 call: what applications and bridges ask of the far end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pbx.channels.events import Control
from pbx.channels.iax2.digits import Digits
from pbx.channels.iax2.values import ConnectedLine

if TYPE_CHECKING:
    from pbx.channels.channel import Channel
    from pbx.channels.iax2.call import Call
    from pbx.channels.iax2.driver import Driver
    from pbx.channels.voice.port import Buffering

#: signals that mean something inside this PBX only
_PARTY_UPDATES = frozenset({Control.CONNECTED_LINE, Control.REDIRECTING})
_INSIDE = frozenset({Control.HANGUP, Control.SRCUPDATE, Control.OPTION})


class Iax2Leg:
    """See `channel.Leg`.  Each request goes into the core, and what the core has to send leaves at once."""

    technology = "IAX2"

    def __init__(self, driver: Driver, call: Call, channel: Channel) -> None:
        self._driver = driver
        self.call = call
        #: None once the call has ended for its channel
        self.channel: Channel | None = channel
        self._digits: Digits | None = None

    @property
    def row(self) -> int | None:
        """The plane's row, None until the far end is known and after the end."""
        return self.call.row or None

    @property
    def sounding(self) -> bool:
        """Voice has come from the far end."""
        return self._driver.leg_counters(self.call.row).received > 0

    def answer(self) -> None:
        self.call.answer(self._driver.now())
        self._driver.pump()

    def indicate(self, control: Control, data: bytes = b"") -> None:
        """HOLD and UNHOLD cross only where mohinterpret=passthrough; else the far end hears music from here."""
        if control in _INSIDE:
            return
        if control in (Control.HOLD, Control.UNHOLD):
            interpret = self._driver.calls.music_option(self.call, "mohinterpret")
            if interpret != "passthrough":
                if self.channel is not None:
                    self.channel.music(control is Control.HOLD, data, interpret)
                return
        if control in _PARTY_UPDATES and not self._driver.calls.passes_updates(self.call, ConnectedLine.SEND):
            return
        self.call.control(int(control), data, self._driver.now())
        self._driver.pump()

    def digit_begin(self, digit: str) -> None:
        self._dialling().begin(digit)

    def digit_end(self, digit: str, milliseconds: int) -> None:
        self._dialling().end(digit, milliseconds)

    def _dialling(self) -> Digits:
        if self._digits is None:
            driver, call = self._driver, self.call

            def send(digit: str, begin: bool) -> None:
                # not of this leg: it would keep itself alive
                call.digit(digit, begin, driver.now())
                driver.pump()

            self._digits = Digits(driver.reactor, send, lambda: driver.shortest_digit)
        return self._digits

    def send_text(self, text: str) -> None:
        self.call.text(text, self._driver.now())
        self._driver.pump()

    def send_opaque(self, frame_type: int, subclass: int, data: bytes) -> None:
        self.call.opaque(frame_type, subclass, data, self._driver.now())
        self._driver.pump()

    def transfer(self, exten: str, context: str | None = None) -> bool:
        """Command TRANSFER: the far end sends its own call on (or does not; nothing comes back)."""
        self.call.transfer(exten, context, self._driver.now())
        self._driver.pump()
        return True

    def provision(self, template: str) -> bool:
        """Send the far end, a device, the settings of a template; False when there is no such template."""
        return self._driver.provision(self.call.address, template, forced=True)

    def hangup(self, cause: int) -> None:
        self.channel = None
        if self._digits is not None:
            self._digits.stop()
        self.call.hangup(cause, self._driver.now())
        self._driver.pump()

    def buffer(self, wish: Buffering | None) -> bool:
        self._driver.legs.set_buffer(self.call, wish)
        return True

    def detail(self, item: str) -> str | None:
        """CHANNEL() items of IAX2: peerip, recvip, peername, auth_method, secure_signaling, secure_media, osptoken."""
        call = self.call
        match item:
            case "peerip" | "recvip":
                return call.address[0]
            case "peername":
                return call.user_name
            case "auth_method":
                return call.login_method
            case "secure_signaling":
                return "1" if call.encrypted else ""
            case "secure_media":
                return "1" if call.encrypted and not call.clear_voice else ""
            case "osptoken":
                return call.request.osp_token if call.request is not None else ""
            case "from":
                return ""
        return None
