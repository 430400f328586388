"""help, and what the console says of itself."""

from __future__ import annotations

from collections.abc import Iterable

from pbx.console.registry import Command, Context, command


@command(
    "core show help",
    "Display help list, or specific help on a command",
    "Usage: core show help [topic]\n"
    "       Without a topic: the list of all commands.  With one: how that\n"
    "       command is used, or the commands that begin so.\n",
)
def show_help(context: Context, words: list[str]) -> None:
    registry = context.session.server.registry if context.session is not None else context.pbx.console.registry
    if not words:
        context.lines(registry.help_lines())
        return
    exact = _exact(registry.commands, words)
    if exact is not None:
        context.write(exact.usage)
        return
    lines = registry.help_lines(words)
    if lines:
        context.lines(lines)
    else:
        context.line(f"No such command '{' '.join(words)}'.")


def _exact(commands: Iterable[Command], words: list[str]) -> Command | None:
    """The command whose words are just these (optional ones may be left out)."""
    found = None
    for each in commands:
        if each.matches(words) == len(words) and (found is None or len(each.words) < len(found.words)):
            found = each
    return found


@command(
    "help", "Display help list, or specific help on a command", "Usage: help [topic]\n       As 'core show help'.\n"
)
def help_(context: Context, words: list[str]) -> None:
    show_help(context, words)


@command(
    "cli show aliases",
    "Show CLI command aliases",
    "Usage: cli show aliases\n       Lists the short names of cli_aliases.conf.\n",
)
def show_aliases(context: Context, words: list[str]) -> None:
    aliases = context.pbx.console.registry.aliases
    context.line(f"{'Alias':<32}{'Command'}")
    context.lines(f"{alias:<32}{real}" for alias, real in sorted(aliases.items()))
