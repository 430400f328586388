"""Other people's programs: two iaxmodems complete a call through us, nmap knows what we are."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.boxes import HERE, NET, make_box, running
from tests.interop.calls import nothing_left
from tests.interop.conftest import lack, need
from tests.interop.modem import Modem


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short path: iaxmodem cuts long ones."""
    with tempfile.TemporaryDirectory(prefix="m", dir="/tmp") as path:
        yield Path(path)


@pytest.mark.parametrize("kind", ["pbx", "asterisk22"])
def test_two_modems_complete_a_call_through_us(kind: str, folder: Path) -> None:
    need(kind)
    if Modem.missing():
        lack(Modem.missing())
    server = make_box(kind, "modem", HERE / "etc" / "modem", f"{NET}.38.1", SECRET="carrier")
    modems = [
        Modem(f"m{i}", f"{NET}.38.1", "carrier", 20000 + os.getpid() % 20000 + i, folder, f"50{i - 1}") for i in (1, 2)
    ]
    with running(server), contextlib.ExitStack() as stack:
        for modem in modems:
            stack.callback(modem.stop)
            modem.start()
        server.wait_rx("iax2 show peers", r"(?s)m1 .*OK \(\d+ ms\).*m2 .*OK \(\d+ ms\)", 40)
        one, two = modems
        for modem in modems:
            modem.command("AT+FCLASS=1")
            modem.expect("OK")
        one.command("ATDT501")
        two.expect("RING")
        two.command("ATA")
        assert two.expect("CONNECT", "NO CARRIER") == "CONNECT"
        assert one.expect("CONNECT", "NO CARRIER", "BUSY") == "CONNECT"
        server.rx("channel request hangup all")
        server.wait_idle(40)
        nothing_left(server)


@pytest.mark.parametrize("kind", ["pbx", "asterisk22"])
def test_nmap_recognises_us(kind: str) -> None:
    need(kind)
    program = shutil.which("nmap", path="/usr/bin")
    if program is None:
        lack("nmap: run tests/interop/setup")
    server = make_box(kind, "nmap", HERE / "etc" / "guest" / "caller", f"{NET}.38.2", PEER=f"{NET}.38.3")
    with running(server):
        text = subprocess.run(
            [str(program), "-sU", "-Pn", "-n", "-p", "4569", "--script", "iax2-version", f"{NET}.38.2"],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        ).stdout
    assert "4569/udp open" in text, text
