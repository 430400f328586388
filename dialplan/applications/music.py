"""MusicOnHold, StartMusicOnHold, StopMusicOnHold."""

from __future__ import annotations

from pbx.channels.events import DigitEnd
from pbx.dialplan.arguments import fields
from pbx.dialplan.functions.common import c_int
from pbx.dialplan.interpreter import Run
from pbx.dialplan.registry import Outcome, Result, application

_CLASS = {"class": "a section of musiconhold.conf; CHANNEL(musicclass) counts before it, unless preferchannelclass=no"}


def _start(run: Run, name: str) -> bool:
    if run.over or run.channel.switch.music.start(run.channel, name):
        return True
    run.warn(f"there is no music on hold of class '{name or run.channel.musicclass or 'default'}'; nothing is played")
    return False


@application(
    "MusicOnHold",
    syntax="MusicOnHold(class[,duration])",
    synopsis="Plays music on hold",
    description=(
        "Plays music until the caller hangs up, or for so many seconds. Does not answer. A digit that a class of "
        "musiconhold.conf bears (digit=) changes to that class."
    ),
    arguments={**_CLASS, "duration": "seconds"},
    see_also=("StartMusicOnHold", "StopMusicOnHold", "CHANNEL"),
    module="res_musiconhold",
)
async def music_on_hold(run: Run, data: str) -> Result:
    name, duration = fields(data, 2)
    channel, clock = run.channel, run.channel.switch.clock
    seconds = c_int(duration) if duration else None
    if duration and seconds is None:
        run.warn(f"Invalid MusicOnHold duration '{duration}': it plays without end")
    if not _start(run, name):
        return None
    until = clock.seconds() + seconds if seconds and seconds > 0 else None
    try:
        while not run.over:
            left = None if until is None else until - clock.seconds()
            if left is not None and left <= 0:
                return None
            event = await channel.next_event(left)
            if isinstance(event, DigitEnd):
                channel.switch.music.digit(channel, event.digit)
    finally:
        channel.switch.music.stop(channel)
    return Outcome.END


@application(
    "StartMusicOnHold",
    syntax="StartMusicOnHold(class)",
    synopsis="Begins music on hold and goes on",
    description="The next sound that is played to the caller ends the music, as StopMusicOnHold does.",
    arguments=_CLASS,
    see_also=("StopMusicOnHold",),
    module="res_musiconhold",
)
def start_music(run: Run, data: str) -> Result:
    _start(run, fields(data, 1)[0])
    return None


@application(
    "StopMusicOnHold",
    syntax="StopMusicOnHold()",
    synopsis="Ends music on hold",
    see_also=("StartMusicOnHold",),
    module="res_musiconhold",
)
def stop_music(run: Run, data: str) -> Result:
    run.channel.switch.music.stop(run.channel)
    return None
