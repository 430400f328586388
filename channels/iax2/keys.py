"""RSA keys of the key directory: `NAME.pub` and `NAME.key`, PEM, 1024 bits as IAX2's logins want them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey


@dataclass(slots=True)
class Key:
    """A key file. `sum` is what `keys show` prints (md5 of the file as hex)."""

    name: str
    private: bool
    path: str
    sum: str
    public_key: RSAPublicKey | None = None
    private_key: RSAPrivateKey | None = None
    problem: str = ""
    """Why it can't be used; empty when it can."""
    needs_passphrase: bool = False

    @property
    def usable(self) -> bool:
        """Whether it can sign or verify."""
        return (self.private_key if self.private else self.public_key) is not None


class Keys:
    """All keys of the daemon; `load` reads the folder anew."""

    def load(self, directory: str) -> list[str]:
        """Read all keys of a folder; returns lines for the log (file: what is wrong, what to do). Never raises."""
        raise NotImplementedError

    def public(self, name: str) -> RSAPublicKey | None:
        """The public key of that name, if there is a usable one."""
        raise NotImplementedError

    def private(self, name: str) -> RSAPrivateKey | None:
        """The private key of that name, if there is a usable one."""
        raise NotImplementedError

    def unlock(self, name: str, passphrase: str) -> str:
        """`keys init`: open a private key; returns what is wrong, "" when it is open now."""
        raise NotImplementedError

    def locked(self) -> list[Key]:
        """Private keys that wait for their passphrase."""
        raise NotImplementedError

    def __iter__(self) -> Iterator[Key]:
        """All keys, sorted by name, private before public."""
        raise NotImplementedError


def key_directory(keydir: str, datadir: str, varlibdir: str) -> str:
    """`<astkeydir>/keys`, else `keys` of the data or varlib folder, whichever is there first."""
    raise NotImplementedError
