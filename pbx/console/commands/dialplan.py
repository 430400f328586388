"""dialplan ..., and what the dialplan is made of: applications and functions."""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Generator, Iterator

from pbx.console.commands import dialplan_words as words_of
from pbx.console.commands.dialplan_words import arguments
from pbx.console.registry import CommandFailed, Context, UsageShown, command
from pbx.dialplan.functions.locks import held
from pbx.dialplan.registry import APPLICATIONS, FUNCTIONS, Application, Entry, Function
from pbx.dialplan.scope import Scope, scope_of
from pbx.dialplan.show import NotThere, show_steps
from pbx.slices import in_slices

#: lines of a long listing that are written before calls get their turn
LINES_AT_ONCE = 100
#: lines of what a reload changed
MOST_CHANGES = 50


@command(
    "dialplan show",
    "Show dialplan",
    "Usage: dialplan show [[exten@]context]\n       The dialplan, a context of it, or what an extension would match.\n",
    complete=arguments(2, words_of.places),
)
async def show(context: Context, words: list[str]) -> None:
    if len(words) > 1:
        raise UsageShown
    dialplan = context.pbx.dialplan.services.dialplan

    def write() -> Generator[None, None, None]:
        part: list[str] = []
        try:
            for line in show_steps(dialplan, words[0] if words else ""):
                if line is not None:
                    part.append(line)
                if line is None or len(part) >= LINES_AT_ONCE:
                    context.lines(part)
                    part.clear()
                    yield
        finally:
            context.lines(part)

    try:
        await in_slices(context.pbx.reactor, write())
    except NotThere as error:
        raise CommandFailed(str(error)) from None


@command(
    "dialplan debug",
    "Show the tree of the new pattern matcher",
    "Usage: dialplan debug [context]\n"
    "       The tree that extenpatternmatchnew=yes searches, of all contexts or one: from left\n"
    "       to right a line for each character, as <character or set>:<Y for a pattern>:-:\n"
    "       <weight, the lower the more exact>:EXTEN:<extension that ends there>.\n"
    "       'dialplan explain' says what a number finds, with either matcher.\n",
    complete=arguments(2, words_of.contexts),
)
async def debug(context: Context, words: list[str]) -> None:
    if len(words) > 1:
        raise UsageShown
    contexts = context.pbx.dialplan.services.dialplan.contexts
    if words and words[0] not in contexts:
        raise CommandFailed(f"There is no existence of '{words[0]}' context")
    wanted = [contexts[words[0]]] if words else list(reversed(contexts.values()))

    def write() -> Generator[None, None, None]:
        for one in wanted:
            context.line(f"[ Context '{one.name}' created by '{one.registrar}' ]")
            if one.newer is None:
                context.line("     No tree: extenpatternmatchnew is not on")
            else:
                for line in one.newer.lines():
                    context.line(line)
                    yield
            context.line("")
            yield

    await in_slices(context.pbx.reactor, write())


@command(
    "dialplan reload",
    "Reload extensions and *only* extensions",
    "Usage: dialplan reload\n       Reads extensions.conf anew.  Global variables stay unless it says\n"
    "       clearglobalvars=yes.\n",
)
async def reload(context: Context, words: list[str]) -> None:
    if words:
        raise UsageShown
    changes = await context.pbx.dialplan.load()
    context.line("Dialplan reloaded.")
    if changes is None:
        context.line("  extensions.conf is missing or can't be used; the former dialplan stays (see the log)")
    else:
        context.lines(itertools.islice(changes.lines(), MOST_CHANGES))


# ---- variables -------------------------------------------------------------------------------------------


@command(
    "dialplan show globals",
    "Show global dialplan variables",
    "Usage: dialplan show globals\n       The global variables.\n",
)
def show_globals(context: Context, words: list[str]) -> None:
    variables = context.pbx.dialplan.services.dialplan.globals
    context.lines(f"   {name}={value}" for name, value in reversed(variables.items()))
    context.line(f"\n    -- {len(variables)} variable(s)")


@command(
    "dialplan set global",
    "Set global dialplan variable",
    "Usage: dialplan set global <name> <value>\n       Sets a global variable.\n",
    complete=arguments(3, words_of.global_variables),
)
def set_global(context: Context, words: list[str]) -> None:
    if len(words) != 2:
        raise UsageShown
    Scope(context.pbx.dialplan.services).set(words[0], words[1])
    context.line(f"\n    -- Global variable '{words[0]}' set to '{words[1]}'")


@command(
    "dialplan show chanvar",
    "Show channel variables",
    "Usage: dialplan show chanvar <channel>\n       The variables of a channel.\n",
    complete=arguments(3, words_of.channels),
)
def show_channel_variables(context: Context, words: list[str]) -> None:
    if len(words) != 1:
        raise UsageShown
    channel = context.pbx.switch.channel(words[0])
    if channel is None:
        raise CommandFailed(f"Channel '{words[0]}' not found")
    context.lines(f"{name}={value}" for name, value in reversed(channel.variables.items()))


@command(
    "dialplan set chanvar",
    "Set a channel variable",
    "Usage: dialplan set chanvar <channel> <varname> <value>\n"
    "       Sets a variable of a channel, or writes a function there.\n",
    complete=arguments(3, words_of.channels, words_of.channel_variables),
)
def set_channel_variable(context: Context, words: list[str]) -> None:
    if len(words) != 3:
        raise UsageShown
    channel = context.pbx.switch.channel(words[0])
    if channel is None:
        raise CommandFailed(f"Channel '{words[0]}' not found")
    scope_of(context.pbx.dialplan.services, channel).set(words[1], words[2])
    context.line(f"\n    -- Channel variable '{words[1]}' set to '{words[2]}' for '{words[0]}'")


@command(
    "dialplan locks show",
    "List func_lock locks.",
    "Usage: dialplan locks show\n       The locks of LOCK and TRYLOCK that are held, by whom, and how many wait.\n",
)
def show_locks(context: Context, words: list[str]) -> None:
    if words:
        raise UsageShown
    found = held(context.pbx.dialplan.services)
    context.line("func_lock locks:")
    context.line(f"{'Name':<40} {'Requesters':<10} Owner")
    context.lines(f"{name:<40} {waiting:<10} {owner}" for name, owner, waiting in found)
    context.line(f"{len(found)} total locks listed.")


# ---- applications and functions ------------------------------------------------------------------------------


def _wrapped(text: str) -> Iterator[str]:
    for paragraph in text.strip("\n").split("\n"):
        if not paragraph.strip() or paragraph.startswith((" ", "\t")):
            yield paragraph.rstrip()
        else:
            yield from textwrap.wrap(paragraph, 79)


def info_lines(entry: Entry, kind: str) -> Iterator[str]:
    """What `core show application|function` prints."""
    yield ""
    yield f"  -= Info about {kind} '{entry.name}' =- "
    yield ""
    yield "[Synopsis]"
    yield f"{entry.synopsis.rstrip('.')}. " if entry.synopsis else "Not available"
    yield ""
    yield "[Provided By]"
    yield entry.module or "builtin"
    yield ""
    yield "[Description]"
    if entry.description or not entry.variables:
        yield from _wrapped(entry.description or "Not available")
    if entry.variables:
        yield "This sets the following variables:"
        yield from (f"${{{name}}}: {text}" for name, text in entry.variables.items())
    yield ""
    yield "[Syntax]"
    yield entry.syntax
    yield ""
    yield "[Arguments]"
    if not entry.arguments and not entry.options:
        yield "Not available"
    for name, text in entry.arguments.items():
        yield name
        yield from textwrap.wrap(text, 75, initial_indent="    ", subsequent_indent="    ")
    if entry.options:
        yield "options"
    for option in entry.options:
        head = f"{option.letter}({option.argument})" if option.argument else option.letter
        yield from textwrap.wrap(f"{head}: {option.text}", 75, initial_indent="    ", subsequent_indent="        ")
    yield ""
    yield "[See Also]"
    yield ", ".join(entry.see_also) or "Not available"
    yield ""


def _application_names(context: Context, before: list[str], prefix: str) -> list[str]:
    return APPLICATIONS.names()


def _function_names(context: Context, before: list[str], prefix: str) -> list[str]:
    return FUNCTIONS.names()


def _application_row(entry: Application) -> str:
    return f"{entry.name:>20}: {entry.synopsis.rstrip('.')} "


@command(
    "core show applications [like|describing]",
    "Shows registered dialplan applications",
    "Usage: core show applications [{like|describing} <text>]\n"
    "       All applications; those with <text> in their name (like), or in\n"
    "       their description (describing).\n",
)
def show_applications(context: Context, words: list[str]) -> None:
    how = context.own[3].lower() if len(context.own) > 3 else ""
    if bool(how) != bool(words):
        raise UsageShown
    found = list(APPLICATIONS)
    if how == "like":
        found = [entry for entry in found if words[0].lower() in entry.name.lower()]
    elif how == "describing":
        texts = [word.lower() for word in words]
        found = [e for e in found if all(t in f"{e.name} {e.synopsis} {e.description}".lower() for t in texts)]
    title = "Matching" if how else "Registered"
    context.line(f"    -= {title} Asterisk Applications =-")
    context.lines(_application_row(entry) for entry in found)
    context.line(f"    -= {len(found)} Applications {title} =-")


@command(
    "core show application",
    "Describe a specific dialplan application",
    "Usage: core show application <application> [<application> [<application> [...]]]\n"
    "       What applications do and how they are used.\n",
    complete=_application_names,
)
def show_application(context: Context, words: list[str]) -> None:
    if not words:
        raise UsageShown
    found = [entry for word in words if (entry := APPLICATIONS.get(word)) is not None]
    if not found:
        raise CommandFailed("Your application(s) is (are) not registered")
    for entry in found:
        context.lines(info_lines(entry, "Application"))


def _function_row(entry: Function) -> str:
    return f"{entry.name:<20.20}  {entry.syntax:<35.35}  {entry.synopsis.rstrip('.')} "


@command(
    "core show functions [like]",
    "Shows registered dialplan functions",
    "Usage: core show functions [like <text>]\n       All functions, or those with <text> in their name.\n",
)
def show_functions(context: Context, words: list[str]) -> None:
    like = context.own[-1].lower() == "like"
    if like != (len(words) == 1) or (words and not like):
        raise UsageShown
    found = [entry for entry in FUNCTIONS if not words or words[0] in entry.name]
    context.line(f"{'Matching' if like else 'Installed'} Custom Functions:")
    context.line("-" * 80)
    context.lines(_function_row(entry) for entry in found)
    context.line(f"{len(found)} {'matching ' if like else ''}custom functions installed.")


@command(
    "core show function",
    "Describe a specific dialplan function",
    "Usage: core show function <function>\n       What a function gives and how it is used.\n",
    complete=_function_names,
)
def show_function(context: Context, words: list[str]) -> None:
    if len(words) != 1:
        raise UsageShown
    entry = FUNCTIONS.get(words[0]) or FUNCTIONS.get(words[0].upper())
    if entry is None:
        raise CommandFailed("No function by that name registered.")
    context.lines(info_lines(entry, "Function"))
