"""Applications that judge what the far end sounds like: AMD, WaitForSilence, WaitForTone, ToneScan, ReceiveMF ..."""

from __future__ import annotations

from dataclasses import astuple, replace
from dataclasses import fields as members
from typing import Final

from pbx.channels.channel import State
from pbx.channels.interrupts import Interrupt
from pbx.channels.sounds import Source
from pbx.codecs.answering import Rhythm
from pbx.codecs.progress import ZONES
from pbx.dialplan.arguments import fields, leading_float, leading_int, parse_options
from pbx.dialplan.functions.common import c_float, c_int
from pbx.dialplan.hearing import Ear
from pbx.dialplan.interpreter import Run
from pbx.dialplan.playing import start_file
from pbx.dialplan.registry import Outcome, Result, application, options

#: where the daemon puts what amd.conf says: (Rhythm, audio file)
AMD_CONF: Final = "amd.conf"
#: seconds beyond the time of analysis, should nothing at all be heard
_LATE: Final = 0.3


@application(
    "AMD",
    syntax="AMD([initialSilence[,greeting[,afterGreetingSilence[,totalAnalysisTime[,miniumWordLength"
    "[,betweenWordSilence[,maximumNumberOfWords[,silenceThreshold[,maximumWordLength[,audioFile]]]]]]]]]])",
    synopsis="Judges whether a man or a machine has answered",
    description="Arguments that are not given are those of amd.conf. Times are ms.",
    arguments={
        "initialSilence": "so much silence at first is a machine (2500)",
        "greeting": "so much talk is a machine (1500)",
        "afterGreetingSilence": "so much silence after talk is a man (800)",
        "totalAnalysisTime": "after that nobody knows (5000)",
        "miniumWordLength": "of a word (100)",
        "betweenWordSilence": "ends a word (50)",
        "maximumNumberOfWords": "more are a machine (2)",
        "silenceThreshold": "mean level below which it is silent (256)",
        "maximumWordLength": "so long a word is a machine (5000)",
        "audioFile": "is played meanwhile",
    },
    variables={
        "AMDSTATUS": "MACHINE, HUMAN, NOTSURE or HANGUP",
        "AMDCAUSE": "TOOLONG, INITIALSILENCE, HUMAN, MAXWORDS, LONGGREETING or MAXWORDLENGTH, and the numbers",
    },
    module="app_amd",
)
async def amd(run: Run, data: str) -> Result:
    *given, audio = fields(data, len(members(Rhythm)) + 1)
    usual, file = run.services.shared.get(AMD_CONF, (Rhythm(), ""))
    names = [member.name for member in members(Rhythm)]
    wanted = {name: leading_int(text) or 0 for name, text in zip(names, given, strict=True) if text}
    rhythm = replace(usual, **wanted)
    sound: Source | None = start_file(run, audio or file) if audio or file else None
    limit = max(0, rhythm.total_analysis_time)
    try:
        with Ear(run, "answer " + " ".join(map(str, astuple(rhythm)))) as ear, run.noting("AMDSTATUS", "HANGUP"):
            found: str | None = "key:"
            while found is not None and found.startswith("key:"):
                found = await ear.next(limit / 1000 + _LATE)
    finally:
        if sound is not None:
            sound.stop()
    if found is None and run.over:
        status, cause = "HANGUP", ""
    else:
        # nothing came at all: waited for in whole tenths of a second
        status, _, cause = (found or f"NOTSURE TOOLONG-{max(0, limit - 1) // 100 * 100}").partition(" ")
    run.scope.set("AMDSTATUS", status)
    run.scope.set("AMDCAUSE", cause)
    return Outcome.END if run.over else None


async def _wait_for(run: Run, data: str, wanted: str) -> Result:
    """WaitForSilence and WaitForNoise: so many ms of it, so many times, within so many seconds."""
    span, repeats, limit = fields(data, 3)
    try:
        milliseconds = _least(span, "how long it lasts", 0, 1000)
        left = _least(repeats, "how often", 1, 1)
        seconds = _least(limit.partition(".")[0], "the timeout", 0, 0)
    except _Wrong as error:
        run.warn(str(error))
        return Outcome.END
    channel, clock = run.channel, run.channel.switch.clock
    if channel.state is not State.UP and not run.over:
        channel.answer()
    until = clock.seconds() + seconds if seconds else None
    with Ear(run, f"{wanted} {milliseconds} 256") as ear:
        while left and not run.over:
            rest = None if until is None else until - clock.seconds()
            if rest is not None and rest <= 0:
                break
            quiet = milliseconds / 1000 if ear.deaf and wanted == "silence" else None
            found = await ear.next(min((t for t in (rest, quiet) if t is not None), default=None))
            # where nobody could be heard it is silent
            left -= found == "hit" or (found is None and quiet is not None and (rest is None or quiet <= rest))
    scope = run.scope
    scope.set("WAITSTATUS", "HANGUP" if run.over else "TIMEOUT" if left else wanted.upper())
    return Outcome.END if run.over else None


_STATUS: Final = {"WAITSTATUS": "SILENCE or NOISE, TIMEOUT, HANGUP"}


@application(
    "WaitForSilence",
    syntax="WaitForSilence([silencerequired[,iterations[,timeout]]])",
    synopsis="Waits until the far end is silent for so many milliseconds",
    variables=_STATUS,
    module="app_waitforsilence",
)
async def wait_for_silence(run: Run, data: str) -> Result:
    return await _wait_for(run, data, "silence")


@application(
    "WaitForNoise",
    syntax="WaitForNoise([noiserequired[,iterations[,timeout]]])",
    synopsis="Waits until the far end speaks for so many milliseconds",
    variables=_STATUS,
    module="app_waitforsilence",
)
async def wait_for_noise(run: Run, data: str) -> Result:
    return await _wait_for(run, data, "noise")


class _Wrong(Exception):
    """An argument that is none; its text says which."""


def _least(text: str, what: str, least: int, default: int) -> int:
    """A whole number from `least` on.  Raises _Wrong."""
    number = c_int(text) if text else default
    if number is None or number < least or (text and "." in text):
        raise _Wrong(f"{what} is a whole number from {least} on, not '{text}'")
    return number


def _seconds(text: str, what: str) -> float | None:
    """So many seconds, None: for ever.  Raises _Wrong."""
    number = c_float(text) if text else 0.0
    if number is None or number < 0:
        raise _Wrong(f"{what} is a number of seconds, not '{text}'")
    return number or None


def decibel(letters: dict[str, str | None]) -> int:
    """Option d.  Raises ValueError."""
    text = letters.get("d")
    number = c_int(text) if text else 16
    if number is None or number < 1:
        raise ValueError(f"option d is a number of decibel from 1 on, not '{text}'")
    return number


@application(
    "WaitForTone",
    syntax="WaitForTone(freq[,duration_ms[,timeout[,times[,options]]]])",
    synopsis="Waits until a tone of one frequency is heard",
    arguments={
        "freq": "Hz",
        "duration_ms": "how long it lasts (500)",
        "timeout": "so many seconds at most",
        "times": "so often (1)",
    },
    options=options({"d(dB)": "how much it stands out from everything else (16)", "s": "keeps it from others"}),
    variables={"WAITFORTONESTATUS": "SUCCESS, TIMEOUT, ERROR or HANGUP"},
    module="res_tonedetect",
)
async def wait_for_tone(run: Run, data: str) -> Result:
    frequency, duration, limit, times, letters = fields(data, 5)
    scope = run.scope
    try:
        if not frequency:
            raise _Wrong("the frequency is missing")
        hertz = _least(frequency, "the frequency", 0, 0)
        milliseconds = _least(duration, "the duration", 1, 500)
        seconds = _seconds(limit, "the timeout")
        left = _least(times, "how often", 1, 1)
        threshold = decibel(parse_options(letters)[0])
    except (_Wrong, ValueError) as error:
        run.warn(f"WaitForTone: {error}")
        scope.set("WAITFORTONESTATUS", "ERROR")
        return Outcome.END
    clock = run.channel.switch.clock
    until = None if seconds is None else clock.seconds() + seconds
    specs = [f"tone {hertz} {milliseconds} {threshold}"] if hertz else []
    with Ear(run, *specs) as ear, run.noting("WAITFORTONESTATUS", "HANGUP"):
        while left:
            found = await ear.next(None if until is None else until - clock.seconds())
            if found is None:
                break
            left -= found == "hit"
    scope.set("WAITFORTONESTATUS", "HANGUP" if run.over else "TIMEOUT" if left else "SUCCESS")
    return Outcome.END if run.over else None


#: what the detectors of ToneScan find -> TONESCANSTATUS; 0: tones of the network, 1: voice, 2 and 3: machines
_SCANNED: Final = {
    "0:busy": "BUSY",
    "0:ringing": "RINGING",
    "0:dialtone": "DIALTONE",
    "0:sit": "SIT",
    "0:nut": "NUT",
    "1:talking": "VOICE",
    "2:hit": "FAX",
    "3:hit": "MODEM",
}
#: blocks of talk that are a voice
_VOICE: Final = 17


@application(
    "ToneScan",
    syntax="ToneScan([zone[,timeout[,threshold[,options]]]])",
    synopsis="Waits for a tone that says how a call goes",
    arguments={
        "zone": "us, ca, na, cr, br or uk",
        "timeout": "so many seconds at most",
        "threshold": "so many blocks (some 20 ms each) of the tone in a row (1)",
    },
    options=options({"f": "fax machines and modems that answer, too", "v": "voice, too"}),
    variables={
        "TONESCANSTATUS": "RINGING, BUSY, SIT, VOICE, DTMF, FAX, MODEM, DIALTONE, NUT, TIMEOUT, HANGUP or ERROR"
    },
    module="res_tonedetect",
)
async def tone_scan(run: Run, data: str) -> Result:
    zone, limit, threshold, letters = fields(data, 4)
    scope = run.scope
    try:
        if zone and zone.lower() not in ZONES:
            raise _Wrong(f"the zone is one of {', '.join(ZONES)}, not '{zone}'")
        blocks = _least(threshold, "the threshold", 1, 1)
        seconds = c_float(limit) if limit else 0.0
        if seconds is None:
            raise _Wrong(f"the timeout is a number of seconds, not '{limit}'")
    except _Wrong as error:
        run.warn(f"ToneScan: {error}")
        scope.set("TONESCANSTATUS", "ERROR")
        return Outcome.END
    if seconds < 0:
        return None
    found, _ = parse_options(letters)
    name = zone.lower() or "us"
    wanted = {*_SCANNED} - (set() if "v" in found else {"1:talking"}) - (set() if "f" in found else {"2:hit", "3:hit"})
    specs = (f"progress {name} {blocks}", f"progress {name} {_VOICE}", "tone 2100 2600 16", "tone 2225 400 16")
    clock = run.channel.switch.clock
    until = clock.seconds() + seconds if seconds else None
    with Ear(run, *specs) as ear, run.noting("TONESCANSTATUS", "HANGUP"):
        while True:
            heard = await ear.next(None if until is None else until - clock.seconds())
            if heard is None or heard in wanted or heard.startswith("key:"):
                break
    status = "TIMEOUT" if heard is None else _SCANNED.get(heard, "DTMF")
    scope.set("TONESCANSTATUS", "HANGUP" if run.over else status)
    return Outcome.END if run.over else None


# ---- signalling of old trunks --------------------------------------------------------------------------------------

_STARTS: Final = "#ABC"
_QUELCH: Final = {
    "d": "accepted: nothing of the sound goes anywhere else meanwhile",
    "m": "accepted",
    "q": "accepted",
    "r": "accepted",
}


@application(
    "ReceiveMF",
    syntax="ReceiveMF(variable[,timeout[,options]])",
    synopsis="Reads digits of R1 MF into a variable, up to ST",
    arguments={"timeout": "so many seconds at most"},
    options=options(
        {
            "l": "digits count before KP, too",
            "k": "KP is left out of the variable",
            "s": "ST is left out",
            "n(digits)": "so many digits at most",
            "o": "a further KP begins anew",
            **_QUELCH,
        }
    ),
    variables={"RECEIVEMFSTATUS": "START, MAXDIGITS, TIMEOUT, HANGUP or ERROR"},
    module="app_mf",
)
async def receive_mf(run: Run, data: str) -> Result:
    variable, limit, letters = fields(data, 3)
    if not variable:
        run.warn("ReceiveMF requires an argument (variable)")
        return Outcome.END
    found, _ = parse_options(letters)
    seconds = max(0.0, leading_float(limit) or 0.0)
    most = max(0, c_int(found.get("n") or "") or 0)
    clock = run.channel.switch.clock
    until = clock.seconds() + seconds if seconds else None
    digits, count, open_, status = "", 0, "l" in found, ""
    try:
        with Ear(run, "mf") as ear:
            while not status:
                heard = await ear.next(None if until is None else until - clock.seconds())
                if heard is None:
                    status = "HANGUP" if run.over else "TIMEOUT"
                    break
                digit = heard.removeprefix("digit:")
                if len(digit) != 1:
                    continue
                if digit == "*":
                    open_ = True
                    if "o" in found:
                        digits, count = "", 0
                elif not open_:
                    continue
                count += 1
                if not ((digit == "*" and "k" in found) or (digit in _STARTS and "s" in found)):
                    digits += digit
                if digit in _STARTS:
                    status = "START"
                elif most and count >= most:
                    status = "MAXDIGITS"
    except Interrupt:
        _received(run, variable, digits, "RECEIVEMFSTATUS", "HANGUP")
        raise
    _received(run, variable, digits, "RECEIVEMFSTATUS", status)
    return Outcome.END if run.over else None


def _received(run: Run, variable: str, digits: str, name: str, status: str) -> None:
    run.scope.set(variable, digits)
    run.scope.set(name, status)


_PULSES: Final = {10: "0", 11: "*", 12: "#", 13: "D", 14: "C", 15: "B", 16: "A"}
#: seconds after a pulse began in which another one belongs to the same digit, and how long a pulse is
_BETWEEN: Final = 0.6
_PULSE: Final = 0.08


@application(
    "ReceiveSF",
    syntax="ReceiveSF(variable[,digits[,timeout[,frequency[,options]]]])",
    synopsis="Reads digits that are pulses of one tone into a variable",
    arguments={
        "digits": "so many at most",
        "timeout": "so many seconds at most",
        "frequency": "Hz (2600)",
    },
    options=options({"e": "11 to 16 pulses are * # D C B A", "t(s)": "so long after a digit ends it (0.8)", **_QUELCH}),
    variables={"RECEIVESFSTATUS": "START (that many digits), TIMEOUT, HANGUP or ERROR"},
    module="app_sf",
)
async def receive_sf(run: Run, data: str) -> Result:
    variable, most_text, limit, pitch, letters = fields(data, 5)
    most = c_int(most_text) if most_text else 0
    hertz = c_int(pitch) if pitch else 2600
    if not variable or most is None or hertz is None or not 0 < hertz < 4000:
        run.warn("ReceiveSF requires a variable, a number of digits and a frequency that are numbers")
        return Outcome.END
    found, _ = parse_options(letters)
    seconds = max(0.0, leading_float(limit) or 0.0)
    after = max(_BETWEEN, c_float(found["t"] or "") or 0.8) - _BETWEEN + _PULSE if "t" in found else None
    clock = run.channel.switch.clock
    until = clock.seconds() + seconds if seconds else None
    last: float | None = None
    digits, status = "", ""
    try:
        with Ear(run, f"sf {hertz}") as ear:
            while not status:
                ends = [end for end in (until, last) if end is not None]
                heard = await ear.next(min(ends) - clock.seconds() if ends else None)
                if heard is None:
                    status = "HANGUP" if run.over else "TIMEOUT"
                elif heard == "pulse":
                    last = None
                elif heard.startswith("pulses:"):
                    digits += _digit(int(heard[7:]), extra="e" in found)
                    last = None if after is None else clock.seconds() + after
                    status = "START" if most and len(digits) >= most else ""
    except Interrupt:
        _received(run, variable, digits, "RECEIVESFSTATUS", "HANGUP")
        raise
    _received(run, variable, digits, "RECEIVESFSTATUS", status)
    return Outcome.END if run.over else None


def _digit(pulses: int, *, extra: bool) -> str:
    if pulses < 10:
        return str(pulses)
    return _PULSES.get(pulses, "A") if extra else "0"
