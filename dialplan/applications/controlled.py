"""ControlPlayback, BackgroundDetect: playing while the caller's keys, or voice, steer it."""

from __future__ import annotations

from pbx.channels.channel import State
from pbx.channels.events import DigitEnd, SoundBegun, SoundEnded
from pbx.channels.sounds import Source
from pbx.codecs.formats import Format
from pbx.dialplan.arguments import fields, parse_options
from pbx.dialplan.functions.common import c_int
from pbx.dialplan.hearing import Ear
from pbx.dialplan.interpreter import Run
from pbx.dialplan.playing import start_file
from pbx.dialplan.registry import Outcome, Result, application, options

#: ms that a key skips if nothing else is said
SKIP_MS = 3000
#: What CPLAYBACKOFFSET says when the sound was played to its end.
PLAYED_WHOLE = -1
#: Seconds between two looks at whether somebody speaks.
LOOK = 0.02
_PAD = "0123456789*#"


class _Player:
    """A sound that can go to any place of itself."""

    def __init__(self, run: Run, found: tuple[str, Format]) -> None:
        self._graph = run.services.switch.graph
        self._channel = run.channel
        self._found = found
        self.source: Source = self._graph.play(self._channel, *found)

    @property
    def length_ms(self) -> int:
        return self.source.duration_ms or 0

    @property
    def position_ms(self) -> int:
        return min(self.source.elapsed_ms, self.length_ms)

    def wind(self, milliseconds: int) -> None:
        """Go on that much later, or earlier; a gsm file is not wound beyond its end, others end there."""
        place = self.position_ms + milliseconds
        if place <= self.length_ms or not self._found[0].endswith(".gsm"):
            self.go(place)

    def go(self, position_ms: int) -> None:
        """Go on from there (the end if that is behind it)."""
        self.source.stop()
        place = max(0, min(position_ms, self.length_ms))
        self.source = self._graph.play(self._channel, *self._found, skip_ms=place)


@application(
    "ControlPlayback",
    syntax="ControlPlayback(filename[,skipms[,ff[,rew[,stop[,pause[,restart[,options]]]]]]])",
    synopsis="Plays a sound that the caller can wind by keys",
    arguments={"ff": "keys that go on 3 s (skipms) later, # if not given", "rew": "keys that go back, * if not given"},
    options=options({"o(time)": "begins so many ms from the start; -1 and less: from the end"}),
    variables={
        "CPLAYBACKSTATUS": "SUCCESS, USERSTOPPED, REMOTESTOPPED or ERROR",
        "CPLAYBACKOFFSET": "ms at which it was stopped, -1: played to its end",
        "CPLAYBACKSTOPKEY": "the key that stopped it",
    },
    module="app_controlplayback",
)
async def control_playback(run: Run, data: str) -> Result:
    if not data:
        run.warn("ControlPlayback requires an argument (filename)")
        return Outcome.END
    name, skip, forward, back, stop, pause, restart, letters = fields(data, 8)
    found, _ = parse_options(letters)
    given = [keys if keys[:1] in _PAD and keys else "" for keys in (stop, pause, restart)]
    forward = _keys(forward, "#", [back, *given])
    back = _keys(back, "*", [forward, *given])
    steps = _Steps(run, c_int(skip) or SKIP_MS, forward, back, *given)
    offset = c_int(found.get("o") or "") or 0
    name, colon, end = name.partition(":")
    from_end = colon != "" and end.lower() == "end"
    status = await steps.play(name if from_end or not colon else f"{name}:{end}", offset, from_end)
    run.scope.set("CPLAYBACKSTATUS", status)
    if status == "USERSTOPPED":
        run.scope.set("CPLAYBACKSTOPKEY", steps.stopped_by)
    run.scope.set("CPLAYBACKOFFSET", str(steps.offset))
    return Outcome.END if run.over else None


def _keys(given: str, default: str, others: list[str]) -> str:
    """Keys that wind: those given, else the usual one if it has no other meaning."""
    if given and given[0] in _PAD:
        return given
    return "" if any(default in keys for keys in others) else default


class _Steps:
    """One ControlPlayback: what keys do, where it stopped."""

    def __init__(self, run: Run, skip: int, forward: str, back: str, stop: str, pause: str, restart: str) -> None:
        self._run = run
        self._skip = skip
        self._forward, self._back, self._stop, self._pause, self._restart = forward, back, stop, pause, restart
        self.stopped_by = ""
        self.offset = PLAYED_WHOLE

    async def play(self, name: str, offset: int, from_end: bool) -> str:
        """CPLAYBACKSTATUS."""
        run = self._run
        channel = run.channel
        found = run.services.find_sound(name, channel.language, channel.formats)
        if found is None:
            run.warn(f"sound file {name} does not exist in any format ({channel.language})")
            return "ERROR"
        player = _Player(run, found)
        channel.switch.bus.publish(SoundBegun(channel, name, found[1].name, channel.language))
        if from_end or offset < 0:
            player.go(player.length_ms + (0 if offset == PLAYED_WHOLE else min(0, offset)))
        elif offset:
            player.go(offset)
        try:
            with run.noting("CPLAYBACKSTATUS", "ERROR"), run.noting("CPLAYBACKOFFSET", "-1"):
                while player.source.playing and not run.over:
                    if await self._step(player):
                        self.offset = player.position_ms
                        return "USERSTOPPED"
        finally:
            player.source.stop()
            channel.switch.bus.publish(SoundEnded(channel))
        return "ERROR" if run.over else "SUCCESS"

    async def _step(self, player: _Player) -> bool:
        """Wait for a key and do what it means; True: it stops the sound."""
        digit = await self._digit(player)
        if digit is None:
            return False
        if digit in self._forward:
            player.wind(self._skip)
        elif digit in self._back:
            player.wind(-self._skip)
        elif digit in self._restart:
            player.go(0)
        elif digit in self._pause:
            player.source.pause()
            while (digit := await self._run.digit(None)) is not None and digit not in self._pause + self._stop:
                pass
            if digit is None or digit not in self._pause:
                self.stopped_by = digit or ""
                return True
            player.source.pause(False)
        elif digit in self._stop:
            self.stopped_by = digit
            return True
        return False

    async def _digit(self, player: _Player) -> str | None:
        """The next digit; None: the sound is through, or the call over."""
        channel = self._run.channel
        while player.source.playing and not self._run.over:
            event = await channel.next_event(LOOK)
            if isinstance(event, DigitEnd):
                return event.digit
        return None


@application(
    "BackgroundDetect",
    syntax="BackgroundDetect(filename[,sil[,min[,max[,analysistime]]]])",
    synopsis="Plays a sound; goes to the extension talk when the caller has spoken",
    arguments={
        "sil": "ms of silence that end what was said (1000)",
        "min": "ms that it lasts at least (100)",
        "max": "ms that it lasts at most",
        "analysistime": "ms within which it has to come",
    },
    variables={"TALK_DETECTED": "how long the caller spoke, in ms"},
    module="app_talkdetect",
)
async def background_detect(run: Run, data: str) -> Result:
    if not data:
        run.warn("BackgroundDetect requires an argument (filename)")
        return Outcome.END
    name, *limits = fields(data, 5)
    silence, least, most, within = (
        value if (value := c_int(text)) is not None and value > 0 else default
        for text, default in zip(limits, (1000, 100, None, None), strict=True)
    )
    channel = run.channel
    if channel.state is not State.UP and not run.over:
        channel.answer()
    source = start_file(run, name)
    if source is None:
        return None
    clock = channel.switch.clock
    until = None if within is None else clock.seconds() + within / 1000
    try:
        with Ear(run, f"talk {silence} {least} {most or 0}") as ear:
            source.done.addCallback(ear.tell)
            while source.playing and not run.over:
                found = await ear.next()
                what, _, told = (found or "").partition(":")
                if what == "key" and run.can_match(channel.context, told):
                    return told
                if what == "talked" and (until is None or clock.seconds() <= until):
                    run.scope.set("TALK_DETECTED", told)
                    if run.exists(channel.context, "talk"):
                        run.jump(channel.context, "talk", 1)
                    return None
    finally:
        source.stop()
    return Outcome.END if run.over else None
