"""VOLUME and TALK_DETECT: how loud a channel is, and whether somebody talks there."""

from __future__ import annotations

import math
from dataclasses import dataclass

from pbx.channels.channel import Channel
from pbx.channels.events import ChannelEvent, DigitEnd
from pbx.channels.hooks import add_hook, remove_hook
from pbx.channels.voice.port import Direction
from pbx.dialplan.arguments import fields
from pbx.dialplan.events import TalkChanged
from pbx.dialplan.functions.common import c_float, c_int
from pbx.dialplan.registry import FunctionError, function, write_only
from pbx.dialplan.scope import Scope

_VOLUME = "volume"
_KEYS = "volume.keys"
_STEPS = {"*": 1.0, "#": -1.0}
_SIDES = {"TX": Direction.OUT, "RX": Direction.IN}
#: softest and loudest that is asked of the voice plane, dB * 100
_LIMIT = 9000


def _factor(value: float) -> float:
    """A gain as Asterisk applies it: so many times as loud, negative: so many times softer; 0 changes nothing."""
    return 1.0 if not value else value if value > 0 else 1 / -value


@function(
    "VOLUME",
    syntax="VOLUME(direction[,options])",
    synopsis="Makes what a channel hears (TX) or says (RX) louder or softer",
    description=("3 is three times as loud, -3 a third, 0 as it is. Spies and recordings have the sound as it was."),
    arguments={"direction": "TX or RX", "options": "p: digits of the far end change both: * one more, # one less"},
    needs_channel=True,
    module="func_volume",
)
def volume(scope: Scope, args: str) -> str:
    side = fields(args, 2)[0].upper()
    if side not in _SIDES:
        raise FunctionError(f"VOLUME is of TX or RX, not '{side}'")
    return f"{scope.notes.get(_VOLUME, {}).get(side, 0.0):f}"


@dataclass(frozen=True, slots=True)
class _Keys:
    """Option p: * and # of the far end change both volumes; they go on their way all the same."""

    gains: dict[str, float]

    def passes(self, channel: Channel, event: ChannelEvent, *, sent: bool) -> bool:
        if not sent and isinstance(event, DigitEnd) and event.digit in _STEPS:
            for side in _SIDES:
                self.gains[side] = self.gains.get(side, 0.0) + _STEPS[event.digit]
                _apply(channel, side, self.gains[side])
        return True


def _apply(channel: Channel, side: str, gain: float) -> None:
    level = max(-_LIMIT, min(_LIMIT, round(2000 * math.log10(_factor(gain)))))
    channel.switch.graph.set_volume(channel, _SIDES[side], level)


@volume.writer
def _volume(scope: Scope, args: str, value: str) -> None:
    side, letters = fields(args, 2)
    side = side.upper()
    gain = c_float(value)
    if side not in _SIDES:
        raise FunctionError(f"VOLUME is of TX or RX, not '{side}'")
    if gain is None:
        raise FunctionError(f"VOLUME is a number, not '{value}'")
    assert scope.channel is not None
    gains: dict[str, float] = scope.notes.setdefault(_VOLUME, {})
    gains[side] = gain
    _apply(scope.channel, side, gain)
    keys: _Keys | None = scope.notes.pop(_KEYS, None)
    if keys is not None:
        remove_hook(scope.channel, keys)
    if "p" in letters:
        scope.notes[_KEYS] = keys = _Keys(gains)
        add_hook(scope.channel, keys)


@write_only(
    "TALK_DETECT",
    syntax="TALK_DETECT(action)",
    synopsis="Tells when somebody begins and ends to talk on a channel",
    description=(
        "Set(TALK_DETECT(set)=[silence[,talking]]): silence: so many ms of it end talk (2500); talking: mean level of "
        "a sample that is talk (256). Set(TALK_DETECT(remove)=) ends it. Changes are events (for AMI and ARI)."
    ),
    arguments={"action": "set or remove"},
    needs_channel=True,
    module="func_talkdetect",
)
def talk_detect(scope: Scope, args: str, value: str) -> None:
    assert scope.channel is not None
    action = args.strip().lower()
    if action not in ("set", "remove"):
        raise FunctionError(f"TALK_DETECT is set or remove, not '{args}'")
    channel, graph = scope.channel, scope.channel.switch.graph
    if action == "remove":
        graph.detect(channel, None, why="talk_detect")
        return
    silence, talking = fields(value, 2)
    silence_ms, threshold = _number(silence, 2500), _number(talking, 256)
    graph.detect(
        channel, _Talk(channel).heard, talk=True, threshold=threshold, silence_ms=silence_ms, why="talk_detect"
    )  # fmt: skip


def _number(text: str, default: int) -> int:
    if not text:
        return default
    value = c_int(text)
    if value is None or value < 1:
        raise FunctionError(f"TALK_DETECT: '{text}' is no number from 1 on")
    return value


class _Talk:
    """Publishes what the voice plane hears."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._since = 0.0

    def heard(self, what: str) -> None:
        now = self._channel.switch.clock.seconds()
        talking = what == "talk"
        lasted = 0 if talking else round((now - self._since) * 1000)
        self._since = now
        self._channel.switch.bus.publish(TalkChanged(self._channel, talking, lasted))
