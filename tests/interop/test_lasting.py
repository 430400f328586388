"""Registrations survive kill -9, and an astdb goes from Asterisk to pbx and back."""

from __future__ import annotations

import re
import shutil
import signal
import time

import pytest

from tests.interop.boxes import HERE, NET, Box, make_box
from tests.interop.conftest import need

SERVER, CLIENT = f"{NET}.53.11", f"{NET}.53.12"
KINDS = [("pbx", "pbx"), ("asterisk22", "pbx"), ("pbx", "asterisk22"), ("asterisk16", "pbx")]


def peers(box: Box) -> dict[str, str]:
    """name -> address of the registered."""
    return dict(re.findall(r"(?m)^(\w+) +(127\.\S+) +\(D\)", box.rx("iax2 show peers")))


def extensions(box: Box) -> list[str]:
    return re.findall(r"(?m)^ *'(\w+)' => +1\. No[oO]p\((\w+)\) +\[IAX2\]", box.rx("dialplan show regs"))


@pytest.mark.parametrize("kinds", KINDS, ids="-".join)
def test_a_peer_is_known_after_kill_and_to_the_next_server(kinds: tuple[str, str]) -> None:
    need(*kinds)
    files = HERE / "etc" / "lasting"
    first = make_box(kinds[0], "lasting-1", files / "server", SERVER)
    second = make_box(kinds[1], "lasting-2", files / "server", SERVER)
    client = make_box("pbx", "lasting-c", files / "client", CLIENT, PEER=SERVER)
    there = {"dyn": CLIENT, "named": CLIENT}
    rows = [("700", "dyn"), ("701", "dyn"), ("named", "named")]
    try:
        first.start()
        client.start()
        client.wait_rx("iax2 show registry", r"(?s)dyn .*Registered.*named .*Registered", 20)
        probed = client.rx("iax2 probe server")
        assert re.findall(r"(?m)^ok +(\w+)", probed) == ["address", "POKE", "registration", "login"], probed
        assert "logged in, format" in probed
        assert peers(first) == there
        assert extensions(first) == rows
        stored = re.findall(r"(?m)^(/IAX/\S+) +: (\S+)", first.rx("database show"))
        assert stored == [("/IAX/Registry/dyn", f"{CLIENT}:4569:60"), ("/IAX/Registry/named", f"{CLIENT}:4569:60")]
        client.stop()
        assert first.process is not None
        first.wait_rx("database show IAX", "2 results")
        if first.kind == "asterisk":
            time.sleep(2)  # it commits once a second
        first.process.send_signal(signal.SIGKILL)
        first.process.wait()
        (second.home / "db").mkdir(exist_ok=True)
        shutil.copyfile(first.home / "db" / "astdb.sqlite3", second.home / "db" / "astdb.sqlite3")
        second.start()
        assert peers(second) == there
        assert extensions(second) == rows
        assert re.findall(r"(?m)^(/IAX/\S+) +: (\S+)", second.rx("database show")) == stored
        second.rx("iax2 unregister dyn")
        assert peers(second) == {"named": CLIENT}
        assert extensions(second) == rows[2:]
        assert "1 results found" in second.rx("database show IAX")
    finally:
        for box in (client, first, second):
            box.stop()
