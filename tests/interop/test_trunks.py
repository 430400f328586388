"""Trunk frames beside stock peers: their size and pace, what the console says, and calls that are encrypted as well."""

from __future__ import annotations

import struct
import time
from itertools import pairwise
from pathlib import Path

import pytest

from tests.interop.boxes import Box, running
from tests.interop.calls import SWEEP, echoed, linear, nothing_left, whole_file
from tests.interop.capture import Capture, capture
from tests.interop.sounds import alike, from_ulaw
from tests.interop.test_logins import pair_of

CALLS = 3
#: bytes of an entry of ulaw, head and all
ENTRY = 166


def trunk_frames(recorded: Capture, box: Box) -> list[bytes]:
    """What a box sent in trunk frames."""
    return [p.data for p in recorded.packets() if p.source[0] == box.bind and p.data[:3] == b"\0\0\1"]


@pytest.mark.parametrize(
    "kinds", [("pbx", "asterisk22"), ("asterisk22", "pbx"), ("pbx", "asterisk16"), ("asterisk16", "pbx")], ids="-".join
)
def test_size_and_pace_of_trunk_frames(kinds: tuple[str, str], wire: Path) -> None:
    """trunkfreq, trunkmtu, `iax2 set mtu`, `iax2 set debug trunk`; the sound of all calls comes back as it left."""
    one, two = pair_of(
        kinds, "md5", 86, AUTH="md5", TRUNK="yes", TRUNKTIMESTAMPS="yes\ntrunkfreq=40\ntrunkmtu=720", CODEC="ulaw"
    )
    ours = one if one.kind == "pbx" else two
    with running(one, two):
        assert "720" in ours.rx("iax2 show stats") or "720" in ours.rx("iax2 show settings")
        ours.rx("iax2 set debug trunk on")
        with capture(wire, one.bind, two.bind) as recorded:
            for _ in range(CALLS):
                one.originate("Local/240@default", "Playback", one.seen(one.home / "sounds" / "sweep"))
            time.sleep(1.5)
            ours.rx("iax2 set mtu 400")
            one.wait_idle(20)
        frames = trunk_frames(recorded, ours)
        sizes = [len(frame) for frame in frames]
        assert max(sizes) == 8 + 4 * ENTRY, sizes
        assert max(sizes[-10:]) <= 400, sizes
        times = [struct.unpack_from("!I", frame, 4)[0] for frame in frames]
        # frames of one tick differ by a millisecond to and fro: never twice the same time, never ahead of the clock
        assert all(after != before and after >= before - 1 for before, after in pairwise(times)), times
        # two frames of 20 ms of each call gather in 40 ms
        assert len(frames) < 0.75 * sum((size - 8) // ENTRY for size in sizes), sizes
        found = recorded.streams()
        sent, back = found[one.bind, two.bind], found[two.bind, one.bind]
        assert len(sent) == len(back) == CALLS
        for left in sent:
            came = max(back, key=lambda s: len(set(s.payloads) & set(left.payloads)))
            assert left.trunked > 100 < came.trunked
            echoed(linear(left.payloads), linear(came.payloads), in_order=False)
        ours.wait_log(r"Trunk peer \(\S+\): \d calls?, \d+ frames sent and \d+ received")
        nothing_left(one, two)


@pytest.mark.parametrize("stock", ["asterisk22", "asterisk16"])
def test_clear_voice_of_encrypted_calls(stock: str, wire: Path) -> None:
    """A stock box puts it into trunk frames: taken, and said once a call; with cleartrunk=no refused.  We never do."""
    one, two = pair_of((stock, "pbx"), "crypt", 87, AUTH="md5", ROTATE="no\ntrunk=yes", CODEC="ulaw")
    with running(one, two):
        with capture(wire, one.bind, two.bind) as recorded:
            one.originate("Local/258@default", "Playback", one.seen(one.home / "sounds" / "sweep"))
            two.wait_log(r"SECURE signaling 1 media  end", 15)
            one.wait_idle(20)
            one.originate("Local/240@default", "Playback", one.seen(one.home / "sounds" / "sweep"))
            one.wait_idle(20)
        assert len(trunk_frames(recorded, one)) > 100
        assert trunk_frames(recorded, two) == []
        assert two.log.count("its voice comes in the clear, in trunk frames") == 2
        two.values["ROTATE"] += "\ncleartrunk=no"
        two.render()
        two.rx("iax2 reload")
        one.originate("Local/256@default", "Playback", one.seen(one.home / "sounds" / "sweep"))
        two.wait_log(r"it is refused", 15)
        one.wait_idle(20)
        heard = two.home / "spool" / "heard.ulaw"
        assert alike(SWEEP, from_ulaw(whole_file(heard, 2))) < 0.3
        nothing_left(one, two)
