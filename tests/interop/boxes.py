"""Boxes under test: a stock Asterisk in a chroot, or pbx; both get the very same files.

A scenario directory holds, per box, `iax.conf`, `extensions.conf` and whatever else the box needs;
`@NAME@` in them is replaced from the values of the box (BIND, PEER, SOUNDS, ...).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

HERE = Path(__file__).parent
#: the first half of all addresses: a run of its own must not meet another
NET = f"127.{1 + os.getpid() % 250}"
PEERS = Path(os.environ.get("PBX_PEERS", Path.home() / ".cache" / "pbx-peers"))

#: what a stock box loads; those that a version does not ship are left out
MODULES = """
res_timing_timerfd res_crypto res_musiconhold res_clioriginate res_limit res_convert codec_ulaw codec_alaw
codec_a_mu codec_gsm codec_adpcm codec_g722 codec_g726 codec_resample format_pcm format_gsm format_wav
format_sln pbx_config pbx_spool pbx_loopback func_callerid func_channel func_cut func_db func_dialplan func_env
func_global func_hangupcause func_logic func_math func_strings func_timeout func_base64 func_rand func_shell
bridge_builtin_features bridge_holding bridge_simple bridge_softmix app_dial app_bridgewait app_db app_echo
app_exec app_milliwatt app_mixmonitor app_originate app_playback app_playtones app_read app_record app_senddtmf
app_sendtext app_softhangup app_stack app_system app_transfer app_url app_verbose app_while chan_iax2
""".split()

#: read by a stock core at start; absent ones cost warnings
EMPTY = """
acl ccss cdr cel cli cli_aliases cli_permissions codecs dnsmgr enum features http indications iaxprov manager
musiconhold stasis udptl dsp sorcery extconfig
""".split()

LOGGER = "[general]\ndateformat=%F %T.%3q\n[logfiles]\nfull => notice,warning,error,verbose,dtmf,debug,security\n"


def _die_with_caller() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGTERM, 0, 0, 0)


class Box:
    """A running PBX.  `rx` runs a console command; `log` is its full log."""

    kind: ClassVar[str]

    def __init__(self, name: str, files: Path, bind: str, **values: str) -> None:
        self.name = name
        self.files = files
        self.bind = bind
        self.values = {"BIND": bind, "NAME": name, **values}
        self.process: subprocess.Popen[bytes] | None = None
        self.home = Path()
        #: a command to run it under, more flags for it, its verbosity
        self.prefix: list[str] = []
        self.flags: list[str] = []
        self.verbose = 3

    # ---- what differs ------------------------------------------------------------------------------

    def seen(self, path: Path) -> str:
        """`path` as the box itself sees it."""
        return str(path)

    def command(self, *arguments: str) -> list[str]:
        raise NotImplementedError

    def datadir(self) -> str:
        return "/usr/share/asterisk"

    # ---- configuration -----------------------------------------------------------------------------

    def render(self) -> None:
        """Write the configuration; again after the files or values changed (then `rx('core reload')`)."""
        etc = self.home / "etc"
        etc.mkdir(parents=True, exist_ok=True)
        for folder in ["varlib", "db", "spool", "run", "log", "keys", "sounds", "agi"]:
            (self.home / folder).mkdir(exist_ok=True)
        for folder in ["outgoing", "tmp", "monitor"]:
            (self.home / "spool" / folder).mkdir(exist_ok=True)
        values = {"SOUNDS": self.seen(self.home / "sounds"), "OUT": self.seen(self.home / "spool"), **self.values}
        texts = {f"{name}.conf": "" for name in EMPTY} | {"logger.conf": LOGGER, "modules.conf": self.modules()}
        for path in [*sorted(self.files.glob("*.conf")), *sorted((HERE / "etc" / "common").glob("*.conf"))]:
            if path.name in texts and texts[path.name] and path.parent != self.files:
                continue
            texts[path.name] = re.sub(r"@([A-Z][A-Z0-9_]*)@", lambda m: values[m[1]], path.read_text(encoding="utf-8"))
        texts["asterisk.conf"] = self.asterisk_conf()
        for name, text in texts.items():
            (etc / name).write_text(text, encoding="utf-8")

    def modules(self) -> str:
        return "[modules]\nautoload=yes\n"

    def asterisk_conf(self) -> str:
        home = self.seen(self.home)
        return f"""[directories]
astetcdir => {home}/etc
{self.module_line()}astvarlibdir => {home}/varlib
astdbdir => {home}/db
astkeydir => {home}
astdatadir => {self.datadir()}
astagidir => {home}/agi
astspooldir => {home}/spool
astrundir => {home}/run
astlogdir => {home}/log
[options]
verbose = {self.verbose}
nocolor = yes
systemname = {self.name}
live_dangerously = yes
hideconnect = yes
"""

    def module_line(self) -> str:
        return ""

    def add_key(self, path: Path) -> None:
        """Put a .pub or .key file where the box looks for keys."""
        target = self.home / "keys" / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
        target.chmod(0o600)

    def add_sound(self, name: str, ulaw: bytes) -> None:
        (self.home / "sounds").mkdir(parents=True, exist_ok=True)
        (self.home / "sounds" / f"{name}.ulaw").write_bytes(ulaw)

    # ---- life --------------------------------------------------------------------------------------

    def start(self, seconds: float = 60) -> None:
        self.render()
        console = (self.home / "log" / "console").open("ab")
        environment = {**os.environ, "TERM": "dumb", "LC_ALL": "C", "HOME": "/tmp"}
        self.process = subprocess.Popen(
            [*self.prefix, *self.command("-f", "-n", *self.flags)],
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=console,
            env=environment,
            cwd="/",
            start_new_session=True,
            preexec_fn=_die_with_caller,
        )
        console.close()
        limit = time.monotonic() + seconds
        while time.monotonic() < limit:
            if self.process.poll() is not None:
                raise AssertionError(f"{self.name} ended at start, status {self.process.returncode}\n{self.tail()}")
            if (self.home / "run" / "asterisk.ctl").exists() and "fully booted" in self.rx(
                "core waitfullybooted", max(60, seconds)
            ):
                return
            time.sleep(0.05)
        raise AssertionError(f"{self.name} is not up after {seconds} s\n{self.tail()}")

    def rx(self, text: str, seconds: float = 60) -> str:
        """Output of a console command."""
        done = subprocess.run(
            self.command("-rx", text),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=seconds,
            env={**os.environ, "TERM": "dumb", "LC_ALL": "C", "HOME": "/tmp"},
        )
        return done.stdout.decode("utf-8", "replace")

    def stop(self, sig: int = signal.SIGTERM) -> int:
        """End it; its exit status."""
        process = self.process
        if process is None:
            return 0
        if process.poll() is None:
            process.send_signal(sig)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.process = None
        return process.returncode

    @property
    def log(self) -> str:
        path = self.home / "log" / "full"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def tail(self) -> str:
        console = self.home / "log" / "console"
        text = console.read_text(errors="replace") if console.exists() else ""
        return "\n".join([*text.splitlines()[-15:], *self.log.splitlines()[-25:]])

    # ---- calls -------------------------------------------------------------------------------------

    def originate(self, target: str, application: str, data: str = "") -> None:
        """`channel originate TARGET application ...`, which returns at once or after the answer, as the box does it."""
        self.rx(f"channel originate {target} application {application} {data}".rstrip())

    def channels(self) -> int:
        match = re.search(r"(\d+) active channel", self.rx("core show channels"))
        return int(match[1]) if match else -1

    def wait_log(self, pattern: str, seconds: float = 10) -> re.Match[str]:
        """The first match of `pattern` in the log, waited for."""
        limit = time.monotonic() + seconds
        while True:
            match = re.search(pattern, self.log)
            if match:
                return match
            if time.monotonic() > limit:
                raise AssertionError(f"{self.name}: {pattern!r} did not come into the log\n{self.tail()}")
            time.sleep(0.1)

    def wait_rx(self, command: str, pattern: str, seconds: float = 20) -> str:
        """Output of `command` once it matches."""
        limit = time.monotonic() + seconds
        while True:
            text = self.rx(command)
            if re.search(pattern, text):
                return text
            if time.monotonic() > limit:
                raise AssertionError(f"{self.name}: {command!r} never matched {pattern!r}:\n{text}\n{self.tail()}")
            time.sleep(0.2)

    def wait_idle(self, seconds: float = 15) -> None:
        """Until no channel is left."""
        self.wait_rx("core show channels", r"(?m)^0 active channels", seconds)


class StockBox(Box):
    """A stock Asterisk in its chroot."""

    kind = "asterisk"

    def __init__(self, name: str, files: Path, bind: str, version: int = 22, **values: str) -> None:
        super().__init__(name, files, bind, **values)
        self.version = version
        self.wanted = MODULES
        self.root = PEERS / f"asterisk{version}"
        self.inside = f"/srv/peer/interop-{os.getpid()}-{name}"
        self.home = Path(f"{self.root}{self.inside}")
        shutil.rmtree(self.home, ignore_errors=True)
        self.home.mkdir(parents=True)

    @staticmethod
    def missing(version: int) -> str:
        """Why it cannot be run here; "" if it can."""
        if os.geteuid() != 0:
            return "stock peers run in chroots, which needs root"
        if not (PEERS / f"asterisk{version}" / ".pbx-peer").exists():
            return f"Asterisk {version} is not set up: run tests/interop/setup"
        return ""

    def seen(self, path: Path) -> str:
        return str(path).removeprefix(str(self.root))

    def command(self, *arguments: str) -> list[str]:
        return ["chroot", str(self.root), "/usr/sbin/asterisk", "-C", f"{self.inside}/etc/asterisk.conf", *arguments]

    def _module_dir(self) -> Path:
        folders = [*self.root.glob("usr/lib/*/asterisk/modules"), *self.root.glob("usr/lib/asterisk/modules")]
        return next((f for f in sorted(folders) if (f / "chan_iax2.so").exists()), Path())

    def module_line(self) -> str:
        return f"astmoddir => {self.seen(self._module_dir())}\n"

    def modules(self) -> str:
        folder = self._module_dir()
        lines = [f"load => {m}.so\n" for m in self.wanted if (folder / f"{m}.so").exists()]
        return "[modules]\nautoload=no\n" + "".join(lines)

    def stop(self, sig: int = signal.SIGTERM) -> int:
        status = super().stop(sig)
        if os.environ.get("PBX_KEEP") != "1":
            shutil.rmtree(self.home, ignore_errors=True)
        return status


class PbxBox(Box):
    """pbx, from this checkout."""

    kind = "pbx"

    def __init__(self, name: str, files: Path, bind: str, **values: str) -> None:
        super().__init__(name, files, bind, **values)
        self.home = Path(tempfile.mkdtemp(prefix=f"pbx-interop-{name}-"))

    def command(self, *arguments: str) -> list[str]:
        checkout = HERE.parent.parent
        program = [
            sys.executable,
            "-P",
            "-c",
            f"import sys; sys.path.insert(0, {str(checkout)!r}); from pbx.__main__ import main; sys.exit(main())",
        ]
        return [*program, "-C", f"{self.home}/etc/asterisk.conf", *arguments]

    def stop(self, sig: int = signal.SIGTERM) -> int:
        status = super().stop(sig)
        if os.environ.get("PBX_KEEP") != "1":
            shutil.rmtree(self.home, ignore_errors=True)
        return status


#: kinds of boxes a test may be run with
KINDS = ("pbx", "asterisk22", "asterisk16")


def make_box(kind: str, name: str, files: Path, bind: str, **values: str) -> Box:
    """kind: one of KINDS."""
    if kind == "pbx":
        return PbxBox(name, files, bind, **values)
    return StockBox(name, files, bind, int(kind.removeprefix("asterisk")), **values)


def missing(kind: str) -> str:
    """Why a kind of box cannot be run here; "" if it can."""
    return "" if kind == "pbx" else StockBox.missing(int(kind.removeprefix("asterisk")))


@contextlib.contextmanager
def running(*boxes: Box) -> Iterator[None]:
    """Start the boxes, end them whatever happens; their logs are shown when the body fails."""
    try:
        for box in boxes:
            box.start()
        yield
    except BaseException:
        for box in boxes:
            sys.stderr.write(f"---- {box.name} ({box.kind})\n{box.tail()}\n")
        raise
    finally:
        for box in boxes:
            box.stop()
