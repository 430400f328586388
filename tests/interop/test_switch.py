"""`switch => IAX2/...` between us and stock peers: numbers asked for, found, dialled; and kept, on our side."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.interop.boxes import HERE, NET, make_box, running
from tests.interop.capture import capture
from tests.interop.conftest import need

STOCK = [("pbx", "asterisk22"), ("asterisk22", "pbx"), ("pbx", "asterisk16")]


@pytest.mark.parametrize("kinds", STOCK, ids="-".join)
def test_numbers_of_a_peer(kinds: tuple[str, str], wire: Path) -> None:
    need(*kinds)
    one, two = (
        make_box(kind, f"switch-{side}", HERE / "etc" / "switch" / side, f"{NET}.57.{i}", PEER=f"{NET}.57.{3 - i}")
        for i, (kind, side) in enumerate(zip(kinds, "ab", strict=True), 1)
    )
    with running(one, two):
        with capture(wire, one.bind, two.bind) as recorded:
            for number in ("12345", "777"):
                one.rx(f"channel originate Local/{number}@out extension go@default")
                two.wait_log(rf"GOT {number}\b", 15)
            if one.kind == "pbx":
                cache = one.rx("iax2 show cache")
                assert "12345" in cache
                assert "EXISTS" in cache
                assert "s1" not in cache
            one.rx("channel originate Local/999@out extension go@default")
        questions = [p.data for p in recorded.packets() if p.source[0] == one.bind and p.data[10:12] == b"\x06\x13"]
        assert any(b"777" in data for data in questions)
        if one.kind == "pbx":
            # once for each number: answers are kept
            assert sorted(data[14:] for data in questions) == [b"12345", b"777", b"999"]
        assert "GOT 999" not in two.log
        one.rx("channel request hangup all")
        for box in (one, two):
            box.wait_idle()
