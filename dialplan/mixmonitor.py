"""Recordings of a call: what its far end says and hears, into one file or one each."""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, DeferredList

from pbx.channels.events import Bridged, Unbridged
from pbx.channels.log import Log
from pbx.channels.voice.port import Direction, Shape
from pbx.codecs.files import SUFFIXES
from pbx.dialplan.playing import play_told

if TYPE_CHECKING:
    from pbx.channels.channel import Channel
    from pbx.channels.sounds import Recording
    from pbx.dialplan.services import Services

log = Log("app_mixmonitor")

_BOTH = Direction.IN | Direction.OUT
_HERE = "mixmonitors"
_serial = itertools.count(1)


class CannotRecord(Exception):
    """The wish can't be fulfilled; the text says why."""


class NoFile(CannotRecord):
    """No file was named."""


@dataclass(slots=True)
class Wish:
    """What to record and where.  Paths with suffix; "" = no such file."""

    mixed: str = ""
    said: str = ""
    heard: str = ""
    append: bool = False
    #: only while the channel is in a bridge
    bridged: bool = False
    #: left what is said, right what is heard
    stereo: bool = False
    #: `said` and `heard` keep the same time (silence is written where there is none)
    synchronous: bool = True
    #: seconds at the beginning that are not recorded
    skip: float = 0.0
    #: factors 2^n
    volume_said: int = 0
    volume_heard: int = 0
    #: seconds between two beeps that both parties hear; 0 = none
    beep_every: float = 0.0
    beep_at_end: bool = False
    delete: bool = False
    #: shell command behind the end
    command: str = ""

    def files(self) -> Iterator[str]:
        return (path for path in (self.mixed, self.said, self.heard) if path)


def recording_path(services: Services, name: str) -> str:
    """Where a recording of that name goes: relative names lie in the spool's folder `monitor`; folders are made.

    `.wav49` is written as `.WAV`; a name without a suffix gets `.raw`.
    """
    spool = services.directories.get("ASTSPOOLDIR", "/var/spool/asterisk")
    path = os.path.join(spool, "monitor", name)
    base, suffix = os.path.splitext(path)
    if suffix == ".wav49":
        path = base + ".WAV"
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
    except OSError as error:
        log.warning(f"Cannot make the folder of {path}: {error.strerror}")
    return path


def _gain(power: int) -> int:
    """dB * 100 of the factor 2^power."""
    return round(2000 * power * math.log10(2))


@dataclass(eq=False)
class MixMonitor:
    """One recording of a channel; `begin` it, `stop` it.  Ends with the channel."""

    services: Services
    channel: Channel
    wish: Wish
    id: str = ""
    recordings: list[Recording] = field(default_factory=list)
    #: fires when its files are whole
    closed: Deferred[None] = field(default_factory=Deferred)
    _ends: list[Callable[[], None]] = field(default_factory=list)
    _timers: dict[str, Any] = field(default_factory=dict)
    _waiting: bool = False

    def begin(self) -> None:
        """Record from now on.  Raises CannotRecord."""
        wish, channel = self.wish, self.channel
        plain = Shape(starts=_BOTH, gain_in=_gain(wish.volume_said), gain_out=_gain(wish.volume_heard))
        alone = plain if wish.synchronous else replace(plain, starts=0, packed=True)
        for path, direction, shape in (
            (wish.mixed, _BOTH, replace(plain, stereo=wish.stereo)),
            (wish.said, Direction.IN, alone),
            (wish.heard, Direction.OUT, alone),
        ):
            if path:
                self._record(path, direction, shape)
        self.id = f"0x{next(_serial):08x}"
        monitors_of(channel)[self.id] = self
        self._waiting = wish.skip > 0
        if wish.bridged:
            bus = channel.switch.bus
            self._ends += [bus.subscribe(Bridged, self._moved), bus.subscribe(Unbridged, self._moved)]
        if self._waiting:
            self._after("skip", wish.skip, self._skipped)
        if wish.beep_every:
            self._after("beep", wish.beep_every, self._beep)
        self._pause()
        channel.on_end(self._gone)
        log.verbose(2, f"Begin MixMonitor Recording {channel.name}", call=channel.call_id)

    def _record(self, path: str, direction: Direction, shape: Shape) -> None:
        suffix = os.path.splitext(path)[1][1:] or "raw"
        kind = SUFFIXES.get(suffix)
        if kind is None:
            raise CannotRecord(f"no such format of a recording: {path}")
        if not os.path.splitext(path)[1]:
            path += ".raw"
        graph = self.channel.switch.graph
        append = self.wish.append
        recording = graph.record(self.channel, path, kind.format, direction=direction, append=append, shape=shape)
        recording.done.addCallback(self._ended, path)
        self.recordings.append(recording)

    def _ended(self, reason: str, path: str) -> None:
        if reason.startswith("error"):
            log.error(f"Cannot record {path}: {reason.removeprefix('error: ')}", call=self.channel.call_id)

    # ---- while it runs ---------------------------------------------------------------------------------------

    def _after(self, name: str, seconds: float, call: Callable[[], None]) -> None:
        self._timers[name] = self.channel.switch.clock.callLater(seconds, call)

    def _skipped(self) -> None:
        self._waiting = False
        self._pause()

    def _moved(self, event: Bridged | Unbridged) -> None:
        self._pause()

    def _pause(self) -> None:
        paused = self._waiting or (self.wish.bridged and self.channel.bridge is None)
        for recording in self.recordings:
            recording.pause(paused)

    def _beep(self) -> None:
        """Both parties hear that they are recorded."""
        channel = self.channel
        bridge = channel.bridge
        for one in (channel, *(c for c in getattr(bridge, "channels", ()) if c is not channel)):
            play_over(self.services, one, "beep")
        self._after("beep", self.wish.beep_every, self._beep)

    # ---- its end ---------------------------------------------------------------------------------------------

    def stop(self) -> Deferred[None]:
        """End it; fires when its files are whole (the same Deferred for all who ask)."""
        if monitors_of(self.channel).pop(self.id, None) is self:
            self.channel.not_on_end(self._gone)
            self._finish("stopped")
        return self.closed

    def _gone(self, channel: Channel) -> None:
        monitors_of(channel).pop(self.id, None)
        self._finish("hangup")

    def _finish(self, reason: str) -> None:
        for end in self._ends:
            end()
        for timer in self._timers.values():
            if timer.active():
                timer.cancel()
        self._timers.clear()
        if self.wish.beep_at_end and not self.channel.dead:
            play_over(self.services, self.channel, "beep")
        for recording in self.recordings:
            recording.stop(reason)
        DeferredList([recording.closed for recording in self.recordings]).addCallback(self._whole)

    def _whole(self, _: object) -> None:
        """The files are closed: what was to be done with them."""
        log.verbose(2, f"End MixMonitor Recording {self.channel.name}", call=self.channel.call_id)
        self.closed.callback(None)
        command = self.wish.command
        if not command:
            self._delete()
            return
        log.verbose(2, f"Executing [{command}]", call=self.channel.call_id)

        async def run() -> None:
            await self.services.shell(command)

        done = Deferred.fromCoroutine(run())
        done.addErrback(self.channel.switch.report, "command of MixMonitor")
        done.addCallback(lambda _: self._delete())

    def _delete(self) -> None:
        if self.wish.delete:
            for path in self.wish.files():
                try:
                    os.unlink(path)
                except OSError as error:
                    log.warning(f"Cannot delete {path}: {error.strerror}")


def monitors_of(channel: Channel) -> dict[str, MixMonitor]:
    """The recordings that run on a channel, by id, oldest first."""
    found: dict[str, MixMonitor] = channel.attached.setdefault(_HERE, {})
    return found


def play_over(services: Services, channel: Channel, name: str) -> None:
    """Let a channel hear a sound over its call."""
    found = services.find_sound(name, channel.language, channel.formats) if not channel.dead else None
    if found is not None:
        play_told(channel, name, found, over=True)
