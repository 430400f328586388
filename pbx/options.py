"""The command line of `pbx`: all of Asterisk's flags, and a few long ones of its own.

Standard library only and quick to import: `pbx -rx` passes through here.
"""

from __future__ import annotations

from types import SimpleNamespace

#: short flags, `:` behind those that take a value; and long ones, `=` behind those
SHORT = "BC:cde:FfG:ghIiL:M:mnpqRrs:TtU:VvWXx:"
LONG = ("help", "version", "etc=", "run=", "bind=")

#: flag, argument, what it does; in the order in which `pbx -h` prints them
FLAGS: list[tuple[str, str, str]] = [
    ("-V", "", "Print the version and end"),
    ("-C", "FILE", "Read this asterisk.conf"),
    ("-c", "", "Stay in the foreground, with the console (ends with 'core stop now')"),
    ("-f", "", "Stay in the foreground, without console"),
    ("-F", "", "Go to the background, whatever -v or -d say"),
    ("-r", "", "Connect to the console of a running PBX"),
    ("-R", "", "Like -r, and connect again when the PBX restarts"),
    ("-x", "CMD", "With -r: run one command, print what it prints, end"),
    ("-s", "FILE", "With -r: connect to this control socket"),
    ("-v", "", "More verbose; several times: more"),
    ("-d", "", "More debug; several times: more"),
    ("-m", "", "No log lines on this console until 'logger mute'"),
    ("-n", "", "No colours"),
    ("-q", "", "Quiet: say nothing at start"),
    ("-T", "", "A time before each verbose line"),
    ("-B", "", "No effect: the colours fit black and light backgrounds"),
    ("-W", "", "No effect, likewise"),
    ("-G", "GROUP", "Run as this group"),
    ("-U", "USER", "Run as this user"),
    ("-L", "LOAD", "Take no new calls above this load average"),
    ("-M", "CALLS", "At most so many calls at once"),
    ("-e", "MB", "Take no new calls when less memory is free"),
    ("-g", "", "Dump core when it crashes"),
    ("-i", "", "Ask for the passphrases of the RSA keys at start"),
    ("-X", "", "Allow #exec in configuration files"),
    ("-p", "", "Run with real-time priority"),
    ("-t", "", "No effect: recordings are written straight to their place"),
    ("-I", "", "No effect: timing is built in"),
    ("-h", "", "Print this help"),
    ("--etc", "DIR", "Configuration (and keys/) from this folder, whatever [directories] says"),
    ("--run", "DIR", "Socket, pid file, database, logs and spool below this folder (made if missing)"),
    ("--bind", "ADDRESS", "IAX2 on this address (or address:port), whatever iax.conf says; with :0 any port"),
]

SUBCOMMANDS: list[tuple[str, str]] = [
    ("check", "Read the configuration and print every mistake with file:line:column"),
    ("genkey", "Make a pair of RSA keys, as astgenkey does"),
    ("demo", "Two boxes on this machine, linked over IAX2, and a call between them"),
]


class UsageError(Exception):
    """The command line makes no sense; the text says why."""


class Options(SimpleNamespace):
    """What the command line said.  Fields as in `parse`."""

    config: str
    etc: str
    run: str
    bind: str
    foreground: bool
    console: bool
    fork: bool
    remote: bool
    reconnect: bool
    execute: str | None
    socket: str
    verbose: int
    debug: int
    mute: bool
    colour: bool
    background: str
    quiet: bool
    timestamp: bool
    user: str
    group: str
    maxload: float | None
    maxcalls: int | None
    minmemfree: int | None
    dumpcore: bool
    initcrypto: bool
    execincludes: bool
    highpriority: bool
    recordcache: bool
    help: bool
    version: bool


_SWITCHES: dict[str, tuple[str, object]] = {
    "-B": ("background", "black"),
    "-c": ("console", True),
    "-F": ("fork", True),
    "-f": ("foreground", True),
    "-g": ("dumpcore", True),
    "-h": ("help", True),
    "-i": ("initcrypto", True),
    "-m": ("mute", True),
    "-n": ("colour", False),
    "-p": ("highpriority", True),
    "-q": ("quiet", True),
    "-r": ("remote", True),
    "-T": ("timestamp", True),
    "-t": ("recordcache", True),
    "-V": ("version", True),
    "-W": ("background", "light"),
    "-X": ("execincludes", True),
    "--help": ("help", True),
    "--version": ("version", True),
}
_VALUES: dict[str, tuple[str, type]] = {
    "-C": ("config", str),
    "-G": ("group", str),
    "-U": ("user", str),
    "-s": ("socket", str),
    "-L": ("maxload", float),
    "-M": ("maxcalls", int),
    "-e": ("minmemfree", int),
    "--etc": ("etc", str),
    "--run": ("run", str),
    "--bind": ("bind", str),
}


def split(arguments: list[str]) -> tuple[list[tuple[str, str]], list[str]]:
    """(flag, value) pairs, and what is no flag; flags may stand anywhere and be joined (`-rvvvx CMD`).

    As getopt does it; the standard library's takes 7 ms to load.  Raises UsageError.
    """
    flags: list[tuple[str, str]] = []
    rest: list[str] = []
    waiting = list(reversed(arguments))
    while waiting:
        word = waiting.pop()
        if word == "--":
            rest += reversed(waiting)
            break
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            if name + "=" in LONG:
                if not equals:
                    value = _value(word, waiting)
            elif name not in LONG or equals:
                raise UsageError(f"option {word} not recognized")
            flags.append(("--" + name, value))
        elif word.startswith("-") and len(word) > 1:
            letters = word[1:]
            while letters:
                letter, letters = letters[0], letters[1:]
                if letter == ":" or letter not in SHORT:
                    raise UsageError(f"option -{letter} not recognized")
                if SHORT[SHORT.index(letter) + 1 : SHORT.index(letter) + 2] == ":":
                    flags.append(("-" + letter, letters or _value("-" + letter, waiting)))
                    break
                flags.append(("-" + letter, ""))
        else:
            rest.append(word)
    return flags, rest


def _value(flag: str, waiting: list[str]) -> str:
    if not waiting:
        raise UsageError(f"option {flag} requires a value")
    return waiting.pop()


def parse(arguments: list[str]) -> Options:
    """Understand a command line (without the program's name).  Raises UsageError."""
    flags, rest = split(arguments)
    options = Options(
        config="", etc="", run="", bind="", foreground=False, console=False, fork=False, remote=False,
        reconnect=False, execute=None, socket="", verbose=0, debug=0, mute=False, colour=True, background="",
        quiet=False, timestamp=False, user="", group="", maxload=None, maxcalls=None, minmemfree=None,
        dumpcore=False, initcrypto=False, execincludes=False, highpriority=False, recordcache=False,
        help=False, version=False,
    )  # fmt: skip
    for flag, value in flags:
        if flag in _SWITCHES:
            name, setting = _SWITCHES[flag]
            setattr(options, name, setting)
        elif flag in _VALUES:
            name, kind = _VALUES[flag]
            try:
                setattr(options, name, kind(value))
            except ValueError:
                raise UsageError(f"{flag} wants a number, not {value!r}") from None
        elif flag == "-x":
            options.execute = value
        elif flag == "-v":
            options.verbose += 1
        elif flag == "-d":
            options.debug += 1
        elif flag == "-R":
            options.remote = options.reconnect = True
    if rest:
        if options.execute is None:
            raise UsageError(f"do not know what to do with {rest[0]!r}")
        options.execute = " ".join([options.execute, *rest])
    if options.execute is not None:
        options.remote = True
    return options


def usage() -> str:
    """The text of `pbx -h`."""
    lines = ["Usage: pbx [OPTIONS]            start the PBX", "       pbx -r | -rx COMMAND      its console", ""]
    lines += [f"  {flag + ' ' + argument:<16}{text}" for flag, argument, text in FLAGS]
    lines += ["", "Subcommands (each knows -h):"]
    lines += [f"  pbx {name:<12}{text}" for name, text in SUBCOMMANDS]
    return "\n".join(lines) + "\n"
