"""moh ...: the classes of music on hold."""

from __future__ import annotations

from pbx.console.registry import Context, UsageShown, command


@command(
    "moh show classes",
    "List MusicOnHold classes",
    "Usage: moh show classes\n       Lists all music on hold classes.\n",
)
def show_classes(context: Context, words: list[str]) -> None:
    if words:
        raise UsageShown
    for which in context.pbx.switch.music.classes.values():
        context.line(f"Class: {which.name}")
        context.line(f"\tMode: {which.mode}")
        context.line(f"\tDirectory: {which.directory or 'nodir'}")
        if which.announcement:
            context.line(f"\tAnnouncement: {which.announcement}")
        if which.mode.lower() == "custom":
            context.line(f"\tApplication: {which.application}")
            context.line(f"\tKill Escalation Delay: {which.kill_delay_ms} ms")
            context.line(f"\tKill Method: {which.kill_method}")
        if which.mode.lower() != "files":
            context.line(f"\tFormat: {which.format}")


@command(
    "moh show files",
    "List MusicOnHold file-based classes",
    "Usage: moh show files\n       Lists all loaded file-based music on hold classes and their files.\n",
)
def show_files(context: Context, words: list[str]) -> None:
    if words:
        raise UsageShown
    for which in context.pbx.switch.music.classes.values():
        if which.files:
            context.line(f"Class: {which.name}")
            for file in which.files:
                context.line(f"\tFile: {file}")


@command(
    "moh reload",
    "Reload MusicOnHold",
    "Usage: moh reload\n       Reads musiconhold.conf and the folders of its classes again; who hears music goes on.\n",
)
async def reload(context: Context, words: list[str]) -> None:
    if words:
        raise UsageShown
    await context.pbx.modules.reload("res_musiconhold")
