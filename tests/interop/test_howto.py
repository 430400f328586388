"""The how-to of two servers, VOIP1 and VOIP2: RSA keys, qualify, trunk; either box pbx or a stock Asterisk."""

from __future__ import annotations

import re
from collections.abc import Iterator
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
    recorded_here,
    recorded_there,
    together,
)
from tests.interop.capture import capture
from tests.interop.conftest import need
from tests.interop.keys import rsa_pair

#: with two stock boxes the tests prove themselves
PAIRS = [
    ("pbx", "pbx"),
    ("pbx", "asterisk22"),
    ("asterisk22", "pbx"),
    ("pbx", "asterisk16"),
    ("asterisk16", "pbx"),
    ("asterisk22", "asterisk22"),
]
Pair = tuple[Box, Box]


@pytest.fixture(scope="module", params=PAIRS, ids=["-".join(p) for p in PAIRS])
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    need(*request.param)
    keys = tmp_path_factory.mktemp("keys")
    one, two = (
        make_box(kind, f"voip{i}", HERE / "etc" / "howto" / f"voip{i}", f"{NET}.31.{i}", PEER=f"{NET}.31.{3 - i}")
        for i, kind in enumerate(request.param, 1)
    )
    for box, own, other in ((one, "voip1", "voip2"), (two, "voip2", "voip1")):
        for name in (own, other):
            if not (keys / f"{name}.key").exists():
                rsa_pair(keys, name)
        box.add_key(keys / f"{own}.key")
        box.add_key(keys / f"{other}.pub")
        box.add_key(keys / f"{own}.pub")
    give_sounds(one, two)
    with running(one, two):
        for box, other in ((one, "VOIP2"), (two, "VOIP1")):
            text = box.wait_rx("iax2 show peers", r"OK \(\d+ ms", 40)
            assert other in text
            assert "(T)" in text
        yield one, two


def test_voip1_reaches_voip2_with_sound_both_ways(pair: Pair, wire: Path) -> None:
    one, two = pair
    echo_both_ways(one, two, "Local/240@default", wire, trunked=True)


def test_voip2_reaches_voip1_with_sound_both_ways(pair: Pair, wire: Path) -> None:
    one, two = pair
    echo_both_ways(two, one, "Local/140@default", wire, trunked=True)


def test_what_is_played_is_recorded_at_the_other_end(pair: Pair) -> None:
    one, two = pair
    together(
        lambda: recorded_there(one, two, "Local/246@default"), lambda: recorded_there(two, one, "Local/146@default")
    )


def test_the_callers_side_hears_what_the_other_plays(pair: Pair) -> None:
    one, two = pair
    together(lambda: recorded_here(one, "Local/247@default"), lambda: recorded_here(two, "Local/147@default"))


def test_digits_arrive_both_ways(pair: Pair) -> None:
    one, two = pair
    together(
        lambda: digits_both_ways(one, two, "Local/241@default"), lambda: digits_both_ways(two, one, "Local/141@default")
    )


def test_causes_cross_the_link(pair: Pair) -> None:
    """Each exactly as it is between two stock boxes, whichever end is pbx."""
    one, two = pair
    together(lambda: causes_of_the_howto(one, "2"), lambda: causes_of_the_howto(two, "1"))


def test_the_link_is_seen_from_the_console_during_a_call(pair: Pair) -> None:
    one, two = pair
    one.rx("channel originate Local/240@default extension play@apps")
    text = one.wait_rx("iax2 show channels", r"IAX2/VOIP2-\d+", 5)
    assert re.search(r"(?m)^\d+ active IAX channel", text)
    assert "IAX2/VOIP1-" in two.wait_rx("iax2 show channels", r"IAX2/VOIP1-\d+", 5)
    assert "IAX2/VOIP2-" in one.rx("iax2 show netstats")
    assert "IAX2/VOIP2-" in one.rx("core show channels")
    one.wait_idle()


def test_tshark_finds_nothing_wrong(pair: Pair, wire: Path) -> None:
    one, two = pair
    with capture(wire, one.bind, two.bind) as recorded:
        digits_both_ways(one, two, "Local/241@default")
        dial_status(two, "Local/143@default")
    assert recorded.packets()
    ours = " or ".join(f"ip.src == {box.bind}" for box in pair if box.kind == "pbx") or "ip"
    wrong = recorded.tshark(
        "-Y", f"({ours}) and (_ws.malformed or _ws.expert.severity >= warning)", "-d", "udp.port==4569,iax2"
    )
    assert not wrong, wrong


def test_nothing_is_left_behind(pair: Pair) -> None:
    nothing_left(*pair)
