"""`register =>` lines of iax.conf."""

from __future__ import annotations

from dataclasses import dataclass, field

from pbx.channels.iax2.address import IAX2_PORT
from pbx.channels.iax2.options import BadValue
from pbx.channels.iax2.values import host_port
from pbx.conf.diagnostics import Place

FORM = "register => user[:secret]@host[:port]"


@dataclass(frozen=True, slots=True)
class Registration:
    """One `register =>` line: `user[:secret]@host[:port]`, or `user:[rsakey]@host`.

    secret: "" = none. key: name of the private RSA key, "" = none. options: what follows a `?`, without meaning.
    """

    user: str
    host: str
    port: int
    secret: str = field(repr=False)
    key: str
    options: str
    place: Place = field(compare=False)


def parse_registration(value: str, place: Place) -> Registration:
    """Read the right side of a `register =>` line. Raises BadValue (whose texts hold no secret).

    As in Asterisk the first `@` ends the login and the first `:` of it the user; beyond it, an address of IPv6 may
    stand in brackets, and `?options` may follow the host.
    """
    login, at, where = value.partition("@")
    if not at or not where.strip():
        raise BadValue("the line names no host", FORM)
    user, _, secret = login.partition(":")
    if not user.strip():
        raise BadValue("the line names no user", FORM)
    if "@" in where:
        raise BadValue("a second '@': a password can't hold one", FORM)
    if "/" in where:
        raise BadValue("nothing but a port may follow the host", FORM)
    where, _, options = where.partition("?")
    host, port = host_port(where.strip(), IAX2_PORT)
    key = ""
    secret = secret.strip()
    if secret.startswith("[") and secret.endswith("]") and len(secret) > 2:
        key, secret = secret[1:-1], ""
    return Registration(user.strip(), host, port, secret, key, options.strip(), place)
