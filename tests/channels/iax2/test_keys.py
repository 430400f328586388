"""The key directory, and keys that pbx genkey makes."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from pbx.channels.iax2 import auth
from pbx.channels.iax2.keys import Key, Keys, key_directory, read_key
from pbx.genkey import write_pair
from tests.shared import shared_dir


def loaded(folder: Path) -> tuple[Keys, list[str]]:
    keys = Keys()
    return keys, keys.load(str(folder))


def test_a_pair_signs_and_verifies(tmp_path: Path) -> None:
    write_pair(str(tmp_path), "box", None)
    keys, problems = loaded(tmp_path)
    assert problems == []
    private, public = keys.private("box"), keys.public("box")
    assert private is not None and public is not None
    assert auth.rsa_matches(auth.rsa_response("1", private), "1", [public])
    assert [(k.name, k.type_text, k.status_text) for k in keys] == [
        ("box", "PRIVATE", "[Loaded]"),
        ("box", "PUBLIC", "[Loaded]"),
    ]
    assert next(iter(keys)).sum == hashlib.md5((tmp_path / "box.key").read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("mode", "usable"), [(0o600, True), (0o400, True), (0o644, False), (0o660, False), (0o700, False), (0o200, False)]
)
def test_private_keys_must_be_private(tmp_path: Path, mode: int, usable: bool) -> None:
    write_pair(str(tmp_path), "box", None)
    (tmp_path / "box.key").chmod(mode)
    keys, problems = loaded(tmp_path)
    assert (keys.private("box") is not None) == usable
    assert bool(problems) != usable
    if not usable:
        assert "chmod 600" in problems[0] and "chmod 600" in keys.why_not("box", True)


def test_only_1024_bits(tmp_path: Path) -> None:
    for bits in (2048,):
        key = rsa.generate_private_key(65537, bits)
        save(tmp_path / "big.key", key)
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        (tmp_path / "big.pub").write_bytes(public)
    keys, problems = loaded(tmp_path)
    assert len(problems) == 2
    assert "2048 bits" in problems[0]
    assert keys.private("big") is None and keys.public("big") is None


def save(path: Path, key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> None:
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    path.chmod(0o600)


def test_a_passphrase_is_asked_for(tmp_path: Path) -> None:
    write_pair(str(tmp_path), "box", "open sesame")
    keys, problems = loaded(tmp_path)
    assert keys.private("box") is None
    assert [k.status_text for k in keys.locked()] == ["[Needs Passcode]"]
    assert "keys init box" in problems[0]
    assert keys.unlock("box", "wrong") == "the passphrase does not fit"
    assert keys.unlock("box", "open sesame") == ""
    assert keys.private("box") is not None
    assert keys.unlock("nobody", "x") != ""
    # a reload keeps it open while the file is the same, and only then
    keys.load(str(tmp_path))
    assert keys.private("box") is not None
    (tmp_path / "box.key").unlink()
    (tmp_path / "box.pub").unlink()
    write_pair(str(tmp_path), "box", "another one")
    keys.load(str(tmp_path))
    assert keys.private("box") is None


def test_what_is_no_key(tmp_path: Path) -> None:
    (tmp_path / "junk.pub").write_bytes(b"\xff\x00 no key")
    (tmp_path / "junk.key").write_bytes(b"-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n")
    (tmp_path / "junk.key").chmod(0o600)
    save(tmp_path / "curve.key", ec.generate_private_key(ec.SECP256R1()))
    (tmp_path / "folder.pub").mkdir()
    (tmp_path / "README").write_text("not looked at")
    keys, problems = loaded(tmp_path)
    assert len(keys) == 4
    assert len(problems) == 4
    assert not any(key.usable for key in keys)
    assert keys.why_not("nobody", False).endswith("nobody.pub: there is no such file")


def test_a_missing_folder_is_an_empty_one(tmp_path: Path) -> None:
    keys, problems = loaded(tmp_path / "none")
    assert (len(keys), problems) == (0, [])


def test_where_keys_lie(tmp_path: Path) -> None:
    a, b, c = (str(tmp_path / name) for name in "abc")
    assert key_directory(a, b, c) == f"{a}/keys"
    (tmp_path / "c" / "keys").mkdir(parents=True)
    assert key_directory(a, b, c) == f"{c}/keys"
    (tmp_path / "b" / "keys").mkdir(parents=True)
    assert key_directory(a, b, c) == f"{b}/keys"
    (tmp_path / "a" / "keys").mkdir(parents=True)
    assert key_directory(a, b, c) == f"{a}/keys"


def test_keys_of_astgenkey_and_their_sums() -> None:
    """The sums are what a stock Asterisk printed for these very files."""
    folder = shared_dir("peers", "etc", "voip1", "keys")
    sums = (shared_dir("reference", "cli") / "keys-show.txt").read_text()
    for file in ("voip1.pub", "voip2.pub"):
        key: Key = read_key(str(folder / file))
        assert key.usable
        assert key.sum in sums
