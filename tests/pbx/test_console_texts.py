"""Every recorded text of a stock console whose command is ours: asked of two linked boxes with the very same files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pbx.running import Pbx
from tests.shared import shared_dir

#: recorded with 127.0.4.6x; as long, so that columns stay
ADDRESS = re.compile(r"127\.0\.4\.6(\d)")
#: what differs from moment to moment, made alike: (pattern, text)
MOMENTS = (
    (re.compile(r"OK \(\d+ ms\)? *"), "OK (N ms) "),
    (re.compile(r"Expire       : \d+"), "Expire       : N"),
    (re.compile(r"\[(\S+\.conf):\d+\]"), r"[\1:N]"),
)
#: file of the reference (without .txt) -> command, where it is not just its words
COMMANDS = {
    "dialplan-show-100-at-local": "dialplan show 100@local",
    "dialplan-show-201-at-default": "dialplan show 201@default",
}
#: state by state the same text
SAME = [
    "core-show-hint-100", "core-show-hints",
    "dialplan-reload", "dialplan-show-100-at-local", "dialplan-show-201-at-default", "dialplan-show-default",
    "dialplan-show-local", "dialplan-show-nosuch",
    "iax2-prune-realtime-nosuch", "iax2-reload",
    "iax2-set-debug-jb-off", "iax2-set-debug-jb-on", "iax2-set-debug-on", "iax2-set-debug-off",
    "iax2-set-debug-trunk-off", "iax2-set-debug-trunk-on", "iax2-set-mtu-1200", "iax2-set-mtu-default",
    "iax2-show-cache", "iax2-show-firmware", "iax2-show-provisioning", "iax2-show-provisioning-phone1",
    "iax2-show-peer-VOIP2", "iax2-show-peer-dyn", "iax2-show-peer-nosuch", "iax2-show-peer-rsapeer",
    "iax2-show-peer-v6", "iax2-show-peers-like-VOIP", "iax2-show-users-like-dyn",
    "iax2-test-losspct-0", "iax2-unregister-never", "iax2-unregister-nosuch",
    "no-such-command",
]  # fmt: skip


def ours(text: str) -> str:
    return ADDRESS.sub(r"127.0.57.\1", text)


def alike(text: str) -> str:
    for pattern, put in MOMENTS:
        text = pattern.sub(put, text)
    return text


def reference(name: str) -> str:
    return ours(shared_dir("reference", "cli", f"{name}.txt").read_text())


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pbx]:
    """The recorded server; the other side of its links runs too."""
    near, far = ours(shared_dir("reference", "cli", "config.conf").read_text()).split("; ======== the other side")
    pair: list[Pbx] = []
    home: Path = tmp_path_factory.mktemp("texts")
    for name, files, address in (("far", far, "127.0.57.2"), ("near", near, "127.0.57.1")):
        iax, extensions = files.split("; extensions.conf", 1)
        extensions, _, provisioning = extensions.partition("; iaxprov.conf")
        iax = iax[iax.index("[general]") :].replace("[general]", f"[general]\nbindaddr={address}", 1)
        pbx = Pbx(home / name, iax=iax, extensions=extensions, iaxprov=provisioning)
        pbx.write("test-extensions.conf", "[test]\nexten => 601,1,Answer()\n")
        pbx.write("asterisk.conf", pbx.asterisk_conf("systemname=NAME\nmaxfiles=20000"))
        pair.append(pbx)
    try:
        for pbx in pair:
            pbx.start()
        pair[1].wait_rx("iax2 show peers", "2 online", 30)
        yield pair[1]
    finally:
        for pbx in pair:
            pbx.stop()


@pytest.mark.parametrize("name", SAME)
def test_texts(box: Pbx, name: str) -> None:
    command = COMMANDS.get(name, name.replace("-", " "))
    assert alike(box.rx(command)) == alike(reference(name))


@pytest.mark.parametrize("name", ["iax2-show-peers", "iax2-show-users"])
def test_tables_in_any_order(box: Pbx, name: str) -> None:
    """A stock server lists by hash.  `gone` is UNREACHABLE in the recording, and not known to be gone at once here."""
    shown = alike(box.rx(name.replace("-", " "))).replace("UNKNOWN    ", "UNREACHABLE").splitlines()
    wanted = alike(reference(name)).replace("UNKNOWN    ", "UNREACHABLE").splitlines()
    assert shown[0] == wanted[0] and sorted(shown[1:]) == sorted(wanted[1:])


def labels(text: str) -> list[str]:
    return [line[:31] if line.startswith("  ") and ":" in line else line for line in text.splitlines()]


def test_settings_have_the_same_lines(box: Pbx) -> None:
    assert labels(box.rx("core show settings")) == labels(reference("core-show-settings"))


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("core-show-uptime", r"System uptime: .+\nLast reload: .+\n"),
        ("core-show-uptime-seconds", r"System uptime: \d+\nLast reload: \d+\n"),
        (
            "core-show-version",
            r"Asterisk 22\.10\.1\S+ built by \S+ @ \S+ on a \S+ running Linux on [\d-]+ [\d:]+ UTC\n",
        ),
        ("core-show-calls", r"\d+ active calls?\n\d+ calls? processed\n"),
    ],
)
def test_forms(box: Pbx, name: str, pattern: str) -> None:
    assert re.fullmatch(pattern, reference(name)) and re.fullmatch(pattern, box.rx(name.replace("-", " ")))
