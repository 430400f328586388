"""keys ...: the RSA keys of logins."""

from __future__ import annotations

from pbx.console.registry import Context, UsageShown, command

ROW = "{:<18} {:<8} {:<16} {:<32} "


@command(
    "keys show",
    "Displays RSA key information",
    "Usage: keys show\n       The RSA keys, and whether they can be used.\n",
)
def show(context: Context, words: list[str]) -> None:
    if words:
        raise UsageShown
    context.line(ROW.format("Key Name", "Type", "Status", "Sum"))
    context.line(ROW.format("------------------", "--------", "----------------", "--------------------------------"))
    keys = list(context.pbx.keys.keys)
    for key in keys:
        status = "[Loaded]" if key.usable else "[Needs Passcode]" if key.needs_passphrase else "[Not Loaded]"
        context.line(ROW.format(key.name, "PRIVATE" if key.private else "PUBLIC", status, key.sum))
    context.line()
    context.line(f"{len(keys)} known RSA keys.")
    problems = [f"{key.path}: {key.problem}" for key in keys if key.problem]
    context.lines(problems)


@command(
    "keys init",
    "Initialize RSA key passcodes",
    "Usage: keys init [<name> <passphrase>]\n"
    "       Opens private keys that have a passphrase; without arguments, says\n"
    "       which ones wait.\n",
)
def init(context: Context, words: list[str]) -> None:
    keys = context.pbx.keys.keys
    if not words:
        for key in keys.locked():
            context.line(f"{key.name} waits for its passphrase: keys init {key.name} <passphrase>")
        return
    if len(words) != 2:
        raise UsageShown
    why = keys.unlock(words[0], words[1])
    context.line(f"{words[0]}: {why}" if why else f"{words[0]} is open now.")
