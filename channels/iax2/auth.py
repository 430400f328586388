"""Logins: digests, signatures and passwords. Pure functions; nothing here logs or keeps a secret."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable
from random import Random
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

MD5SECRET_REALM = "asterisk"


def make_challenge(random: Random) -> str:
    """A fresh challenge: nine decimal digits, as long as Asterisk's longest. `random`: SystemRandom in life."""
    return f"{random.randrange(1_000_000_000):09d}"


def md5_response(challenge: str, secret: str) -> str:
    """MD5_RESULT: lower-case hex of MD5(challenge + secret) (RFC 5456 section 8.6.15)."""
    return md5_key(challenge, secret).hex()


def md5_key(challenge: str, secret: str) -> bytes:
    """MD5(challenge + secret): the sixteen bytes that also are the first AES key of an encrypted call."""
    return hashlib.md5(_bytes(challenge) + _bytes(secret), usedforsecurity=False).digest()


def md5_matches(response: str, challenge: str, secrets: Iterable[str]) -> bool:
    """Whether a response fits the challenge and any of the secrets; takes the same time whichever fits."""
    given = _bytes(response.strip().lower())
    matched = False
    for secret in secrets:
        matched |= hmac.compare_digest(given, md5_response(challenge, secret).encode())
    return matched


def plaintext_matches(password: str, secrets: Iterable[str]) -> bool:
    """Whether a password is one of the secrets; takes the same time whichever it is."""
    given = _bytes(password)
    matched = False
    for secret in secrets:
        matched |= hmac.compare_digest(given, _bytes(secret))
    return matched


def md5secret(user: str, password: str) -> str:
    """What `md5secret=` holds for a password: md5(user:asterisk:password) in lower-case hex."""
    return hashlib.md5(_bytes(f"{user}:{MD5SECRET_REALM}:{password}"), usedforsecurity=False).hexdigest()


def md5secret_plaintext_matches(user: str, password: str, stored: str) -> bool:
    """Whether a plaintext login fits a `md5secret=`."""
    return hmac.compare_digest(md5secret(user, password).encode(), _bytes(stored.strip().lower()))


def rsa_response(challenge: str, key: RSAPrivateKey) -> str:
    """RSA_RESULT: base64 of the PKCS#1 v1.5 signature, SHA-1, over the challenge (RFC 5456 section 8.6.16)."""
    signature = key.sign(_bytes(challenge), padding.PKCS1v15(), hashes.SHA1())
    return base64.b64encode(signature).decode("ascii")


def rsa_matches(response: str, challenge: str, keys: Iterable[RSAPublicKey]) -> bool:
    """Whether a signature over the challenge was made by the owner of one of these keys."""
    try:
        signature = base64.b64decode(_bytes(response))
    except (binascii.Error, ValueError):
        return False
    for key in keys:
        try:
            key.verify(signature, _bytes(challenge), padding.PKCS1v15(), hashes.SHA1())
        except InvalidSignature:
            continue
        return True
    return False


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
