"""Digests, ciphers and encodings: MD5, SHA1, AES_*, BASE64_*, URIENCODE, UUID."""

from __future__ import annotations

import base64
import hashlib
import re
import uuid
from urllib.parse import quote

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

from pbx.dialplan import octets
from pbx.dialplan.arguments import fields
from pbx.dialplan.registry import FunctionError, function
from pbx.dialplan.scope import Scope

#: what scanf's %2x reads behind a % with two characters behind it: blanks before, a sign as one of two, 0x is none
_ESCAPE = re.compile(rb"%(?=\s*([+-][0-9a-f]|(?!0x)[0-9a-f]{1,2})).{2}", re.I | re.S)
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]")


@function("MD5", syntax="MD5(data)", synopsis="The MD5 digest of a text", module="func_md5")
def md5(scope: Scope, args: str) -> str:
    if not args:
        raise FunctionError("needs a text")
    return hashlib.md5(octets.to_bytes(args), usedforsecurity=False).hexdigest()


@function("SHA1", syntax="SHA1(data)", synopsis="The SHA-1 digest of a text", module="func_sha1")
def sha1(scope: Scope, args: str) -> str:
    if not args:
        raise FunctionError("needs a text")
    return hashlib.sha1(octets.to_bytes(args), usedforsecurity=False).hexdigest()


@function("BASE64_ENCODE", syntax="BASE64_ENCODE(string)", synopsis="A text in base64", module="func_base64")
def base64_encode(scope: Scope, args: str) -> str:
    return base64.b64encode(octets.to_bytes(args)).decode("ascii")


@function(
    "BASE64_DECODE", syntax="BASE64_DECODE(string)", synopsis="The text that base64 stands for", module="func_base64"
)
def base64_decode(scope: Scope, args: str) -> str:
    return octets.from_bytes(_unbase64(args))


def _unbase64(text: str) -> bytes:
    """What base64 stands for; as in Asterisk, what is no base64 is six bits of 1, a = ends it."""
    data = _NOT_BASE64.sub(b"/", octets.to_bytes(text.partition("=")[0]))
    data = data[: len(data) - 1] if len(data) % 4 == 1 else data
    return base64.b64decode(data + b"=" * (-len(data) % 4))


_BLOCK = 16


def _aes(args: str, name: str) -> tuple[Cipher[ECB], str]:
    """(the cipher of the key, the text) of AES_*'s arguments."""
    key, text = fields(args, 2)
    secret = octets.to_bytes(key)
    if not text or not key:
        raise FunctionError(f"needs {name}(key,text)")
    if len(secret) != _BLOCK:
        raise FunctionError(f"the key has to have {_BLOCK} characters")
    return Cipher(AES(secret), ECB()), text


def _whole_blocks(data: bytes) -> bytes:
    return data.ljust(-(-len(data) // _BLOCK) * _BLOCK, b"\0")


@function(
    "AES_ENCRYPT",
    syntax="AES_ENCRYPT(key,string)",
    synopsis="A text encrypted with a key of 16 characters, in base64 (AES-128, block by block)",
    module="func_aes",
)
def aes_encrypt(scope: Scope, args: str) -> str:
    cipher, text = _aes(args, "AES_ENCRYPT")
    machine = cipher.encryptor()
    data = machine.update(_whole_blocks(octets.to_bytes(text))) + machine.finalize()
    return base64.b64encode(data).decode("ascii")


@function(
    "AES_DECRYPT",
    syntax="AES_DECRYPT(key,string)",
    synopsis="The text that was encrypted by AES_ENCRYPT",
    module="func_aes",
)
def aes_decrypt(scope: Scope, args: str) -> str:
    cipher, text = _aes(args, "AES_DECRYPT")
    machine = cipher.decryptor()
    data = machine.update(_whole_blocks(_unbase64(text))) + machine.finalize()
    return octets.from_bytes(data.partition(b"\0")[0])


@function("URIENCODE", syntax="URIENCODE(data)", synopsis="A text with % escapes", module="func_uri")
def uriencode(scope: Scope, args: str) -> str:
    return quote(octets.to_bytes(args), safe="!*'()~_-.")


@function("URIDECODE", syntax="URIDECODE(data)", synopsis="A text with its % escapes read", module="func_uri")
def uridecode(scope: Scope, args: str) -> str:
    return octets.from_bytes(_ESCAPE.sub(_byte, octets.to_bytes(args)).partition(b"\0")[0])


def _byte(match: re.Match[bytes]) -> bytes:
    return bytes([int(match[1], 16) & 0xFF])


@function("UUID", syntax="UUID()", synopsis="A new random UUID", module="func_uuid")
def uuid_(scope: Scope, args: str) -> str:
    return str(uuid.UUID(int=scope.services.random.getrandbits(128), version=4))
