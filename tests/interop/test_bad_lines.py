"""Encrypted calls with stock peers on a line that loses, doubles and overtakes: keys change all the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.interop.boxes import HERE, NET, Box, make_box, running
from tests.interop.calls import ULAW, digits_both_ways, give_sounds, linear, whole_file
from tests.interop.conftest import need
from tests.interop.keys import rsa_pair
from tests.interop.rough import Rough
from tests.interop.test_encryption import STOCK


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    for name in ("box-a", "box-b"):
        rsa_pair(folder, name)
    return folder


@pytest.mark.parametrize(
    ("kinds", "auth"), [*((kinds, "md5") for kinds in STOCK), (STOCK[0], "rsa"), (STOCK[1], "rsa")], ids=str
)
def test_keys_change_on_a_bad_line(kinds: tuple[str, str], auth: str, keys: Path) -> None:
    """Loss, doubles and overtaking around every RTKEY: digits still arrive both ways, and most of the sound."""
    need(*kinds)
    binds, seen_as = (f"{NET}.56.5", f"{NET}.56.6"), (f"{NET}.56.7", f"{NET}.56.8")
    one, two = (
        make_box(kind, f"rough-{side}", HERE / "etc" / "crypt" / side, binds[i], PEER=seen_as[1 - i],
                 SECRET="wonderland", AUTH=auth, ROTATE="yes", CODEC="ulaw")
        for i, (kind, side) in enumerate(zip(kinds, "ab", strict=True))
    )  # fmt: skip
    give_sounds(one, two)
    for box in (one, two):
        for path in sorted(keys.iterdir()):
            own = path.stem == f"box-{'a' if box is one else 'b'}"
            if own or path.suffix == ".pub":
                box.add_key(path)
    line = Rough(dict(zip(binds, seen_as, strict=True)), seed=25, loss=0.03, doubled=0.03, late=0.06)
    with running(one, two), line.carrying():
        one.originate("Local/256@default", "Playback", one.seen(one.home / "sounds" / "sweep"))
        (heard,) = linear([whole_file(two.home / "spool" / "heard.ulaw")])
        said = linear([ULAW[at : at + 160] for at in range(1600, len(ULAW) - 1600, 160)])
        assert sum(frame in heard for frame in said) > 0.8 * len(said)
        patient(one, two, "Local/241@default")
        patient(two, one, "Local/141@default")
        for box in (one, two):
            box.wait_idle(60)
    assert line.lost > 3 and line.overtaken > 3


def patient(caller: Box, callee: Box, target: str) -> None:
    """Digits both ways, in one of three calls: a frame that is lost twice comes ten seconds later."""
    for more in range(2, -1, -1):
        try:
            digits_both_ways(caller, callee, target)
        except AssertionError:
            if not more:
                raise
        else:
            return
