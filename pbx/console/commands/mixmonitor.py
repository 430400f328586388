"""mixmonitor ...: recordings of calls, begun and ended by hand."""

from __future__ import annotations

from pbx.channels.channel import Channel
from pbx.console.registry import CommandFailed, Context, UsageShown, command
from pbx.dialplan.applications.mixmonitor import last_recording, start_recording
from pbx.dialplan.mixmonitor import CannotRecord, monitors_of

_USAGE = (
    "Usage: mixmonitor start <chan_name> [args]\n"
    "         The optional arguments are passed to the MixMonitor application.\n"
    "       mixmonitor stop <chan_name> [args]\n"
    "         The optional arguments are passed to the StopMixMonitor application.\n"
    "       mixmonitor list <chan_name>\n"
)


def _channel(context: Context, words: list[str]) -> Channel | None:
    """The first channel whose name begins so; None (and said) if there is none."""
    if not words:
        raise UsageShown
    wanted = words[0].lower()
    found = next((c for c in context.pbx.switch.channels() if c.name.lower().startswith(wanted)), None)
    if found is None:
        context.line(f"No channel matching '{words[0]}' found.")
    return found


@command("mixmonitor start", "Execute a MixMonitor command", _USAGE)
def start(context: Context, words: list[str]) -> None:
    channel = _channel(context, words)
    if channel is None:
        return
    try:
        start_recording(context.pbx.dialplan.services, channel, words[1] if len(words) > 1 else "")
    except CannotRecord as error:
        raise CommandFailed(str(error)) from None


@command("mixmonitor stop", "Execute a MixMonitor command", _USAGE)
def stop(context: Context, words: list[str]) -> None:
    channel = _channel(context, words)
    monitor = last_recording(channel, words[1] if len(words) > 1 else "") if channel is not None else None
    if monitor is not None:
        monitor.stop()


@command("mixmonitor list", "Execute a MixMonitor command", _USAGE)
def list_(context: Context, words: list[str]) -> None:
    channel = _channel(context, words)
    if channel is None:
        return
    context.line("MixMonitor ID\tFile\tReceive File\tTransmit File")
    context.line("=" * 73)
    for monitor in reversed(monitors_of(channel).values()):
        wish = monitor.wish
        context.line(f"{monitor.id}\t{wish.mixed}\t{wish.said}\t{wish.heard}")
