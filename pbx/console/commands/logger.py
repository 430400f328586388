"""logger ...: where log lines go."""

from __future__ import annotations

from pbx.channels.log import Level
from pbx.conf.diagnostics import Diagnostics
from pbx.console.registry import CommandFailed, Context, UsageShown, command
from pbx.loggerconf import LogChannel, parse_channel

#: the order in which Asterisk names levels
ORDER = (Level.DEBUG, Level.NOTICE, Level.WARNING, Level.ERROR, Level.VERBOSE, Level.DTMF, Level.SECURITY)
NUMBERS = (
    ("DEBUG", 0),
    ("TRACE", 1),
    ("NOTICE", 2),
    ("WARNING", 3),
    ("ERROR", 4),
    ("VERBOSE", 5),
    ("DTMF", 6),
    ("SECURITY", 7),
)


@command(
    "logger show channels",
    "List configured log channels",
    "Usage: logger show channels\n       Where log lines go, and which.\n",
)
def show_channels(context: Context, words: list[str]) -> None:
    logger = context.pbx.logger
    context.line(f"Logger queue limit: {logger.conf.queue_limit}")
    context.line()
    row = "{:<35.35} {:<8.8} {:<10.10} {:<9.9} {}"
    context.line(row.format("Channel", "Type", "Formatter", "Status", "Configuration"))
    context.line(row.format("-------", "----", "---------", "------", "-------------"))
    for channel, enabled, name in logger.channels:
        levels = "".join(f"{level.name} " for level in ORDER if level in channel.levels)
        status = "Enabled" if enabled else "Disabled"
        # the configuration column begins one place further, after " - "
        context.line(f"{name:<35} {channel.kind:<8} {channel.formatter:<11}{status:<9}  - {levels}")
    context.line()
    if logger.dropped:
        context.line(f"{logger.dropped} lines were dropped since the start.")


@command(
    "logger show levels",
    "List configured log levels",
    "Usage: logger show levels\n       The levels that log lines have.\n",
)
def show_levels(context: Context, words: list[str]) -> None:
    context.line("Level Name")
    context.line("----- ----")
    context.lines(f"{number:5d} {name}" for name, number in NUMBERS)
    context.line()


@command(
    "logger reload",
    "Reopens the log files",
    "Usage: logger reload [<alt-conf>]\n       Reads logger.conf (or another file) anew and reopens the log files.\n",
)
def reload(context: Context, words: list[str]) -> None:
    if len(words) > 1:
        raise UsageShown
    context.pbx.reload_logger(*words)


@command(
    "logger rotate",
    "Rotates and reopens the log files",
    "Usage: logger rotate\n       Moves the log files away (rotatestrategy) and begins new ones.\n",
)
def rotate(context: Context, words: list[str]) -> None:
    context.pbx.logger.rotate()


@command(
    "logger mute",
    "Toggle logging output to a console",
    "Usage: logger mute\n       Switches log lines on this console off, or on again.\n",
)
def mute(context: Context, words: list[str]) -> None:
    session = context.session
    if session is None:
        raise CommandFailed("There is no console to mute.")
    if words and words[0] == "silent":
        session.muted = True
        return
    session.muted = not session.muted
    context.pbx.logger.tell_wanted()
    context.line("Console is muted." if session.muted else "Console is not muted anymore.")


@command(
    "logger set level {DEBUG|TRACE|NOTICE|WARNING|ERROR|VERBOSE|DTMF|SECURITY} {on|off}",
    "Enables/Disables a specific logging level for this console",
    "Usage: logger set level {DEBUG|TRACE|NOTICE|WARNING|ERROR|VERBOSE|DTMF|SECURITY} {on|off}\n"
    "       Shows or hides lines of that level on this console, whatever logger.conf says.\n",
)
def set_level(context: Context, words: list[str]) -> None:
    # the level and the switch are the command's own words; read them from the line that the session keeps
    name, state = context.own[3].upper(), context.own[4].lower()
    if name in Level.__members__ and context.session is not None:
        context.session.levels[Level[name]] = state == "on"
    context.line(f"Logger status for '{name}' has been set to '{state}'.")


@command(
    "logger add channel",
    "Adds a new logging channel",
    "Usage: logger add channel <name> <levels>\n"
    "       Log to one more place, until it is removed or the PBX ends.\n"
    "       <levels> as in logger.conf: verbose(3),warning,error, with a\n"
    "       formatter before them if wanted: [json] or [default].\n",
)
def add_channel(context: Context, words: list[str]) -> None:
    if len(words) < 2:
        raise UsageShown
    name, levels = words[0], ",".join(words[1:])
    if any(channel.name == name for channel, _, _ in context.pbx.logger.channels):
        raise CommandFailed(f"Logger channel '{name}' already exists")
    findings = Diagnostics()
    channel = parse_channel(name, levels, findings)
    for finding in findings:
        context.line(finding.message + (f" (there are {finding.advice})" if finding.advice else ""))
    if not channel.levels:
        raise CommandFailed
    if channel.kind == "Console":
        raise CommandFailed("The console is a channel already; 'logger set level' changes what it shows.")
    context.pbx.logger.add_channel(channel)


def _dynamic(context: Context, before: list[str], prefix: str) -> list[str]:
    return [channel.name for channel, _, _ in context.pbx.logger.channels if channel.dynamic]


@command(
    "logger remove channel",
    "Removes a logging channel",
    "Usage: logger remove channel <name>\n       Ends a channel that 'logger add channel' made.\n",
    complete=_dynamic,
)
def remove_channel(context: Context, words: list[str]) -> None:
    if len(words) != 1:
        raise UsageShown
    known: list[LogChannel] = [channel for channel, _, _ in context.pbx.logger.channels if channel.name == words[0]]
    if context.pbx.logger.remove_channel(words[0]):
        context.line(f"Removed dynamic logger channel '{words[0]}'")
    elif known:
        raise CommandFailed(f"Unable to remove logger channel '{words[0]}': it is set in logger.conf")
    else:
        raise CommandFailed(f"Unable to find dynamic logger channel '{words[0]}'")
