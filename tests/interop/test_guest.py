"""Guests are served where a guest user is configured, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.interop.boxes import HERE, NET, make_box, running
from tests.interop.calls import dial_status, echo_both_ways, give_sounds, nothing_left
from tests.interop.capture import capture
from tests.interop.conftest import need


@pytest.mark.parametrize("kinds", [("pbx", "asterisk22"), ("asterisk22", "pbx"), ("pbx", "pbx")], ids="-".join)
def test_guest_calls(kinds: tuple[str, str], wire: Path) -> None:
    need(*kinds)
    caller = make_box(kinds[0], "guest-caller", HERE / "etc" / "guest" / "caller", f"{NET}.37.1", PEER=f"{NET}.37.2")
    server = make_box(kinds[1], "guest-server", HERE / "etc" / "guest" / "server", f"{NET}.37.2")
    give_sounds(caller, server)
    with running(caller, server):
        echo_both_ways(caller, server, "Local/240@default", wire)
        echo_both_ways(caller, server, "Local/340@default", wire)
        nothing_left(caller, server)


@pytest.mark.parametrize("kind", ["pbx", "asterisk22"])
def test_no_guest_unless_configured(kind: str, wire: Path) -> None:
    need(kind, "asterisk22")
    caller = make_box("asterisk22", "nocaller", HERE / "etc" / "guest" / "caller", f"{NET}.37.3", PEER=f"{NET}.37.4")
    server = make_box(kind, "noserver", HERE / "etc" / "guest" / "caller", f"{NET}.37.4", PEER=f"{NET}.37.3")
    with running(caller, server):
        with capture(wire, caller.bind, server.bind) as recorded:
            for number in ("240", "340"):
                assert dial_status(caller, f"Local/{number}@default")[0] == "CHANUNAVAIL"
        refused = [p.data for p in recorded.packets() if p.source[0] == server.bind and p.data[10:12] == b"\x06\x06"]
        # CAUSECODE 50, facility not subscribed: "No authority found"; and no ACCEPT
        assert refused and all(b"\x2a\x01\x32" in frame for frame in refused)
        assert not [p for p in recorded.packets() if p.source[0] == server.bind and p.data[10:12] == b"\x06\x07"]
        nothing_left(caller, server)
