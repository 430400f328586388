"""Programs that play music on hold: modes custom and mp3 of musiconhold.conf.

One program for each class, started when the class is loaded, in a process group of its own.  It writes raw sound to its
standard output; the voice plane reads that (`VoicePort.open_stream`), and all who hear the class hear the same.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReadDescriptor
from zope.interface import implementer

from pbx.channels.log import Log

if TYPE_CHECKING:
    from pbx.channels.graph import Graph
    from pbx.channels.music import MusicClass

log = Log("res_musiconhold")

#: modes of Asterisk that play MP3 files: (options that differ)
MP3_OPTIONS = {
    "mp3": ("-b", "2048", "-f", "8192"),
    "quietmp3": ("-b", "2048", "-f", "4096"),
    "mp3nb": ("-f", "8192"),
    "quietmp3nb": ("-f", "4096"),
    "httpmp3": ("-b", "2048", "-f", "8192"),
}
_MPG123 = ("/usr/local/bin/mpg123", "/usr/bin/mpg123")
#: files of the folder that a program is given, as Asterisk's
_MOST_FILES = 256
#: a program that lives shorter than this, s, is started again after a pause, which doubles up to the longest one
_TOO_SHORT = 0.2
_PAUSE, _LONGEST_PAUSE = 0.5, 20.0
_WORDS = 200


class CannotPlay(Exception):
    """Why there is nothing to run; for people."""


def in_folder(which: MusicClass) -> bool:
    """Does the class play files of a folder (not an address, not nothing)?"""
    return bool(which.directory) and not which.directory.lower().startswith("http://")


def command(which: MusicClass, folder: str) -> list[str]:
    """What to run.  folder: the class's directory, absolute.  Raises CannotPlay.

    As Asterisk: the words of `application` (no quotes), then the folder's files (names only: it is where the program
    runs) or the directory that is an address; MP3 modes run mpg123 with their options before all that.
    """
    custom = which.mode.lower() == "custom"
    words = which.application.split()
    if not custom:
        words = [
            _player(f"mode {which.mode}"),
            "-q",
            "-s",
            "--mono",
            "-r",
            "8000",
            *MP3_OPTIONS[which.mode.lower()],
            *words,
        ]
    elif not os.access(words[0], os.X_OK):
        raise CannotPlay(f"{words[0]} is no program that can be run (the path has to be absolute)")
    if in_folder(which):
        words += _files(folder, (".mp3", ".raw", ".sln") if custom else (".mp3",))
    elif which.directory:
        words.append(which.directory)
    return words


def player_command(location: str) -> list[str]:
    """What MP3Player runs, with Asterisk's options: playlists by name (.m3u), addresses with a buffer."""
    listed = ".m3u" in location
    buffered = ["-b", "0" if listed else "96"] if location.lower().startswith("http://") else []
    quick = ["-z"] if listed and not buffered else []
    words = [_player("MP3Player"), "-e", "s16", "-q", *quick, "-s", *buffered, "-f", "8192", "--mono", "-r", "8000"]
    return [*words, "-@", location] if listed else [*words, location]


def _player(who: str) -> str:
    found = next((path for path in _MPG123 if os.access(path, os.X_OK)), None) or shutil.which("mpg123")
    if found is None:
        raise CannotPlay(f"{who} needs the program mpg123, which is not installed")
    return found


def _files(folder: str, suffixes: tuple[str, ...]) -> list[str]:
    try:
        names = os.listdir(folder)
    except OSError as error:
        raise CannotPlay(f"{folder}: {error.strerror or error}") from None
    found = [name for name in names if name.lower().endswith(suffixes) and not name.startswith(".")]
    if not found:
        raise CannotPlay(f"there are no files {', '.join(suffixes)} in {folder}")
    return found[:_MOST_FILES]


@implementer(IReadDescriptor)
class _LastWords:
    """The last line that a program wrote to its standard error."""

    def __init__(self, reactor: Any, fd: int) -> None:
        self._reactor = reactor
        self._fd = fd
        self._text = b""
        os.set_blocking(fd, False)
        reactor.addReader(self)

    def fileno(self) -> int:
        return self._fd

    def logPrefix(self) -> str:
        return "music program"

    def doRead(self) -> None:
        try:
            piece = os.read(self._fd, 65536)
        except BlockingIOError:
            return
        except OSError:
            piece = b""
        if piece:
            self._text = (self._text + piece)[-4 * _WORDS :]
        else:
            self.close()

    def close(self) -> None:
        if self._fd >= 0:
            self._reactor.removeReader(self)
            os.close(self._fd)
            self._fd = -1

    def text(self) -> str:
        """What it was so far."""
        if self._fd >= 0:
            self.doRead()
        lines = self._text.decode(errors="replace").split("\n")
        return next((line.strip()[:_WORDS] for line in reversed(lines) if line.strip()), "")

    def connectionLost(self, reason: object) -> None:
        """The reactor shuts down."""


class _Process:
    """One run of a program.  Raises OSError when it cannot be run."""

    def __init__(self, reactor: Any, words: list[str], folder: str) -> None:
        self._reactor = reactor
        self.since = reactor.seconds()
        self.pipe, theirs = os.pipe()
        try:
            self._child = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=theirs,
                stderr=subprocess.PIPE,
                cwd=folder,
                process_group=0,
            )
        except OSError:
            os.close(self.pipe)
            raise
        finally:
            os.close(theirs)
        os.set_blocking(self.pipe, False)
        assert self._child.stderr is not None
        self._words = _LastWords(reactor, os.dup(self._child.stderr.fileno()))
        self._child.stderr.close()

    def close(self) -> None:
        """Read it no more (as long as it lives, that would kill it where it writes)."""
        os.close(self.pipe)
        self._words.close()

    @property
    def last_words(self) -> str:
        """The last line of its standard error."""
        return self._words.text()

    @property
    def status(self) -> str:
        """How it ended, "" while it runs."""
        code = self._child.poll()
        if code is None:
            return ""
        return f"signal {-code}" if code < 0 else f"status {code}"

    def signal(self, number: int, group: bool) -> bool:
        """False when nobody is there to hear it."""
        self._child.poll()
        try:
            if group:
                os.killpg(self._child.pid, number)
            elif self._child.returncode is None:
                os.kill(self._child.pid, number)
            else:
                return False
        except (ProcessLookupError, PermissionError):
            return False
        return True

    def end(self, group: bool, delay: float, then: Callable[[], None]) -> None:
        """End it, or its process group: signals with `delay` s between them.  then: called when nobody is left."""
        self._step(group, delay, then, self._signals(group), 0.0)

    def _signals(self, group: bool) -> Generator[None, None, None]:
        """As long as somebody is there."""
        for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGKILL):
            if not self.signal(number, group):
                return
            yield

    def _step(
        self, group: bool, delay: float, then: Callable[[], None], steps: Generator[None, None, None], until: float
    ) -> None:
        """The next signal when its time has come; looks often, so that nobody waits for one who has gone."""
        now = self._reactor.seconds()
        over = bool(self.status) and not self.signal(0, group)
        if not over and now >= until:
            over = next(steps, self) is self
            until = now + delay
        if over:
            self.close()
            then()
        else:
            pause = min(0.02, max(0.001, until - now))
            self._reactor.callLater(pause, self._step, group, delay, then, steps, until)


class Once:
    """MP3Player: mpg123 plays one file, playlist or address to one who hears its stream."""

    def __init__(self, reactor: Any, graph: Graph, location: str) -> None:
        """Raises CannotPlay or OSError."""
        self._process = _Process(reactor, player_command(location), "/")
        self._graph = graph
        #: fires when it is through, or was stopped
        self.done: Deferred[None] = Deferred()
        self.stream = graph.new_stream(lambda reason: self.stop())
        graph.open_stream(self.stream, self._process.pipe, "slin", always=False)

    def stop(self) -> None:
        """End it."""
        if not self.done.called:
            self._graph.drop_stream(self.stream, forget=True)
            self._process.end(True, 0.1, lambda: None)
            self.done.callback(None)


class Program:
    """The program of a class; implements `music.Program`."""

    def __init__(self, reactor: Any, graph: Graph, which: MusicClass, datadir: str) -> None:
        self.which = which
        self._reactor = reactor
        self._graph = graph
        self._folder = os.path.join(datadir, which.directory) if in_folder(which) else ""
        self.stream = graph.new_stream(self._ended)
        self._process: _Process | None = None
        self._again: Any = None
        self._failures = 0
        self._listeners = 0
        self._retired = False
        #: fire when what has been told to end has ended
        self._ending: list[Deferred[None]] = []

    def start(self) -> None:
        """Run it."""
        self._again = None
        try:
            process = _Process(self._reactor, command(self.which, self._folder), self._folder or "/")
        except (CannotPlay, OSError) as error:
            self._later(str(error))
            return
        self._process = process
        # of files, each listener hears what comes after what was heard last; what has no folder plays on
        self._graph.open_stream(self.stream, process.pipe, self.which.format, always=not self._folder)

    def _ended(self, reason: str) -> None:
        """The voice plane has played the last of it."""
        process, self._process = self._process, None
        if process is None:
            return
        self._graph.drop_stream(self.stream)
        lived = self._reactor.seconds() - process.since
        words, status = process.last_words, process.status
        self._end(process)
        if reason.startswith("error") or lived < _TOO_SHORT:
            why = reason if reason.startswith("error") else f"it ended after {1000 * lived:.0f} ms"
            self._later("; ".join(filter(None, [why, status, words])))
        else:
            self._failures = 0
            self.start()

    def _later(self, why: str) -> None:
        """Try it again; say so the first time."""
        if not self._failures:
            log.warning(
                f"The program of music class '{self.which.name}' does not play: {why}. It is tried again, less and "
                "less often; until it plays, who is held in this class hears silence"
            )
        pause = min(_LONGEST_PAUSE, _PAUSE * 2 ** min(self._failures, 10))
        self._failures += 1
        self._again = self._reactor.callLater(pause, self.start)

    # ---- its listeners ----------------------------------------------------------------------------------

    def joined(self) -> None:
        self._listeners += 1

    def left(self) -> None:
        self._listeners -= 1
        if self._retired and not self._listeners:
            self.stop()

    def retire(self) -> None:
        """The class is gone: the program ends when nobody hears it any more."""
        self._retired = True
        if not self._listeners:
            self.stop()

    # ---- its end -----------------------------------------------------------------------------------------

    def stop(self) -> Deferred[None]:
        """End it as kill_method and kill_escalation_delay say; fires when it has."""
        done: Deferred[None] = Deferred()
        self._ending.append(done)
        if self._again is not None:
            self._again.cancel()
            self._again = None
        process, self._process = self._process, None
        self._graph.drop_stream(self.stream, forget=True)
        if process is None:
            self._all_ended()
        else:
            self._end(process)
        return done

    def _end(self, process: _Process) -> None:
        which = self.which
        process.end(which.kill_method == "process_group", which.kill_delay_ms / 1000, self._all_ended)

    def _all_ended(self) -> None:
        if self._process is None and self._again is None:
            ending, self._ending = self._ending, []
            for done in ending:
                done.callback(None)
