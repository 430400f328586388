"""Console commands asked over the control socket: a fraction of what a process for each takes."""

from __future__ import annotations

import os
import socket

from pbx.client import Connection
from pbx.console import protocol
from tests.interop.boxes import Box

#: seconds that an answer may take
PATIENCE = 30.0


def ask(box: Box, command: str) -> str:
    """What the box prints."""
    path = str(box.home / "run" / "asterisk.ctl")
    raw = _ask_pbx(path, command) if box.kind == "pbx" else _ask_stock(path, command)
    return raw.decode("utf-8", "surrogateescape")


def _ask_pbx(path: str, command: str) -> bytes:
    connection = Connection(path)
    connection.link.settimeout(PATIENCE)
    with connection.link:
        connection.send(protocol.HELLO, {"protocol": protocol.PROTOCOL, "mode": "execute", "pid": os.getpid()})
        connection.send(protocol.COMMAND, protocol.encode(command))
        out = b""
        while (got := connection.receive()) is not None and got[0] != protocol.DONE:
            if got[0] == protocol.OUTPUT:
                out += got[1]
        return out


def _ask_stock(path: str, command: str) -> bytes:
    with socket.socket(socket.AF_UNIX) as link:
        link.settimeout(PATIENCE)
        link.connect(path)
        link.sendall(command.encode("utf-8", "surrogateescape") + b"\0")
        link.shutdown(socket.SHUT_WR)
        out = b""
        while data := link.recv(65536):
            out += data
    # the first line greets
    return out.partition(b"\n")[2]
