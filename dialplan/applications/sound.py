"""Playback, BackGround, Read, Echo, tones, digits and texts to the caller."""

from __future__ import annotations

from pbx.channels.channel import State
from pbx.channels.events import DigitEnd
from pbx.dialplan.applications.say import by_rules, speak
from pbx.dialplan.arguments import fields, parse_options
from pbx.dialplan.asking import collect, prompt
from pbx.dialplan.digits import send_digits
from pbx.dialplan.functions.common import c_float, c_int
from pbx.dialplan.interpreter import Run
from pbx.dialplan.playing import anything, listen, nothing, start_file
from pbx.dialplan.registry import Outcome, Result, application, options

_PLAY = options(
    {
        "skip": "does nothing unless the call is answered",
        "noanswer": "plays without answering",
        "say": "filenames are texts for the rules of say.conf",
        "mix": "filenames with a colon are such texts",
    }
)


def ready(run: Run, *, skip: bool, answer: bool) -> bool:
    """Answer if that is wanted; False: nothing is to be played."""
    if run.channel.state is not State.UP:
        if skip:
            return False
        if answer and not run.over:
            run.channel.answer()
    return True


@application(
    "Playback",
    syntax="Playback(filename[&filename2[...]][,options])",
    synopsis="Plays sounds",
    options=_PLAY,
    variables={"PLAYBACKSTATUS": "SUCCESS or FAILED"},
    module="app_playback",
)
async def playback(run: Run, data: str) -> Result:
    names, letters = fields(data, 2)
    if not data:
        run.warn("Playback requires an argument (filename)")
        return Outcome.END
    words = letters.lower()
    failed = False
    if ready(run, skip="skip" in words, answer="noanswer" not in words):
        for name in map(str.strip, names.split("&")):
            spoken = "say" in words or ("mix" in words and ":" in name and "://" not in name)
            with run.noting("PLAYBACKSTATUS", "FAILED" if failed else "SUCCESS"):
                if spoken:
                    failed = await speak(run, by_rules(run, name), nothing) is not None or failed
                else:
                    failed = not await _play(run, name) or failed
            if run.over:
                break
    run.scope.set("PLAYBACKSTATUS", "FAILED" if failed else "SUCCESS")
    return Outcome.END if run.over else None


async def _play(run: Run, name: str) -> bool:
    """Play one sound; False: there is none of that name."""
    source = start_file(run, name) if name else None
    if source is None:
        return False
    await listen(run, source)
    return True


@application(
    "BackGround",
    syntax="BackGround(filename1[&filename2[...]][,options[,langoverride[,context]]])",
    synopsis="Plays sounds while digits of an extension are awaited",
    options=options(
        {
            "s": "does nothing unless the call is answered",
            "n": "plays without answering",
            "m": "only a digit that is an extension of the context stops it",
            "p": "digits do not stop it",
        }
    ),
    variables={"BACKGROUNDSTATUS": "SUCCESS or FAILED"},
    module="pbx_builtins",
)
async def background(run: Run, data: str) -> Result:
    names, letters, language, context = fields(data, 4)
    if not data:
        run.warn("BackGround requires an argument (filename)")
        return Outcome.END
    channel = run.channel
    context = context or channel.context
    found, _ = parse_options(letters)

    def stops(digit: str) -> bool:
        return run.can_match(context, digit)

    wanted = nothing if "p" in found else stops if "m" in found else anything
    failed, digit = False, None
    if ready(run, skip="s" in found, answer="n" not in found):
        for name in map(str.strip, names.split("&")):
            source = start_file(run, name, language)
            if source is None:
                failed = True
                break
            with run.noting("BACKGROUNDSTATUS", "SUCCESS"):
                digit = await listen(run, source, wanted)
            if digit is not None or run.over:
                break
    run.scope.set("BACKGROUNDSTATUS", "FAILED" if failed else "SUCCESS")
    if digit is None:
        # a file that is missing ends nothing, not even behind a hangup
        return Outcome.END if run.over and not failed else None
    if stops(digit) and not run.match_more(context, digit):
        run.jump(context, digit, 1)
        return None
    return digit


@application(
    "Read",
    syntax="Read(variable[,filename[&filename2[...]][,maxdigits[,options[,attempts[,timeout]]]]])",
    synopsis="Reads digits into a variable",
    options=options(
        {
            "s": "does nothing unless the call is answered",
            "i": "filename is a tone",
            "n": "reads without answering",
            "t(c)": "digits that end it (default #)",
            "e": "keeps an end digit that is the only one",
        }
    ),
    variables={"READSTATUS": "OK, ERROR, HANGUP, INTERRUPTED, SKIPPED or TIMEOUT"},
    module="app_read",
)
async def read(run: Run, data: str) -> Result:
    variable, names, most_text, letters, attempts, timeout_text = fields(data, 6)
    found, _ = parse_options(letters)
    scope = run.scope
    scope.set("READSTATUS", "ERROR")
    if not variable:
        run.warn("Read requires an argument (variable)")
        return None
    if not ready(run, skip="s" in found, answer="n" not in found):
        scope.set(variable, "")
        scope.set("READSTATUS", "SKIPPED")
        return None
    most = c_int(most_text) or 0
    most = most if 0 < most < 255 else 255
    terminators = (found.get("t") or "") if "t" in found else "#"
    seconds = c_float(timeout_text) or 0.0
    tries = max(1, c_int(attempts) or 1)
    status, digits = "ERROR", ""
    for _ in range(tries):
        with run.noting("READSTATUS", "HANGUP"), run.noting(variable, ""):
            typed = await prompt(run, names, tone="i" in found)
            if typed is None:
                digits, status = "", "ERROR"
                break
            digits, status = await collect(run, typed, most, terminators, seconds, keep="e" in found)
        if digits or run.over:
            break
    scope.set(variable, digits)
    scope.set("READSTATUS", "HANGUP" if run.over else status)
    return Outcome.END if run.over else None


@application("Echo", syntax="Echo()", synopsis="Sends the caller's sound and digits back; # ends it", module="app_echo")
async def echo(run: Run, data: str) -> Result:
    channel, graph = run.channel, run.services.switch.graph
    graph.loop(channel)
    try:
        while not run.over:
            event = await channel.next_event()
            if isinstance(event, DigitEnd):
                if event.digit == "#":
                    return None
                line = channel.line
                if line is not None:
                    line.digit_begin(event.digit)
                    line.digit_end(event.digit, event.milliseconds)
    finally:
        graph.unloop(channel)
    return Outcome.END


@application(
    "SendDTMF",
    syntax="SendDTMF(digits[,timeout_ms[,duration_ms[,channel]]])",
    synopsis="Sends digits to the far end",
    arguments={"digits": "0-9 * # A-D; w: half a second of pause, W: one", "timeout_ms": "between two digits"},
    module="app_senddtmf",
)
async def send_dtmf(run: Run, data: str) -> Result:
    digits, gap, duration, name = fields(data, 4)
    if not digits:
        run.warn("SendDTMF requires an argument")
        return None
    channel = run.services.switch.channel(name) if name else run.channel
    if channel is None:
        run.warn(f"No such channel: {name}")
        return None
    await send_digits(run.channel, channel, digits, c_int(gap) or 250, c_int(duration) or 100)
    return Outcome.END if run.over else None


@application(
    "SendText",
    syntax="SendText([text])",
    synopsis="Sends a text to the far end",
    variables={"SENDTEXTSTATUS": "SUCCESS, FAILURE or UNSUPPORTED"},
    module="app_sendtext",
)
def send_text(run: Run, data: str) -> Result:
    leg = run.channel.line
    if leg is not None and not run.over:
        leg.send_text(run.scope.get("SENDTEXT_BODY") or data)
    run.scope.set("SENDTEXTSTATUS", "SUCCESS" if leg is not None and not run.over else "FAILURE")
    return None


@application(
    "SendURL",
    syntax="SendURL(URL[,options])",
    synopsis="Sends an address to the far end",
    variables={"SENDURLSTATUS": "SUCCESS, FAILURE, NOLOAD or UNSUPPORTED"},
    module="app_url",
)
def send_url(run: Run, data: str) -> Result:
    url = fields(data, 2)[0]
    if not url:
        run.warn("SendURL requires an argument (URL)")
        return Outcome.END
    leg = run.channel.line
    able = leg is not None and leg.technology == "IAX2" and not run.over
    if able and leg is not None:
        leg.send_opaque(9, 1, url.encode("utf-8", "surrogateescape"))
    run.scope.set("SENDURLSTATUS", "SUCCESS" if able else "UNSUPPORTED")
    return None
