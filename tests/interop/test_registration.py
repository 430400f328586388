"""Two dynamic friends that register with each other, trunked, with deny and permit; and the crossed form that fails."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.interop.boxes import Box, running
from tests.interop.calls import causes_of_the_howto, digits_both_ways, echo_both_ways, nothing_left, together
from tests.interop.test_logins import pair_of

PAIRS = [("pbx", "pbx"), ("pbx", "asterisk22"), ("pbx", "asterisk16"), ("asterisk22", "asterisk22")]


def registered(box: Box) -> None:
    """The far end's REGACK was read.

    A stock box notes "Request Sent" once its request has left, and that may be after another of its threads has read
    the REGACK: then it shows that state beside the address that the REGACK told it, until the next request.
    """
    state = "Registered" if box.kind == "pbx" else r"127\.\S+:4569 .*(Registered|Request Sent)"
    box.wait_rx("iax2 show registry", rf"(?m)^127\.\S+:4569 .*{state}$", 40)


@pytest.mark.parametrize("kinds", PAIRS, ids="-".join)
def test_mutual_registration(kinds: tuple[str, str], wire: Path) -> None:
    one, two = pair_of(kinds, "mutual", 35)
    with running(one, two):
        registered(one)
        registered(two)
        for box, other in ((one, two), (two, one)):
            text = box.wait_rx("iax2 show peers", r"OK \(\d+ ms", 40)
            assert re.search(rf"{re.escape(other.bind)} +\(D\)", text), text
        echo_both_ways(one, two, "Local/240@default", wire, trunked=True)
        together(
            lambda: digits_both_ways(one, two, "Local/241@default"),
            lambda: digits_both_ways(two, one, "Local/141@default"),
        )
        together(lambda: causes_of_the_howto(one, "2"), lambda: causes_of_the_howto(two, "1"))
        nothing_left(one, two)


@pytest.mark.parametrize("kinds", [("pbx", "pbx"), ("pbx", "asterisk22"), ("asterisk22", "pbx")], ids="-".join)
def test_crossed_names_end_in_a_verdict_that_names_the_section(kinds: tuple[str, str]) -> None:
    one, two = pair_of(kinds, "crossed", 36)
    with running(one, two):
        for box, own, other in ((one, "box-a", "box-b"), (two, "box-b", "box-a")):
            if box.kind != "pbx":
                continue
            line = box.wait_log(rf"NOTICE\S* .*{other}.*", 30)[0]
            assert f"[{own}]" in box.log and f"[{other}]" in box.log, line
            assert re.search(r"iax\.conf:\d+", box.log), "no file and line in the verdict"
            assert "Registered" not in box.rx("iax2 show registry").replace("<Unregistered>", "")
