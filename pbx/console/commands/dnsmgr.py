"""dnsmgr ...: names that are looked up again from time to time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pbx.conf.diagnostics import Diagnostics
from pbx.console.registry import CommandFailed, Context, UsageShown, command

if TYPE_CHECKING:
    from pbx.upkeep import Upkeep


def _upkeep(context: Context) -> Upkeep:
    upkeep = context.pbx.iax2.upkeep
    if upkeep is None:
        raise CommandFailed("chan_iax2 is not running ('module load chan_iax2' starts it)")
    return upkeep


@command(
    "dnsmgr status",
    "Display the DNS manager status",
    "Usage: dnsmgr status\n       Displays the DNS manager status.\n",
)
def status(context: Context, words: list[str]) -> None:
    if words:
        raise UsageShown
    upkeep = _upkeep(context)
    context.line(f"DNS Manager: {'enabled' if upkeep.dns.enabled else 'disabled'}")
    context.line(f"Refresh Interval: {upkeep.dns.interval} seconds")
    context.line(f"Number of entries: {len(upkeep.names())}")


@command(
    "dnsmgr refresh",
    "Performs an immediate refresh",
    "Usage: dnsmgr refresh\n       Looks every name up now.\n",
)
def refresh(context: Context, words: list[str]) -> None:
    if words:
        raise UsageShown
    upkeep = _upkeep(context)
    if not upkeep.dns.enabled:
        context.line("DNS Manager is disabled.")
        return
    upkeep.refresh()


@command(
    "dnsmgr reload",
    "Reloads the DNS manager configuration",
    "Usage: dnsmgr reload\n       Reads dnsmgr.conf again.\n",
)
def reload(context: Context, words: list[str]) -> None:
    if words:
        raise UsageShown
    findings = Diagnostics()
    _upkeep(context).load(context.pbx.conf.etc("dnsmgr.conf"), findings)
    context.pbx.say(findings)
