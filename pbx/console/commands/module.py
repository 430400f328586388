"""module ...: services that go down and come back, and the names that people know."""

from __future__ import annotations

from pbx.console.registry import CommandFailed, Context, UsageShown, command
from pbx.modules import CannotLoad, bare

ROW = "{:<30} {:<40.40} {:<10} {:<11} {:>13}"


def _names(context: Context, before: list[str], prefix: str) -> list[str]:
    return context.pbx.modules.names()


@command(
    "module show [like]",
    "List modules and info",
    "Usage: module show [like keyword]\n       Asterisk's names for what runs here, and whether it does.\n",
    complete=_names,
)
def show(context: Context, words: list[str]) -> None:
    like = context.own[-1].lower() == "like"
    if (like and len(words) != 1) or (not like and words):
        raise UsageShown
    wanted = words[0].lower() if words else ""
    rows = [module for module in context.pbx.modules if wanted in (module.name + ".so").lower()]
    context.line(ROW.format("Module", "Description", "Use Count", "Status", "Support Level"))
    for module in rows:
        context.line(
            ROW.format(module.name + ".so", module.description, module.use_count(), module.status, module.support)
        )
    context.line(f"{len(rows)} modules loaded")


@command(
    "module load",
    "Load a module by name",
    "Usage: module load <module name>\n       Starts a service.\n",
    complete=_names,
)
async def load(context: Context, words: list[str]) -> None:
    if len(words) != 1:
        raise UsageShown
    module = context.pbx.modules.get(words[0])
    if module is None:
        raise CommandFailed(f"Unable to load module {words[0]}")
    if module.running:
        if not module.service:
            context.line(f"{module.name} is built in: {module.description}")
            return
        raise CommandFailed(f"Unable to load module {words[0]}: it runs already")
    try:
        await context.pbx.modules.start(module.name)
    except CannotLoad as error:
        raise CommandFailed(f"Unable to load module {words[0]}: {error}") from None
    context.line(f"Loaded {words[0]}")


@command(
    "module unload",
    "Unload a module by name",
    "Usage: module unload <module name>\n       Ends a service; 'module load' brings it back.\n",
    complete=_names,
)
async def unload(context: Context, words: list[str]) -> None:
    names = [word for word in words if not word.startswith("-")]
    if not names:
        raise UsageShown
    for name in names:
        module = context.pbx.modules.get(name)
        if module is None or not module.running:
            raise CommandFailed(f"Unable to unload resource {name}")
        if not module.service:
            raise CommandFailed(f"Unable to unload resource {name}: it is built in ({module.description})")
        await context.pbx.modules.stop(module.name)
        context.line(f"Unloaded {name}")


@command(
    "module reload",
    "Reload configuration for a module",
    "Usage: module reload [module ...]\n       Reads the configuration of these modules anew, or of all.\n",
    complete=_names,
)
async def reload(context: Context, words: list[str]) -> None:
    if not words:
        await context.pbx.reload()
        return
    for word in words:
        module = context.pbx.modules.get(word)
        if bare(word) == "logger":
            context.pbx.reload_logger()
        elif module is None:
            raise CommandFailed(f"No such module '{word}'")
        elif await context.pbx.modules.reload(module.name):
            context.line(f"Module '{word}' reloaded successfully.")
        elif not module.running:
            context.line(f"Module '{word}' is not running.")
        else:
            context.line(f"The module '{word}' does not support reloads")


@command(
    "module refresh",
    "Completely unloads and loads a module by name",
    "Usage: module refresh <module name>\n       Ends a service and starts it again.\n",
    complete=_names,
)
async def refresh(context: Context, words: list[str]) -> None:
    if len(words) != 1:
        raise UsageShown
    await unload(context, words)  # type: ignore[misc]
    await load(context, words)  # type: ignore[misc]
