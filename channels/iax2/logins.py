"""What a section asks of those who log in, whether an answer will do, and how to answer others.

The order in which an answer is judged is Asterisk's: for calls a method counts as
soon as it was asked for (md5 hides plaintext), for registrations the element that
came decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

from pbx.channels.iax2 import auth
from pbx.channels.iax2.cipher import AES128, KEYROTATE
from pbx.channels.iax2.elements import Element, Elements
from pbx.channels.iax2.settings import AuthMethods, Peer, User

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

Section: TypeAlias = User | Peer


class KeyRing(Protocol):
    """RSA keys by name (`pbx.channels.iax2.keys.Keys`)."""

    def public(self, name: str) -> RSAPublicKey | None: ...

    def private(self, name: str) -> RSAPrivateKey | None: ...


class NoKeys:
    """A key ring with nothing on it."""

    def public(self, name: str) -> RSAPublicKey | None:
        return None

    def private(self, name: str) -> RSAPrivateKey | None:
        return None


#: (family, key) of the astdb -> its value
Stored: TypeAlias = Callable[[str, str], "str | None"]


class Credentials:
    """A key ring that knows the secrets of `dbsecret=family/key`, too."""

    def __init__(self, keys: KeyRing, stored: Stored = lambda family, key: None) -> None:
        self._keys = keys
        self.stored = stored

    def public(self, name: str) -> RSAPublicKey | None:
        return self._keys.public(name)

    def private(self, name: str) -> RSAPrivateKey | None:
        return self._keys.private(name)

    def secret(self, place: str) -> str:
        """The secret at `family/key`, "" for none."""
        family, _, key = place.rpartition("/")
        return self.stored(family, key) or ""


def secrets_of(section: Section, keys: KeyRing | None = None) -> tuple[str, ...]:
    """The passwords of a section; a peer's may hold several with `;` between.  dbsecret stands in their place."""
    if section.dbsecret:
        stored = keys.secret(section.dbsecret) if isinstance(keys, Credentials) else ""
        return (stored,) if stored else ()
    if isinstance(section, User):
        return section.secrets
    return tuple(s for s in section.secret.split(";") if s)


def wants_login(section: Section) -> bool:
    """Has the section anything to log in with?"""
    return bool(secrets_of(section) or section.md5secret or section.dbsecret or section.inkeys)


def methods_of(section: Section) -> AuthMethods:
    """What AUTHMETHODS holds for it; NONE = nobody has to log in."""
    if not wants_login(section):
        return AuthMethods.NONE
    if section.auth:
        return section.auth
    found = AuthMethods.NONE
    if section.inkeys:
        found |= AuthMethods.RSA
    if secrets_of(section) or section.md5secret or section.dbsecret:
        found |= AuthMethods.MD5
    return found


def encryption_of(section: Section | None) -> int:
    """What a section offers or takes: bits of ENCRYPTION, 0 = calls in the clear."""
    if section is None or not (section.encryption or section.forceencryption):
        return 0
    return AES128 | KEYROTATE if section.keyrotate else AES128


@dataclass(frozen=True, slots=True)
class Judgement:
    """Whether an answer will do; expected and got in words, security: the event's name."""

    good: bool
    expected: str = ""
    got: str = ""
    advice: str = ""
    security: str = ""
    option: str = "secrets"


GOOD = Judgement(True)


def _rsa(section: Section, challenge: str, response: str, keys: KeyRing) -> Judgement:
    found = [key for key in map(keys.public, section.inkeys) if key is not None]
    if auth.rsa_matches(response, challenge, found):
        return GOOD
    names = ":".join(section.inkeys)
    if not found:
        return Judgement(
            False, f"a signature that the key {names} verifies", "a signature, but there is no such public key",
            f"put {names}.pub of the other end into the keys directory", "ChallengeResponseFailed", "inkeys",
        )  # fmt: skip
    return Judgement(
        False, f"a signature by the owner of the key {names}", "a signature by another key",
        f"compare {names}.pub with the public key of the other end's outkey", "ChallengeResponseFailed", "inkeys",
    )  # fmt: skip


def _md5(section: Section, challenge: str, response: str, keys: KeyRing) -> Judgement:
    secrets: Iterable[str] = secrets_of(section, keys)
    if section.md5secret:
        # the stored hash is the shared secret of a challenge
        secrets = (*secrets, section.md5secret.strip().lower())
    if response and auth.md5_matches(response, challenge, secrets):
        return GOOD
    got = "an md5 digest of another secret" if response else "no md5 digest"
    advice = "make the secrets of both ends equal" if response else "let the other end log in with md5"
    option = "dbsecret" if section.dbsecret else "secrets"
    return Judgement(False, "an md5 digest of the secret", got, advice, "ChallengeResponseFailed", option)


def _plaintext(section: Section, password: str, keys: KeyRing) -> Judgement:
    good = bool(password) and auth.plaintext_matches(password, secrets_of(section, keys))
    if not good and password and section.md5secret:
        good = auth.md5secret_plaintext_matches(section.name, password, section.md5secret)
    if good:
        return GOOD
    return Judgement(
        False, "the secret as plain text", "another password" if password else "no password",
        "make the secrets of both ends equal", "InvalidPassword",
    )  # fmt: skip


def judge_call(section: Section, methods: AuthMethods, challenge: str, answer: Elements, keys: KeyRing) -> Judgement:
    """An AUTHREP."""
    signature = answer.text(Element.RSA_RESULT)
    if methods & AuthMethods.RSA and section.inkeys and signature:
        return _rsa(section, challenge, signature, keys)
    if methods & AuthMethods.MD5:
        return _md5(section, challenge, answer.text(Element.MD5_RESULT) or "", keys)
    if methods & AuthMethods.PLAINTEXT:
        return _plaintext(section, answer.text(Element.PASSWORD) or "", keys)
    return _nothing_fits(methods)


def judge_registration(
    section: Section, methods: AuthMethods, challenge: str, answer: Elements, keys: KeyRing
) -> Judgement:
    """A REGREQ or REGREL with an answer in it."""
    signature = answer.text(Element.RSA_RESULT)
    digest = answer.text(Element.MD5_RESULT)
    password = answer.text(Element.PASSWORD)
    if signature and methods & AuthMethods.RSA and challenge:
        return _rsa(section, challenge, signature, keys)
    if digest and methods & AuthMethods.MD5 and challenge:
        return _md5(section, challenge, digest, keys)
    if password and methods & AuthMethods.PLAINTEXT:
        return _plaintext(section, password, keys)
    return _nothing_fits(methods)


def _nothing_fits(methods: AuthMethods) -> Judgement:
    return Judgement(
        False, f"a login by {describe(methods)}", "a login by another method",
        "make `auth` of both ends agree", "ChallengeResponseFailed", "auth",
    )  # fmt: skip


def has_answer(elements: Elements) -> bool:
    """Does a REGREQ carry an answer to a challenge, or a password?"""
    return any(elements.raw(n) for n in (Element.RSA_RESULT, Element.MD5_RESULT, Element.PASSWORD))


def method_of(answer: Elements) -> str:
    """By what an answer logs in, as CHANNEL(auth_method) has it: RSA, MD5, plaintext, none."""
    methods = ((Element.RSA_RESULT, "RSA"), (Element.MD5_RESULT, "MD5"), (Element.PASSWORD, "plaintext"))
    return next((name for number, name in methods if answer.raw(number)), "none")


def describe(methods: int) -> str:
    """`md5 or rsa`."""
    names = [m.name.lower() for m in AuthMethods if m & methods and m.name]
    return " or ".join(names) or "nothing we know"


def respond(
    methods: int, challenge: str, secret: str, key: str, keys: KeyRing, *, plaintext: bool = True
) -> Elements | str:
    """The elements of AUTHREP (or of a REGREQ's answer), or in words why there is none.

    rsa if asked for and there is a key, else md5, else plain text; plaintext False: never the last.
    """
    if methods & AuthMethods.RSA and key:
        private = keys.private(key)
        if private is not None:
            return Elements().add_text(Element.RSA_RESULT, auth.rsa_response(challenge, private))
        if not methods & ~AuthMethods.RSA:
            return f"there is no usable private key {key}"
    if methods & AuthMethods.MD5 and secret:
        return Elements().add_text(Element.MD5_RESULT, auth.md5_response(challenge, secret))
    if methods & AuthMethods.PLAINTEXT and secret:
        if not plaintext:
            return "the other end asks for the secret in plain text, which `auth` here does not allow"
        return Elements().add_text(Element.PASSWORD, secret)
    if methods & AuthMethods.RSA and not key:
        return f"the other end asks for {describe(methods)} and there is no outkey here"
    return f"the other end asks for {describe(methods)} and there is no secret here"
