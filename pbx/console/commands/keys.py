"""keys ...: the RSA keys of logins."""

from __future__ import annotations

from pbx.console.registry import CommandFailed, Context, UsageShown, command

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
    "Usage: keys init [<name>]\n"
    "       Opens the private keys that have a passphrase, or that one: asks\n"
    "       for it at the terminal ('pbx -r').  'pbx -i' asks at start.\n",
)
async def init(context: Context, words: list[str]) -> None:
    if len(words) > 1:
        raise UsageShown
    keys = context.pbx.keys.keys
    locked = [key for key in keys.locked() if not words or key.name == words[0]]
    if words and not locked:
        raise CommandFailed(f"No key {words[0]} waits for a passphrase")
    session = context.session
    for key in locked:
        if session is None or not session.interactive:
            context.line(f"{key.name} waits for its passphrase: say 'keys init' in a console at a terminal (pbx -r)")
            continue
        given = await session.ask(f"Passphrase of the key {key.name}: ")
        why = keys.unlock(key.name, given) if given else "no passphrase given"
        context.line(f"{key.name}: {why}" if why else f"{key.name} is open now.")
