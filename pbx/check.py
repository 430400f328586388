"""`pbx check`: reads the configuration as the daemon would, and prints every mistake in it.

Each finding is `file:line:column: severity: what is wrong`, the line, and what to write instead. Exit status: 0 all
is well (notices do not count), 1 there are errors or warnings, 2 wrong usage.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any, TextIO

from pbx.conf.diagnostics import Diagnostic, Diagnostics, Severity

OK, MISTAKES, USAGE = 0, 1, 2


def main(arguments: Sequence[str] | None = None, out: TextIO | None = None) -> int:
    """Run the command; returns its exit status."""
    parser = argparse.ArgumentParser(
        prog="pbx check", description="Read the configuration and print every mistake with file:line:column."
    )
    parser.add_argument("-C", dest="config", default="", metavar="FILE", help="asterisk.conf to start from")
    parser.add_argument("--etc", default="", metavar="DIR", help="configuration folder, whatever [directories] says")
    parser.add_argument("-X", dest="allow_exec", action="store_true", help="allow #exec in configuration files")
    parser.add_argument("-q", "--quiet", action="store_true", help="no notices")
    parser.add_argument("--json", action="store_true", help="print JSON")
    try:
        options = parser.parse_args(arguments)
    except SystemExit as error:
        return USAGE if error.code else OK
    found, files = check(options.config, options.etc, allow_exec=options.allow_exec)
    out = sys.stdout if out is None else out
    shown = [d for d in in_order(found) if not options.quiet or d.severity > Severity.NOTICE]
    if options.json:
        json.dump([as_json(diagnostic) for diagnostic in shown], out, indent=1)
        out.write("\n")
    else:
        out.writelines(f"{diagnostic}\n" for diagnostic in shown)
        out.write(summary(found, files) + "\n")
    return MISTAKES if found.at_least(Severity.WARNING) else OK


def check(config: str = "", etc: str = "", *, allow_exec: bool = False) -> tuple[Diagnostics, int]:
    """Read and check a configuration; returns the findings and how many files were read."""
    from pbx.checks import all_checkers
    from pbx.checks.configuration import read_configuration

    configuration = read_configuration(config, etc, allow_exec=allow_exec)
    for checker in all_checkers():
        checker(configuration)
    return configuration.found, configuration.files_read


def in_order(found: Iterable[Diagnostic]) -> list[Diagnostic]:
    """By file in the order of first findings, then by line and column."""
    files: dict[str, int] = {}
    findings = list(found)
    for diagnostic in findings:
        files.setdefault(diagnostic.place.file, len(files))
    return sorted(findings, key=lambda d: (files[d.place.file], d.place.line, d.place.column))


def as_json(diagnostic: Diagnostic) -> dict[str, Any]:
    """A finding as scripts want it."""
    place = diagnostic.place
    return {
        "file": place.file.encode("utf-8", "replace").decode(),
        "line": place.line,
        "column": place.column,
        "severity": diagnostic.severity.name.lower(),
        "code": diagnostic.code,
        "message": diagnostic.message,
        "text": diagnostic.text,
        "write": diagnostic.advice,
    }


def summary(found: Diagnostics, files: int) -> str:
    """The last line."""
    counts = {severity: sum(d.severity is severity for d in found) for severity in Severity}
    if not files:
        return "no configuration file was found"
    words = [
        f"{counts[severity]} {severity.name.lower()}{'' if counts[severity] == 1 else 's'}"
        for severity in sorted(Severity, reverse=True)
    ]
    return f"{', '.join(words)} in {files} file{'' if files == 1 else 's'}"


if __name__ == "__main__":
    sys.exit(main())
