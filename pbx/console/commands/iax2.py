"""iax2 ...: the links, who is registered, what flows."""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import TYPE_CHECKING

from pbx.console import iax2text
from pbx.console.registry import CommandFailed, Context, UsageShown, command
from pbx.slices import in_slices

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from pbx.channels.iax2.driver import Driver

#: lines of a listing in one step
LINES_A_STEP = 20


def _driver(context: Context) -> Driver:
    """The driver; raises CommandFailed while chan_iax2 is down."""
    driver = context.pbx.iax2.driver
    if driver is None:
        raise CommandFailed("chan_iax2 is not running ('module load chan_iax2' starts it)")
    return driver


def _peers(context: Context, before: list[str], prefix: str) -> list[str]:
    driver = context.pbx.iax2.driver
    return [record.name for record in driver.endpoint.peers] if driver is not None else []


async def _print(context: Context, texts: Iterable[str]) -> None:
    """A listing that may have tens of thousands of lines: calls go on meanwhile."""
    await in_slices(context.pbx.reactor, _some_at_a_time(context, texts))


def _some_at_a_time(context: Context, texts: Iterable[str]) -> Generator[None, None, None]:
    for number, text in enumerate(texts, 1):
        context.line(text)
        if not number % LINES_A_STEP:
            yield


def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise CommandFailed(f"'{text}' is no regular expression: {error}") from None


@command(
    "iax2 show peer",
    "Show details on specific IAX peer",
    "Usage: iax2 show peer <name>\n       Display details on specific IAX peer\n"
    "       With 'details' behind the name also our own address towards it,\n"
    "       its address before, and when that changed.\n",
    complete=_peers,
)
def show_peer(context: Context, words: list[str]) -> None:
    if not words:
        raise UsageShown
    row = _driver(context).peer(words[0])
    if row is None:
        context.line(f"Peer {words[0]} not found.")
        context.line()
        return
    context.lines(iax2text.peer(row))
    if words[1:] == ["details"]:
        address = (row.host, row.port) if row.host is not None and row.port is not None else None
        context.lines(iax2text.peer_details(row, _driver(context).local_to(address) if address else ""))


@command(
    "iax2 show peers",
    "List defined IAX peers",
    "Usage: iax2 show peers [registered] [like <pattern>]\n"
    "       Lists all known IAX2 peers.\n"
    "       Optional 'registered' argument lists only peers with known addresses.\n"
    "       Optional regular expression pattern is used to filter the peer list.\n",
    complete=lambda context, before, prefix: ["registered", "like"],
)
async def show_peers(context: Context, words: list[str]) -> None:
    rows = _driver(context).peers()
    if words[:1] == ["registered"]:
        rows = (row for row in rows if row.host is not None)
        words = words[1:]
    if words:
        if len(words) != 2 or words[0] != "like":
            raise UsageShown
        pattern = _pattern(words[1])
        rows = (row for row in rows if pattern.search(row.name))
    await _print(context, iax2text.peers(rows))


@command(
    "iax2 show users [like]",
    "List defined IAX users",
    "Usage: iax2 show users [like <pattern>]\n"
    "       Lists all known IAX2 users.\n"
    "       Optional regular expression pattern is used to filter the user list.\n",
)
async def show_users(context: Context, words: list[str]) -> None:
    like = context.own[-1].lower() == "like"
    if len(words) != (1 if like else 0):
        raise UsageShown
    rows = _driver(context).users()
    if like:
        pattern = _pattern(words[0])
        rows = [row for row in rows if pattern.search(row.name)]
    await _print(context, iax2text.users(rows))


@command(
    "iax2 show registry",
    "Display IAX registration status",
    "Usage: iax2 show registry\n       Lists all registration requests and status.\n"
    "       With 'details': our own address, as it is here and as it is seen there,\n"
    "       and when that or the state changed.\n",
    complete=lambda context, before, prefix: [] if before else ["details"],
)
async def show_registry(context: Context, words: list[str]) -> None:
    if words not in ([], ["details"]):
        raise UsageShown
    driver = _driver(context)
    rows = driver.registry()
    texts = iax2text.registry_details(rows, driver.local_to) if words else iax2text.registry(rows)
    await _print(context, texts)


@command(
    "iax2 show channels",
    "List active IAX channels",
    "Usage: iax2 show channels\n       Lists all currently active IAX channels.\n",
)
def show_channels(context: Context, words: list[str]) -> None:
    if words:
        raise UsageShown
    context.lines(iax2text.channels(_driver(context).channels()))


@command(
    "iax2 show netstats",
    "List active IAX channel netstats",
    "Usage: iax2 show netstats\n       Lists network status for all currently active IAX channels.\n",
)
def show_netstats(context: Context, words: list[str]) -> None:
    if words:
        raise UsageShown
    context.lines(iax2text.netstats(_driver(context).channels()))


@command(
    "iax2 show stats",
    "Display IAX statistics",
    "Usage: iax2 show stats\n       Display statistics on IAX channel driver.\n",
)
def show_stats(context: Context, words: list[str]) -> None:
    if words:
        raise UsageShown
    context.lines(iax2text.stats(_driver(context).stats(), asdict(context.pbx.voice.port.counters.totals())))


@command(
    "iax2 show callnumber usage",
    "Show current entries in IP call number limit table",
    "Usage: iax2 show callnumber usage [IP address]\n"
    "       Shows current IP addresses which are consuming iax2 call numbers\n",
)
def show_numbers(context: Context, words: list[str]) -> None:
    if len(words) > 1:
        raise UsageShown
    use = _driver(context).number_use()
    if not words:
        context.lines(
            iax2text.number_use(
                use.rows,
                unvalidated_limit=use.unvalidated_limit,
                unvalidated=use.unvalidated,
                regular=use.regular,
                trunk=use.trunk,
            )
        )
        return
    found = [
        row for row in use.rows if row.address.rpartition(":")[0].strip("[]") == words[0] or row.address == words[0]
    ]
    if not found:
        context.line(f"No call number table entries for {words[0]} found")
        return
    context.line(f"{'Address':<45} {'Callno Usage':<12} {'Callno Limit':<12}")
    context.lines(f"{row.address:<45} {row.used:<12} {row.limit:<12}" for row in found)


@command(
    "iax2 reload", "Reload IAX configuration", "Usage: iax2 reload\n       Reloads IAX configuration from iax.conf\n"
)
async def reload(context: Context, words: list[str]) -> None:
    _driver(context)
    await context.pbx.modules.reload("res_crypto")
    await context.pbx.modules.reload("chan_iax2")
    context.lines(context.pbx.iax2.changes)


@command(
    "iax2 unregister",
    "Unregister (force expiration) an IAX2 peer from the registry",
    "Usage: iax2 unregister <peername>\n       Unregister (force expiration) an IAX2 peer from the registry.\n",
    complete=_peers,
)
def unregister(context: Context, words: list[str]) -> None:
    if len(words) != 1:
        raise UsageShown
    driver = _driver(context)
    if driver.peer(words[0]) is None:
        context.line(f"Peer unknown: {words[0]}. Not unregistered")
    elif driver.unregister(words[0]):
        context.line(f"Peer {words[0]} unregistered")
    else:
        context.line(f"Peer {words[0]} not registered")


# ---- debug -----------------------------------------------------------------------------------------------

_DEBUG_USAGE = (
    "Usage: iax2 set debug {on|off|peer peername}\n"
    "       Enables/Disables dumping of IAX packets for debugging purposes.\n"
)


@command(
    "iax2 set debug {on|off|peer}",
    "Enable/Disable IAX debugging",
    _DEBUG_USAGE,
    complete=_peers,
)
def set_debug(context: Context, words: list[str]) -> None:
    driver = _driver(context)
    how = context.own[3].lower()
    if how == "peer":
        if len(words) != 1:
            raise UsageShown
        row = driver.peer(words[0])
        if row is None:
            raise CommandFailed(f"IAX2 peer '{words[0]}' does not exist")
        if row.host is None:
            raise CommandFailed(f"Unable to get IP address of peer '{words[0]}'")
        driver.debug(row.host, row.port)
        context.line(f"IAX2 Debugging Enabled for IP: {iax2text.bracketed(row.host)}:{row.port}")
        return
    if words:
        raise UsageShown
    driver.debug("*" if how == "on" else "")
    context.line(f"IAX2 Debugging {'Enabled' if how == 'on' else 'Disabled'}")


@command(
    "iax2 set debug jb {on|off}",
    "Enable/Disable IAX jitterbuffer debugging",
    "Usage: iax2 set debug jb {on|off}\n       Enables/Disables jitterbuffer debugging information\n",
)
def set_debug_jb(context: Context, words: list[str]) -> None:
    on = context.own[4].lower() == "on"
    _driver(context).buffers.set(on)
    context.line(f"IAX2 Jitterbuffer Debugging {'Enabled' if on else 'Disabled'}")


@command(
    "iax2 set debug trunk {on|off}",
    "Enable/Disable IAX trunk debugging",
    "Usage: iax2 set debug trunk {on|off}\n       Enables/Disables debugging of IAX trunking\n",
)
def set_debug_trunk(context: Context, words: list[str]) -> None:
    on = context.own[4].lower() == "on"
    _driver(context).trunks.set(on)
    context.line(f"IAX2 Trunk Debugging {'Enabled' if on else 'Disabled'}")
