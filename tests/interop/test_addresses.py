"""IPv6, and replies of a wildcard-bound box that leave from the address that was asked."""

from __future__ import annotations

import os
import socket

import pytest

from tests.interop.boxes import HERE, NET, make_box, running
from tests.interop.calls import digits_both_ways, give_sounds, nothing_left, recorded_here, recorded_there, together
from tests.interop.conftest import need

#: ports of our own on addresses that all share
WILDCARD = 20000 + os.getpid() % 20000
PORTS = [{"PORT": str(WILDCARD + i), "PEERPORT": str(WILDCARD + 3 - i)} for i in (1, 2)]
#: a POKE of source call 7, 12 bytes and no elements
POKE = bytes.fromhex("80070000000000000000061e")


@pytest.mark.parametrize("kinds", [("pbx", "pbx"), ("pbx", "asterisk22"), ("asterisk22", "pbx")], ids="-".join)
def test_a_call_over_ipv6(kinds: tuple[str, str]) -> None:
    need(*kinds)
    one, two = (
        make_box(kind, f"six-{side}", HERE / "etc" / "ipv6" / side, "::1", SECRET="wonderland", **ports)
        for kind, side, ports in zip(kinds, "ab", PORTS, strict=True)
    )
    give_sounds(one, two)
    with running(one, two):
        one.wait_rx("iax2 show peers", r"OK \(\d+ ms\)", 40)
        together(lambda: recorded_there(one, two, "Local/246@default"), lambda: recorded_here(two, "Local/147@default"))
        together(
            lambda: digits_both_ways(one, two, "Local/241@default"),
            lambda: digits_both_ways(two, one, "Local/141@default"),
        )
        nothing_left(one, two)


def test_replies_leave_from_the_address_that_was_asked() -> None:
    box = make_box("pbx", "wildcard", HERE / "etc" / "wildcard", "0.0.0.0", PORT=str(WILDCARD))
    with running(box):
        for address in (f"{NET}.41.5", f"{NET}.41.6"):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
                asker.settimeout(5)
                asker.bind((f"{NET}.41.1", 0))
                # connected: the kernel hands over only what comes from that very address
                asker.connect((address, WILDCARD))
                asker.send(POKE)
                answer = asker.recv(2048)
                assert answer[10:12] == b"\x06\x03" and len(answer) == 12, answer.hex()


def test_a_taken_port_is_refused_naming_it() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((f"{NET}.41.9", 4569))
        box = make_box("pbx", "taken", HERE / "etc" / "guest" / "caller", f"{NET}.41.9", PEER=f"{NET}.41.1")
        try:
            box.start()
        except AssertionError as ended:
            assert f"{NET}.41.9:4569" in str(ended)
        else:
            assert f"{NET}.41.9:4569" in box.log
        finally:
            box.stop()
