"""The interactive console: `pbx -r`, and the console of `pbx -c`.

Line editing, history and completion by readline; completions come from the
daemon.  Log lines that arrive while one types are printed above the line.
"""

from __future__ import annotations

import atexit
import contextlib
import getpass
import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from typing import Any

from pbx.client import Connection, NoDaemon
from pbx.console import protocol
from pbx.options import Options, parse

try:
    import readline
except ImportError:  # a Python built without it: plain lines then
    readline = None  # type: ignore[assignment]

HISTORY = "~/.pbx_history"
HISTORY_LENGTH = 1000

#: colours of words in log lines
_COLOURS = {
    "ERROR": "\x1b[1;31m",
    "WARNING": "\x1b[1;33m",
    "NOTICE": "\x1b[1;36m",
    "SECURITY": "\x1b[1;35m",
    "VERBOSE": "\x1b[32m",
    "DEBUG": "\x1b[34m",
    "DTMF": "\x1b[34m",
}
_RESET = "\x1b[0m"

LEAVE = {"quit", "exit", "bye"}


class Console:
    """One session at a terminal (or a pipe)."""

    def __init__(self, options: Options, path: str, foreground: bool) -> None:
        self.options = options
        self.path = path
        #: the console of `pbx -c`: it ends with the PBX, not before
        self.foreground = foreground
        self.terminal = sys.stdin.isatty() and sys.stdout.isatty()
        self.colour = self.terminal and options.colour and os.environ.get("TERM", "dumb") != "dumb"
        self.prompt = ""
        self.hello: dict[str, Any] = {}
        self.connection: Connection | None = None
        #: a status, a question, or None when the connection ended
        self._done: queue.Queue[int | str | None] = queue.Queue()
        self._choices: queue.Queue[list[str]] = queue.Queue()
        self._typing = False
        self._closed = False
        #: held while the prompt is drawn, which readline does in pieces, and while a line is printed
        self._screen = threading.Lock()
        self._drawing = False

    # ---- connection ------------------------------------------------------------------------------------

    def open(self) -> None:
        """Connect and greet.  Raises NoDaemon."""
        connection = Connection(self.path)
        connection.send(
            protocol.HELLO,
            {
                "protocol": protocol.PROTOCOL,
                "mode": "console",
                "foreground": self.foreground,
                "pid": os.getpid(),
                "mute": self.options.mute,
                "verbose": self.options.verbose,
                "debug": self.options.debug,
                "quiet": self.options.quiet,
                "terminal": self.terminal,
            },
        )
        got = connection.receive()
        if got is None or got[0] != protocol.HELLO:
            raise NoDaemon("What answers at the control socket is no pbx.")
        self.hello = json.loads(got[1])
        self.connection = connection
        self._closed = False
        self.colour = self.colour and bool(self.hello.get("colour", True))
        host = str(self.hello.get("host", "")).split(".")[0]
        text = f"{host}*CLI> "
        if self.colour:
            # \001 and \002 tell readline that these take no place on the line
            text = f"\001\x1b[1m\002{text}\001{_RESET}\002"
        self.prompt = text if self.terminal else ""
        greeting = str(self.hello.get("greeting", ""))
        if greeting and not self.options.quiet:
            print(greeting)
            sys.stdout.flush()
        threading.Thread(target=self._read, args=(connection,), daemon=True).start()

    def _read(self, connection: Connection) -> None:
        """The reading thread: prints what comes, wakes who waits."""
        while (got := connection.receive()) is not None:
            kind, payload = got
            if kind in (protocol.OUTPUT, protocol.LINE):
                self._print(protocol.decode(payload), is_log=kind == protocol.LINE)
            elif kind == protocol.DONE:
                self._done.put(protocol.status_of(payload))
            elif kind == protocol.ASK:
                self._done.put(protocol.decode(payload))
            elif kind == protocol.CHOICES:
                self._choices.put(json.loads(payload))
            elif kind == protocol.BYE and payload:
                self._print(protocol.decode(payload) + "\n", is_log=True)
        self._closed = True
        self._done.put(None)
        self._choices.put([])
        if self._typing:
            # the prompt waits in the terminal for a line that nobody will take any more
            os.kill(os.getpid(), signal.SIGUSR1)

    def _print(self, text: str, is_log: bool) -> None:
        with self._screen:
            self._print_now(text, is_log)

    def _print_now(self, text: str, is_log: bool) -> None:
        data = text
        if is_log and self.colour:
            data = _coloured(data)
        raw = data.encode(sys.stdout.encoding or "utf-8", "surrogateescape")
        if self._typing and self.terminal and readline is not None:
            line = readline.get_line_buffer()
            raw = b"\r\x1b[K" + raw
            if not raw.endswith(b"\n"):
                raw += b"\n"
            raw += (self.prompt.replace("\001", "").replace("\002", "") + line).encode("utf-8", "replace")
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stdout.buffer.write(raw)
            sys.stdout.buffer.flush()

    # ---- lines ---------------------------------------------------------------------------------------

    def _complete(self, word: str, state: int) -> str | None:
        if self.connection is None or self._closed or readline is None:
            return None
        if state == 0:
            with contextlib.suppress(queue.Empty):
                while True:
                    self._choices.get_nowait()
            line = readline.get_line_buffer()[: readline.get_endidx()]
            self.connection.send(protocol.COMPLETE, protocol.encode(line))
            try:
                self._offered = self._choices.get(timeout=2)
            except queue.Empty:
                self._offered = []
        if state >= len(self._offered):
            return None
        found = self._offered[state]
        # a word that is whole is followed by a blank; one that goes on (`LEN(`, `LOCAL/`) is not
        return f"{found} " if len(self._offered) == 1 and not found.endswith(("(", "/", ",", "@")) else found

    _offered: list[str] = []

    def line(self) -> str | None:
        """The next line; None at the end of input."""
        self._typing = True
        try:
            if self.terminal:
                if readline is not None:
                    self._screen.acquire()
                    self._drawing = True
                return input(self.prompt)
            text = sys.stdin.readline()
            return text.rstrip("\n") if text else None
        except EOFError:
            print()
            return None
        finally:
            self._typing = False
            self._drawn()

    def _drawn(self) -> None:
        """The prompt stands (readline calls this), or will not come any more."""
        if self._drawing:
            self._drawing = False
            self._screen.release()

    def command(self, text: str) -> int | None:
        """Run a command in the daemon; its status, None when the connection ended."""
        if self.connection is None or self._closed:
            return None
        try:
            self.connection.send(protocol.COMMAND, protocol.encode(text))
            while isinstance(got := self._done.get(), str):
                self.connection.send(protocol.ANSWER, protocol.encode(self._secret(got)))
        except OSError:
            return None
        return got

    def _secret(self, question: str) -> str:
        """Ask without showing what is typed; empty when nobody sits there."""
        if not self.terminal:
            return ""
        try:
            return getpass.getpass(question)
        except (EOFError, KeyboardInterrupt):
            return ""


def _coloured(text: str) -> str:
    for word, colour in _COLOURS.items():
        if f"] {word}[" in text:
            return text.replace(f"] {word}[", f"] {colour}{word}{_RESET}[", 1)
    return text


def _shell(line: str) -> None:
    """`!command` runs in a shell, `!` alone is a shell."""
    command = line[1:].strip()
    shell = os.environ.get("SHELL", "/bin/sh")
    subprocess.run([shell, "-c", command] if command else [shell], check=False)


def _set_up_readline(console: Console) -> None:
    if readline is None or not console.terminal:
        return
    path = os.path.expanduser(HISTORY)
    with contextlib.suppress(OSError):
        readline.read_history_file(path)
    readline.set_history_length(HISTORY_LENGTH)

    had = readline.get_current_history_length()

    def keep() -> None:
        # appended, so that consoles that are open at the same time do not forget each other's lines
        new = readline.get_current_history_length() - had
        with contextlib.suppress(OSError):
            if not os.path.exists(path):
                with open(path, "x", encoding="utf-8"):
                    os.chmod(path, 0o600)
            if new > 0:
                readline.append_history_file(new, path)

    atexit.register(keep)
    readline.set_completer_delims(" \t")
    readline.set_completer(console._complete)
    readline.parse_and_bind("tab: complete")
    readline.set_pre_input_hook(console._drawn)


class _Gone(Exception):
    """The daemon went away while the prompt was waiting."""


def run(options: Options, path: str, *, foreground: bool = False) -> int:
    """The console until one leaves it or the PBX ends.  Raises NoDaemon when there is none at first."""
    console = Console(options, path, foreground)

    def gone(*_: Any) -> None:
        raise _Gone

    signal.signal(signal.SIGUSR1, gone)
    console.open()
    _set_up_readline(console)
    while True:
        try:
            status = _talk(console)
        except _Gone:
            status = None
        if status is not None or foreground:
            return status or 0
        if not options.reconnect:
            if console.terminal:
                print("\nDisconnected from pbx.")
            return 0
        _reconnect(console)


def _reconnect(console: Console) -> None:
    """`-R`: try again until the PBX is back."""
    print("Disconnected; trying again ...")
    while True:
        time.sleep(1)
        try:
            console.open()
            return
        except (NoDaemon, OSError):
            continue


def _talk(console: Console) -> int | None:
    """Lines to the daemon; the exit status when the user leaves, None when the connection ended."""
    status = 0
    while not console._closed:
        try:
            line = console.line()
        except KeyboardInterrupt:
            if console.foreground:
                # the PBX gets the same signal and ends cleanly
                with contextlib.suppress(KeyboardInterrupt):
                    while not console._closed:
                        time.sleep(0.1)
                return 0
            print()
            continue
        if line is None:
            if not console.foreground:
                return status
            if console.terminal:
                print("This console is the PBX itself: 'core stop now' ends it.")
                continue
            while not console._closed:  # no more input; log lines still come
                time.sleep(0.2)
            return 0
        text = line.strip()
        if not text:
            continue
        if text.lower() in LEAVE:
            if console.foreground:
                print("This console is the PBX itself: 'core stop now' ends it.")
                continue
            return 0
        if text.startswith("!"):
            if console.hello.get("shell", True):
                _shell(text)
            else:
                print("The shell is switched off (disable_remote_console_shell in asterisk.conf).")
            continue
        got = console.command(line)
        if got is None:
            return None
        status = got
    return None


def reachable(path: str) -> bool:
    """Whether somebody answers at this control socket."""
    link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        link.connect(path)
    except OSError:
        return False
    finally:
        link.close()
    return True


def main(arguments: list[str] | None = None) -> int:
    """The console of `pbx -c`, started by the daemon at its terminal."""
    options = parse(sys.argv[1:] if arguments is None else arguments)
    try:
        return run(options, options.socket, foreground=True)
    except NoDaemon:
        return 0
