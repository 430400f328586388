"""TONE_DETECT: tones in a call are counted, and lead it elsewhere, while it does something else."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from pbx.channels.voice.port import Direction
from pbx.dialplan.applications.hearing import decibel
from pbx.dialplan.arguments import fields, parse_options
from pbx.dialplan.functions.common import c_int
from pbx.dialplan.hearing import Watch
from pbx.dialplan.registry import FunctionError, function, options
from pbx.dialplan.scope import Scope

if TYPE_CHECKING:
    from pbx.channels.channel import Channel

_NOTE: Final = "tone_detect"
#: option -> what a progress detector calls it
_SIGNALS: Final = {"a": "sit", "b": "busy", "c": "dialtone", "p": "ringing"}
_SIDES: Final = {"rx": Direction.IN, "tx": Direction.OUT}


class Detection:
    """TONE_DETECT of one channel."""

    def __init__(self, scope: Scope) -> None:
        assert scope.channel is not None
        self.counts = dict.fromkeys(_SIDES, 0)
        self._services = scope.services
        self._channel: Channel = scope.channel
        self._watches: list[Watch] = []
        self._letters: dict[str, str | None] = {}
        self._wanted = 1
        self._channel.on_end(self._gone)

    def _gone(self, _: Channel) -> None:
        self.stop()

    def start(self, hertz: int, milliseconds: int, letters: dict[str, str | None]) -> None:
        """Begin, or go on with other wishes; what was counted stays.  Raises ValueError."""
        threshold, text = decibel(letters), letters.get("n")
        wanted = c_int(text) if text else 1
        if wanted is None or wanted < 1:
            raise ValueError(f"option n is a number from 1 on, not '{text}'")
        self.stop()
        self._letters, self._wanted = letters, wanted
        sides = [side for side in _SIDES if side[0] in letters] or list(_SIDES)
        specs = [f"tone {hertz} {milliseconds} {threshold}"] if hertz else []
        if _SIGNALS.keys() & letters.keys():
            specs.append("progress us 1")
        for side in sides:
            for spec in specs:
                self._watches.append(Watch(self._channel, spec, _SIDES[side], partial(self._heard, side)))

    def stop(self) -> None:
        watches, self._watches = self._watches, []
        for watch in watches:
            watch.stop()
        self._squelch(False)

    def _heard(self, side: str, what: str) -> None:
        if what in ("on", "off"):
            # what is sent would fall silent to the detector as well, and so be heard again
            if side == "rx" and "s" in self._letters:
                self._squelch(what == "on")
        elif what == "hit":
            self.counts[side] += 1
            if self.counts[side] >= self._wanted:
                self._lead(side)
        elif any(letter in self._letters and what == name for letter, name in _SIGNALS.items()):
            self._lead(side)

    def _squelch(self, on: bool) -> None:
        if not self._channel.dead:
            self._channel.switch.graph.mute(self._channel, Direction.IN if on else Direction(0), _NOTE)

    def _lead(self, side: str) -> None:
        """Go where option g (heard) or h (sent) says."""
        if "e" in self._letters:
            self.stop()
        place, channel = self._letters.get("g" if side == "rx" else "h"), self._channel
        if not place or channel.dead:
            return
        context, exten, priority = ["", "", *place.split(",")][-3:]
        context, exten, caller = context or channel.context, exten or channel.exten, channel.caller.number or ""
        number = c_int(priority)
        if number is None:
            number = self._services.dialplan.find_label(context, exten, priority, caller)
        if number is not None and channel.switch.extensions.exists(context, exten, number, caller):
            channel.switch.redirect((channel, context, exten, number))


@function(
    "TONE_DETECT",
    syntax="TONE_DETECT(freq[,duration_ms[,options]])",
    synopsis="Written: finds a tone while the call goes on; read (rx, tx): how often it was found",
    description="Frequency 0: only the signals of options a, b, c, p. A tone that stays leads the call away once.",
    arguments={"freq": "Hz; read: rx or tx", "duration_ms": "how long it lasts (500)"},
    options=options(
        {
            "a": "special information tones, too",
            "b": "busy",
            "c": "dial tone",
            "p": "ringing",
            "d(dB)": "how much the tone stands out from everything else (16)",
            "e": "ends after n tones",
            "g(place)": "where the call goes when one is received",
            "h(place)": "when one is sent",
            "n(times)": "so many tones before it goes there (1)",
            "r": "received sound only",
            "t": "sent sound only",
            "s": "keeps a received tone from others",
            "x": "ends it",
        }
    ),
    needs_channel=True,
    module="res_tonedetect",
)
def tone_detect(scope: Scope, args: str) -> str:
    found: Detection | None = scope.notes.get(_NOTE)
    side = args.strip().lower()
    if found is None:
        return ""
    if side not in _SIDES:
        raise FunctionError(f"TONE_DETECT is read of rx or tx, not '{args}'")
    return str(found.counts[side])


@tone_detect.writer
def _tone_detect(scope: Scope, args: str, value: str) -> None:
    frequency, duration, letters = fields(args, 3)
    found, _ = parse_options(letters)
    assert scope.channel is not None
    if "x" in found:
        former: Detection | None = scope.notes.pop(_NOTE, None)
        if former is not None:
            former.stop()
        return
    hertz = c_int(frequency)
    milliseconds = c_int(duration) if duration else 500
    if hertz is None or not 0 <= hertz < 8000:
        raise FunctionError(f"TONE_DETECT needs a frequency, not '{frequency}'")
    if milliseconds is None or milliseconds < 1:
        raise FunctionError(f"TONE_DETECT: the duration is so many ms, not '{duration}'")
    detection: Detection = scope.notes.get(_NOTE) or Detection(scope)
    try:
        detection.start(hertz, milliseconds, found)
    except ValueError as error:
        raise FunctionError(f"TONE_DETECT: {error}") from None
    scope.notes[_NOTE] = detection
