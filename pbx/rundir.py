"""Where the control socket is, found in asterisk.conf without loading the whole reader (it costs more than `-rx` may).

Only the plain form is understood here: sections and `key => value` lines.
Whatever needs more (includes, templates, block comments) is left to
`asteriskconf`, and gives the same answer there.
"""

from __future__ import annotations

import os

_DEFAULTS = {"astrundir": "/var/run/asterisk", "astctl": "asterisk.ctl"}
_WANTED = {("directories", "astrundir"), ("files", "astctl")}


def socket_path(config: str, etc: str, run: str) -> str:
    """The control socket of the PBX that `-C config --etc etc --run run` means."""
    path = config or os.path.join(etc or "/etc/asterisk", "asterisk.conf")
    found = dict(_DEFAULTS)
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            plain = _scan(file.read(), found)
    except OSError:
        plain = not config  # a file that was named has to be there: let the whole reader say what is wrong
    if not plain:
        from pbx import asteriskconf

        return asteriskconf.load(config, etc=etc, run=run).socket
    return os.path.join(os.path.abspath(run) if run else found["astrundir"], found["astctl"])


def _scan(text: str, found: dict[str, str]) -> bool:
    """Take the wanted values into `found`; False when the text holds more than the plain form."""
    if ";--" in text or "\\" in text:
        return False
    section, template = "", False
    seen: set[str] = set()
    for line in text.splitlines():
        line = line.partition(";")[0].strip()
        if not line:
            continue
        if line[0] == "#":
            return False
        if line[0] == "[":
            section, _, options = line[1:].partition("]")
            section = section.strip().lower()
            template = options.strip() == "(!)"
            if options.strip() and not template:
                return False
            if section in seen:
                return False
            seen.add(section)
            continue
        name, equals, value = line.partition("=")
        name = name.strip().rstrip("+").lower()
        if not template and equals and (section, name) in _WANTED:
            found[name] = value.removeprefix(">").strip()
    return True
