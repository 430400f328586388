"""RSA keys of the key directory: `NAME.pub` and `NAME.key`, PEM, 1024 bits as IAX2's logins want them."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

KEY_BITS = 1024
PRIVATE_SUFFIX = ".key"
PUBLIC_SUFFIX = ".pub"
PRIVATE_MODES = (0o600, 0o400)
LARGEST_FILE = 65_536


@dataclass(slots=True)
class Key:
    """A key file. `sum` is what `keys show` prints: the md5 of the file, as hex."""

    name: str
    private: bool
    path: str
    sum: str = ""
    public_key: RSAPublicKey | None = None
    private_key: RSAPrivateKey | None = None
    problem: str = ""
    """Why it can't be used, and what to do; empty when it can."""
    needs_passphrase: bool = False

    @property
    def usable(self) -> bool:
        """Whether it can sign or verify."""
        return (self.private_key if self.private else self.public_key) is not None

    @property
    def type_text(self) -> str:
        """The column "Type" of `keys show`."""
        return "PRIVATE" if self.private else "PUBLIC"

    @property
    def status_text(self) -> str:
        """The column "Status" of `keys show`."""
        if self.needs_passphrase:
            return "[Needs Passcode]"
        return "[Loaded]" if self.usable else "[Unusable]"


class Keys:
    """All keys of the daemon; `load` reads the folder anew."""

    def __init__(self) -> None:
        self._keys: dict[tuple[str, bool], Key] = {}
        self.directory = ""

    def load(self, directory: str) -> list[str]:
        """Read all keys of a folder; returns lines for the log (file: what is wrong, what to do). Never raises.

        A private key that was unlocked stays so while its file does not change.
        """
        former, self._keys = self._keys, {}
        self.directory = directory
        try:
            names = sorted(os.listdir(directory))
        except FileNotFoundError:
            return []
        except OSError as error:
            return [f"{directory}: {error.strerror or error}"]
        for file in names:
            name, suffix = os.path.splitext(file)
            if suffix not in (PRIVATE_SUFFIX, PUBLIC_SUFFIX) or not name:
                continue
            private = suffix == PRIVATE_SUFFIX
            key = read_key(os.path.join(directory, file))
            known = former.get((name, private))
            if key.needs_passphrase and known is not None and known.usable and known.sum == key.sum:
                key = known
            self._keys[name, private] = key
        return [f"{key.path}: {key.problem}" for key in self if key.problem]

    def public(self, name: str) -> RSAPublicKey | None:
        """The public key of that name, if there is a usable one."""
        key = self._keys.get((name, False))
        return None if key is None else key.public_key

    def private(self, name: str) -> RSAPrivateKey | None:
        """The private key of that name, if there is a usable one."""
        key = self._keys.get((name, True))
        return None if key is None else key.private_key

    def public_keys(self, names: Iterable[str]) -> list[RSAPublicKey]:
        """The usable public keys of an `inkeys` list."""
        return [key for key in map(self.public, names) if key is not None]

    def why_not(self, name: str, private: bool) -> str:
        """Why there is no usable key of that name, and what to do; "" when there is one. For verdicts."""
        key = self._keys.get((name, private))
        if key is not None:
            return f"{key.path}: {key.problem}" if key.problem else ""
        path = os.path.join(self.directory, name + (PRIVATE_SUFFIX if private else PUBLIC_SUFFIX))
        return f"{path}: there is no such file"

    def unlock(self, name: str, passphrase: str) -> str:
        """`keys init`: open a private key; returns what is wrong, "" when it is open now."""
        key = self._keys.get((name, True))
        if key is None:
            return f"there is no private key {name}"
        if key.usable:
            return ""
        opened = read_key(key.path, passphrase)
        if opened.usable:
            self._keys[name, True] = opened
        return opened.problem

    def locked(self) -> list[Key]:
        """Private keys that wait for their passphrase."""
        return [key for key in self if key.needs_passphrase]

    def __iter__(self) -> Iterator[Key]:
        """All keys, sorted by name, private before public."""
        return iter(sorted(self._keys.values(), key=lambda key: (key.name, not key.private)))

    def __len__(self) -> int:
        return len(self._keys)


def read_key(path: str, passphrase: str | None = None) -> Key:
    """Read one key file. Never raises: `problem` says what is wrong."""
    name, suffix = os.path.splitext(os.path.basename(path))
    key = Key(name, suffix == PRIVATE_SUFFIX, path)
    try:
        with open(path, "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                key.problem = "it is no regular file"
                return key
            data = file.read(LARGEST_FILE)
    except OSError as error:
        key.problem = f"it can't be read: {error.strerror or error}"
        return key
    key.sum = hashlib.md5(data, usedforsecurity=False).hexdigest()
    if not key.private:
        _parse_public(key, data)
    elif stat.S_IMODE(status.st_mode) not in PRIVATE_MODES:
        key.problem = f"others may read or change it (mode {stat.S_IMODE(status.st_mode):04o}); chmod 600 it"
    else:
        _parse_private(key, data, passphrase)
    return key


def _parse_public(key: Key, data: bytes) -> None:
    try:
        loaded = load_pem_public_key(data)
    except (ValueError, UnsupportedAlgorithm):
        key.problem = "it is no public key in PEM format"
        return
    if not isinstance(loaded, RSAPublicKey):
        key.problem = "it is no RSA key"
    elif not _wrong_size(key, loaded.key_size):
        key.public_key = loaded


def _parse_private(key: Key, data: bytes, passphrase: str | None) -> None:
    secret = None if passphrase is None else passphrase.encode("utf-8", "surrogateescape")
    try:
        loaded = load_pem_private_key(data, secret or None)
    except TypeError:
        # Either it wants a passphrase, or one was given for a key that has none.
        if secret:
            return _parse_private(key, data, None)
        key.needs_passphrase = True
        key.problem = f"it needs its passphrase; say: keys init {key.name}"
        return None
    except (ValueError, UnsupportedAlgorithm):
        key.needs_passphrase = secret is not None
        key.problem = "the passphrase does not fit" if secret else "it is no private key in PEM format"
        return None
    if not isinstance(loaded, RSAPrivateKey):
        key.problem = "it is no RSA key"
    elif not _wrong_size(key, loaded.key_size):
        key.private_key = loaded
    return None


def _wrong_size(key: Key, bits: int) -> bool:
    if bits == KEY_BITS:
        return False
    key.problem = f"it has {bits} bits; IAX2 logins take keys of {KEY_BITS} bits only: make one with pbx genkey"
    return True


def key_directory(keydir: str, datadir: str, varlibdir: str) -> str:
    """`<astkeydir>/keys`, else `keys` of the data or varlib folder, whichever is there first."""
    candidates = [os.path.join(folder, "keys") for folder in (keydir, datadir, varlibdir) if folder]
    return next((path for path in candidates if os.path.isdir(path)), candidates[0] if candidates else "keys")
