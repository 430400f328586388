"""QUELCH and UNQUELCH: the far end does not want to hear us for a while, with or without music for its party."""

from __future__ import annotations

from pathlib import Path

import pytest

from pbx.channels.channel import Channel
from pbx.channels.events import Control, Indication
from pbx.channels.iax2.leg import Iax2Leg
from tests.channels.iax2.boxes import Boxes
from tests.channels.iax2.test_driver import tone
from tests.channels.iax2.test_driver_bridge import Chain, say

HOSTS = {"a": "127.0.56.71", "m": "127.0.56.72", "c": "127.0.56.73"}


def quelch(channel: Channel, on: bool, music: bool) -> None:
    leg = channel.leg
    assert isinstance(leg, Iax2Leg)
    leg.call.quelch(on, leg._driver.now(), music)
    leg._driver.pump()


@pytest.mark.parametrize("music", [False, True])
def test_who_is_quelched_says_nothing_until_it_may(tmp_path: Path, music: bool) -> None:
    sound = tmp_path / "there.ulaw"
    sound.write_bytes(tone(0.4))
    with Boxes() as boxes:
        chain = Chain(boxes, hosts=HOSTS, more="mohinterpret=passthrough")
        channel, other, seen = chain.call()

        def heard() -> int:
            """Frames that c gets while a speaks."""
            before = chain.c.driver.received(other)
            done = say(chain.a, channel, sound)
            boxes.run(lambda: done)
            boxes.turn(0.2)
            return chain.c.driver.received(other) - before

        assert heard() > 15
        quelch(other, True, music)
        boxes.turn(0.2)
        assert heard() == 0
        quelch(other, False, False)
        boxes.turn(0.2)
        assert heard() > 15
        held = [event.control for event in seen if isinstance(event, Indication)]
        assert [c for c in held if c in (Control.HOLD, Control.UNHOLD)] == (
            [Control.HOLD, Control.UNHOLD] if music else []
        )
        channel.hangup()
        chain.settled()
