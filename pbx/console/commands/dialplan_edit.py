"""dialplan add, remove, set extenpatternmatchnew: changes that live until the next reload."""

from __future__ import annotations

import contextlib
import re

from pbx.console.commands import dialplan_words as words_of
from pbx.console.commands.dialplan_words import arguments, dialplan_of
from pbx.console.registry import CommandFailed, Context, UsageShown, command
from pbx.dialplan.includes import parse_include
from pbx.dialplan.loader import shrink_number
from pbx.dialplan.model import HINT, NOWHERE, IgnorePattern, Priority, Taken
from pbx.dialplan.patterns import BadPattern
from pbx.slices import in_slices

# ---- add -------------------------------------------------------------------------------------------------


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
    complete=arguments(3, words_of.new_extension, "into", words_of.contexts, "replace"),
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
    name, dialplan, replace = words[2], dialplan_of(context), len(words) == 4
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
    complete=arguments(3, words_of.contexts, "into", words_of.not_including),
)
def add_include(context: Context, words: list[str]) -> None:
    if len(words) != 3 or words[1] != "into":
        raise UsageShown
    what, _, name = words
    dialplan = dialplan_of(context)
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
    complete=arguments(3, lambda *_: [], "into", words_of.not_ignoring),
)
def add_ignorepat(context: Context, words: list[str]) -> None:
    if len(words) != 3 or words[1] != "into":
        raise UsageShown
    pattern, _, name = words
    place = dialplan_of(context).contexts.get(name)
    if place is None:
        raise CommandFailed(f"Failed to add ignore pattern '{pattern}' into '{name}' context")
    if any(ignored.pattern.lower() == pattern.lower() for ignored in place.ignore_patterns):
        raise CommandFailed(f"Ignore pattern '{pattern}' already included in '{name}' context")
    place.ignore_patterns.append(IgnorePattern(pattern))
    context.line(f"Ignore pattern '{pattern}' added into '{name}' context")


# ---- remove ----------------------------------------------------------------------------------------------


@command(
    "dialplan remove extension",
    "Remove a specified extension",
    "Usage: dialplan remove extension exten[/cid]@context [priority]\n"
    "       Remove an extension from a context, or only that priority of it.\n",
    complete=arguments(3, words_of.extensions, words_of.priorities),
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
    place = dialplan_of(context).contexts.get(name)
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


@command(
    "dialplan remove include",
    "Remove a specified include from context",
    "Usage: dialplan remove include <context> from <context>\n"
    "       Remove an included context from another context.\n",
    complete=arguments(3, words_of.included, words_of.from_including, words_of.including),
)
def remove_include(context: Context, words: list[str]) -> None:
    if len(words) != 3 or words[1] != "from":
        raise UsageShown
    what, _, name = words
    place = dialplan_of(context).contexts.get(name)
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
    complete=arguments(3, words_of.ignored, "from", words_of.ignoring),
)
def remove_ignorepat(context: Context, words: list[str]) -> None:
    if len(words) != 3 or words[1] != "from":
        raise UsageShown
    pattern, _, name = words
    place = dialplan_of(context).contexts.get(name)
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
    complete=arguments(3, words_of.contexts),
)
def remove_context(context: Context, words: list[str]) -> None:
    if len(words) != 1:
        raise UsageShown
    if dialplan_of(context).contexts.pop(words[0], None) is None:
        context.line(f"There is no such context as '{words[0]}'")
    else:
        context.line(f"Removed context '{words[0]}'")


# ---- the matcher -----------------------------------------------------------------------------------------


async def _matcher(context: Context, words: list[str], new: bool) -> None:
    if words:
        raise UsageShown
    before = await in_slices(context.pbx.reactor, dialplan_of(context).match_newly(new))
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
