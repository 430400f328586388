"""Dictate: a dictating machine that is worked by the keys of a telephone."""

from __future__ import annotations

import os
from typing import Final

from pbx.channels.channel import State
from pbx.channels.sounds import Recording, Source
from pbx.codecs.formats import SLIN
from pbx.dialplan.arguments import fields
from pbx.dialplan.asking import collect, prompt
from pbx.dialplan.interpreter import Run
from pbx.dialplan.playing import anything, listen, start_file
from pbx.dialplan.registry import Outcome, Result, application

#: what keys 7 and 8 wind, ms
_WIND: Final = 3200
_BYTES: Final = 16  # of a millisecond
_SPEEDS: Final = 4


@application(
    "Dictate",
    syntax="Dictate([base_dir[,filename]])",
    synopsis="A dictating machine: records, plays, winds and goes over what was said",
    description=(
        "Keys: * stands still and goes on, 1 changes between playing and recording, # is through, 0 says what they "
        "are. While playing: 2 the speed (said, but all is played as it was spoken), 7 back, 8 forward. While "
        "recording: 8 whether what follows is cut off or written over."
    ),
    arguments={"base_dir": "dictate/ of the spool folder if not given", "filename": "asked for if not given"},
    module="app_dictate",
)
async def dictate(run: Run, data: str) -> Result:
    folder, name = fields(data, 2)
    folder = folder or os.path.join(run.services.directories.get("ASTSPOOLDIR", "/var/spool/asterisk"), "dictate")
    if run.channel.state is not State.UP and not run.over:
        run.channel.answer()
    await run.channel.sleep(0.2)
    given = bool(name)
    while not run.over:
        if not given:
            typed = await prompt(run, "dictate/enter_filename", tone=False)
            name = (await collect(run, typed or "", 255, "#", 0.0, keep=False))[0] if typed is not None else ""
        if not name:
            break
        path = os.path.join(folder, os.path.basename(name) + ".raw")
        try:
            await run.channel.wait(run.services.blocking(lambda: _make(path)))  # noqa: B023 - called at once
        except OSError as error:
            run.warn(f"Dictate: {error}")
            return Outcome.END
        await _Machine(run, path).work()
        if given:
            break
    return Outcome.END if run.over else None


def _make(path: str) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "ab"):
        pass


def _split(path: str, milliseconds: int) -> bytes:
    """Cut the file there; what stood behind."""
    with open(path, "r+b") as file:
        file.seek(milliseconds * _BYTES)
        rest = file.read()
        file.truncate(milliseconds * _BYTES)
    return rest


def _rejoin(path: str, rest: bytes, since: int) -> None:
    """What stood behind follows what was written over it."""
    with open(path, "ab") as file:
        file.write(rest[max(0, file.tell() - since * _BYTES) :])


class _Machine:
    """One file: where it stands, and what the keys do."""

    def __init__(self, run: Run, path: str) -> None:
        self._run = run
        self._path = path
        self._graph = run.services.switch.graph
        self._position = 0  # ms
        self._recording = False
        self._paused = True
        self._cuts = False
        self._speed = 1
        self._through = False

    async def work(self) -> None:
        key = await self._say("dictate/forhelp")
        while not self._through and not self._run.over:
            if key is None:
                key = await self._go()
            if key is not None:
                key = await self._press(key)

    async def _say(self, name: str) -> str | None:
        source = start_file(self._run, name)
        return await listen(self._run, source, anything) if source is not None else None

    async def _go(self) -> str | None:
        """Play or record, or stand still, until a key."""
        if self._paused:
            return await listen(self._run, self._graph.silence(self._run.channel), anything)
        return await (self._record() if self._recording else self._play())

    async def _play(self) -> str | None:
        source: Source = self._graph.play(self._run.channel, self._path, SLIN, skip_ms=self._position)
        key = await listen(self._run, source, anything)
        self._position = min(source.elapsed_ms, source.duration_ms or 0)
        if key is None:
            self._paused = True
            key = await self._say("dictate/paused")
        return key

    async def _record(self) -> str | None:
        run, since = self._run, self._position
        rest: bytes = await run.channel.wait(run.services.blocking(lambda: _split(self._path, since))) or b""
        recording: Recording = self._graph.record(run.channel, self._path, SLIN, append=True)
        try:
            return await listen(run, recording, anything)
        finally:
            self._position += recording.elapsed_ms
            if rest and not self._cuts:
                # whoever hangs up waits for nothing
                recording.closed.addCallback(lambda _: run.services.blocking(lambda: _rejoin(self._path, rest, since)))

    async def _press(self, key: str) -> str | None:
        """What a key does; the next one, if one was pressed meanwhile."""
        match key:
            case "#":
                self._through = True
            case "*":
                self._paused = not self._paused
                going = "dictate/record" if self._recording else "dictate/playback"
                return await self._say("dictate/pause" if self._paused else going)
            case "0":
                self._paused = True
                helps = "dictate/record_help" if self._recording else "dictate/play_help"
                for name in ("dictate/paused", helps, "dictate/both_help"):
                    pressed = await self._say(name)
                    if pressed is not None:
                        return pressed
            case "1":
                self._recording = not self._recording
                return await self._say("dictate/record_mode" if self._recording else "dictate/playback_mode")
            case "8" if self._recording:
                self._cuts = not self._cuts
                return await self._say("dictate/truncating_audio") if self._cuts else None
            case "2" if not self._recording:
                self._speed = self._speed % _SPEEDS + 1
                return await self._say(f"digits/{self._speed}")
            case "7" if not self._recording:
                self._position = max(0, self._position - _WIND)
            case "8" if not self._recording:
                self._position += _WIND
        return None
