"""pbx genkey, judged by openssl and by stock Asterisk."""

from __future__ import annotations

import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from pbx.channels.iax2 import auth
from pbx.channels.iax2.keys import read_key
from pbx.genkey import main
from tests.interop import boxes
from tests.interop.conftest import need


def run(folder: Path, *arguments: str, answers: tuple[str, ...] = ()) -> int:
    waiting = list(answers)
    return main(["-d", str(folder), *arguments], ask=lambda _prompt: waiting.pop(0))


def test_a_plain_pair(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, "-n", "box") == 0
    assert stat.S_IMODE((tmp_path / "box.key").stat().st_mode) == 0o600
    told = capsys.readouterr().out
    assert "outkey=box" in told and "inkeys=box" in told and "passphrase" not in told


def test_quiet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, "-q", "-n", "box") == 0
    assert capsys.readouterr().out == ""


def test_refusals(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, "box", answers=("secret", "secrte")) == 1
    assert run(tmp_path, "box", answers=("abc",)) == 1
    assert run(tmp_path, "-n", "../box") == 1
    assert run(tmp_path, "-x") == 2
    assert list(tmp_path.iterdir()) == []
    assert run(tmp_path, "-n", "box") == 0
    before = (tmp_path / "box.key").read_bytes()
    assert run(tmp_path, "-n", "box") == 1
    assert (tmp_path / "box.key").read_bytes() == before
    assert "is there already" in capsys.readouterr().err


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl")
@pytest.mark.parametrize("passphrase", [None, "open sesame"])
def test_openssl_reads_them(tmp_path: Path, passphrase: str | None) -> None:
    if passphrase is None:
        assert run(tmp_path, "-q", "-n", "box") == 0
    else:
        assert run(tmp_path, "-q", "box", answers=(passphrase, passphrase)) == 0
    private = ["openssl", "rsa", "-in", str(tmp_path / "box.key"), "-passin", f"pass:{passphrase or ''}"]
    text = subprocess.run([*private, "-noout", "-text"], capture_output=True, text=True, check=True).stdout
    assert "1024 bit" in text
    derived = subprocess.run([*private, "-pubout"], capture_output=True, check=True).stdout
    assert derived == (tmp_path / "box.pub").read_bytes()
    if passphrase is not None:
        wrong = [*private[:-1], "pass:wrong"]
        assert subprocess.run([*wrong, "-noout"], capture_output=True, check=False).returncode != 0


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl")
@pytest.mark.parametrize("form", ["-traditional", ""])
def test_we_read_openssls(tmp_path: Path, form: str) -> None:
    """As astgenkey calls it: old and new form of PEM, with triple DES under a passphrase."""
    path = tmp_path / "k.key"
    command = [
        "openssl",
        "genrsa",
        *filter(None, [form]),
        "-des3",
        "-passout",
        "pass:open sesame",
        "-out",
        str(path),
        "1024",
    ]
    subprocess.run(command, check=True, capture_output=True)
    path.chmod(0o600)
    assert read_key(str(path)).needs_passphrase
    key = read_key(str(path), "open sesame")
    assert key.private_key is not None, key.problem
    assert auth.rsa_matches(auth.rsa_response("1", key.private_key), "1", [key.private_key.public_key()])


@pytest.mark.interop
@pytest.mark.parametrize("kind", ["asterisk22", "asterisk16"])
def test_stock_asterisk_reads_them(tmp_path: Path, kind: str) -> None:
    need(kind)
    files = tmp_path / "files"
    files.mkdir()
    (files / "iax.conf").write_text("[general]\nbindport=4569\nbindaddr=127.0.21.7\n")
    (files / "extensions.conf").write_text("[default]\n")
    keys = tmp_path / "keys"
    keys.mkdir()
    assert run(keys, "-q", "-n", "plain") == 0
    assert run(keys, "-q", "locked", answers=("open sesame", "open sesame")) == 0
    stock = boxes.make_box(kind, f"genkey-{kind}", files, "127.0.21.7")
    for path in keys.iterdir():
        stock.add_key(path)
    with boxes.running(stock):
        stock.rx("module reload res_crypto")
        shown = stock.rx("keys show")
    rows = {
        (line.split()[0], line.split()[1]): line for line in shown.splitlines() if "RIVATE" in line or "PUBLIC" in line
    }
    assert "[Loaded]" in rows["plain", "PRIVATE"]
    assert "[Loaded]" in rows["plain", "PUBLIC"]
    assert "[Loaded]" in rows["locked", "PUBLIC"]
    assert "[Needs Passcode]" in rows["locked", "PRIVATE"]
    for path in keys.iterdir():
        assert read_key(str(path)).sum in shown
