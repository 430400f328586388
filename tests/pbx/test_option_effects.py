"""What options of asterisk.conf and flags do to a running box: language, digits, names, limits, who it runs as."""

from __future__ import annotations

import grp
import os
import pwd
import re
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pbx.codecs.formats import ULAW
from tests.channels.iax2.boxes import Boxes, Owner
from tests.channels.iax2.test_bridged_digits import NEARLY, digits_of
from tests.pbx.running import CHECKOUT, Pbx
from tests.pbx.test_daemon import Terminal

HOST, CALLER = "127.0.33.21", "127.0.33.22"
EXTENSIONS = """
[phones]
exten => 700,1,Set(GLOBAL(SEEN)=${CHANNEL(language)} ${UNIQUEID} ${SYSTEMNAME} ${CHANNEL(name)})
 same => n,Wait(1)
exten => 702,1,Set(GLOBAL(ENTITY)=${ENTITYID})
exten => 701,1,Answer()
 same => n,Wait(0.3)
 same => n,SendDTMF(5,,50)
 same => n,Wait(9)
"""
IAX = f"[general]\nbindaddr = {HOST}\n[caller]\ntype = friend\nhost = {CALLER}\ncontext = phones\n"


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Pbx]:
    """A PBX that is not started."""
    made = Pbx(tmp_path, extensions=EXTENSIONS, iax=IAX)
    yield made
    made.stop()


def seen_by_a_call(box: Pbx) -> list[str]:
    """Language, unique id, system name and name of a channel in the dialplan."""
    assert box.run("channel originate Local/700@phones application Wait 1").returncode == 0
    shown = box.wait_rx("dialplan show globals", "SEEN=")
    found = re.search(r"SEEN=(.*)", shown)
    assert found is not None
    return found[1].split(" ")


def length_of_a_digit() -> float:
    """How long, in ms, a digit lasts that the box sends to somebody who calls it over IAX2."""
    with Boxes() as boxes:
        caller = boxes.box(
            f"[general]\nbindaddr={CALLER}\nbindport=4569\ndisallow=all\nallow=ulaw\n"
            f"[box]\ntype=peer\nhost={HOST}\nusername=caller\n"
        )
        digits = digits_of(caller, "Rx")
        channel = caller.switch.request("IAX2/box/701", (ULAW,), None)
        channel.claim(Owner())
        caller.switch.call(channel)
        boxes.run(lambda: len(digits) == 2, 20)
        channel.hangup()
        boxes.turn(0.1)
    (begin, _, _, since), (end, _, _, until) = digits
    assert (begin, end) == ("B", "E")
    return until - since


def test_options_reach_channels_legs_and_the_process(box: Pbx) -> None:
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 7
    options = f"defaultlanguage = de\nmindtmfduration = 300\nautosystemname = yes\nmaxfiles = {files}"
    box.write("asterisk.conf", box.asterisk_conf(options))
    box.start()
    language, uniqueid, system, _ = seen_by_a_call(box)
    assert (language, system) == ("de", socket.gethostname())
    assert re.fullmatch(re.escape(system) + r"-\d+\.\d+", uniqueid)
    assert box.process is not None
    limits = Path(f"/proc/{box.process.pid}/limits").read_text()
    assert re.search(rf"^Max open files +{files} ", limits, re.M)
    assert length_of_a_digit() >= 300 - NEARLY
    # and anew with a reload
    box.write("asterisk.conf", box.asterisk_conf("defaultlanguage = fr\nmindtmfduration = 600"))
    assert box.run("core reload").returncode == 0
    box.rx("dialplan set global SEEN")
    assert seen_by_a_call(box)[0] == "fr"
    assert length_of_a_digit() >= 600 - NEARLY


def test_a_systemname_begins_unique_ids(box: Pbx) -> None:
    box.write("asterisk.conf", box.asterisk_conf("systemname = ONE\nentityid = 00:11:22:33:44:55"))
    box.start()
    box.rx("channel originate Local/702@phones application Wait 1")
    box.wait_rx("dialplan show globals", "ENTITY=00:11:22:33:44:55")
    assert "entityid" not in box.messages
    language, uniqueid, system, _ = seen_by_a_call(box)
    assert (language, system) == ("en", "ONE") and re.fullmatch(r"ONE-\d+\.\d+", uniqueid)


def test_connecting_consoles_are_told_or_hidden(box: Pbx, tmp_path: Path) -> None:
    box.write("logger.conf", "[general]\ndateformat=%F %T\n[logfiles]\nfull => verbose(3)\n")
    box.start()
    full = box.home / "log" / "full"

    def connect() -> None:
        terminal = Terminal(box.command("-r"), tmp_path)
        terminal.wait_for("*CLI> ")
        terminal.type("exit\n")
        assert terminal.close() == 0

    connect()
    limit = time.monotonic() + 10
    while "Remote UNIX connection disconnected" not in full.read_text():
        assert time.monotonic() < limit
        time.sleep(0.05)
    assert "Remote UNIX connection (pid" in full.read_text()
    box.write("asterisk.conf", box.asterisk_conf("hideconnect = yes"))
    assert box.run("core reload").returncode == 0
    told = full.read_text().count("Remote UNIX")
    connect()
    box.rx("logger rotate")  # what was to be written is written
    everything = "".join(path.read_text() for path in full.parent.glob("full*"))
    assert everything.count("Remote UNIX") == told


def dropped(user: pwd.struct_passwd, group: grp.struct_group) -> str:
    """Become that user in a process of its own: "done", or why it cannot go on as that; looks at its ids."""
    code = (
        f"import os, sys; sys.path.insert(0, {str(CHECKOUT)!r})\n"
        "from pbx import start\n"
        "from pbx.asteriskconf import AsteriskConf\n"
        f"conf = AsteriskConf('', runuser={user.pw_name!r}, rungroup={group.gr_name!r})\n"
        "word = 'done'\n"
        "try:\n    start.become(conf)\n"
        "except start.CannotStart as error:\n    word = str(error)\n"
        "try:\n    os.setuid(0)\n    word = 'it can become root again'\n"
        "except PermissionError:\n    pass\n"
        "print(*os.getresuid(), *os.getresgid(), 0 in os.getgroups(), word)\n"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    *ids, word = done.stdout.strip().split(" ", 7)
    assert ids == [str(user.pw_uid)] * 3 + [str(group.gr_gid)] * 3 + ["False"], done.stdout
    return word


def others() -> tuple[pwd.struct_passwd, grp.struct_group]:
    """A user without rights, and a group that is not its own."""
    user = pwd.getpwnam("nobody")
    return user, next(group for group in grp.getgrall() if group.gr_gid not in (0, user.pw_gid))


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
def test_root_gives_all_its_rights_away() -> None:
    """For good; and if Python or pbx lie where that user cannot read them, that is said in place of a start."""
    word = dropped(*others())
    assert word == "done" or re.match("nobody may not read /.*: install Python and pbx where that user can", word)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
@pytest.mark.parametrize("how", ["flags", "options"])
def test_root_becomes_somebody_else(how: str) -> None:
    """-U and -G, or runuser and rungroup: user, group and groups of the process, and of what it writes."""
    user, group = others()
    word = dropped(user, group)
    if word != "done":
        pytest.skip(f"nobody cannot run this checkout: {word}")
    folder = Path(tempfile.mkdtemp())  # pytest's own folders are root's alone
    folder.chmod(0o755)
    box = Pbx(folder / "box", extensions=EXTENSIONS, iax=IAX)
    try:
        flags: tuple[str, ...] = ()
        if how == "flags":
            flags = ("-U", "nobody", "-G", group.gr_name)
        else:
            box.write("asterisk.conf", box.asterisk_conf(f"runuser = nobody\nrungroup = {group.gr_name}"))
        box.start(*flags)
        assert box.process is not None
        status = Path(f"/proc/{box.process.pid}/status").read_text()
        assert re.search(rf"^Uid:(\s+{user.pw_uid}){{4}}$", status, re.M)
        assert re.search(rf"^Gid:(\s+{group.gr_gid}){{4}}$", status, re.M)
        groups = re.search(r"^Groups:(.*)$", status, re.M)
        assert groups is not None and "0" not in groups[1].split()
        assert box.run("database put a b c").returncode == 0
        assert seen_by_a_call(box)[0] == "en"
        for name in ("run", "db", "log", "run/asterisk.ctl", "db/astdb.sqlite3"):
            found: Any = (box.home / name).stat()
            assert (found.st_uid, found.st_gid) == (user.pw_uid, group.gr_gid), name
        assert f"nobody/{group.gr_name}" in box.rx("core show settings")
    finally:
        box.stop()
        shutil.rmtree(folder)


@pytest.mark.parametrize("flags", [("-U", "no-such-user"), ("-G", "no-such-group")])
def test_nobody_of_that_name(box: Pbx, flags: tuple[str, str]) -> None:
    done = subprocess.run(box.command("-f", *flags), capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1 and flags[1] in done.stderr
