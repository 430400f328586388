"""musiconhold.conf: the classes of music on hold."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred, DeferredList

from pbx.channels.music import MusicClass
from pbx.channels.voice.streams import stream_format
from pbx.codecs.files import SUFFIXES
from pbx.conf import reader
from pbx.conf.diagnostics import Diagnostics
from pbx.conf.document import Entry, Section
from pbx.conf.values import is_true
from pbx.musiccache import MusicCache, is_address
from pbx.musicprograms import MP3_OPTIONS, Program
from pbx.webclient import WebClient

if TYPE_CHECKING:
    from pbx.codecs.formats import Format
    from pbx.daemon import Daemon

_SORTS = ("random", "alpha", "randstart")


def load(path: str, datadir: str, diagnostics: Diagnostics) -> tuple[dict[str, MusicClass], bool]:
    """(classes by name in lower case, preferchannelclass).  Without the file there are no classes, as in Asterisk."""
    document = reader.read(path, diagnostics=diagnostics, optional=True)
    classes: dict[str, MusicClass] = {}
    prefer = True
    for section in document:
        if section.name.lower() == "general":
            prefer = _general(section, diagnostics)
            continue
        found = _Reader(section, datadir, diagnostics).read()
        if found is not None:
            classes[found.name.lower()] = found
    return classes, prefer


def _general(section: Section, diagnostics: Diagnostics) -> bool:
    prefer = True
    for entry in section:
        match entry.name.lower():
            case "preferchannelclass":
                prefer = is_true(entry.value)
            case "cachertclasses":
                if is_true(entry.value):
                    text = "cachertclasses has no effect: there is no realtime music on hold here (yet)"
                    diagnostics.notice(entry.place, text, text=entry.text, code="no-effect")
            case name:
                diagnostics.warning(entry.place, f"no such option: {name}", text=entry.text, code="unknown-option")
    return prefer


class _Reader:
    """One class."""

    def __init__(self, section: Section, datadir: str, diagnostics: Diagnostics) -> None:
        self._section = section
        self._datadir = datadir
        self._diagnostics = diagnostics
        self._class = MusicClass(section.name, mode="")
        self._entries: list[str] = []

    def read(self) -> MusicClass | None:
        """The class; None when it can't be used (the finding says why)."""
        for entry in self._section:
            self._option(entry)
        which, name = self._class, self._section.name
        if not which.mode:
            return self._refuse(f"music class '{name}' has no mode", "mode = files")
        mode = which.mode.lower()
        if mode == "custom" or mode in MP3_OPTIONS:
            return self._by_program(mode)
        if mode == "playlist":
            which.files = tuple(self._entries)
            return which if which.files else self._refuse(f"music class '{name}' has no entries that can be played")
        if mode != "files":
            return self._refuse(f"no such mode of music on hold: {which.mode}", "mode = files")
        if self._entries:
            self._diagnostics.notice(
                self._section.place, f"entries of music class '{name}' have no effect in mode files", code="no-effect"
            )
        if not which.directory:
            return self._refuse(f"music class '{name}' has no directory", "directory = moh")
        folder = os.path.join(self._datadir, which.directory)
        which.files = scan(folder, which.sort)
        return which if which.files else self._refuse(f"there are no sound files in {folder} (class '{name}')")

    def _by_program(self, mode: str) -> MusicClass | None:
        which, name = self._class, self._section.name
        if mode == "custom" and not which.application.strip():
            return self._refuse(f"music class '{name}' has no application", "application = /usr/bin/program ...")
        if mode != "custom" and not which.directory:
            return self._refuse(f"music class '{name}' has no directory", "directory = moh")
        if self._entries:
            self._diagnostics.notice(
                self._section.place,
                f"entries of music class '{name}' have no effect in mode {which.mode}",
                code="no-effect",
            )
        return which

    def _refuse(self, message: str, advice: str = "") -> MusicClass | None:
        self._diagnostics.warning(self._section.place, message, advice=advice, code="bad-value")
        return None

    def _option(self, entry: Entry) -> None:
        which, value = self._class, entry.value
        match entry.name.lower():
            case "mode":
                which.mode = value
            case "directory":
                which.directory = value
            case "application":
                which.application = value
            case "announcement":
                which.announcement = value
            case "digit" if value[:1] in tuple("0123456789*#"):
                which.digit = value[:1]
            case "sort" if value.lower() in _SORTS:
                which.sort = value.lower()
            case "loop_last":
                which.loop_last = is_true(value)
            case "answeredonly":
                which.answered_only = is_true(value)
            case "format" if _streams(value.lower()):
                which.format = value.lower()
            case "kill_method" if value.lower() in ("process", "process_group"):
                which.kill_method = value.lower()
            case "kill_escalation_delay" if value.isdecimal():
                which.kill_delay_ms = int(value)
            case "entry":
                self._entry(entry)
            case "digit" | "sort" | "format" | "kill_method" | "kill_escalation_delay" as name:
                self._diagnostics.warning(
                    entry.value_place, f"no such {name} of music on hold: {value}", text=entry.text, code="bad-value"
                )
            case name:
                self._diagnostics.warning(
                    entry.place, f"no such option: {name}", text=entry.text, code="unknown-option"
                )

    def _entry(self, entry: Entry) -> None:
        value = entry.value
        if is_address(value):
            self._entries.append(value)
        elif not value.startswith("/"):
            message = f"a playlist entry is an absolute path without suffix, or a http(s) address, not '{value}'"
            self._diagnostics.warning(entry.value_place, message, text=entry.text, code="bad-value")
        else:
            if os.path.splitext(value)[1]:
                message = f"a playlist entry is a path without its suffix: {value} may not be found"
                advice = f"entry = {os.path.splitext(value)[0]}"
                self._diagnostics.warning(entry.value_place, message, text=entry.text, advice=advice, code="bad-value")
            self._entries.append(value)


def _streams(name: str) -> bool:
    """Can a program's sound of that format be played?"""
    try:
        stream_format(name)
    except ValueError:
        return False
    return True


def scan(folder: str, sort: str = "") -> tuple[str, ...]:
    """The sounds of a folder, as paths without suffix, each once; in the folder's own order unless sorted."""
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries]
    except OSError:
        return ()
    stems = (os.path.splitext(name) for name in names if not name.startswith("."))
    found = list(dict.fromkeys(os.path.join(folder, stem) for stem, suffix in stems if suffix[1:] in SUFFIXES))
    return tuple(sorted(found, key=str.lower) if sort in ("alpha", "randstart") else found)


class MusicService:
    """Gives the switch its classes of music; res_musiconhold."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        #: class in lower case -> its program
        self._programs: dict[str, Program] = {}
        folder = daemon.conf.directories["astcachedir"]
        self._cache = MusicCache(folder, WebClient(daemon.reactor), lambda work: daemon.blocking(work))

    def start(self) -> None:
        """Read musiconhold.conf."""
        self.reload()

    async def stop(self) -> None:
        """No class any more; who hears a file hears it to its end, programs end now."""
        self._daemon.switch.music.classes = {}
        self._cache.stop()
        programs, self._programs = self._programs, {}
        ended: list[Deferred[None]] = [program.stop() for program in programs.values()]
        await DeferredList(ended)

    def reload(self) -> None:
        """Read musiconhold.conf and the folders again."""
        daemon = self._daemon
        findings = Diagnostics()
        music = daemon.switch.music
        path, datadir = daemon.conf.etc("musiconhold.conf"), daemon.conf.directories["astdatadir"]
        music.find, music.awaited = self._find, self._cache.awaited
        music.classes, music.prefer_channel = load(path, datadir, findings)
        if not os.path.exists(path) and (files := scan(os.path.join(datadir, "moh"))):
            music.classes["default"] = MusicClass("default", directory="moh", files=files)
        daemon.say(findings)
        for address in {file for which in music.classes.values() for file in which.files if is_address(file)}:
            self._cache.refresh(address)
        self._run(music.classes, datadir)

    def _find(self, name: str, language: str, formats: tuple[Format, ...]) -> tuple[str, Format] | None:
        if is_address(name):
            return self._cache.find(name)
        return self._daemon.dialplan.find_sound(name, language, formats)

    def _run(self, classes: dict[str, MusicClass], datadir: str) -> None:
        """Start the programs that there are now; those of classes that did not change go on, others end."""
        former, self._programs = self._programs, {}
        fresh = []
        for name, which in classes.items():
            if which.mode.lower() != "custom" and which.mode.lower() not in MP3_OPTIONS:
                continue
            program = former.get(name)
            if program is not None and _same(program.which, which):
                del former[name]
            else:
                program = Program(self._daemon.reactor, self._daemon.switch.graph, which, datadir)
                fresh.append(program)
            which.program = self._programs[name] = program
        for program in former.values():
            program.retire()
        for program in fresh:
            program.start()


def _same(one: MusicClass, two: MusicClass) -> bool:
    """Would the same program run for both, and end in the same way?"""
    return _what_runs(one) == _what_runs(two)


def _what_runs(which: MusicClass) -> tuple[object, ...]:
    return which.mode, which.directory, which.application, which.format, which.kill_delay_ms, which.kill_method
