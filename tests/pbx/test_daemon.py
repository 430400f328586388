"""The daemon as people run it: real processes, real sockets."""

from __future__ import annotations

import contextlib
import json
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pbx import genkey
from tests.pbx.running import CHECKOUT, PROGRAM, Pbx
from tests.pbx.terminal import Terminal
from tests.shared import shared_dir

DIALPLAN = """
[general]
[globals]
COLOUR = blue
[phones]
exten => 601,1,Answer()
 same => n,Wait(60)
exten => 602,1,Wait(60)
exten => 101,hint,IAX2/dyn
"""
IAX = """
[general]
bindaddr = 127.0.28.11
[dyn]
type = friend
host = dynamic
secret = wonderland
context = phones
"""


@pytest.fixture(scope="module")
def pbx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pbx]:
    """One PBX for all tests that leave it as it was."""
    box = Pbx(tmp_path_factory.mktemp("pbx"), extensions=DIALPLAN, iax=IAX)
    box.start()
    yield box
    box.stop()


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Pbx]:
    """A PBX of one's own, not started, without IAX2."""
    box = Pbx(tmp_path, extensions=DIALPLAN, modules="[modules]\nautoload=yes\nnoload => chan_iax2.so\n")
    yield box
    box.stop()


# ---- the console from outside ------------------------------------------------------------------------------


def test_rx_prints_and_tells_by_its_status(pbx: Pbx) -> None:
    done = pbx.run("core show uptime")
    assert done.returncode == 0 and re.match(r"System uptime: \d+ seconds?\nLast reload: \d+ seconds?\n", done.stdout)
    assert pbx.run("no such command").returncode != 0
    assert pbx.run("core show channels nonsense").returncode != 0
    assert pbx.run("core show application Nonsense").returncode != 0


def test_no_such_command_is_worded_as_asterisk_words_it(pbx: Pbx) -> None:
    assert pbx.rx("no such command") == shared_dir("reference", "cli", "no-such-command.txt").read_text()


def test_rx_costs_little(pbx: Pbx) -> None:
    """At most 150 ms of CPU, and neither numpy nor Twisted."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert pbx.run("core show version").returncode == 0
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 0.15
    code = (
        "import sys; folder, *sys.argv[1:] = sys.argv[1:]; sys.path.insert(0, folder); from pbx.__main__ import main; "
        "main(); print(sorted({'numpy', 'twisted', 'cryptography', 'lark'} & set(sys.modules)))"
    )
    command = [sys.executable, "-P", "-c", code, str(CHECKOUT), *pbx.command("-rx", "core ping")[len(PROGRAM) :]]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_without_a_daemon_there_is_a_clear_word(tmp_path: Path) -> None:
    done = Pbx(tmp_path).run("core show version")
    assert done.returncode != 0 and "Unable to connect" in done.stderr and not done.stdout


def test_help_of_iax2_is_asterisks(pbx: Pbx) -> None:
    """Every command that we have of `help iax2` is listed as Asterisk lists it, in its order."""
    wanted = shared_dir("reference", "cli", "core-show-help-iax2.txt").read_text().splitlines()
    ours = [line for line in pbx.rx("core show help iax2").splitlines() if line in wanted]
    assert ours == [line for line in wanted if line in ours] and len(ours) >= 13


def test_usage_is_shown(pbx: Pbx) -> None:
    assert pbx.rx("core show help iax2 show peers").startswith("Usage: iax2 show peers [registered] [like <pattern>]\n")
    assert pbx.rx("core show help nothing") == "No such command 'nothing'.\n"


def test_a_call_is_made_shown_and_ended(pbx: Pbx) -> None:
    assert pbx.run("channel originate Local/601@phones application Wait 50").returncode == 0
    shown = pbx.wait_rx("core show channels", "2 active channels")
    assert re.search(r"^Local/601@phones-\w{8};2 +601@phones:2 +Up +Wait\(60\) +$", shown, re.M)
    assert "1 active call\n" in shown
    row = next(line for line in pbx.rx("core show channels concise").splitlines() if ";2!" in line)
    assert row.split("!")[:7] == [row.split("!")[0], "phones", "601", "2", "Up", "Wait", "60"]
    name = row.split("!")[0]
    detail = pbx.rx(f"core show channel {name}")
    assert f"           Name: {name}\n" in detail and "      Extension: 601\n" in detail
    assert pbx.rx("channel request hangup all").count("Requested Hangup on channel 'Local/601@phones-") == 2
    pbx.wait_rx("core show channels count", "0 active channels")


def test_redirect_moves_a_call(pbx: Pbx) -> None:
    pbx.rx("channel originate Local/601@phones application Wait 50")
    shown = pbx.wait_rx("core show channels concise", "!Wait!60!")
    name = next(line for line in shown.splitlines() if ";2!" in line).split("!")[0]
    assert "successfully redirected" in pbx.rx(f"channel redirect {name} phones,602,1")
    pbx.wait_rx("core show channels concise", f"{name}!phones!602!1!")
    pbx.rx(f"channel request hangup {name}")
    pbx.wait_rx("core show channels count", "0 active channels")


def test_originate_says_why_not(pbx: Pbx) -> None:
    done = pbx.run("channel originate Local/999@nowhere application Wait 1")
    assert done.returncode != 0 and "999@nowhere" in done.stdout


def test_database(pbx: Pbx) -> None:
    assert pbx.rx("database put f k v") == "Updated database successfully\n"
    assert pbx.rx("database get f k") == "Value: v\n"
    assert pbx.rx("database show f") == "/f/k" + " " * 46 + ": v" + " " * 24 + "\n1 results found.\n"
    assert pbx.rx("database del f k") == "Database entry removed.\n"
    assert pbx.rx("database get f k") == "Database entry not found.\n"


def test_modules(pbx: Pbx) -> None:
    assert re.search(
        r"^chan_iax2\.so +Inter Asterisk eXchange \(Ver 2\) +\d+ +Running +core$", pbx.rx("module show like iax2"), re.M
    )
    assert "Timing is built in" in pbx.rx("module show like res_timing_timerfd")
    assert "built in" in pbx.rx("module load res_timing_dahdi.so")
    assert pbx.run("module unload no_such_module.so").returncode != 0


def port_is_free(host: str) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((host, 4569))
        except OSError:
            return False
        return True


def test_chan_iax2_goes_down_and_comes_back(pbx: Pbx) -> None:
    assert not port_is_free("127.0.28.11")
    assert pbx.run("module unload chan_iax2.so").returncode == 0
    assert port_is_free("127.0.28.11")
    assert "not running" in pbx.rx("iax2 show peers")
    assert pbx.run("module load chan_iax2").returncode == 0
    assert not port_is_free("127.0.28.11")


def test_mtu(pbx: Pbx) -> None:
    for value, name in (("1200", "iax2-set-mtu-1200"), ("default", "iax2-set-mtu-default")):
        assert pbx.rx(f"iax2 set mtu {value}") == shared_dir("reference", "cli", f"{name}.txt").read_text()
    assert pbx.run("iax2 set mtu 10").returncode != 0


def test_debug_is_worded_as_asterisk_words_it(pbx: Pbx) -> None:
    for command in ("on", "off", "jb on", "jb off", "trunk on", "trunk off"):
        wanted = shared_dir("reference", "cli", f"iax2-set-debug-{command.replace(' ', '-')}.txt").read_text()
        assert pbx.rx(f"iax2 set debug {command}") == wanted
    for command in ("unregister nosuch", "show peer nosuch"):
        wanted = shared_dir("reference", "cli", f"iax2-{command.replace(' ', '-')}.txt").read_text()
        assert pbx.rx(f"iax2 {command}") == wanted
    assert pbx.rx("iax2 reload") == shared_dir("reference", "cli", "iax2-reload.txt").read_text()
    assert pbx.rx("dialplan show nosuch") == shared_dir("reference", "cli", "dialplan-show-nosuch.txt").read_text()


def test_logger_channels(pbx: Pbx) -> None:
    head, *rows = pbx.rx("logger show channels").splitlines()[2:]
    assert head == "Channel                             Type     Formatter  Status    Configuration"
    path = str(pbx.home / "log" / "messages")
    assert f"{path:<35} File     default    Enabled    - NOTICE WARNING ERROR SECURITY " in rows
    assert pbx.run("logger add channel extra [json]verbose(3),error").returncode == 0
    assert pbx.run("logger add channel extra error").returncode != 0
    assert re.search(r"log/extra +File +json +Enabled +- ERROR VERBOSE ", pbx.rx("logger show channels"))
    pbx.rx("channel originate Local/601@phones application Wait 1")
    limit = time.monotonic() + 10
    while "Executing [601@phones:1]" not in (pbx.home / "log" / "extra").read_text():
        assert time.monotonic() < limit
        time.sleep(0.1)
    assert pbx.rx("logger remove channel extra") == "Removed dynamic logger channel 'extra'\n"
    assert pbx.run("logger remove channel messages").returncode != 0
    pbx.rx("channel request hangup all")
    pbx.wait_rx("core show channels count", "0 active channels")
    assert pbx.run("logger rotate").returncode == 0
    assert pbx.rx("logger set level DEBUG on") == "Logger status for 'DEBUG' has been set to 'on'.\n"


def test_globals_and_hints(pbx: Pbx) -> None:
    assert "   COLOUR=blue\n" in pbx.rx("dialplan show globals")
    assert re.search(
        r"^101@phones +: IAX2/dyn +State:\w+ +Presence:not_set +Watchers  0$", pbx.rx("core show hints"), re.M
    )


def test_reload_takes_a_new_dialplan(pbx: Pbx) -> None:
    pbx.write("extensions.conf", DIALPLAN + "exten => 777,1,NoOp(new)\n")
    assert pbx.rx("dialplan reload") == "Dialplan reloaded.\n  [phones] 1 extension new (777)\n"
    assert pbx.rx("dialplan reload") == "Dialplan reloaded.\n"
    assert "777" in pbx.rx("dialplan show 777@phones")
    pbx.write("extensions.conf", DIALPLAN)
    assert pbx.process is not None
    pbx.process.send_signal(signal.SIGHUP)
    pbx.wait_rx("dialplan show 777@phones", "There is no existence of 777@phones extension")


def test_a_second_daemon_is_refused(pbx: Pbx) -> None:
    done = subprocess.run(pbx.command("-f"), capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 1 and "already running" in done.stderr
    assert pbx.run("core show uptime").returncode == 0


# ---- starting and ending -----------------------------------------------------------------------------------


def test_into_the_background_and_out_of_it(own: Pbx) -> None:
    done = subprocess.run(own.command(), capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    pid = int((own.home / "run" / "asterisk.pid").read_text())
    assert own.rx("core waitfullybooted") == "Asterisk has fully booted.\n"
    own.rx("core stop now")
    limit = time.monotonic() + 10
    with contextlib.suppress(ProcessLookupError):
        while time.monotonic() < limit:
            os.kill(pid, 0)
            time.sleep(0.05)
        raise AssertionError("it did not end")
    assert not (own.home / "run" / "asterisk.pid").exists()
    assert not (own.home / "run" / "asterisk.ctl").exists()


def test_a_start_that_fails_is_told_to_the_caller(own: Pbx) -> None:
    own.start()
    done = subprocess.run(own.command(), capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1 and "already running" in done.stderr


def test_killed_and_started_again(own: Pbx) -> None:
    own.start()
    own.stop(signal.SIGKILL)
    assert (own.home / "run" / "asterisk.ctl").exists()  # what kill -9 leaves behind
    own.start()
    assert own.run("core show uptime").returncode == 0
    assert own.stop() == 0


def test_sigterm_ends_calls(own: Pbx) -> None:
    own.start()
    own.rx("channel originate Local/601@phones application Wait 50")
    own.wait_rx("core show channels count", "2 active channels")
    began = time.monotonic()
    assert own.stop() == 0
    assert time.monotonic() - began < 5
    assert "Internal error" not in own.messages


def test_gracefully_waits_for_the_last_call(own: Pbx) -> None:
    own.start()
    own.rx("channel originate Local/601@phones application Wait 50")
    own.wait_rx("core show channels count", "2 active channels")
    own.rx("core stop gracefully")
    assert "about to end" in own.rx("channel originate Local/601@phones application Wait 50")
    own.rx("core abort shutdown")
    assert own.run("channel originate Local/601@phones application Wait 50").returncode == 0
    own.rx("core stop gracefully")
    own.rx("channel request hangup all")
    assert own.process is not None and own.process.wait(10) == 0


def test_when_convenient_takes_calls_until_there_is_none(own: Pbx) -> None:
    own.start()
    own.rx("channel originate Local/601@phones application Wait 50")
    own.wait_rx("core show channels count", "2 active channels")
    own.rx("core stop when convenient")
    assert own.run("channel originate Local/601@phones application Wait 50").returncode == 0
    own.wait_rx("core show channels count", "4 active channels")
    own.rx("channel request hangup all")
    assert own.process is not None and own.process.wait(10) == 0


def test_restart_is_the_same_process_anew(own: Pbx) -> None:
    own.start()
    own.rx("database put a b c")
    assert own.process is not None
    own.rx("core restart now")
    limit = time.monotonic() + 10
    while "System uptime: 0" not in own.rx("core show uptime seconds") and "System uptime: 1\n" not in own.rx(
        "core show uptime seconds"
    ):
        assert time.monotonic() < limit
        time.sleep(0.1)
    own.wait_up()
    assert own.process.poll() is None
    assert own.rx("database get a b") == "Value: c\n"


@pytest.mark.parametrize(("how", "takes"), [("gracefully", False), ("when convenient", True)])
def test_a_restart_that_waits_for_calls(own: Pbx, how: str, takes: bool) -> None:
    """The call goes on, new ones come in or not, and with the last call's end the same process begins anew."""
    own.start()
    assert own.process is not None
    own.rx("channel originate Local/601@phones application Wait 50")
    own.wait_rx("core show channels count", "2 active channels")
    own.rx("dialplan set global MARK old")
    assert own.run(f"core restart {how}").returncode == 0
    done = own.run("channel originate Local/601@phones application Wait 50")
    assert (done.returncode == 0) is takes and ("about to end" in done.stdout) is not takes
    own.wait_rx("core show channels count", f"{4 if takes else 2} active channels")
    assert "MARK=old" in own.rx("dialplan show globals")  # it has not begun anew yet
    own.rx("channel request hangup all")
    limit = time.monotonic() + 30
    while "COLOUR=blue" not in (shown := own.rx("dialplan show globals")) or "MARK=old" in shown:
        assert time.monotonic() < limit and own.process.poll() is None
        time.sleep(0.1)
    own.wait_up()
    assert own.run("channel originate Local/601@phones application Wait 1").returncode == 0  # calls come in again


def test_maxcalls(own: Pbx) -> None:
    own.write("asterisk.conf", own.asterisk_conf("maxcalls = 1"))
    own.start()
    own.rx("channel originate Local/601@phones application Wait 50")
    own.wait_rx("core show channels count", "1 of 1 max active call (100.00% of capacity)")
    assert "maxcalls" in own.rx("channel originate Local/601@phones application Wait 50")


def test_what_is_not_done_is_said_with_its_place(own: Pbx) -> None:
    own.write("asterisk.conf", own.asterisk_conf("lockconfdir = yes\nbogus = 2"))
    own.write("queues.conf", "[general]\n; nothing\n[support]\nstrategy = ringall\n")
    own.write("voicemail.conf", "; only a comment\n")
    own.start()
    conf = own.etc / "asterisk.conf"
    assert re.search(rf"NOTICE.* {conf}:10: lockconfdir has no effect", own.messages)
    assert re.search(rf"WARNING.* {conf}:11: no such option: bogus", own.messages)
    assert re.search(r"NOTICE.*queues\.conf:4", own.messages)
    assert "voicemail.conf" not in own.messages
    before = own.messages
    own.rx("core reload")
    assert own.messages == before  # said once


def test_the_log_of_an_idle_box_stays_empty(own: Pbx) -> None:
    own.start()
    own.rx("core show channels")
    time.sleep(1)
    own.stop()
    assert own.messages == ""


def test_sd_notify(own: Pbx, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(10)
        own.start(env={"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "400000"})
        assert own.process is not None
        said = systemd.recv(4096).decode()
        assert said.startswith("READY=1\n") and f"MAINPID={own.process.pid}" in said
        assert systemd.recv(4096) == b"WATCHDOG=1"
        own.process.send_signal(signal.SIGHUP)
        told: list[bytes] = []
        while not told or not told[-1].startswith(b"READY=1"):
            told.append(systemd.recv(4096))
        assert any(word.startswith(b"RELOADING=1\nMONOTONIC_USEC=") for word in told)
        own.stop()
        while told[-1] != b"STOPPING=1":
            told.append(systemd.recv(4096))


# ---- interactive ---------------------------------------------------------------------------------------------


def test_a_console_greets_completes_and_remembers(pbx: Pbx, tmp_path: Path) -> None:
    terminal = Terminal(pbx.command("-rvvv"), tmp_path)
    greeting = terminal.wait_for("*CLI> ")
    assert "iax2 show peers" in greeting and "core stop now" in greeting and "help" in greeting
    terminal.type("core show upt\t")
    terminal.wait_for("uptime")
    terminal.type("seconds\n")
    terminal.wait_for("Last reload:")
    # two consoles at once, and log lines come to both
    other = Terminal(pbx.command("-rvvv"), tmp_path)
    other.wait_for("*CLI> ")
    pbx.rx("channel originate Local/601@phones application Wait 50")
    for each in (terminal, other):
        each.wait_for("Executing [601@phones:1]")
    terminal.type("exit\n")
    assert terminal.close() == 0
    other.type("channel request hangup all\n")
    other.wait_for("Requested Hangup")
    other.type("quit\n")
    assert other.close() == 0
    assert "core show uptime seconds" in (tmp_path / ".pbx_history").read_text()
    pbx.wait_rx("core show channels count", "0 active channels")


#: what begins and ends a colour
SGR = re.compile(r"\x1b\[[0-9;]*m")


def test_colours_of_a_terminal(own: Pbx, tmp_path: Path) -> None:
    """The prompt is bold and the word of a level has its colour; with -n, or where a terminal has none, nothing has."""
    own.write("logger.conf", "[logfiles]\nconsole => notice,warning,error\n")
    own.start()
    for flags, kind in (("-rvvv", "xterm"), ("-rvvvn", "xterm"), ("-rvvv", "dumb")):
        terminal = Terminal(["/usr/bin/env", f"TERM={kind}", *own.command(flags)], tmp_path)
        greeting = terminal.wait_for("*CLI> ")
        own.rx("channel originate Local/999@nowhere application Wait 1")
        log = terminal.wait_for("No such extension/context 999@nowhere")
        terminal.type("exit\n")
        assert terminal.close() == 0
        coloured = (flags, kind) == ("-rvvv", "xterm")
        assert (" \x1b[1;36mNOTICE\x1b[0m[" in log) is coloured and (" NOTICE[" in log) is not coloured
        assert bool(SGR.search(greeting)) is bool(SGR.search(log)) is coloured
    piped = subprocess.run(own.command("-r"), input="core show uptime\n", capture_output=True, text=True, check=False)
    assert "Last reload:" in piped.stdout and "\x1b" not in piped.stdout


def test_a_line_is_edited(pbx: Pbx, tmp_path: Path) -> None:
    """The keys that fingers know: to the line's ends, by a character, to erase, to search in the history."""
    terminal = Terminal(pbx.command("-rn"), tmp_path)
    terminal.wait_for("*CLI> ")
    for typed in (
        "database put edit one Xz\x7f\x7f1\n",  # backspace
        "put edit two 2\x01database \n",  # Ctrl-A: to the beginning
        "database put edit thre 3X\x1b[D\x1b[D\x1b[De\x05\x7f\n",  # left; Ctrl-E: to the end
        "nonsense\x15database put edit four 4\n",  # Ctrl-U: nothing of that
        "database put edit five 5 nonsense\x17\n",  # Ctrl-W: without the last word
    ):
        terminal.type(typed)
        terminal.wait_for("Updated database successfully")
        terminal.wait_for("*CLI> ")
    pbx.rx("database del edit four")
    terminal.type("\x12edit four\r")  # Ctrl-R: found in the history, and again
    terminal.wait_for("Updated database successfully")
    terminal.wait_for("*CLI> ")
    terminal.type("exit\n")
    assert terminal.close() == 0
    names = ("one", "two", "three", "four", "five")
    values = [pbx.rx(f"database get edit {name}") for name in names]
    pbx.rx("database deltree edit")
    assert values == ["Value: 1\n", "Value: 2\n", "Value: 3\n", "Value: 4\n", "Value: 5\n"]


def test_c_is_the_pbx_with_its_console(own: Pbx, tmp_path: Path) -> None:
    terminal = Terminal(own.command("-c"), tmp_path)
    terminal.wait_for("*CLI> ")
    terminal.type("exit\n")
    terminal.wait_for("core stop now")  # it says what ends it
    terminal.type("core stop now\n")
    assert terminal.close() == 0
    assert not (own.home / "run" / "asterisk.ctl").exists()


def test_control_c_ends_the_pbx_of_a_foreground_console(own: Pbx, tmp_path: Path) -> None:
    terminal = Terminal(own.command("-c"), tmp_path)
    terminal.wait_for("*CLI> ")
    terminal.type("\x03")
    assert terminal.close() == 0
    assert not (own.home / "run" / "asterisk.ctl").exists()


def test_R_comes_back_when_the_pbx_does(own: Pbx, tmp_path: Path) -> None:
    own.start()
    terminal = Terminal(own.command("-R"), tmp_path)
    terminal.wait_for("*CLI> ")
    own.stop()
    terminal.wait_for("trying again")
    own.start()
    terminal.wait_for("*CLI> ")
    terminal.type("core show uptime\n")
    terminal.wait_for("Last reload:")
    terminal.type("exit\n")
    assert terminal.close() == 0


def test_a_passphrase_is_asked_for_unseen(own: Pbx, tmp_path: Path) -> None:
    """keys init at a console, and -i at start: the key is locked before and open after."""
    keys = own.etc / "keys"
    keys.mkdir()
    genkey.write_pair(str(keys), "voip1", "opensesame")
    own.start()
    assert "[Needs Passcode]" in own.rx("keys show")
    assert "pbx -r" in own.rx("keys init")
    terminal = Terminal(own.command("-r"), tmp_path)
    terminal.wait_for("*CLI> ")
    terminal.type("keys init\n")
    terminal.wait_for("Passphrase of the key voip1: ")
    terminal.type("opensesame\n")
    assert "opensesame" not in terminal.wait_for("voip1 is open now.")
    terminal.type("exit\n")
    terminal.close()
    assert "[Needs Passcode]" not in own.rx("keys show")
    own.stop()
    terminal = Terminal(own.command("-ci"), tmp_path)
    terminal.wait_for("Passphrase of the key voip1: ")
    terminal.type("opensesame\n")
    terminal.wait_for("*CLI> ")
    assert "[Needs Passcode]" not in own.rx("keys show")
    terminal.type("core stop now\n")
    assert terminal.close() == 0


def test_r_ends_with_the_pbx(own: Pbx, tmp_path: Path) -> None:
    own.start()
    terminal = Terminal(own.command("-r"), tmp_path)
    terminal.wait_for("*CLI> ")
    own.stop()
    terminal.wait_for("has ended")
    terminal.close()


def test_the_samples_as_make_run_starts_them(tmp_path: Path) -> None:
    """A console at a pipe, relative folders, calls to the numbers of the samples; nothing in them is complained of."""
    run = tmp_path / "run"
    command = [*PROGRAM, "-c", "--etc", "conf/samples", "--run", str(run), "--bind", "127.0.28.12"]
    process = subprocess.Popen(
        command, cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert process.stdin is not None and process.stdout is not None
    seen: list[str] = []

    def until(text: str) -> None:
        while text not in (seen or [""])[-1]:
            line = process.stdout.readline()  # type: ignore[union-attr]
            assert line, "".join(seen)
            seen.append(line)

    try:
        until("core stop now")
        for typed, wanted in (
            ("iax2 show peers", "4 iax2 peers ["),
            ("channel originate Local/602@phones application Wait 3", 'Playback("Local/602@phones-'),
            ("channel originate Local/600@phones application Wait 30", '"demo-echotest"'),
            ("channel originate Local/601@phones application Wait 30", 'Milliwatt("Local/601@phones-'),
            ("channel request hangup all", "Requested Hangup on channel 'Local/601@phones-"),
            ("dialplan show 201@phones", "'_2XX' =>"),
            ("core stop now", "has ended"),
        ):
            process.stdin.write(typed + "\n")
            process.stdin.flush()
            until(wanted)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()
    messages = run / "log" / "messages"
    lines = messages.read_text().splitlines() if messages.exists() else []
    assert not [line for line in lines if "is now" not in line], lines


def test_c_without_a_terminal_stays(own: Pbx) -> None:
    """`make run < /dev/null` is not over at once."""
    own.process = subprocess.Popen(
        own.command("-c"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    own.wait_up()
    time.sleep(1)
    assert own.process.poll() is None
    assert own.stop() == 0


def test_json_log(own: Pbx) -> None:
    own.write("logger.conf", "[logfiles]\nout.json => [json]notice,warning\n")
    own.write("asterisk.conf", own.asterisk_conf("bogus = 2"))
    own.start()
    own.stop()
    entry = json.loads((own.home / "log" / "out.json").read_text().splitlines()[0])
    assert entry["logmsg"]["level"] == "WARNING" and "bogus" in entry["logmsg"]["message"]
