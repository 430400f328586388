"""Configuration files that hold something and that nothing here reads."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pbx.channels.log import Log

if TYPE_CHECKING:
    from pbx.daemon import Daemon

log = Log("pbx")


#: configuration files that something here reads
READ = {
    "asterisk.conf",
    "logger.conf",
    "modules.conf",
    "cli_aliases.conf",
    "extensions.conf",
    "indications.conf",
    "say.conf",
    "codecs.conf",
    "iax.conf",
    "acl.conf",
    "dnsmgr.conf",
    "iaxprov.conf",
    "cdr.conf",
    "cdr_custom.conf",
    "cdr_sqlite3_custom.conf",
    "cel.conf",
    "cel_custom.conf",
    "cel_sqlite3_custom.conf",
    "musiconhold.conf",
    "features.conf",
    "amd.conf",
}


def say_unread(daemon: Daemon) -> None:
    """Name, once, the files that hold something and that nothing here reads (yet)."""
    folder = daemon.conf.astetcdir
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(".conf") and name not in READ)
    except OSError:
        return
    included = {os.path.realpath(file) for file in (*daemon.dialplan.files, *daemon.iax2.files)}
    places = []
    for name in names:
        path = os.path.join(folder, name)
        line = 0 if os.path.realpath(path) in included else first_setting(path)
        if line:
            places.append(f"{name}:{line}")
    if places:
        log.notice(f"Not used here (yet), so what they set has no effect: {', '.join(places)} in {folder}")


def first_setting(path: str) -> int:
    """The first line of a file that sets something, 0 if none does.  A quick look, not the whole dialect."""
    commented = False
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            for number, line in enumerate(file, 1):
                text = line.strip()
                if commented:
                    commented = "--;" not in text
                elif text.startswith(";--") and not text.startswith(";---"):
                    commented = "--;" not in text[3:]
                elif text and text[0] not in ";[" and "=" in text:
                    return number
    except OSError:
        return 0
    return 0
