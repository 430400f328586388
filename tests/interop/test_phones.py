"""Other people's programs: two iaxmodems complete a call through us, nmap knows what we are."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.boxes import HERE, NET, make_box, running
from tests.interop.calls import nothing_left
from tests.interop.capture import Packet, capture
from tests.interop.conftest import lack, need
from tests.interop.modem import Modem


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short path: iaxmodem cuts long ones."""
    with tempfile.TemporaryDirectory(prefix="m", dir="/tmp") as path:
        yield Path(path)


def voices(packets: list[Packet], server: str) -> dict[tuple[str, int], list[bytes]]:
    """Voice payloads by way (`in` or `out`, the modem's port), in order of their sending; what was sent again, once."""
    found: dict[tuple[str, int], list[bytes]] = {}
    seen: set[tuple[int, bytes]] = set()
    for packet in packets:
        data = packet.data
        way = ("out", packet.destination[1]) if packet.source[1] == 4569 else ("in", packet.source[1])
        if data[0] & 0x80:
            # the highest bit of the third byte says that it was sent again
            whole = data[:2] + bytes([data[2] & 0x7F]) + data[3:]
            if data[10] != 2 or (way[1], whole) in seen:
                continue
            seen.add((way[1], whole))
            found.setdefault(way, []).append(data[12:])
        elif data[:2] != b"\0\0":
            found.setdefault(way, []).append(data[4:])
    return found


#: frames that may not have passed yet, or no more, when the call is answered and when it ends
_START, _END = 5, 25


def assert_passed_on(sent: list[bytes], came: list[bytes], *, in_order: bool) -> None:
    """What one modem sent reached the other: every frame, and nothing else; in order, unless a stock box carries them
    (its threads pass one another).
    """
    assert len(set(sent)) > 1 and len(sent) > 2 * _END, "too little to prove anything"
    assert len(sent) - _START - _END <= len(came) <= len(sent), f"{len(sent)} frames came in, {len(came)} went out"
    if in_order:
        starts = [i for i in range(_START + 1) if sent[i : i + len(came)] == came]
        assert starts, "voice was lost, altered or out of order on its way through"
    else:
        assert not Counter(came) - Counter(sent), "something else came out"


@pytest.mark.parametrize("kind", ["pbx", "asterisk22"])
def test_two_modems_complete_a_call_through_us(kind: str, folder: Path, wire: Path) -> None:
    """Their voice leaves on the other's leg as it came, both ways."""
    need(kind)
    if Modem.missing():
        lack(Modem.missing())
    server = make_box(kind, "modem", HERE / "etc" / "modem", f"{NET}.38.1", SECRET="carrier")
    modems = [
        Modem(f"m{i}", f"{NET}.38.1", "carrier", 20000 + os.getpid() % 20000 + i, folder, f"50{i - 1}") for i in (1, 2)
    ]
    with (
        running(server),
        contextlib.ExitStack() as stack,
        capture(wire, server.bind, "127.0.0.1") as recorded,
    ):
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
        time.sleep(3)
        server.rx("channel request hangup all")
        server.wait_idle(40)
        nothing_left(server)
    found = voices(recorded.packets(), server.bind)
    ports = sorted({port for _, port in found})
    assert len(ports) == 2, found.keys()
    for one_end, other_end in (ports, ports[::-1]):
        assert_passed_on(found["in", one_end], found["out", other_end], in_order=kind == "pbx")


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
