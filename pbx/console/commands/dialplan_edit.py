"""dialplan add, remove, save, set extenpatternmatchnew: changes that live until the next reload."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
from collections.abc import Iterator

from pbx.conf.document import Document
from pbx.console.commands.dialplan_ask import contexts as context_names
from pbx.console.registry import CommandFailed, Context, UsageShown, command
from pbx.dialplan.dialplan import Dialplan
from pbx.dialplan.includes import parse_include
from pbx.dialplan.loader import shrink_number
from pbx.dialplan.model import HINT, NOWHERE, IgnorePattern, Priority, Taken
from pbx.dialplan.model import Context as DialplanContext
from pbx.dialplan.patterns import BadPattern
from pbx.dialplan.registry import APPLICATIONS
from pbx.slices import in_slices

#: extensions that completion offers at most
MOST_CHOICES = 500


def _dialplan(context: Context) -> Dialplan:
    return context.pbx.dialplan.services.dialplan


# ---- add -------------------------------------------------------------------------------------------------


def _complete_into(context: Context, before: list[str], prefix: str) -> list[str]:
    """`before` are all words typed so far, the command's own three too."""
    if len(before) == 4:
        return ["into"]
    return context_names(context, before, prefix) if len(before) == 5 else []


def _complete_extension(context: Context, before: list[str], prefix: str) -> list[str]:
    if len(before) == 6:
        return ["replace"]
    if len(before) > 3 or prefix.count(",") != 2:
        return _complete_into(context, before, prefix)
    head = prefix.rpartition(",")[0]
    return [f"{head},{name}" for name in APPLICATIONS.names()]


_NUMBER = re.compile(r"\s*([-+]?\d{1,30})")


def _number(text: str) -> int | None:
    """The number of a priority as written (what stands behind the digits does not count); None if it is none."""
    if text == "hint":
        return HINT
    found = _NUMBER.match(text)
    return int(found[1]) if found else None


@command(
    "dialplan add extension",
    "Add new extension into context",
    "Usage: dialplan add extension <exten>,<priority>,<app> into <context> [replace]\n"
    "\n"
    "       app can be either:\n"
    "         app-name\n"
    "         app-name(app-data)\n"
    "         app-name,<app-data>\n"
    "\n"
    "       The extension is there until the dialplan is loaded anew.  One that has the\n"
    "       same priority already stays, unless 'replace' is given.\n",
    complete=_complete_extension,
)
def add_extension(context: Context, words: list[str]) -> None:
    if len(words) not in (3, 4) or words[1] != "into" or (len(words) == 4 and words[3] != "replace"):
        raise UsageShown
    exten, more, rest = words[0].partition(",")
    step, _, call = rest.partition(",")
    exten, slash, caller = exten.partition("/")
    number = _number(step)
    if not more:
        raise UsageShown
    if number is None:
        context.line(f"'{step}' is not a valid priority")
        raise UsageShown
    if not call:
        raise UsageShown
    application, data = _call(call)
    name, dialplan, replace = words[2], _dialplan(context), len(words) == 4
    if not dialplan.has_context(name):
        context.line(f"Context '{name}' did not exist prior to add extension - the context will be created.")
    place = dialplan.context(name)
    shown = f"{exten},{step},{application}({data})"
    priority = Priority(number, application, data)
    matched = shrink_number(caller) if slash else None
    before = None
    with contextlib.suppress(BadPattern):
        before = place.extension(exten, matched)
    try:
        if not exten:
            raise BadPattern(exten)
        place.add(exten, priority, matched, replace=replace)
    except Taken:
        raise CommandFailed(f"Extension {exten}@{name} with priority {step} already exists") from None
    except BadPattern:
        raise CommandFailed(f"Failed to add '{shown}' extension into '{name}' context") from None
    if replace and before is not None:
        context.line(f"Extension {exten}@{name} ({step}) replace by '{shown}'")
    else:
        context.line(f"Extension '{shown}' added into '{name}' context")


def _call(text: str) -> tuple[str, str]:
    """(application, data) of `app`, `app(data)` or `app,data`."""
    opened, closed = text.find("("), text.rfind(")")
    if opened >= 0 and closed >= 0:
        return text[:opened], text[opened + 1 : closed]
    application, _, data = text.partition(",")
    return application, data


@command(
    "dialplan add include",
    "Include context in other context",
    "Usage: dialplan add include <context> into <context>\n       Include a context in another context.\n",
    complete=lambda context, before, prefix: (
        context_names(context, before, prefix) if len(before) == 3 else _complete_into(context, before, prefix)
    ),
)
def add_include(context: Context, words: list[str]) -> None:
    if len(words) != 3 or words[1] != "into":
        raise UsageShown
    what, _, name = words
    dialplan = _dialplan(context)
    if not dialplan.has_context(name):
        context.line(f"Context '{name}' did not exist prior to add include - the context will be created.")
    place = dialplan.context(name)
    if any(include.text.lower() == what.lower() for include in place.includes):
        raise CommandFailed(f"Context '{what}' already included in '{name}' context")
    place.includes.append(parse_include(what, NOWHERE))
    context.line(f"Context '{what}' included in '{name}' context")


@command(
    "dialplan add ignorepat",
    "Add new ignore pattern",
    "Usage: dialplan add ignorepat <pattern> into <context>\n"
    "       Dial tone goes on after digits that match such a pattern.\n"
    "\n"
    "Example: dialplan add ignorepat _3XX into local\n",
    complete=_complete_into,
)
def add_ignorepat(context: Context, words: list[str]) -> None:
    if len(words) != 3 or words[1] != "into":
        raise UsageShown
    pattern, _, name = words
    place = _dialplan(context).contexts.get(name)
    if place is None:
        raise CommandFailed(f"Failed to add ignore pattern '{pattern}' into '{name}' context")
    if any(ignored.pattern.lower() == pattern.lower() for ignored in place.ignore_patterns):
        raise CommandFailed(f"Ignore pattern '{pattern}' already included in '{name}' context")
    place.ignore_patterns.append(IgnorePattern(pattern))
    context.line(f"Ignore pattern '{pattern}' added into '{name}' context")


# ---- remove ----------------------------------------------------------------------------------------------


def _extensions(context: Context, before: list[str], prefix: str) -> list[str]:
    if len(before) > 3:
        return []
    begun = prefix.partition("@")[0]
    places = _dialplan(context).contexts.values()
    where = ((e, place) for place in places for key in place.group_keys() for e in place.group(key))
    found = (f"{e.name}@{place.name}" for e, place in where if e.name.startswith(begun))
    return list(itertools.islice(found, MOST_CHOICES))


@command(
    "dialplan remove extension",
    "Remove a specified extension",
    "Usage: dialplan remove extension exten[/cid]@context [priority]\n"
    "       Remove an extension from a context, or only that priority of it.\n",
    complete=_extensions,
)
def remove_extension(context: Context, words: list[str]) -> None:
    if len(words) not in (1, 2):
        raise UsageShown
    number = None
    if len(words) == 2:
        if words[1] != "hint" and words[1].strip("0123456789"):
            raise CommandFailed(f"Invalid priority '{words[1]}'")
        number = HINT if words[1] == "hint" else int(words[1] or 0)
        if number == 0:
            raise CommandFailed("If you want to remove whole extension, please omit priority argument")
    exten, _, name = words[0].rpartition("@")
    if not exten or not name:
        raise CommandFailed(f"Missing extension or context name in third argument '{words[0]}'")
    whole, (exten, slash, caller) = exten, exten.partition("/")
    place = _dialplan(context).contexts.get(name)
    removed = False
    if place is not None:
        with contextlib.suppress(BadPattern):
            # without /cid the first one of that name is meant, be it for one caller
            same = () if slash else place.named(exten)
            matched = same[0].caller if same else shrink_number(caller) if slash else None
            removed = place.remove(exten, number, matched)
    if not removed:
        raise CommandFailed(f"Failed to remove extension {whole}@{name}")
    if number is None:
        context.line(f"Whole extension {exten}@{name} removed")
    else:
        context.line(f"Extension {exten}@{name} with priority {number} removed")


def _complete_from(context: Context, before: list[str], prefix: str) -> list[str]:
    if len(before) == 4:
        return ["from"]
    return context_names(context, before, prefix) if len(before) == 5 else []


@command(
    "dialplan remove include",
    "Remove a specified include from context",
    "Usage: dialplan remove include <context> from <context>\n"
    "       Remove an included context from another context.\n",
    complete=lambda context, before, prefix: (
        context_names(context, before, prefix) if len(before) == 3 else _complete_from(context, before, prefix)
    ),
)
def remove_include(context: Context, words: list[str]) -> None:
    if len(words) != 3 or words[1] != "from":
        raise UsageShown
    what, _, name = words
    place = _dialplan(context).contexts.get(name)
    left = [include for include in place.includes if include.text != what] if place is not None else []
    if place is None or len(left) == len(place.includes):
        raise CommandFailed(f"Failed to remove '{what}' include from '{name}' context")
    place.includes[:] = left
    context.line(f"We are not including '{what}' into '{name}' now")


@command(
    "dialplan remove ignorepat",
    "Remove ignore pattern from context",
    "Usage: dialplan remove ignorepat <pattern> from <context>\n"
    "       Remove an ignore pattern from a context.\n"
    "\n"
    "Example: dialplan remove ignorepat _3XX from local\n",
    complete=_complete_from,
)
def remove_ignorepat(context: Context, words: list[str]) -> None:
    if len(words) != 3 or words[1] != "from":
        raise UsageShown
    pattern, _, name = words
    place = _dialplan(context).contexts.get(name)
    if place is None:
        raise CommandFailed(f"Failed to remove ignore pattern '{pattern}' from '{name}' context")
    left = [ignored for ignored in place.ignore_patterns if ignored.pattern != pattern]
    if len(left) == len(place.ignore_patterns):
        raise CommandFailed(f"There is no existence of '{pattern}' ignore pattern in '{name}' context")
    place.ignore_patterns[:] = left
    context.line(f"Ignore pattern '{pattern}' removed from '{name}' context")


@command(
    "dialplan remove context",
    "Remove a specified context",
    "Usage: dialplan remove context <context>\n       Removes all extensions from a specified context.\n",
    complete=lambda context, before, prefix: context_names(context, before, prefix) if len(before) == 3 else [],
)
def remove_context(context: Context, words: list[str]) -> None:
    if len(words) != 1:
        raise UsageShown
    if _dialplan(context).contexts.pop(words[0], None) is None:
        context.line(f"There is no such context as '{words[0]}'")
    else:
        context.line(f"Removed context '{words[0]}'")


# ---- the matcher -----------------------------------------------------------------------------------------


async def _matcher(context: Context, words: list[str], new: bool) -> None:
    if words:
        raise UsageShown
    before = await in_slices(context.pbx.reactor, _dialplan(context).match_newly(new))
    did = "Still" if before == new else "Switched to"
    which = "NEW" if new else "OLD"
    context.line(f"\n    -- {did} using the {which} pattern match algorithm for extension names in the dialplan.")


@command(
    "dialplan set extenpatternmatchnew true",
    "Use the New extension pattern matching algorithm.",
    "Usage: dialplan set extenpatternmatchnew true\n"
    "       Patterns are tried in another order then, and gaps of priorities are not filled\n"
    "       from other patterns.  Look-ups are as fast with either here.\n",
)
async def use_new_matcher(context: Context, words: list[str]) -> None:
    await _matcher(context, words, True)


@command(
    "dialplan set extenpatternmatchnew false",
    "Use the Old extension pattern matching algorithm.",
    "Usage: dialplan set extenpatternmatchnew false\n"
    "       The order of search that Asterisk has by default; 'dialplan explain' tells why\n"
    "       an extension wins.\n",
)
async def use_old_matcher(context: Context, words: list[str]) -> None:
    await _matcher(context, words, False)


# ---- save ------------------------------------------------------------------------------------------------


@command(
    "dialplan save",
    "Save current dialplan into a file",
    "Usage: dialplan save [/path/to/extension/file]\n"
    "       Writes the contexts of extensions.conf as they stand now, with what was added\n"
    "       here, but without comments and templates.  Needs static=yes and\n"
    "       writeprotect=no in [general].\n"
    "\n"
    "Example: dialplan save                 (extensions.conf of the configuration folder)\n"
    "         dialplan save /home/markster  (/home/markster/extensions.conf)\n",
)
def save(context: Context, words: list[str]) -> None:
    if len(words) > 1:
        raise UsageShown
    dialplan = _dialplan(context)
    if not dialplan.settings.static or dialplan.settings.writeprotect:
        raise CommandFailed(
            "I can't save dialplan now, see 'extensions.conf': [general] must say static=yes and writeprotect=no"
        )
    path = context.pbx.conf.etc("extensions.conf")
    if words:
        # as Asterisk has it: a folder, or the beginning of the file's name
        path = words[0] if words[0].endswith(".conf") else f"{words[0]}{_slash(words[0])}extensions.conf"
    document = context.pbx.dialplan.read_config("extensions.conf")
    temporary = f"{path}.new"
    try:
        with open(temporary, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.writelines(f"{line}\n" for line in saved(dialplan, document))
        with contextlib.suppress(OSError):
            os.chmod(temporary, os.stat(path).st_mode & 0o777)
        os.replace(temporary, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise CommandFailed(f"Failed to create file '{path}'") from None
    context.line(f"Dialplan successfully saved into '{path}'")


def _slash(folder: str) -> str:
    return "/" if os.path.isdir(folder) and not folder.endswith("/") else ""


def saved(dialplan: Dialplan, document: Document | None) -> Iterator[str]:
    """The lines of a file that loads to this dialplan; `document` is the present file, for its [globals]."""
    settings = dialplan.settings
    yield "[general]"
    for name in ("static", "writeprotect", "autofallthrough", "clearglobalvars", "extenpatternmatchnew"):
        yield f"{name}={'yes' if getattr(settings, name) else 'no'}"
    if settings.userscontext != "default":
        yield f"userscontext={settings.userscontext}"
    yield ""
    variables = document.section("globals") if document is not None else None
    if variables is not None:
        yield "[globals]"
        for entry in variables:
            yield f"{entry.name} => {_escaped(entry.value)}"
        yield ""
    for context in reversed(dialplan.contexts.values()):
        if context.registrar == "pbx_config":
            yield from _saved_context(context)


def _escaped(text: str) -> str:
    return text.replace(";", "\\;")


def _saved_context(context: DialplanContext) -> Iterator[str]:
    yield f"[{context.name}]"
    for extension in context:
        name = extension.name if extension.caller is None else f"{extension.name}/{extension.caller}"
        own = [p for p in extension.in_order() if p.registrar == "pbx_config"]
        for priority in own:
            if priority.number == HINT:
                yield f"exten => {name},hint,{_escaped(priority.application)}"
            else:
                label = f"({priority.label})" if priority.label is not None else ""
                call = f"{priority.application}({priority.data})"
                yield f"exten => {name},{priority.number}{label},{_escaped(call)}"
        if own:
            yield ""
    groups = (
        [f"include => {_escaped(include.text)}" for include in context.includes],
        [f"ignorepat => {_escaped(ignored.pattern)}" for ignored in context.ignore_patterns],
        [f"{'eswitch' if s.evaluate else 'switch'} => {s.name}/{_escaped(s.data)}" for s in context.switches],
    )
    for group in groups:
        if group:
            yield from group
            yield ""
