"""Voice of calls that were transferred natively, through real sockets and voice planes."""

from __future__ import annotations

from pathlib import Path

import pytest

from pbx.channels.events import Text
from pbx.channels.iax2.leg import Iax2Leg
from pbx.codecs.formats import ULAW
from tests.channels.iax2.boxes import Boxes, share
from tests.channels.iax2.test_driver import tone
from tests.channels.iax2.test_driver_bridge import PORT, Chain, ipv6_chain, say

HOSTS = {"a": "127.0.56.61", "m": "127.0.56.62", "c": "127.0.56.63"}


SIX = {"a": "[::1]:14591", "m": "[::1]:14592", "c": "[::1]:14593"}


@pytest.mark.parametrize("hosts", [HOSTS, SIX], ids=["ipv4", "ipv6"])
@pytest.mark.parametrize("kind", ["yes", "mediaonly"])
def test_the_ends_hear_each_other_without_the_middle(tmp_path: Path, kind: str, hosts: dict[str, str]) -> None:
    sounds = {"there": tone(1.0, 1), "back": tone(1.0, 50)}
    for name, sound in sounds.items():
        (tmp_path / f"{name}.ulaw").write_bytes(sound)
    with Boxes() as boxes:
        make = Chain if hosts is HOSTS else ipv6_chain
        chain = make(boxes, hosts=hosts, more=f"transfer={kind}")
        channel, other, seen = chain.call()
        middle = chain.m.driver.endpoint.stats
        if kind == "yes":
            boxes.run(lambda: not chain.m.channels(), 10)
            boxes.run(lambda: all(box.driver.endpoint.stats["transferred"] for box in (chain.a, chain.c)))
            for one, end in ((channel, "c"), (other, "a")):
                assert isinstance(one.leg, Iax2Leg)
                host, _, port = hosts[end].rpartition("]:")
                assert one.leg.call.address == (host.strip("[") or hosts[end], int(port if host else PORT))
        else:
            boxes.run(lambda: middle["transfers.media"] == 2, 10)
            boxes.turn(0.3)
        chain.c.switch.graph.record(other, str(tmp_path / "heard_c.ulaw"), ULAW)
        chain.a.switch.graph.record(channel, str(tmp_path / "heard_a.ulaw"), ULAW)
        ends = [say(chain.a, channel, tmp_path / "there.ulaw"), say(chain.c, other, tmp_path / "back.ulaw")]
        passed = [chain.m.driver.received(one) for one in chain.m.channels()]
        boxes.run(lambda: all(ends))
        boxes.turn(0.3)
        # at most the full frame with which each voice begins
        for one, before in zip(chain.m.channels(), passed, strict=True):
            assert chain.m.driver.received(one) - before <= 2
        assert other.leg is not None
        other.leg.send_text("there")
        boxes.run(lambda: Text("there") in seen)
        channel.hangup()
        chain.settled()
    assert share(sounds["there"], (tmp_path / "heard_c.ulaw").read_bytes()) > 0.9
    assert share(sounds["back"], (tmp_path / "heard_a.ulaw").read_bytes()) > 0.9
