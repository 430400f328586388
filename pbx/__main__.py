"""The command `pbx`.  Light on purpose: `pbx -rx` loads neither Twisted nor numpy."""

from __future__ import annotations

import os
import sys

from pbx import __version__
from pbx.options import SUBCOMMANDS, UsageError, parse, usage


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    if arguments is None:
        arguments = sys.argv[1:]
        called = os.path.basename(sys.argv[0])
        if called == "astgenkey":
            arguments = ["genkey", *arguments]
        elif called == "rasterisk":
            arguments = ["-r", *arguments]
    if arguments and arguments[0] in dict(SUBCOMMANDS):
        return _subcommand(arguments[0], arguments[1:])
    try:
        options = parse(arguments)
    except UsageError as error:
        print(f"pbx: {error}\nTry 'pbx -h'.", file=sys.stderr)
        return 2
    if options.help:
        sys.stdout.write(usage())
        return 0
    if options.version:
        print(f"pbx {__version__}")
        return 0
    if options.remote:
        from pbx import client

        return client.run(options)
    from pbx import start

    return start.run(options)


def _subcommand(name: str, arguments: list[str]) -> int:
    """Each subcommand is a module of its own with `main(arguments)`, imported only when asked for."""
    import importlib

    try:
        module = importlib.import_module(f"pbx.{name}")
    except ModuleNotFoundError as error:
        print(f"pbx: {name} cannot run here: {error}", file=sys.stderr)
        return 1
    status: int = module.main(arguments)
    return status


if __name__ == "__main__":
    sys.exit(main())
