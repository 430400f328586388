"""The console client: `pbx -rx COMMAND` and `pbx -r`.

Standard library only, and little of that: `pbx -rx` must cost next to nothing.
The interactive part (line editing, history, completion) is `pbx.interactive`.
"""

from __future__ import annotations

import os
import socket
import sys

from pbx import rundir
from pbx.console import protocol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pbx.options import Options


class NoDaemon(Exception):
    """Nobody answers at the control socket; the text says what was tried."""


def socket_path(options: Options) -> str:
    """Where the control socket of the PBX that these options mean is."""
    if options.socket:
        return options.socket
    return rundir.socket_path(options.config, options.etc, options.run)


def connect(path: str) -> socket.socket:
    """A connection to the daemon.  Raises NoDaemon."""
    link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        link.connect(path)
    except OSError as error:
        link.close()
        if isinstance(error, PermissionError):
            raise NoDaemon(f"no permission to use {path}: ask for the group of its owner, or use sudo") from None
        if isinstance(error, (FileNotFoundError, ConnectionRefusedError)):
            raise NoDaemon(f"Unable to connect to remote pbx (is it running? does {path} exist?)") from None
        raise NoDaemon(f"Unable to connect to remote pbx at {path}: {error.strerror or error}") from None
    return link


class Connection:
    """Frames over a socket, blocking."""

    def __init__(self, path: str) -> None:
        self.link = connect(path)
        self._frames = protocol.Frames()
        self._ready: list[tuple[int, bytes]] = []

    def send(self, kind: int, payload: str | bytes | dict[str, Any] = b"") -> None:
        self.link.sendall(protocol.frame(kind, payload))

    def receive(self) -> tuple[int, bytes] | None:
        """The next frame; None at the end of the connection."""
        while not self._ready:
            try:
                data = self.link.recv(65536)
            except ConnectionError:
                return None
            if not data:
                return None
            self._ready.extend(self._frames.feed(data))
        return self._ready.pop(0)


def run(options: Options) -> int:
    """`-r`, `-R` or `-rx`.  Returns the exit status."""
    try:
        path = socket_path(options)
        if options.execute is None:
            from pbx import interactive

            return interactive.run(options, path)
        return execute(path, options.execute)
    except NoDaemon as error:
        print(error, file=sys.stderr)
        return protocol.NO_DAEMON
    except KeyboardInterrupt:
        return 130


def execute(path: str, command: str) -> int:
    """Run one command and print what it prints.  Returns its status; raises NoDaemon."""
    connection = Connection(path)
    connection.send(protocol.HELLO, f'{{"protocol": {protocol.PROTOCOL}, "mode": "execute", "pid": {os.getpid()}}}')
    connection.send(protocol.COMMAND, protocol.encode(command))
    out = sys.stdout.buffer
    status = None
    while (got := connection.receive()) is not None:
        kind, payload = got
        try:
            if kind == protocol.OUTPUT:
                out.write(payload)
                out.flush()
            elif kind == protocol.DONE:
                status = protocol.status_of(payload)
                break
            elif kind == protocol.BYE and payload:
                print(protocol.decode(payload), file=sys.stderr)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            return 141
    if status is None:
        print("The PBX went away before the command was over.", file=sys.stderr)
        return protocol.FAILED
    return status
