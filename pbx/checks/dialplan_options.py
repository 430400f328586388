"""Arguments that an application does not have: unknown option letters, and arguments divided as in old versions."""

from __future__ import annotations

from collections.abc import Iterator

from pbx.checks.configuration import Configuration
from pbx.checks.dialplan import line_of, steps
from pbx.checks.dialplan_jumps import cut
from pbx.dialplan import registry
from pbx.dialplan.arguments import parse_options, split

#: applications whose arguments `|` divided before Asterisk 1.6, and hold no `|` today
_DIVIDED = frozenset(
    "authenticate background chanspy dial disa goto gotoif gotoiftime gosub gosubif playback read record retrydial "
    "waitexten".split()
)


def option_letters(configuration: Configuration) -> None:
    """Each letter of an `options` argument must be one of the application's."""
    registry.load_all()
    positions: dict[str, int] = {}
    for _, extension, priority in steps(configuration):
        application = registry.APPLICATIONS.get(priority.application)
        if application is None or not application.options or any(len(o.letter) > 1 for o in application.options):
            continue  # some take words (skip, noanswer) in place of letters
        at = positions.get(application.name)
        if at is None:
            at = positions[application.name] = options_position(application.syntax)
        arguments = split(priority.data, raw=True)
        if not 0 <= at < len(arguments):
            continue
        written, _ = parse_options(arguments[at])
        if "$" in written:
            continue  # a variable holds some of them
        known = application.letters
        for letter in written:
            if letter in known or letter.isspace():
                continue
            message = f"{application.name} has no option '{letter}'; it is ignored"
            advice = f"one of {''.join(known)}: core show application {application.name}"
            configuration.found.warning(
                priority.place, message, text=line_of(extension, priority), advice=advice, code="no-such-option"
            )


def options_position(syntax: str) -> int:
    """Which argument of an application's syntax is `options`, -1 if none is."""
    inside = syntax.partition("(")[2].removesuffix(")")
    names = [name.strip("[]") for name in inside.replace("[,", ",[").split(",")]
    return names.index("options") if "options" in names else -1


def separators(configuration: Configuration) -> None:
    """`Goto(context|s|1)`: the bar divides nothing any more, the whole is one argument."""
    for _, extension, priority in steps(configuration):
        if priority.application.lower() not in _DIVIDED or "|" not in priority.data or "," in priority.data:
            continue
        if not any(mark for _, mark, _ in _halves(priority.data)):
            continue
        configuration.found.warning(
            configuration.place_in(priority, priority.data),
            "'|' divides no arguments since Asterisk 1.6: all of this is one",
            text=line_of(extension, priority),
            advice=f"{priority.application}({_commas(priority.data)})",
            code="old-separator",
        )


def _commas(data: str) -> str:
    """With commas for each `|` outside of variables and expressions."""
    head, mark, rest = cut(data, "|")
    return f"{head},{_commas(rest)}" if mark else data


def _halves(data: str) -> Iterator[tuple[str, str, str]]:
    """Where a `|` outside of variables and expressions stands, in the data or behind its `?`."""
    yield cut(data, "|")
    yield cut(cut(data, "?")[2], "|")


CHECKERS = (option_letters, separators)
