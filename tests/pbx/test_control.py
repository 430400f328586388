"""What asterisk.conf, flags and modules.conf do to a running box; a console's own switches; steps of the clock."""

from __future__ import annotations

import grp
import os
import pwd
import re
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pbx.running import PROGRAM, Pbx
from tests.pbx.test_daemon import DIALPLAN, Terminal

ORIGINATE = "channel originate Local/601@phones application Wait 50"


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Pbx]:
    """A PBX that is not started, without IAX2."""
    made = Pbx(tmp_path, extensions=DIALPLAN, modules="[modules]\nautoload=yes\nnoload => chan_iax2.so\n")
    yield made
    made.stop()


def test_the_control_socket_has_its_name_owner_and_permissions(box: Pbx) -> None:
    root = os.getuid() == 0
    owner = pwd.getpwnam("nobody") if root else pwd.getpwuid(os.getuid())
    group = grp.getgrgid(owner.pw_gid).gr_name
    lines = f"[files]\nastctlpermissions = 0640\nastctlowner = {owner.pw_name}\nastctlgroup = {group}\n"
    box.write("asterisk.conf", box.asterisk_conf() + lines)
    box.start()
    found = (box.home / "run" / "asterisk.ctl").stat()
    assert stat.S_IMODE(found.st_mode) == 0o640
    assert (found.st_uid, found.st_gid) == (owner.pw_uid, owner.pw_gid)


def test_another_name_of_the_control_socket(box: Pbx) -> None:
    box.write("asterisk.conf", box.asterisk_conf() + "[files]\nastctl = my.ctl\n")
    done = subprocess.run(box.command(), capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    assert (box.home / "run" / "my.ctl").is_socket() and not (box.home / "run" / "asterisk.ctl").exists()
    assert box.rx("core waitfullybooted") == "Asterisk has fully booted.\n"
    assert box.run("core stop now").returncode == 0


@pytest.mark.parametrize(
    ("flags", "word"), [(("-e", "99999999"), "minmemfree"), (("-L", "0.0000001"), "maxload"), (("-M", "1"), "maxcalls")]
)
def test_flags_that_limit_calls(box: Pbx, flags: tuple[str, str], word: str) -> None:
    box.start(*flags)
    if word == "maxcalls":
        assert box.run(ORIGINATE).returncode == 0
    done = box.run(ORIGINATE)
    assert done.returncode != 0 and f"No call may begin now: {word}" in done.stdout


def test_modules_conf_decides_what_runs(box: Pbx) -> None:
    box.write("modules.conf", "[modules]\nautoload = no\npreload => pbx_config.so\nload = no_such_thing.so\n"
              "load => app_verbose.so\nload => app_stack.so\nnoload => app_exec.so\n")  # fmt: skip
    box.start()
    assert "'601'" in box.rx("dialplan show 601@phones")
    assert "not running" in box.rx("iax2 show peers")  # nobody asked for it
    assert box.messages.count("no_such_thing") == 1
    assert "app_verbose" not in box.messages and "app_stack" not in box.messages
    assert box.run("core show application Verbose").returncode == 0
    assert box.run("core show application ExecIf").returncode != 0
    assert "ERROR" not in box.messages


def test_noload_takes_an_application_away_and_says_so_where_it_is_used(box: Pbx) -> None:
    box.write("modules.conf", "[modules]\nautoload=yes\nnoload => chan_iax2.so\nnoload => app_dial.so\n"
              "noload => func_md5.so\n")  # fmt: skip
    box.write("extensions.conf", "[phones]\nexten => 1,1,Answer()\n same => n,Dial(Local/601@phones)\n"
              " same => n,Wait(9)\nexten => 2,1,NoOp(${MD5(x)})\nexten => 3,1,NoSuchThing()\n")  # fmt: skip
    box.start()
    assert box.run("core show application Dial").returncode != 0
    assert re.search(r"^app_dial\.so .* Not Running ", box.rx("module show like app_dial"), re.M)
    where = f"{box.etc / 'extensions.conf'}"
    said = box.messages
    assert f"{where}:3: there is no application Dial here (modules.conf says noload => app_dial.so); a call" in said
    assert f"{where}:5: there is no function MD5 here (modules.conf says noload => func_md5.so); it reads" in said
    assert f"{where}:6: there is no application NoSuchThing here (yet); a call" in said
    box.rx("channel originate Local/1@phones application Wait 9")
    box.wait_rx("core show channels count", "0 active channels")
    assert re.search(r"WARNING.*No application 'Dial' for extension \(phones, 1, 2\)", box.messages)
    assert "Internal error" not in box.messages


def test_module_reload_reads_what_belongs_to_it(box: Pbx) -> None:
    box.start()
    box.write("extensions.conf", DIALPLAN + "exten => 777,1,NoOp(new)\n")
    assert box.rx("module reload app_dial.so") == "The module 'app_dial.so' does not support reloads\n"
    assert box.rx("module reload chan_iax2") == "Module 'chan_iax2' is not running.\n"
    assert box.run("module reload no_such_module").returncode != 0
    assert "777" not in box.rx("dialplan show phones")
    assert box.rx("module reload pbx_config.so") == "Module 'pbx_config.so' reloaded successfully.\n"
    assert "777" in box.rx("dialplan show phones")
    box.write("extensions.conf", DIALPLAN)
    box.write("logger.conf", "[logfiles]\nmessages => warning\nother => verbose(3)\n")
    assert box.run("module reload").returncode == 0  # of all
    assert "777" not in box.rx("dialplan show phones") and "log/other" in box.rx("logger show channels")


def test_a_console_mutes_itself_and_remembers_what_was_typed(box: Pbx, tmp_path: Path) -> None:
    box.start()
    terminal = Terminal(box.command("-rvvv"), tmp_path)
    terminal.wait_for("*CLI> ")
    terminal.type("logger mute\n")
    terminal.wait_for("Console is muted.")
    box.rx(ORIGINATE)
    box.wait_rx("core show channels count", "2 active channels")
    terminal.type("core show uptime\n")
    assert "Executing" not in terminal.wait_for("Last reload:")
    terminal.type("logger mute\n")
    terminal.wait_for("Console is not muted anymore.")
    box.rx(ORIGINATE)
    terminal.wait_for("Executing [601@phones:1]")
    terminal.type("exit\n")
    assert terminal.close() == 0
    again = Terminal(box.command("-r"), tmp_path)
    again.wait_for("*CLI> ")
    again.type("\x1b[A\x1b[A\x1b[A\n")  # exit, logger mute, core show uptime
    again.wait_for("Last reload:")
    again.type("exit\n")
    assert again.close() == 0


def test_logger_conf_is_read_again_and_levels_are_switched(box: Pbx) -> None:
    box.start()
    box.write("logger.conf", "[general]\ndateformat=%F %T\n[logfiles]\nmessages => warning\nother => verbose(3)\n")
    assert "log/other" not in box.rx("logger show channels")
    assert box.run("logger reload").returncode == 0
    shown = box.rx("logger show channels")
    assert "log/other" in shown and "NOTICE" not in shown
    assert box.run("logger set level NOSUCH on").returncode != 0


def test_steps_of_the_wall_clock_move_no_timer(box: Pbx, tmp_path: Path) -> None:
    """The wall clock goes a day ahead and then a year back under a call that has a minute to wait."""
    step = tmp_path / "step"
    step.write_text("0")
    wall = f"import time; real = time.time; time.time = lambda: real() + float(open({str(step)!r}).read() or 0); "
    code = PROGRAM[-1].replace("import sys; ", f"import sys; {wall}", 1)
    box.command = lambda *arguments: [  # type: ignore[method-assign]
        *PROGRAM[:-1], code, "-C", str(box.etc / "asterisk.conf"), *arguments,
    ]  # fmt: skip
    box.write("extensions.conf", DIALPLAN + "exten => 603,1,Wait(2)\n same => n,Set(GLOBAL(AWAKE)=yes)\n")
    box.start()
    box.rx(ORIGINATE)
    box.wait_rx("core show channels count", "2 active channels")
    for seconds in ("86400", "-31536000"):
        (tmp_path / "next").write_text(seconds)
        (tmp_path / "next").replace(step)
        box.rx("dialplan set global AWAKE no")
        box.rx("channel originate Local/603@phones application Wait 1")
        box.wait_rx("dialplan show globals", "AWAKE=yes", 20)  # not a year late
        box.wait_rx("core show channels count", "2 active channels")  # those of the long wait: not a day early


def test_the_old_name_of_keys_init(box: Pbx) -> None:
    box.start()
    assert box.run("init keys").returncode == box.run("keys init").returncode == 0
