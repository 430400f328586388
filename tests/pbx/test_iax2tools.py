"""iax2 why, probe, trace and the seldom used commands, on two running boxes."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pbx.channels.iax2.elements import Element, Elements
from pbx.channels.iax2.frames import Command, FrameType, FullFrame, parse_full
from pbx.channels.iax2.ladder import Trace, hidden, line
from pbx.conf.diagnostics import Diagnostics
from pbx.iaxprov import load
from pbx.pcap import Capture, packet
from tests.interop.capture import read_pcap
from tests.pbx.running import Pbx
from tests.shared import shared_dir

ONE, TWO = "127.0.53.31", "127.0.53.32"

CONF_ONE = f"""
[general]
bindaddr={ONE}
register => one:sesame@{TWO}
[two]
type=peer
host={TWO}
username=one
secret=sesame
qualify=yes
[bad]
type=peer
host={TWO}
username=one
secret=wrong
[gone]
type=peer
host=127.0.53.39
[dyn]
type=friend
host=dynamic
secret=x
"""
CONF_TWO = f"""
[general]
bindaddr={TWO}
[one]
type=friend
host=dynamic
secret=sesame
context=default
"""
PLAN = "[default]\nexten => 600,1,Answer()\n same => n,Echo()\nexten => 603,1,Busy()\n"
PLAN += "exten => 604,1,IAX2Provision(phone1)\n"
PROV = """
[default]
port=4569
server=127.0.4.61
flags=register,heartbeat
codec=ulaw
tos=ef
[phone1]
base=default
user=alice
pass=wonderland
"""


@pytest.fixture(scope="module")
def boxes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Pbx, Pbx]]:
    one = Pbx(tmp_path_factory.mktemp("one"), iax=CONF_ONE, extensions=PLAN, iaxprov=PROV)
    two = Pbx(tmp_path_factory.mktemp("two"), iax=CONF_TWO, extensions=PLAN)
    two.start()
    one.start()
    one.wait_rx("iax2 show registry", "Registered\n")
    yield one, two
    one.stop()
    two.stop()


def test_a_probe_goes_all_the_way(boxes: tuple[Pbx, Pbx]) -> None:
    done = boxes[0].run("iax2 probe two 600")
    lines = done.stdout.splitlines()
    assert done.returncode == 0, lines
    assert [text.split()[:2] for text in lines] == [
        ["ok", "address"], ["ok", "POKE"], ["ok", "registration"], ["ok", "login"], ["ok", "test"],
    ]  # fmt: skip
    assert re.search(rf"seen there as {ONE}:4569", done.stdout)
    heard = re.search(r"(\d+) frames of sound came back", done.stdout)
    assert heard and int(heard[1]) > 50, done.stdout


@pytest.mark.parametrize(
    ("what", "step", "words"),
    [
        ("bad", "login", "secret"),
        ("gone", "POKE", "no answer"),
        ("dyn", "address", "it has not registered"),
        ("two 999", "test call", "No such context/extension"),
        ("nosuch.invalid", "address", "no name that can be resolved"),
    ],
)
def test_a_probe_says_which_step_fails(boxes: tuple[Pbx, Pbx], what: str, step: str, words: str) -> None:
    done = boxes[0].run(f"iax2 probe {what}")
    assert done.returncode != 0
    failed = [text for text in done.stdout.splitlines() if text.startswith("FAIL")]
    assert len(failed) == 1
    assert step in failed[0]
    assert words in failed[0]
    assert "sesame" not in done.stdout and "wrong" not in done.stdout


def test_why_names_line_and_remedy(boxes: tuple[Pbx, Pbx]) -> None:
    one, two = boxes
    one.run("iax2 probe bad")
    text = two.rx("iax2 why one")
    assert f"one: {ONE}:4569, Unmonitored, registered for" in text
    assert "decided by: " in text and "iax.conf:7" in text and "to do:" in text
    ours = one.rx("iax2 why IAX2/two-1234")
    assert f"our registration one@{TWO}:4569: Registered, seen there as {ONE}:4569" in ours
    assert one.rx("iax2 why nobody").startswith("Nothing failed with nobody")
    assert "Usage: iax2 why" in one.rx("iax2 why a b")


def test_addresses_of_both_sides_and_when_they_changed(boxes: tuple[Pbx, Pbx]) -> None:
    one, two = boxes
    head, *rows = one.rx("iax2 show registry details").splitlines()
    assert head.split("  ")[0] == "Host" and "Last change" in head
    (row,) = (re.split(" {2,}", row) for row in rows)
    assert row[:4] == [f"{TWO}:4569", "one", f"{ONE}:4569", f"{ONE}:4569"]
    assert re.fullmatch(r"0:0\d:\d\d ago", row[4]) and row[5] == "Registered"
    page = two.rx("iax2 show peer one details")
    assert page.startswith(two.rx("iax2 show peer one")[:200])
    assert re.search(
        rf"(?m)^  Local        : {TWO}:4569\n  Before       : \(none\)\n  Last change  : 0:\d\d:\d\d ago$", page
    )
    assert "Last change" not in two.rx("iax2 show peer one")
    assert one.rx("iax2 show registry nonsense").startswith("Usage: ")


def test_a_trace_is_a_ladder_and_a_capture_without_secrets(boxes: tuple[Pbx, Pbx]) -> None:
    one = boxes[0]
    with subprocess.Popen(
        one.command("-rx", "iax2 trace two call.pcap for 4"), stdout=subprocess.PIPE, text=True
    ) as tracing:
        one.run("iax2 probe two 603")
        out = tracing.communicate(timeout=20)[0]
    path = one.home / "log" / "call.pcap"
    assert re.search(rf"\d+ frames of {TWO} seen, written to {path}", out)
    packets = read_pcap(path)
    assert {p.source[0] for p in packets} == {ONE, TWO}
    frames = [parse_full(p.data) for p in packets]
    digests = [
        Elements.parse(f.data).raw(Element.MD5_RESULT)
        for f in frames
        if f.type == FrameType.IAX and f.subclass in (Command.AUTHREP, Command.REGREQ)
    ]
    assert [d for d in digests if d] and {d for d in digests if d} == {b"*" * 32}
    assert path.stat().st_mode & 0o777 == 0o600
    assert "exists" in one.rx("iax2 trace two call.pcap")
    if shutil.which("tshark"):
        shown = subprocess.run(["tshark", "-r", path, "-Y", "iax2"], capture_output=True, text=True, check=True).stdout
        assert len(shown.splitlines()) == len(packets)


def test_seldom_used_commands(boxes: tuple[Pbx, Pbx]) -> None:
    one, cli = boxes[0], shared_dir() / "reference" / "cli"
    for command, name in (
        ("iax2 show provisioning", "iax2-show-provisioning"),
        ("iax2 show provisioning phone1", "iax2-show-provisioning-phone1"),
        ("iax2 set mtu 1200", "iax2-set-mtu-1200"),
        ("iax2 set mtu default", "iax2-set-mtu-default"),
        ("iax2 show firmware", "iax2-show-firmware"),
        ("iax2 provision 127.0.4.62 phone1", "iax2-provision-127_0_4_62-phone1"),
        ("iax2 show cache", "iax2-show-cache"),
        ("iax2 prune realtime nosuch", "iax2-prune-realtime-nosuch"),
        ("iax2 test losspct 0", "iax2-test-losspct-0"),
    ):
        assert one.rx(command) == (cli / f"{name}.txt").read_text(), command
    assert one.rx("iax2 show threads").startswith("IAX2 Thread Information\nIdle Threads:\n")
    for value in ("5", "4001", "-5"):
        assert one.rx(f"iax2 set mtu {value}").startswith("Trunk MTU must be between 172 and 4000\nUsage: iax2 set mtu")
    assert one.rx("iax2 set mtu 0") == "Trunk MTU control disabled (mtu was 1240)\n"
    assert one.rx("iax2 set mtu 4000") == "Trunk MTU changed from 0 to 4000\n"
    assert one.rx("iax2 prune realtime two") == "two is not eligible for this operation.\n"
    assert one.rx("iax2 no debug") == "IAX2 Debugging Disabled\n"
    assert one.rx("iax2 trunk debug") == "IAX2 Trunk Debugging Enabled\n"


def test_frames_may_be_pretended_to_be_late(boxes: tuple[Pbx, Pbx]) -> None:
    """What becomes of it: tests/channels/voice/test_jitter.py."""
    one = boxes[0]
    none = "(no call has a jitter buffer now: see jitterbuffer= in iax.conf)\n"
    assert [one.rx(f"iax2 test {what}") for what in ("late 100", "resync -200", "jitter 50", "jitter 50 30")] == [
        none
    ] * 4
    assert one.rx("iax2 set jitter 0") == none
    for wrong in ("late", "late x", "jitter 5 101", "resync 1 2", "late 99999999999"):
        assert one.rx(f"iax2 test {wrong}").startswith("Usage: iax2 test "), wrong
    assert one.rx("iax2 set debug jb on") == "IAX2 Jitterbuffer Debugging Enabled\n"
    assert one.rx("iax2 no jb debug") == "IAX2 Jitterbuffer Debugging Disabled\n"


def test_a_device_is_given_its_settings_by_console_and_dialplan(boxes: tuple[Pbx, Pbx]) -> None:
    one, two = boxes
    assert one.rx(f"iax2 provision {TWO} phone1 forced") == f"Provisioning '{TWO}' with template 'phone1', forced\n"
    assert one.rx("iax2 provision two nosuch") == "No provisioning found for template 'nosuch'\n"
    assert one.rx("iax2 provision nohost.invalid phone1") == "Unable to find peer/address 'nohost.invalid'\n"
    assert one.rx(f"iax2 provision {TWO}").startswith("Usage: iax2 provision <host> <template> [forced]\n")
    assert one.rx("iax2 show provisioning nope") == "No provisioning template matching 'nope' found\n"
    assert two.rx("iax2 show provisioning") == "No provisioning templates found\n"
    one.rx("channel originate IAX2/two/604 application Wait 1")
    assert "No provisioning found for template 'phone1'" in two.messages
    one.rx("channel originate Local/604@default application Wait 1")
    assert "Can't provision a non-IAX device!" in one.messages


def test_how_exact_the_timer_is(boxes: tuple[Pbx, Pbx]) -> None:
    found = boxes[0].rx("timing test").splitlines()
    assert found[0] == "Attempting to test a timer with 50 ticks per second."
    assert found[1] == "Using the 'timerfd' timing module for this test."
    assert re.fullmatch(r"It has been \d+ milliseconds, and we got \d+ timer ticks", found[2])
    assert re.fullmatch(r"They came \d+ us late on average, \d+ us at most .*", found[3])
    assert boxes[0].rx("timing test abc").startswith("Invalid rate 'abc', using default of 50\nAttempting")


def test_all_commands_of_a_stock_server_are_there(boxes: tuple[Pbx, Pbx]) -> None:
    stock = (shared_dir() / "reference" / "cli" / "core-show-help-iax2.txt").read_text().splitlines()
    ours = boxes[0].rx("core show help iax2").splitlines()
    assert [text for text in stock if text not in ours] == []


def test_lost_frames_are_lost_in_the_kernel(boxes: tuple[Pbx, Pbx]) -> None:
    one = boxes[0]
    one.rx("iax2 test losspct 100")
    assert "FAIL  POKE" in one.rx("iax2 probe two")
    one.rx("iax2 test losspect 0")
    assert "ok    POKE" in one.rx("iax2 probe two")


# ---- pieces ------------------------------------------------------------------------------------------------


def test_no_rung_and_no_file_shows_a_secret() -> None:
    elements = Elements().add_text(Element.USERNAME, "ann").add_text(Element.PASSWORD, "hunter2")
    elements.add(Element.ENCKEY, b"k" * 16).add(Element.CHALLENGE, b"c" * 16)
    frame = FullFrame(1, 2, 3, 0, 0, FrameType.IAX, Command.AUTHREP, elements.encode())
    seen: list[str] = []
    kept: list[bytes] = []
    trace = Trace(TWO, seen.append, lambda ours, far, data: kept.append(data))
    trace.take("Tx", frame, (TWO, 4569), "000")
    trace.take("Rx", frame, (ONE, 4569), "000")
    assert trace.frames == 1
    assert "answers by password" in seen[0] and "user ann" in seen[0] and "hunter2" not in seen[0]
    assert len(kept[0]) == len(frame.encode())
    for secret in (b"hunter2", b"kkkk", b"cccc"):
        assert secret not in kept[0]
    broken = FullFrame(1, 2, 3, 0, 0, FrameType.IAX, Command.AUTHREP, b"\x07\xffhunter2")
    assert b"hunter2" not in hidden(broken).data and "hunter2" not in line("Rx", broken)


def test_a_capture_is_never_written_over_another_file(tmp_path: Path) -> None:
    capture = Capture(str(tmp_path / "a"))
    capture.write(1.5, ("::1", 4569), ("::1", 4570), b"x" * 12)
    capture.close()
    assert read_pcap(tmp_path / "a")[0].data == b"x" * 12
    with pytest.raises(FileExistsError):
        Capture(str(tmp_path / "a"))
    (tmp_path / "link").symlink_to(tmp_path / "b")
    with pytest.raises(OSError, match="exists"):
        Capture(str(tmp_path / "link"))
    assert len(packet(("127.0.0.1", 1), ("127.0.0.2", 2), b"")) == 28


def test_templates(tmp_path: Path) -> None:
    (tmp_path / "iaxprov.conf").write_text(PROV + "flags=+debug,-heartbeat\n[x]\nport=0\nnonsense=1\nflags=secure\n")
    found = Diagnostics()
    templates = load(str(tmp_path / "iaxprov.conf"), found)
    assert list(templates) == ["phone1", "x", "default"]
    assert (templates["phone1"].flags, templates["x"].flags, templates["phone1"].base) == (9, 2, "default")
    assert [d.place.line for d in found] == [14, 15]
    assert load(str(tmp_path / "none"), found) == {}
