"""The how-to, ours with ours, as processes: what the consoles show, what the logs say, how it ends."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pbx.genkey import write_pair
from tests.pbx.running import PROGRAM, Pbx

ADDRESS = {"VOIP1": "127.0.28.21", "VOIP2": "127.0.28.22"}

IAX = """
[general]
bindaddr = {own}
disallow = all
allow = ulaw
[{peer}]
type = friend
host = {there}
username = {name}
auth = rsa
inkeys = {peer}
outkey = {name}
context = FROM_{peer}
qualify = yes
trunk = yes
"""
EXTENSIONS = """
[phones]
include => local
exten => _[12]XX,1,Dial(IAX2/{peer}/${{EXTEN}},20)
 same => n,NoOp(ENDED ${{DIALSTATUS}} ${{HANGUPCAUSE}})
[FROM_{peer}]
include => local
[local]
exten => _{digit}00,1,Answer()
 same => n,Milliwatt()
"""


def make(home: Path) -> dict[str, Pbx]:
    boxes = {}
    for name, peer in (("VOIP1", "VOIP2"), ("VOIP2", "VOIP1")):
        values = {"name": name, "peer": peer, "own": ADDRESS[name], "there": ADDRESS[peer], "digit": name[-1]}
        boxes[name] = Pbx(home / name, iax=IAX.format(**values), extensions=EXTENSIONS.format(**values))
        boxes[name].write("asterisk.conf", boxes[name].asterisk_conf(f"systemname = {name}"))
        (home / name / "etc" / "keys").mkdir()
    for name, peer in (("VOIP1", "VOIP2"), ("VOIP2", "VOIP1")):
        keys = home / name / "etc" / "keys"
        write_pair(str(keys), name, None)
        (home / peer / "etc" / "keys" / f"{name}.pub").write_bytes((keys / f"{name}.pub").read_bytes())
    return boxes


@pytest.fixture(scope="module")
def boxes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Pbx]]:
    made = make(tmp_path_factory.mktemp("two"))
    for box in made.values():
        box.start()
    yield made
    for box in made.values():
        box.stop()


def call(box: Pbx, number: str) -> None:
    box.rx(f"channel originate Local/{number}@phones application Wait 60")


def test_the_link_is_up_and_the_log_is_quiet(boxes: dict[str, Pbx]) -> None:
    for box, peer in ((boxes["VOIP1"], "VOIP2"), (boxes["VOIP2"], "VOIP1")):
        shown = box.wait_rx("iax2 show peers", "OK (", 30)
        assert re.search(
            rf"^{peer}/VOIP\d +{ADDRESS[peer]} +\(S\)  255\.255\.255\.255 +4569  \(T\) +OK \(\d+ ms", shown, re.M
        )
        assert "1 iax2 peers [1 online, 0 offline, 0 unmonitored]" in shown
        # the one that was there first may have waited for the other; nothing else is worth a line
        assert all(re.search(rf"NOTICE.*Peer '{peer}' is now ", line) for line in box.messages.splitlines())
        assert re.search(rf"^{box.etc.parent.name} +PRIVATE  \[Loaded\]", box.rx("keys show"), re.M)


def test_a_call_over_the_trunk(boxes: dict[str, Pbx]) -> None:
    one, two = boxes["VOIP1"], boxes["VOIP2"]
    one.wait_rx("iax2 show peers", "OK (", 30)
    call(one, "200")
    shown = two.wait_rx("core show channels", "Milliwatt")
    assert re.search(r"^IAX2/VOIP1-\d+ +200@FROM_VOIP1:2 +Up +Milliwatt\(\)", shown, re.M)
    for box, peer in ((one, "VOIP2"), (two, "VOIP1")):
        assert re.search(rf"^IAX2/{peer}-\d+ +{ADDRESS[peer]} +VOIP1 .* ulaw ", box.rx("iax2 show channels"), re.M)
        assert "1 active IAX channel\n" in box.rx("iax2 show netstats")
    one.rx("channel request hangup all")
    for box in (one, two):
        box.wait_rx("iax2 show channels", "0 active IAX channels")
        box.wait_rx("core show channels count", "0 active channels")


def test_a_box_that_ends_tells_the_other(boxes: dict[str, Pbx]) -> None:
    """SIGTERM hangs up over the wire: the other end does not wait for a timeout."""
    one, two = boxes["VOIP1"], boxes["VOIP2"]
    call(two, "100")
    one.wait_rx("core show channels", "Milliwatt")
    assert one.stop() == 0
    began = time.monotonic()
    two.wait_rx("core show channels count", "0 active channels", 5)
    assert time.monotonic() - began < 5
    one.start()
    for box in (one, two):
        assert "Internal error" not in box.messages
    one.wait_rx("iax2 show peers", "OK (", 30)


def test_both_ends_can_say_why(boxes: dict[str, Pbx]) -> None:
    one, two = boxes["VOIP1"], boxes["VOIP2"]
    assert "Nothing failed with VOIP9" in one.rx("iax2 why VOIP9")
    one.wait_rx("iax2 show peers", "OK (", 30)
    call(one, "299")  # VOIP2 has no such number
    assert "decided by" in one.wait_rx("iax2 why VOIP2", "No such context/extension")
    assert "299" in two.wait_rx(f"iax2 why {ADDRESS['VOIP1']}", "decided by")
    assert re.search(rf"NOTICE.*Call with 'VOIP2' at {ADDRESS['VOIP2']}:4569 failed - ", one.messages)


def test_chan_iax2_goes_down_with_its_calls_and_comes_back(boxes: dict[str, Pbx]) -> None:
    one, two = boxes["VOIP1"], boxes["VOIP2"]
    one.wait_rx("iax2 show peers", "OK (", 30)
    call(one, "200")
    two.wait_rx("core show channels", "Milliwatt")
    assert one.rx("module unload chan_iax2.so") == "Unloaded chan_iax2.so\n"
    for box in (one, two):  # the far end is told, it does not wait for a timeout
        box.wait_rx("core show channels count", "0 active channels", 5)
    assert one.run("module unload chan_iax2.so").returncode != 0
    done = one.run("channel originate IAX2/VOIP2/200 application Wait 5")
    assert done.returncode != 0 and "no channel technology 'IAX2'" in one.messages
    assert one.run("module load chan_iax2.so").returncode == 0
    assert one.run("module load chan_iax2.so").returncode != 0
    one.wait_rx("iax2 show peers", "OK (", 30)
    call(one, "200")
    two.wait_rx("core show channels", "Milliwatt")
    assert one.rx("module refresh chan_iax2.so") == "Unloaded chan_iax2.so\nLoaded chan_iax2.so\n"
    two.wait_rx("core show channels count", "0 active channels", 5)
    one.wait_rx("iax2 show peers", "OK (", 30)
    assert "Internal error" not in one.messages + two.messages


def test_a_reload_does_not_touch_a_call(boxes: dict[str, Pbx]) -> None:
    one, two = boxes["VOIP1"], boxes["VOIP2"]
    one.wait_rx("iax2 show peers", "OK (", 30)
    call(one, "200")
    two.wait_rx("core show channels", "Milliwatt")
    before = one.rx("core show channels concise").split("!")[0]
    for box in (one, two):
        assert box.run("core reload").returncode == 0
        assert box.run("iax2 reload").returncode == 0
    assert one.rx("core show channels concise").split("!")[0] == before
    assert "Milliwatt" in two.rx("core show channels")
    one.rx("channel request hangup all")
    two.wait_rx("core show channels count", "0 active channels")


@pytest.mark.slow
@pytest.mark.timeout(150)
def test_the_demo_ends_well(tmp_path: Path) -> None:
    drawn = tmp_path / "heard.png"
    done = subprocess.run(
        [*PROGRAM, "demo", "--png", str(drawn)], capture_output=True, text=True, timeout=140, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    assert done.stdout.count("   right") == 2 and "with sound both ways" in done.stdout
    assert drawn.stat().st_size > 500
