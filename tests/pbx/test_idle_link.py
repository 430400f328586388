"""Two boxes that register with each other and ask after each other, left alone: nothing is written to messages."""

from __future__ import annotations

import re
import time
from pathlib import Path

from tests.pbx.running import Pbx

ADDRESS = {"VOIP1": "127.0.32.41", "VOIP2": "127.0.32.42"}

#: what happens once a minute or less often happens every second
IAX = """
[general]
bindaddr = {own}
minregexpire = 2
maxregexpire = 2
register => {name}:sesame@{there}
[{peer}]
type = friend
host = dynamic
username = {name}
secret = sesame
auth = md5
context = local
qualify = yes
qualifyfreqok = 1000
trunk = yes
"""
EXTENSIONS = "[local]\nexten => 100,1,Milliwatt()\n"


def received(box: Pbx) -> int:
    """Frames since the start."""
    match = re.search(r"(?m)^received: (\d+)", box.rx("iax2 show stats"))
    return int(match[1]) if match else 0


def test_an_idle_link_writes_nothing(tmp_path: Path) -> None:
    boxes = []
    for name, peer in (("VOIP1", "VOIP2"), ("VOIP2", "VOIP1")):
        values = {"name": name, "peer": peer, "own": ADDRESS[name], "there": ADDRESS[peer]}
        boxes.append(Pbx(tmp_path / name, iax=IAX.format(**values), extensions=EXTENSIONS))
    try:
        for box in boxes:
            box.start()
        for box in boxes:
            box.wait_rx("iax2 show registry", " Registered", 60)
            box.wait_rx("iax2 show peers", "OK (", 60)
        before = [box.messages for box in boxes]
        begun = [received(box) for box in boxes]
        # a second brings a registration and a POKE each way, of three frames and more each
        limit = time.monotonic() + 60
        while any(received(box) < start + 40 for box, start in zip(boxes, begun, strict=True)):
            assert time.monotonic() < limit, "the link is dead"
            time.sleep(0.5)
        assert [box.messages for box in boxes] == before
        for box in boxes:
            assert " Registered" in box.rx("iax2 show registry")
            assert "1 online, 0 offline" in box.rx("iax2 show peers")
    finally:
        for box in boxes:
            assert box.stop() == 0
