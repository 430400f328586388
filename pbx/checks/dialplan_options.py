"""Option letters that an application does not have."""

from __future__ import annotations

from pbx.checks.configuration import Configuration
from pbx.checks.dialplan import line_of, steps
from pbx.dialplan import registry
from pbx.dialplan.arguments import parse_options, split


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


CHECKERS = (option_letters,)
