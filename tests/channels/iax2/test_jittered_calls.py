"""jitterbuffer of iax.conf: per user and peer, whatever the voice goes to; its numbers are told to the plane."""

from __future__ import annotations

from pathlib import Path

import pytest

from pbx.channels.iax2.leg import Iax2Leg
from pbx.codecs.formats import ULAW
from tests.channels.iax2.boxes import Boxes, share
from tests.channels.iax2.test_driver import tone
from tests.channels.iax2.test_driver_bridge import Chain, say

HOSTS = {"a": "127.0.55.21", "m": "127.0.55.22", "c": "127.0.55.23"}


@pytest.mark.parametrize("wanted", [True, False])
def test_sound_of_a_buffered_leg(tmp_path: Path, wanted: bool) -> None:
    """Through a box in the middle whose two legs are relayed to each other: buffered all the same, and heard."""
    sound = tone(1.0, 1)
    (tmp_path / "said.ulaw").write_bytes(sound)
    with Boxes() as boxes:
        chain = Chain(boxes, hosts=HOSTS, more=f"jitterbuffer={'yes' if wanted else 'no'}")
        channel, other, _ = chain.call()
        chain.c.switch.graph.record(other, str(tmp_path / "heard.ulaw"), ULAW)
        ends = say(chain.a, channel, tmp_path / "said.ulaw")
        boxes.run(lambda: ends)
        boxes.turn(0.5)
        delays = []
        for one in chain.m.channels():
            assert isinstance(one.leg, Iax2Leg)
            delays.append(chain.m.port.counters.legs(one.leg.call.row).delay)
        # what comes from `a` waits: the extra of 40 ms at least; nothing came from `c`
        assert (max(delays) >= 40) is wanted
        channel.hangup()
        chain.settled()
    assert share(sound, (tmp_path / "heard.ulaw").read_bytes()) > 0.5
