"""RSA keys: the files, and the names that iax.conf gives."""

from __future__ import annotations

from pbx.channels.iax2.options import Options
from pbx.channels.iax2.settings import AuthMethods
from pbx.checks.configuration import Configuration, nearest
from pbx.conf.diagnostics import Place


def key_files(configuration: Configuration) -> None:
    """Files of the key folder that can't be used."""
    for key in configuration.keys:
        if key.needs_passphrase:
            message = "the private key has a passphrase; calls that need it fail until it is given"
            configuration.found.notice(
                Place(key.path), message, advice=f"keys init {key.name} in the console, or start with -i", code="key"
            )
        elif key.problem:
            configuration.found.error(Place(key.path), key.problem, code="key")


def named_keys(configuration: Configuration) -> None:
    """inkeys and outkey must name keys that are there."""
    settings = configuration.settings
    seen: set[tuple[Place, str]] = set()
    for section in (*settings.users.values(), *settings.peers.values()):
        for name in section.inkeys:
            _key(configuration, section, "inkeys", name, False, seen)
    for peer in settings.peers.values():
        if peer.outkey:
            _key(configuration, peer, "outkey", peer.outkey, True, seen)
    for registration in settings.registrations:
        if registration.key and configuration.keys.private(registration.key) is None:
            _missing(configuration, registration.place, registration.key, True, "register")


def _key(
    configuration: Configuration, section: Options, option: str, name: str, private: bool, seen: set[tuple[Place, str]]
) -> None:
    place = section.place_of(option)
    usable = configuration.keys.private(name) if private else configuration.keys.public(name)
    if usable is None and (place, name) not in seen:
        seen.add((place, name))
        _missing(configuration, place, name, private, option)


def _missing(configuration: Configuration, place: Place, name: str, private: bool, option: str) -> None:
    kind = "private" if private else "public"
    known = [key.name for key in configuration.keys if key.private == private]
    why = configuration.keys.why_not(name, private)
    if name in known:
        return  # its file has a finding of its own
    near = nearest(name, known)
    advice = f"{option} = {near}" if near else ""
    if not advice and private:
        advice = f"pbx genkey {name}, and {name}.key into {configuration.conf.keys}"
    elif not advice:
        advice = f"the other end's {name}.pub into {configuration.conf.keys}"
    message = f"there is no {kind} key '{name}' ({why})"
    configuration.found.error(place, message, text=f"{option} = {name}", advice=advice, code="no-such-key")


def rsa_without_keys(configuration: Configuration) -> None:
    """auth=rsa needs inkeys to let anyone in, and outkey to get in anywhere."""
    settings = configuration.settings
    for user in settings.users.values():
        if user.auth == AuthMethods.RSA and not user.inkeys:
            place = user.place_of("auth")
            message = f"[{user.name}] demands rsa, but no inkeys say whose key will do"
            message += ": nobody gets in" if user.needs_login else ": as in Asterisk, anyone gets in"
            advice = "inkeys = NAME  (of NAME.pub, the other end's public key)"
            configuration.found.error(place, message, text="auth = rsa", advice=advice, code="no-inkeys")


CHECKERS = (key_files, named_keys, rsa_without_keys)
