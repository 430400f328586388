"""Reload and start of iax.conf in a running box: what changed is told, and what can't be used is refused."""

from __future__ import annotations

import hashlib
import resource
import signal
import sqlite3
import struct
import time
from pathlib import Path

import pytest

from tests.pbx.running import Pbx

HOST = "127.0.53.71"
CONF = f"""
[general]
bindaddr={HOST}
regcontext=regs
[one]
type=friend
host=dynamic
secret=a
regexten=77
[two]
type=peer
host=127.0.53.79
"""


def stored(box: Pbx, **peers: str) -> None:
    """An astdb as a stock server leaves it."""
    (box.home / "db").mkdir(exist_ok=True)
    with sqlite3.connect(box.home / "db" / "astdb.sqlite3") as link:
        link.execute("CREATE TABLE IF NOT EXISTS astdb(key VARCHAR(256), value VARCHAR(256), PRIMARY KEY(key) )")
        for name, value in peers.items():
            link.execute("INSERT OR REPLACE INTO astdb VALUES (?, ?)", (f"/IAX/Registry/{name}", value))
    link.close()


def test_reload_says_what_changed_and_restart_knows_who_was_there(tmp_path: Path) -> None:
    box = Pbx(tmp_path, iax=CONF, extensions="[default]\nexten => 1,hint,IAX2/one\n")
    stored(box, one=f"{HOST}:45690:60", gone="127.0.53.72:4569:60", two="rubbish")
    box.start()
    try:
        assert "'77' =>           1. Noop(one)" in box.rx("dialplan show regs")
        assert "State:Idle" in box.rx("core show hints")
        assert box.rx("iax2 reload") == ""
        box.write("iax.conf", CONF.replace("secret=a", "secret=b\nqualify=yes") + "[three]\ntype=user\nsecret=x\n")
        assert box.rx("iax2 reload").splitlines() == [
            "user three: added",
            "user one: secret changed",
            "peer one: qualify, secret changed",
        ]
        box.write("iax.conf", CONF.replace("[two]", "#include nowhere.conf\n[two]"))
        assert "was not reloaded" in box.rx("iax2 reload")
        assert "three" in box.rx("iax2 show users")
        assert "'77'" in box.rx("dialplan show regs")
        box.write("iax.conf", CONF.replace("[two]\ntype=peer\nhost=127.0.53.79\n", ""))
        assert "peer two: removed" in box.rx("iax2 reload")
        box.rx("dialplan reload")
        assert "'77'" in box.rx("dialplan show regs")
        assert "Registered" not in box.rx("iax2 unregister one").replace("unregistered", "")
        assert "State:Unavailable" in box.rx("core show hints")
        assert "'77'" not in box.rx("dialplan show regs")
        assert "2 results" in box.rx("database show IAX")
        assert "key  : /IAX/Registry/gone" in box.rx("database query \"SELECT * FROM astdb WHERE key LIKE '%gone'\"")
    finally:
        box.stop(signal.SIGKILL)


def test_a_file_that_stock_asterisk_refuses_starts_no_driver(tmp_path: Path) -> None:
    box = Pbx(tmp_path, iax=CONF + "#include nowhere.conf\n", extensions="[default]\n")
    box.start()
    try:
        assert "chan_iax2 does not run" in box.messages
        assert "not running" in box.rx("iax2 show peers")
        box.write("iax.conf", CONF)
        box.rx("module load chan_iax2")
        assert "2 iax2 peers" in box.rx("iax2 show peers")
    finally:
        box.stop()


@pytest.mark.parametrize("spoiled", ["no database", "a folder"])
def test_a_spoiled_database_costs_no_start(tmp_path: Path, spoiled: str) -> None:
    box = Pbx(tmp_path, iax=CONF, extensions="[default]\n")
    (box.home / "db").mkdir()
    path = box.home / "db" / "astdb.sqlite3"
    if spoiled == "a folder":
        path.mkdir()
    else:
        path.write_bytes(b"this is no database, but somebody's letter" * 100)
    box.start()
    try:
        for number in range(3):
            assert "Updated" in box.rx(f"database put a {number} x")
        assert "Value: x" in box.rx("database get a 1")
        assert box.messages.count("astdb.sqlite3") == 1
        assert "2 iax2 peers" in box.rx("iax2 show peers")
    finally:
        box.stop()
    assert path.is_dir() or path.read_bytes().startswith(b"this is no")


def test_a_disk_that_fills_up_under_a_running_box_is_said_once_and_loses_nothing(tmp_path: Path) -> None:
    box = Pbx(tmp_path, iax=CONF, extensions="[default]\n")

    def said() -> int:
        """A file that may not grow makes the kernel send SIGXFSZ, on which logs are rotated, as in Asterisk."""
        texts = [path.read_text() for path in sorted((box.home / "log").glob("messages*"))]
        return "".join(texts).count("astdb.sqlite3")

    box.start()
    assert box.process is not None
    pid, no_limit = box.process.pid, (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    try:
        assert "Updated" in box.rx("database put a before x")
        # no file may grow beyond what the log needs: to sqlite it is a disk without room
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (12_288, resource.RLIM_INFINITY))
        for number in range(6):
            assert "Updated" in box.rx(f"database put a {number} {'v' * 3000}")
        limit = time.monotonic() + 20
        while not said():
            assert time.monotonic() < limit, "the full disk was not noticed"
            time.sleep(0.2)
        assert "Updated" in box.rx("database put a last y")
        assert f"Value: {'v' * 3000}" in box.rx("database get a 5")
        assert "2 iax2 peers" in box.rx("iax2 show peers")
        assert said() == 1
        resource.prlimit(pid, resource.RLIMIT_FSIZE, no_limit)
        assert "Updated" in box.rx("database put a after z")
        limit = time.monotonic() + 20
        while said() < 2:
            assert time.monotonic() < limit, "it was not written later"
            time.sleep(0.2)
    finally:
        box.stop(signal.SIGKILL)
    with sqlite3.connect(box.home / "db" / "astdb.sqlite3") as link:
        rows = {key for (key,) in link.execute("SELECT key FROM astdb WHERE key LIKE '/a/%'")}
    link.close()
    assert rows == {f"/a/{name}" for name in ("before", "last", "after", *map(str, range(6)))}


def test_firmware_on_disk_is_listed_and_read_again_at_a_reload(tmp_path: Path) -> None:
    box = Pbx(tmp_path, iax=CONF.replace("[general]", "[general]\nallowfwdownload=yes"), extensions="[default]\n")
    path = box.etc / "asterisk.conf"
    path.write_text(path.read_text().replace("[directories]", f"[directories]\nastdatadir => {tmp_path}/data"))
    folder = tmp_path / "data" / "firmware" / "iax"
    folder.mkdir(parents=True)

    def put(name: str, version: int, data: bytes) -> None:
        head = struct.pack(">IH16sI", 0x69617879, version, b"iaxy", len(data))
        (folder / name).write_bytes(head + hashlib.md5(data).digest() + data)

    put("iaxy.bin", 22, b"x" * 100)
    (folder / "broken.bin").write_bytes(b"rubbish")
    # as a stock server prints it
    head = "Device           Version         Size           \n"
    box.start()
    try:
        assert box.rx("iax2 show firmware") == head + "iaxy             22              100            \n"
        assert "broken.bin: it is too short to be firmware" in box.messages
        put("iaxy-new.bin", 23, b"y" * 2052)
        box.rx("iax2 reload")
        assert box.rx("iax2 show firmware") == head + "iaxy             23              2052           \n"
    finally:
        box.stop()
