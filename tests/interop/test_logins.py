"""md5 and plaintext logins, plain and trunked links (both layouts), codecs translated on the way."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.boxes import HERE, NET, Box, make_box, running
from tests.interop.calls import (
    SWEEP,
    ULAW,
    causes_of_the_howto,
    digits_both_ways,
    echo_both_ways,
    give_sounds,
    longest,
    nothing_left,
    recorded_here,
    recorded_there,
    together,
)
from tests.interop.capture import capture
from tests.interop.conftest import need
from tests.interop.sounds import alike, from_gsm, from_ulaw, to_gsm

STOCK = [("pbx", "asterisk22"), ("asterisk22", "pbx"), ("asterisk16", "pbx"), ("asterisk22", "asterisk22")]


def pair_of(kinds: tuple[str, str], scenario: str, subnet: int, **values: str) -> tuple[Box, Box]:
    need(*kinds)
    values.setdefault("LOGIN", "secret=wonderland")
    one, two = (
        make_box(
            kind,
            f"{scenario}-{side}",
            HERE / "etc" / scenario / side,
            f"{NET}.{subnet}.{i}",
            PEER=f"{NET}.{subnet}.{3 - i}",
            SECRET="wonderland",
            **values,
        )
        for i, (kind, side) in enumerate(zip(kinds, "ab", strict=True), 1)
    )
    give_sounds(one, two)
    return one, two


@pytest.mark.parametrize("kinds", STOCK, ids="-".join)
@pytest.mark.parametrize(
    ("auth", "trunk", "stamps"),
    [("md5", "no", "yes"), ("plaintext", "no", "yes"), ("md5", "yes", "yes"), ("md5", "yes", "no")],
    ids=["md5", "plaintext", "md5-trunk", "md5-trunk-without-stamps"],
)
def test_login_sound_digits_and_causes(kinds: tuple[str, str], auth: str, trunk: str, stamps: str, wire: Path) -> None:
    one, two = pair_of(kinds, "md5", 32, AUTH=auth, TRUNK=trunk, TRUNKTIMESTAMPS=stamps, CODEC="ulaw")
    with running(one, two):
        echo_both_ways(one, two, "Local/240@default", wire, trunked=trunk == "yes")
        together(
            lambda: digits_both_ways(one, two, "Local/241@default"),
            lambda: digits_both_ways(two, one, "Local/141@default"),
        )
        together(lambda: causes_of_the_howto(one, "2"), lambda: causes_of_the_howto(two, "1"))
        nothing_left(one, two)


@pytest.fixture(params=[("gsm", 2), ("alaw", 8), ("slin", 64)], ids=["gsm", "alaw", "slin"])
def codec(request: pytest.FixtureRequest) -> Iterator[tuple[str, int]]:
    yield request.param


@pytest.mark.parametrize("kinds", [("pbx", "asterisk22"), ("asterisk22", "pbx")], ids="-".join)
def test_sound_is_translated(kinds: tuple[str, str], codec: tuple[str, int], wire: Path) -> None:
    name, bit = codec
    one, two = pair_of(kinds, "codecs", 33, OURS="ulaw,gsm,alaw,slin", THEIRS=name)
    # gsm leaves little of a quick high tone as it was: what is played is known by what gsm makes of it
    coded = to_gsm(from_ulaw(ULAW)) if name == "gsm" else []
    sound = from_gsm(coded) if coded else SWEEP
    with running(one, two):
        with capture(wire, one.bind, two.bind) as recorded:
            recorded_there(one, two, "Local/246@default", sound)
            recorded_here(one, "Local/247@default", sound)
        for player, other in ((one, two), (two, one)):
            voice = recorded.streams()[player.bind, other.bind]
            assert {f for s in voice for f in s.formats} == {bit}
            if coded and player.kind == "pbx":
                assert b"".join(coded[:140]) in longest(voice).sound, "not what gsm makes of the sound"
        nothing_left(one, two)


@pytest.mark.parametrize("kinds", [("pbx", "asterisk22"), ("asterisk22", "pbx")], ids="-".join)
def test_early_sound_comes_before_the_answer(kinds: tuple[str, str], wire: Path) -> None:
    one, two = pair_of(kinds, "md5", 34, AUTH="md5", TRUNK="no", TRUNKTIMESTAMPS="yes", CODEC="ulaw")
    with running(one, two):
        with capture(wire, one.bind, two.bind) as recorded:
            one.rx("channel originate Local/248@default extension wait@apps")
            two.wait_rx("core show channels count", r"(?m)^1 call[s]? processed", 10)
            two.wait_idle()
        early = longest(recorded.streams()[(two.bind, one.bind)])
        assert alike(SWEEP, from_ulaw(early.sound)) > 0.9
        nothing_left(one, two)


def test_md5secret_is_the_shared_secret_of_two_boxes(wire: Path) -> None:
    """For a challenge the hash text itself is the secret, at both ends."""
    digest = hashlib.md5(b"box:asterisk:wonderland").hexdigest()
    one, two = pair_of(
        ("pbx", "pbx"), "md5", 45, AUTH="md5", TRUNK="no", TRUNKTIMESTAMPS="yes", CODEC="ulaw",
        LOGIN=f"md5secret={digest}",
    )  # fmt: skip
    with running(one, two):
        echo_both_ways(one, two, "Local/240@default", wire)
        nothing_left(one, two)
        assert digest not in one.log + two.log
