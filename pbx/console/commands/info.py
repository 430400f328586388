"""core show settings, codecs, translation, sysinfo: what this PBX is made of and how it is set."""

from __future__ import annotations

import os
import platform
import resource
import time
from collections.abc import Iterator

from twisted.internet.defer import TimeoutError as DeferredTimeout

from pbx.codecs import translation
from pbx.codecs.formats import FORMATS, Format, Kind
from pbx.console.registry import CommandFailed, Context, UsageShown, command


def _enabled(on: bool) -> str:
    return "Enabled" if on else "Disabled"


@command(
    "core show settings",
    "Show some core settings",
    "Usage: core show settings\n       How this PBX is set, and where its files are.\n",
)
def show_settings(context: Context, words: list[str]) -> None:
    context.lines(settings_lines(context))


#: a heading, the line below it, and what is said there: (name, value)
Part = tuple[str, str, list[tuple[str, str]]]


def settings_lines(context: Context) -> Iterator[str]:
    """The parts of `core show settings`, an empty line before and after each."""
    parts: list[Part] = [
        ("PBX Core settings", "-----------------", _core(context)),
        ("* Subsystems", "  -------------", _subsystems(context)),
        ("* Directories", "  -------------", _directories(context)),
    ]
    for heading, line, rows in parts:
        yield from ("", heading, line)
        yield from (f"  {name:<28} {value}" for name, value in rows)
    yield from ("", "")


def _core(context: Context) -> list[tuple[str, str]]:
    from pbx.daemon import ASTERISK_VERSION

    pbx = context.pbx
    conf = pbx.conf
    session = context.session
    return [
        ("Version:", f"{ASTERISK_VERSION}+pbx-{pbx.version}"),
        ("ABI related Build Options:", "(none)"),
        ("All Build Options:", "(none)"),
        ("Maximum calls:", str(conf.maxcalls) if conf.maxcalls else "Not set"),
        ("Maximum open file handles:", str(resource.getrlimit(resource.RLIMIT_NOFILE)[0])),
        ("Root console verbosity:", str(pbx.logger.root_verbose)),
        ("Current console verbosity:", str(session.verbose if session is not None else 0)),
        ("Debug level:", str(pbx.logger.root_debug)),
        ("Trace level:", "0"),
        ("Dump core on crash:", "Yes" if conf.dumpcore else "No"),
        ("Maximum load average:", f"{conf.maxload:f}"),
        ("Minimum free memory:", f"{conf.minmemfree} MB"),
        ("Startup time:", time.strftime("%H:%M:%S", time.localtime(pbx.started))),
        ("Last reload time:", time.strftime("%H:%M:%S", time.localtime(pbx.reloaded))),
        (
            "System:",
            f"{platform.system()}/{platform.release()} on {platform.machine()}, Python {platform.python_version()}",
        ),
        ("System name:", conf.systemname),
        ("Entity ID:", conf.entityid),
        ("PBX UUID:", pbx.database.get("pbx", "UUID") or ""),
        ("Default language:", conf.defaultlanguage),
        ("Language prefix:", _enabled(conf.languageprefix)),
        ("User name and group:", f"{conf.runuser}/{conf.rungroup}"),
        ("Running directory:", os.getcwd()),
        ("Executable includes:", _enabled(conf.execincludes)),
        ("Transcode via SLIN:", _enabled(False)),
        ("Transmit silence during rec:", _enabled(conf.transmit_silence)),
        ("Generic PLC:", _enabled(bool(pbx.voice.concealment.generic))),
        ("Generic PLC on equal codecs:", _enabled(pbx.voice.concealment.equal)),
        ("Hide Msg Chan AMI events:", _enabled(False)),
        ("Sounds search custom dir:", _enabled(conf.sounds_search_custom_dir)),
        ("Min DTMF duration::", str(conf.mindtmfduration)),
        ("Cache media frames:", _enabled(False)),
        ("RTP use dynamic payloads:", "0"),
        ("RTP dynamic payload types:", "none: there is no RTP here"),
        ("Channel storage backend:", "pbx"),
        ("Shell on remote consoles:", _enabled(not conf.disable_remote_console_shell)),
    ]


def _subsystems(context: Context) -> list[tuple[str, str]]:
    return [
        ("Manager (AMI):", _enabled(False)),
        ("Web Manager (AMI/HTTP):", _enabled(False)),
        ("Call data records:", _enabled(context.pbx.cdr.settings.enable)),
        ("Realtime Architecture (ARA):", _enabled(False)),
    ]


def _directories(context: Context) -> list[tuple[str, str]]:
    conf = context.pbx.conf
    folders = conf.directories
    return [
        ("Configuration file:", conf.path),
        ("Configuration directory:", folders["astetcdir"]),
        ("Module directory:", folders["astmoddir"]),
        ("Spool directory:", folders["astspooldir"]),
        ("Log directory:", folders["astlogdir"]),
        ("Run/Sockets directory:", folders["astrundir"]),
        ("PID file:", conf.pidfile),
        ("VarLib directory:", folders["astvarlibdir"]),
        ("Data directory:", folders["astdatadir"]),
        ("ASTDB:", conf.database.removesuffix(".sqlite3")),
        ("IAX2 Keys directory:", conf.keys),
        ("AGI Scripts directory:", folders["astagidir"]),
        ("Cache directory:", folders["astcachedir"]),
    ]


# ---- codecs ----------------------------------------------------------------------------------------------


@command(
    "core show codecs [audio|video|image|text]",
    "Displays a list of registered codecs",
    "Usage: core show codecs [audio|video|image|text]\n"
    "       The media formats that are known; those without translation are\n"
    "       passed through between legs that share them.\n",
)
def show_codecs(context: Context, words: list[str]) -> None:
    if words:
        raise UsageShown
    kind = context.own[3].lower() if len(context.own) > 3 else ""
    context.line("Disclaimer: this command is for informational purposes only.")
    context.line("\tIt does not indicate anything about your configuration.")
    context.line(f"{'ID':>8} {'TYPE':<5} {'NAME':<12} {'FORMAT':<16} {'QUALITY':<7} DESCRIPTION")
    context.line("-" * 96)
    for form in sorted(FORMATS, key=lambda f: f.number):
        if not kind or form.kind == Kind(kind):
            context.line(codec_row(form))


def codec_row(form: Format) -> str:
    return (
        f"{form.number:8d} {form.kind.value:<5} {form.codec:<12} {form.name:<16} {form.quality:7d} ({form.description})"
    )


@command(
    "core show codec",
    "Shows a specific codec",
    "Usage: core show codec <number>\n       One media format, by its ID.\n",
)
def show_codec(context: Context, words: list[str]) -> None:
    if len(words) != 1 or not words[0].isdigit():
        raise UsageShown
    form = next((form for form in FORMATS if form.number == int(words[0])), None)
    if form is None:
        context.line(f"Codec {words[0]} not found")
    else:
        context.line(f"{form.number:11d} {form.description} ({form.name})")


# ---- translation -----------------------------------------------------------------------------------------


def _translated() -> list[Format]:
    """Formats that can be turned into others, in the order of their IDs."""
    steps = translation.steps_there_are()
    known = {step.source for step in steps} | {step.target for step in steps}
    return sorted(known, key=lambda form: form.number)


@command(
    "core show translation",
    "Display translation matrix",
    "Usage: core show translation [paths <codec> [<sample rate>]]\n"
    "       What it costs to turn one format into another, in Asterisk's\n"
    "       measure: microseconds for a second of sound.  'paths' shows the\n"
    "       steps from one format to each other.\n",
    complete=lambda context, before, prefix: ["paths"] if len(before) == 3 else [f.name for f in _translated()],
)
def show_translation(context: Context, words: list[str]) -> None:
    formats = _translated()
    if words[:1] == ["paths"] and len(words) in (2, 3):
        rate = words[2] if len(words) == 3 else ""
        named = (form for form in formats if form.codec == words[1] and (not rate or str(form.rate) == rate))
        source = next(named, None) or next((form for form in formats if form.name == words[1] and not rate), None)
        if source is None:
            raise CommandFailed(f'Source codec "{words[1]}" is not found.')
        context.line(f'--- Translation paths SRC Codec "{source.codec}" sample rate {source.rate} ---')
        for target in formats:
            if target is not source:
                here, there = f"{source.codec}:{source.rate}", f"{target.codec}:{target.rate}"
                context.line(f"\t{here:<16} To {there:<16}: {_steps(source, target):<60}")
        return
    if words and words[0] not in ("recalc", "comp"):
        raise UsageShown
    context.lines(matrix(formats))


def _steps(source: Format, target: Format) -> str:
    chain = translation.path(source, target)
    if chain is None:
        return "No Translation Path"
    names = [f"({source.codec}@{source.rate})"] + [f"({step.target.codec}@{step.target.rate})" for step in chain]
    return "->".join(names)


#: formats that the table tells apart by their rate
_WITH_RATE = {"slin": "slin8", "speex": "speex8"}


def matrix(formats: list[Format]) -> Iterator[str]:
    """Rows of sources, columns of targets; a column is as wide as its widest cell."""
    yield "         Translation times between formats (in microseconds) for one second of data"
    yield "          Source Format (Rows) Destination Format (Columns)"
    yield ""
    names = [_WITH_RATE.get(form.name, form.name) for form in formats]
    cells = [["-" if source is target else _cost(source, target) for target in formats] for source in formats]
    first = max(9, *(len(name) for name in names))
    widths = [max(len(name), *(len(row[column]) for row in cells)) for column, name in enumerate(names)]
    yield f"{'':>{first}} " + " ".join(f"{name:>{width}}" for name, width in zip(names, widths, strict=True))
    for name, row in zip(names, cells, strict=True):
        yield f"{name:>{first}} " + " ".join(f"{cell:>{width}}" for cell, width in zip(row, widths, strict=True))


def _cost(source: Format, target: Format) -> str:
    spent = translation.cost(source, target)
    return "-" if spent is None else str(spent)


# ---- the clock --------------------------------------------------------------------------------------------

_RATE = 50


@command(
    "timing test",
    "Run a timing test",
    "Usage: timing test [<rate>]\n"
    "       Lets the timer of the voice plane tick so often a second (50), for a second: how exact is it?\n",
)
async def timing_test(context: Context, words: list[str]) -> None:
    if len(words) > 1:
        raise UsageShown
    rate = _RATE
    if words and (not words[0].isdigit() or not 1 <= int(words[0][:9]) <= 1000):
        context.line(f"Invalid rate '{words[0]}', using default of {_RATE}")
    elif words:
        rate = int(words[0])
    context.line(f"Attempting to test a timer with {rate} ticks per second.")
    try:
        found = await context.pbx.voice.test_timer(rate)
    except DeferredTimeout:
        raise CommandFailed("The voice plane does not answer") from None
    context.line(f"Using the '{'timerfd' if found.kernel else 'reactor'}' timing module for this test.")
    context.line(f"It has been {found.milliseconds} milliseconds, and we got {found.ticks} timer ticks")
    context.line(
        f"They came {found.mean} us late on average, {found.worst} us at most (in the voice plane, as it is now)"
    )


# ---- the machine -----------------------------------------------------------------------------------------


@command(
    "core show sysinfo",
    "Show System Information",
    "Usage: core show sysinfo\n       The machine: uptime, memory, processes.\n",
)
def show_sysinfo(context: Context, words: list[str]) -> None:
    memory = _proc("/proc/meminfo")
    with open("/proc/uptime", encoding="ascii") as file:
        hours = int(float(file.read().split()[0]) // 3600)
    context.line("\nSystem Statistics\n-----------------")
    context.line(f"  System Uptime:             {hours} hours")
    for name, key in (
        ("Total RAM:", "MemTotal"),
        ("Free RAM:", "MemFree"),
        ("Buffer RAM:", "Buffers"),
        ("Total Swap Space:", "SwapTotal"),
        ("Free Swap Space:", "SwapFree"),
    ):
        context.line(f"  {name:<26} {memory.get(key, '0')} KiB")
    processes = sum(name.isdigit() for name in os.listdir("/proc"))
    context.line(f"\n  Number of Processes:       {processes} \n")
    pauses = context.pbx.collector.longest
    context.line(
        f"  Longest collector pause:   {pauses['young'] * 1000:.1f} ms (full: {pauses['full'] * 1000:.1f} ms)\n"
    )


def _proc(path: str) -> dict[str, str]:
    values = {}
    with open(path, encoding="ascii") as file:
        for line in file:
            name, _, rest = line.partition(":")
            values[name] = rest.split()[0] if rest.split() else ""
    return values
