"""`iax2 set debug trunk on` says each second what the trunks carry."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import pytest

from tests.channels.iax2.boxes import Boxes
from tests.channels.iax2.test_driver import tone
from tests.channels.iax2.test_driver_bridge import Chain, say

HOSTS = {"a": "127.0.25.71", "m": "127.0.25.72", "c": "127.0.25.73"}


def test_a_line_for_each_trunk_until_it_is_turned_off(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "there.ulaw").write_bytes(tone(1.5, 1))
    with Boxes() as boxes, caplog.at_level(logging.DEBUG):
        chain = Chain(boxes, hosts=HOSTS, more="trunk=yes")
        channel, _, _ = chain.call()
        chain.m.driver.trunks.set(True)
        end = say(chain.a, channel, tmp_path / "there.ulaw")
        boxes.run(lambda: end)
        boxes.turn(1.2)
        chain.m.driver.trunks.set(False)
        lines = re.findall(r"Trunk peer \((\S+):\d+\): 1 call, (\d+) frames sent and (\d+) received", caplog.text)
        said = len(lines)
        boxes.turn(1.2)
        assert len(re.findall("Trunk peer", caplog.text)) == said
        channel.hangup()
        chain.settled()
    sums: dict[str, list[int]] = {}
    for host, sent, received in lines:
        both = sums.setdefault(host, [0, 0])
        both[0] += int(sent)
        both[1] += int(received)
    assert set(sums) == {HOSTS["a"], HOSTS["c"]}
    assert sums[HOSTS["a"]][1] > 30 < sums[HOSTS["c"]][0]
