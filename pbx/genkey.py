"""`pbx genkey NAME`: a pair of RSA keys for IAX2 logins, as Asterisk's astgenkey makes them.

Needs neither the daemon nor its configuration. The files are written to the current folder (or `-d`): `NAME.key`
(private, mode 0600, with a passphrase unless `-n`) and `NAME.pub`.
"""

from __future__ import annotations

import argparse
import getpass
import os
import re
import sys
from collections.abc import Callable, Sequence

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from pbx.channels.iax2.keys import KEY_BITS, PRIVATE_SUFFIX, PUBLIC_SUFFIX

SHORTEST_PASSPHRASE = 4  # OpenSSL, and so Asterisk, takes no shorter one

_ADVICE = """\
The private key stays here and is named in iax.conf by outkey={name}. Give {name}{public} to the other end, whose
iax.conf names it by inkeys={name}. Both files belong into the folder "keys" of the key directory (see astkeydir in
asterisk.conf), for example /var/lib/asterisk/keys.
"""


class GenkeyError(Exception):
    """The keys can't be made; the text says why."""


def main(
    arguments: Sequence[str] | None = None, *, ask: Callable[[str], str] = getpass.getpass, program: str = "pbx genkey"
) -> int:
    """Run the command; returns its exit status (0 done, 1 failed, 2 wrong usage). `ask` reads a passphrase."""
    parser = argparse.ArgumentParser(prog=program, description="Make a pair of RSA keys for IAX2 logins.")
    parser.add_argument("-n", action="store_true", dest="plain", help="no passphrase on the private key")
    parser.add_argument("-q", action="store_true", dest="quiet", help="say nothing but errors")
    parser.add_argument("-d", dest="directory", default=".", help="folder to write to (default: the current one)")
    parser.add_argument("name", nargs="?", metavar="NAME", help="name of the key; asked for when left out")
    try:
        options = parser.parse_args(arguments)
    except SystemExit as error:
        return 0 if not error.code else 2
    try:
        name = options.name or input("Name of the key: ").strip()
        check_name(name)
        passphrase = None if options.plain else ask_passphrase(ask)
        private, public = write_pair(options.directory, name, passphrase)
    except (GenkeyError, OSError, EOFError, KeyboardInterrupt) as error:
        print(f"{program}: {error or 'stopped'}", file=sys.stderr)
        return 1
    if not options.quiet:
        print(f"Made {private} and {public}.\n")
        print(_ADVICE.format(name=name, public=PUBLIC_SUFFIX), end="")
        if passphrase is not None:
            print(f"After each start of the PBX say: keys init {name} (or start it with -i).")
    return 0


def check_name(name: str) -> None:
    """Raise GenkeyError for a name that iax.conf could not hold."""
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.+@-]*", name):
        raise GenkeyError(f"'{name}' is no name for a key: letters, digits, _ . + @ - please")


def ask_passphrase(ask: Callable[[str], str]) -> str:
    """Ask twice. Raises GenkeyError."""
    passphrase = ask("Passphrase of the private key: ")
    if len(passphrase) < SHORTEST_PASSPHRASE:
        raise GenkeyError(f"a passphrase has at least {SHORTEST_PASSPHRASE} characters (-n makes a key without one)")
    if ask("The same again: ") != passphrase:
        raise GenkeyError("the two passphrases differ")
    return passphrase


def make_pair(passphrase: str | None) -> tuple[bytes, bytes]:
    """A new pair in PEM: (private, public). The private one is PKCS#1, AES-256 under the passphrase."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    cipher: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase is not None:
        cipher = serialization.BestAvailableEncryption(passphrase.encode("utf-8", "surrogateescape"))
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, cipher)
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private, public


def write_pair(directory: str, name: str, passphrase: str | None) -> tuple[str, str]:
    """Make a pair and write it; returns the two paths. Raises GenkeyError when one is there, OSError."""
    paths = [os.path.join(directory, name + suffix) for suffix in (PRIVATE_SUFFIX, PUBLIC_SUFFIX)]
    for path in paths:
        if os.path.lexists(path):
            raise GenkeyError(f"{path} is there already; keys are not overwritten")
    for path, data, mode in zip(paths, make_pair(passphrase), (0o600, 0o644), strict=True):
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(data)
    return paths[0], paths[1]


if __name__ == "__main__":
    sys.exit(main())
