"""Digests, signatures, passwords; the numbers are from captures of stock Asterisk where they can be."""

from __future__ import annotations

import hashlib
from random import Random

from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st

from pbx.channels.iax2 import auth


def test_the_response_is_the_digest_of_challenge_and_secret() -> None:
    expected = hashlib.md5(b"123456789wonderland").hexdigest()
    assert auth.md5_response("123456789", "wonderland") == expected
    assert auth.md5_key("123456789", "wonderland").hex() == expected


def test_any_of_several_secrets_will_do() -> None:
    response = auth.md5_response("1", "b")
    assert auth.md5_matches(response, "1", ["a", "b", "c"])
    assert auth.md5_matches(response.upper(), "1", ["b"])
    assert not auth.md5_matches(response, "2", ["a", "b"])
    assert not auth.md5_matches(response, "1", [])
    assert not auth.md5_matches("", "1", ["b"])


def test_plaintext() -> None:
    assert auth.plaintext_matches("b", ["a", "b"])
    assert not auth.plaintext_matches("B", ["a", "b"])
    assert not auth.plaintext_matches("", ["a"])


def test_md5secret() -> None:
    stored = auth.md5secret("alice", "wonderland")
    assert stored == hashlib.md5(b"alice:asterisk:wonderland").hexdigest()
    assert auth.md5secret_plaintext_matches("alice", "wonderland", stored.upper())
    assert not auth.md5secret_plaintext_matches("alice", "Wonderland", stored)
    assert not auth.md5secret_plaintext_matches("bob", "wonderland", stored)
    # for a challenge the digest's text is the shared secret
    assert auth.md5_matches(auth.md5_response("77", stored), "77", [stored])


KEY = rsa.generate_private_key(65537, 1024)
OTHER = rsa.generate_private_key(65537, 1024)


def test_signatures() -> None:
    response = auth.rsa_response("987654321", KEY)
    assert len(response) == 172  # 128 bytes in base64, without line breaks
    assert auth.rsa_matches(response, "987654321", [OTHER.public_key(), KEY.public_key()])
    assert not auth.rsa_matches(response, "987654322", [KEY.public_key()])
    assert not auth.rsa_matches(response, "987654321", [OTHER.public_key()])
    assert not auth.rsa_matches(response, "987654321", [])


@given(st.text(max_size=300), st.text(max_size=20))
def test_nonsense_is_refused_without_an_exception(response: str, challenge: str) -> None:
    assert not auth.rsa_matches(response, challenge, [KEY.public_key()])
    assert not auth.md5_matches(response, challenge, ["secret"]) or response == auth.md5_response(challenge, "secret")


def test_bytes_that_are_no_text_pass_through() -> None:
    secret = b"p\xe4ss".decode("utf-8", "surrogateescape")
    assert auth.md5_response("1", secret) == hashlib.md5(b"1p\xe4ss").hexdigest()
    assert auth.plaintext_matches(secret, [secret])


def test_challenges() -> None:
    made = {auth.make_challenge(Random(seed)) for seed in range(100)}
    assert len(made) == 100
    assert all(len(text) == 9 and text.isdigit() for text in made)
