"""Arguments that an application does not have: unknown option letters, and arguments divided as in old versions."""

from __future__ import annotations

from collections.abc import Iterator

from pbx.checks.configuration import Configuration
from pbx.checks.dialplan_calls import calls, cut, divided
from pbx.dialplan import registry
from pbx.dialplan.arguments import parse_options

#: applications whose arguments `|` divided before Asterisk 1.6, and hold no `|` today
_DIVIDED = frozenset(
    "authenticate background chanspy dial disa goto gotoif gotoiftime gosub gosubif playback read record retrydial "
    "waitexten".split()
)


def option_letters(configuration: Configuration) -> None:
    """Each letter of an `options` argument must be one of the application's."""
    registry.load_all()
    positions: dict[str, int] = {}
    for call in calls(configuration):
        application = registry.APPLICATIONS.get(call.application)
        if application is None or not application.options or any(len(o.letter) > 1 for o in application.options):
            continue  # some take words (skip, noanswer) in place of letters
        at = positions.get(application.name)
        if at is None:
            at = positions[application.name] = options_position(application.syntax)
        arguments = divided(call.data)
        if not 0 <= at < len(arguments):
            continue
        start, text = arguments[at]
        written, _ = parse_options(text)
        if "$" in written:
            continue  # a variable holds some of them
        known = application.letters
        for letter in written:
            if letter in known or letter.isspace():
                continue
            message = f"{application.name} has no option '{letter}'; it is ignored"
            advice = f"one of {''.join(known)}: core show application {application.name}"
            call.warn(call.at(start + _letter_at(text, letter)), message, advice, "no-such-option")


def _letter_at(options: str, letter: str) -> int:
    """Where an option letter stands, not within the argument of another."""
    depth = 0
    for at, char in enumerate(options):
        if char == letter and not depth:
            return at
        depth += (char == "(") - (char == ")")
    return 0


def options_position(syntax: str) -> int:
    """Which argument of an application's syntax is `options`, -1 if none is."""
    inside = syntax.partition("(")[2].removesuffix(")")
    names = [name.strip("[]") for name in inside.replace("[,", ",[").split(",")]
    return names.index("options") if "options" in names else -1


def separators(configuration: Configuration) -> None:
    """`Goto(context|s|1)`: the bar divides nothing any more, the whole is one argument."""
    for call in calls(configuration):
        if call.name not in _DIVIDED or "|" not in call.data or "," in call.data:
            continue
        if not any(mark for _, mark, _ in _halves(call.data)):
            continue
        message = "'|' divides no arguments since Asterisk 1.6: all of this is one"
        call.warn(call.at(0), message, f"{call.application}({_commas(call.data)})", "old-separator")


def _commas(data: str) -> str:
    """With commas for each `|` outside of variables and expressions."""
    head, mark, rest = cut(data, "|")
    return f"{head},{_commas(rest)}" if mark else data


def _halves(data: str) -> Iterator[tuple[str, str, str]]:
    """Where a `|` outside of variables and expressions stands, in the data or behind its `?`."""
    yield cut(data, "|")
    yield cut(cut(data, "?")[2], "|")


CHECKERS = (option_letters, separators)
