"""The voice plane of a whole daemon: a process of its own by default, replaced when it dies under a call."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pbx.running import Pbx

NEAR, FAR = "127.0.55.31", "127.0.55.32"
IAX = """
[general]
bindaddr = {own}
calltokenoptional = 127.0.0.0/255.0.0.0
disallow = all
allow = ulaw
[guest]
type = user
context = open
requirecalltoken = no
"""
EXTENSIONS = f"""
[open]
exten => tone,1,Answer()
 same => n,Milliwatt()
[out]
exten => far,1,Dial(IAX2/guest@{FAR}/tone,20)
[listen]
exten => s,1,Answer()
 same => n,Record(@HEARD@.ulaw,0,0,qk)
"""


@pytest.fixture
def boxes(tmp_path: Path) -> Iterator[tuple[Pbx, Pbx]]:
    heard = str(tmp_path / "heard")
    made = [
        Pbx(tmp_path / own, iax=IAX.format(own=own), extensions=EXTENSIONS.replace("@HEARD@", heard))
        for own in (NEAR, FAR)
    ]
    try:
        for box in made:
            box.start()
        yield made[0], made[1]
    finally:
        for box in made:
            box.stop()


def keepers(box: Pbx) -> list[int]:
    """Children of the daemon that start its voice planes."""
    assert box.process is not None
    marked = b"pbx.channels.voice.process"
    return [child for child in children(box.process.pid) if marked in Path(f"/proc/{child}/cmdline").read_bytes()]


def voice_processes(box: Pbx) -> list[int]:
    """The voice planes."""
    return [child for keeper in keepers(box) for child in children(keeper)]


def children(pid: int) -> list[int]:
    """Child processes of a process; none of one that ended."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def sockets_of(pid: int) -> int:
    """Open sockets of a process."""
    return sum(os.readlink(one).startswith("socket:") for one in Path(f"/proc/{pid}/fd").iterdir())


def wait_longer(file: Path, than: int, seconds: float = 15) -> int:
    """The file's size once it is larger than that."""
    limit = time.monotonic() + seconds
    while not file.exists() or file.stat().st_size <= than:
        assert time.monotonic() < limit, f"{file} does not grow beyond {than}"
        time.sleep(0.05)
    return file.stat().st_size


def test_a_killed_voice_process_is_replaced_and_calls_go_on(boxes: tuple[Pbx, Pbx], tmp_path: Path) -> None:
    near, far = boxes
    heard = tmp_path / "heard.ulaw"
    near.rx("channel originate Local/far@out extension s@listen")
    size = wait_longer(heard, 8000)
    for box in (far, near):
        (victim,) = voice_processes(box)
        os.kill(victim, signal.SIGKILL)
        limit = time.monotonic() + 15
        while victim in (now := voice_processes(box)) or not now:
            assert time.monotonic() < limit
            time.sleep(0.05)
        # two more seconds of sound, by the one that was started anew
        size = wait_longer(heard, size + 16000)
        assert "is started anew" in box.messages
        assert len(set(heard.read_bytes()[-160:])) > 2, "silence instead of the tone"
        assert "Internal error" not in box.messages
    assert near.rx("core show channels count").startswith("3 active channels")
    assert "1 active IAX channel\n" in near.rx("iax2 show channels")


def test_a_killed_keeper_is_replaced_too(boxes: tuple[Pbx, Pbx], tmp_path: Path) -> None:
    near, far = boxes
    heard = tmp_path / "heard.ulaw"
    near.rx("channel originate Local/far@out extension s@listen")
    size = wait_longer(heard, 8000)
    (keeper,), (voice,) = keepers(far), voice_processes(far)
    os.kill(keeper, signal.SIGKILL)
    limit = time.monotonic() + 15
    while keeper in (now := keepers(far)) or not now or voice in voice_processes(far):
        assert time.monotonic() < limit
        time.sleep(0.05)
    wait_longer(heard, size + 16000)
    assert "is started anew" in far.messages


def test_voiceprocess_no_keeps_it_inside(tmp_path: Path) -> None:
    box = Pbx(tmp_path, iax=IAX.format(own=NEAR), extensions="")
    box.write("asterisk.conf", box.asterisk_conf("voiceprocess = no\nmediatick = 1"))
    try:
        box.start()
        assert keepers(box) == []
    finally:
        box.stop()


def test_the_voice_process_ends_with_the_daemon_however_that_ends(tmp_path: Path) -> None:
    box = Pbx(tmp_path, iax=IAX.format(own=NEAR), extensions="")
    box.start()
    (voice,) = voice_processes(box)
    box.stop(signal.SIGKILL)
    limit = time.monotonic() + 15
    while Path(f"/proc/{voice}").exists() and Path(f"/proc/{voice}/stat").read_text().split()[2] != "Z":
        assert time.monotonic() < limit, "it lives on"
        time.sleep(0.05)
