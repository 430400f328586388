"""md5secret= with auth=plaintext, end to end: the server keeps the hash alone, the client says the password."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from pbx.channels.events import Ended
from tests.channels.iax2.boxes import Boxes
from tests.channels.iax2.test_driver import answered, waiting
from tests.channels.iax2.test_driver_peers import pair_of

SERVER, CLIENT, PORT = "127.0.32.21", "127.0.32.22", 14590
HASH = hashlib.md5(b"phone:asterisk:wonderland").hexdigest()

SERVER_CONF = f"""
[general]
bindport={PORT}
bindaddr={SERVER}
[phone]
type=friend
host=dynamic
md5secret={HASH}
auth=plaintext
context=in
"""


def client_conf(password: str) -> str:
    return f"""
[general]
bindport={PORT}
bindaddr={CLIENT}
register => phone:{password}@{SERVER}:{PORT}
[server]
type=peer
host={SERVER}
port={PORT}
username=phone
secret={password}
auth=plaintext
"""


def test_the_right_password_registers_and_calls() -> None:
    with Boxes() as boxes:
        server, client = boxes.box(SERVER_CONF), boxes.box(client_conf("wonderland"))
        boxes.run(lambda: next(client.driver.registry()).state == "Registered")
        (row,) = server.driver.peers()
        assert (row.host, row.port) == (CLIENT, PORT)
        log: list[Any] = []
        server.scripts["1@in"] = waiting(log)
        channel, seen = pair_of(client).dial("server/1")
        boxes.run(lambda: answered(seen))
        channel.hangup()
        boxes.run(lambda: not server.channels())
        assert not server.verdicts() and not client.verdicts()


#: the hash itself is no password: who reads it from the file cannot log in by it in the clear
@pytest.mark.parametrize("password", ["looking-glass", HASH], ids=["another", "the hash"])
def test_a_wrong_password_does_neither(password: str) -> None:
    with Boxes() as boxes:
        server, client = boxes.box(SERVER_CONF), boxes.box(client_conf(password))
        boxes.run(lambda: next(client.driver.registry()).state == "Rejected")
        assert next(server.driver.peers()).host is None
        server.scripts["1@in"] = waiting([])
        _, seen = pair_of(client).dial("server/1")
        boxes.run(lambda: any(isinstance(event, Ended) for event in seen))
        assert seen[-1] == Ended(50)
        assert not answered(seen) and not server.channels()
        assert len(server.verdicts()) == 2
        assert not any(password in str(v) or HASH in str(v) for v in server.verdicts() + client.verdicts())
