"""Digests and encodings: MD5, SHA1, BASE64_*, URIENCODE, UUID."""

from __future__ import annotations

import base64
import hashlib
import re
import uuid
from urllib.parse import quote

from pbx.dialplan import octets
from pbx.dialplan.registry import FunctionError, function
from pbx.dialplan.scope import Scope

_ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})")
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
    data = _NOT_BASE64.sub(b"", octets.to_bytes(args.partition("=")[0]))
    data = data[: len(data) - 1] if len(data) % 4 == 1 else data
    return octets.from_bytes(base64.b64decode(data + b"=" * (-len(data) % 4)))


@function("URIENCODE", syntax="URIENCODE(data)", synopsis="A text with % escapes", module="func_uri")
def uriencode(scope: Scope, args: str) -> str:
    return quote(octets.to_bytes(args), safe="!*'()~_-.")


@function("URIDECODE", syntax="URIDECODE(data)", synopsis="A text with its % escapes read", module="func_uri")
def uridecode(scope: Scope, args: str) -> str:
    return octets.from_bytes(_ESCAPE.sub(lambda m: bytes([int(m[1], 16)]), octets.to_bytes(args)))


@function("UUID", syntax="UUID()", synopsis="A new random UUID", module="func_uuid")
def uuid_(scope: Scope, args: str) -> str:
    return str(uuid.UUID(int=scope.services.random.getrandbits(128), version=4))
