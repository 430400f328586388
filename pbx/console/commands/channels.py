"""core show channels, channel, calls; channel originate, redirect, request hangup."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Iterator

from pbx.cdr.record import Cdr
from pbx.cdr.templates import cdr_text
from pbx.channels.channel import Channel
from pbx.channels.iax2.dialstring import hide_all
from pbx.console.durations import duration
from pbx.console.registry import CommandFailed, Context, UsageShown, command
from pbx.dialplan.originate import OriginateResult, Origination
from pbx.dialplan.originate import originate as start_call

#: seconds that the called side has to answer
TIMEOUT = 30.0

BRIEF = "{:<64.64} {:<32.32} {:<7.7} {:<30.30}"
VERBOSE = (
    "{:<80.80} {:<24.24} {:<24.24} {:>4.4} {:<7.7} {:<12.12} {:<25.25} {:<15.15} {:>8.8} {:<11.11} {:<11.11} {:<20.20}"
)


#: fields of a call record in the order of `core show channel`
RECORD_FIELDS = (
    "clid src dst dcontext channel dstchannel lastapp lastdata start answer end duration billsec disposition amaflags "
    "accountcode peeraccount uniqueid linkedid userfield sequence"
).split()


def _names(context: Context, before: list[str], prefix: str) -> list[str]:
    return [channel.name for channel in context.pbx.switch.channels()]


def listed(channels: Iterable[Channel]) -> list[Channel]:
    """As Asterisk lists them: by name."""
    return sorted(channels, key=lambda channel: channel.name)


def bridge_id(channel: Channel) -> str:
    return str(channel.bridge.id) if channel.bridge is not None else ""


def seconds_of(channel: Channel) -> int:
    """How long the channel exists (or is answered, once it is), in seconds."""
    return max(0, int(channel.switch.wall() - channel.created))


def clock(seconds: int) -> str:
    """`00:00:54`."""
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def brief_row(channel: Channel) -> str:
    location = (
        f"{channel.exten}@{channel.context}:{channel.priority}" if channel.exten and channel.context else "(None)"
    )
    application = f"{channel.application}({hide_all(channel.data)})" if channel.application else "(None)"
    return BRIEF.format(channel.name, location, channel.state.label, application)


def verbose_row(channel: Channel) -> str:
    return VERBOSE.format(
        channel.name,
        channel.context,
        channel.exten,
        str(channel.priority),
        channel.state.label,
        channel.application or "(None)",
        (hide_all(channel.data) or "(Empty)") if channel.application else "",
        channel.caller.number or "",
        clock(seconds_of(channel)),
        channel.accountcode,
        channel.peeraccount,
        bridge_id(channel),
    )


def concise_row(channel: Channel) -> str:
    fields = (
        channel.name,
        channel.context,
        channel.exten,
        str(channel.priority),
        channel.state.label,
        channel.application or "(None)",
        hide_all(channel.data),
        channel.caller.number or "",
        channel.accountcode,
        channel.peeraccount,
        str(channel.amaflags),
        str(seconds_of(channel)),
        bridge_id(channel),
        channel.uniqueid,
    )
    return "!".join(fields)


def plural(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"


def count_lines(context: Context, channels: int) -> Iterator[str]:
    """The footer of `core show channels`."""
    yield plural(channels, "active channel")
    yield from call_lines(context)


def call_lines(context: Context) -> Iterator[str]:
    active = len(context.pbx.admission.active)
    limit = context.pbx.conf.maxcalls
    if limit:
        share = active * 100 / limit
        yield f"{active} of {limit} max active call{'' if active == 1 else 's'} ({share:5.2f}% of capacity)"
    else:
        yield plural(active, "active call")
    yield f"{plural(context.pbx.admission.processed, 'call')} processed"


@command(
    "core show channels [concise|verbose|count]",
    "Display information on channels",
    "Usage: core show channels [concise|verbose|count]\n"
    "       The channels that live now.  'concise' separates fields by '!'\n"
    "       for programs, 'verbose' shows more of them, 'count' only says\n"
    "       how many there are.\n",
)
def show_channels(context: Context, words: list[str]) -> None:
    if words:
        raise UsageShown
    kind = context.own[3].lower() if len(context.own) > 3 else ""
    channels = listed(context.pbx.switch.channels())
    if kind == "concise":
        context.lines(concise_row(channel) for channel in channels)
        return
    if kind == "verbose":
        context.line(
            VERBOSE.format(
                "Channel", "Context", "Extension", "Prio", "State", "Application", "Data", "CallerID", "Duration",
                "Accountcode", "PeerAccount", "BridgeID",
            )
        )  # fmt: skip
        context.lines(verbose_row(channel) for channel in channels)
    elif kind != "count":
        context.line(BRIEF.format("Channel", "Location", "State", "Application(Data)"))
        context.lines(brief_row(channel) for channel in channels)
    context.lines(count_lines(context, len(channels)))


@command(
    "core show calls [uptime]",
    "Display information on calls",
    "Usage: core show calls [uptime [seconds]]\n"
    "       How many calls stand, and how many there were since the start;\n"
    "       with 'uptime' also how long the PBX is up.\n",
)
def show_calls(context: Context, words: list[str]) -> None:
    with_uptime = context.own[-1].lower() == "uptime"
    if words and (not with_uptime or words != ["seconds"]):
        raise UsageShown
    context.lines(call_lines(context))
    if with_uptime:
        uptime = context.pbx.uptime
        context.line(f"System uptime: {int(uptime) if words else duration(uptime)}")


@command(
    "core show channel",
    "Display information on a specific channel",
    "Usage: core show channel <channel>\n       Everything about one channel.\n",
    complete=_names,
)
def show_channel(context: Context, words: list[str]) -> None:
    if len(words) != 1:
        raise UsageShown
    channel = context.pbx.switch.channel(words[0])
    if channel is None:
        context.line(f"{words[0]} is not a known channel")
        return
    context.lines(channel_lines(channel, context.pbx.cdr.engine.look(channel)))


def _or_none(text: str | None) -> str:
    return text or "(N/A)"


def format_lines(channel: Channel) -> Iterator[str]:
    """What is spoken and what is translated.  Relayed sound is not translated, so both columns say the format."""
    native = "|".join(str(f) for f in channel.formats) or "nothing"
    spoken = str(channel.format) if channel.format is not None else "none"
    yield f"  NativeFormats: ({native})"
    yield f"    WriteFormat: {spoken}"
    yield f"     ReadFormat: {spoken}"
    yield " WriteTranscode: No "
    yield "  ReadTranscode: No "


def record_lines(cdr: Cdr | None) -> Iterator[str]:
    """The call record's fields as numbers, those that say something."""
    for name in RECORD_FIELDS if cdr is not None else ():
        text = cdr_text(cdr, name, "u") if cdr is not None else ""
        if text:
            yield f"level 1: {name}={text}"
    if cdr is not None:
        yield from (f"level 1: {name}={value}" for name, value in cdr.variables.items())


def channel_lines(channel: Channel, cdr: Cdr | None = None) -> Iterator[str]:
    elapsed = seconds_of(channel)
    kind = channel.leg.technology if channel.leg is not None else channel.name.partition("/")[0]
    caller, connected = channel.caller, channel.connected
    deadline = getattr(channel, "deadline", None)
    left = max(0, int(deadline - channel.switch.clock.seconds())) if isinstance(deadline, (int, float)) else 0
    yield " -- General --"
    yield f"           Name: {channel.name}"
    yield f"           Type: {kind}"
    yield f"       UniqueID: {channel.uniqueid}"
    yield f"       LinkedID: {channel.linkedid}"
    yield f"      Caller ID: {_or_none(caller.number)}"
    yield f" Caller ID Name: {_or_none(caller.name)}"
    yield f"Connected Line ID: {_or_none(connected.number)}"
    yield f"Connected Line ID Name: {_or_none(connected.name)}"
    yield f"Eff. Connected Line ID: {_or_none(connected.number)}"
    yield f"Eff. Connected Line ID Name: {_or_none(connected.name)}"
    yield f"    DNID Digits: {_or_none(caller.dnid)}"
    yield f"       Language: {channel.language}"
    yield f"          State: {channel.state.label} ({int(channel.state)})"
    yield from format_lines(channel)
    yield f" Time to Hangup: {left}"
    yield f"   Elapsed Time: {elapsed // 3600}h{elapsed // 60 % 60}m{elapsed % 60}s"
    yield f"      Bridge ID: {bridge_id(channel) or '(Not bridged)'}"
    yield " --   PBX   --"
    yield f"        Context: {channel.context}"
    yield f"      Extension: {channel.exten}"
    yield f"       Priority: {channel.priority}"
    yield "     Call Group: 0"
    yield "   Pickup Group: 0"
    yield f"    Application: {channel.application or '(N/A)'}"
    yield f"           Data: {hide_all(channel.data) or '(Empty)'}"
    call = f"[C-{channel.call_id:08x}]" if channel.call_id is not None else "(None)"
    yield f" Call Identifier: {call}"
    yield "      Variables:"
    yield from (f"{name}={value}" for name, value in reversed(channel.variables.items()))
    yield "  CDR Variables:"
    yield from record_lines(cdr)
    yield ""
    yield " -- Streams --"
    yield "Name: audio-0"
    yield "    Type: audio"
    yield "    State: sendrecv"
    yield "    Group: -1"
    yield f"    Formats: ({'|'.join(str(f) for f in channel.formats) or 'nothing'})"
    yield "    Metadata:"


# ---- channel ... -----------------------------------------------------------------------------------------


def _targets(context: Context, before: list[str], prefix: str) -> list[str]:
    """What could stand at this place of `channel originate`."""
    if len(before) == 2:
        return [name + "/" for name in context.pbx.switch.technologies]
    if len(before) == 3:
        return ["application", "extension"]
    if len(before) == 4 and before[3] == "application":
        from pbx.dialplan.registry import APPLICATIONS

        return APPLICATIONS.names()
    if len(before) == 4:
        return list(context.pbx.dialplan.services.dialplan.contexts)
    return []


@command(
    "channel originate",
    "Originate a call",
    "Usage: channel originate <tech/data> application <appname> [appdata]\n"
    "       channel originate <tech/data> extension [exten@][context]\n"
    "       Calls tech/data, and when it answers (within 30 seconds) runs\n"
    "       the application on it, or sends it to the extension ('s' and\n"
    "       'default' unless given).  Quote an appdata that has spaces.\n",
    complete=_targets,
)
def originate(context: Context, words: list[str]) -> None:
    if len(words) < 3 or words[1] not in ("application", "extension"):
        raise UsageShown
    resource, kind = words[0], words[1]
    if "/" not in resource:
        raise CommandFailed(f"'{resource}' is no destination: it wants <technology>/<destination>, as IAX2/peer/100")
    wish = Origination(resource, timeout=TIMEOUT)
    if kind == "application":
        wish.application, wish.data = words[2], " ".join(words[3:])
    else:
        exten, _, place = words[2].rpartition("@") if "@" in words[2] else ("s", "", words[2])
        wish.context, wish.exten = place or "default", exten or "s"
    why = context.pbx.admission.refusal()
    if why:
        raise CommandFailed(f"No call may begin now: {why}")
    begun = start_call(context.pbx.dialplan.services, wish)
    if begun.called and begun.result is OriginateResult.FAILED:
        raise CommandFailed(f"Cannot call {resource} (a NOTICE in the log says why)")


@command(
    "channel request hangup",
    "Request a hangup on a given channel",
    "Usage: channel request hangup <all>|<channel> [<channel> ...]\n"
    "       Ends channels: by name, all of them, those that match an\n"
    "       expression between slashes (/^IAX2\\/VOIP2-/), or a pattern\n"
    "       with wildcards (Local/*).\n",
    complete=lambda context, before, prefix: ["all", *_names(context, before, prefix)],
)
def request_hangup(context: Context, words: list[str]) -> None:
    if not words:
        raise UsageShown
    every = listed(context.pbx.switch.channels())
    if words == ["all"]:
        for channel in every:
            context.line(f"Requested Hangup on channel '{channel.name}'")
            channel.softhangup()
        return
    for word in words:
        found = matching(every, word)
        if not found:
            context.line(f"{word} is not a known channel")
        for channel in found:
            context.line(f"Requested Hangup on channel '{channel.name}'")
            channel.softhangup()


def matching(channels: list[Channel], word: str) -> list[Channel]:
    """Channels by name or uniqueid, /expression/, or wildcards that stop at a slash."""
    if len(word) > 2 and word.startswith("/") and word.endswith("/"):
        try:
            pattern = re.compile(word[1:-1])
        except re.error as error:
            raise CommandFailed(f"{word} is no regular expression: {error}") from None
        return [channel for channel in channels if pattern.search(channel.name)]
    exact = [channel for channel in channels if word.lower() == channel.name.lower() or word == channel.uniqueid]
    if exact or not any(mark in word for mark in "*?["):
        return exact
    parts = word.split("/")
    return [
        channel
        for channel in channels
        if len(names := channel.name.split("/")) == len(parts)
        and all(fnmatch.fnmatchcase(name, part) for name, part in zip(names, parts, strict=True))
    ]


@command(
    "channel redirect",
    "Redirect a call",
    "Usage: channel redirect <channel> <[[context,]exten,]priority>\n"
    "       Lets a channel go on at another place of the dialplan.\n",
    complete=_names,
)
def redirect(context: Context, words: list[str]) -> None:
    if len(words) != 2:
        raise UsageShown
    channel = context.pbx.switch.channel(words[0])
    if channel is None:
        raise CommandFailed(f"Channel '{words[0]}' not found")
    parts = words[1].split(",")
    priority = parts[-1]
    exten = parts[-2] if len(parts) > 1 else channel.exten
    place = parts[-3] if len(parts) > 2 else channel.context
    dialplan = context.pbx.dialplan.services.dialplan
    number = (
        int(priority)
        if priority.isdigit()
        else dialplan.find_label(place, exten, priority, channel.caller.number or "") or 0
    )
    if not number or not dialplan.exists(place, exten, number, channel.caller.number or ""):
        raise CommandFailed(f"{place},{exten},{priority} does not exist")
    context.pbx.switch.redirect((channel, place, exten, number))
    context.line(f"Channel '{channel.name}' successfully redirected to {words[1]}")


@command(
    "core show channeltypes",
    "List available channel types",
    "Usage: core show channeltypes\n       The technologies that calls can be made with.\n",
)
def show_types(context: Context, words: list[str]) -> None:
    row = "{:<16.16} {:<40.40} {:<13.13} {:<13.13} {:<13.13} {:<13.13}"
    context.line(row.format("Type", "Description", "Devicestate", "Presencestate", "Indications", "Transfer"))
    context.line(row.format("-------------", "-------------", *["-------------"] * 4))
    known = {
        "IAX2": ("Inter Asterisk eXchange Driver (Ver 2)", "yes"),
        "LOCAL": ("Local Proxy Channel Driver", "no"),
    }
    technologies = sorted(context.pbx.switch.technologies.values(), key=lambda t: t.name.lower())
    for technology in technologies:
        text, transfer = known.get(technology.name.upper(), ("", "no"))
        context.line(row.format(technology.name, text, "yes", "no", "yes", transfer))
    context.line("----------")
    context.line(f"{len(technologies)} channel drivers registered.")
