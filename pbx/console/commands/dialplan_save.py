"""dialplan save: the contexts of extensions.conf as they stand, written to a file that loads to the same."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Generator, Iterable, Iterator
from typing import IO

from pbx.conf.diagnostics import Diagnostics
from pbx.conf.document import Document
from pbx.console.commands.dialplan_words import dialplan_of
from pbx.console.registry import CommandFailed, Context, UsageShown, command
from pbx.dialplan.dialplan import Dialplan
from pbx.dialplan.model import HINT, Extension, Settings
from pbx.dialplan.model import Context as DialplanContext
from pbx.services.reading import read_steps
from pbx.slices import in_slices

#: who wrote what a file holds; other contexts and extensions come from elsewhere
FILE = "pbx_config"
#: lines that are written or looked at in one go
AT_ONCE = 100
_COMMENT = re.compile(r"(?<!\\);")
_DIRECTIVE = re.compile(r"\s*#\s*(?:include|tryinclude|exec)\b", re.IGNORECASE)


@command(
    "dialplan save",
    "Save current dialplan into a file",
    "Usage: dialplan save [/path/to/extension/file]\n"
    "       Writes the contexts of extensions.conf as they stand now, with what was added\n"
    "       here, into one file: comments and templates are not in it, and what came by\n"
    "       #include is written out.  It says how much of that there was, and keeps a file\n"
    "       that was there as <file>.old.  Needs static=yes and writeprotect=no in\n"
    "       [general].\n"
    "\n"
    "Example: dialplan save                 (extensions.conf of the configuration folder)\n"
    "         dialplan save /home/markster  (/home/markster/extensions.conf)\n",
)
async def save(context: Context, words: list[str]) -> None:
    if len(words) > 1:
        raise UsageShown
    dialplan = dialplan_of(context)
    if not dialplan.settings.static or dialplan.settings.writeprotect:
        raise CommandFailed(
            "I can't save dialplan now, see 'extensions.conf': [general] must say static=yes and writeprotect=no"
        )
    path = context.pbx.conf.etc("extensions.conf")
    if words:
        # as Asterisk has it: a folder, or the beginning of the file's name
        path = words[0] if words[0].endswith(".conf") else f"{words[0]}{_slash(words[0])}extensions.conf"
    reactor = context.pbx.reactor
    document = await in_slices(reactor, read_steps(context.pbx, "extensions.conf", Diagnostics()))
    left_out = await in_slices(reactor, _left_out(document))
    temporary, kept = f"{path}.new", f"{path}.old"
    try:
        with open(temporary, "w", encoding="utf-8", errors="surrogateescape") as file:
            whole = await in_slices(reactor, _write(file, dialplan, document))
        if not whole:
            os.unlink(temporary)
            raise CommandFailed("The dialplan was loaded anew meanwhile; nothing is saved")
        there = os.path.exists(path)
        if there:
            shutil.copy2(path, kept)
            os.chmod(temporary, os.stat(path).st_mode & 0o777)
        os.replace(temporary, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise CommandFailed(f"Failed to create file '{path}'") from None
    context.line(f"Dialplan successfully saved into '{path}'")
    if left_out:
        context.line(f"  not in it: {left_out}")
    if there:
        context.line(f"  the file that was there is kept as '{kept}'")


def _slash(folder: str) -> str:
    return "/" if os.path.isdir(folder) and not folder.endswith("/") else ""


def _left_out(document: Document) -> Generator[None, None, str]:
    """How much of the files that the dialplan came from a saved one does not hold, in words; "" for nothing."""
    comments = directives = 0
    for path in document.files:
        with contextlib.suppress(OSError), open(path, encoding="utf-8", errors="surrogateescape") as file:
            for number, line in enumerate(file):
                comments += _COMMENT.search(line) is not None
                directives += _DIRECTIVE.match(line) is not None
                if number % AT_ONCE == 0:
                    yield
    templates = sum(section.is_template for section in document.sections)
    parts = (
        _count(comments, "line with a comment", "lines with comments"),
        _count(templates, "template", "templates"),
        _count(directives, "#include (its lines are written out)", "#includes (their lines are written out)"),
    )
    return ", ".join(part for part in parts if part)


def _count(number: int, one: str, more: str) -> str:
    return f"{number} {one if number == 1 else more}" if number else ""


def _write(file: IO[str], dialplan: Dialplan, document: Document) -> Generator[None, None, bool]:
    """Write `saved` step by step; False when the dialplan was replaced on the way."""
    contexts = dialplan.contexts
    for place in list(contexts.values()):
        yield from place.order_steps()
    for number, line in enumerate(saved(dialplan, document)):
        if dialplan.contexts is not contexts:
            return False
        file.write(f"{line}\n")
        if number % AT_ONCE == 0:
            yield
    return dialplan.contexts is contexts


# ---- the lines -----------------------------------------------------------------------------------------------


def saved(dialplan: Dialplan, document: Document | None) -> Iterator[str]:
    """The lines of a file that loads to this dialplan; `document` is the present file, for its [globals]."""
    yield from _saved_settings(dialplan.settings)
    variables = document.section("globals") if document is not None else None
    if variables is not None:
        yield "[globals]"
        for entry in variables:
            yield f"{entry.name} => {_escaped(entry.value)}"
        yield ""
    # in the order in which they were read, so that a file that is loaded and saved again and again stays as it is
    for context in list(dialplan.contexts.values()):
        if context.registrar == FILE:
            yield from _saved_context(context)


def _saved_settings(settings: Settings) -> Iterator[str]:
    yield "[general]"
    for name in ("static", "writeprotect", "autofallthrough", "clearglobalvars", "extenpatternmatchnew"):
        yield f"{name}={'yes' if getattr(settings, name) else 'no'}"
    if settings.userscontext != "default":
        yield f"userscontext={settings.userscontext}"
    if settings.overrideswitch:
        yield f"overrideswitch={_escaped(settings.overrideswitch)}"
    yield ""


def _escaped(text: str) -> str:
    return text.replace(";", "\\;")


def _saved_context(context: DialplanContext) -> Iterator[str]:
    yield f"[{context.name}]"
    if context.autohints:
        yield "autohints=yes"
    for extension in list(context):
        yield from _saved_extension(extension)
    groups: tuple[Iterable[str], ...] = (
        [f"include => {_escaped(include.text)}" for include in context.includes],
        [f"ignorepat => {_escaped(ignored.pattern)}" for ignored in context.ignore_patterns],
        [f"{'eswitch' if s.evaluate else 'switch'} => {s.name}/{_escaped(s.data)}" for s in context.switches],
    )
    for group in groups:
        if group:
            yield from group
            yield ""


def _saved_extension(extension: Extension) -> Iterator[str]:
    name = extension.name if extension.caller is None else f"{extension.name}/{extension.caller}"
    own = [priority for priority in extension.in_order() if priority.registrar == FILE]
    for priority in own:
        if priority.number == HINT:
            yield f"exten => {name},hint,{_escaped(priority.application)}"
        else:
            label = f"({priority.label})" if priority.label is not None else ""
            call = f"{priority.application}({priority.data})"
            yield f"exten => {name},{priority.number}{label},{_escaped(call)}"
    if own:
        yield ""
