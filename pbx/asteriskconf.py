"""asterisk.conf as typed settings: directories, files, options.

Standard library only (the console client reads it too).  What an option does
that is not done here is said once, with its file:line.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pbx.conf import reader
from pbx.conf.diagnostics import Diagnostics, Place
from pbx.conf.document import Document, Entry
from pbx.conf.leftovers import other_sections
from pbx.conf.values import is_boolean, is_true

DEFAULT_ETC = "/etc/asterisk"

#: Asterisk's default paths, as Debian builds it
DIRECTORIES: dict[str, str] = {
    "astcachedir": "/var/cache/asterisk",
    "astetcdir": DEFAULT_ETC,
    "astmoddir": "/usr/lib/asterisk/modules",
    "astvarlibdir": "/var/lib/asterisk",
    "astdbdir": "/var/lib/asterisk",
    "astkeydir": "/var/lib/asterisk",
    "astdatadir": "/usr/share/asterisk",
    "astagidir": "/usr/share/asterisk/agi-bin",
    "astspooldir": "/var/spool/asterisk",
    "astrundir": "/var/run/asterisk",
    "astlogdir": "/var/log/asterisk",
    "astsbindir": "/usr/sbin",
}

#: directories that --run moves below one folder: name, sub-folder
_BELOW_RUN = {
    "astrundir": "",
    "astdbdir": "db",
    "astvarlibdir": "lib",
    "astspooldir": "spool",
    "astlogdir": "log",
    "astcachedir": "cache",
}


@dataclass
class AsteriskConf:
    """The settings of asterisk.conf, defaults where it says nothing."""

    path: str
    directories: dict[str, str] = field(default_factory=lambda: dict(DIRECTORIES))
    #: folders named in the file or on the command line, as opposed to defaults
    written: set[str] = field(default_factory=set)
    exists: bool = True

    # [files]
    ctl: str = "asterisk.ctl"
    ctl_permissions: int = 0o660
    ctl_owner: str = ""
    ctl_group: str = ""

    # [options]
    verbose: int = 0
    debug: int = 0
    alwaysfork: bool = False
    nofork: bool = False
    console: bool = False
    quiet: bool = False
    timestamp: bool = False
    execincludes: bool = False
    highpriority: bool = False
    initcrypto: bool = False
    nocolor: bool = False
    dumpcore: bool = False
    languageprefix: bool = True
    systemname: str = ""
    autosystemname: bool = False
    mindtmfduration: int = 80
    maxcalls: int = 0
    maxload: float = 0.0
    maxfiles: int = 0
    minmemfree: int = 0
    transmit_silence: bool = False
    runuser: str = ""
    rungroup: str = ""
    defaultlanguage: str = "en"
    hideconnect: bool = False
    live_dangerously: bool = False
    entityid: str = ""
    sounds_search_custom_dir: bool = False
    disable_remote_console_shell: bool = False
    #: pbx's own: the voice plane as a process of its own
    voiceprocess: bool = True
    #: pbx's own: longest time voice waits for other voice, to be relayed with it, microseconds
    mediatick: int = 2500
    #: passphrases of private keys that were asked for at start (-i): key name -> passphrase
    passphrases: dict[str, str] = field(default_factory=dict, repr=False)
    #: where options were written, for messages: name -> place
    places: dict[str, Place] = field(default_factory=dict)

    def __getattr__(self, name: str) -> str:
        """`conf.astetcdir` and the other directories."""
        if name.startswith("ast"):
            try:
                return str(self.__dict__["directories"][name])
            except KeyError:
                pass
        raise AttributeError(name)

    @property
    def socket(self) -> str:
        """Path of the control socket."""
        return os.path.join(self.directories["astrundir"], self.ctl)

    @property
    def pidfile(self) -> str:
        return os.path.join(self.directories["astrundir"], "asterisk.pid")

    @property
    def database(self) -> str:
        return os.path.join(self.directories["astdbdir"], "astdb.sqlite3")

    @property
    def keys(self) -> str:
        """Folder of the RSA keys: `<astkeydir>/keys`, else that of the data or varlib directory."""
        folders = [os.path.join(self.directories[name], "keys") for name in ("astkeydir", "astdatadir", "astvarlibdir")]
        return next((folder for folder in folders if os.path.isdir(folder)), folders[0])

    @property
    def sounds(self) -> list[str]:
        """Folders of sounds, first match wins: the data directory's, then the two usual ones."""
        folders = [
            os.path.join(self.directories["astdatadir"], "sounds"),
            os.path.join(self.directories["astvarlibdir"], "sounds"),
            "/usr/share/asterisk/sounds",
            "/var/lib/asterisk/sounds",
        ]
        return list(dict.fromkeys(folders))

    def etc(self, name: str) -> str:
        """Path of a configuration file."""
        return os.path.join(self.directories["astetcdir"], name)


def _boolean(entry: Entry) -> bool:
    if not is_boolean(entry.value):
        raise ValueError("yes or no")
    return is_true(entry.value)


def _count(entry: Entry) -> int:
    """verbose and debug take a number, or a yes as 1."""
    if is_boolean(entry.value) and not entry.value.isdigit():
        return int(is_true(entry.value))
    return _number(entry)


def _number(entry: Entry) -> int:
    if not (entry.value.isdecimal() and len(entry.value) < 19):
        raise ValueError("a whole number")
    return int(entry.value)


def _real(entry: Entry) -> float:
    try:
        return float(entry.value)
    except ValueError:
        raise ValueError("a number") from None


def _tick(entry: Entry) -> int:
    """Milliseconds, as microseconds."""
    value = _real(entry)
    if not 1 <= value <= 20:
        raise ValueError("1 to 20 milliseconds, 2.5 for example")
    return round(value * 1000)


def _text(entry: Entry) -> str:
    return entry.value


#: [options]: how each value is read, and what to say when it has no effect here ("" = it works)
OPTIONS: dict[str, tuple[Callable[[Entry], Any], str]] = {
    "verbose": (_count, ""),
    "debug": (_count, ""),
    "trace": (_count, "there are no trace lines; debug has what there is to see"),
    "refdebug": (_boolean, "there are no reference counts to log in a Python program"),
    "alwaysfork": (_boolean, ""),
    "nofork": (_boolean, ""),
    "quiet": (_boolean, ""),
    "timestamp": (_boolean, ""),
    "execincludes": (_boolean, ""),
    "console": (_boolean, ""),
    "highpriority": (_boolean, ""),
    "initcrypto": (_boolean, ""),
    "nocolor": (_boolean, ""),
    "dontwarn": (_boolean, "nothing here warns without a cause to see to"),
    "dumpcore": (_boolean, ""),
    "languageprefix": (_boolean, ""),
    "systemname": (_text, ""),
    "autosystemname": (_boolean, ""),
    "mindtmfduration": (_number, ""),
    "maxcalls": (_number, ""),
    "maxload": (_real, ""),
    "maxfiles": (_number, ""),
    "minmemfree": (_number, ""),
    "cache_media_frames": (_boolean, "voice is never cached frame by frame"),
    "cache_record_files": (_boolean, "recordings are written by a thread of their own, straight to their place"),
    "record_cache_dir": (_text, "recordings are written straight to their place"),
    "transmit_silence": (_boolean, "nothing is sent while a call waits or records, which is also the default"),
    "transmit_silence_during_record": (_boolean, "the name of old for transmit_silence, which has none either"),
    "transcode_via_sln": (_boolean, "the cheapest translation is always taken"),
    "runuser": (_text, ""),
    "rungroup": (_text, ""),
    "lightbackground": (_boolean, "the console's colours fit light and dark backgrounds"),
    "forceblackbackground": (_boolean, "the console's colours fit light and dark backgrounds"),
    "defaultlanguage": (_text, ""),
    "documentation_language": (_text, "the console's help is in English"),
    "hideconnect": (_boolean, ""),
    "lockconfdir": (_boolean, "the configuration directory is never written to"),
    "stdexten": (_text, "there is no users.conf whose users would get such extensions"),
    "live_dangerously": (_boolean, ""),
    "entityid": (_text, ""),
    "rtp_use_dynamic": (_boolean, "there is no RTP here"),
    "rtp_pt_dynamic": (_number, "there is no RTP here"),
    "hide_messaging_ami_events": (_boolean, "there is no manager interface yet"),
    "sounds_search_custom_dir": (_boolean, ""),
    "channel_storage_backend": (_text, "channels are kept in one table that indexes names and uniqueids"),
    "disable_remote_console_shell": (_boolean, ""),
    "internal_timing": (_boolean, "timing is built in"),
    "voiceprocess": (_boolean, ""),
    "mediatick": (_tick, ""),
}


def load(
    path: str = "", *, etc: str = "", run: str = "", diagnostics: Diagnostics | None = None, allow_exec: bool = False
) -> AsteriskConf:
    """Read asterisk.conf.

    path: the file; default `asterisk.conf` in `etc`, else in Asterisk's folder.  etc, run: override the folder of
    the configuration (and keys), and of all that is written.  A missing file is no error: defaults then.
    """
    diagnostics = diagnostics if diagnostics is not None else Diagnostics()
    file = os.path.abspath(path or os.path.join(etc or DEFAULT_ETC, "asterisk.conf"))
    document = reader.read(file, diagnostics=diagnostics, allow_exec=allow_exec, optional=not path)
    conf = AsteriskConf(path=file, exists=document.exists)
    _read_directories(conf, document, diagnostics)
    if path and not etc and "astetcdir" not in conf.written and not os.path.isdir(DEFAULT_ETC):
        conf.directories["astetcdir"] = os.path.dirname(file)
    _read_files(conf, document, diagnostics)
    _read_options(conf, document, diagnostics)
    other_sections(document, ("directories", "files", "options"), diagnostics)
    if etc:
        _move(conf, {"astetcdir": os.path.abspath(etc), "astkeydir": os.path.abspath(etc)})
    if run:
        base = os.path.abspath(run)
        _move(conf, {name: os.path.join(base, below) if below else base for name, below in _BELOW_RUN.items()})
    return conf


def _move(conf: AsteriskConf, folders: dict[str, str]) -> None:
    conf.directories.update(folders)
    conf.written.update(folders)


def _read_directories(conf: AsteriskConf, document: Document, diagnostics: Diagnostics) -> None:
    section = document.section("directories")
    for entry in section or ():
        name = entry.name.lower()
        if name in conf.directories:
            conf.directories[name] = entry.value
            conf.written.add(name)
            if name == "astvarlibdir":
                # Asterisk lets the three that live in it follow, unless they are named themselves
                for follower in ("astdbdir", "astkeydir"):
                    if follower not in conf.written:
                        conf.directories[follower] = entry.value
        else:
            diagnostics.warning(
                entry.place, f"no such directory key: {entry.name}", text=entry.text, code="unknown-option"
            )


def _read_files(conf: AsteriskConf, document: Document, diagnostics: Diagnostics) -> None:
    section = document.section("files")
    for entry in section or ():
        name = entry.name.lower()
        if name == "astctl":
            conf.ctl = entry.value
        elif name == "astctlpermissions":
            try:
                conf.ctl_permissions = int(entry.value, 8)
            except ValueError:
                diagnostics.error(entry.value_place, "permissions are octal digits", text=entry.text, advice="0660")
        elif name == "astctlowner":
            conf.ctl_owner = entry.value
        elif name == "astctlgroup":
            conf.ctl_group = entry.value
        else:
            diagnostics.warning(
                entry.place, f"no such key in [files]: {entry.name}", text=entry.text, code="unknown-option"
            )


def _read_options(conf: AsteriskConf, document: Document, diagnostics: Diagnostics) -> None:
    section = document.section("options")
    for entry in section or ():
        name = entry.name.lower()
        if name not in OPTIONS:
            diagnostics.warning(entry.place, f"no such option: {entry.name}", text=entry.text, code="unknown-option")
            continue
        parse, note = OPTIONS[name]
        try:
            value = parse(entry)
        except ValueError as error:
            diagnostics.error(entry.value_place, f"{name} wants {error}", text=entry.text, code="bad-value")
            continue
        if note:
            diagnostics.notice(entry.place, f"{name} has no effect: {note}", text=entry.text, code="no-effect")
        conf.places[name] = entry.place
        if name in conf.__dataclass_fields__:
            setattr(conf, name, value)
