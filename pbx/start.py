"""From the command line to a running daemon: settings, background, limits, user; then `pbx.daemon`."""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import resource
import signal
import socket
import sys

from pbx import asteriskconf
from pbx.asteriskconf import AsteriskConf
from pbx.conf.diagnostics import Diagnostics, Severity
from pbx.options import Options

#: set in the environment of a process that replaces itself (core restart): it is in the background already
RESTARTED = "PBX_RESTARTED"


class CannotStart(Exception):
    """The PBX cannot start; the text says why and what to do."""


def run(options: Options) -> int:
    """Start the PBX; returns the exit status (of the parent, when the daemon goes to the background)."""
    findings = Diagnostics()
    conf = asteriskconf.load(
        options.config, etc=options.etc, run=options.run, diagnostics=findings, allow_exec=options.execincludes
    )
    if options.config and not conf.exists:
        print(f"pbx: cannot read {options.config}", file=sys.stderr)
        return 1
    merge(conf, options)
    for finding in findings.at_least(Severity.ERROR):
        print(finding, file=sys.stderr)
    try:
        if conf.initcrypto:
            conf.passphrases = ask_passphrases(conf)
        if in_background(conf):
            return _background(conf, options, findings)
        return _serve(conf, options, findings)
    except CannotStart as error:
        print(f"pbx: {error}", file=sys.stderr)
        return 1


def merge(conf: AsteriskConf, options: Options) -> None:
    """The command line outranks asterisk.conf."""
    conf.verbose = max(conf.verbose, options.verbose)
    conf.debug = max(conf.debug, options.debug)
    for name, given in (
        ("console", options.console),
        ("nofork", options.foreground),
        ("alwaysfork", options.fork),
        ("quiet", options.quiet),
        ("timestamp", options.timestamp),
        ("dumpcore", options.dumpcore),
        ("initcrypto", options.initcrypto),
        ("execincludes", options.execincludes),
        ("highpriority", options.highpriority),
        ("nocolor", not options.colour),
        ("runuser", options.user),
        ("rungroup", options.group),
        ("maxcalls", options.maxcalls),
        ("maxload", options.maxload),
        ("minmemfree", options.minmemfree),
    ):
        if given:
            setattr(conf, name, given)
    if conf.autosystemname:
        conf.systemname = socket.gethostname() or conf.systemname or "localhost"


def ask_passphrases(conf: AsteriskConf) -> dict[str, str]:
    """`-i`: the passphrases of the private keys that have one, asked for while there is still a terminal."""
    import getpass

    from pbx.channels.iax2.keys import Keys

    keys = Keys()
    keys.load(conf.keys)
    answers: dict[str, str] = {}
    for key in keys.locked():
        for _ in range(3):
            given = getpass.getpass(f"Passphrase of the key {key.name}: ")
            why = keys.unlock(key.name, given)
            if not why:
                answers[key.name] = given
                break
            print(why, file=sys.stderr)
        else:
            print(f"The key {key.name} stays locked: 'keys init' opens it later.", file=sys.stderr)
    return answers


def in_background(conf: AsteriskConf) -> bool:
    """Whether this process is only the daemon's parent."""
    if os.environ.pop(RESTARTED, None):
        return False
    return conf.alwaysfork or not (conf.nofork or conf.console)


def _background(conf: AsteriskConf, options: Options, findings: Diagnostics) -> int:
    """Fork; the parent waits for the word that the PBX is up, and its exit status says so."""
    conf.console = False
    reading, writing = os.pipe()
    if os.fork():
        os.close(writing)
        with os.fdopen(reading, encoding="utf-8", errors="replace") as word:
            said = word.read()
        if said.startswith("up"):
            return 0
        print(f"pbx: {said or 'ended at start; its log says why'}", file=sys.stderr)
        return 1
    os.close(reading)
    os.setsid()
    if os.fork():
        os._exit(0)
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    os.close(null)
    status = 1

    def tell(word: str) -> None:
        nonlocal writing
        if writing >= 0:
            with contextlib.suppress(OSError):
                os.write(writing, word.encode("utf-8", "replace"))
            os.close(writing)
            writing = -1

    try:
        status = _serve(conf, options, findings, up=lambda: tell("up"))
    except CannotStart as error:
        tell(str(error))
    except BaseException as error:
        tell(f"{type(error).__name__}: {error}")
        raise
    finally:
        tell("")
    os._exit(status)


def _serve(conf: AsteriskConf, options: Options, findings: Diagnostics, up: object = None) -> int:
    """Limits, user, daemon.  Raises CannotStart."""
    from pbx.daemon import serve  # while we may still read whatever Python is made of

    make_directories(conf, options)
    set_limits(conf)
    become(conf)
    return serve(conf, options, findings, up if callable(up) else None)


def make_directories(conf: AsteriskConf, options: Options) -> None:
    """The folders that are written to, while we may still be root; they go to the user that will run."""
    wanted = ["astrundir", "astdbdir", "astlogdir"] + (["astspooldir"] if options.run else [])
    for name in wanted:
        folder = conf.directories[name]
        missing = not os.path.isdir(folder)
        try:
            os.makedirs(folder, mode=0o755, exist_ok=True)
            if missing and os.geteuid() == 0 and (conf.runuser or conf.rungroup):
                uid, gid = identity(conf)
                os.chown(folder, uid, gid)
        except OSError as error:
            raise CannotStart(
                f"cannot make {folder} ({name}): {error.strerror}.  Start as a user who may, or with --run DIR"
            ) from None


def set_limits(conf: AsteriskConf) -> None:
    """maxfiles, dumpcore, highpriority: as far as we may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if conf.maxfiles and conf.maxfiles != soft:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (conf.maxfiles, max(conf.maxfiles, hard)))
    if conf.dumpcore:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    if conf.highpriority:
        try:
            os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(10))
        except OSError as error:
            print(f"pbx: no real-time priority ({error.strerror}); going on without", file=sys.stderr)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)


def identity(conf: AsteriskConf) -> tuple[int, int]:
    """(uid, gid) of runuser and rungroup, -1 where there is none.  Raises CannotStart."""
    try:
        user = pwd.getpwnam(conf.runuser) if conf.runuser else None
        gid = grp.getgrnam(conf.rungroup).gr_gid if conf.rungroup else (user.pw_gid if user else -1)
    except KeyError as error:
        raise CannotStart(f"no such user or group ({error.args[0]})") from None
    return (user.pw_uid if user else -1), gid


def become(conf: AsteriskConf) -> None:
    """Drop to runuser and rungroup.  Raises CannotStart when that is asked for and not possible."""
    if not (conf.runuser or conf.rungroup):
        return
    uid, gid = identity(conf)
    if os.geteuid() != 0:
        if uid not in (-1, os.geteuid()):
            raise CannotStart(f"only root can run as {conf.runuser}")
        return
    if gid >= 0:
        os.setgid(gid)
    if uid >= 0:
        os.initgroups(conf.runuser, gid if gid >= 0 else os.getgid())
        os.setuid(uid)
    elif gid >= 0:
        os.setgroups([gid])
    for needed in (os.__file__, __file__):
        if not os.access(needed, os.R_OK):
            raise CannotStart(
                f"{conf.runuser or conf.rungroup} may not read {needed}: install Python and pbx where that user can"
            )
