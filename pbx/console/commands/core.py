"""core ...: uptime, version, verbosity, and the end."""

from __future__ import annotations

import os
import platform
import re
import time
from collections.abc import Callable

from pbx.console.commands.dialplan_words import arguments, hinted
from pbx.console.durations import duration
from pbx.console.registry import Context, UsageShown, command
from pbx.dialplan import octets
from pbx.dialplan.scope import Scope
from pbx.dialplan.states import hint_presence, hint_state

_LEVEL = re.compile(r"\d+$")


@command("core show version", "Display version info", "Usage: core show version\n       Which version this is.\n")
def show_version(context: Context, words: list[str]) -> None:
    context.line(version_line(context))


def version_line(context: Context) -> str:
    """Names an Asterisk version first, since programs look for one there; then who we are."""
    from pbx.daemon import ASTERISK_VERSION

    system = platform.uname()
    date = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(built()))
    return (
        f"Asterisk {ASTERISK_VERSION}+pbx-{context.pbx.version} built by pbx @ {context.pbx.hostname} "
        f"on a {system.machine} running {system.system} on {date} UTC"
    )


def built() -> float:
    """When this installation's package was written (the nearest there is to a build date)."""
    import pbx

    return os.path.getmtime(pbx.__file__)


@command(
    "core ping",
    "Check that the PBX answers",
    "Usage: core ping\n       Prints a line if the PBX is there.\n",
    hidden=True,
)
def ping(context: Context, words: list[str]) -> None:
    context.line("pong")


@command(
    "core show uptime [seconds]",
    "Show uptime information",
    "Usage: core show uptime [seconds]\n"
    "       Time since the start and since the last reload; 'seconds' gives\n"
    "       them as plain numbers.\n",
)
def show_uptime(context: Context, words: list[str]) -> None:
    if words:
        raise UsageShown
    form: Callable[[float], str] = (lambda s: str(int(s))) if context.own[-1].lower() == "seconds" else duration
    context.line(f"System uptime: {form(context.pbx.uptime)}")
    context.line(f"Last reload: {form(context.pbx.since_reload)}")


# ---- verbosity -------------------------------------------------------------------------------------------


def _word(level: int) -> str:
    return str(level) if level else "OFF"


@command(
    "core set verbose",
    "Set level of verbose chattiness",
    "Usage: core set verbose [atleast] <level> [silent]\n"
    "       core set verbose off\n"
    "\n"
    "       How much this console shows of what calls do: 0 or off is\n"
    "       nothing.  With 'silent' the change itself is not reported.\n"
    "       At start: -v, several times for more.\n",
)
def set_verbose(context: Context, words: list[str]) -> None:
    silent = words[-1:] == ["silent"]
    if silent:
        words = words[:-1]
    session = context.session
    old = session.verbose if session is not None else context.pbx.logger.root_verbose
    if words == ["off"]:
        new = 0
    elif len(words) == 1 and _LEVEL.match(words[0]):
        new = int(words[0])
    elif len(words) == 2 and words[0] == "atleast" and _LEVEL.match(words[1]):
        new = max(old, int(words[1]))
    else:
        raise UsageShown
    if session is not None:
        session.verbose = new
        if session.foreground or not session.interactive:
            context.pbx.logger.root_verbose = new
    context.pbx.logger.tell_wanted()
    if not silent:
        still = old == new
        context.line(
            f"Console verbose is still {_word(new)}."
            if still
            else f"Console verbose was {_word(old)} and is now {_word(new)}."
        )


@command(
    "core set debug",
    "Set level of debug chattiness",
    "Usage: core set debug [atleast] <level>\n"
    "       core set debug off\n"
    "\n"
    "       How many debug lines are written, everywhere that takes them\n"
    "       (logger.conf): 0 or off is none.  At start: -d, several times\n"
    "       for more.\n",
)
def set_debug(context: Context, words: list[str]) -> None:
    logger = context.pbx.logger
    old = logger.root_debug
    if words == ["off"]:
        new = 0
    elif words and _LEVEL.match(words[0]) and len(words) <= 2:
        new = int(words[0])
    elif len(words) == 2 and words[0] == "atleast" and _LEVEL.match(words[1]):
        new = max(old, int(words[1]))
    else:
        raise UsageShown
    if len(words) == 2 and _LEVEL.match(words[0]):
        module = words[1].removesuffix(".so")
        former = logger.debug_of.get(module, 0)
        if new:
            logger.debug_of[module] = new
        else:
            logger.debug_of.pop(module, None)
        logger.tell_wanted()
        context.line(f"Core debug was {former} and has been set to {new} for '{module}'.")
        return
    logger.root_debug = new
    logger.tell_wanted()
    context.line(
        f"Core debug is still {_word(new)}." if old == new else f"Core debug was {_word(old)} and is now {_word(new)}."
    )


# ---- the end ---------------------------------------------------------------------------------------------


@command(
    "core stop now", "Shut down Asterisk immediately", "Usage: core stop now\n       Ends all calls and the PBX.\n"
)
def stop_now(context: Context, words: list[str]) -> None:
    context.pbx.reactor.callLater(0, context.pbx.shutdown.now)


@command(
    "core stop gracefully",
    "Gracefully shut down Asterisk",
    "Usage: core stop gracefully\n       Takes no new calls, and ends when the last one is over.\n",
)
def stop_gracefully(context: Context, words: list[str]) -> None:
    context.pbx.shutdown.later("gracefully")


@command(
    "core stop when convenient",
    "Shut down Asterisk at empty call volume",
    "Usage: core stop when convenient\n       Ends at a moment when there is no call.\n",
)
def stop_when_convenient(context: Context, words: list[str]) -> None:
    context.pbx.shutdown.later("when convenient")


@command(
    "core restart now",
    "Restart Asterisk immediately",
    "Usage: core restart now\n       Ends all calls and starts anew.\n",
)
def restart_now(context: Context, words: list[str]) -> None:
    context.pbx.reactor.callLater(0, context.pbx.shutdown.now, True)


@command(
    "core restart gracefully",
    "Restart Asterisk gracefully",
    "Usage: core restart gracefully\n       Takes no new calls, and starts anew when the last one is over.\n",
)
def restart_gracefully(context: Context, words: list[str]) -> None:
    context.pbx.shutdown.later("gracefully", restart=True)


@command(
    "core restart when convenient",
    "Restart Asterisk at empty call volume",
    "Usage: core restart when convenient\n       Starts anew at a moment when there is no call.\n",
)
def restart_when_convenient(context: Context, words: list[str]) -> None:
    context.pbx.shutdown.later("when convenient", restart=True)


@command(
    "core abort shutdown",
    "Cancel a running shutdown",
    "Usage: core abort shutdown\n       Takes a 'gracefully' or 'when convenient' back.\n",
)
def abort_shutdown(context: Context, words: list[str]) -> None:
    context.pbx.shutdown.abort()


@command(
    "core waitfullybooted",
    "Wait for Asterisk to be fully booted",
    "Usage: core waitfullybooted\n       Returns when the PBX is up.\n",
)
async def wait_fully_booted(context: Context, words: list[str]) -> None:
    if not context.pbx.is_booted:
        await context.pbx.when_booted()
    context.line("Asterisk has fully booted.")


# ---- reload ----------------------------------------------------------------------------------------------


@command(
    "core reload",
    "Global reload",
    "Usage: core reload\n       Reads every configuration file anew; calls never notice.\n",
)
async def core_reload(context: Context, words: list[str]) -> None:
    await context.pbx.reload()


@command(
    "reload",
    "Global reload, or of one module",
    "Usage: reload [module]\n       As 'core reload', or 'module reload'.\n",
)
async def reload(context: Context, words: list[str]) -> None:
    from pbx.console.commands.module import reload as reload_module

    if words:
        await reload_module(context, words)  # type: ignore[misc]
    else:
        await context.pbx.reload()


# ---- hints -----------------------------------------------------------------------------------------------

#: device states as hints show them
_HINT_STATES = {
    "NOT_INUSE": "Idle",
    "INUSE": "InUse",
    "RINGING": "Ringing",
    "RINGINUSE": "InUse&Ringing",
    "ONHOLD": "Hold",
    "BUSY": "Busy",
    "UNAVAILABLE": "Unavailable",
    "INVALID": "Unavailable",
    "UNKNOWN": "Idle",
}


#: hints are listed by hash, which falls into one of so many buckets
_HINT_BUCKETS = 563


def _bucket(exten: str) -> int:
    """Where a hint stands in the list of a stock box: by the hash of its extension, in small letters."""
    value = 5381
    for byte in octets.to_bytes(exten.lower()):
        value = (value * 33 ^ byte) & 0xFFFFFFFF
    return min(value, (1 << 32) - value) % _HINT_BUCKETS


def _hints(context: Context) -> list[tuple[str, str, str]]:
    """(exten, context, hint) of all hints, in the order in which a stock box shows them."""
    found = []
    for each in context.pbx.dialplan.services.dialplan.contexts.values():
        for extension in each:
            if extension.hint is not None:
                found.append((extension.name, each.name, extension.hint.application))
    return sorted(found, key=lambda hint: _bucket(hint[0]))


def _hint_row(context: Context, exten: str, place: str, hint: str) -> str:
    # the hint of a pattern is not for any one extension: with variables in it there is no device and no presence
    found, presence = "UNAVAILABLE", ""
    if "${" not in hint or not exten.startswith("_"):
        scope = Scope(context.pbx.dialplan.services)
        found, presence = hint_state(scope, hint), hint_presence(scope, hint)
    state = _HINT_STATES.get(found, "Idle")
    name = f"{exten}@{place}"
    return f"{name:<30.30}: {hint:<60.60}  State:{state:<15.15} Presence:{presence:<15.15} Watchers {0:2d}"


@command(
    "core show hints",
    "Show dialplan hints",
    "Usage: core show hints\n       The hints of the dialplan, and the state of their devices.\n",
)
def show_hints(context: Context, words: list[str]) -> None:
    hints = _hints(context)
    if not hints:
        context.line("There are no registered dialplan hints")
        return
    context.line("\n    -= Registered Asterisk Dial Plan Hints =-")
    context.lines(_hint_row(context, *hint) for hint in hints)
    context.line("----------------")
    context.line(f"- {len(hints)} hints registered")


@command(
    "core show hint",
    "Show dialplan hint",
    "Usage: core show hint <exten>\n       The hints of an extension (its beginning is enough).\n",
    complete=arguments(3, hinted),
)
def show_hint(context: Context, words: list[str]) -> None:
    if len(words) != 1:
        raise UsageShown
    hints = _hints(context)
    if not hints:
        context.line("There are no registered dialplan hints")
        return
    found = [hint for hint in hints if hint[0].lower().startswith(words[0].lower())]
    if not found:
        context.line(f"No hints matching extension {words[0]}")
        return
    context.lines(_hint_row(context, *hint) for hint in found)
    context.line(f"{len(found)} hint{'' if len(found) == 1 else 's'} matching extension {words[0]}")
