"""`IAX2/[user[:secret]@]peer[:port][/exten[@context][/options]]`, taken apart."""

from __future__ import annotations

import re
from dataclasses import dataclass

#: peer and port; an IPv6 address stands in brackets
_PEER = re.compile(r"(?P<peer>\[[^\]]*\]|[^:]*)(?::(?P<port>\d{1,5}))?")


@dataclass(frozen=True, slots=True)
class DialString:
    """See the module.  None: not written (then the peer's own counts); port 0 likewise.

    key: the secret stood in brackets: the name of an RSA key.
    """

    peer: str
    port: int = 0
    user: str | None = None
    secret: str | None = None
    key: str | None = None
    exten: str = ""
    context: str = ""
    options: str = ""


def parse(text: str) -> DialString:
    """Take a dial string apart.  Raises ValueError, its text for people.

    As in Asterisk the first `/` ends the peer, so a password holds none; the first `@` ends the login.
    """
    where, _, rest = text.partition("/")
    login, at, peer = where.partition("@")
    if not at:
        login, peer = "", where
    user, colon, secret = login.partition(":")
    match = _PEER.fullmatch(peer.strip())
    if match is None or not match["peer"].strip("[] "):
        raise ValueError(f"no peer in '{hide(text)}'")
    port = int(match["port"] or 0)
    if port > 65535:
        raise ValueError(f"port {port} in '{hide(text)}' is none")
    number, _, options = rest.partition("/")
    exten, _, context = number.partition("@")
    key = None
    if colon and len(secret) > 2 and secret.startswith("[") and secret.endswith("]"):
        key, secret, colon = secret[1:-1], "", ""
    return DialString(
        peer=match["peer"].strip("[]"),
        port=port,
        user=user or None,
        secret=secret if colon else None,
        key=key,
        exten=exten,
        context=context,
        options=options,
    )


def hide(text: str) -> str:
    """The dial string without its password: for logs, and for what the console shows."""
    where, slash, rest = text.partition("/")
    login, at, peer = where.partition("@")
    if not at:
        return text
    return f"{login.partition(':')[0]}@{peer}{slash}{rest}"


#: `IAX2/user:secret@`; a name in brackets is that of an RSA key, and no secret
_LOGIN = re.compile(r"(?i)(\bIAX2/[^\s:@/,&|\"']*):(?!\[)[^\s@/,&|\"']*@")


def hide_all(text: str) -> str:
    """A text without the passwords of the dial strings in it; any other text as it is."""
    return _LOGIN.sub(r"\1@", text) if "@" in text else text
