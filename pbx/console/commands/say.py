"""say load: whether numbers and dates are said by say.conf or by what is built in."""

from __future__ import annotations

from pbx.console.registry import CommandFailed, Context, UsageShown, command


@command(
    "say load",
    "Set or show the say mode",
    "Usage: say load [new|old]\n       say load: which rules numbers and dates are said by\n"
    "       new: those of say.conf; old: those built in\n",
    complete=lambda context, before, prefix: ["new", "old"],
)
def say_load(context: Context, words: list[str]) -> None:
    say = context.pbx.say_rules
    mode = "new" if say.rules.new else "old"
    if not words:
        context.line(f"say mode is [{mode}]")
        return
    if len(words) > 1 or words[0] not in ("new", "old"):
        raise UsageShown
    if words[0] == mode:
        context.line(f"say mode is {mode} already")
    elif words[0] == "new" and not say.rules.languages:
        raise CommandFailed("There is no say.conf file to use new mode")
    else:
        say.set_new(words[0] == "new")
        context.line(f"setting say mode from {mode} to {words[0]}")
