"""MixMonitor, StopMixMonitor and MIXMONITOR: calls recorded while they go on."""

from __future__ import annotations

from collections.abc import Mapping

from twisted.internet.defer import Deferred

from pbx.channels.channel import Channel
from pbx.dialplan.arguments import fields, parse_options
from pbx.dialplan.functions.common import c_float, c_int
from pbx.dialplan.interpreter import Run
from pbx.dialplan.mixmonitor import CannotRecord, MixMonitor, NoFile, Wish, monitors_of, recording_path
from pbx.dialplan.playing import listen, start_file
from pbx.dialplan.registry import FunctionError, Outcome, Result, application, function, options
from pbx.dialplan.scope import Scope, scope_of
from pbx.dialplan.services import Services

_OPTIONS = options(
    {
        "a": "goes on behind what the file holds",
        "b": "only while the channel is bridged",
        "B([interval])": "both parties hear a beep each so many seconds (default 15)",
        "c": "accepted: voicemail is not there yet",
        "d": "deletes the files when all is done",
        "v(x)": "what the caller says louder or softer, -4 to 4 (each step doubles)",
        "V(x)": "what the caller hears louder or softer",
        "W(x)": "both louder or softer",
        "r(file)": "what the caller says into a file of its own",
        "t(file)": "what the caller hears into a file of its own",
        "D": "said left, heard right, interleaved: the suffix has to be .raw",
        "n": "writes no silence into the files of r and t",
        "i(chanvar)": "puts the recording's id into that variable",
        "p": "a beep for the caller when it begins",
        "P": "a beep for the caller when it ends",
        "m(mailbox)": "accepted: voicemail is not there yet",
        "s(seconds)": "does not record the first seconds",
        "S": "accepted: the files of r and t keep the same time anyway",
    }
)
#: Seconds that StopMixMonitor waits for the files.
_PATIENCE = 2.0


def wish_of(services: Services, data: str) -> tuple[Wish, Mapping[str, str | None], str]:
    """What the arguments ask for, the options, and the command as written.  Raises CannotRecord."""
    name, letters, command = fields(data, 3)
    found, _ = parse_options(letters)
    wish = Wish()
    wish.mixed = recording_path(services, name) if name else ""
    wish.said = recording_path(services, found.get("r") or "") if found.get("r") else ""
    wish.heard = recording_path(services, found.get("t") or "") if found.get("t") else ""
    if not any(wish.files()):
        raise NoFile("MixMonitor requires an argument (filename)")
    wish.append, wish.bridged, wish.stereo = "a" in found, "b" in found, "D" in found
    wish.synchronous, wish.delete, wish.beep_at_end = "n" not in found, "d" in found, "P" in found
    wish.volume_said = _volume(found, "W", _volume(found, "v", 0))
    wish.volume_heard = _volume(found, "W", _volume(found, "V", 0))
    if "B" in found:
        wish.beep_every = float(c_int(found["B"] or "15") or 15)
    if "s" in found:
        wish.skip = _number(found["s"] or "")
    return wish, found, command


def _volume(found: Mapping[str, str | None], letter: str, default: int) -> int:
    if letter not in found:
        return default
    value = c_int(found[letter] or "")
    return value if value is not None and -4 <= value <= 4 else default


def _number(text: str) -> float:
    """Seconds to skip; anything but a number from 1 on skips nothing."""
    value = c_float(text)
    return value if value is not None and value >= 1 else 0.0


def start_recording(services: Services, channel: Channel, data: str) -> MixMonitor:
    """Begin a recording by MixMonitor's arguments, from wherever.  Raises CannotRecord."""
    wish, found, command = wish_of(services, data)
    scope = scope_of(services, channel)
    if command:
        wish.command = scope.evaluate(command.replace("^{", "${"))
    monitor = MixMonitor(services, channel, wish)
    scope.set("MIXMONITOR_FILENAME", wish.mixed)
    monitor.begin()
    if found.get("i"):
        scope.set(found["i"] or "", monitor.id)
    return monitor


def last_recording(channel: Channel, identity: str = "") -> MixMonitor | None:
    """The recording of that id, or the one begun last."""
    running = monitors_of(channel)
    if identity:
        return running.get(identity)
    return next(reversed(running.values()), None)


@application(
    "MixMonitor",
    syntax="MixMonitor(filename.extension[,options[,command]])",
    synopsis="Records the call, both sides mixed, while it goes on",
    description=(
        "Does not answer. StopMixMonitor, or the end of the channel, ends it; then the command is run by the shell "
        "(^{X} in it is put in when the recording begins). The suffix says the format. Never put texts of callers into "
        "the arguments unfiltered: the command runs in a shell."
    ),
    arguments={
        "filename.extension": "a path, or a name within monitor/ of the spool folder",
        "command": "run when the file is whole",
    },
    options=_OPTIONS,
    variables={"MIXMONITOR_FILENAME": "the file that is written"},
    see_also=("StopMixMonitor", "MIXMONITOR"),
    module="app_mixmonitor",
)
async def mix_monitor(run: Run, data: str) -> Result:
    found, _ = parse_options(fields(data, 3)[1])
    for letter in "vVW":
        value = c_int(found.get(letter) or "")
        if letter in found and (value is None or abs(value) > 4):
            run.warn(f"MixMonitor: volume must be a number from -4 to 4, not '{found[letter] or ''}'")
    if "s" in found and not _number(found["s"] or ""):
        run.warn(f"MixMonitor: '{found['s'] or ''}' is no number of seconds from 1 on; nothing is skipped")
    if "p" in found and not run.over and (beep := start_file(run, "beep")) is not None:
        await listen(run, beep)
    try:
        start_recording(run.services, run.channel, data)
    except CannotRecord as error:
        run.warn(str(error))
        return Outcome.END if isinstance(error, NoFile) else None
    return None


@application(
    "StopMixMonitor",
    syntax="StopMixMonitor([MixMonitorID])",
    synopsis="Ends a recording of MixMonitor; its file is whole then",
    arguments={"MixMonitorID": "which one (option i of MixMonitor); else the last begun"},
    see_also=("MixMonitor",),
    module="app_mixmonitor",
)
async def stop_mix_monitor(run: Run, data: str) -> Result:
    monitor = last_recording(run.channel, fields(data, 1)[0])
    if monitor is not None:
        await run.channel.wait(shared(monitor), _PATIENCE)
    return None


def shared(monitor: MixMonitor) -> Deferred[None]:
    """Fires with the monitor's end; may be cancelled without harm to others who wait."""
    mine: Deferred[None] = Deferred(lambda _: None)

    def closed(result: None) -> None:
        if not mine.called:
            mine.callback(None)

    monitor.stop().addCallback(closed)
    return mine


@function(
    "MIXMONITOR",
    syntax="MIXMONITOR(id,key)",
    synopsis="What is known of a recording that runs on this channel",
    arguments={"id": "from option i of MixMonitor", "key": "filename"},
    needs_channel=True,
    module="app_mixmonitor",
)
def mixmonitor_(scope: Scope, args: str) -> str:
    identity, key = fields(args, 2)
    if not identity or not key:
        raise FunctionError("MIXMONITOR needs an id and a key")
    monitor = monitors_of(scope.channel).get(identity) if scope.channel is not None else None
    if monitor is None:
        raise FunctionError(f"Could not find MixMonitor with ID {identity}")
    if key.lower() != "filename":
        raise FunctionError(f"Unrecognized MIXMONITOR option {key}")
    return monitor.wish.mixed
