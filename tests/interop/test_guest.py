"""Guests are served where a guest user is configured, and nowhere else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.interop.boxes import HERE, NET, Box, make_box, running
from tests.interop.calls import (
    causes_of_the_howto,
    dial_status,
    digits_both_ways,
    echo_both_ways,
    give_sounds,
    nothing_left,
)
from tests.interop.capture import capture
from tests.interop.conftest import need
from tests.interop.fail2ban import seen_by_fail2ban


@pytest.mark.parametrize("kinds", [("pbx", "asterisk22"), ("asterisk22", "pbx"), ("pbx", "pbx")], ids="-".join)
def test_guest_calls(kinds: tuple[str, str], wire: Path) -> None:
    need(*kinds)
    caller = make_box(kinds[0], "guest-caller", HERE / "etc" / "guest" / "caller", f"{NET}.37.1", PEER=f"{NET}.37.2")
    server = make_box(kinds[1], "guest-server", HERE / "etc" / "guest" / "server", f"{NET}.37.2")
    give_sounds(caller, server)
    with running(caller, server):
        echo_both_ways(caller, server, "Local/240@default", wire)
        echo_both_ways(caller, server, "Local/340@default", wire)
        for first in ("2", "3"):
            digits_both_ways(caller, server, f"Local/{first}41@default")
            causes_of_the_howto(caller, first)
        nothing_left(caller, server)


@pytest.mark.parametrize("kind", ["pbx", "asterisk22"])
def test_no_guest_unless_configured(kind: str, wire: Path, tmp_path: Path) -> None:
    need(kind, "asterisk22")
    caller = make_box("asterisk22", "nocaller", HERE / "etc" / "guest" / "caller", f"{NET}.37.3", PEER=f"{NET}.37.4")
    server = make_box(kind, "noserver", HERE / "etc" / "guest" / "caller", f"{NET}.37.4", PEER=f"{NET}.37.3")
    with running(caller, server):
        # a name is challenged like any other, and the caller has nothing to answer; no name: "No authority found"
        assert answers(caller, server, "240", wire) == [(CALLTOKEN, None), (AUTHREQ, None)]
        assert answers(caller, server, "340", wire) == [(CALLTOKEN, None), (REJECT, 50)]
        nothing_left(caller, server)
        if kind == "pbx":
            # one line that says why and one for security tools: the caller that names nobody is always a refusal here
            for level in ("NOTICE", "SECURITY"):
                wanted = rf"{level}\[\d+\].*{re.escape(caller.bind)}\b"
                server.wait_log(wanted)
                lines = [line for line in server.log.splitlines() if re.search(wanted, line)]
                seen_by_fail2ban(lines, tmp_path / "log")


CALLTOKEN, AUTHREQ, REJECT, ACK = 40, 8, 6, 4


def answers(caller: Box, server: Box, number: str, wire: Path) -> list[tuple[int, int | None]]:
    """A call that fails: the commands that the server sent, each with its CAUSECODE; no ACKs, nothing twice."""
    with capture(wire, caller.bind, server.bind) as recorded:
        assert dial_status(caller, f"Local/{number}@default")[0] == "CHANUNAVAIL"
    frames = [p.data for p in recorded.packets() if p.source[0] == server.bind and p.data[10] == 6]
    return [(f[11], f[-1] if f[-3:-1] == b"\x2a\x01" else None) for f in frames if f[11] != ACK and not f[2] & 0x80]
