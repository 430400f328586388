"""Encrypted calls with stock peers: md5 and rsa, with and without new keys, sound and digits both ways."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.interop.boxes import HERE, NET, make_box, running
from tests.interop.calls import SWEEP, ULAW, digits_both_ways, give_sounds, nothing_left, whole_file
from tests.interop.capture import Capture, capture
from tests.interop.conftest import need
from tests.interop.keys import rsa_pair
from tests.interop.sounds import alike, from_ulaw

STOCK = [("pbx", "asterisk22"), ("asterisk22", "pbx"), ("pbx", "asterisk16"), ("asterisk16", "pbx")]


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    for name in ("box-a", "box-b"):
        rsa_pair(folder, name)
    return folder


def in_clear(recorded: Capture) -> list[int]:
    """Commands (and 0 for other types) of full frames that are as long as they would be in the clear and readable."""
    found = []
    for packet in recorded.packets():
        data = packet.data
        if len(data) >= 12 and data[0] & 0x80 and (len(data) - 4) % 16:
            found.append(data[11] if data[10] == 6 else 0)
    return found


@pytest.mark.parametrize("kinds", STOCK, ids="-".join)
@pytest.mark.parametrize(("auth", "rotate"), [("md5", "yes"), ("md5", "no"), ("rsa", "yes")])
def test_sound_and_digits_enciphered(kinds: tuple[str, str], auth: str, rotate: str, wire: Path, keys: Path) -> None:
    need(*kinds)
    one, two = (
        make_box(kind, f"crypt-{side}", HERE / "etc" / "crypt" / side, f"{NET}.56.{i}", PEER=f"{NET}.56.{3 - i}",
                 SECRET="wonderland", AUTH=auth, ROTATE=rotate, CODEC="ulaw")
        for i, (kind, side) in enumerate(zip(kinds, "ab", strict=True), 1)
    )  # fmt: skip
    give_sounds(one, two)
    for box in (one, two):
        for path in sorted(keys.iterdir()):
            own = path.stem == f"box-{'a' if box is one else 'b'}"
            if own or path.suffix == ".pub":
                box.add_key(path)
    with running(one, two):
        with capture(wire, one.bind, two.bind) as recorded:
            one.originate("Local/256@default", "Playback", one.seen(one.home / "sounds" / "sweep"))
            assert alike(SWEEP, from_ulaw(whole_file(two.home / "spool" / "heard.ulaw"))) > 0.8
            one.rx("channel originate Local/247@default extension record@keep")
            assert alike(SWEEP, from_ulaw(whole_file(one.home / "spool" / "recorded.ulaw"))) > 0.8
            digits_both_ways(one, two, "Local/241@default")
            digits_both_ways(two, one, "Local/141@default")
        # NEW, CALLTOKEN, NEW, AUTHREQ; ACKs of them
        assert set(in_clear(recorded)) <= {1, 40, 8, 4}
        assert all(ULAW[4000:4160] not in packet.data for packet in recorded.packets())
        for box in (one, two):
            if box.kind == "pbx":
                assert "(E)" in box.rx("iax2 show peers")
        nothing_left(one, two)
