"""Calls as legs of the voice plane: what the core decides about voice is told to the plane here."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pbx.channels.causes import Cause
from pbx.channels.iax2 import events
from pbx.channels.iax2.address import text as address_text
from pbx.channels.log import Log
from pbx.channels.voice.port import Buffering, BufferKind, LegFlags

if TYPE_CHECKING:
    from collections.abc import Callable

    from pbx.channels.iax2.call import Call
    from pbx.channels.iax2.driver import Driver
    from pbx.channels.iax2.settings_general import General
    from pbx.channels.iax2.settings_sections import Peer, User
    from pbx.channels.voice.port import VoicePort

log = Log("chan_iax2")
_UNBUFFERED = Buffering()
_NO_FLAGS = LegFlags(0)


@dataclass(slots=True)
class _Leg:
    """A leg that the plane knows."""

    call: Call
    generation: int
    receive: int = 0
    send: int = 0
    flags: LegFlags = _NO_FLAGS
    #: JITTERBUFFER() of the channel, which goes before iax.conf
    wish: Buffering | None = None
    buffer: Buffering = _UNBUFFERED
    #: signals of the far end that wait for their place in its voice
    waiting: dict[int, Callable[[], None]] = field(default_factory=dict)


class PlaneLegs:
    """The rows that the driver's calls have in the plane.

    A row is told to the plane together with its generation; what the plane says of a row that belongs to another
    call by now is thereby known as late (`find` answers None).
    """

    def __init__(self, driver: Driver, port: VoicePort) -> None:
        self._driver = driver
        self._port = port
        self._legs: dict[int, _Leg] = {}
        self._serial = itertools.count(1)
        self.handlers: dict[type[events.Event], Callable[[Any], None]] = {
            events.LegBound: self._bound,
            events.CallFormats: self._formats,
            events.CallRestarted: self._restarted,
            events.CallMedia: self._media,
            events.CallKeys: self._keys,
            events.CallTrunk: self._trunk,
            events.CallClearVoice: self._clear_voice,
            events.CallVoice: self._voice,
        }

    def __contains__(self, row: int) -> bool:
        return row in self._legs

    def find(self, row: int, generation: int) -> Call | None:
        """The call of a row, None where that call is gone."""
        leg = self._legs.get(row)
        return leg.call if leg is not None and leg.generation == generation else None

    def rekey(self, row: int) -> None:
        """From here on voice goes under the call's newest key, and none before."""
        if row in self._legs:
            self._port.set_keys(row, *self._legs[row].call.voice_keys)

    def add(self, call: Call) -> bool:
        """Give the call its row of the plane; a call for which there is none is ended."""
        try:
            call.row, call.generation = self._driver.switch.graph.rows.allocate()
        except LookupError as error:
            log.error(f"{error}: call with {address_text(call.address)} refused")
            call.hangup(Cause.SWITCH_CONGESTION, self._driver.now())
            return False
        leg = self._legs[call.row] = _Leg(call, call.generation, call.receive_format, call.send_format)
        leg.flags = self._flags(call)
        self._say(call.row, leg)
        return True

    def drop_all(self) -> None:
        """As `drop`, of every row."""
        for row in list(self._legs):
            self.drop(row)

    def flags_changed(self, call: Call) -> None:
        """It is known by now whose call this is."""
        if call.row in self._legs:
            leg, flags = self._legs[call.row], self._flags(call)
            if flags != leg.flags:
                leg.flags = flags
                self._port.set_flags(call.row, flags)
            self._say_buffer(leg)

    def _say(self, row: int, leg: _Leg) -> None:
        call = leg.call
        leg.buffer = _UNBUFFERED
        self._port.add_leg(
            row,
            leg.generation,
            call.socket,
            call.address,
            call.local,
            call.own_number,
            call.remote_number,
            leg.flags,
            self._clock(call),
        )
        self._say_buffer(leg)
        if call.encrypted:
            self._port.set_keys(row, *call.voice_keys)
        if leg.receive or leg.send:
            self._port.set_formats(row, leg.receive, leg.send)

    def _clock(self, call: Call) -> int:
        """Monotonic ns at which the call's stamps are 0."""
        return time.monotonic_ns() + round((call.clock_start - self._driver.now()) * 1e9)

    def _flags(self, call: Call) -> LegFlags:
        flags = _NO_FLAGS
        if call.trunk:
            flags |= LegFlags.TRUNK
        if call.encrypted:
            flags |= LegFlags.ENCRYPTED
            if not self._section(call).cleartrunk:
                flags |= LegFlags.NO_CLEAR
        return flags

    def _section(self, call: Call) -> Peer | User | General:
        """Whose settings count for a call."""
        return call.peer or call.user or self._driver.settings.general

    # ---- jitter buffers ----------------------------------------------------------------------------------------

    def set_buffer(self, call: Call, wish: Buffering | None) -> None:
        """Buffer a call's voice like this, whatever iax.conf says; None: as iax.conf says."""
        leg = self._legs.get(call.row)
        if leg is not None:
            leg.wish = wish
            self._say_buffer(leg)

    def _say_buffer(self, leg: _Leg) -> None:
        wanted = leg.wish or self._configured(leg.call)
        if wanted is not leg.buffer and wanted != leg.buffer:
            leg.buffer = wanted
            self._port.set_buffer(leg.call.row, wanted)

    def _configured(self, call: Call) -> Buffering:
        """What iax.conf says of this peer or user."""
        s = self._section(call)
        if not s.jitterbuffer:
            return _UNBUFFERED
        return Buffering(
            BufferKind.ADAPTIVE, s.maxjitterbuffer, s.resyncthreshold, s.maxjitterinterps, s.jittertargetextra
        )

    def buffered(self) -> list[tuple[Call, Buffering]]:
        """The calls whose voice is buffered."""
        return [(leg.call, leg.buffer) for leg in self._legs.values() if leg.buffer.kind]

    def in_place(self, call: Call, ts64: int, act: Callable[[], None]) -> None:
        """Act on a signal of the far end's when the voice it was sent with is heard: at once without a buffer."""
        leg = self._legs.get(call.row)
        if leg is None or not leg.buffer.kind or ts64 < 0:
            act()
            return
        number = next(self._serial)
        leg.waiting[number] = act
        self._port.mark(call.row, ts64, number)

    def mark_due(self, row: int, generation: int, number: int) -> None:
        """See VoiceEvents."""
        leg = self._legs.get(row)
        if leg is not None and leg.generation == generation:
            act = leg.waiting.pop(number, None)
            if act is not None:
                act()

    def release_all(self) -> None:
        """The plane has forgotten all marks: nothing waits any longer."""
        for leg in list(self._legs.values()):
            while leg.waiting:
                leg.waiting.pop(next(iter(leg.waiting)))()

    def drop(self, row: int) -> None:
        """The row is free again; an unknown one is left alone."""
        leg = self._legs.pop(row, None)
        if leg is not None:
            self._port.remove_leg(row, leg.generation)
            self._driver.switch.graph.rows.free(row)
            leg.call.row = 0

    def _bound(self, event: events.LegBound) -> None:
        call = event.call
        if call.row in self._legs:
            self._port.bind_leg(call.row, call.address, call.local, call.remote_number)
        elif self.add(call):
            channel = self._driver.calls.channel(call)
            if channel is not None:
                self._driver.switch.graph.attach(channel)

    def _formats(self, event: events.CallFormats) -> None:
        call = event.call
        leg = self._legs.get(call.row)
        if leg is not None:
            leg.receive, leg.send = call.receive_format, call.send_format
            self._port.set_formats(call.row, leg.receive, leg.send)

    def _restarted(self, event: events.CallRestarted) -> None:
        if event.call.row in self._legs:
            self._port.voice_restart(event.call.row, self._clock(event.call))

    def _media(self, event: events.CallMedia) -> None:
        call = event.call
        if call.row in self._legs:
            self._port.bind_leg(call.row, event.address, call.local, event.number, also=True)

    def _keys(self, event: events.CallKeys) -> None:
        self.flags_changed(event.call)
        self.rekey(event.call.row)

    def _trunk(self, event: events.CallTrunk) -> None:
        self.flags_changed(event.call)

    def _clear_voice(self, event: events.CallClearVoice) -> None:
        """Said once a call."""
        call = event.call
        taken = self._section(call).cleartrunk
        log.warning(
            f"The call with {address_text(call.address)} is encrypted, but its voice comes in the clear, in trunk "
            f"frames (stock Asterisk does that with trunk=yes): it is {'taken' if taken else 'refused'}; "
            "to have it encrypted set trunk=no over there"
        )

    def _voice(self, event: events.CallVoice) -> None:
        if event.call.row in self._legs:
            self._port.voice_in(event.call.row, event.ts64, event.format, event.payload)
