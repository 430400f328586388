"""`make venv`, `make install` and what they leave, without a network or anything of the system's being touched."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pbx.options import parse
from tests.pbx.running import CHECKOUT

MAKE_VENV = str(CHECKOUT / "conf" / "make-venv")


def script(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A folder of commands: `python3` without what makes environments until `apt-get` has brought it."""
    folder = tmp_path / "bin"
    folder.mkdir()
    script(
        folder / "python3",
        f'case "$*" in *ensurepip*) test -e {tmp_path}/brought; exit ;; esac\nexec {sys.executable} "$@"',
    )
    script(
        folder / "apt-get", f'echo "$@" >>{tmp_path}/asked\ncase "$*" in *install*) touch {tmp_path}/brought ;; esac'
    )
    return folder


def run(bare: Path, venv: Path, user: int) -> subprocess.CompletedProcess[str]:
    script(bare / "id", f"echo {user}")
    env = {**os.environ, "PATH": f"{bare}:{os.environ['PATH']}"}
    return subprocess.run(
        [MAKE_VENV, "python3", str(venv)], capture_output=True, text=True, check=False, env=env, timeout=100
    )


def test_root_on_a_bare_debian_gets_what_is_missing(bare: Path, tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)  # a former, failed attempt
    done = run(bare, venv, 0)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "asked").read_text() == "-qq -y install python3-venv\n"
    assert subprocess.run([venv / "bin" / "python", "-m", "pip", "--version"], check=False).returncode == 0
    before = (venv / "pyvenv.cfg").stat().st_mtime_ns
    assert run(bare, venv, 0).returncode == 0 and (venv / "pyvenv.cfg").stat().st_mtime_ns == before


def test_others_are_told_the_package(bare: Path, tmp_path: Path) -> None:
    done = run(bare, tmp_path / "venv", 1000)
    assert done.returncode == 1 and "apt install python3-venv" in done.stderr
    assert not (tmp_path / "asked").exists() and not (tmp_path / "venv").exists()


@pytest.mark.parametrize(("says", "taken"), [("exit 0", True), ("exit 1", False), ("echo old >&2; exit 1", False)])
def test_the_distributions_own_python_is_taken_where_it_will_do(tmp_path: Path, says: str, taken: bool) -> None:
    python = tmp_path / "python3"
    script(python, says)
    found = subprocess.run([CHECKOUT / "conf" / "find-python", python], capture_output=True, text=True, check=True)
    assert found.stdout == (f"{python}\n" if taken else "python3\n") and not found.stderr
    gone = subprocess.run(
        [CHECKOUT / "conf" / "find-python", tmp_path / "no"], capture_output=True, text=True, check=True
    )
    assert gone.stdout == "python3\n"


def test_make_alone_lists_the_targets() -> None:
    shown = subprocess.run(["make", "-s"], cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout
    assert [line.split()[1] for line in shown.splitlines()] == [
        "run", "demo", "venv", "test", "interop", "benchmark", "check", "install",
    ]  # fmt: skip


def install(dest: Path, bare: Path) -> str:
    """`make install DESTDIR=dest`, with a Python whose pip installs nothing (no network, no minute)."""
    script(
        bare / "quick",
        """case "$*" in
*ensurepip*|*version_info*) exit 0 ;;
"-m venv --clear "*) mkdir -p "$4/bin"; cp "$0" "$4/bin/python" ;;
"-m pip install"*) printf '#!%s\\n' "$0" >"${0%/*}/pbx" ;;
"-m pip"*) test -e "${0%/*}/pbx" ;;
esac""",
    )
    done = subprocess.run(
        ["make", "-s", "install", f"DESTDIR={dest}", "PREFIX=/opt/x", f"PYTHON={bare / 'quick'}"],
        cwd=CHECKOUT, capture_output=True, text=True, check=False,
        env={**os.environ, "PATH": f"{bare}:/usr/bin:/bin"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_install_puts_everything_below_destdir(bare: Path, tmp_path: Path) -> None:
    (bare / "python3").unlink()
    script(bare / "astgenkey", "")  # taken
    dest = tmp_path / "dest"
    said = install(dest, bare)
    assert f"astgenkey stays {bare}/astgenkey" in said
    bin_ = dest / "opt" / "x" / "bin"
    assert sorted(file.name for file in bin_.iterdir()) == ["asterisk", "pbx", "rasterisk"]
    assert {os.readlink(file) for file in bin_.iterdir()} == {"/opt/x/lib/pbx/bin/pbx"}
    assert (dest / "opt/x/lib/pbx/bin/pbx").read_text() == "#!/opt/x/lib/pbx/bin/python\n"
    unit = (dest / "etc/systemd/system/pbx.service").read_text()
    assert "ExecStart=/opt/x/bin/pbx -f" in unit and "User=asterisk" in unit and "@" not in unit.replace("@ ", "")
    for line in (
        "Type=notify",
        "WatchdogSec=",
        "AmbientCapabilities=CAP_NET_ADMIN CAP_SYS_NICE",
        "NoNewPrivileges=yes",
    ):
        assert line in unit
    assert "net.core.rmem_max" in (dest / "etc/sysctl.d/90-pbx.conf").read_text()
    for folder in ("lib/asterisk/keys", "spool/asterisk", "log/asterisk"):
        assert (dest / "var" / folder).is_dir()
    assert (dest / "var/lib/asterisk/keys").stat().st_mode & 0o777 == 0o750
    samples = {file.name for file in (CHECKOUT / "conf/samples").glob("*.conf")}
    assert {file.name for file in (dest / "etc/asterisk").iterdir()} == samples


def test_install_leaves_a_configuration_alone(bare: Path, tmp_path: Path) -> None:
    (bare / "python3").unlink()
    etc = tmp_path / "dest" / "etc" / "asterisk"
    etc.mkdir(parents=True)
    (etc / "iax.conf").write_text("; mine\n")
    said = install(tmp_path / "dest", bare)
    assert "/etc/asterisk stays as it is" in said
    assert [file.name for file in etc.iterdir()] == ["iax.conf"] and (etc / "iax.conf").read_text() == "; mine\n"


def setting(unit: str, name: str) -> list[str]:
    """All words of a unit's setting, however many lines it has."""
    return " ".join(re.findall(rf"^{name}=(.*)$", unit, re.M)).split()


def test_the_unit_lets_pbx_do_what_it_does(tmp_path: Path) -> None:
    unit = (CHECKOUT / "conf/systemd/pbx.service").read_text()
    used: set[str] = set()
    for floor in ("pbx", "channels"):
        for file in (CHECKOUT / floor).rglob("*.py"):
            used.update(re.findall(r"\bAF_[A-Z0-9]+\b", file.read_text()))
    assert "AF_NETLINK" in used
    assert used - {"AF_UNSPEC"} <= set(setting(unit, "RestrictAddressFamilies"))
    assert {"CAP_NET_ADMIN", "CAP_SYS_NICE"} <= set(setting(unit, "AmbientCapabilities"))
    _, *flags = setting(unit, "ExecStart")
    assert parse(flags).foreground  # Type=notify: the process that was started stays
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not here to read the unit")
    file = tmp_path / "pbx.service"
    file.write_text(unit.replace("@PREFIX@/bin/pbx", "/bin/true").replace("@USER@", "daemon"))
    done = subprocess.run(["systemd-analyze", "verify", file], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_dockerfile_finds_what_it_names(tmp_path: Path) -> None:
    """What it copies is there, its shell lines can be read, its start is understood, the samples get their address."""
    text = (CHECKOUT / "conf/docker/Dockerfile").read_text()
    steps = re.findall(r"^([A-Z]+) (.*)$", text.replace("\\\n", " "), re.M)
    assert {name for name, _ in steps} == {
        "FROM", "WORKDIR", "COPY", "RUN", "USER", "EXPOSE", "HEALTHCHECK", "CMD",
    }  # fmt: skip
    for name, rest in steps:
        if name == "RUN":
            assert subprocess.run(["sh", "-n", "-c", rest], check=False).returncode == 0
        elif name == "COPY" and not rest.startswith("--from"):
            assert rest == ". ." or list(CHECKOUT.glob(rest.split()[0]))
    (start,) = (re.findall(r'"([^"]+)"', rest) for name, rest in steps if name == "CMD")
    assert start[0] == "pbx" and parse(start[1:]).foreground
    iax = tmp_path / "iax.conf"
    iax.write_text((CHECKOUT / "conf/samples/iax.conf").read_text())
    (edit,) = re.findall(r"sed -i '([^']+)' /etc/asterisk/iax.conf", text)
    subprocess.run(["sed", "-i", edit, str(iax)], check=True)
    assert "bindaddr = 0.0.0.0\n" in iax.read_text()
