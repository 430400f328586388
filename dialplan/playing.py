"""Playing to a caller while listening for digits: what Playback, Background, Read and Say* share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred

from pbx.channels.events import DigitEnd, SoundBegun, SoundEnded
from pbx.channels.interrupts import Interrupt

if TYPE_CHECKING:
    from pbx.channels.channel import Channel
    from pbx.channels.sounds import Recording, Source
    from pbx.codecs.formats import Format
    from pbx.dialplan.interpreter import Run
    from pbx.dialplan.scope import Scope


def nothing(digit: str) -> bool:
    """No digit stops it (digits are dropped)."""
    return False


#: the digits that end a sound; what else may come as one (a small letter) is passed over
DIGITS = frozenset("0123456789*#ABCD")


def anything(digit: str) -> bool:
    """Every digit of a telephone stops it."""
    return digit in DIGITS


def finder(scope: Scope) -> Callable[[str], bool]:
    """Tells which sounds there are in the channel's language."""
    channel = scope.channel
    language, formats = (channel.language, channel.formats) if channel is not None else ("en", ())
    find = scope.services.find_sound
    return lambda name: find(name, language, formats) is not None


def start_file(run: Run, name: str, language: str = "") -> Source | None:
    """Begin to play a sound by its name; None if there is no such sound."""
    channel = run.channel
    found = run.services.find_sound(name, language or channel.language, channel.formats)
    if found is None:
        run.warn(f"sound file {name} does not exist in any format ({channel.language})")
        return None
    return play_told(channel, name, found, language)


def play_told(
    channel: Channel, name: str, found: tuple[str, Format], language: str = "", *, over: bool = False
) -> Source:
    """Begin to play a sound that was found; the bus hears of its beginning and end (CEL tells of them)."""
    switch = channel.switch
    source = switch.graph.play(channel, *found, over=over)
    switch.bus.publish(SoundBegun(channel, name, found[1].name, language or channel.language))

    def through(result: str) -> str:
        switch.bus.publish(SoundEnded(channel))
        return result

    source.done.addBoth(through)
    return source


async def listen(run: Run, source: Source | Recording, stops: Callable[[str], bool] = nothing) -> str | None:
    """Wait until the sound is through; a digit that stops it is returned, others are dropped.

    The sound is stopped when an Interrupt breaks in, and at once on a call that is over.
    """
    channel = run.channel
    waiting: list[Deferred[None]] = []

    def ring() -> None:
        # one at most: who is woken here waits anew before this returns
        if waiting:
            waiting.pop().callback(None)

    def through(result: str) -> str:
        ring()
        return result

    source.done.addBoth(through)
    try:
        while True:
            while (event := channel.poll()) is not None:
                if isinstance(event, DigitEnd) and stops(event.digit):
                    return event.digit
            if not source.playing or run.over:
                return None
            wake: Deferred[None] = Deferred(lambda _: None)
            waiting.append(wake)
            channel.watch(ring)
            try:
                await channel.wait(wake)
            finally:
                waiting.clear()
                channel.watch(None)
    except Interrupt:
        source.stop()
        raise
    finally:
        if source.playing:
            source.stop()


def tone_spec(run: Run, name: str) -> str:
    """A tone list by its name in the channel's zone; anything else is a tone list itself."""
    services = run.services
    zone = str(run.scope.notes.get("channel.tonezone", services.tone_zone))
    return services.tones.get(zone, {}).get(name, name)
