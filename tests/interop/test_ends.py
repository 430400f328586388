"""However a call ends at the far end, the caller sees the status and the cause that it sees of a stock Asterisk."""

from __future__ import annotations

import time

import pytest

from tests.interop.boxes import HERE, NET, make_box, running
from tests.interop.calls import nothing_left
from tests.interop.conftest import need

#: extension of the server -> DIALSTATUS and HANGUPCAUSE of the caller
ENDS = {
    "answered": ("ANSWER", 16),
    "lasted": ("ANSWER", 16),
    "zero": ("ANSWER", 16),
    "silent": ("ANSWER", 16),
    "late": ("ANSWER", 16),
    "gone": ("ANSWER", 16),
    "nothing": ("CHANUNAVAIL", 0),
    "unknown": ("CHANUNAVAIL", 0),
    "nowhere": ("CHANUNAVAIL", 0),
    "hangup": ("NOANSWER", 16),
    "busy": ("BUSY", 17),
    "full": ("CONGESTION", 34),
    "cause": ("CHANUNAVAIL", 38),
}
KINDS = [("pbx", "pbx"), ("asterisk22", "pbx"), ("pbx", "asterisk22"), ("asterisk22", "asterisk22")]


@pytest.mark.parametrize("kinds", KINDS, ids="-".join)
def test_what_the_caller_sees(kinds: tuple[str, str]) -> None:
    need(*kinds)
    client, server = (
        make_box(
            kind,
            f"ends-{side}",
            HERE / "etc" / "ends" / side,
            f"{NET}.47.{i}",
            PEER=f"{NET}.47.{3 - i}",
            SECRET="wonderland",
        )
        for i, (kind, side) in enumerate(zip(kinds, ("client", "server"), strict=True), 1)
    )
    with running(client, server):
        for extension in ENDS:
            client.rx(f"channel originate Local/{extension}@out application Wait 4")
            time.sleep(0.1)
        found = {}
        for extension in ENDS:
            match = client.wait_log(rf"RESULT {extension} ([A-Z]+) (\d+) END", 15)
            found[extension] = (match[1], int(match[2]))
        assert found == ENDS
        nothing_left(client, server)
