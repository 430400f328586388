"""MP3Player."""

from __future__ import annotations

from pbx.dialplan.interpreter import Run
from pbx.dialplan.playing import anything, listen
from pbx.dialplan.registry import Outcome, Result, application


@application(
    "MP3Player",
    syntax="MP3Player(Location)",
    synopsis="Plays an MP3 file, a playlist (.m3u) or a stream of the web",
    description="Runs the program mpg123, which must be installed. Does not answer. Any digit ends it.",
    arguments={"Location": "a file or http address, whole (commas are part of it)"},
    module="app_mp3",
)
async def mp3_player(run: Run, data: str) -> Result:
    if not data:
        run.warn("MP3 Playback requires an argument (filename)")
        return Outcome.END
    if run.over:
        return None
    player = run.services.play_mp3(data)
    if player is None:
        return None
    source = run.services.switch.graph.stream(run.channel, player.stream)
    player.done.addCallback(lambda _: source.stop("end"))
    try:
        await listen(run, source, anything)
    finally:
        player.stop()
    return None
