"""Record, and RECORDING_INFO that tells of it."""

from __future__ import annotations

import os
from typing import Final

from pbx.channels.interrupts import Interrupt
from pbx.channels.sounds import Recording
from pbx.channels.voice.port import Shape
from pbx.codecs.files import SUFFIXES, BadSound, shorten
from pbx.dialplan.applications.sound import ready
from pbx.dialplan.arguments import fields, parse_options
from pbx.dialplan.functions.common import c_float, c_int
from pbx.dialplan.interpreter import Run
from pbx.dialplan.playing import listen, start_file
from pbx.dialplan.registry import FunctionError, Outcome, Result, application, function, options
from pbx.dialplan.scope import Scope

_NOTE: Final = "recording.milliseconds"
#: of the silence that ended it so much stays; of one that a digit ended the digit's own sound goes, ms
_SILENCE_KEPT: Final = 1000
_DIGIT: Final = 250
#: seconds that a file may take to be closed before it is left as it is
_CLOSING: Final = 2.0


@application(
    "Record",
    syntax="Record(filename.format[,silence[,maxduration[,options]]])",
    synopsis="Records what the caller says into a file",
    options=options(
        {
            "a": "adds to a recording that is there",
            "n": "records without answering",
            "o": "0 ends it with RECORD_STATUS OPERATOR",
            "q": "no beep before it",
            "s": "does nothing unless the call is answered",
            "t": "* ends it instead of #",
            "x": "no digit ends it",
            "k": "keeps the recording when the caller hangs up",
            "y": "every digit ends it",
            "u": "keeps all of the silence that ends it",
        }
    ),
    variables={
        "RECORDED_FILE": "the file, without its suffix",
        "RECORD_STATUS": "DTMF, SILENCE, SKIP, TIMEOUT, HANGUP, ERROR or OPERATOR",
    },
    module="app_record",
)
async def record(run: Run, data: str) -> Result:
    name, silence, maximum, letters = fields(data, 4)
    found, _ = parse_options(letters)
    scope, channel, graph = run.scope, run.channel, run.services.switch.graph
    base, dot, suffix = name.rpartition(".") if "." in name.rpartition("/")[2] else name.rpartition(":")
    kind = SUFFIXES.get(suffix) or SUFFIXES.get(suffix.lower())
    if not dot or not base:
        run.warn(f"Record requires filename.format, not '{name}'")
        scope.set("RECORD_STATUS", "ERROR")
        return Outcome.END
    if not ready(run, skip="s" in found, answer="n" not in found):
        scope.set("RECORD_STATUS", "SKIP")
        return None
    suffix = "WAV" if suffix == "wav49" else suffix  # as everybody calls such files
    path = _record_path(run, base, suffix)
    scope.set("RECORDED_FILE", path.removesuffix(f".{suffix}"))
    if "q" not in found and (beep := start_file(run, "beep")) is not None:
        await listen(run, beep)
    if kind is None:
        run.warn(f"Record knows no format '{suffix}'")
        scope.set("RECORD_STATUS", "ERROR")
        return None
    quiet_ms = 1000 * max(0, c_int(silence) or 0)
    recording = graph.record(
        channel,
        path,
        kind.format,
        append="a" in found,
        silence_ms=quiet_ms,
        max_ms=int(1000 * max(0.0, c_float(maximum) or 0.0)),
        # only what came: a far end that pauses, or whose packets are late, leaves no hole
        shape=Shape(packed=True),
    )
    ends = "" if "x" in found else "*" if "t" in found else "#"
    pressed: list[str] = []

    def stops(digit: str) -> bool:
        pressed.append(digit)
        return digit in ends or "y" in found or ("o" in found and digit == "0")

    try:
        digit = await listen(run, recording, stops)
    except Interrupt:
        scope.set("RECORD_STATUS", "HANGUP")
        scope.notes[_NOTE] = recording.elapsed_ms
        if "k" not in found:
            _forget(path)
        raise
    scope.notes[_NOTE] = recording.elapsed_ms
    reason = recording.done.result if recording.done.called else ""
    if recording.deaf and not pressed and reason in ("max", "silence"):
        # as if the caller was gone: nothing at all came from there
        scope.set("RECORD_STATUS", "HANGUP")
        return None if (c_int(silence) or 0) > 0 and not run.over else Outcome.END
    if reason == "silence" and "u" not in found:
        await _shorten(run, recording, quiet_ms - _SILENCE_KEPT)
    elif digit is not None or reason == "silence":
        await _shorten(run, recording, _DIGIT)
    if digit is not None:
        scope.set("RECORD_STATUS", "OPERATOR" if digit == "0" and "o" in found else "DTMF")
    else:
        scope.set("RECORD_STATUS", {"silence": "SILENCE", "max": "TIMEOUT"}.get(str(reason), "ERROR"))
    return Outcome.END if run.over else None


async def _shorten(run: Run, recording: Recording, milliseconds: int) -> None:
    """Take the end off a recording, once its file is whole."""
    if milliseconds <= 0 or run.over or recording.deaf:
        return
    await run.channel.wait(recording.closed, _CLOSING)

    def work() -> str:
        try:
            shorten(recording.path, milliseconds)
        except (OSError, BadSound) as error:
            return str(error)
        return ""

    failed = await run.channel.wait(run.services.blocking(work))
    if failed:
        run.warn(f"Record: {failed}")


def _forget(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        return


def _record_path(run: Run, base: str, suffix: str) -> str:
    """Where a recording goes: `%d` is the first number not taken; relative names lie with the sounds.

    Folders that are not there are made.
    """
    if not base.startswith("/"):
        base = os.path.join(run.services.directories.get("ASTDATADIR", "/var/lib/asterisk"), "sounds", base)
    if "%d" in base:
        number = 0
        while os.path.exists(f"{base.replace('%d', str(number), 1)}.{suffix}"):
            number += 1
        base = base.replace("%d", str(number), 1)
    try:
        os.makedirs(os.path.dirname(base), exist_ok=True)
    except OSError as error:
        run.warn(f"Record: {error}")
    return f"{base}.{suffix}"


@function(
    "RECORDING_INFO",
    syntax="RECORDING_INFO(property)",
    synopsis="What is known of the recording that Record made last",
    arguments={"property": "duration: ms"},
    needs_channel=True,
    module="app_record",
)
def recording_info(scope: Scope, args: str) -> str:
    if args.lower() != "duration":
        raise FunctionError(f"RECORDING_INFO knows duration, not '{args}'")
    if _NOTE not in scope.notes:
        raise FunctionError("RECORDING_INFO: nothing has been recorded yet")
    return str(scope.notes[_NOTE])
